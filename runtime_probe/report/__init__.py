"""The report in its forms: plain text, terminal, JSON and one HTML page."""
