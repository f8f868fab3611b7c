"""Which process of a distributed training carries the audit: the first, and no other."""

from __future__ import annotations

import os
import sys

NAMES = ("RANK", "OMPI_COMM_WORLD_RANK")
"""Where launchers say which process this is: torchrun and those that follow it, and MPI."""


def find_other_rank() -> int | None:
    """Return the rank of this process where it is not the first.

    None on the first, and where nothing is distributed.
    """
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank()) or None
    said = next((os.environ[name] for name in NAMES if name in os.environ), "")
    return int(said) or None if said.isdecimal() else None
