"""Means, root mean squares and R2 of each group from sums, with limits that any comparison of groups can use.

An interval is symmetric on a scale of its own (the value, the log of the mean square, or the log of the unexplained
share) and is carried back. Rows that share units are counted into folds; the delete-one-fold jackknife then gives the
variance, at least that of independent rows. A sample that happens to lack the few largest errors falls short: the limit
on that side is worked out with one more row, and beside a larger group with that one's spread (`inference.lent`).
A group whose rows do not differ, or that has fewer than two, gets a value and no limits: it blocks PASS and never
causes FAIL. Simulated in docs/inference.md.

Must not: see rows, names or limits of a policy.

References
----------
Zou (2007), Psychological Methods 12:399 (MOVER, for limits of any statistic). Berger (1982), Technometrics 24:295.
Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3 (delete-group jackknife).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from audit.measurement.inference.effective import THIN_FOLDS
from audit.measurement.inference.intervals import Floats, Limits, least_difference, quantile
from audit.measurement.inference.lent import FEW_ROWS, highest, lowest, seen_by_all, unlike
from audit.measurement.inference.pairs import Extreme, Gap, setters, widest
from audit.measurement.inference.scales import Scale, Sums

FEW_RESTING = 9.0
"""Rows (or folds) that carry a variance under which its interval is marked; simulated in docs/inference.md."""
SAYS_NOTHING = 1e100
"""Size beyond which a limit is none."""


class Above(NamedTuple):
    """What the limit of larger points is made of."""

    point: Floats
    error: Floats
    df: Floats


class Found(NamedTuple):
    """A statistic of G groups with what its interval needs at any tail; arrays over groups."""

    value: Floats
    """NaN where it is undefined."""
    point: Floats
    error: Floats
    """Standard error of ``point``; NaN where no interval can be given."""
    df: Floats
    rows: Floats
    """Effective rows, or folds where rows share units."""
    thin: np.ndarray
    scale: Scale
    above: Above
    r: Floats | None = None
    """Correlation of the points over groups; None where groups are independent."""
    kish: Floats = np.empty(0)
    """Effective rows, also where rows share units."""
    sizes: Found | None = None
    """Mean sizes of the rows of signed means, where their sums are known."""


def measured(scale: Scale, sums: Sums, *, folds: bool) -> Found:
    """Statistic of every group, marked also where a larger group shows a spread that its own rows do not.

    Parameters
    ----------
    scale
        One of `MEANS`, `ROOT_MEAN_SQUARE` and `EXPLAINED`.
    sums
        Arrays (G, F) by name: ``w`` and ``w2`` sums of weights and squared weights, and the scale's own.
    folds
        Whether the second axis holds folds of the unit.
    """
    found = _alone(scale, sums, folds=folds)
    if scale.sizes is not None:
        found = found._replace(sizes=_alone(scale.sizes, sums, folds=folds))
    return found._replace(thin=found.thin | unlike(found))


def _alone(scale: Scale, sums: Sums, *, folds: bool) -> Found:
    """Statistic of every group, each by itself."""
    total = {k: v.sum(axis=1) for k, v in sums.items()}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        point = scale.point(total)
        value = np.where(np.isnan(point), np.nan, scale.back(point))
        kish = np.where(total["w2"] > 0, total["w"] ** 2 / total["w2"], 0.0)
        variance = np.where(kish > 1 + 1e-9, scale.variance(total) * kish / (kish - 1), np.nan)
        resting = _carrying(scale.resting, total)
        few = np.minimum(resting, _carrying(scale.marked_by, total)) < FEW_RESTING
        if not folds:
            thin, error, df = (kish < FEW_ROWS) | few, np.sqrt(variance), np.minimum(kish - 1, resting)
            return Found(value, point, error, df, kish, thin, scale, _above(scale, total, point, error, df), kish=kish)
        jackknife, r, fourth = _jackknife(scale, sums, total, point)
        resting = np.minimum(resting, fourth if scale.resting else 3 * fourth)
        filled = np.where(total["w"] > 0, total["w"] ** 2 / np.maximum((sums["w"] ** 2).sum(axis=1), 1e-300), 0.0)
        both = np.where(filled > 1 + 1e-9, np.fmax(variance, jackknife), np.nan)
        error, df = np.sqrt(np.where(np.isnan(variance), np.nan, both)), np.minimum(filled - 1, resting)
        thin = (kish < FEW_ROWS) | (filled < THIN_FOLDS) | few | (resting < FEW_RESTING)
        return Found(value, point, error, df, filled, thin, scale, _above(scale, total, point, error, df), r, kish)


def _carrying(rows: Callable[[Sums], Floats] | None, total: Sums) -> Floats | float:
    """Rows that carry the variance, at least one; without end where the scale does not say."""
    return np.clip(np.nan_to_num(rows(total), nan=1.0), 1.0, None) if rows else np.inf


def _above(scale: Scale, total: Sums, point: Floats, error: Floats, df: Floats) -> Above:
    """Point, error and degrees of freedom as they would be with the row that was not seen."""
    if scale.more is None:
        return Above(point, error, df)
    more = scale.more(total)
    stretch = np.sqrt(scale.variance(more) / scale.variance(total))
    return Above(scale.point(more), error * stretch, np.minimum(df, _carrying(scale.resting, more)))


def _jackknife(scale: Scale, sums: Sums, total: Sums, point: Floats) -> tuple[Floats, Floats, Floats]:
    """Delete-one-fold variance of every group, the correlation of their deviations, and how many folds carry it."""
    live = (sums["w"] > 0) & (total["w"][:, None] - sums["w"] > 0)
    without = scale.point({k: total[k][:, None] - v for k, v in sums.items()})
    deviation = np.where(live & np.isfinite(without), without - point[:, None], 0.0)
    deviation = np.where(np.isfinite(deviation), deviation, 0.0)
    count = np.maximum((sums["w"] > 0).sum(axis=1), 1)
    square = (deviation**2).sum(axis=1)
    scaled = deviation / np.where(square > 0, np.sqrt(square), 1.0)[:, None]
    fourth = np.maximum((scaled**4).sum(axis=1), 1e-300)
    return (count - 1) / count * square, np.clip(scaled @ scaled.T, -1, 1), np.where(square > 0, 1 / fourth, np.inf)


def limits(found: Found, tail: float) -> Limits:
    """Interval of each group; the whole range where none can be given."""
    bottom, top = found.scale.range
    known = np.isfinite(found.error)
    above, (q, q_above) = found.above, (quantile(tail, np.where(known, x.df, 1.0)) for x in (found, found.above))
    with np.errstate(over="ignore", invalid="ignore"):
        highest = above.point + q_above * above.error
        highest = np.where(np.isnan(highest), np.inf, highest)
        ends = found.scale.back(found.point - q * found.error), found.scale.back(highest)
    low, high = np.fmin(*ends), np.fmax(*ends)
    low, high = np.where(low < -SAYS_NOTHING, bottom, low), np.where(high > SAYS_NOTHING, top, high)
    return Limits(np.where(known, np.maximum(low, bottom), bottom), np.where(known, np.minimum(high, top), top))


def mean_gap(found: Found, tail: float, looks: int = 1) -> Gap:
    """Largest difference over all pairs of groups, by the pairs rule."""
    groups = len(found.value)
    every = np.arange(groups)
    pairs = every[:, None], every[None, :]
    # The upper limit of every pair is the lower one of the pair turned round.
    most = -_least(found, *pairs, tail).T
    least = _least(found, *pairs, tail / (looks * groups * (groups - 1) / 2))
    return widest(found.value, ends(found), least, most, top=np.inf)


def against(found: Found, reference: int, tail: float) -> Limits:
    """Limits of each group's difference from one reference group."""
    every = np.arange(len(found.value))
    return between(found, every, np.full(every.shape, reference), tail)


def extreme(found: Found, which: Literal["lowest", "highest"], tail: float) -> Extreme:
    """Lowest or highest value with limits that hold for every group at once."""
    inner, outer = (seen_by_all(found, limits(found, t), t) for t in (tail, tail / len(found.value)))
    at = ends(found)[which == "highest"]
    value = None if np.isnan(found.value).any() else float(found.value[at])
    ((low, high),) = setters(inner, outer, which)
    if which == "lowest":
        return Extreme(value, float(inner.low.min()), float(outer.high.min()), at, False, low, high)
    return Extreme(value, float(outer.low.max()), float(inner.high.max()), at, False, low, high)


def ends(found: Found) -> tuple[int, int]:
    """Positions of the lowest and of the highest measured group."""
    if np.isnan(found.value).all():
        return 0, 0
    return int(np.nanargmin(found.value)), int(np.nanargmax(found.value))


def between(found: Found, i: np.ndarray, j: np.ndarray, tail: float) -> Limits:
    """Limits of entry i less entry j; infinite where an entry that has no limits could be anything."""
    return Limits(_least(found, i, j, tail), -_least(found, j, i, tail))


def _least(found: Found, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Lower limits of entry i less entry j, each as far as the other shows how far rows spread."""
    own = limits(found, tail)
    value = np.where(np.isnan(found.value), 0.0, found.value)
    known = np.isfinite(found.error) & np.isfinite(own.low) & np.isfinite(own.high)
    own = Limits(np.where(known, own.low, -np.inf), np.where(known, own.high, np.inf))
    r = 0.0 if found.r is None else found.r[i, j]
    low, high = lowest(found, own, i, j, tail), highest(found, own, j, i, tail)
    bounded = np.isfinite(low) & np.isfinite(high)
    if bounded.all():
        return least_difference(value[i], Limits(low, high), value[j], Limits(low, high), r)
    # An infinite distance times a correlation is nothing that could be subtracted.
    low, high = np.where(bounded, low, value[i]), np.where(bounded, high, value[j])
    made = least_difference(value[i], Limits(low, high), value[j], Limits(low, high), r)
    return np.where(bounded, made, -np.inf)
