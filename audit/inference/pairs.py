"""The gap over G groups: one interval that cannot contradict the verdict.

Every ordered pair of groups gets MOVER limits. What says FAIL has looked at all pairs, so it is corrected for all of
them (union-intersection, Bonferroni); what says PASS needs every pair inside, so it is not (intersection-union,
Berger 1982). The printed interval is made of those two limits. A group without a denominator enters as [0, 1]: it
blocks PASS and never causes FAIL.

References
----------
Berger (1982), Technometrics 24:295. False verdicts by simulation: docs/inference.md once `make simulate` has run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from audit.inference.effective import Sample
from audit.inference.intervals import (
    Floats,
    Limits,
    clopper_pearson,
    difference,
    greatest_ratio,
    least_difference,
    least_ratio,
    quantile,
    ratio,
    wilson,
)

Kind = Literal["difference", "ratio"]


class Gap(NamedTuple):
    """A gap over all groups; ``pair`` and the limits' pairs are (lower, higher) positions among the groups."""

    value: float | None
    low: float
    high: float
    pair: tuple[int, int]
    low_pair: tuple[int, int]
    high_pair: tuple[int, int]


class Extreme(NamedTuple):
    """Lowest or highest rate over groups with an interval fit for a floor or a ceiling on every group."""

    value: float | None
    low: float
    high: float
    group: int
    exact: bool
    """Whether Clopper-Pearson limits were used because a rare rate decides."""


@lru_cache(maxsize=8)
def single(sample: Sample, tail: float) -> Limits:
    """Wilson limits of each group on its own; not to be written to, because every comparison reads the same ones."""
    found = wilson(sample.p, sample.n, quantile(tail, sample.df))
    for side in found:
        side.flags.writeable = False
    return found


def gap(sample: Sample, kind: Kind, tail: float, looks: int = 1) -> Gap:
    """Largest difference, or smallest ratio, over all pairs of groups.

    Parameters
    ----------
    sample
        At least two groups.
    tail
        Error on each side, .025 for 95%.
    looks
        How many gaps are looked at to name the worst one; the failing side is corrected for all of them.
    """
    groups = len(sample.p)
    inner, outer = _pairs(sample, tail), _pairs(sample, tail / (looks * groups * (groups - 1) / 2))
    lowest, highest = _extremes(sample)
    p, whole = sample.p, bool(sample.measured.all())
    if kind == "difference":
        # The upper limits of all ordered pairs are their lower limits, turned round.
        least, most = least_difference(*outer), -least_difference(*inner).T
        (i, j), (k, m) = _largest(least), _largest(most)
        value = float(p[highest] - p[lowest]) if whole else None
        low, high = max(0.0, float(least[i, j])), min(1.0, float(most[k, m]))
        return Gap(value, low, high, (lowest, highest), (j, i), (m, k))
    least, most = least_ratio(*inner), greatest_ratio(*outer)
    (i, j), (k, m) = _largest(-least), _largest(-most)
    value = float(p[lowest] / p[highest]) if whole and p[highest] > 0 else None
    low, high = min(1.0, float(least[i, j])), min(1.0, float(most[k, m]))
    return Gap(value, low, high, (lowest, highest), (i, j), (k, m))


def against(sample: Sample, kind: Kind, reference: int, tail: float) -> Limits:
    """Limits of each group's difference from, or ratio to, one reference group."""
    lim = single(sample, tail)
    at, compare = [reference], difference if kind == "difference" else ratio
    r = 0.0 if sample.r is None else sample.r[:, reference]
    return compare(sample.p, lim, sample.p[at], Limits(lim.low[at], lim.high[at]), r)


def extreme(sample: Sample, which: Literal["lowest", "highest"], tail: float) -> Extreme:
    """Lowest or highest rate; its two limits bound the truth for every group at once."""
    groups = len(sample.p)
    inner, exact_inner = _single_exact(sample, tail)
    outer, exact_outer = _single_exact(sample, tail / groups)
    lowest, highest = _extremes(sample)
    at = lowest if which == "lowest" else highest
    whole = bool(sample.measured.all())
    value = float(sample.p[at]) if whole else None
    if which == "lowest":
        low, high = float(inner.low.min()), float(outer.high.min())
    else:
        low, high = float(outer.low.max()), float(inner.high.max())
    return Extreme(value, low, high, at, exact_inner or exact_outer)


def _single_exact(sample: Sample, tail: float) -> tuple[Limits, bool]:
    """Wilson limits, replaced by Clopper-Pearson where a rate is too rare for Wilson's one-sided error."""
    limits, thin = single(sample, tail), sample.thin
    if not thin.any():
        return limits, False
    exact = clopper_pearson(sample.p, sample.n, tail)
    return Limits(
        np.where(thin, np.minimum(limits.low, exact.low), limits.low),
        np.where(thin, np.maximum(limits.high, exact.high), limits.high),
    ), True


def _extremes(sample: Sample) -> tuple[int, int]:
    lowest = np.where(sample.measured, sample.p, np.inf).argmin()
    return int(lowest), int(np.where(sample.measured, sample.p, -np.inf).argmax())


def _largest(values: Floats) -> tuple[int, int]:
    """Position of the largest entry off the diagonal."""
    np.fill_diagonal(values, -np.inf)
    i, j = divmod(int(np.argmax(values)), len(values))
    return i, j


def _pairs(sample: Sample, tail: float) -> tuple[Floats, Limits, Floats, Limits, Floats | float]:
    """Group i and group j with their limits, for all (G, G) pairs at once, and their correlation."""
    lim, r = single(sample, tail), 0.0 if sample.r is None else sample.r
    first = Limits(lim.low[:, None], lim.high[:, None])
    return sample.p[:, None], first, sample.p[None, :], Limits(lim.low[None, :], lim.high[None, :]), r
