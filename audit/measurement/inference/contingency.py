"""Whether samples have the same shares of several categories, and whether two rates are one; also for shared units.

Must not: know a category's name, or decide anything.

References
----------
Pearson (1900), Philosophical Magazine 50:157. Cochran (1954), Biometrics 10:417 (small expected counts). Rao and Scott
(1981), JASA 76:221 (first-order correction). Fisher (1935), Journal of the Royal Statistical Society 98:39.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from audit.measurement.inference.corrections import HALVINGS, LARGEST_TAIL, SMALLEST_TAIL
from audit.measurement.inference.effective import Sample, folded, weighted
from audit.measurement.inference.intervals import Floats, Limits, difference, few_at, moved_out, trusted, wilson
from audit.measurement.inference.pairs import correlations, guarded

FEW_EXPECTED_OF_POPULATION = 5.0
"""Effective rows expected in a group under which chi-square is a poor guide (Cochran 1954)."""


TIE = 1e-7
"""Relative difference under which two tables count as equally likely; R's fisher.test uses the same."""
WINDOW_SD = 40.0
"""Standard deviations of the count beyond which a table's probability is no floating number."""
BEYOND_SD = 9.0
"""Standard deviations beyond the table found at which what is left of a tail is under 1e-16 of its probability."""
SMALLEST_P = 1e-300


LEAST_ROWS = 1e-9
FEW_EXPECTED = 10.0
"""Expected rows under which categories are taken as one. Five, enough at p = .05, doubles the false alarms at .0002."""


class Shift(NamedTuple):
    """How far two samples lie apart, and how surprising that is."""

    variation: float
    """Half the sum of the differences of shares, 0 to 1."""
    p_value: float


def shift(first: Floats, second: Floats) -> Shift | None:
    """Compare two samples over the same categories; None where one of them is empty.

    Categories of which fewer than ten rows are expected in a sample are taken as one for the p-value.

    Parameters
    ----------
    first, second
        Rows by category and fold, shapes (K, F) and (K, F'); one fold where rows are independent.
    """
    counts = np.stack([first.sum(axis=1), second.sum(axis=1)]).astype(float)
    if counts.sum(axis=1).min() <= 0:
        return None
    shares = counts / counts.sum(axis=1, keepdims=True)
    variation = float(np.abs(shares[0] - shares[1]).sum() / 2)
    rows = np.array([_worth(sample) for sample in (first, second)])
    return Shift(variation, _chi_square_p(_lumped(shares * rows[:, None])))


def rates_apart(hits: Floats, rows: Floats) -> float | None:
    """Return the two-sided p of two rates being one; None where one of them has no rows.

    Parameters
    ----------
    hits, rows
        Shape (2, F): events and rows of both by fold; one fold where rows are independent.
    """
    total, events = rows.sum(axis=1), hits.sum(axis=1)
    if total.min() <= 0:
        return None
    if rows.shape[1] == 1:
        return fisher(float(events[0]), float(total[0]), float(events[1]), float(total[1]))
    found = float(inverted_p(folded(hits.T.astype(float), rows.T.astype(float), total.astype(float)), 1)[0])
    return None if np.isnan(found) else found


def at_least(hits: int, trials: int, rate: float) -> float:
    """Return the chance of so many hits or more in independent trials of one rate."""
    if hits <= 0:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(hits - 1, trials, min(max(rate, 0.0), 1.0)))


def _worth(sample: Floats) -> float:
    """Return independent rows that a sample is worth: its rows over the mean design effect of its shares."""
    rows = float(sample.sum())
    if sample.shape[1] == 1 or len(sample) < 2:
        return rows
    total = np.broadcast_to(sample.sum(axis=0), sample.shape)
    each = folded(sample.T.astype(float), total.T.astype(float), np.full(len(sample), rows))
    # Rao and Scott (1981), first order: the mean design effect of K shares is sum (1 - p) d / (K - 1).
    effect = (1 - each.p) * rows / np.maximum(each.n, LEAST_ROWS)
    return rows / max(1.0, float(effect.sum() / (len(sample) - 1)))


def _lumped(counts: Floats) -> Floats:
    """Return the same with all categories of small expectation as one."""
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    few = expected < FEW_EXPECTED
    if few.sum() < 2:
        return counts
    return np.concatenate([counts[:, ~few], counts[:, few].sum(axis=1, keepdims=True)], axis=1)


def _chi_square_p(counts: Floats) -> float:
    from scipy.special import chdtrc

    filled = counts[:, counts.sum(axis=0) > 0]
    if filled.shape[1] < 2:
        return 1.0
    expected = np.outer(filled.sum(axis=1), filled.sum(axis=0)) / filled.sum()
    return float(chdtrc(filled.shape[1] - 1, ((filled - expected) ** 2 / expected).sum()))


# Whether two rates differ: exact where rows are plain, by interval where they carry weights or share units.
#
# Must not: know who is compared, or decide anything.
#
# References
# ----------
# Fisher (1935), Journal of the Royal Statistical Society 98:39. Inverted intervals: see `inference.intervals`.
def fisher(hits: float, rows: float, hits_other: float, rows_other: float) -> float:
    """Return the two-sided p of Fisher's exact test: the sum of all tables that are no likelier than the one found.

    Parameters
    ----------
    hits, rows, hits_other, rows_other
        Whole numbers of plain rows.
    """
    total, both = rows + rows_other, hits + hits_other
    least, most = max(0.0, both - rows_other), min(rows, both)
    mean = rows * both / total
    # Mean and standard deviation of a hypergeometric count; far from them no probability is a floating number.
    spread = float(np.sqrt(mean * (rows_other / total) * (total - both) / max(total - 1, 1))) + 1
    if abs(hits - mean) > WINDOW_SD * spread:
        return SMALLEST_P
    reach = abs(hits - mean) + BEYOND_SD * spread
    k = np.arange(max(least, np.floor(mean - reach)), min(most, np.ceil(mean + reach)) + 1)
    # Each table's probability follows from that of the one before; logarithms of factorials would cancel.
    steps = (both - k[:-1]) * (rows - k[:-1]) / (k[1:] * (rows_other - both + k[1:]))
    log = np.concatenate([[0.0], np.cumsum(np.log(steps))])
    likely = np.exp(log - log.max())
    here = likely[int(hits - k[0])]
    return float(max(min(1.0, likely[likely <= here * (1 + TIE)].sum() / likely.sum()), SMALLEST_P))


def pooled_z(sample: Sample, other: int) -> Floats:
    """Return standard deviations between each rate and one other, at the rate of both together.

    NaN where that is 0 or 1.
    """
    n, m = sample.n, sample.n[other]
    p = np.where(sample.measured, sample.p, 0.0)
    # The variance of a difference if both rates are one, P (1 - P) (1/n + 1/m).
    together = (n * p + m * p[other]) / np.maximum(n + m, 1e-300)
    variance = together * (1 - together) * (1 / np.maximum(n, 1e-300) + 1 / max(float(m), 1e-300))
    known = sample.measured & (variance > 1e-15)
    return np.where(known, (p - p[other]) / np.sqrt(np.where(known, variance, 1.0)), np.nan)


def inverted_p(sample: Sample, other: int) -> Floats:
    """Return the two-sided p of each rate against one other: the smallest error at which their interval leaves 0 out.

    It allows for weights and for rows that share units exactly as the interval does. NaN where a rate is not measured.
    """
    low = np.full(sample.p.shape, np.log(SMALLEST_TAIL))
    high = np.full(sample.p.shape, np.log(LARGEST_TAIL))
    never = ~_apart(sample, other, np.full(sample.p.shape, LARGEST_TAIL))
    # Bisection over the log of the error: a smaller one has a wider interval.
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        apart = _apart(sample, other, np.exp(middle))
        low, high = np.where(apart, low, middle), np.where(apart, middle, high)
    p = np.where(never, 1.0, np.minimum(1.0, 2 * np.exp(high)))
    return np.where(sample.measured & sample.measured[other], p, np.nan)


def _apart(sample: Sample, other: int, tail: Floats) -> np.ndarray:
    """Return whether the interval of each difference leaves 0 out at its own error on each side."""
    at = np.full(sample.p.shape, other)
    first, few = _limits(sample, np.arange(len(sample.p)), tail)
    second, few_other = _limits(sample, at, tail)
    r = 0.0 if sample.r is None else trusted(sample.r[:, other], few, few_other)
    limits = difference(sample.p, first, sample.p[at], second, r)
    apart: np.ndarray = (limits.low > 0) | (limits.high < 0)
    return apart


def _limits(sample: Sample, at: np.ndarray, tail: Floats) -> tuple[Limits, np.ndarray]:
    """Return limits for comparisons (`pairs.guarded`), one error for each rate, and which rates hold few events."""
    p, n, df = sample.p[at], sample.n[at], sample.df[at]
    q, z = _points(tail, df), _points(tail, np.full(df.shape, np.inf))
    # Korn and Graubard (1998): n rows at a t quantile q reach as far as n (z / q)^2 at a normal quantile z.
    worth = n * np.divide(z, q, out=np.ones_like(z), where=q > 0) ** 2
    few = few_at(p, worth, z) | sample.thin[at]
    return moved_out(wilson(p, n, q), few, p, worth, tail), few


def _points(tail: Floats, df: Floats) -> Floats:
    """Return upper points, one error for each; `intervals.quantile` takes one error for all."""
    from scipy.special import ndtri, stdtrit

    bounded = np.where(np.isfinite(df), np.maximum(df, 1.0), 1.0)
    points: Floats = np.where(np.isfinite(df), -stdtrit(bounded, tail), -ndtri(tail))
    return points


# Whether shares of groups are those of a population that is known: chi-square, also for weights and shared units.
#
# For plain rows this is Pearson's test. Weighted rows, and rows that share units, scatter more than their number
# says; the second-order correction of Rao and Scott divides the statistic, and its degrees of freedom, by what their
# covariance says. With folds the reference is F, because the covariance itself is estimated from few of them.
#
# Must not: know a group's name.
#
# References
# ----------
# Pearson (1900), Philosophical Magazine 50:157. Rao and Scott (1981), JASA 76:221, section 3 (second order). Thomas and
# Rao (1987), JASA 82:630 (F reference). Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3.
class Fit(NamedTuple):
    """How far shares lie from those expected, and how surprising that is."""

    statistic: float
    df: float
    p_value: float
    floor: float
    """Mean total variation of a sample of this size from the population."""
    few: bool
    """Whether an expected count is too small for the p-value."""


def fit(weights: Floats, squares: Floats, expected: Floats, *, plain: bool, folds: bool) -> Fit | None:
    """Test the fit to known shares; None where rows that share units lie in too few folds to tell.

    Parameters
    ----------
    weights, squares
        Shape (K, F): sums of weights and of squared weights by group and fold; F is 1 where rows are independent.
    expected
        Shares of the population, above 0, with a sum of 1.
    plain
        Whether every row counts once and for itself.
    folds
        Whether rows share units.
    """
    total, rows = weights.sum(axis=1), float(weights.sum() ** 2 / squares.sum())
    share = total / total.sum()
    # Pearson's chi-square, at the effective rows.
    statistic = rows * float(((share - expected) ** 2 / expected).sum())
    if plain:
        variance = expected * (1 - expected) / rows
        df, reference = float(len(expected) - 1), math.inf
    else:
        covariance, reference = _folded(weights) if folds else (_weighted(share, weights, squares), math.inf)
        variance = np.diagonal(covariance)
        scaled = rows * covariance / expected[None, :]
        one, two = float(np.trace(scaled)), float((scaled * scaled.T).sum())
        if reference < 1 or one <= 0 or two <= 0:
            return None
        # Rao and Scott (1981), second order: with l the eigenvalues of the design matrix, X^2 sum l / sum l^2 has
        # (sum l)^2 / sum l^2 degrees of freedom; the sums are traces.
        statistic, df, rows = statistic * one / two, one**2 / two, rows * (len(expected) - 1) / one
    # Total variation is half the sum of sizes, and a normal number of variance v has the mean size sqrt(2 v / pi).
    floor = float(np.sqrt(2 * variance / np.pi).sum() / 2)
    return Fit(
        statistic,
        df,
        _tail(statistic, df, reference),
        floor,
        bool((rows * expected).min() < FEW_EXPECTED_OF_POPULATION),
    )


def _tail(statistic: float, df: float, reference: float) -> float:
    from scipy.special import chdtrc, fdtrc

    if math.isinf(reference):
        return float(chdtrc(df, statistic))
    # Thomas and Rao (1987): F, because the covariance is itself an estimate with ``reference`` degrees of freedom.
    return float(fdtrc(df, df * reference, statistic / df))


def _weighted(share: Floats, weights: Floats, squares: Floats) -> Floats:
    """Return the linearised covariance of weighted shares of independent rows."""
    w2 = squares.sum(axis=1)
    # sum of w^2 (e - s)(e - s)' over (sum w)^2, multiplied out; e is 1 at a row's own group, s the shares.
    crossed = np.outer(share, w2)
    found: Floats = (np.diag(w2) - crossed - crossed.T + np.outer(share, share) * w2.sum()) / weights.sum() ** 2
    return found


def _folded(weights: Floats) -> tuple[Floats, float]:
    """Return the delete-one-fold covariance of the shares, and its degrees of freedom."""
    filled, whole = weights.sum(axis=0), weights.sum()
    live = (filled > 0) & (filled < whole)
    rest = weights.sum(axis=1, keepdims=True) - weights[:, live]
    deviation = rest / rest.sum(axis=0) - (weights.sum(axis=1) / whole)[:, None]
    count = max(int(live.sum()), 1)
    # Delete-one-fold jackknife (Busing et al. 1999); degrees of freedom from how evenly the folds are filled.
    return (count - 1) / count * deviation @ deviation.T, float(whole**2 / (filled**2).sum()) - 1


# The difference of two shares of the same rows that exclude each other, such as flips one way and flips the other
# way.
#
# Each share gets Wilson limits, and the two are squared and added with the correlation that shares of one total have.
# Newcombe's method 10 for paired proportions works on the margins instead and covers .87 where flips are rare and all
# go one way; this one covers .944 or more on the same grid (20 to 1,000 rows, flips from .001 to .3).
#
# Must not: know what an event is, a name or a limit.
#
# References
# ----------
# Newcombe (1998), Statistics in Medicine 17:2635.
# Tang, Ling, Ling and Tian (2010), Statistics in Medicine 29:86 (MOVER).
class Contrast(NamedTuple):
    """First share less second share, with its interval."""

    value: float
    low: float
    high: float


def shares(hits: Floats, total: Floats, hits_w2: Floats, total_w2: Floats, *, folds: bool, weights: bool) -> Sample:
    """Return two shares of one total, with their correlation.

    Parameters
    ----------
    hits, hits_w2
        Shape (2, F): weights and squared weights of both events by fold; F is 1 for independent rows.
    total, total_w2
        Shape (F,): the same of all rows.
    folds, weights
        Whether rows share units; whether they carry weights.
    """
    whole, whole_w2 = np.full(2, total.sum()), np.full(2, total_w2.sum())
    if folds:
        return folded(hits.T, np.stack([total, total], axis=1), whole_w2)
    found = weighted(hits[:, 0], whole, hits_w2[:, 0], whole_w2)
    if not weights:
        found = replace(found, n=whole, df=np.full(2, np.inf))
    return replace(found, r=correlate_exclusive(found.p, hits_w2[:, 0], total_w2.sum()))


def contrast(sample: Sample, tail: float) -> Contrast:
    """Return the first share less the second, with limits at this error per side; both shares are measured."""
    made = bound_contrasts(sample, tail)
    return Contrast(float(sample.p[0] - sample.p[1]), float(made.low), float(made.high))


def bound_contrasts(sample: Sample, tail: float) -> Limits:
    """Return limits of first shares less second ones, over the last axis of a sample (..., 2)."""
    limits = guarded(sample, tail)
    first = Limits(limits.low[..., 0], limits.high[..., 0])
    second = Limits(limits.low[..., 1], limits.high[..., 1])
    r = 0.0 if sample.r is None else correlations(sample, tail)[..., 0, 1]
    return difference(sample.p[..., 0], first, sample.p[..., 1], second, r)


def correlate_exclusive(p: Floats, hits_w2: Floats, total_w2: Floats) -> Floats:
    """Return the linearised correlation of two shares of independent rows: -sqrt of the product of their odds.

    Parameters
    ----------
    p, hits_w2
        Shape (..., 2): both shares, and the squared weights of their events.
    total_w2
        Shape (...): squared weights of all rows.

    Returns
    -------
    numpy.ndarray
        Shape (..., 2, 2).
    """
    p = np.where(np.isnan(p), 0.0, p)
    all_w2 = np.asarray(total_w2)[..., None]
    own, rest = hits_w2 * (1 - p) ** 2 + (all_w2 - hits_w2) * p**2, total_w2 - hits_w2.sum(axis=-1)
    first, second, w2 = p[..., 0], p[..., 1], hits_w2
    # sum of w^2 (e_1 - p_1)(e_2 - p_2), multiplied out for events that exclude each other.
    cross = rest * first * second - w2[..., 0] * (1 - first) * second - w2[..., 1] * (1 - second) * first
    scale = np.sqrt(own[..., 0] * own[..., 1])
    r = np.clip(np.divide(cross, scale, out=np.zeros_like(scale), where=scale > 0), -1, 1)
    one = np.ones_like(r)
    return np.stack([np.stack([one, r], axis=-1), np.stack([r, one], axis=-1)], axis=-1)
