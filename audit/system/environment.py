"""What a run finds around it and tells those inside it: names of variables, and where runs lie unless it is said."""

from __future__ import annotations

from typing import Final

RUN: Final = "EVENHAND_RUN"
"""Folder of the run that is going on; what trains inside it may add to what is kept there."""
STORE: Final = "EVENHAND_STORE"
"""Folder that keeps every run."""
DEFAULT_STORE: Final = "audit-runs"

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended: 128 + SIGINT, as in any shell."""
