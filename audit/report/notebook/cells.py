"""The tables of a result as a notebook shows them: limits, gaps, findings of checks, groups.

Must not: know HTML, judge, or withhold anything: a notebook is its author's desk, and the card is what is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from audit.estimate import (
    Estimate,
    Group,
    Name,
    cell_interval,
    cell_text,
    grouping_text,
    level_text,
    quoted_level,
    told_apart,
)
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.record.result import AuditResult, Check
from audit.report.card import shapes
from audit.report.card.accounts import list_checks
from audit.report.card.groups import make_flow
from audit.report.card.limits import LimitView
from audit.report.card.shapes import By, EstimateIndex
from audit.report.card.tables.models import make_models_view
from audit.report.card.words import clean_text, describe_undefined, format_count, name_group
from audit.report.resources import find_judged

FINDINGS = ("fail", "error", "undefined", "insufficient", "warn", "waived")
"""Outcomes of checks that need attention."""
MOST_METRICS, MOST_GROUPS = 4, 30
MEANT = {"model": "Model results", "data": "Training data"}
EQUAL = "equal in every group"
WIDEST = 40
"""Characters of a cell from which on it is running text."""
TOO_FEW = "too few rows to judge alone"


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of a table: what is read first, and what it rests on."""

    text: str
    note: str = ""
    advice: str = ""
    """What to do about it."""
    prose: bool = False
    """Whether it is running text, which may wrap; a number never does."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table; the first cell of a row is its header."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference between the groups of one grouping, in one metric."""

    apart: Estimate
    ratio: Estimate | None
    ends: tuple[str, ...]
    """The groups with the lowest and the highest value, each with its value and n."""

    @property
    def title(self) -> str:
        """Return what is compared."""
        return f"{name_metric(self.apart.metric)} by {grouping_text(self.apart.by)}"


def name_metric(metric: str) -> str:
    """Return the name of a metric for people; one of a user's own is as it was given."""
    entry = CATALOGUE.find(metric)
    return clean_text(metric if entry is None else entry.title, 60)


def write_value(e: Estimate | None) -> Cell:
    """Return a value with its interval, and the rows that it rests on."""
    if e is None:
        return Cell("–")
    figure = figure_of(e.metric, e.compare)
    interval = cell_interval(e.low, e.high, figure)
    if e.value is None:
        return Cell(f"{describe_undefined(e.reason)} {interval}".strip(), prose=True)
    notes = ((write_rows(e), e.compare is None), (TOO_FEW, "small_group" in e.flags))
    return Cell(f"{cell_text(e.value, figure)} {interval}".strip(), ", ".join(n for n, holds in notes if holds))


def write_rows(e: Estimate) -> str:
    """Return the rows that a value rests on: of its denominator, where it has one of its own."""
    own = None if e.metric == "representation" else e.denominator
    rows = next((n for n in (e.rows, own, e.n) if n is not None), 0)
    return f"n {format_count(rows)}"


def make_limits_table(limits: Sequence[LimitView], note: str = "") -> Table:
    """Return the limits in the order in which they are given."""
    rows = (
        (
            Cell(f"{v.badge.shape} {v.badge.word}"),
            Cell(v.title, prose=True),
            Cell(f"{v.found} {v.interval}".strip(), prose=not v.interval),
            Cell(v.limit),
        )
        for v in limits
    )
    return Table("Limits", ("Verdict", "Limit on", "Found [interval]", "Limit"), tuple(rows), note)


def make_checks_table(checks: Sequence[Check]) -> Table:
    """Return the checks that need attention, the worst first."""
    rows = (
        (
            Cell(f"{badge.shape} {badge.word}"),
            Cell(code),
            Cell(title, detail, mend and f"What to do: {mend}", prose=True),
        )
        for badge, code, title, detail, mend in list_checks(checks)
        if badge.kind in FINDINGS
    )
    return Table("Data checks that need attention", ("Outcome", "Check", "Finding"), tuple(rows))


def _choose_metrics(found: EstimateIndex, by: By) -> list[str]:
    """Return the metrics to show of a grouping: of a limit, then of the terminal, then those of the user's own."""
    present = {metric for metric, compare, b, _ in found.index if compare is None and b == by}
    gated = [g.estimate.metric for g in found.gates(by) if g.estimate and g.estimate.metric in present]
    headline = [m.name for m in CATALOGUE.among(present) if m.headline or m.name == "representation"]
    labels = {"base_rate"}.intersection(present) if found.stage == "data" else ()
    own = sorted(m for m in present if CATALOGUE.find(m) is None)
    return [*dict.fromkeys((*gated, *headline, *labels))][:MOST_METRICS] + own[:MOST_METRICS]


def make_group_table(found: EstimateIndex, by: By) -> Table:
    """Return the groups of a grouping with a few metrics; the largest groups where they are too many to read."""
    metrics, groups = _choose_metrics(found, by), found.groups(by)
    by_size = sorted(groups, key=lambda g: (None not in g, -(found.rows(by, g) or 0.0)))[:MOST_GROUPS]
    shown = [g for g in groups if g in by_size and metrics]
    names = name_groups(by, shown)
    rows = [(Cell(names[g]), *_list_cells(found, by, g, metrics)) for g in shown]
    rows += [(Cell("overall"), *_list_cells(found, (), (), metrics))][: len(rows)]
    left = len(groups) - len(shown)
    return Table(
        f"{MEANT[found.stage]} by {grouping_text(by)}",
        ("Group", "Rows", *map(name_metric, metrics)),
        tuple(rows),
        write_left(left, "smaller groups are not shown; result.to_frame() has them."),
    )


def make_flow_table(found: EstimateIndex, by: By) -> Table:
    """Return how many decisions of each group changed either way; no rows where no two decisions were compared."""
    flow = make_flow(found, by, found.groups(by))
    if flow is None:
        return Table("", (), ())
    rows = tuple((Cell(row.name), Cell(row.said), Cell(row.net, row.interval)) for row in flow.rows)
    return Table(flow.title, ("Group", "Changed", flow.net.capitalize()), rows)


def make_models_tables(result: AuditResult) -> list[Table]:
    """Return the tables of the report, the smallest model that passes under the first; none where there is no model."""
    if result.edge is None:
        return []
    view = make_models_view(result.edge, find_judged(result))
    *others, last = view.tables
    told = " ".join(view.notes)
    if not others:
        return [_lay(last, f"{view.sentence} {told}".rstrip())]
    return [*(_lay(table, view.sentence) for table in others), _lay(last, told)]


def _lay(table: shapes.Table, note: str) -> Table:
    rows = tuple(
        (Cell(row.header), *(Cell(cell.text, prose=len(cell.text) > WIDEST) for cell in row.cells))
        for row in table.rows
    )
    return Table(table.caption, table.columns, rows, note)


def write_left(left: int, words: str) -> str:
    """Return how many are not shown; nothing where all are."""
    return f"{left:,} {words}" if left > 0 else ""


def name_groups(by: By, groups: Sequence[Group], name: Name = level_text) -> dict[Group, str]:
    """Return the names of groups that stand beside each other, so that no two look alike."""
    write = told_apart(groups, name)
    return {g: name_group(by, g) if g == (None,) else " × ".join(write((level,)) for level in g) for g in groups}


def _list_cells(found: EstimateIndex, by: By, group: Group, metrics: Sequence[str]) -> Iterator[Cell]:
    rows = found.rows(by, group)
    yield Cell("–" if rows is None else format_count(rows))
    yield from (write_value(found.rate(m, by, group)) for m in metrics)


def list_gaps(found: EstimateIndex) -> list[Gap]:
    """Return the gaps of the metrics that are shown: those between groups of one column first, each worst first."""
    gaps = chain.from_iterable(_find_gaps(found, by) for by in found.groupings())
    # What is undefined may be the worst, so that it is not put behind what is known.
    return sorted(gaps, key=lambda g: (len(g.apart.by), g.apart.value is not None, -abs(g.apart.value or 0.0)))


def _find_gaps(found: EstimateIndex, by: By) -> Iterator[Gap]:
    names = name_groups(by, found.groups(by), quoted_level)
    for metric in _choose_metrics(found, by):
        apart = found.gap(metric, "difference", by)
        if apart is not None:
            pair = dict.fromkeys(apart.pair or ())
            ends = tuple(_write_end(found.rate(metric, by, group), names[group]) for group in pair)
            yield Gap(apart, found.gap(metric, "ratio", by), ends if len(ends) == 2 else (EQUAL,) * 2 * len(ends))


def _write_end(rate: Estimate | None, name: str) -> str:
    if rate is None or rate.value is None:
        return name
    few = ", few rows" * ("small_group" in rate.flags)
    return f"{name} {cell_text(rate.value, figure_of(rate.metric))} ({write_rows(rate)}{few})"


def make_gaps_table(gaps: Sequence[Gap]) -> Table:
    """Return gaps between groups in the order in which they are given."""
    rows = (
        (Cell(gap.title), write_value(gap.apart), *map(Cell, gap.ends or ("–", "–")), write_value(gap.ratio))
        for gap in gaps
    )
    columns = ("Measure", "Difference [interval]", "Lowest", "Highest", "Ratio [interval]")
    return Table("Largest gaps between groups", columns, tuple(rows))
