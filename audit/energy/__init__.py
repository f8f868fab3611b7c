"""Joules, where they came from, and the grams of CO2 equivalent they stand for."""
