"""Values that rise with a rate or statistic between 0 and 1: limits carried over, and gaps of what has no upper bound.

The limits of a group are those of what lies below, seen through the rising function, so they cover as often. Two groups
are compared by squaring and adding each one's own distances (MOVER), which asks only for limits. A group whose value is
infinite or unknown has a limit on one side at most: it blocks PASS, and causes FAIL only by that limit.

Must not: know a metric's name, or a limit of a policy.

References
----------
Zou and Donner (2008), Statistics in Medicine 27:1693 (MOVER for any statistic with limits). Donner and Zou (2012),
Statistical Methods in Medical Research 21:347 (ratios). Berger (1982), Technometrics 24:295.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from audit.measurement.inference import intervals
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Floats, Limits
from audit.measurement.inference.pairs import Extreme, Gap, Kind, correlations, extreme, find_ends, guarded, single

Rises = Callable[[Floats], Floats]


class RisingSample(NamedTuple):
    """Values of G groups on their own scale; arrays over groups."""

    sample: Sample
    rises: Rises
    value: Floats
    """Infinite where it is, and NaN where it is 0/0."""

    @property
    def known(self) -> np.ndarray:
        """Groups that have a number."""
        return np.isfinite(self.value)


def risen(sample: Sample, rises: Rises) -> RisingSample:
    """Return values of what lies below, carried over."""
    p = np.where(sample.measured, sample.p, 0.0)
    return RisingSample(sample, rises, np.where(sample.measured, rises(p), np.nan))


def limits(found: RisingSample, tail: float) -> Limits:
    """Return limits of each group; from 0 to infinity where it is not measured."""
    return _carried(found, single(found.sample, tail))


def against(found: RisingSample, kind: Kind, reference: int, tail: float) -> Limits:
    """Return limits of each group's difference from, or ratio to, one reference group."""
    pairs = _pair_limits(found, kind, tail)
    return Limits(pairs.low[:, reference], pairs.high[:, reference])


def gap(found: RisingSample, kind: Kind, tail: float) -> Gap:
    """Return the largest difference, or smallest ratio, over all pairs of groups, by the pairs rule.

    Parameters
    ----------
    found
        At least two groups.
    kind
        Difference or ratio.
    tail
        Error on each side.
    """
    groups = len(found.value)
    inner = _pair_limits(found, kind, tail)
    # Bonferroni for what says FAIL; what says PASS needs every pair inside (Berger 1982).
    outer = _pair_limits(found, kind, tail / (groups * (groups - 1) / 2))
    pair = lowest, highest = find_ends(found.value)
    first, second = found.value[lowest], found.value[highest]
    whole = bool(found.known.all())
    if kind == "difference":
        i, j = _at(outer.low, largest=True)
        k, m = _at(inner.high, largest=True)
        value = float(second - first) if whole else None
        return Gap(value, max(0.0, float(outer.low[i, j])), float(inner.high[k, m]), pair, (j, i), (m, k))
    i, j = _at(inner.low, largest=False)
    k, m = _at(outer.high, largest=False)
    value = float(first / second) if whole and second > 0 else None
    low, high = min(1.0, float(inner.low[i, j])), min(1.0, float(outer.high[k, m]))
    return Gap(value, low, high, pair, (i, j), (k, m))


def highest(found: RisingSample, tail: float) -> Extreme:
    """Return the highest value with limits for every group at once: those of the highest share, carried over."""
    share = extreme(found.sample, "highest", tail)
    low = float(found.rises(np.array(share.low)))
    high = float(found.rises(np.array(share.high)))
    at = find_ends(found.value)[1]
    value = float(found.value[at]) if found.known.all() else None
    return Extreme(value, low, high, at, share.exact, share.low_group, share.high_group)


def _carried(found: RisingSample, below: Limits) -> Limits:
    return Limits(*(np.asarray(found.rises(side)) for side in below))


def _pair_limits(found: RisingSample, kind: Kind, tail: float) -> Limits:
    """Return (G, G) limits of group i compared with group j."""
    low, high = _carried(found, guarded(found.sample, tail))
    closed = found.known & np.isfinite(high)
    value = np.where(closed, found.value, low)
    first = Limits(low[:, None], np.where(closed, high, low)[:, None])
    second = Limits(low[None, :], np.where(closed, high, low)[None, :])
    r = 0.0 if found.sample.r is None else correlations(found.sample, tail)
    compare = intervals.difference if kind == "difference" else intervals.ratio
    made = compare(value[:, None], first, value[None, :], second, r)
    both = closed[:, None] & closed[None, :]
    # An open group could be anything above its lower limit; then the two ends that lie farthest apart are taken.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if kind == "difference":
            apart = Limits(low[:, None] - high[None, :], high[:, None] - low[None, :])
        else:
            apart = Limits(low[:, None] / high[None, :], high[:, None] / low[None, :])
    bottom = -np.inf if kind == "difference" else 0.0
    apart = Limits(np.where(np.isnan(apart.low), bottom, apart.low), np.where(np.isnan(apart.high), np.inf, apart.high))
    return Limits(np.where(both, made.low, apart.low), np.where(both, made.high, apart.high))


def _at(pairs: Floats, *, largest: bool) -> tuple[int, int]:
    """Return the position of the largest or smallest entry that compares two groups."""
    filled = pairs.copy()
    np.fill_diagonal(filled, -np.inf if largest else np.inf)
    i, j = divmod(int(np.argmax(filled) if largest else np.argmin(filled)), len(pairs))
    return (i, j) if i != j else (1, 0)
