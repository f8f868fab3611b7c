"""Checks of the data before training: each file here holds one, as ``CHECK``, and no other file names it."""
