"""What this process holds back of standard output and standard error."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO


def hand_on_output() -> None:
    """Hand on what is held; a stream that is closed, full or gone is left as it is."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def is_lost(stream: TextIO) -> bool:
    """Return whether something could not be written to a stream before, as the command line's own streams remember."""
    return getattr(getattr(getattr(stream, "buffer", None), "raw", None), "lost", None) is not None
