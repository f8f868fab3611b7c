"""Runs by the names that people give them, and what is left of those that did not end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from audit.cli.console import put, say

if TYPE_CHECKING:
    from audit.record.heads import Entry
    from audit.record.result import AuditResult


# Runs by the name that a person gives, those that did not end among them: for gate, show and list.
def load_by_name(named: str, store: Path) -> tuple[AuditResult, Path]:
    """Return a result and its folder, by a path, an id or the start of one in the store, or ``latest``."""
    from audit.record.reader import read_result
    from audit.record.store import Store

    place = Store(store).find(named)
    found = read_result(place)
    return found, place if place.is_dir() else place.parent


def resolve_name(named: str, store: Path) -> str:
    """Name of a run; of ``latest``, which changes with every run, the one that it means now, said on stderr."""
    from audit.record.store import LATEST, Store

    if named != LATEST:
        return named
    found = Store(store).path(LATEST).name
    say(f"run {found}, the latest in {store}", err=True)
    return found


@contextmanager
def explain_defects(*results: AuditResult) -> Iterator[None]:
    """Say of a document that cannot be shown or judged what in it no run wrote; where nothing is, the defect is ours.

    Raises
    ------
    StoreError
        With the first thing that does not follow from the counts and the question.
    """
    from audit.record.reader import UNFIT

    try:
        yield
    except UNFIT as error:
        from audit.errors import StoreError, printable
        from audit.pipeline.verify import describe_differences

        for result in results:
            if wrong := describe_differences(result):
                said = f"the record of {printable(result.run.id, 40)} was changed after the run: {wrong[0]}"
                raise StoreError(f"{said}; restore the original audit.json") from error
        raise


def print_unfinished(named: str, store: Path, *, json: bool, gated: bool) -> bool:
    """Print what a run left that did not end, and return whether such a run is meant."""
    import json as codec
    from dataclasses import asdict

    from audit.cli.console import PlainConsole
    from audit.record.store import find_unfinished as found_by
    from audit.report.terminal.verdict import print_unfinished

    left = found_by(Path(named), store)
    if left is None:
        return False
    if json:
        document = asdict(left) | {"path": str(left.path), "state": "incomplete"}
        put(codec.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))
    print_unfinished(left, PlainConsole(stderr=json), gated=gated)
    return True


def describe_state(entry: Entry) -> str:
    """State of a run without a verdict, and the energy that it left."""
    kwh = read_kept_kwh(entry)
    if kwh is None:
        return entry.state
    from audit.record.energy_text import format_energy

    return f"{entry.state}, {format_energy(kwh)} kept"


def read_kept_kwh(entry: Entry) -> float | None:
    """Return the energy that a run which did not end has left; None where there is none, or where it ended."""
    from audit.record.held import read_unfinished

    energy = read_unfinished(entry.path).energy if entry.state == "incomplete" else None
    return None if energy is None else energy.energy_kwh
