"""Whether what a limit reads is worse than before, beyond chance: a gap over groups, a lowest or a highest value.

The largest gap of noisy rates is itself biased, most of all where groups are equal, so that two gaps are not
subtracted. One is larger than the other where some pair of groups now is further apart than every pair was before:
each comparison of two pairs has limits made of those of its rates (MOVER), over all earlier pairs nothing has to be
corrected because each of them has to be beaten (Berger 1982), and over the pairs of now the error is shared among them
(Bonferroni). Ratios are gaps of logarithms.

Must not: know a limit's name or a verdict.

References
----------
Berger (1982), Technometrics 24:295 (intersection-union). Zou (2007), Psychological Methods 12:399 (MOVER, correlated
estimates). False alarms and power by simulation: docs/baseline.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from audit.measurement.inference.corrections import smallest_tail
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Floats
from audit.measurement.inference.pairs import guarded
from audit.measurement.rates.same_rows import ENOUGH

Reading = Literal["difference", "ratio", "lowest", "highest"]
"""What a limit reads of the groups: a gap, or one end of their values."""
Positions = npt.NDArray[np.intp]
MOST_GROUPS = 60
"""Groups over which every pair is compared with every pair; more are compared by their intervals."""
MOST_CANDIDATES = 64
"""Pairs of now that are tried, the widest first; the error is shared among all of them."""
FINEST = 1e-9
PLANNED = 0.935
"""Chance that is planned for, so that a worsening is found in 90%: limits move with the rates that are drawn."""
PSEUDO_EVENTS = 0.5
"""Events that stand for none, in the logarithm of a rate without any."""
STEPS = 16
"""Halvings of the worsening that is planned, after which it is known to a hundredth of a point."""
PARTS = (1.0, 0.95, 0.85, 0.7, 0.5)


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates behind a limit, arrays of shape (M,): each of its blocks is one rate of all groups."""

    p: Floats
    n: Floats
    """Effective rows."""
    df: Floats
    """Infinite for plain rows."""
    block: Positions
    """Which rate, or class, each is of; only rates of one block are compared with each other."""

    @cached_property
    def sample(self) -> Sample:
        """The same as groups of one sample."""
        return Sample(self.p, self.n, self.df, self.p * self.n, self.n)

    def shift(self, p: Floats) -> Rates:
        """Return other rates of as many rows."""
        return Rates(p, self.n, self.df, self.block)


@dataclass(frozen=True, eq=False)
class Before:
    """Rates of the baseline beside those of now."""

    rates: Rates
    same: Positions
    """Position of the same group's rate among those of now; -1 where there is none."""
    r: Floats | None
    """Correlation with it where the same rows are paired; None where rows are not paired."""
    dependent: bool = False
    """Whether the rows may be the same, so that any dependence is allowed for."""


@dataclass(frozen=True, eq=False)
class _Scale:
    """Rates on the scale of a gap, with the distances to their limits; the last place holds a fixed zero."""

    x: Floats
    down: Floats
    up: Floats


def test_worse(now: Rates, before: Before, reading: Reading) -> float:
    """Return the one-sided p of no worsening: the smallest error at which the rule says worse; 1 where it never does.

    Parameters
    ----------
    now, before
        Rates of the groups, all of them measured.
    reading
        What the limit reads of them. A ratio, and a lowest value, is worse where it is smaller.
    """
    return smallest_tail(lambda tail: bound_worsening(now, before, reading, tail) > 0, FINEST)


def bound_worsening(now: Rates, before: Before, reading: Reading, tail: float) -> float:
    """Return the least worsening that is shown at this error; at most 0 where none is."""
    found = _compare_pairs(now, before, reading, tail)
    lower = found.wider - found.reach
    return float(lower.min(axis=1).max(initial=found.most))


def find_detectable(now: Rates, before: Before, reading: Reading, tail: float) -> float | None:
    """Return the smallest worsening that is found in nine of ten runs, were the rates exact and one group to change.

    The lowest rate falls; where a highest value is read, the highest one rises. None where even losing everything would
    not be found, and where the groups are not the same.
    """
    if len(before.rates.p) != len(now.p):
        return None
    p = before.rates.p
    worst = int(p.argmax() if reading == "highest" else p.argmin())
    room = float(1 - p[worst] if reading == "highest" else p[worst])

    def is_found(moved: float) -> bool:
        shifted = p.copy()
        shifted[worst] += moved if reading == "highest" else -moved
        beside = _weaken_pairing(before, worst, float(shifted[worst]))
        return _bound_power(_compare_pairs(now.shift(shifted), beside, reading, tail)) >= PLANNED

    # A rate that falls to 0 has wide limits on the scale of ratios, so that less may be found where all is not.
    low, high = 0.0, next((room * part for part in PARTS if is_found(room * part)), 0.0)
    if high == 0:
        return None
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high


def _weaken_pairing(before: Before, at: int, moved: float) -> Before:
    """Return the baseline as it is correlated with a rate that has moved.

    Who loses is drawn from all that are selected (who gains, from all others), which takes a share of what the rate has
    in common with the earlier one: with the decisions of before, a loss of three rows is three rows of chance.
    """
    if before.r is None:
        return before
    p, n, r = float(before.rates.p[at]), float(before.rates.n[at]), before.r.copy()
    odds = [(1 - moved) * p, moved * (1 - p)]
    r[at] *= math.sqrt(min(odds) / max(odds)) if max(odds) > 0 else 0.0
    if n * min(moved, 1 - moved) < ENOUGH:
        r[at] = min(r[at], 0.0)
    return replace(before, r=r)


@dataclass(frozen=True, eq=False)
class _Compared:
    """Pairs of now (rows) that are further apart than every earlier pair (columns)."""

    wider: Floats
    """By how much."""
    reach: Floats
    """Distance to the lower limit of that."""
    quantile: float
    most: float
    """What is shown where there is no such pair: at most 0."""


def _compare_pairs(now: Rates, before: Before, reading: Reading, tail: float) -> _Compared:
    pairs, earlier = _list_pairs(now, reading), _list_pairs(before.rates, reading)
    # Two orders of a pair are one pair: both cannot be further apart than the same pair was.
    looks = len(pairs[0]) / 2 if reading in {"difference", "ratio"} else len(pairs[0])
    corrected = tail / max(looks, 1.0)
    scale, old = _scale(now, reading, corrected), _scale(before.rates, reading, corrected)
    gaps, gaps_before = scale.x[pairs[0]] - scale.x[pairs[1]], old.x[earlier[0]] - old.x[earlier[1]]
    most = min(0.0, float(gaps.max() - gaps_before.max()))
    chosen = np.flatnonzero(gaps > gaps_before.max())
    chosen = chosen[np.argsort(-gaps[chosen])][:MOST_CANDIDATES]
    first, second = pairs[0][chosen][:, None], pairs[1][chosen][:, None]
    squares = _add_squares(scale, (first, second), old, earlier, before)
    wider = gaps[chosen][:, None] - gaps_before[None, :]
    return _Compared(wider, np.sqrt(squares), NormalDist().inv_cdf(1 - corrected), most)


def _bound_power(found: _Compared) -> float:
    """Return the least chance that the widest pair is shown to be further apart than every earlier one.

    To be shown, every earlier pair has to be beaten, so that the chances to miss one add up at most (Bonferroni).
    """
    if not len(found.wider):
        return 0.0
    error = found.reach / found.quantile
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(np.isfinite(error), (found.wider - found.reach) / error, -math.inf)
    from scipy.special import ndtr

    return float(1 - ndtr(-z).sum(axis=1).min())


def test_interval_worse(now: tuple[float, float], before: tuple[float, float], z: float, *, dependent: bool) -> float:
    """Return the one-sided p of no worsening from two values and how far their intervals reach towards each other.

    Parameters
    ----------
    now, before
        Each a value, larger is worse, and the distance to the end of its interval that lies towards the other value.
    z
        Normal quantile of the intervals.
    dependent
        Whether any dependence of the two is allowed for.
    """
    moved = now[0] - before[0]
    if moved <= 0:
        return 1.0
    reach = now[1] + before[1] if dependent else math.hypot(now[1], before[1])
    if reach <= 0:
        return FINEST
    if math.isinf(reach):
        return 1.0
    return max(FINEST, 1 - NormalDist().cdf(z * moved / reach))


def _list_pairs(rates: Rates, reading: Reading) -> tuple[Positions, Positions]:
    """Return positions of the two rates of each gap; the second is the fixed zero where one end alone is read."""
    places = np.arange(len(rates.p))
    if reading in {"lowest", "highest"}:
        return places, np.full(len(places), len(places))
    first, second = np.nonzero((rates.block[:, None] == rates.block[None, :]) & (places[:, None] != places[None, :]))
    return first, second


def _scale(rates: Rates, reading: Reading, tail: float) -> _Scale:
    low, high = guarded(rates.sample, tail)
    x, low, high = rates.p.copy(), low.copy(), high.copy()
    if reading == "ratio":
        # A rate of 0 has no logarithm; half an event stands for none, and the lower limit reaches without end.
        x = np.maximum(x, PSEUDO_EVENTS / (rates.n + 1))
        with np.errstate(divide="ignore"):
            x, low, high = np.log(x), np.log(low), np.log(np.maximum(high, x))
    if reading == "lowest":
        x, low, high = -x, -high, -low
    down, up = np.maximum(x - low, 0.0), np.maximum(high - x, 0.0)
    return _Scale(*(np.append(column, 0.0) for column in (x, down, up)))


def _add_squares(
    now: _Scale, pairs: tuple[Positions, Positions], old: _Scale, earlier: tuple[Positions, Positions], before: Before
) -> Floats:
    """Return the squared distance of each pair of now (rows) and each earlier pair (columns) to their lower limit."""
    own = now.down[pairs[0]] ** 2 + now.up[pairs[1]] ** 2
    other = (old.up[earlier[0]] ** 2 + old.down[earlier[1]] ** 2)[None, :]
    if before.dependent:
        return np.asarray((np.sqrt(own) + np.sqrt(other)) ** 2)
    found = own + other
    if before.r is None:
        return np.asarray(found)
    # Of a group that is in both pairs, both rates rest on the same rows: what they have in common is taken off where
    # they stand on the same side of their pair, and added where they do not.
    sides = ((0, now.down, 0, old.up, -1.0), (1, now.up, 1, old.down, -1.0))
    crossed = ((0, now.down, 1, old.down, 1.0), (1, now.up, 0, old.up, 1.0))
    same, r = np.append(before.same, -2), np.append(before.r, 0.0)
    for mine, reach, its, other_reach, sign in (*sides, *crossed):
        at = earlier[its][None, :]
        shared = (same[at] == pairs[mine]) & np.isfinite(reach[pairs[mine]]) & np.isfinite(other_reach[at])
        both = np.where(shared, reach[pairs[mine]], 0.0) * np.where(shared, other_reach[at], 0.0)
        found = found + sign * 2 * r[at] * both
    return np.asarray(np.maximum(found, 0.0))
