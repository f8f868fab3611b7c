"""All groups at a glance: one table with a section for each attribute, a few rates across, each drawn on one axis.

Must not: leave a group out without saying so, or format anything that `words` does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat

from audit.estimate import Estimate, Group, Stage
from audit.gates import headline
from audit.gates.verdicts import find_deciding_gate
from audit.measurement.metrics.catalogue import figure_of
from audit.record.result import AuditResult, Gate, Part
from audit.report.card.accounts import OwnerWords
from audit.report.card.charts import Chart, Place, Scale, Tick, list_ends, make_scale
from audit.report.card.groups import DRAWN_RATES, choose_groups, draw_charts, list_gated_rates, make_rows_cell
from audit.report.card.shapes import (
    By,
    EstimateIndex,
    TableRow,
    choose_kind,
    count_withheld,
    describe_few,
    describe_withheld,
)
from audit.report.card.words import Cell, clean_text, make_estimate_cell, make_title, name_group, name_grouping

MOST_DRAWN = 10
"""Groups of the first picture; the tables have all of them."""
STEPS = {
    "withheld": "Read the internal report: it has the verdict that this page withholds.",
    "known": "Remove the cause; a limit that is known is not passed.",
    "waived": "Remove the cause, or decide again before the waiver ends.",
    "pass": "Nothing for these limits. Audit again when the model or the data change.",
}
"""Where a page has other readers than a terminal, which names commands."""


MOST_RATES = 3
OF_CHANGES = ("net_change", "churn", "selection_rate_change")
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


def _choose_pictures(found: EstimateIndex) -> list[str]:
    """Return the rates of which one may stand on top: where two decisions are compared, only what changed."""
    rates = choose_rates(found)
    return [m for m in rates if m in OF_CHANGES] if "churn" in rates else rates


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


# What a reader meets first: who answers for the audit and when, one picture of what decides it, and what to do.
@dataclass(frozen=True, slots=True)
class Front:
    """The top of the page."""

    facts: tuple[tuple[str, str], ...]
    picture: Chart | None
    step: str


def make_front(result: AuditResult, owner: OwnerWords, k: int) -> Front:
    """Return who answers, when, the picture, and what to do."""
    gate = find_deciding_gate(result.gates)
    facts = (
        ("Owner", next((f.text for f in owner.fields if f.label == "Owner" and f.text), "not provided")),
        ("Audited", clean_text(result.run.finished).partition("T")[0]),
        ("Rows", describe_rows(result.data)),
    )
    return Front(
        tuple(f for f in facts if f[1]),
        _draw_decision(result, gate, k),
        STEPS.get(result.verdict) or headline.suggest_next(result),
    )


def describe_rows(parts: Sequence[Part]) -> str:
    """Return the rows that were used of each table, once where all tables have the same."""
    said = {clean_text(p.part): _describe_use(p) for p in parts}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{part} {rows}" for part, rows in said.items())


def _describe_use(part: Part) -> str:
    """Return how many rows were read and used."""
    if part.rows_read == part.rows_used:
        return f"{part.rows_read:,} read, all used"
    return f"{part.rows_read:,} read, {part.rows_used:,} used"


def _draw_decision(result: AuditResult, gate: Gate | None, k: int) -> Chart | None:
    """Return the groups of the limit that decides, or those of the first attribute; None where there are none."""
    e = gate.estimate if gate is not None else None
    if gate is not None and e is not None and e.by and e.stage in {"data", "model"}:
        found = EstimateIndex(result, e.stage, k)
        rates = list_gated_rates([gate])
        return _draw_first(found, e.by, [*rates, *_choose_pictures(found)], [gate])
    stage: Stage = "model" if any(x.stage == "model" and x.by for x in result.estimates) else "data"
    found = EstimateIndex(result, stage, k)
    first = next(iter(found.groupings()), None)
    if first is None:
        return None
    return _draw_first(found, first, _choose_pictures(found), [])


def _draw_first(found: EstimateIndex, by: By, metrics: Sequence[str], gates: Sequence[Gate]) -> Chart | None:
    """Return the first of some rates that can be drawn."""
    groups, _ = choose_groups(found, by, MOST_DRAWN)
    known = [g for g in groups if None not in g]
    for metric in dict.fromkeys(metrics):
        shown = _list_shown(found, by, metric, known)
        rates = [found.rate(metric, by, g) for g in found.groups(by) if None not in g]
        gone = sum(rate is not None and rate.status == "suppressed" for rate in rates)
        for chart in draw_charts(found, by, [metric], shown, gates):
            return replace(chart, title=f"{chart.title}{count_withheld(gone)}")
    return None


def _list_shown(found: EstimateIndex, by: By, metric: str, groups: Sequence[Group]) -> list[Group]:
    """Return the groups whose rate is not withheld; none where it is no picture, of fewer than two."""
    rates = {g: found.rate(metric, by, g) for g in groups}
    shown = [g for g, rate in rates.items() if rate is not None and rate.status != "suppressed"]
    return shown if len(shown) > 1 else []
