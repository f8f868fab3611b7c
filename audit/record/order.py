"""In which order runs were published, so that no clock decides which is the latest.

Ids tell it, until a run is published after one with a later id: a clock went back, or a long run ended after a short
one that began later. From then on every run has a line in a file of the store. Runs without one, which were copied
here, come before all others.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

ORDER = ".order"
LARGEST_BYTES = 2**28


def note(store: Path, run_id: str, there: Iterable[str]) -> None:
    """Write down that a run is about to take its place, where its id does not tell.

    A run that never takes it is passed over by whoever reads.

    Parameters
    ----------
    there
        Ids of the runs that are published.

    Raises
    ------
    OSError
        When the disk refuses, or something else has the name.
    """
    known = sorted(there)
    noted = os.path.lexists(store / ORDER)
    if not noted and (not known or run_id > known[-1]):
        return
    lines = "".join(f"\n{one}\n" for one in (*(() if noted else known), run_id))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(store / ORDER, flags, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileExistsError(0, f"'{ORDER}' is not a regular file")
        # One call: lines of two processes never mix. What a full disk cut off is ended by the next line.
        os.write(descriptor, lines.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def order(store: Path) -> Mapping[str, int]:
    """Place of each run that was noted; the largest is the last. Of what cannot be read, none."""
    file = store / ORDER
    try:
        if not file.is_file() or file.stat().st_size > LARGEST_BYTES:
            return {}
        lines = file.read_bytes().decode("ascii", "replace").split()
    except OSError:
        return {}
    found: dict[str, int] = {}
    for run_id in lines:
        # Two that begin the file at once both write down who is there; the first word of each counts.
        found.setdefault(run_id, len(found))
    return found
