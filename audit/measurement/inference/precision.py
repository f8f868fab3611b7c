"""Average precision of each group from counts per score bin: bounds for what the bins hide, and an interval.

Precision is taken at every score that a positive has, ties taken together. A bin hides the order of its rows, so the
exact value lies between that of positives all above the negatives of their bin, and that of each positive alone below
all of them. The variance follows from the slope of the value in each bin's counts; it becomes the number of rows that
a rate of the same value would need, at most the positives where these are few, so that Wilson limits apply.

Must not: see scores, names or limits.

References
----------
Boyd, Eng and Page (2013), ECML PKDD, Area under the precision-recall curve: point estimates and confidence intervals
(a rate of as many rows as there are positives). Simulated in tests/test_areas.py.
"""

from __future__ import annotations

import numpy as np

from audit.measurement.inference.auc import Placed, sharing
from audit.measurement.inference.intervals import Floats

FEW = 20.0
"""Positives (or negatives) beside the value under which it is worth no more rows than there are positives."""


def average_precision(
    pos: Floats, neg: Floats, pos_w2: Floats | None = None, neg_w2: Floats | None = None, *, exact: bool = False
) -> Placed:
    """Average precision of independent rows.

    Parameters
    ----------
    pos, neg
        Shape (G, B): positives and negatives, or their weights, per group and bin of ascending score.
    pos_w2, neg_w2
        Sums of squared weights; counts are their own.
    exact
        Whether each bin holds one value, so that its ties are ties.
    """
    pos, neg = np.asarray(pos, dtype=float), np.asarray(neg, dtype=float)
    weighted = pos_w2 is not None and not np.array_equal(pos_w2, pos)
    pos_w2, neg_w2 = pos if pos_w2 is None else pos_w2, neg if neg_w2 is None else neg_w2
    value = _value(pos, neg)
    low, high = (value, value) if exact else _bounds(pos, neg, weighted=weighted)
    m, n = (_kish(x, x2) for x, x2 in ((pos, pos_w2), (neg, neg_w2)))
    fewest = np.minimum(m, n)
    centre = np.where(np.isnan(value), 0.0, value)
    most = np.where(fewest * np.minimum(centre, 1 - centre) < FEW, fewest, np.inf)
    return Placed(value, low, high, _variance(pos, neg, pos_w2, neg_w2), m, n, fewest - 1, most=most)


def folded_precision(
    pos: Floats, neg: Floats, pos_w2: Floats | None = None, neg_w2: Floats | None = None, *, exact: bool = False
) -> Placed:
    """Average precision of rows that share units, counted into folds: shape (F, G, B); squared weights (G, B)."""
    all_pos, all_neg = pos.sum(axis=0), neg.sum(axis=0)
    alone = average_precision(all_pos, all_neg, pos_w2, neg_w2, exact=exact)
    found = sharing(alone, _value(all_pos - pos, all_neg - neg), pos, neg)
    fewest = np.minimum(found.positives, found.negatives)
    centre = np.where(np.isnan(found.mid), 0.0, found.mid)
    return found._replace(most=np.where(fewest * np.minimum(centre, 1 - centre) < FEW, fewest, np.inf))


def _value(pos: Floats, neg: Floats) -> Floats:
    """Mean precision over positives, the rows of a bin tied; NaN without positives or without negatives."""
    hits, misses = _at_or_above(pos), _at_or_above(neg)
    total = pos.sum(axis=-1)
    every = np.where(hits + misses > 0, hits + misses, 1.0)
    defined = (total > 0) & (neg.sum(axis=-1) > 0)
    value = (pos * hits / every).sum(axis=-1) / np.where(defined, total, 1.0)
    return np.where(defined, np.clip(value, 0.0, 1.0), np.nan)


def _bounds(pos: Floats, neg: Floats, *, weighted: bool) -> tuple[Floats, Floats]:
    """Least and largest value over all orders and ties of the rows within their bins."""
    from scipy.special import digamma

    hits, misses = _at_or_above(pos), _at_or_above(neg)
    total, before = pos.sum(axis=-1), hits - pos
    defined = (total > 0) & (neg.sum(axis=-1) > 0)
    safe = np.where(defined, total, 1.0)
    best = np.where(pos > 0, hits / np.where(pos > 0, hits + misses - neg, 1.0), 0.0)
    high = (pos * best).sum(axis=-1) / safe
    # k positives after ``before``, each at precision (before + k) / (before + k + misses); weights may be cut anywhere.
    if weighted:
        start = np.where(before + misses > 0, before + misses, 1.0)
        lost = misses * np.log1p(np.where(before + misses > 0, pos, 0.0) / start)
    else:
        lost = misses * (digamma(hits + misses + 1) - digamma(before + misses + 1))
    low = (pos - lost).sum(axis=-1) / safe
    value = _value(pos, neg)
    return np.fmin(np.maximum(low, 0.0), value), np.fmax(np.minimum(high, 1.0), value)


def _variance(pos: Floats, neg: Floats, pos_w2: Floats, neg_w2: Floats) -> Floats:
    """Sum of squared weights times squared slopes; NaN without positives or negatives."""
    hits, misses = _at_or_above(pos), _at_or_above(neg)
    every = np.where(hits + misses > 0, hits + misses, 1.0)
    total, value = pos.sum(axis=-1, keepdims=True), _value(pos, neg)
    safe = np.where(total > 0, total, 1.0)
    gained = np.cumsum(pos * misses / every**2, axis=-1)
    lost = np.cumsum(pos * hits / every**2, axis=-1)
    of_positive = (hits / every + gained - np.where(np.isnan(value), 0.0, value)[..., None]) / safe
    variance: Floats = (pos_w2 * of_positive**2 + neg_w2 * (lost / safe) ** 2).sum(axis=-1)
    return np.where(np.isnan(value), np.nan, variance)


def _at_or_above(counts: Floats) -> Floats:
    """Counts from each bin upwards."""
    above: Floats = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
    return above


def _kish(weights: Floats, w2: Floats) -> Floats:
    square = w2.sum(axis=-1)
    return np.where(square > 0, weights.sum(axis=-1) ** 2 / np.where(square > 0, square, 1.0), 0.0)
