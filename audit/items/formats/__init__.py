"""Logs as tools write them, one file a format: each becomes a stream of logged answers."""
