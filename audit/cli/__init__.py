"""The command: words in, an exit code out. Everything it does is also there from Python."""

from audit.cli.app import main

__all__ = ["main"]
