"""Means, root mean squares and R2 of each group from sums, with limits that any comparison of groups can use.

An interval is symmetric on a scale of its own (the value, the log of the mean square, or the log of the unexplained
share) and is carried back. Rows that share units are counted into folds; the delete-one-fold jackknife then gives the
variance, at least that of independent rows. A sample that happens to lack the few largest errors falls short: the limit
on that side is worked out with one more row, and beside a larger group with that one's spread (see below).
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
from audit.measurement.inference.pairs import Extreme, Gap, find_ends, setters, widest
from audit.measurement.inference.scales import Scale, Sums

LARGER = 2.0
"""Rows of a group that lends, in rows of one that borrows: no group lends to its like."""
FEW_ROWS = 30.0
MANY = 1000.0
"""Degrees of freedom from which Student's t is the normal quantile to a thousandth."""
LITTLE = 1.5
"""Spread that a larger group shows, in spreads of the group's own, from which its own interval is marked; and rows, of
a spread as large as the mean, from which a group would have seen what there is to see."""


FEW_RESTING = 9.0
"""Rows (or folds) that carry a variance under which its interval is marked; simulated in docs/inference.md."""
SAYS_NOTHING = 1e100
"""Size beyond which a limit is none."""


class Above(NamedTuple):
    """What the limit of larger points is made of."""

    point: Floats
    error: Floats
    df: Floats


class MeanSample(NamedTuple):
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
    sizes: MeanSample | None = None
    """Mean sizes of the rows of signed means, where their sums are known."""


def measured(scale: Scale, sums: Sums, *, folds: bool) -> MeanSample:
    """Return the statistic of every group, marked also where a larger group shows a spread that its own rows do not.

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


def _alone(scale: Scale, sums: Sums, *, folds: bool) -> MeanSample:
    """Return the statistic of every group, each by itself."""
    total = {k: v.sum(axis=1) for k, v in sums.items()}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        point = scale.point(total)
        value = np.where(np.isnan(point), np.nan, scale.back(point))
        kish = np.where(total["w2"] > 0, total["w"] ** 2 / total["w2"], 0.0)
        # Bessel's correction, n / (n - 1), at Kish's effective rows.
        variance = np.where(kish > 1 + 1e-9, scale.variance(total) * kish / (kish - 1), np.nan)
        resting = _carrying(scale.resting, total)
        few = np.minimum(resting, _carrying(scale.marked_by, total)) < FEW_RESTING
        if not folds:
            thin, error, df = (kish < FEW_ROWS) | few, np.sqrt(variance), np.minimum(kish - 1, resting)
            return MeanSample(
                value, point, error, df, kish, thin, scale, _above(scale, total, point, error, df), kish=kish
            )
        jackknife, r, fourth = _jackknife(scale, sums, total, point)
        # Satterthwaite's degrees of freedom; the factor 3 of normal deviations is not granted to skewed ones.
        resting = np.minimum(resting, fourth if scale.resting else 3 * fourth)
        # Kish's formula over folds: how many equally filled ones would vary as much.
        filled = np.where(total["w"] > 0, total["w"] ** 2 / np.maximum((sums["w"] ** 2).sum(axis=1), 1e-300), 0.0)
        both = np.where(filled > 1 + 1e-9, np.fmax(variance, jackknife), np.nan)
        error, df = np.sqrt(np.where(np.isnan(variance), np.nan, both)), np.minimum(filled - 1, resting)
        thin = (kish < FEW_ROWS) | (filled < THIN_FOLDS) | few | (resting < FEW_RESTING)
        return MeanSample(value, point, error, df, filled, thin, scale, _above(scale, total, point, error, df), r, kish)


def _carrying(rows: Callable[[Sums], Floats] | None, total: Sums) -> Floats | float:
    """Return rows that carry the variance, at least one; without end where the scale does not say."""
    if rows:
        return np.clip(np.nan_to_num(rows(total), nan=1.0), 1.0, None)
    return np.inf


def _above(scale: Scale, total: Sums, point: Floats, error: Floats, df: Floats) -> Above:
    """Return point, error and degrees of freedom as they would be with the row that was not seen."""
    if scale.more is None:
        return Above(point, error, df)
    more = scale.more(total)
    # The standard error grows as that of independent rows does with the row that was not seen.
    stretch = np.sqrt(scale.variance(more) / scale.variance(total))
    return Above(scale.point(more), error * stretch, np.minimum(df, _carrying(scale.resting, more)))


def _jackknife(scale: Scale, sums: Sums, total: Sums, point: Floats) -> tuple[Floats, Floats, Floats]:
    """Return every group's delete-one-fold variance, the correlation of deviations, and how many folds carry it."""
    live = (sums["w"] > 0) & (total["w"][:, None] - sums["w"] > 0)
    without = scale.point({k: total[k][:, None] - v for k, v in sums.items()})
    deviation = np.where(live & np.isfinite(without), without - point[:, None], 0.0)
    deviation = np.where(np.isfinite(deviation), deviation, 0.0)
    count = np.maximum((sums["w"] > 0).sum(axis=1), 1)
    square = (deviation**2).sum(axis=1)
    scaled = deviation / np.where(square > 0, np.sqrt(square), 1.0)[:, None]
    fourth = np.maximum((scaled**4).sum(axis=1), 1e-300)
    # Delete-one-fold jackknife (Busing et al. 1999).
    return (count - 1) / count * square, np.clip(scaled @ scaled.T, -1, 1), np.where(square > 0, 1 / fourth, np.inf)


def limits(found: MeanSample, tail: float) -> Limits:
    """Return the interval of each group; the whole range where none can be given."""
    bottom, top = found.scale.range
    known = np.isfinite(found.error)
    above = found.above
    q = quantile(tail, np.where(known, found.df, 1.0))
    q_above = quantile(tail, np.where(known, above.df, 1.0))
    with np.errstate(over="ignore", invalid="ignore"):
        highest = above.point + q_above * above.error
        highest = np.where(np.isnan(highest), np.inf, highest)
        ends = found.scale.back(found.point - q * found.error), found.scale.back(highest)
    low, high = np.fmin(*ends), np.fmax(*ends)
    low, high = np.where(low < -SAYS_NOTHING, bottom, low), np.where(high > SAYS_NOTHING, top, high)
    return Limits(np.where(known, np.maximum(low, bottom), bottom), np.where(known, np.minimum(high, top), top))


def mean_gap(found: MeanSample, tail: float, looks: int = 1) -> Gap:
    """Return the largest difference over all pairs of groups, by the pairs rule."""
    groups = len(found.value)
    every = np.arange(groups)
    pairs = every[:, None], every[None, :]
    # The upper limit of every pair is the lower one of the pair turned round.
    most = -_least(found, *pairs, tail).T
    least = _least(found, *pairs, tail / (looks * groups * (groups - 1) / 2))
    return widest(found.value, find_ends(found.value), least, most, top=np.inf)


def against(found: MeanSample, reference: int, tail: float) -> Limits:
    """Return limits of each group's difference from one reference group."""
    every = np.arange(len(found.value))
    return between(found, every, np.full(every.shape, reference), tail)


def extreme(found: MeanSample, which: Literal["lowest", "highest"], tail: float) -> Extreme:
    """Return the lowest or highest value with limits that hold for every group at once."""
    among_all = tail / len(found.value)
    inner = seen_by_all(found, limits(found, tail), tail)
    outer = seen_by_all(found, limits(found, among_all), among_all)
    at = find_ends(found.value)[which == "highest"]
    value = None if np.isnan(found.value).any() else float(found.value[at])
    ((low, high),) = setters(inner, outer, which)
    if which == "lowest":
        return Extreme(value, float(inner.low.min()), float(outer.high.min()), at, False, low, high)
    return Extreme(value, float(outer.low.max()), float(inner.high.max()), at, False, low, high)


def between(found: MeanSample, i: np.ndarray, j: np.ndarray, tail: float) -> Limits:
    """Return limits of entry i less entry j; infinite where an entry that has no limits could be anything."""
    return Limits(_least(found, i, j, tail), -_least(found, j, i, tail))


def _least(found: MeanSample, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Return lower limits of entry i less entry j, each as far as the other shows how far rows spread."""
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


# What a larger group lends a smaller one: the spread of rows that the smaller one may have had no chance to draw.
#
# Where two rows in a hundred have errors twenty times as large, three in ten groups of 60 rows have none of them.
# Such a group looks better than a large one, and its own rows cannot tell that anything is missing; the large group's
# can. So wherever a group is held against one of at least twice its rows, its limits are those that the other's
# spread gives it where these lie further out:
#
# - of sizes, which cannot lie below 0, the other's spread in proportion to the mean. If the group's law is the other's,
#   drawn out by a factor, the mean of its n rows falls short of its expectation by more than ``q s / sqrt(n)`` of it as
#   rarely as the tail of ``q`` says, s being the spread of one row over the mean. The limit is therefore
#   ``value / (1 - q s / sqrt(n))``, and there is none where the rows are so few that all of the spread may be unseen.
# - of signed rows, the other's spread as it stands: in proportion where the group's rows are larger on the whole, or
#   surely smaller. Away from the other, that proportion is a guess of few rows, and gets Student's t.
#
# Must not: see rows, names or limits of a policy.
#
# References
# ----------
# Fieller (1954), JRSS B 16:175 (limits whose standard error is that of the value they are limits of). Only two moments
# are asked of the other group; of all laws that have them, a rare size beside nothing falls short most. Maurer (2003),
# JIPAM 4:15: no sum of what is never negative falls short by more than its second moment allows.
def lowest(found: MeanSample, own: Limits, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Return lower limits of entries i as far as entries j show how far rows spread.

    Parameters
    ----------
    own
        Limits of each entry by itself.
    i, j
        Positions of entries, of shapes that go together.
    """
    scale = found.scale
    if scale.lends is None or not (scale.falls or scale.lends == "spread"):
        return np.asarray(own.low[i])
    low: Floats = np.maximum(np.fmin(own.low[i], _end(found, i, j, tail, -1)), scale.range[0])
    return low


def highest(found: MeanSample, own: Limits, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Return upper limits of entries i as far as entries j show how far rows spread; see `lowest`."""
    scale = found.scale
    if scale.lends is None or scale.falls:
        return np.asarray(own.high[i])
    high: Floats = np.minimum(np.fmax(own.high[i], _end(found, i, j, tail, 1)), scale.range[1])
    return high


def seen_by_all(found: MeanSample, own: Limits, tail: float) -> Limits:
    """Return limits of every entry as far as any other shows how far rows spread."""
    every = np.arange(len(found.value))
    others = every[:, None], every[None, :]
    if found.scale.lends in {"value", "log"} and len(every):
        # Of all that lend to an entry, the one with the largest spread reaches furthest.
        others = every, _largest_lender(found, _reach(found, _in_proportion(found), tail))
    low, high = lowest(found, own, *others, tail), highest(found, own, *others, tail)
    return Limits(low.reshape(len(every), -1).min(axis=1), high.reshape(len(every), -1).max(axis=1))


def unlike(found: MeanSample) -> np.ndarray:
    """Return groups with an interval of their own that is short of what a larger group shows of the spread."""
    sizes = found.sizes if found.scale.lends == "spread" else found
    if sizes is None or sizes.scale.lends is None or not len(found.value):
        return np.zeros(len(found.value), dtype=bool)
    every = np.arange(len(found.value))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        own = _in_proportion(sizes)
        spread = np.where(np.isfinite(own), own, 0.0) * np.sqrt(sizes.kish)
        lent = _of_as_many(sizes, spread, every, _largest_lender(sizes, spread))
        short: np.ndarray = (lent**2 * FEW_ROWS > 1) & (lent > LITTLE * own)
    return short


def _largest_lender(found: MeanSample, spread: Floats) -> np.ndarray:
    """Return the entry with the largest spread of those with at least twice the rows of each.

    Else the largest of all.
    """
    order = np.argsort(found.kish, kind="stable")
    # The largest spread from each place upwards, and the first place that has it.
    ahead = np.maximum.accumulate(spread[order][::-1])[::-1]
    there = np.where(spread[order] == ahead, np.arange(len(order)), len(order))
    first = np.minimum.accumulate(there[::-1])[::-1]
    start = np.searchsorted(found.kish[order], LARGER * found.kish)
    return order[first[np.minimum(start, len(order) - 1)]]


def _end(found: MeanSample, i: np.ndarray, j: np.ndarray, tail: float, side: int) -> Floats:
    """Return limits that entries j give entries i on one side: within those of i alone where j does not lend."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if found.scale.lends == "spread":
            reach = _of_as_many(found, _reach(found, found.error, tail), i, j) * _part(found.sizes, i, j, tail)
            away = side * (found.value[i] - found.value[j]) > 0
            reach = np.where(away, reach * _of_a_guess(found.sizes, i, j, tail), reach)
            return np.asarray(found.value[i] + side * reach)
        if found.scale.lends == "value":
            return np.asarray(found.value[i] * _stretch(found, i, j, tail))
        return found.scale.back(found.point[i] + np.log(_stretch(found, i, j, tail)))


def _of_a_guess(sizes: MeanSample | None, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Return Student's t over the normal quantile: how far a spread of entries i is itself taken from their few rows.

    Only away from j, where the laws are unlike whatever the truth: towards it, false fails are of laws that are alike.
    """
    if sizes is None:
        return np.ones(())
    # A spread that is known with a variance of v, in proportion, has 1 / 2v degrees of freedom (Satterthwaite).
    one = _in_proportion(sizes) * np.sqrt(sizes.kish)
    df = sizes.kish[i] / (2 * one[j] ** 2)
    guessed = (sizes.value[i] > sizes.value[j]) & (sizes.kish[j] >= LARGER * sizes.kish[i]) & (df < MANY)
    factor = np.ones(df.shape)
    factor[guessed] = quantile(tail, df[guessed]) / quantile(tail, np.array([np.inf]))
    return factor


def _in_proportion(found: MeanSample) -> Floats:
    """Return standard errors as parts of the value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if found.scale.lends == "log":
            return found.error
        return found.error / found.value


def _reach(found: MeanSample, error: Floats, tail: float) -> Floats:
    """Return the distance of a limit from the value, if each entry were of one row."""
    known = np.isfinite(error) & np.isfinite(found.error)
    return quantile(tail, np.where(known, found.df, 1.0)) * np.where(known, error, 0.0) * np.sqrt(found.kish)


def _of_as_many(found: MeanSample, one: Floats, i: np.ndarray, j: np.ndarray) -> Floats:
    """Return what is true of one row of j, of as many as i has; 0 where j does not lend."""
    rows = found.kish
    fewer = np.divide(1.0, np.sqrt(rows), out=np.zeros_like(rows), where=rows > 0)
    many: Floats = one[j] * fewer[i]
    many *= rows[j] >= LARGER * rows[i]
    return many


def _stretch(found: MeanSample, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Return the largest factor by which the value of i may fall short; 1 where j does not lend."""
    left = 1 - _of_as_many(found, _reach(found, _in_proportion(found), tail), i, j)
    # Fieller (1954): the limit is value / (1 - q s / sqrt(n)), and none where the rows may hide all of the spread.
    stretch: Floats = 1 / np.maximum(left, 0.0)
    return stretch


def _part(sizes: MeanSample | None, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Return the part of j's spread that i may have: less than all only where the rows of i are surely smaller."""
    if sizes is None:
        return np.ones(())
    part = sizes.value[i] / sizes.value[j]
    most = part * _stretch(sizes, i, j, tail)
    likely: Floats = np.where(most < 1, most, np.fmax(part, 1.0))
    return likely
