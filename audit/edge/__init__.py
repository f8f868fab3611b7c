"""Compressed models: what they cost, how they answer here, and what retraining alone would change."""
