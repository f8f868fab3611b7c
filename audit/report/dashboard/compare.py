"""Runs side by side: what changed beyond chance first, then every limit in each of them.

Must not: judge; a change is no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.record.compare import Comparison, compare, count_changes, describe_gate, describe_question, list_words
from audit.record.result import AuditResult
from audit.report.card.shapes import Table, TableRow, make_table
from audit.report.card.words import Cell, clean_text, make_text_cell

MOST_CHANGES = 25


@dataclass(frozen=True, slots=True)
class _CompareView:
    """Another run beside the one that is shown."""

    title: str
    sentences: tuple[str, ...]
    changes: Table


def make_compare_view(other: AuditResult, shown: AuditResult, name: str) -> _CompareView:
    """Return what changed from another run to the one that is shown."""
    found = compare(other, shown)
    sentences = (*describe_question(found), f"{count_changes(found)}.")
    return _CompareView(f"From {name} to the run shown", tuple(clean_text(s, 600) for s in sentences), _tabulate(found))


def _tabulate(found: Comparison) -> Table:
    rows = [
        TableRow(clean_text(rate, 200), (Cell(old), Cell(new), Cell(moved)))
        for rate, old, new, moved in map(list_words, found.beyond[:MOST_CHANGES])
    ]
    left = len(found.beyond) - len(rows)
    more = f"{left:,} more changes are not listed; audit diff prints them." if left > 0 else ""
    columns = ("Rate", "Before", "Now", "Change [interval]")
    return make_table("Rates that changed beyond chance, the largest change first", columns, rows, 1, more)


def tabulate_limits(results: Sequence[tuple[str, AuditResult]]) -> Table:
    """Return every limit in each of some runs, which are given with their names."""
    names = dict.fromkeys(gate.name for _, result in results for gate in result.gates)
    rows = []
    for name in names:
        gates = [next((g for g in result.gates if g.name == name), None) for _, result in results]
        rows.append(TableRow(clean_text(name), tuple(make_text_cell(describe_gate(gate)) for gate in gates)))
    return make_table("Limits side by side", ("Limit", *(name for name, _ in results)), rows, 1)
