"""Faults of known size, planted in copies of counts, and what a drill found with them."""
