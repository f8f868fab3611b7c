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
from audit.record.result import AuditResult, Gate
from audit.report.card.charts import Chart, Tick, draw_rates, make_scale
from audit.report.card.limits import describe_found, describe_interval, name_limit
from audit.report.card.shapes import By, Table, TableRow, make_table
from audit.report.card.words import (
    BADGES,
    Cell,
    describe_limit,
    format_count,
    format_n,
    make_estimate_cell,
    make_text_cell,
    make_title,
    name_group,
    name_grouping,
    name_in_text,
)

GAPS = RATES
"""Rates whose difference between groups is drawn against accuracy."""
METRICS = (*RATES, "accuracy")
MOST_POINTS, ROWS = 200, 9
MOST_DRAWN = 25
"""Groups that are drawn, those with most rows; the table has every group."""
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
    notes: tuple[str, ...]
    rates: Table
    limits: Table
    cuts: Table


def name_cuts(thresholds: Thresholds) -> dict[str, int]:
    """Return the place of every threshold that can be told exactly, by its name."""
    names = [_name_cut(float(at)) for at in thresholds.at]
    # Two scores may be one number in ten digits.
    unique = names if len(set(names)) == len(names) else [repr(float(at)) for at in thresholds.at]
    return {name: i for i, name in enumerate(unique)}


def make_threshold_view(
    by: By, metric: str, rates: Sequence[Estimate], gates: Sequence[Gate], cuts: Mapping[Group, float]
) -> _ThresholdView:
    """Return rates and limits as they would be, with the threshold of each group."""
    shown = metric if metric in METRICS else METRICS[0]
    every = [e for e in rates if e.metric == shown and e.by == by and None not in (e.group or ())]
    known = [e for e in every if e.value is not None]
    drawn = sorted(known, key=lambda e: -(e.n or 0.0))[:MOST_DRAWN] if len(known) > MOST_DRAWN else known
    title = f"{make_title(shown)} by {name_grouping(by)}"
    return _ThresholdView(
        sentence=f"{_describe_apart(title, by, known)} {_describe_accuracy(rates)}",
        chart=draw_rates(f"{title}, supposed", drawn, []) if drawn else None,
        notes=tuple(_list_notes(len(every), len(known), len(drawn))),
        rates=_tabulate_rates(by, rates),
        limits=_tabulate_limits(gates),
        cuts=_tabulate_cuts(by, cuts),
    )


def _describe_apart(title: str, by: By, known: Sequence[Estimate]) -> str:
    if len(known) < 2:
        return f"{title} cannot be compared: fewer than two groups have a value."
    ends = sorted(known, key=lambda e: e.value or 0.0)
    low, high = ends[0], ends[-1]
    figure = figure_of(low.metric, "difference")
    apart = cell_text((high.value or 0.0) - (low.value or 0.0), figure)
    return f"{title} would be {apart} apart: lowest {_say(by, low)}, highest {_say(by, high)}."


def _say(by: By, e: Estimate) -> str:
    few = ", too few rows to judge alone" if "small_group" in e.flags else ""
    return f"{name_in_text(by, e.group)} {cell_text(e.value, figure_of(e.metric))} ({format_n(e)}{few})"


def _describe_accuracy(rates: Sequence[Estimate]) -> str:
    right = next((e.value for e in rates if e.metric == "accuracy" and not e.by), None)
    return f"Accuracy over all rows would be {'undefined' if right is None else cell_text(right, 'share')}."


def _list_notes(every: int, known: int, drawn: int) -> list[str]:
    """Return which groups the sentence and the drawing leave out."""
    notes = []
    if drawn < known:
        notes.append(f"The {drawn} groups with most rows are drawn; the table has all {every:,}.")
    if known < every:
        has = "has" if every - known == 1 else "have"
        notes.append(f"{every - known} of {every:,} groups {has} no value and cannot be compared; the table says why.")
    return notes


def describe_start(threshold: float | None, start: str) -> str:
    """Return at which threshold the run was audited, or that it does not say."""
    if threshold is None:
        return (
            f"The run gives no number as its threshold, so the slider begins at {start}; rates there may differ from "
            "the audited ones."
        )
    audited = _name_cut(threshold)
    nearest = "" if audited == start else f"; the nearest one offered is {start}"
    return f"The run was audited at threshold {audited}{nearest}."


def explain_no_scores(result: AuditResult, by: By) -> str:
    """Return why a run has no thresholds to choose by an attribute, and what to do."""
    asked = result.question.config.get("predictions") or {}
    task = asked.get("task", "classification")
    if task != "classification":
        return f"Only a yes or no that a score decides has a threshold; the task of this run is {task}."
    if not by:
        return "This run measured no groups. Name their columns in [data] groups of audit.toml."
    if asked.get("score") is None:
        return "This run recorded no scores. Name their column in [predictions] score of audit.toml, and audit again."
    return f"The scores of this run were not counted by {name_grouping(by)}. Choose an attribute of fewer columns."


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
        TableRow(
            name_limit(gate),
            (
                make_text_cell(f"{b.shape} {b.word}"),
                Cell(describe_found(gate), describe_interval(gate), numeric=False),
                make_text_cell(describe_limit(gate)),
            ),
        )
        for gate in gates
        for b in [BADGES[gate.verdict]]
    ]
    columns = ("Limit on", "Would be", "Would be found", "Limit")
    return make_table("Limits on this attribute as they would be", columns, rows, 1)


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
