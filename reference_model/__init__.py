"""Correct and buggy jitter on a coordinate network, measured: `python -m reference_model list`."""
