"""Errors and predictions of a regression by group."""
