"""Runs side by side: what changed beyond chance first, row by row where that is asked, then every limit in each.

Must not: judge; a change is no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.gates.verdicts import order_worst_first
from audit.gates.words.changed import describe_change
from audit.record.compare import Comparison, compare, count_changes, describe_question, list_words
from audit.record.result import AuditResult
from audit.report.card.charts import Flow
from audit.report.card.groups import choose_groups, make_flow
from audit.report.card.limits import LimitView, make_limit_views
from audit.report.card.shapes import EstimateIndex, Table, TableRow, make_table
from audit.report.card.words import Cell, clean_text

MOST_CHANGES = 25
MOST_GROUPS = 25
LONGEST = 1200
"""Characters of a sentence about what changed row by row."""


@dataclass(frozen=True, slots=True)
class _CompareView:
    """Another run beside the one that is shown."""

    title: str
    sentences: tuple[str, ...]
    changes: Table


def make_compare_view(other: AuditResult, shown: AuditResult, name: str) -> _CompareView:
    """Return what changed between another run and the one that is shown, from the earlier to the later one."""
    is_later = other.run.started > shown.run.started
    found = compare(shown, other) if is_later else compare(other, shown)
    sentences = (*describe_question(found), f"{count_changes(found)}.")
    title = f"From the run shown to {name}, which is later" if is_later else f"From {name} to the run shown"
    return _CompareView(title, tuple(clean_text(s, 600) for s in sentences), _tabulate(found))


def _tabulate(found: Comparison) -> Table:
    rows = [
        TableRow(clean_text(rate, 200), (Cell(old), Cell(new), Cell(moved)))
        for rate, old, new, moved in map(list_words, found.beyond[:MOST_CHANGES])
    ]
    left = len(found.beyond) - len(rows)
    more = f"{left:,} more changes are not listed; audit diff prints them." if left > 0 else ""
    columns = ("Rate", "Before", "Now", "Change [interval]")
    return make_table("Rates that changed beyond chance, the largest change first", columns, rows, 1, more)


# What changed in the rows of both.
@dataclass(frozen=True, slots=True)
class _RowsView:
    """What changed row by row from one run to another: who lost, how the rows were joined, a drawing by column."""

    sentences: tuple[str, ...]
    flows: tuple[Flow, ...]


def make_rows_view(paired: AuditResult, joined: str) -> _RowsView:
    """Return what changed in the rows of both runs.

    Parameters
    ----------
    paired
        The decisions of both, compared as pairs.
    joined
        How many rows were compared, and which were not.
    """
    found = EstimateIndex(paired, "model")
    columns = [by for by in found.groupings() if len(by) == 1]
    flows = [make_flow(found, by, choose_groups(found, by, MOST_GROUPS)[0]) for by in columns]
    said = (describe_change(paired), f"{joined}.")
    return _RowsView(tuple(clean_text(s, LONGEST) for s in said if s), tuple(f for f in flows if f is not None))


# Limits.
@dataclass(frozen=True, slots=True)
class _Side:
    """A limit in one of the runs; nothing where the run has no such limit."""

    run: str
    limit: LimitView | None


@dataclass(frozen=True, slots=True)
class _LimitRow:
    """A limit in each of some runs."""

    title: str
    name: str
    """As audit.toml calls it."""
    sides: tuple[_Side, ...]
    is_changed: bool
    """Whether its verdict is not the same in all of them."""


@dataclass(frozen=True, slots=True)
class _LimitsView:
    """Every limit in each of some runs."""

    sentence: str
    rows: tuple[_LimitRow, ...]


def make_limits_view(results: Sequence[tuple[str, AuditResult]]) -> _LimitsView:
    """Return every limit in each of some runs, which are given with their names; those that changed first."""
    each = [(run, _name_limits(result)) for run, result in results]
    names = dict.fromkeys(name for _, limits in each for name in limits)
    rows = [_make_row([(run, limits.get(name)) for run, limits in each]) for name in names]
    changed = sum(row.is_changed for row in rows)
    noun = "limit" if len(rows) == 1 else "limits"
    sentence = f"The verdict differs between these runs for {changed:,} of {len(rows):,} {noun}."
    return _LimitsView(sentence, tuple(sorted(rows, key=lambda row: not row.is_changed)))


def _name_limits(result: AuditResult) -> dict[str, LimitView]:
    """Return the limits of a run by name, worst first."""
    names = [gate.name for gate in order_worst_first(result.gates)]
    return dict(zip(names, make_limit_views(result), strict=True))


def _make_row(sides: Sequence[tuple[str, LimitView | None]]) -> _LimitRow:
    known = next(limit for _, limit in sides if limit is not None)
    verdicts = {None if limit is None else limit.badge.kind for _, limit in sides}
    return _LimitRow(known.title, known.name, tuple(_Side(*side) for side in sides), len(verdicts) > 1)
