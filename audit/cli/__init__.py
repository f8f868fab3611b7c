"""The command: words in, an exit code out. Everything it does is also there from Python."""

from __future__ import annotations

import sys
from contextlib import suppress

__all__ = ["main"]

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit by the table of the contract."""
    try:
        # Most of the first half second, in which somebody who mistyped presses Ctrl-C.
        from audit.cli.front import main as run
    except KeyboardInterrupt:
        with suppress(OSError):
            if sys.stderr is not None:
                sys.stderr.write("audit: interrupted\n")
        sys.exit(INTERRUPTED)
    run(arguments)
