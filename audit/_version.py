"""The version of this package; nothing else of it is imported to say so."""

__version__ = "0.1.0"
