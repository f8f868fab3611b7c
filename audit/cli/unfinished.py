"""Runs by the name that a person gives, those that did not end among them: for gate, show and list."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.evidence.store import Entry
    from audit.result import AuditResult


def by_name(named: Path, store: Path) -> AuditResult:
    """Result by a path, or by the id of a run in the store where there is no such path."""
    from audit.evidence.store import RUN_ID, Store, read_result

    by_id = RUN_ID.fullmatch(str(named)) and not named.exists()
    return Store(store).load(str(named)) if by_id else read_result(named)


@contextmanager
def of_run(*results: AuditResult) -> Iterator[None]:
    """Say of a document that cannot be shown or judged what in it no run wrote; where nothing is, the defect is ours.

    Raises
    ------
    StoreError
        With the first thing that does not follow from the counts and the question.
    """
    from audit.evidence.reader import UNFIT

    try:
        yield
    except UNFIT as error:
        from audit.errors import StoreError, printable
        from audit.verify import differences

        for result in results:
            if wrong := differences(result):
                said = f"the document of {printable(result.run.id, 40)} is not what a run wrote: {wrong[0]}"
                raise StoreError(f"{said}; restore it") from error
        raise


def unfinished(named: Path, store: Path, *, json: bool, gated: bool) -> bool:
    """Whether a run is meant that did not end; what it left is then printed."""
    import json as codec
    from dataclasses import asdict

    from rich.console import Console

    from audit.evidence.unfinished import unfinished as found_by
    from audit.publish.terminal import unfinished_lines

    left = found_by(named, store)
    if left is None:
        return False
    if json:
        document = asdict(left) | {"path": str(left.path), "state": "incomplete"}
        sys.stdout.write(codec.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    unfinished_lines(left, Console(stderr=json, highlight=False), gated=gated)
    return True


def state(entry: Entry) -> str:
    """State of a run without a verdict, and the energy that it left."""
    kwh = kept_kwh(entry)
    return entry.state if kwh is None else f"{entry.state}, {kwh:.3g} kWh kept"


def kept_kwh(entry: Entry) -> float | None:
    """Energy that a run which did not end has left; None where there is none, or where it ended."""
    from audit.evidence.unfinished import kept

    energy = kept(entry.path).energy if entry.state == "incomplete" else None
    return None if energy is None else energy.energy_kwh
