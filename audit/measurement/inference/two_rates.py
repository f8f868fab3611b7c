"""Whether two rates differ: exact where rows are plain, by interval where they carry weights or share units.

Must not: know who is compared, or decide anything.

References
----------
Fisher (1935), Journal of the Royal Statistical Society 98:39. Inverted intervals: see `inference.intervals`.
"""

from __future__ import annotations

import numpy as np

from audit.measurement.inference.corrections import HALVINGS, LARGEST_TAIL, SMALLEST_TAIL
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Floats, Limits, difference, few_at, moved_out, trusted, wilson

TIE = 1e-7
"""Relative difference under which two tables count as equally likely; R's fisher.test uses the same."""
WINDOW_SD = 40.0
"""Standard deviations of the count beyond which a table's probability is no floating number."""
BEYOND_SD = 9.0
"""Standard deviations beyond the table found at which what is left of a tail is under 1e-16 of its probability."""
SMALLEST_P = 1e-300


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
