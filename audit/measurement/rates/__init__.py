"""Rates of groups, and what follows from them: comparisons, criteria, strata, subgroups."""
