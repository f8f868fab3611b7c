"""Whether samples have the same shares of several categories, and whether two rates are one; also for shared units.

Must not: know a category's name, or decide anything.

References
----------
Pearson (1900), Philosophical Magazine 50:157. Cochran (1954), Biometrics 10:417 (small expected counts). Rao and Scott
(1981), JASA 76:221 (first-order correction). Fisher (1935), Journal of the Royal Statistical Society 98:39.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from audit.measurement.inference.corrections import HALVINGS, LARGEST_TAIL, SMALLEST_TAIL
from audit.measurement.inference.effective import Sample, folded
from audit.measurement.inference.intervals import Floats, Limits, difference, few_at, moved_out, trusted, wilson

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
    """Two samples over the same categories; None where one of them is empty.

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
    return Shift(variation, _same(_lumped(shares * rows[:, None])))


def rates_apart(hits: Floats, rows: Floats) -> float | None:
    """Two-sided p of two rates being one; None where one of them is of nobody.

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
    """Chance of so many hits or more in independent trials of one rate."""
    if hits <= 0:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(hits - 1, trials, min(max(rate, 0.0), 1.0)))


def _worth(sample: Floats) -> float:
    """Independent rows that a sample is worth: its rows over the mean design effect of its shares."""
    rows = float(sample.sum())
    if sample.shape[1] == 1 or len(sample) < 2:
        return rows
    total = np.broadcast_to(sample.sum(axis=0), sample.shape)
    each = folded(sample.T.astype(float), total.T.astype(float), np.full(len(sample), rows))
    effect = (1 - each.p) * rows / np.maximum(each.n, LEAST_ROWS)
    return rows / max(1.0, float(effect.sum() / (len(sample) - 1)))


def _lumped(counts: Floats) -> Floats:
    """The same with all categories of small expectation as one."""
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    few = expected < FEW_EXPECTED
    if few.sum() < 2:
        return counts
    return np.concatenate([counts[:, ~few], counts[:, few].sum(axis=1, keepdims=True)], axis=1)


def _same(counts: Floats) -> float:
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
    """Two-sided p of Fisher's exact test: the sum of all tables that are no likelier than the one found.

    Parameters
    ----------
    hits, rows, hits_other, rows_other
        Whole numbers of plain rows.
    """
    total, both = rows + rows_other, hits + hits_other
    least, most = max(0.0, both - rows_other), min(rows, both)
    mean = rows * both / total
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
    """Standard deviations between each rate and one other, at the rate of both together; NaN where that is 0 or 1."""
    n, m = sample.n, sample.n[other]
    p = np.where(sample.measured, sample.p, 0.0)
    together = (n * p + m * p[other]) / np.maximum(n + m, 1e-300)
    variance = together * (1 - together) * (1 / np.maximum(n, 1e-300) + 1 / max(float(m), 1e-300))
    known = sample.measured & (variance > 1e-15)
    return np.where(known, (p - p[other]) / np.sqrt(np.where(known, variance, 1.0)), np.nan)


def inverted_p(sample: Sample, other: int) -> Floats:
    """Two-sided p of each rate against one other: the smallest error at which their difference's interval leaves 0 out.

    It allows for weights and for rows that share units exactly as the interval does. NaN where a rate is not measured.
    """
    low = np.full(sample.p.shape, np.log(SMALLEST_TAIL))
    high = np.full(sample.p.shape, np.log(LARGEST_TAIL))
    never = ~_apart(sample, other, np.full(sample.p.shape, LARGEST_TAIL))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        apart = _apart(sample, other, np.exp(middle))
        low, high = np.where(apart, low, middle), np.where(apart, middle, high)
    p = np.where(never, 1.0, np.minimum(1.0, 2 * np.exp(high)))
    return np.where(sample.measured & sample.measured[other], p, np.nan)


def _apart(sample: Sample, other: int, tail: Floats) -> np.ndarray:
    """Whether the interval of each difference leaves 0 out at its own error on each side."""
    at = np.full(sample.p.shape, other)
    (first, few), (second, few_other) = (_limits(sample, i, tail) for i in (np.arange(len(sample.p)), at))
    r = 0.0 if sample.r is None else trusted(sample.r[:, other], few, few_other)
    limits = difference(sample.p, first, sample.p[at], second, r)
    apart: np.ndarray = (limits.low > 0) | (limits.high < 0)
    return apart


def _limits(sample: Sample, at: np.ndarray, tail: Floats) -> tuple[Limits, np.ndarray]:
    """Limits that comparisons rest on (`pairs.guarded`), one error for each rate, and which rates hold few events."""
    p, n, df = sample.p[at], sample.n[at], sample.df[at]
    q, z = _points(tail, df), _points(tail, np.full(df.shape, np.inf))
    worth = n * np.divide(z, q, out=np.ones_like(z), where=q > 0) ** 2
    few = few_at(p, worth, z) | sample.thin[at]
    return moved_out(wilson(p, n, q), few, p, worth, tail), few


def _points(tail: Floats, df: Floats) -> Floats:
    """Upper points, one error for each; `intervals.quantile` takes one error for all."""
    from scipy.special import ndtri, stdtrit

    bounded = np.where(np.isfinite(df), np.maximum(df, 1.0), 1.0)
    points: Floats = np.where(np.isfinite(df), -stdtrit(bounded, tail), -ndtri(tail))
    return points
