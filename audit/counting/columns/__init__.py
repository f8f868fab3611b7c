"""Columns asked about one by one: profiles, figures and repeats."""
