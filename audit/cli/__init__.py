"""The command: words in, an exit code out. Everything it does is also there from Python."""

from __future__ import annotations

import sys
from contextlib import suppress

from audit.system.environment import leave_interrupted

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit by the table of the contract."""
    try:
        # Most of the first half second, in which Ctrl-C follows a typing error.
        from audit.cli.app import main as run
    except KeyboardInterrupt:
        with suppress(OSError):
            if sys.stderr is not None:
                sys.stderr.write("audit: interrupted (Ctrl-C); the command did not finish\n")
        leave_interrupted()
    run(arguments)
