"""Interval charts as plain geometry, in per cent of the width, so that one drawing fits a telephone and a desk.

A template draws what stands here and computes nothing. Every chart says in words (`title`, `description`) what it
shows; shape and line style carry the status, colour only repeats it.

Must not: decide what is shown, or round a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from audit.estimate import Estimate
from audit.measurement.metrics.kinds import split_comparison
from audit.record.result import Gate
from audit.report.card.words import LEFT_OUT, Mark, format_bounds, format_count, format_rate, name_group, shorten_label

ROW_PX = 46
HEAD_PX = 20
TICKS = 4
MOST_ROWS = 24
"""A chart of more groups than this is a smear; the table has them all."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A line that a value must not cross."""

    x: float
    y: float
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

    y: float
    label: str
    text: str
    place: Place
    mark: Mark
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """One label of the axis."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing."""

    id: str
    title: str
    description: str
    height: float
    top: float
    bottom: float
    rows: tuple[Row, ...]
    limits: tuple[Limit, ...]
    ticks: tuple[Tick, ...]
    few: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """Interval of one gate against its limit; ``keeps`` is the side that keeps it, in per cent."""

    id: str
    title: str
    description: str
    place: Place
    limit: Limit
    keeps: tuple[float, float]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """From a value to per cent of the width."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return the place of a value; what lies outside the scale stands at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        # A margin of 1 per cent keeps half of a dot inside the drawing.
        return round(1 + 98 * share, 2)

    def at_or_none(self, value: float | None) -> float | None:
        """Return the place of a value, or None where there is none."""
        if value is None:
            return None
        return self.at(value)

    def make_ticks(self) -> tuple[Tick, ...]:
        """Return evenly spaced labels; the outer ones stay inside the drawing."""
        anchors = ("start", *("middle",) * (TICKS - 1), "end")
        step = (self.high - self.low) / TICKS
        # Rounded, so that steps of a tenth are printed as 0.3 and not as 0.30000000000000004.
        values = [round(self.low + i * step, 6) for i in range(TICKS + 1)]
        return tuple(Tick(self.at(v), f"{v:g}", anchor) for v, anchor in zip(values, anchors, strict=True))


def make_scale(values: Sequence[float | None]) -> Scale:
    """Return a scale from 0, or from a negative value, to a round number above all values; 0 to 1 without values."""
    known = [v for v in values if v is not None]
    top, bottom = max(known, default=1.0), min(known, default=0.0)
    return Scale(-_round_up(-bottom) if bottom < 0 else 0.0, _round_up(top) if top > 0 else 1.0)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 4, 10 times a power of ten, so that quarters are short numbers."""
    power = 10.0 ** math.floor(math.log10(value))
    # The allowance keeps 0.4 on its own scale where arithmetic has made 0.4000000000000001 of it.
    return next(step * power for step in (1, 2, 4, 10) if value <= step * power * (1 + 1e-9))


def draw_rates(id_: str, title: str, rates: Sequence[Estimate], lines: Sequence[tuple[float, str]]) -> Chart:
    """Return a chart of one row a group: dot, whisker, number and n; limits are labelled lines.

    Parameters
    ----------
    id_
        Unique on the page.
    title
        What is drawn, such as "Selection rate by race".
    rates
        Rates of one metric, in the order of the rows.
    lines
        Value and label of each limit.
    """
    known = chain.from_iterable((e.value, e.low, e.high) for e in rates)
    ends = [v for v in known if v is not None] + [v for v, _ in lines]
    scale = Scale(0.0, 1.0) if all(0 <= v <= 1 for v in ends) else make_scale(ends)
    top = HEAD_PX * len(lines) + 4.0
    rows = tuple(_draw_row(e, top + ROW_PX * i, scale) for i, e in enumerate(rates))
    limits = tuple(
        Limit(scale.at(value), HEAD_PX * i + 14.0, text, "start" if scale.at(value) < 50 else "end")
        for i, (value, text) in enumerate(lines)
    )
    bottom = top + ROW_PX * len(rows)
    said = "; ".join(f"{name_group(e.by, e.group)}: {r.text}" for e, r in zip(rates, rows, strict=True))
    return Chart(
        id=id_,
        title=title,
        description="; ".join([said, *(f"limit at {format_rate(value)}: {text}" for value, text in lines)]),
        height=bottom + 22,
        top=top,
        bottom=bottom,
        rows=rows,
        limits=limits,
        ticks=scale.make_ticks(),
        few=any(r.mark == "few" for r in rows),
    )


def _draw_row(e: Estimate, y: float, scale: Scale) -> Row:
    name = name_group(e.by, e.group)
    place = Place(scale.at_or_none(e.value), scale.at_or_none(e.low), scale.at_or_none(e.high))
    return Row(y, shorten_label(name), _describe_row(e), place, _choose_mark(e), everybody=not e.by)


def _describe_row(e: Estimate) -> str:
    if e.status == "suppressed":
        return LEFT_OUT
    if e.value is None:
        return "undefined"
    few = ", few" if _choose_mark(e) == "few" else ""
    # A share has all rows below the line; what tells how sure it is are the rows of the group.
    n = e.n if e.denominator is None or e.metric == "representation" else e.denominator
    n = n if e.rows is None else e.rows
    return f"{format_rate(e.value)} {format_bounds(e.low, e.high)}  n {format_count(n or 0)}{few}"


def _choose_mark(e: Estimate) -> Mark:
    if e.status == "suppressed":
        return "suppressed"
    if e.value is None:
        return "undefined"
    if "small_group" in e.flags:
        return "few"
    return "ok"


def draw_gate(id_: str, gate: Gate) -> Strip | None:
    """Return the interval of a gate against its limit; None where there is no interval to draw."""
    limit = gate.max if gate.max is not None else gate.min
    if gate.low is None or gate.estimate is None or limit is None or gate.estimate.stage in {"energy", "checks"}:
        return None
    rate_like = (
        split_comparison(gate.estimate.compare)[0] in {"ratio", "lowest", "highest"}
        and min(limit, gate.low) >= 0
        and max(limit, gate.high or 1) <= 1
    )
    scale = Scale(0.0, 1.0) if rate_like else make_scale([gate.low, gate.high, limit])
    at = scale.at(limit)
    word = "at most" if gate.max is not None else "at least"
    said = format_bounds(gate.low, gate.high)
    return Strip(
        id=id_,
        title=f"Interval against the limit: {gate.name}",
        description=f"interval {said}, value {format_rate(gate.estimate.value)}, limit {word} {limit:g}",
        place=Place(
            scale.at_or_none(gate.estimate.value),
            scale.at(gate.low),
            scale.at(scale.high if gate.high is None else gate.high),
        ),
        limit=Limit(at, 12, f"{word} {limit:g}", "start" if at < 50 else "end"),
        keeps=(1.0, at - 1) if gate.max is not None else (at, 99 - at),
        ticks=scale.make_ticks(),
    )
