"""Checks on the data itself."""
