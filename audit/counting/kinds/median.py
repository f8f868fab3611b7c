"""Where scores are cut at their median: found exactly by counting, in any engine's words.

A score is positive above the median of all scored rows, whatever part of the rows has a group. Must not: know an
engine, or a metric.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from audit.axes import MEDIAN
from audit.counting.engine import Scan
from audit.counting.plan import Plan
from audit.counting.tally import TooManyCellsError
from audit.counting.terms import Lowest, Number, Rows, Test, Value

MOST_VALUES = 500_000
"""Different scores that are listed; more are searched by counting, a few pivots a pass."""
PIVOTS = 15
SIGN = 1 << 63


def resolve_threshold(scan: Scan, plan: Plan) -> Plan:
    """Plan whose threshold is a number: the double next to a median, so that only what is above it passes.

    Parameters
    ----------
    scan
        Rows whose scores have been found to be finite.
    plan
        As it was asked.
    """
    if plan.threshold != MEDIAN or plan.score is None:
        return plan
    median = _median(scan, Number(plan.score))
    return replace(plan, threshold=math.nextafter(median, math.inf), median=median)


def _median(scan: Scan, score: Number) -> float:
    """The middle score, or the mean of the middle two, but never as high as the upper one."""
    try:
        found = scan.tally({"score": Value(score)}, {"n": Rows()}, {}, MOST_VALUES)
        lower, upper = _middle(sorted(zip(map(float, found.column("score")), found.counts["n"].tolist(), strict=True)))
    except TooManyCellsError:
        lower, upper = _search_middle(scan, score)
    middle = lower / 2 + upper / 2
    # Between neighbouring numbers there is no room: what is above the lower one is above the median.
    return middle if lower <= middle < upper else lower


def _middle(values: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Lower and upper middle score, from different scores in order with their rows."""
    below = list(accumulate(n for _, n in values))
    rows = below[-1]
    lower = next(i for i, k in enumerate(below) if 2 * k >= rows)
    return values[lower][0], values[lower + (2 * below[lower] == rows)][0]


def _search_middle(scan: Scan, score: Number) -> tuple[float, float]:
    # A summary of rows alone would name no column, and so have one row in some engines.
    rows = int(scan.summary({"n": Rows(), "low": Lowest(score)})["n"] or 0)
    lower, below = _smallest(scan, score, (rows + 1) // 2)
    return lower, _smallest(scan, score, below + 1)[0] if 2 * below == rows else lower


def _smallest(scan: Scan, score: Number, wanted: int) -> tuple[float, int]:
    """Smallest double at or below which so many rows lie, and how many do: all doubles, cut into sixteenths."""
    low, high, below = _place(-math.inf), _place(math.inf), 0
    while high - low > 1:
        step = max(1, (high - low) // (PIVOTS + 1))
        pivots = range(low + step, high, step)[:PIVOTS]
        found = scan.summary({str(p): Rows(Test(score, "at most", _double(p))) for p in pivots})
        counts = {p: int(found[str(p)] or 0) for p in pivots}
        enough = [p for p in pivots if counts[p] >= wanted]
        low = max((p for p in pivots if counts[p] < wanted), default=low)
        high = min(enough, default=high)
        below = counts.get(high, below)
    return _double(high), below


def _place(value: float) -> int:
    """Whole number in the order of the doubles."""
    bits = int(struct.unpack(">q", struct.pack(">d", value))[0])
    return bits if bits >= 0 else -(bits + SIGN)


def _double(place: int) -> float:
    bits = place if place >= 0 else -place - SIGN
    (value,) = struct.unpack(">d", struct.pack(">q", bits))
    return float(value)
