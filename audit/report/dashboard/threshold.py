"""What other thresholds would give: rates of groups, limits, the frontier of accuracy and gap, the cheapest one.

Must not: call it the audited model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audit.estimate import Estimate, Group, cell_text
from audit.measurement.metrics.catalogue import figure_of, lower_title
from audit.measurement.scores.thresholds import RATES, Thresholds
from audit.record.result import Gate
from audit.report.card.charts import Chart, Tick, draw_rates, make_scale
from audit.report.card.limits import name_limit
from audit.report.card.shapes import By, Table, TableRow, make_table
from audit.report.card.words import (
    BADGES,
    Cell,
    describe_limit,
    format_count,
    make_estimate_cell,
    make_text_cell,
    make_title,
    name_group,
    name_grouping,
)

GAPS = RATES
"""Rates whose difference between groups is drawn against accuracy."""
METRICS = (*RATES, "accuracy")
MOST_POINTS, ROWS = 200, 9
HEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class _Frontier:
    """Accuracy against gap of every threshold, in a square of 100 by 100, and the one that is chosen."""

    title: str
    description: str
    line: str
    x: float | None
    y: float | None
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class _ThresholdView:
    """What the page shows of one choice of thresholds."""

    sentence: str
    chart: Chart | None
    rates: Table
    limits: Table
    cuts: Table


def name_cuts(thresholds: Thresholds) -> dict[str, int]:
    """Return the place of every threshold that can be told exactly, by its name."""
    return {_name_cut(float(at)): i for i, at in enumerate(thresholds.at)}


def make_threshold_view(
    by: By, metric: str, rates: Sequence[Estimate], gates: Sequence[Gate], cuts: Mapping[Group, float]
) -> _ThresholdView:
    """Return rates and limits as they would be, with the threshold of each group."""
    shown = metric if metric in METRICS else METRICS[0]
    drawn = [
        e for e in rates if e.metric == shown and e.by == by and e.value is not None and None not in (e.group or ())
    ]
    overall = {e.metric: e for e in rates if not e.by}
    right = overall.get("accuracy")
    accuracy = "undefined" if right is None or right.value is None else cell_text(right.value, "share")
    known = sorted(drawn, key=lambda e: e.value or 0.0)
    apart = "fewer than two groups have it"
    if len(known) > 1:
        gap = (known[-1].value or 0.0) - (known[0].value or 0.0)
        ends = f"{name_group(by, known[0].group)} lowest, {name_group(by, known[-1].group)} highest"
        apart = f"{cell_text(gap, figure_of(shown, 'difference'))} apart ({ends})"
    return _ThresholdView(
        sentence=f"{make_title(shown)} by {name_grouping(by)} would be {apart}; accuracy {accuracy}.",
        chart=draw_rates(f"{make_title(shown)} by {name_grouping(by)}, supposed", drawn, []) if drawn else None,
        rates=_tabulate_rates(by, rates),
        limits=_tabulate_limits(gates),
        cuts=_tabulate_cuts(by, cuts),
    )


def make_frontier(thresholds: Thresholds, rate: str, chosen: int) -> _Frontier | None:
    """Return accuracy against the gap of a rate over all thresholds; None where no two groups have the rate."""
    gaps, right = thresholds.measure_gap(rate), thresholds.measure_accuracy()
    if np.isnan(gaps).any():
        return None
    kept = np.unique(np.linspace(0, len(gaps) - 1, min(len(gaps), MOST_POINTS)).round().astype(int))
    across, up = make_scale([0.0, *gaps.tolist()], "points"), make_scale(right.tolist(), "share")
    points = [f"{across.at(float(gaps[i]))} {HEIGHT - up.at(float(right[i])):.2f}" for i in kept]
    best = int(right.argmax())
    said = f"{cell_text(float(right[best]), 'share')} accurate, {cell_text(float(gaps[best]), 'points')} apart"
    return _Frontier(
        title=f"Accuracy against the difference in {lower_title(make_title(rate))} between groups",
        description=f"One point a threshold. The most accurate one, {_name_cut(float(thresholds.at[best]))}: {said}.",
        line="M" + "L".join(points),
        x=across.at(float(gaps[chosen])),
        y=round(HEIGHT - up.at(float(right[chosen])), 2),
        across=across.make_ticks(),
        up=up.make_ticks(),
        table=_tabulate_frontier(thresholds, gaps, right, chosen),
    )


def describe_costs(thresholds: Thresholds, by: By, false_positive: float, false_negative: float) -> Table:
    """Return the threshold that costs least, for all rows and for each group by itself."""
    cost = thresholds.measure_cost(false_positive, false_negative)
    every, each = thresholds.choose_cheapest(false_positive, false_negative)
    rows = [_describe_cost("all groups", thresholds, every, float(cost.sum(axis=0)[every]))]
    rows += [
        _describe_cost(name_group(by, group), thresholds, at, float(cost[i][at]))
        for i, (group, at) in enumerate(zip(thresholds.groups, each, strict=True))
    ]
    return make_table("Thresholds that cost least", ("Whom", "Threshold", "Cost"), rows, 1)


def _describe_cost(whom: str, thresholds: Thresholds, at: int, cost: float) -> TableRow:
    return TableRow(whom, (make_text_cell(_name_cut(float(thresholds.at[at]))), Cell(format_count(cost))))


def _name_cut(at: float) -> str:
    """Return a threshold; above all scores nobody is selected."""
    if np.isinf(at):
        return "above all scores" if at > 0 else "all scores"
    return f"{at:.10g}"


def _tabulate_rates(by: By, rates: Sequence[Estimate]) -> Table:
    groups = list(dict.fromkeys(e.group for e in rates if e.by == by and e.group))
    found = {(e.metric, e.by, e.group if e.by else ()): e for e in rates}
    each = [(by, group) for group in groups] + [((), ())]
    rows = [
        TableRow(
            name_group(at, group),
            tuple(make_estimate_cell(found.get((m, at, group))) for m in METRICS),
            "group" if at else "overall",
        )
        for at, group in each
    ]
    caption = f"Supposed rates by {name_grouping(by)} (95% interval; n = denominator)"
    return make_table(caption, ("Group", *map(make_title, METRICS)), rows, 1)


def _tabulate_limits(gates: Sequence[Gate]) -> Table:
    rows = [
        TableRow(name_limit(gate), (make_text_cell(describe_limit(gate)), make_text_cell(f"{b.shape} {b.word}")))
        for gate in gates
        for b in [BADGES[gate.verdict]]
    ]
    return make_table("Limits on this attribute as they would be", ("Limit on", "Limit", "Would be"), rows, 1)


def _tabulate_cuts(by: By, cuts: Mapping[Group, float]) -> Table:
    rows = [TableRow(name_group(by, group), (make_text_cell(_name_cut(at)),)) for group, at in cuts.items()]
    return make_table("Threshold of each group", ("Group", "Threshold"), rows, 1)


def _tabulate_frontier(thresholds: Thresholds, gaps: np.ndarray, right: np.ndarray, chosen: int) -> Table:
    places = np.unique([*np.linspace(0, len(gaps) - 1, min(len(gaps), ROWS)).round().astype(int), chosen])
    rows = [
        TableRow(
            _name_cut(float(thresholds.at[i])),
            (Cell(cell_text(float(right[i]), "share")), Cell(cell_text(float(gaps[i]), "points"))),
            "overall" if i == chosen else "group",
        )
        for i in places
    ]
    return make_table("Some of the thresholds", ("Threshold", "Accuracy", "Difference"), rows, 1)
