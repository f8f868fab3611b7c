"""Commands and options for continuous integration."""
