"""One text with one name: a module, a notebook's code cells joined, or standard input."""
