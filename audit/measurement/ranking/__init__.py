"""Rankings: who stands where in lists."""
