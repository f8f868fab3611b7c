"""The folder of a run while it goes on: its name, and whether it does, as who makes a run holds it until the end.

Must not: judge, or take a run that did not end for one that did.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import printable
from audit.record.result import Energy

LARGEST_RECORD_BYTES = 4 * 1024 * 1024
RECORD = "energy.json"
"""The energy so far, which the meter keeps in the folder of a run while it goes on."""


try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # a system without locks of this kind
    HAS_LOCKS = False

# The folder of a run that goes on: hidden, and called like the run.
STAGING = re.compile(r"\.([0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})\.part")
"""Name of the folder of a run that goes on, or that did not end."""
UNFINISHED = "it has no result: it was stopped or is still running"
_HELD: dict[Path, int] = {}


def hold(folder: Path) -> None:
    """Hold the folder of a run that goes on; where the disk knows no locks, nothing is held."""
    for gone in [path for path in list(_HELD) if not path.is_dir()]:
        let_go(gone)
    if not HAS_LOCKS or folder in _HELD:
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return
    _HELD[folder] = descriptor


def let_go(folder: Path) -> None:
    """Hold a folder no longer."""
    descriptor = _HELD.pop(folder, None)
    if descriptor is not None:
        os.close(descriptor)


def is_held(folder: Path) -> bool | None:
    """Return whether a process holds a folder; None where that cannot be known."""
    if not HAS_LOCKS:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def find_run_id(path: Path) -> str:
    """Return the run that a folder is of, whether it ended or not."""
    staged = STAGING.fullmatch(path.name)
    return staged[1] if staged else path.name


# What a run that did not end has left: the energy that its meter wrote down while it went on.
@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """Make the entry of a run that was killed, or goes on still."""

    id: str
    path: Path
    energy: Energy | None
    """As far as it was written down; None where nothing readable was."""
    phase: str | None = None
    """What it was doing when that was written: validate, train, audit, or nothing of these."""
    written: str | None = None
    """When, in UTC."""


def read_unfinished(folder: Path) -> Unfinished:
    """Read what lies in the folder of a run that did not end; a damaged or half a record counts as none."""
    from audit.record.reader import read_energy
    from audit.system import strict_json

    named = STAGING.fullmatch(folder.resolve().name)
    run_id = named[1] if named else printable(folder.name)
    try:
        raw: Any = strict_json.read_value(strict_json.read_text(folder / RECORD, LARGEST_RECORD_BYTES))
        energy, phase, written = read_energy(raw["energy"]), raw.get("phase"), raw.get("written")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        energy = None
    if energy is None:
        return Unfinished(id=run_id, path=folder, energy=None)
    return Unfinished(id=run_id, path=folder, energy=energy, phase=phase, written=written)
