"""All groups at a glance: one table with a section for each attribute, a few rates across, each drawn on one axis.

Must not: leave a group out without saying so, or format anything that `words` does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat

from audit.estimate import Estimate, Group, Stage
from audit.measurement.metrics.catalogue import figure_of
from audit.record.result import AuditResult
from audit.report.card.charts import Place, Scale, Tick, list_ends, make_scale
from audit.report.card.groups import DRAWN_RATES, choose_groups, list_gated_rates, make_rows_cell
from audit.report.card.lookup import By, EstimateIndex
from audit.report.card.shapes import TableRow, choose_kind, describe_few, describe_withheld
from audit.report.card.words import Cell, make_estimate_cell, make_title, name_group, name_grouping

MOST_RATES = 3
OF_DATA = ("base_rate", "representation", "total_variation_distance")
ROOM, LEAST_ROOM = 40, 6
"""Groups in the table, and the fewest of one attribute."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A cell and its drawing on the axis of its column."""

    cell: Cell
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One group."""

    header: str
    rows: Cell
    figures: tuple[_Drawn, ...]
    kind: str

    @property
    def is_bare(self) -> bool:
        """Return whether none of its rates can be shown."""
        return all(f.cell.mark == "suppressed" for f in self.figures)


@dataclass(frozen=True, slots=True)
class Section:
    """The groups of one attribute; overall has no title."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One rate, and the labels at both ends of its axis."""

    title: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The table."""

    caption: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]

    @property
    def width(self) -> int:
        """Return how many rates it has."""
        return len(self.columns)

    @property
    def span(self) -> int:
        """Return how many columns the table has, that of the groups included."""
        return 1 + len(self.columns)


def make_overview(result: AuditResult, stage: Stage, k: int) -> Overview | None:
    """Return the headline rates of every group of one stage; None where nothing was measured of groups."""
    found = EstimateIndex(result, stage, k)
    singles = [by for by in found.groupings() if len(by) == 1] or found.groupings()
    rates = choose_rates(found)
    if not singles or not rates:
        return None
    room = max(LEAST_ROOM, ROOM // len(singles))
    chosen = {by: choose_groups(found, by, room) for by in singles}
    scales = {m: _make_scale(found, m, {by: groups for by, (groups, _) in chosen.items()}) for m in rates}
    sections, notes, rows = [], [], []
    for by, (groups, note) in chosen.items():
        lines = [_make_line(found, by, g, scales) for g in groups]
        sections.append(Section(name_grouping(by), tuple(line for line in lines if not _to_row(line).is_withheld)))
        withheld = describe_withheld([_to_row(line) for line in lines], k)
        notes += [f"By {name_grouping(by)}: {said}" for said in (withheld, note) if said]
        rows += [_to_row(line) for line in lines]
    sections.append(Section("", (_make_line(found, (), (), scales),)))
    notes += [describe_few(rows)] if describe_few(rows) else []
    columns = tuple(Column(make_title(m), _find_ends(scale)) for m, scale in scales.items())
    what = "Model results" if stage == "model" else "Training data"
    by_what = ", ".join(name_grouping(by) for by in singles)
    return Overview(f"{what} by {by_what} (95% interval; n = denominator)", columns, tuple(sections), tuple(notes))


def choose_rates(found: EstimateIndex) -> list[str]:
    """Return the few rates that a reader sees first: those that limits are on, then the usual ones."""
    wanted = list_gated_rates(chain.from_iterable(found.gates(by) for by in found.groupings()))
    wanted += DRAWN_RATES if found.stage == "model" else OF_DATA
    present = {metric for metric, compare, by, _ in found.index if compare is None and by}
    return [m for m in dict.fromkeys(wanted) if m in present][:MOST_RATES]


def _make_scale(found: EstimateIndex, metric: str, chosen: dict[By, list[Group]]) -> Scale:
    every = chain.from_iterable(zip(repeat(by), groups) for by, groups in chosen.items())
    each = (found.rate(metric, by, group) for by, group in every)
    return make_scale(list_ends(e for e in each if e is not None), figure_of(metric))


def _find_ends(scale: Scale) -> tuple[Tick, ...]:
    ticks = scale.make_ticks()
    return (ticks[0], ticks[-1])


def _make_line(found: EstimateIndex, by: By, group: Group, scales: dict[str, Scale]) -> Line:
    figures = tuple(_make_figure(found.rate(m, by, group), scale) for m, scale in scales.items())
    return Line(name_group(by, group), make_rows_cell(found, by, group), figures, choose_kind(group))


def _make_figure(e: Estimate | None, scale: Scale) -> _Drawn:
    cell = make_estimate_cell(e)
    if e is None or e.value is None:
        return _Drawn(cell)
    return _Drawn(cell, scale.place(e))


def _to_row(line: Line) -> TableRow:
    return TableRow(line.header, (line.rows, *(f.cell for f in line.figures)), line.kind)
