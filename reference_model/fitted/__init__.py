"""One network fits one image: the experiment whose only error is the jitter's (`python -m reference_model fit`)."""
