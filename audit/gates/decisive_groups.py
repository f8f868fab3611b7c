"""Which pair of groups, or which group, set the end of the interval that decides a verdict, and what would settle it.

A limit is broken, or not yet kept, by one end of an interval, and that end was set by one pair of groups, which need
not be the two with the lowest and the highest value: five people prove nothing.

Must not: count, judge, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal, NamedTuple, Protocol

from audit.config.schema import GateRule
from audit.estimate import Estimate, Group
from audit.measurement.inference.few_events import enough_at
from audit.measurement.inference.sample_size import LARGEST_FACTOR, POWER, rows_against
from audit.measurement.metrics.kinds import split_comparison

End = Literal["low", "high"]


class Around(Protocol):
    """The estimates beside the one that is judged."""

    def rate(self, like: Estimate, group: Group, compare: str | None = None) -> Estimate | None:
        """Return the value of one group behind a comparison, or that group's own comparison."""

    def each(self, like: Estimate) -> Sequence[Estimate]:
        """Return values of all groups behind a comparison, rows without a group left out."""

    def count_missing(self, like: Estimate) -> float | None:
        """Return rows without a value for a column of the groups; None where the record does not say how many."""

    def parts(self, like: Estimate) -> Sequence[Estimate]:
        """Return comparisons of which one is the worst: of each class, or of each rate of a criterion."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """What decides."""

    like: Estimate
    """The comparison of the class or the rate that the pair is of; the judged one where it has no parts."""
    pair: tuple[Group, Group]
    """Lower and higher group; one group twice where it is compared with a limit, or with everybody."""
    end: End
    extreme: bool
    """Whether these are also the groups with the lowest and the highest value."""


class Held(NamedTuple):
    """A group that keeps a limit on the lowest or highest open, and the rows of it that would settle that."""

    estimate: Estimate
    rows: float
    """Infinite where its value is the limit, or where no amount within reach is enough."""
    factor: float


def end_of(rule: GateRule, verdict: str) -> End:
    """End of the interval that decides: a ceiling is broken by the low one, and kept, or not yet, by the high one."""
    if (rule.max is not None) == (verdict == "fail"):
        return "low"
    return "high"


def find_deciding_pair(rule: GateRule, estimate: Estimate, verdict: str, around: Around) -> Deciding | None:
    """Return the pair that set the deciding end; None where the comparison names no groups."""
    end = end_of(rule, verdict)
    pair = pair_at(estimate, end)
    if pair is None:
        return None
    parts = around.parts(estimate)
    part = _find_part(estimate, end, parts)
    # Without the part that decides, the numbers of another would stand beside its pair.
    like = part or (replace(estimate, metric="", outcome=None) if parts else estimate)
    extreme = like.outcome == estimate.outcome and _is_extreme(estimate, pair)
    return Deciding(like, pair, end, extreme=extreme)


def pair_at(estimate: Estimate, end: End) -> tuple[Group, Group] | None:
    """Return the pair that set an end of an interval, or the extremes where that is not on record."""
    return _find_pair(estimate, end) or estimate.pair


def _find_pair(estimate: Estimate, end: End) -> tuple[Group, Group] | None:
    return estimate.low_pair if end == "low" else estimate.high_pair


def _is_extreme(estimate: Estimate, pair: tuple[Group, Group]) -> bool:
    if estimate.pair is None or estimate.compare not in {"lowest", "highest"}:
        return estimate.pair is None or set(pair) == set(estimate.pair)
    return pair[0] == estimate.pair[estimate.compare == "highest"]


def _find_part(estimate: Estimate, end: End, parts: Sequence[Estimate]) -> Estimate | None:
    """Return the class or the rate whose own interval ends with the same pair, and furthest; None where none does."""
    pair = _find_pair(estimate, end)
    same = [p for p in parts if (p.pair == estimate.pair if pair is None else _find_pair(p, end) == pair)]
    pick = max if split_comparison(estimate.compare)[0] in {"difference", "highest"} else min
    return pick(same, key=lambda p: _find_end(p, end), default=None)


def _find_end(estimate: Estimate, end: End) -> float:
    found = estimate.low if end == "low" else estimate.high
    if found is not None:
        return found
    return math.inf if end == "high" else -math.inf


class Settled(NamedTuple):
    """What would settle a gate that is open."""

    needed: float | None = None
    """How many times the data; None where no amount within reach does."""
    held: tuple[Held, ...] = ()
    """Groups that hold a limit on the lowest or highest open."""


def find_held_back(rule: GateRule, estimate: Estimate, around: Around) -> tuple[Held, ...]:
    """Return groups whose own intervals cross a limit on the lowest or highest, the most open first.

    Where the value of one is beyond the limit, enough rows of it alone would show that the limit is broken, so that it
    alone is named; otherwise each of them has to be shown to keep it, all at once with power 0.8. Rows of a rate are
    those at which the limits that verdicts rest on do so; those of any other value follow the square of its interval.
    """
    limit = rule.min if rule.min is not None else rule.max
    found = find_deciding_pair(rule, estimate, "insufficient", around)
    if limit is None or found is None:
        return ()
    floor = rule.min is not None
    groups = around.each(found.like)
    each = [e for e in groups if e.value is not None]
    tail = (1 - (estimate.confidence or 0.95)) / 2
    open_ = [e for e in each if e.group == found.pair[0] or _is_crossed(e, limit, tail, floor=floor)]
    if not open_:
        # The interval of the lowest or highest, of all groups at once, may cross where no group's own does.
        open_ = [e for e in each if e.group in found.pair]
    if not open_:
        return ()
    beyond = [e for e in open_ if e.value is not None and (e.value < limit if floor else e.value > limit)]
    if beyond:
        return (min((_hold_group(e, limit, tail / len(groups), POWER) for e in beyond), key=lambda h: h.factor),)
    power = 1 - (1 - POWER) / len(open_)
    return tuple(sorted((_hold_group(e, limit, tail, power) for e in open_), key=lambda h: -h.factor))


def _is_crossed(estimate: Estimate, limit: float, tail: float, *, floor: bool) -> bool:
    """Return whether the interval of a verdict crosses the limit; of few events it is wider than the printed one."""
    end = estimate.low if floor else estimate.high
    if end is not None and (end >= limit if floor else end <= limit) and _may_be_thin(estimate, tail):
        from audit.measurement.inference.pairs import guarded_alone

        n, df = estimate.effective_n or 0.0, estimate.degrees_of_freedom
        end = guarded_alone(estimate.value or 0.0, n, math.inf if df is None else df, tail)[not floor]
    return end is None or (end < limit if floor else end > limit)


def _may_be_thin(estimate: Estimate, tail: float) -> bool:
    """Return whether the rate may rest on so few events that its verdict asks for exact limits."""
    if not _is_rate(estimate) or estimate.value is None or estimate.effective_n is None:
        return False
    rarer = min(estimate.value, 1 - estimate.value) * estimate.effective_n
    return estimate.degrees_of_freedom is not None or rarer < enough_at(NormalDist().inv_cdf(1 - tail))


def _is_rate(estimate: Estimate) -> bool:
    return estimate.numerator is not None and bool(estimate.effective_n)


def _hold_group(estimate: Estimate, limit: float, tail: float, power: float) -> Held:
    n = estimate.rows or (estimate.denominator if estimate.denominator is not None else (estimate.n or 0.0))
    factor = math.inf if estimate.value in {None, limit} or not n else _compute_factor(estimate, limit, tail, power)
    factor = max(factor, 1 + 1 / max(n, 1.0))
    return Held(estimate, n * factor if factor <= LARGEST_FACTOR else math.inf, factor)


def _compute_factor(estimate: Estimate, limit: float, tail: float, power: float) -> float:
    """Return how many times the present rows would show that the value lies on its side of the limit."""
    value = estimate.value or 0.0
    if estimate.effective_n and _is_rate(estimate) and 0 < limit < 1:
        return rows_against(value, limit, tail, power) / estimate.effective_n
    if estimate.low is None or estimate.high is None:
        return math.inf
    half = value - estimate.low if value > limit else estimate.high - value
    point = NormalDist().inv_cdf
    now = half / point((1 + (estimate.confidence or 0.95)) / 2)
    return float((now * (point(1 - tail) + point(power)) / (value - limit)) ** 2)
