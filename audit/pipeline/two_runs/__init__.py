"""A run beside an earlier one: the same rows in both, and the baseline that its limits are compared with."""
