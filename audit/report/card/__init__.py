"""The card of a model or of a data set, section by section."""
