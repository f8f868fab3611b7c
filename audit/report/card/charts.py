"""Interval charts as plain geometry, in per cent of the width, so that one drawing fits a telephone and a desk.

A template draws what stands here and computes nothing. Every number of a drawing stands beside it as text, which is its
text alternative; shape and line style carry the status, colour only repeats it.

Must not: decide what is shown, or round a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from audit.estimate import SCALES, Estimate, Figure, count_rows, counted_text
from audit.measurement.metrics.catalogue import figure_of
from audit.measurement.metrics.kinds import split_comparison
from audit.record.result import Gate
from audit.report.card.words import Mark, Name, describe_limit, format_n, make_estimate_cell, name_group, shorten_label

MOST_STEPS = 5
MOST_ROWS = 24
"""A chart of more groups than this is a smear; the table has them all."""
NATURAL: dict[Figure, tuple[float, float]] = {"share": (0.0, 1.0), "points": (-1.0, 1.0), "ratio": (0.0, math.inf)}
"""Where the values of a figure end, and so its axis."""
MIDDLE = 50.0
"""Where bars to both sides meet, in per cent of the width."""
EQUAL = {"ratio": (1.0,), "difference": (0.0,)}


@dataclass(frozen=True, slots=True)
class Tick:
    """One label of the axis, or of a limit."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Place:
    """Dot with its whisker, in per cent of the width; None where there is no number."""

    x: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One group."""

    label: str
    name: str
    """In full, where the label is shortened."""
    value: str
    interval: str
    note: str
    place: Place
    mark: Mark
    overall: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing."""

    title: str
    rows: tuple[Row, ...]
    limits: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    few: bool = False


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One group: what changed one way drawn to the left, the other way to the right, in per cent of the width."""

    label: str
    name: str
    start: float
    """Where the bar to the left begins; both meet in the middle."""
    lost: float
    gained: float
    said: str
    net: str
    interval: str
    mark: Mark
    overall: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """How many decisions changed either way, group by group."""

    title: str
    sides: tuple[str, str]
    """What is drawn to the left, and to the right."""
    net: str
    """What the one less the other is."""
    rows: tuple[FlowRow, ...]
    ticks: tuple[Tick, ...]
    """Shares of a group, 0% in the middle and growing to both sides."""
    few: bool = False


class Changed(NamedTuple):
    """What changed in one group: shares of both ways, and the net of them."""

    lost: Estimate
    gained: Estimate
    net: Estimate


@dataclass(frozen=True, slots=True)
class Strip:
    """Interval of one gate against its limit; ``keeps`` is the side that is within it, in per cent."""

    place: Place
    limit: Tick
    keeps: tuple[float, float]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """From a value to per cent of the width."""

    low: float
    high: float
    step: float
    figure: Figure = "score"

    def at(self, value: float) -> float:
        """Return the place of a value; what lies outside the scale stands at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        # A margin of 1.5 per cent keeps half of a dot inside the drawing.
        return round(1.5 + 97 * share, 2)

    def at_or_none(self, value: float | None) -> float | None:
        """Return the place of a value, or None where there is none."""
        if value is None:
            return None
        return self.at(value)

    def place(self, estimate: Estimate) -> Place:
        """Return where an estimate and its interval stand; an open end reaches the end of the scale."""
        high = estimate.high
        if high is None and estimate.low is not None:
            high = self.high
        return Place(self.at_or_none(estimate.value), self.at_or_none(estimate.low), self.at_or_none(high))

    def make_ticks(self) -> tuple[Tick, ...]:
        """Return evenly spaced labels; the outer ones stay inside the drawing."""
        steps = round((self.high - self.low) / self.step)
        factor, unit = SCALES.get(self.figure, 1.0), "%" if self.figure == "share" else ""
        anchors = ("start", *("middle",) * (steps - 1), "end")
        # Rounded, so that steps of a tenth are printed as 0.3 and not as 0.30000000000000004.
        values = [round(self.low + i * self.step, 9) for i in range(steps + 1)]
        decimals = max(0, -math.floor(math.log10(self.step * factor) + 1e-9))
        texts = [f"{v * factor:,.{decimals}f}".replace("-", "−") for v in values]
        marks = zip(values, texts, anchors, strict=True)
        return tuple(Tick(self.at(v), f"{text}{unit}", anchor) for v, text, anchor in marks)


def make_scale(values: Iterable[float | None], figure: Figure = "score") -> Scale:
    """Return a scale of round numbers around all values, as close as they let it be; 0 to 1 without values."""
    known = [v for v in values if v is not None and math.isfinite(v)] or [0.0, 1.0]
    least, most = NATURAL.get(figure, (-math.inf, math.inf))
    low, high = min(known), max(known)
    if high - low < 1e-9:
        # One value stands in the middle of a tenth of itself, or of 1.
        room = abs(low) / 10 or 0.1
        low, high = max(least, low - room), min(most, high + room)
    step = _choose_step(low, high)
    return Scale(
        max(least, math.floor(low / step + 1e-9) * step), min(most, math.ceil(high / step - 1e-9) * step), step, figure
    )


def _choose_step(low: float, high: float) -> float:
    """Return the least of 1, 2, 5 times a power of ten of which few steps hold both values."""
    power = 10.0 ** math.floor(math.log10((high - low) / MOST_STEPS))
    return next(
        step * power
        for step in (1, 2, 5, 10, 20, 50)
        if math.ceil(high / (step * power) - 1e-9) - math.floor(low / (step * power) + 1e-9) <= MOST_STEPS
    )


def list_ends(estimates: Iterable[Estimate]) -> list[float]:
    """Return all values and ends of intervals, for a scale that holds them."""
    return [v for v in chain.from_iterable((e.value, e.low, e.high) for e in estimates) if v is not None]


def draw_rates(
    title: str,
    rates: Sequence[Estimate],
    lines: Sequence[tuple[float, str]],
    name: Name = name_group,
    scale: Scale | None = None,
) -> Chart:
    """Return a chart of one row a group: dot, whisker, number and n; limits are labelled lines.

    Parameters
    ----------
    title
        What is drawn, such as "Selection rate by race".
    rates
        Rates of one metric, in the order of the rows.
    lines
        Value and label of each limit.
    name
        How a group is called.
    scale
        The axis, where several drawings share one.
    """
    scale = scale or make_scale([*list_ends(rates), *(v for v, _ in lines)], figure_of(rates[0].metric))
    rows = tuple(_draw_row(e, scale, name) for e in rates)
    limits = tuple(Tick(scale.at(v), text, "middle") for v, text in lines)
    return Chart(title, rows, limits, scale.make_ticks(), few=any(r.mark == "few" for r in rows))


def draw_flow(title: str, sides: tuple[str, str], net: str, groups: Sequence[Changed]) -> Flow:
    """Return what changed either way in every group, all of it on one scale."""
    scale = _make_scale_both_ways(
        max(chain.from_iterable((c.lost.value or 0.0, c.gained.value or 0.0) for c in groups))
    )
    rows = tuple(_draw_flow_row(c, sides, scale) for c in groups)
    # Either side is a share, and none of them is negative.
    ticks = tuple(replace(tick, text=tick.text.removeprefix("−")) for tick in scale.make_ticks())
    return Flow(title, sides, net, rows, ticks, few=any(row.mark == "few" for row in rows))


def _make_scale_both_ways(most: float) -> Scale:
    """Return a scale of round shares with 0 in its middle; up to 1 where nothing changed."""
    most = most or 1.0
    step = _choose_step(-most, most)
    high = min(1.0, math.ceil(most / step - 1e-9) * step)
    return Scale(-high, high, step, "share")


def _draw_flow_row(changed: Changed, sides: tuple[str, str], scale: Scale) -> FlowRow:
    cell, called = make_estimate_cell(changed.net), name_group(changed.net.by, changed.net.group)
    each = zip((changed.lost, changed.gained), sides, strict=True)
    start = scale.at(-(changed.lost.value or 0.0))
    return FlowRow(
        label=shorten_label(called),
        name=called,
        start=start,
        lost=round(MIDDLE - start, 2),
        gained=round(scale.at(changed.gained.value or 0.0) - MIDDLE, 2),
        said=", ".join(f"{counted_text(e)} {side}" for e, side in each) + f" of {count_rows(changed.lost):,.0f}",
        net=cell.text,
        interval=cell.interval,
        mark=cell.mark,
        overall=not changed.net.by,
    )


def _draw_row(e: Estimate, scale: Scale, name: Name) -> Row:
    cell, called = make_estimate_cell(e), name(e.by, e.group)
    # That a group is too small to judge alone, a hollow dot says, which is explained once.
    n = "" if e.n is None or e.value is None else format_n(e)
    return Row(shorten_label(called), called, cell.text, cell.interval, n, scale.place(e), cell.mark, overall=not e.by)


def draw_gate(gate: Gate) -> Strip | None:
    """Return the interval of a gate against its limit; None where there is no interval to draw."""
    limit, e = gate.limit, gate.estimate
    if gate.low is None or e is None or limit is None or e.stage in {"energy", "checks"}:
        return None
    scale = make_scale([gate.low, gate.high, e.value, limit, *_find_equality(e)], figure_of(e.metric, e.compare))
    at = scale.at(limit)
    high = scale.high if gate.high is None else gate.high
    return Strip(
        place=Place(scale.at_or_none(e.value), scale.at(gate.low), scale.at(high)),
        limit=Tick(at, describe_limit(gate), "start" if at < 50 else "end"),
        keeps=(0.0, at) if gate.max is not None else (at, round(100 - at, 2)),
        ticks=scale.make_ticks(),
    )


def _find_equality(e: Estimate) -> tuple[float, ...]:
    """Return the value of equal groups, which an axis of a comparison holds."""
    kind = split_comparison(e.compare)[0]
    return EQUAL.get(kind or "", ())
