"""What supports the verdict of a run, as plain data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit._version import __version__
from audit.faults.drill import read_drill
from audit.record.result import AuditResult
from audit.report.card.accounts import list_provenance
from audit.report.card.drill import DrillView, make_drill_view
from audit.report.card.shapes import Table, TableRow, make_table
from audit.report.card.words import BADGES, Badge, clean_text, make_text_cell

MOST_WRONG = 20


@dataclass(frozen=True, slots=True)
class _EvidenceView:
    """What the page shows."""

    badge: Badge
    sentence: str
    wrong: tuple[str, ...]
    unchecked: tuple[str, ...]
    waivers: Table
    provenance: tuple[tuple[str, str], ...]


def make_evidence_view(
    result: AuditResult, wrong: Sequence[str], cards: Sequence[str], unchecked: Sequence[str]
) -> _EvidenceView:
    """Return what recomputing a run found, its waivers, and where its numbers come from.

    Parameters
    ----------
    wrong
        Sentences for what does not follow from the counts.
    cards
        Names of the cards beside the record that were compared with it.
    unchecked
        What nothing in the record determines.
    """
    return _EvidenceView(
        badge=BADGES["fail" if wrong else "pass"],
        sentence=_describe(result, wrong, cards),
        wrong=tuple(clean_text(w, 600) for w in wrong[:MOST_WRONG]),
        unchecked=tuple(clean_text(u, 600) for u in unchecked),
        waivers=make_table("Waivers", ("Limit", "Owner", "Reason", "Ends"), list(_list_waivers(result)), 1),
        provenance=list_provenance(result),
    )


def find_drill(folder: Path, result: AuditResult) -> DrillView | None:
    """Return which faults the limits of a run find; None where no drill of this record lies beside it.

    Raises
    ------
    StoreError
        When a drill.json lies there that no drill wrote.
    """
    drill = read_drill(folder)
    return None if drill is None else make_drill_view(drill, result, internal=True)


def say_how_to_drill(result: AuditResult) -> str:
    """Return why there is no drill, and what makes one."""
    if not result.gates:
        return "This run has no limits to drill."
    run = clean_text(result.run.id)
    return f"These limits were not drilled. audit drill {run} says which faults they would find."


def _describe(result: AuditResult, wrong: Sequence[str], cards: Sequence[str]) -> str:
    if wrong:
        differ = "1 finding" if len(wrong) == 1 else f"{len(wrong):,} findings"
        recorded = clean_text(result.run.version, 40)
        if recorded != __version__:
            return (
                f"{differ}: the record is not what is recomputed here. The run was recorded by evenhand {recorded} and "
                f"this is {__version__}, which may differ in words or methods: check it with that one."
            )
        return f"{differ}: the record does not follow from its counts. Do not rely on this run."
    beside = f" {', '.join(cards)}: match the record." if cards else " No card lies beside it."
    return (
        f"{len(result.estimates):,} estimates and {len(result.gates):,} verdicts match the values recomputed from the "
        f"counts of the record.{beside}"
    )


def _list_waivers(result: AuditResult) -> Iterator[TableRow]:
    today = dt.datetime.now(dt.UTC).date()
    for gate in result.gates:
        if gate.waiver is not None:
            left = (dt.date.fromisoformat(gate.waiver.expires) - today).days
            when = f"{gate.waiver.expires} ({left:,} days left)" if left >= 0 else f"{gate.waiver.expires} (ended)"
            texts = (clean_text(gate.waiver.owner), clean_text(gate.waiver.reason), when)
            yield TableRow(clean_text(gate.name), tuple(map(make_text_cell, texts)))
