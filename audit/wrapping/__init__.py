"""A training inside its audit: the context manager, the decorator, and the process beside them that meters."""
