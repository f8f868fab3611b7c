"""Means, root mean squares and R2 of each group from sums, with limits that any comparison of groups can use.

An interval is symmetric on a scale of its own (the value, the log of the mean square, or the log of the unexplained
share) and is carried back. Rows that share units are counted into folds; the delete-one-fold jackknife then gives the
variance, at least that of independent rows. A sample that happens to lack the few largest errors falls short: the limit
on that side is worked out with one more row. A group whose rows do not differ, or that has fewer than two, gets a value
and no limits: it blocks PASS and never causes FAIL. Simulated in docs/inference.md.

Must not: see rows, names or limits of a policy.

References
----------
Zou (2007), Psychological Methods 12:399 (MOVER, for limits of any statistic). Berger (1982), Technometrics 24:295.
Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3 (delete-group jackknife).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from audit.inference.effective import THIN_FOLDS
from audit.inference.intervals import Floats, Limits, difference, quantile
from audit.inference.pairs import Extreme, Gap, setters, widest

FLAT = 1e-12
"""Share of the sum of squares under which a variance is rounding."""
FEW_ROWS = 30.0
FEW_RESTING = 9.0
"""Rows (or folds) that carry a variance under which its interval is marked; simulated in docs/inference.md."""
UNSEEN = 2.0
"""Square of the error of the row that was not seen, in squares of the largest one."""
FARTHEST = 1e6
"""Squared distance of a group's mean label from the origin, in its variances, up to which fourth powers keep digits."""
SAYS_NOTHING = 1e100
"""Size beyond which a limit is none."""
Sums = Mapping[str, Floats]


class Scale(NamedTuple):
    """The scale on which an interval is symmetric: the statistic there, and the way back to its value."""

    point: Callable[[Sums], Floats]
    variance: Callable[[Sums], Floats]
    """Linearised variance of ``point`` for independent rows; NaN where rows do not differ."""
    back: Callable[[Floats], Floats]
    range: tuple[float, float]
    resting: Callable[[Sums], Floats] | None = None
    """How many rows carry the variance, of a skewed quantity; with few of them, Student's t has few degrees."""
    more: Callable[[Sums], Sums] | None = None
    """The sums with one large row that was not seen, for the limit on the side where a sample falls short."""
    marked_by: Callable[[Sums], Floats] | None = None
    """As ``resting``, of a mean whose interval stays Student's plain one: few of them only mark it."""


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


def measured(scale: Scale, sums: Sums, *, folds: bool) -> Found:
    """Statistic of every group.

    Parameters
    ----------
    scale
        One of `MEANS`, `ROOT_MEAN_SQUARE` and `EXPLAINED`.
    sums
        Arrays (G, F) by name: ``w`` and ``w2`` sums of weights and squared weights, and the scale's own.
    folds
        Whether the second axis holds folds of the unit.
    """
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
            return Found(value, point, error, df, kish, thin, scale, _above(scale, total, point, error, df))
        jackknife, r, fourth = _jackknife(scale, sums, total, point)
        resting = np.minimum(resting, fourth if scale.resting else 3 * fourth)
        filled = np.where(total["w"] > 0, total["w"] ** 2 / np.maximum((sums["w"] ** 2).sum(axis=1), 1e-300), 0.0)
        both = np.where(filled > 1 + 1e-9, np.fmax(variance, jackknife), np.nan)
        error, df = np.sqrt(np.where(np.isnan(variance), np.nan, both)), np.minimum(filled - 1, resting)
        thin = (kish < FEW_ROWS) | (filled < THIN_FOLDS) | few | (resting < FEW_RESTING)
        return Found(value, point, error, df, filled, thin, scale, _above(scale, total, point, error, df), r)


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
    most = _pair_limits(found, tail).high
    least = _pair_limits(found, tail / (looks * groups * (groups - 1) / 2)).low
    return widest(found.value, ends(found), least, most, top=np.inf)


def against(found: Found, reference: int, tail: float) -> Limits:
    """Limits of each group's difference from one reference group."""
    pairs = _pair_limits(found, tail)
    return Limits(pairs.low[:, reference], pairs.high[:, reference])


def extreme(found: Found, which: Literal["lowest", "highest"], tail: float) -> Extreme:
    """Lowest or highest value with limits that hold for every group at once."""
    inner, outer = limits(found, tail), limits(found, tail / len(found.value))
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


def _pair_limits(found: Found, tail: float) -> Limits:
    """(G, G) limits of group i less group j."""
    every = np.arange(len(found.value))
    return between(found, every[:, None], every[None, :], tail)


def between(found: Found, i: np.ndarray, j: np.ndarray, tail: float) -> Limits:
    """Limits of entry i less entry j; infinite where an entry that has no limits could be anything."""
    each = limits(found, tail)
    value = np.where(np.isnan(found.value), 0.0, found.value)
    closed = np.isfinite(found.error) & np.isfinite(each.low) & np.isfinite(each.high)
    low, high = np.where(closed, each.low, value), np.where(closed, each.high, value)
    r = 0.0 if found.r is None else found.r[i, j]
    made = difference(value[i], Limits(low[i], high[i]), value[j], Limits(low[j], high[j]), r)
    both = closed[i] & closed[j]
    return Limits(np.where(both, made.low, -np.inf), np.where(both, made.high, np.inf))


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient; NaN where the denominator is not above 0."""
    out: Floats = np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan)
    return out


def spread_of_labels(t: Sums) -> Floats:
    """Weighted sum of squares of the labels about their mean; 0 where it is rounding."""
    square: Floats = t["yy"] - np.nan_to_num(_over(t["y"] ** 2, t["w"]))
    return np.where(square > FLAT / 10 * t["yy"], square, 0.0)


def mean_of(name: str) -> Scale:
    """Scale of a plain mean of what the sums call by this name."""

    def point(t: Sums) -> Floats:
        return _over(t[name], t["w"])

    def variance(t: Sums) -> Floats:
        mean = point(t)
        square = t[f"{name}_w2x"] - 2 * mean * t[f"{name}_w2"] + mean**2 * t["w2"]
        return np.where(square > FLAT * t[f"{name}_w2x"], square / t["w"] ** 2, np.nan)

    bottom = 0.0 if name == "absolute" else -np.inf
    return Scale(point, variance, lambda x: x, (bottom, np.inf))


def resting_of(name: str, moments: tuple[str, str, str, str]) -> Callable[[Sums], Floats]:
    """(sum of w^2 d^2)^2 / sum of w^4 d^4 for d = x - mean, at most Kish's n; far below it where few rows decide.

    Of signed errors only sizes are held to all powers: exact where all lie on one side, else the most that it can be.
    """

    def resting(t: Sums) -> Floats:
        m, (one, two, three, four) = _over(t[name], t["w"]), (t[k] for k in moments)
        size = np.abs(m)
        fourth = four - 4 * size * three + 6 * m**2 * two - 4 * size**3 * one + m**4 * t["w4"]
        square = t[f"{name}_w2x"] - 2 * m * t[f"{name}_w2"] + m**2 * t["w2"]
        return np.where(fourth > FLAT * four, square**2 / fourth, t["w2"] ** 2 / t["w4"])

    return resting


def _more(name: str, moments: tuple[str, str, str, str], unseen: float) -> Callable[[Sums], Sums]:
    """One more row of usual weight; the largest size is that which dominates the highest powers."""

    def more(t: Sums) -> Sums:
        largest, w = (np.nan_to_num(_over(t[a], t[b])) for a, b in ((moments[3], moments[2]), ("w2", "w")))
        size = unseen * largest
        added = {name: w * size, f"{name}_w2": w**2 * size, f"{name}_w2x": (w * size) ** 2}
        added |= {k: w**4 * size**power for power, k in enumerate(moments, 1)}
        return {**t, **{k: t[k] + v for k, v in added.items()}}

    return more


def _log_mean_square(t: Sums) -> Floats:
    return np.log(_over(t["square"], t["w"]))


def _log_mean_square_variance(t: Sums) -> Floats:
    return mean_of("square").variance(t) / _over(t["square"], t["w"]) ** 2


def _log_unexplained(t: Sums) -> Floats:
    return np.log(_over(t["square"], spread_of_labels(t)))


def _log_unexplained_variance(t: Sums) -> Floats:
    """Of log(A / B), A the mean square error and B the labels' variance: a row moves it by (e^2 - A / B d^2) / A."""
    ratio, m = _over(t["square"], spread_of_labels(t)), _over(t["y"], t["w"])
    crossed = t["square_y2_w2"] - 2 * m * t["square_y1_w2"] + m**2 * t["square_w2"]
    fourth = t["y4_w2"] - 4 * m * t["y3_w2"] + 6 * m**2 * t["y2_w2"] - 4 * m**3 * t["y1_w2"] + m**4 * t["w2"]
    square = t["square_w2x"] - 2 * ratio * crossed + ratio**2 * fourth
    near = m**2 * t["w"] < FARTHEST * spread_of_labels(t)
    return np.where(near & (square > FLAT * t["square_w2x"]), square / t["square"] ** 2, np.nan)


_SQUARES = ("size2_w4", "size4_w4", "size6_w4", "size8_w4")
_SIZES = ("size1_w4", "size2_w4", "size3_w4", "size4_w4")
MEANS: Mapping[str, Scale] = {
    "error": mean_of("error")._replace(marked_by=resting_of("error", _SIZES)),
    "absolute": mean_of("absolute")._replace(
        resting=resting_of("absolute", _SIZES), more=_more("absolute", _SIZES, UNSEEN**0.5)
    ),
    "prediction": mean_of("prediction"),
}
_OF_SQUARES = resting_of("square", _SQUARES), _more("square", _SQUARES, UNSEEN)
ROOT_MEAN_SQUARE = Scale(
    _log_mean_square, _log_mean_square_variance, lambda x: np.exp(x / 2), (0.0, np.inf), *_OF_SQUARES
)
EXPLAINED = Scale(_log_unexplained, _log_unexplained_variance, lambda x: 1 - np.exp(x), (-np.inf, 1.0), *_OF_SQUARES)
