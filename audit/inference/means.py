"""Means, root mean squares and R2 of each group from sums, with limits that any comparison of groups can use.

An interval is symmetric on a scale of its own (the value, the log of the mean square, or the log of the unexplained
share) and is carried back. Rows that share units are counted into folds; the delete-one-fold jackknife then gives the
variance, at least that of independent rows. A group whose rows do not differ, or that has fewer than two, gets a value
and no limits: it blocks PASS and never causes FAIL. Simulated in tests/test_regression.py.

Must not: see rows, names or limits of a policy.

References
----------
Zou (2007), Psychological Methods 12:399 (MOVER, for limits of any statistic). Berger (1982), Technometrics 24:295.
Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3 (delete-group jackknife).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from audit.inference.effective import THIN_FOLDS
from audit.inference.intervals import Floats, Limits, difference, quantile
from audit.inference.pairs import Extreme, Gap

FLAT = 1e-12
"""Share of the sum of squares under which a variance is rounding."""
FEW_ROWS = 30.0
FEW_RESTING = 6.0
"""Rows (or folds) that carry a variance under which its interval is marked."""
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
        resting = np.clip(np.nan_to_num(scale.resting(total), nan=1.0), 1.0, None) if scale.resting else np.inf
        if not folds:
            thin = (kish < FEW_ROWS) | (resting < FEW_RESTING)
            return Found(value, point, np.sqrt(variance), np.minimum(kish - 1, resting), kish, thin, scale)
        jackknife, r, fourth = _jackknife(scale, sums, total, point)
        resting = np.minimum(resting, fourth if scale.resting else 3 * fourth)
        filled = np.where(total["w"] > 0, total["w"] ** 2 / np.maximum((sums["w"] ** 2).sum(axis=1), 1e-300), 0.0)
        both = np.where(filled > 1 + 1e-9, np.fmax(variance, jackknife), np.nan)
    thin = (kish < FEW_ROWS) | (filled < THIN_FOLDS) | (resting < FEW_RESTING)
    error = np.sqrt(np.where(np.isnan(variance), np.nan, both))
    return Found(value, point, error, np.minimum(filled - 1, resting), filled, thin, scale, r)


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
    q = quantile(tail, np.where(known, found.df, 1.0))
    half = np.where(known, q * np.where(known, found.error, 0.0), 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        ends = found.scale.back(found.point - half), found.scale.back(found.point + half)
    low, high = np.fmin(*ends), np.fmax(*ends)
    low, high = np.where(low < -SAYS_NOTHING, bottom, low), np.where(high > SAYS_NOTHING, top, high)
    return Limits(np.where(known, np.maximum(low, bottom), bottom), np.where(known, np.minimum(high, top), top))


def mean_gap(found: Found, tail: float, looks: int = 1) -> Gap:
    """Largest difference over all pairs of groups, by the pairs rule."""
    groups = len(found.value)
    inner = _pair_limits(found, tail).high
    outer = _pair_limits(found, tail / (looks * groups * (groups - 1) / 2)).low
    np.fill_diagonal(inner, -np.inf)
    np.fill_diagonal(outer, -np.inf)
    i, j = divmod(int(np.argmax(outer)), groups)
    k, m = divmod(int(np.argmax(inner)), groups)
    if i == j:
        i, j = 1, 0
    lowest, highest = ends(found)
    whole = not np.isnan(found.value).any()
    value = float(found.value[highest] - found.value[lowest]) if whole else None
    return Gap(value, max(0.0, float(outer[i, j])), float(inner[k, m]), (lowest, highest), (j, i), (m, k))


def against(found: Found, reference: int, tail: float) -> Limits:
    """Limits of each group's difference from one reference group."""
    pairs = _pair_limits(found, tail)
    return Limits(pairs.low[:, reference], pairs.high[:, reference])


def extreme(found: Found, which: Literal["lowest", "highest"], tail: float) -> Extreme:
    """Lowest or highest value with limits that hold for every group at once."""
    inner, outer = limits(found, tail), limits(found, tail / len(found.value))
    at = ends(found)[which == "highest"]
    value = None if np.isnan(found.value).any() else float(found.value[at])
    if which == "lowest":
        return Extreme(value, float(inner.low.min()), float(outer.high.min()), at, False)
    return Extreme(value, float(outer.low.max()), float(inner.high.max()), at, False)


def ends(found: Found) -> tuple[int, int]:
    """Positions of the lowest and of the highest measured group."""
    if np.isnan(found.value).all():
        return 0, 0
    return int(np.nanargmin(found.value)), int(np.nanargmax(found.value))


def _pair_limits(found: Found, tail: float) -> Limits:
    """(G, G) limits of group i less group j; infinite where a group that has no limits could be anything."""
    each = limits(found, tail)
    value = np.where(np.isnan(found.value), 0.0, found.value)
    closed = np.isfinite(found.error) & np.isfinite(each.low) & np.isfinite(each.high)
    low, high = np.where(closed, each.low, value), np.where(closed, each.high, value)
    first, second = Limits(low[:, None], high[:, None]), Limits(low[None, :], high[None, :])
    r = 0.0 if found.r is None else found.r
    made = difference(value[:, None], first, value[None, :], second, r)
    both = closed[:, None] & closed[None, :]
    return Limits(np.where(both, made.low, -np.inf), np.where(both, made.high, np.inf))


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient; NaN where the denominator is not above 0."""
    out: Floats = np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan)
    return out


def spread_of_labels(t: Sums) -> Floats:
    """Weighted sum of squares of the labels about their mean; 0 where it is rounding."""
    square: Floats = t["yy"] - np.nan_to_num(_over(t["y"] ** 2, t["w"]))
    return np.where(square > FLAT / 10 * t["yy"], square, 0.0)


def _mean(name: str) -> Scale:
    def point(t: Sums) -> Floats:
        return _over(t[name], t["w"])

    def variance(t: Sums) -> Floats:
        mean = point(t)
        square = t[f"{name}_w2x"] - 2 * mean * t[f"{name}_w2"] + mean**2 * t["w2"]
        return np.where(square > FLAT * t[f"{name}_w2x"], square / t["w"] ** 2, np.nan)

    bottom = 0.0 if name == "absolute" else -np.inf
    return Scale(point, variance, lambda x: x, (bottom, np.inf))


def _resting(name: str, moments: Sequence[str]) -> Callable[[Sums], Floats]:
    """(sum of w^2 d^2)^2 / sum of w^4 d^4 for d = x - mean, at most Kish's n; far below it where few rows decide."""

    def resting(t: Sums) -> Floats:
        m, (one, two, three, four) = _over(t[name], t["w"]), (t[k] for k in moments)
        fourth = four - 4 * m * three + 6 * m**2 * two - 4 * m**3 * one + m**4 * t["w4"]
        square = t[f"{name}_w2x"] - 2 * m * t[f"{name}_w2"] + m**2 * t["w2"]
        return np.where(fourth > FLAT * four, square**2 / fourth, t["w2"] ** 2 / t["w4"])

    return resting


def _log_mean_square(t: Sums) -> Floats:
    return np.log(_over(t["square"], t["w"]))


def _log_mean_square_variance(t: Sums) -> Floats:
    return _mean("square").variance(t) / _over(t["square"], t["w"]) ** 2


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


_OF_SQUARES = _resting("square", ("size2_w4", "size4_w4", "size6_w4", "size8_w4"))
MEANS: Mapping[str, Scale] = {
    "error": _mean("error"),
    "absolute": _mean("absolute")._replace(
        resting=_resting("absolute", ("size1_w4", "size2_w4", "size3_w4", "size4_w4"))
    ),
    "prediction": _mean("prediction"),
}
ROOT_MEAN_SQUARE = Scale(
    _log_mean_square, _log_mean_square_variance, lambda x: np.exp(x / 2), (0.0, np.inf), _OF_SQUARES
)
EXPLAINED = Scale(_log_unexplained, _log_unexplained_variance, lambda x: 1 - np.exp(x), (-np.inf, 1.0), _OF_SQUARES)
_RANGES = {"squared_error": (0.0, 1.0), "log_loss": (0.0, np.inf), "calibration": (-1.0, 1.0)}
LOSSES: Mapping[str, Scale] = {
    name: _mean(name)._replace(range=ends, resting=_resting(name, [f"{name}{k}_w4" for k in (1, 2, 3, 4)]))
    for name, ends in _RANGES.items()
}
"""Mean losses of probabilities, and label less probability; a few rows may carry a loss's variance."""
