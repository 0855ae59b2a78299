"""What each rule's bug costs: one small real task each, many networks at once (`python -m reference_model prices`)."""
