"""The gap over G groups: one interval that cannot contradict the verdict.

Every ordered pair of groups gets MOVER limits. What says FAIL has looked at all pairs, so it is corrected for all of
them (union-intersection, Bonferroni); what says PASS needs every pair inside, so it is not (intersection-union,
Berger 1982). The printed interval is made of those two limits. A group without a denominator enters as [0, 1]: it
blocks PASS and never causes FAIL. Where a rate rests on few events for the error that is asked, its limits are exact
ones: those of Wilson fall short there by up to several orders of magnitude (docs/decisions/0025).

References
----------
Berger (1982), Technometrics 24:295. False verdicts by simulation: docs/inference.md once `make simulate` has run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from types import EllipsisType
from typing import Any, Literal, NamedTuple

import numpy as np

from audit.estimate import Group
from audit.measurement.inference.effective import Sample, together
from audit.measurement.inference.intervals import (
    Floats,
    Limits,
    difference,
    enough,
    greatest_ratio,
    least_difference,
    least_ratio,
    moved_out,
    quantile,
    ratio,
    trusted,
    wilson,
)

STEP = 0.125
"""Of the smallest standard deviation: distance of two points, at which twenty times as many change nothing."""
MOST_POINTS = 2000
REACH = 9.0
"""Standard deviations on each side over which the floor is integrated."""
MOST_GROUPS = 50
"""Beyond, the floor would cost more than the audit, and has no reader."""
METHODS = {
    "noise_floor": "mean gap of equal groups of these sizes",
    "noise_corrected_difference": "sqrt(max(0, gap^2 - floor^2)), corrected for noise, which leaves some bias",
    "between_group_variance": "corrected for noise and signed; at or below 0 there is no spread beyond noise",
}


Kind = Literal["difference", "ratio"]


MOST_PAIRS = 2**15
"""Pairs that are bounded at once: a few arrays of them still lie in a processor's cache."""


ALIKE = 2.0
"""Times the rows up to which two groups are alike in size; what their limits lack then largely cancels."""


class Gap(NamedTuple):
    """A gap over all groups; ``pair`` and the limits' pairs are (lower, higher) positions among the groups."""

    value: float | None
    low: float
    high: float
    pair: tuple[int, int]
    low_pair: tuple[int, int]
    high_pair: tuple[int, int]
    exact: bool = False
    """Whether Clopper-Pearson limits were used, because some group holds few events."""


class Extreme(NamedTuple):
    """Lowest or highest rate over groups with an interval fit for a floor or a ceiling on every group."""

    value: float | None
    low: float
    high: float
    group: int
    exact: bool
    """Whether Clopper-Pearson limits were used, because some group holds few events."""
    low_group: int
    high_group: int
    """Groups that set the limits."""


@lru_cache(maxsize=8)
def single(sample: Sample, tail: float) -> Limits:
    """Return Wilson limits of each group on its own.

    Not to be written to, because every comparison reads the same ones.
    """
    return _kept(wilson(sample.p, sample.n, quantile(tail, sample.df)))


@lru_cache(maxsize=8)
def guarded(sample: Sample, tail: float) -> Limits:
    """Return limits of each group that every comparison and every verdict rests on: exact where events are few."""
    few = rests_on_few(sample, tail)
    if not few.any():
        return single(sample, tail)
    return _kept(moved_out(single(sample, tail), few, sample.p, sample.n * _worth(sample, tail), tail))


def find_ends(values: Floats) -> tuple[int, int]:
    """Return positions of the lowest and of the highest measured value; those of the first where none is."""
    if np.isnan(values).all():
        return 0, 0
    return int(np.nanargmin(values)), int(np.nanargmax(values))


def guarded_alone(p: float, n: float, df: float, tail: float) -> tuple[float, float]:
    """Return the same of one rate with its effective rows and degrees of freedom."""
    sample = Sample(*(np.array([x]) for x in (p, n, df, p * n, n)))
    low, high = guarded(sample, tail)
    return float(low[0]), float(high[0])


@lru_cache(maxsize=8)
def rests_on_few(sample: Sample, tail: float) -> np.ndarray:
    """Return which groups have exact limits at this error: those of few events or non-events, or marked as thin."""
    needed = enough(NormalDist().inv_cdf(1 - tail))
    if sample.independent and sample.fewest >= needed:
        return np.zeros(sample.p.shape, dtype=bool)
    few: np.ndarray = sample.measured & (_worth(sample, tail) * sample.events < needed)
    few |= sample.thin
    return few


def correlations(sample: Sample, tail: float) -> Floats:
    """Return correlations (G, G) that a comparison at this error may rest on."""
    few, groups = rests_on_few(sample, tail), sample.p.shape[-1]
    r = np.zeros((groups, groups)) if sample.r is None else sample.r
    return trusted(r, few[..., :, None], few[..., None, :])


def _worth(sample: Sample, tail: float) -> Floats | float:
    """Return the share of its rows that each group is worth at the normal quantile of this error."""
    if sample.independent:
        return 1.0
    z, q = NormalDist().inv_cdf(1 - tail), quantile(tail, sample.df)
    # Korn and Graubard (1998): n rows at a t quantile q reach as far as n (z / q)^2 at a normal quantile z.
    return np.divide(z, q, out=np.ones_like(q), where=q > 0) ** 2


def _kept(found: Limits) -> Limits:
    found.low.flags.writeable = found.high.flags.writeable = False
    return found


def gap(sample: Sample, kind: Kind, tail: float, looks: int = 1) -> Gap:
    """Return the largest difference, or smallest ratio, over all pairs of groups.

    Parameters
    ----------
    sample
        At least two groups.
    tail
        Error on each side, .025 for 95%.
    looks
        How many gaps are looked at to name the worst one; the failing side is corrected for all of them.
    """
    return gaps(together([sample]), kind, tail, looks)[0]


def gaps(samples: Sample, kind: Kind, tail: float, looks: int = 1) -> list[Gap]:
    """Return the gap of each of several rates of the same groups: arrays of shape (M, G); see `gap`."""
    rates, groups = samples.p.shape
    step = max(1, MOST_PAIRS // groups**2)
    corrected = _corrected(tail, looks, groups)
    inner, outer = guarded(samples, tail), guarded(samples, corrected)
    found: list[Gap] = []
    for at in range(0, rates, step):
        some = slice(at, at + step)
        pairs = _ordered_pairs(samples, inner, some, tail), _ordered_pairs(samples, outer, some, corrected)
        found += (_differences if kind == "difference" else _ratios)(samples, some, *pairs)
    exact = np.asarray(rests_on_few(samples, corrected).any(axis=-1))
    return [g._replace(exact=True) if few else g for g, few in zip(found, exact, strict=True)]


def breaks(sample: Sample, kind: Kind, limit: float, tail: float, looks: int = 1) -> bool:
    """Return whether the interval of `gap` lies beyond a limit, worked out at that end alone."""
    groups = len(sample.p)
    corrected = _corrected(tail, looks, groups)
    pairs = _ordered_pairs(sample, guarded(sample, corrected), ..., corrected)
    found = least_difference(*pairs) if kind == "difference" else greatest_ratio(*pairs)
    apart = found.ravel()[:-1].reshape(groups - 1, groups + 1)[:, 1:]  # all but the diagonal
    return bool(max(0.0, apart.max()) > limit if kind == "difference" else min(1.0, apart.min()) < limit)


def _corrected(tail: float, looks: int, groups: int) -> float:
    """Return the error of one pair of all that are looked at."""
    # Bonferroni over all pairs of all gaps that are looked at.
    return tail / (looks * groups * (groups - 1) / 2)


def _differences(samples: Sample, some: slice, inner: Pairs, outer: Pairs) -> list[Gap]:
    # The upper limits of all ordered pairs are the lower ones of the pairs turned round, which are correlated alike.
    most = least_difference(*inner[2:4], *inner[:2], inner[4])
    np.negative(most, out=most)
    return _widest(samples.p[some], _extremes(samples)[some], least_difference(*outer), most, top=1.0)


def _ratios(samples: Sample, some: slice, inner: Pairs, outer: Pairs) -> list[Gap]:
    low_of, high_of = least_ratio(*inner), greatest_ratio(*outer)
    least = _largest(np.negative(low_of, out=low_of))
    most = _largest(np.negative(high_of, out=high_of))
    found = []
    p_of, gaps_in = samples.p[some], _gaps_in(samples.p[some])
    rows = zip(p_of.tolist(), gaps_in, _extremes(samples)[some], least, most, strict=True)
    for p, unmeasured, ends, low, high in rows:
        whole = not unmeasured
        value = p[ends[0]] / p[ends[1]] if whole and p[ends[1]] > 0 else None
        found.append(Gap(value, min(1.0, -low.value), min(1.0, -high.value), ends, low.pair, high.pair))
    return found


def widest(value: Floats, ends: tuple[int, int], least: Floats, most: Floats, top: float) -> Gap:
    """Return the largest difference, from the limits of all ordered pairs.

    Parameters
    ----------
    value
        Of each group; NaN where it is not measured.
    ends
        Positions of the lowest and of the highest group.
    least, most
        Shape (G, G), written to: lower limits of group i less group j that have looked at all pairs, and upper limits.
    top
        Largest difference that there can be.
    """
    return _widest(value[None], [ends], least[None], most[None], top)[0]


def _widest(values: Floats, ends: list[tuple[int, int]], least: Floats, most: Floats, top: float) -> list[Gap]:
    found = []
    gaps_in = _gaps_in(values)
    rows = zip(values.tolist(), gaps_in, ends, _largest(least), _largest(most), strict=True)
    for p, unmeasured, (low, high), least_of, most_of in rows:
        i, j = least_of.pair
        if i == j:  # no pair has a lower limit
            i, j = 1, 0
        value = None if unmeasured else p[high] - p[low]
        bounds = max(0.0, least_of.value), min(top, most_of.value)
        found.append(Gap(value, *bounds, (low, high), (j, i), most_of.pair[::-1]))
    return found


def against(sample: Sample, kind: Kind, reference: int, tail: float) -> Limits:
    """Return limits of each group's difference from, or ratio to, one reference group; over the last axis."""
    at, lim = slice(reference, reference + 1), guarded(sample, tail)
    return _to_reference(sample, kind, reference, tail, (lim, Limits(lim.low[..., at], lim.high[..., at])))


def shown_against(sample: Sample, kind: Kind, reference: int, tail: float) -> Limits:
    """Return what is shown of each group, and judged of none: Newcombe's limits for groups of alike size."""
    if not rests_on_few(sample, tail).any():
        return against(sample, kind, reference, tail)
    few, exact, plain = few_beside(sample, reference, tail), guarded(sample, tail), single(sample, tail)
    at = np.s_[..., reference : reference + 1]
    own = Limits(np.where(few, exact.low, plain.low), np.where(few, exact.high, plain.high))
    other = Limits(np.where(few, exact.low[at], plain.low[at]), np.where(few, exact.high[at], plain.high[at]))
    return _to_reference(sample, kind, reference, tail, (own, other))


def few_beside(sample: Sample, reference: int, tail: float) -> np.ndarray:
    """Return groups that are shown beside a reference with exact limits: few events, and sizes that are not alike."""
    few, n, at = rests_on_few(sample, tail), sample.n, np.s_[..., reference : reference + 1]
    uneven: np.ndarray = (n > ALIKE * n[at]) | (n[at] > ALIKE * n)
    uneven &= few | few[at]
    return uneven


def _to_reference(sample: Sample, kind: Kind, reference: int, tail: float, sides: tuple[Limits, Limits]) -> Limits:
    compare = difference if kind == "difference" else ratio
    r = 0.0 if sample.r is None else correlations(sample, tail)[..., reference]
    return compare(sample.p, sides[0], sample.p[..., reference : reference + 1], sides[1], r)


def extreme(sample: Sample, which: Literal["lowest", "highest"], tail: float) -> Extreme:
    """Return the lowest or highest rate; its two limits bound the truth for every group at once."""
    return extremes(together([sample]), which, tail)[0]


def extremes(samples: Sample, which: Literal["lowest", "highest"], tail: float) -> list[Extreme]:
    """Return the lowest or highest of each of several rates of the same groups; see `extreme`."""
    inner = guarded(samples, tail)
    outer = guarded(samples, tail / samples.p.shape[-1])
    few = rests_on_few(samples, tail / samples.p.shape[-1])
    if which == "lowest":
        bounds = inner.low.min(axis=-1).tolist(), outer.high.min(axis=-1).tolist()
    else:
        bounds = outer.low.max(axis=-1).tolist(), inner.high.max(axis=-1).tolist()
    exact = np.asarray(few.any(axis=-1)).tolist()
    whole = np.asarray(samples.measured.all(axis=-1)).tolist()
    found, decides = [], setters(inner, outer, which)
    for m, ends in enumerate(_extremes(samples)):
        at = ends[0 if which == "lowest" else 1]
        value = float(samples.p[m, at]) if whole[m] else None
        found.append(Extreme(value, bounds[0][m], bounds[1][m], at, exact[m], *decides[m]))
    return found


def setters(inner: Limits, outer: Limits, which: Literal["lowest", "highest"]) -> list[tuple[int, int]]:
    """Return positions of the groups that set either limit of the lowest or highest, over the last axis."""
    if which == "lowest":
        low, high = inner.low.argmin(axis=-1), outer.high.argmin(axis=-1)
    else:
        low, high = outer.low.argmax(axis=-1), inner.high.argmax(axis=-1)
    return list(zip(np.atleast_1d(low).tolist(), np.atleast_1d(high).tolist(), strict=True))


@lru_cache(maxsize=8)
def _extremes(samples: Sample) -> list[tuple[int, int]]:
    """Return positions of the lowest and of the highest group of each rate."""
    p, measured = samples.p, samples.measured
    lowest = np.where(measured, p, np.inf).argmin(axis=-1).tolist()
    return list(zip(lowest, np.where(measured, p, -np.inf).argmax(axis=-1).tolist(), strict=True))


def _gaps_in(p: Floats) -> list[bool]:
    """Return whether each rate is not measured in some group."""
    found: list[bool] = np.asarray(np.isnan(p).any(axis=-1)).tolist()
    return found


class _Largest(NamedTuple):
    value: float
    pair: tuple[int, int]


def _largest(values: Floats) -> list[_Largest]:
    """Return the largest entry off the diagonal of each (G, G) array, which is written to, and where it stands."""
    groups = values.shape[-1]
    flat = values.reshape(len(values), -1)
    flat[:, :: groups + 1] = -np.inf
    at = flat.argmax(axis=-1)
    highest = flat[np.arange(len(flat)), at].tolist()
    return [_Largest(value, divmod(i, groups)) for value, i in zip(highest, at.tolist(), strict=True)]


Pairs = tuple[Floats, Limits, Floats, Limits, Floats | float]
"""Group i and group j with their limits, for all (G, G) pairs at once, and their correlation."""


def _ordered_pairs(samples: Sample, limits: Limits, some: slice | EllipsisType, tail: float) -> Pairs:
    p, low, high = samples.p[some], limits.low[some], limits.high[some]
    first, second = (np.s_[..., :, None], np.s_[..., None, :])
    r = 0.0 if samples.r is None else correlations(samples, tail)[some]
    return p[first], Limits(low[first], high[first]), p[second], Limits(low[second], high[second]), r


# What of a difference over groups is noise: printed beside it, and never in a verdict.
def noise_of(sample: Sample, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return fields of the estimates that say how much of a gap equal groups would show."""
    if not 2 <= len(groups) <= MOST_GROUPS or not sample.measured.all():
        return []
    found = spread(sample.p, sample.n, r=sample.r)
    values = (found.floor, found.corrected, found.variance)
    pair = (groups[int(np.argmin(sample.p))], groups[int(np.argmax(sample.p))])
    return [
        {"compare": compare, "value": value, "pair": pair, "method": method}
        for (compare, method), value in zip(METHODS.items(), values, strict=True)
        if value is not None
    ]


# How much of a gap over groups is sampling noise: beside the raw gap, never in a verdict.
#
# Three numbers: the unbiased variance of the true rates between groups (signed: below zero there is no spread beyond
# noise), the gap that equal groups of these sizes show on average, and the raw gap less that floor in quadrature. No
# estimator of the largest difference is unbiased both for equal and for unequal groups; the corrected gap is none
# either.
#
# References
# ----------
# Lum, Zhang and Bower (2022), arXiv 2205.05770 (bias of between-group disparity measures).
class Spread(NamedTuple):
    """Spread of G rates; all None unless every group, and at least two, is measured."""

    variance: float | None
    """Unbiased between-group variance, with its sign."""
    floor: float | None
    """Expected largest difference if all groups shared the pooled rate."""
    corrected: float | None
    """``sqrt(max(0, gap^2 - floor^2))``: corrected for noise, not unbiased."""


def spread(p: Floats, n: Floats, variances: Floats | None = None, r: Floats | None = None) -> Spread:
    """Return the noise-corrected spread of rates.

    Parameters
    ----------
    p, n
        Rates and effective rows of the groups, as in ``Sample``; NaN and 0 where unmeasured.
    variances
        Variance of each rate where the rows are not independent (with folds the jackknife's); by default
        ``p (1 - p) / (n - 1)``.
    r
        Correlation of the estimates where units have rows in several groups.
    """
    p, n = np.asarray(p, dtype=float), np.asarray(n, dtype=float)
    if len(p) < 2 or np.isnan(p).any() or (n <= 0).any():
        return Spread(None, None, None)
    pooled = float((p * n).sum() / n.sum())
    if r is not None and variances is None:
        variances = p * (1 - p) / np.maximum(n - 1, 1)
    floor = noise_floor(pooled * (1 - pooled) / n, r)
    gap = float(p.max() - p.min())
    corrected = float(np.sqrt(max(gap**2 - floor**2, 0.0)))
    return Spread(float(between_variance(p, n, variances, r)), floor, corrected)


def between_variance(p: Floats, n: Floats, variances: Floats | None = None, r: Floats | None = None) -> Floats:
    """Return the signed unbiased variance between groups, along the last axis.

    The sample variance of correlated estimates falls short by their mean covariance, which is given back.
    """
    noise = p * (1 - p) / np.maximum(n - 1, 1) if variances is None else variances
    # The variance of estimates is that of the rates and their mean sampling variance.
    signed: Floats = np.asarray(p.var(axis=-1, ddof=1) - noise.mean(axis=-1))
    if r is not None:
        signed = signed + _covariances(noise, r).mean(axis=-1)
    return signed


def noise_floor(variances: Floats, r: Floats | None = None) -> float:
    """Return the mean of max - min over independent normals of one mean and these variances, by quadrature.

    With correlations each variance is lowered by the group's mean covariance: exact for two groups and for
    exchangeable ones, an approximation otherwise.
    """
    from scipy.special import ndtr

    if r is not None:
        variances = np.maximum(variances - _covariances(variances, r), 0.0)
    deviations = np.sqrt(np.maximum(variances, 1e-300))
    reach = REACH * deviations.max()
    points = min(int(reach / (STEP * deviations.min())) + 2, MOST_POINTS)
    x = np.linspace(0, reach, points + 1)
    below = ndtr(x[:, None] / deviations)
    # The mean of max - min is the integral of the chance that some value lies below x and some above, 1 - product of
    # F - product of (1 - F). It is even, so twice the half from 0 counts, by the trapezoidal rule.
    between = 1 - below.prod(axis=1) - (1 - below).prod(axis=1)
    return float((2 * between.sum() - between[0] - between[-1]) * (x[1] - x[0]))


def _covariances(variances: Floats, r: Floats) -> Floats:
    """Return the mean covariance of each group's estimate with the others'."""
    deviations = np.sqrt(np.maximum(variances, 0.0))
    products = r * deviations[..., :, None] * deviations[..., None, :]
    own = np.diagonal(products, axis1=-2, axis2=-1)
    # All of a row but its own variance, over the other groups.
    mean: Floats = (products.sum(axis=-1) - own) / (products.shape[-1] - 1)
    return mean
