"""Intervals of one rate, and of the difference and ratio of two, from counts alone; and of one mean over units.

All functions of rates are vectorised over numpy arrays and take the upper quantile ``q`` (1.96 for 95%), so that the
same code serves normal and t quantiles, plain and corrected. An unmeasured rate has ``p`` NaN and gets [0, 1].

Must not: see a cube, a name or a limit; decide anything.

References
----------
Wilson (1927), JASA 22:209. Newcombe (1998), Statistics in Medicine 17:873, method 10. Zou (2007), Psychological
Methods 12:399 (correlated estimates). Donner and Zou (2012), Statistical Methods in Medical Research 21:347 (MOVER-R).
Clopper and Pearson (1934), Biometrika 26:404. Korn and Graubard (1998), Survey Methodology 24:193 (at effective rows).
Cramer (1938), Actualites scientifiques et industrielles 736:5 (relative error of normal tails).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from audit.measurement.inference.few_events import FEW_AT, FEW_EVENTS, enough_at

Floats = npt.NDArray[np.float64]

DIGITS = 14
"""Digits of a share in which a rate and what is left of 1 by its complement are the same."""


NO_VARIANCE = 1e-24
"""Variance of a mean that rounding alone may leave where units do not differ."""


class Limits(NamedTuple):
    """Lower and upper limit, arrays of one shape."""

    low: Floats
    high: Floats


def quantile(tail: float, df: Floats) -> Floats:
    """Return the upper ``tail`` point: normal where ``df`` is infinite, else Student t (df below 1 is lifted to 1)."""
    df = np.asarray(df, dtype=float)
    points = np.full(df.shape, NormalDist().inv_cdf(1 - tail))
    finite = np.isfinite(df)
    if finite.any():
        from scipy.special import stdtrit

        points[finite] = stdtrit(np.maximum(df[finite], 1.0), 1 - tail)
    return points


class MeanOfUnits(NamedTuple):
    """A mean over rows with limits that rest on units."""

    value: float
    low: float | None
    high: float | None
    units: int
    alike: bool = False
    """Whether the units do not differ, so that nothing is known of their spread."""


def bound_mean(values: Floats, unit: npt.NDArray[np.intp], tail: float) -> MeanOfUnits:
    """Return the mean over rows, with Student's t limits over units that are independent of each other.

    Parameters
    ----------
    values
        Shape (n,), n at least 1.
    unit
        Shape (n,): number of the unit of each row; where each row is its own, this is the plain t interval.
    tail
        Error on each side.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 9A.2: the linearised variance of a ratio of two sums over units.

    >>> bound_mean(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0, 0, 1, 1]), 0.025).alike
    True
    """
    value = float(values.mean())
    _, at = np.unique(unit, return_inverse=True)
    sums, sizes = np.bincount(at, weights=values), np.bincount(at)
    count = len(sums)
    variance = count / max(count - 1, 1) * float(((sums - value * sizes) ** 2).sum()) / len(values) ** 2
    if count < 2 or variance <= NO_VARIANCE:
        return MeanOfUnits(value, None, None, count, alike=count > 1)
    reach = float(quantile(tail, np.array([count - 1.0]))[0]) * math.sqrt(variance)
    return MeanOfUnits(value, value - reach, value + reach, count)


def wilson(p: Floats, n: Floats, q: Floats | float) -> Limits:
    """Return the score interval of a rate.

    Parameters
    ----------
    p
        Rates; NaN where the denominator is zero.
    n
        Effective rows, possibly fractional; 0 where unmeasured.
    q
        Upper quantile.
    """
    measured = (n > 0) & ~np.isnan(p)
    n_safe, p_safe = np.where(measured, n, 1.0), np.where(measured, p, 0.5)
    # Wilson (1927): the rates r at which the observed p lies q standard deviations off, |p - r| = q sqrt(r (1 - r) /
    # n).
    scale = 1 + q * q / n_safe
    centre = (p_safe + q * q / (2 * n_safe)) / scale
    half = q / scale * np.sqrt(p_safe * (1 - p_safe) / n_safe + q * q / (4 * n_safe * n_safe))
    low = np.minimum(np.maximum(centre - half, 0), p_safe)
    high = np.maximum(np.minimum(centre + half, 1), p_safe)
    return Limits(np.where(measured, low, 0.0), np.where(measured, high, 1.0))


def clopper_pearson(p: Floats, n: Floats, tail: Floats | float) -> Limits:
    """Return the interval that never covers less than it says; ``tail`` is the error on each side."""
    from scipy.special import betaincinv

    measured = (n > 0) & ~np.isnan(p)
    n_safe = np.where(measured, n, 1.0)
    hits = np.where(measured, p, 0.5) * n_safe
    misses = n_safe - hits
    # Quantiles of Beta(hits, misses + 1) and Beta(hits + 1, misses); 0 or 1 where there is no event or nothing else.
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-12), misses + 1, tail), 0.0)
    high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1e-12), 1 - tail), 1.0)
    return Limits(np.where(measured, low, 0.0), np.where(measured, high, 1.0))


def few_at(p: Floats, n: Floats, z: Floats | float) -> np.ndarray:
    """Return rates that rest on too few events or non-events for Wilson's limits at a normal quantile of ``z``.

    The error of a score limit exceeds what it promises by about exp(z^3 / (6 sqrt(events))) (Cramer), so a smaller
    error asks for more events: with the square of ``z``, no error is five times what is promised, down to 1e-8.
    """
    few: np.ndarray = n * np.minimum(p, 1 - p) < enough(z)
    return few & (n > 0)


def enough(z: Floats | float) -> Floats | float:
    """Return events that are enough for Wilson's limits at a normal quantile; see `few_at`."""
    if isinstance(z, float):
        return enough_at(z)
    each: Floats = FEW_EVENTS * np.maximum(z / FEW_AT, 1.0) ** 2
    return each


def moved_out(limits: Limits, few: np.ndarray, p: Floats, n: Floats, tail: Floats | float) -> Limits:
    """Return limits, and for the rates of few events those of Clopper and Pearson as far as they lie further out.

    Parameters
    ----------
    few
        Which rates rest on few events.
    n
        Effective rows at a normal quantile z; where a t quantile q was used, n (z / q)^2 (Korn and Graubard).
    tail
        Error on each side, one for all or one for each.
    """
    if not few.any():
        return limits
    exact = _each_once(p[few], n[few], tail) if isinstance(tail, float) else clopper_pearson(p[few], n[few], tail[few])
    low, high = limits.low.copy(), limits.high.copy()
    low[few], high[few] = np.minimum(low[few], exact.low), np.maximum(high[few], exact.high)
    return Limits(low, high)


def _each_once(p: Floats, n: Floats, tail: float) -> Limits:
    """Return Clopper and Pearson's limits, worked out once for a rate and its complement.

    Several metrics ask for them.
    """
    rare = p <= 0.5
    share = np.where(rare, p, 1 - p).round(DIGITS)
    # A complex number holds share and rows, so that one sort finds each pair of them.
    _, first, back = np.unique(share + 1j * n, return_index=True, return_inverse=True)
    made = clopper_pearson(share[first], n[first], tail)
    low, high = made.low[back], made.high[back]
    return Limits(np.where(rare, low, 1 - high), np.where(rare, high, 1 - low))


def trusted(r: Floats, few: np.ndarray, few_other: np.ndarray) -> Floats:
    """Return correlations that may narrow limits: of few events a correlation is itself chance, and may only widen."""
    return np.where(few | few_other, np.minimum(r, 0.0), r)


def difference(p1: Floats, lim1: Limits, p2: Floats, lim2: Limits, r: Floats | float = 0.0) -> Limits:
    """Return limits of ``p1 - p2`` by squaring and adding each rate's own distances (Newcombe 10, MOVER).

    ``r`` is the correlation of the two estimates; 0 for independent groups. Unmeasured pairs get [-1, 1].
    """
    return Limits(least_difference(p1, lim1, p2, lim2, r), -least_difference(p2, lim2, p1, lim1, r))


def least_difference(p1: Floats, lim1: Limits, p2: Floats, lim2: Limits, r: Floats | float = 0.0) -> Floats:
    """Return the lower limit of ``difference`` alone; the upper one is that of ``p2 - p1``, turned round."""
    below, above = p1 - lim1.low, lim2.high - p2
    spread = np.asarray(below**2 + above**2)
    if not _independent(r):
        # Zou (2007): correlated distances have 2 r times their product in common.
        spread = np.asarray(np.maximum(spread - 2 * r * (below * above), 0))
    # In place from here on: of all pairs of many groups, arrays are large, and making them is what takes time.
    low: Floats = np.asarray(p1 - p2)
    low -= np.sqrt(spread, out=spread)
    if np.isnan(p1).any() or np.isnan(p2).any():
        return np.where(np.isnan(low), -1.0, low)
    return low


def _independent(r: Floats | float) -> bool:
    """Return whether no two estimates are correlated, so that no correlation need be worked out for every pair."""
    return isinstance(r, float) and r == 0.0


def ratio(p1: Floats, lim1: Limits, p2: Floats, lim2: Limits, r: Floats | float = 0.0) -> Limits:
    """Return limits of ``p1 / p2``: the c at which the limits of ``p1 - c p2`` touch 0 (MOVER-R, rationalised roots).

    The upper limit is infinite where the lower limit of ``p2`` is 0. Unmeasured pairs get [0, inf].
    """
    return Limits(least_ratio(p1, lim1, p2, lim2, r), greatest_ratio(p1, lim1, p2, lim2, r))


def least_ratio(p1: Floats, lim1: Limits, p2: Floats, lim2: Limits, r: Floats | float = 0.0) -> Floats:
    """Return the lower limit of ``ratio`` alone."""
    # MOVER-R (Donner and Zou 2012): the smaller root in c, with the square root below the line where no digits
    # cancel.
    x, y = lim1.low * (2 * p1 - lim1.low), lim2.high * (2 * p2 - lim2.high)
    below = _root(p1 * p2, r, p1 - lim1.low, lim2.high - p2, x, y)
    # Without a measured rate ``below`` is NaN, and no comparison with it holds.
    positive = below > 0
    if positive.all():
        return np.asarray(np.divide(np.maximum(x, 0), below, out=below))
    return np.asarray(np.divide(np.maximum(x, 0), below, out=np.zeros_like(below), where=positive))


def greatest_ratio(p1: Floats, lim1: Limits, p2: Floats, lim2: Limits, r: Floats | float = 0.0) -> Floats:
    """Return the upper limit of ``ratio`` alone."""
    # The larger root of the same, with the square root above the line.
    x, y = lim1.high * (2 * p1 - lim1.high), lim2.low * (2 * p2 - lim2.low)
    positive, measured = y > 0, ~np.isnan(p1)
    high = _root(p1 * p2, r, lim1.high - p1, p2 - lim2.low, x, y)
    with np.errstate(over="ignore"):  # over next to nothing there is no upper limit either
        high /= np.where(positive, y, 1.0)
    if positive.all() and measured.all():
        return high
    return np.where(positive & measured, high, np.inf)


def _root(product: Floats, r: Floats | float, u: Floats, v: Floats, x: Floats, y: Floats) -> Floats:
    """Return ``a + sqrt(a^2 - x y)``, ``a`` being the product of the rates less what they have in common."""
    a = product if _independent(r) else product - r * (u * v)
    found: Floats = np.asarray(a * a)
    found -= x * y
    np.sqrt(np.maximum(found, 0, out=found), out=found)
    found += a
    return found
