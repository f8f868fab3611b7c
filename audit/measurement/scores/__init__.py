"""Scores of groups: areas under curves, calibration, losses."""
