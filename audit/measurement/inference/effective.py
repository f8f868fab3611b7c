"""From counts to a rate with the number of independent rows it is worth.

The one place that decides what is independent of what. Plain rows are worth themselves. Weighted rows are worth what
their linearised variance says, at most Kish's n. Rows that share a unit are counted into folds = hash(unit) mod 100
first, and the delete-one-fold jackknife says what they are worth.

Must not: know metric names, groups' names or engines.

References
----------
Kish (1965), Survey Sampling, section 8.2. Korn and Graubard (1998), Survey Methodology 24:193 (effective-n intervals).
Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3 (delete-group jackknife).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audit.measurement.inference.intervals import Floats

THIN_EVENTS = 5.0
"""Effective events or non-events under which an interval is marked; simulated in facts on inference, item 4."""
THIN_FOLDS = 8.0


@dataclass(frozen=True, eq=False)
class Sample:
    """Rates of G groups on one footing, whatever the rows were.

    Arrays of shape (G,), or (M, G) for M rates of the same groups: ``p`` is NaN and ``n`` 0 where the denominator is 0.
    ``df`` is infinite for plain rows. ``r`` is the (G, G) correlation of the estimates, or None where groups are
    independent. A sample is equal to itself alone, and its arrays stay as they are.
    """

    p: Floats
    n: Floats
    df: Floats
    numerator: Floats
    denominator: Floats
    r: Floats | None = None
    few: np.ndarray | None = None
    """Groups whose interval is known to be short, beyond what ``n`` and ``p`` tell; None where none is."""

    @cached_property
    def measured(self) -> np.ndarray:
        """Groups with a denominator that is not zero."""
        return self.denominator > 0

    @cached_property
    def events(self) -> Floats:
        """Effective events or non-events, whichever are fewer; 0 where unmeasured."""
        p = np.where(self.measured, self.p, 0.0)
        fewer: Floats = self.n * np.minimum(p, 1 - p)
        return fewer

    @cached_property
    def fewest(self) -> float:
        """Effective events or non-events of the measured group that has fewest; 0 where a group is thin."""
        if self.thin.any():
            return 0.0
        return float(self.events.min(initial=np.inf, where=self.measured))

    @cached_property
    def independent(self) -> bool:
        """Whether every row stands for itself, so that quantiles are normal."""
        return bool(np.isinf(self.df).all())

    @cached_property
    def thin(self) -> np.ndarray:
        """Groups with fewer than 5 effective events or non-events, or fewer than 8 effective folds."""
        thin: np.ndarray = (self.events < THIN_EVENTS) | (self.df + 1 < THIN_FOLDS)
        if self.few is not None:
            thin |= self.few
        thin &= self.measured
        return thin


def together(samples: Sequence[Sample]) -> Sample:
    """Return several rates of the same groups as one sample, a rate a row."""
    p = np.stack([s.p for s in samples])
    n = np.stack([s.n for s in samples])
    df = np.stack([s.df for s in samples])
    numerator = np.stack([s.numerator for s in samples])
    denominator = np.stack([s.denominator for s in samples])
    r = None if samples[0].r is None else np.stack([s.r for s in samples if s.r is not None])
    few = np.stack([np.zeros(p.shape[1:], dtype=bool) if s.few is None else s.few for s in samples])
    return Sample(p, n, df, numerator, denominator, r, few)


def apart(samples: Sample) -> list[Sample]:
    """Return rates of independent groups, which are rows of one sample, each as a sample of its own."""
    columns = (samples.p, samples.n, samples.df, samples.numerator, samples.denominator)
    return [Sample(*row) for row in zip(*columns, strict=True)]


def plain(hits: Floats, rows: Floats) -> Sample:
    """Return the sample of independent unweighted rows."""
    rows = np.asarray(rows, dtype=float)
    return Sample(_share(hits, rows), rows, np.full(rows.shape, np.inf), np.asarray(hits, dtype=float), rows)


def weighted(hits: Floats, total: Floats, hits_w2: Floats, total_w2: Floats) -> Sample:
    """Return the sample of independent rows with weights, from sums of weights and of squared weights.

    The variance is the linearised one of a ratio, sum w^2 (y - p)^2 / (sum w)^2, which needs only ``w2`` because y is
    constant within a cell; n is at most Kish's.
    """
    p = _share(hits, total)
    p0, safe = np.where(np.isnan(p), 0.0, p), np.where(total > 0, total, 1.0)
    # Events lie 1 - p from the rate, non-events p.
    variance = (hits_w2 * (1 - p0) ** 2 + (total_w2 - hits_w2) * p0**2) / safe**2
    kish = np.where(total > 0, total**2 / np.where(total_w2 > 0, total_w2, 1.0), 0.0)
    spread = p0 * (1 - p0)
    flat = (variance < 1e-300) | (spread < 1e-12)
    # The rows that a plain rate of this value would need for the same variance, p (1 - p) / n.
    n = np.where(flat, kish, np.minimum(spread / np.where(flat, 1.0, variance), kish))
    return Sample(p, n, np.maximum(kish - 1, 0.0), hits, total)


def folded(hits: Floats, total: Floats, total_w2: Floats) -> Sample:
    """Return the sample of rows that share units, counted into folds.

    Parameters
    ----------
    hits, total
        Shape (F, G): weighted events and weights of each fold and group.
    total_w2
        Shape (G,): sum of squared row weights.
    """
    s, t = hits.sum(axis=0), total.sum(axis=0)
    p = _share(s, t)
    p0 = np.where(np.isnan(p), 0.0, p)
    live = (total > 0) & (t - total > 0)
    deviation = np.where(live, (s - hits) / np.where(live, t - total, 1.0) - p0, 0.0)
    folds = np.maximum((total > 0).sum(axis=0), 1)
    square = (deviation**2).sum(axis=0)
    # Delete-one-fold jackknife (Busing et al. 1999).
    variance = (folds - 1) / folds * square
    safe = np.where(t > 0, t, 1.0)
    # Kish's formula over folds: how many equally filled ones would vary as much.
    effective_folds = safe**2 / np.maximum((total**2).sum(axis=0), 1e-300)
    kish = safe**2 / np.where(total_w2 > 0, total_w2, 1.0)
    flat = (p0 * (1 - p0) < 1e-12) | (variance < 1e-15)
    n = np.where(
        flat, np.minimum(kish, effective_folds), np.minimum(p0 * (1 - p0) / np.where(flat, 1.0, variance), kish)
    )
    scaled = deviation / np.where(square > 0, np.sqrt(square), 1.0)
    r = np.clip(scaled.T @ scaled, -1, 1)
    df = np.minimum(effective_folds, satterthwaite(deviation)) - 1
    return Sample(p, np.where(t > 0, np.maximum(n, 1e-3), 0.0), np.where(t > 0, df, 0.0), s, t, r)


def satterthwaite(deviation: Floats) -> Floats:
    """Return degrees of freedom of a sum of squared deviations (F, G): few where few folds make up the variance."""
    square, fourth = (deviation**2).sum(axis=0), (deviation**4).sum(axis=0)
    # Satterthwaite: 2 (sum v)^2 / sum var(v). A normal deviation of variance v has a fourth power of 3 v^2 on
    # average, so that sum d^4 / 3 stands for sum v^2.
    return np.where(fourth > 0, 3 * square**2 / np.where(fourth > 0, fourth, 1.0), np.inf)


def _share(hits: Floats, total: Floats) -> Floats:
    total = np.asarray(total, dtype=float)
    share = np.full(total.shape, np.nan)
    np.divide(hits, total, out=share, where=total > 0)
    return share
