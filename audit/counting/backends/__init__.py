"""Who passes over the rows: one file an engine."""
