"""What a run that did not end has left: the energy that its meter wrote down while it went on.

Must not: judge, or take such a run for one that ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import printable
from audit.record.reader import energy_of
from audit.record.result import Energy
from audit.record.store import RECORD, STAGING, Store
from audit.system import strict_json

LARGEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that was killed, or goes on still."""

    id: str
    path: Path
    energy: Energy | None
    """As far as it was written down; None where nothing readable was."""
    phase: str | None = None
    """What it was doing when that was written: validate, train, audit, or nothing of these."""
    written: str | None = None
    """When, in UTC."""


def unfinished(named: Path, store: Path) -> Unfinished | None:
    """The run that did not end, where one is meant; None where the name is that of anything else.

    Parameters
    ----------
    named
        A folder, the place where the folder of the run would lie had it ended, or an id or the start of one.
    store
        Where an id is looked for.
    """
    if named.exists():
        return _read(named) if named.is_dir() and STAGING.fullmatch(named.resolve().name) else None
    beside = named.with_name(f".{named.name}.part") if named.name else named
    if STAGING.fullmatch(beside.name) and beside.is_dir():
        return _read(beside)
    found = Store(store).unfinished(named.name) if named.name == str(named) else None
    return None if found is None else _read(found)


def kept(folder: Path) -> Unfinished:
    """What lies in the folder of a run that did not end."""
    return _read(folder)


def _read(folder: Path) -> Unfinished:
    """The record in a folder; a damaged or half a record counts as none."""
    named = STAGING.fullmatch(folder.resolve().name)
    run_id = named[1] if named else printable(folder.name)
    try:
        raw: Any = strict_json.loads(strict_json.text(folder / RECORD, LARGEST_BYTES))
        energy, phase, written = energy_of(raw["energy"]), raw.get("phase"), raw.get("written")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        energy = None
    if energy is None:
        return Unfinished(id=run_id, path=folder, energy=None)
    return Unfinished(id=run_id, path=folder, energy=energy, phase=phase, written=written)
