"""Whether scores are probabilities, from row, label and score sums per score bin.

The expected calibration error of a calibrated model is not zero: with few rows per bin every model looks
miscalibrated. It is therefore given with the value that a calibrated model of these counts shows on average, and
beside the mean square of the calibration gaps with its noise taken out, which may be negative.

Must not: choose bins; call a model calibrated.

References
----------
Kumar, Liang and Ma (2019), NeurIPS (debiased calibration error).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from audit.measurement.inference.auc import Placed, sharing
from audit.measurement.inference.intervals import Floats

FEW = 20.0
"""Positives (or negatives) beside the value under which it is worth no more rows than there are positives."""


class Calibration(NamedTuple):
    """Arrays over groups; NaN where a group has no rows (``square``: no bin with two rows)."""

    ece: Floats
    """Mean absolute distance of label rate and mean score over bins, weighted by rows."""
    floor: Floats
    """What ``ece`` would be on average if the model were calibrated."""
    square: Floats
    """Mean squared distance, unbiased and signed: near or below 0 there is no miscalibration beyond noise."""
    in_the_large: Floats
    """Label rate less mean score over all rows: above 0 the scores are too low on the whole."""
    error: Floats
    """Standard error of ``square`` for rows that are independent given their bin."""


def calibration(
    n: Floats, labels: Floats, scores: Floats, rows: Floats | None = None, shared: Floats | None = None
) -> Calibration:
    """Return the calibration from sums per bin, along the last axis.

    Parameters
    ----------
    n
        Rows, or their weights, per bin: shape (B,) or (G, B).
    labels, scores
        Sums of labels and of scores, weighted like ``n``.
    rows
        Effective rows per bin where rows are weighted; ``n`` by default.
    shared
        Variance of label rate less mean score per bin where rows share units, from `shared_noise`.
    """
    n = np.asarray(n, dtype=float)
    labels = np.asarray(labels, dtype=float)
    scores = np.asarray(scores, dtype=float)
    rows = n if rows is None else np.asarray(rows, dtype=float)
    filled = n > 0
    total = n.sum(axis=-1)
    some = total > 0
    safe, whole = np.where(filled, n, 1.0), np.where(some, total, 1.0)
    share = n / whole[..., None]
    y, s = np.where(filled, labels, 0.0) / safe, np.where(filled, scores, 0.0) / safe
    # The variance of a bin's label rate if its scores are right, s (1 - s) / n.
    by_chance = np.maximum(s * (1 - s), 0.0) / np.where(filled, np.maximum(rows, 1e-300), 1.0)
    usable = filled & (rows >= 2)
    # The unbiased variance of a bin's label rate, which its squared gap holds too much (Kumar et al. 2019, section
    # 4).
    noise = y * (1 - y) / np.where(usable, rows - 1, 1.0)
    if shared is not None:
        usable &= ~np.isnan(shared)
        by_chance, noise = np.fmax(by_chance, shared), np.fmax(noise, shared)
    # A normal number of mean 0 and variance v has the mean size sqrt(2 v / pi).
    at_random = np.sqrt(2 / np.pi * by_chance)
    debiased = np.where(usable, (y - s) ** 2 - noise, 0.0)
    square = (share * debiased).sum(axis=-1)
    return Calibration(
        _or_nan((share * np.abs(y - s)).sum(axis=-1), some),
        _or_nan((share * at_random).sum(axis=-1), some),
        _or_nan(square, np.asarray(usable.any(axis=-1))),
        _or_nan((labels.sum(axis=-1) - scores.sum(axis=-1)) / whole, some),
        _or_nan(_error(share, y - s, noise, debiased - square[..., None], rows), np.asarray(usable.any(axis=-1))),
    )


def shared_noise(n: Floats, labels: Floats, scores: Floats) -> Floats:
    """Return the variance of label rate less mean score per bin, from folds of units.

    NaN where fewer than two folds have rows.

    Parameters
    ----------
    n, labels, scores
        Sums per bin and fold, the folds along the last axis.
    """
    total = n.sum(axis=-1)
    safe, folds = np.where(total > 0, total, 1.0), (n > 0).sum(axis=-1)
    away = labels - scores
    # The ratio of sums, linearised: what each fold adds beyond its share of the rows; F / (F - 1) is Bessel's
    # correction.
    rest = away - (away.sum(axis=-1) / safe)[..., None] * n
    variance: Floats = (rest**2).sum(axis=-1) / safe**2
    return np.where(folds > 1, variance * folds / np.where(folds > 1, folds - 1, 1.0), np.nan)


def _error(share: Floats, away: Floats, noise: Floats, about: Floats, rows: Floats) -> Floats:
    """Return the error of the square: each bin's spread, 4 d^2 v + 2 v^2, and that of how many rows fall into it."""
    # A squared normal number of mean d and variance v varies by 4 d^2 v + 2 v^2; bins get their rows multinomially.
    within = (share**2 * (4 * away**2 * noise + 2 * noise**2)).sum(axis=-1)
    between = (share * about**2).sum(axis=-1) / np.maximum(rows.sum(axis=-1), 1.0)
    error: Floats = np.sqrt(within + between)
    return error


def _or_nan(value: Floats, defined: np.ndarray) -> Floats:
    return np.where(defined, value, np.nan)


# Average precision of each group from counts per score bin: bounds for what the bins hide, and an interval.
#
# Precision is taken at every score that a positive has, ties taken together. A bin hides the order of its rows, so
# the exact value lies between that of positives all above the negatives of their bin, and that of each positive alone
# below all of them. The variance follows from the slope of the value in each bin's counts; it becomes the number of
# rows that a rate of the same value would need, at most the positives where these are few, so that Wilson limits
# apply.
#
# Must not: see scores, names or limits.
#
# References
# ----------
# Boyd, Eng and Page (2013), ECML PKDD, Area under the precision-recall curve: point estimates and confidence intervals
# (a rate of as many rows as there are positives). Simulated in tests/measurement/scores/test_auc.py.
def average_precision(
    pos: Floats, neg: Floats, pos_w2: Floats | None = None, neg_w2: Floats | None = None, *, exact: bool = False
) -> Placed:
    """Return the average precision of independent rows.

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
    m = _kish(pos, pos_w2)
    n = _kish(neg, neg_w2)
    fewest = np.minimum(m, n)
    centre = np.where(np.isnan(value), 0.0, value)
    # Boyd, Eng and Page (2013): beside few rows of the rarer label it is worth no more rows than there are of these.
    most = np.where(fewest * np.minimum(centre, 1 - centre) < FEW, fewest, np.inf)
    return Placed(value, low, high, _variance(pos, neg, pos_w2, neg_w2), m, n, fewest - 1, most=most)


def folded_precision(
    pos: Floats, neg: Floats, pos_w2: Floats | None = None, neg_w2: Floats | None = None, *, exact: bool = False
) -> Placed:
    """Return the average precision of rows that share units, counted into folds: shape (F, G, B).

    Squared weights (G, B).
    """
    all_pos, all_neg = pos.sum(axis=0), neg.sum(axis=0)
    alone = average_precision(all_pos, all_neg, pos_w2, neg_w2, exact=exact)
    found = sharing(alone, _value(all_pos - pos, all_neg - neg), pos, neg)
    fewest = np.minimum(found.positives, found.negatives)
    centre = np.where(np.isnan(found.mid), 0.0, found.mid)
    return found._replace(most=np.where(fewest * np.minimum(centre, 1 - centre) < FEW, fewest, np.inf))


def _value(pos: Floats, neg: Floats) -> Floats:
    """Return the mean precision over positives, the rows of a bin tied; NaN without positives or without negatives."""
    hits, misses = _at_or_above(pos), _at_or_above(neg)
    total = pos.sum(axis=-1)
    every = np.where(hits + misses > 0, hits + misses, 1.0)
    defined = (total > 0) & (neg.sum(axis=-1) > 0)
    value = (pos * hits / every).sum(axis=-1) / np.where(defined, total, 1.0)
    return np.where(defined, np.clip(value, 0.0, 1.0), np.nan)


def _bounds(pos: Floats, neg: Floats, *, weighted: bool) -> tuple[Floats, Floats]:
    """Return the least and largest value over all orders and ties of the rows within their bins."""
    from scipy.special import digamma

    hits, misses = _at_or_above(pos), _at_or_above(neg)
    total, before = pos.sum(axis=-1), hits - pos
    defined = (total > 0) & (neg.sum(axis=-1) > 0)
    safe = np.where(defined, total, 1.0)
    # Largest: the positives of a bin lie above its negatives.
    best = np.where(pos > 0, hits / np.where(pos > 0, hits + misses - neg, 1.0), 0.0)
    high = (pos * best).sum(axis=-1) / safe
    # k positives after ``before``, each at precision (before + k) / (before + k + misses); weights may be cut anywhere.
    if weighted:
        start = np.where(before + misses > 0, before + misses, 1.0)
        lost = misses * np.log1p(np.where(before + misses > 0, pos, 0.0) / start)
    else:
        # The sum of 1 / (before + k + misses) over k = 1, 2 … is a difference of two digamma functions.
        lost = misses * (digamma(hits + misses + 1) - digamma(before + misses + 1))
    low = (pos - lost).sum(axis=-1) / safe
    value = _value(pos, neg)
    return np.fmin(np.maximum(low, 0.0), value), np.fmax(np.minimum(high, 1.0), value)


def _variance(pos: Floats, neg: Floats, pos_w2: Floats, neg_w2: Floats) -> Floats:
    """Return the sum of squared weights times squared slopes; NaN without positives or negatives."""
    hits, misses = _at_or_above(pos), _at_or_above(neg)
    every = np.where(hits + misses > 0, hits + misses, 1.0)
    total, value = pos.sum(axis=-1, keepdims=True), _value(pos, neg)
    safe = np.where(total > 0, total, 1.0)
    # A positive raises hits / every of its own and of all lower bins by misses / every^2; a negative lowers it by
    # hits / every^2.
    gained = np.cumsum(pos * misses / every**2, axis=-1)
    lost = np.cumsum(pos * hits / every**2, axis=-1)
    of_positive = (hits / every + gained - np.where(np.isnan(value), 0.0, value)[..., None]) / safe
    variance: Floats = (pos_w2 * of_positive**2 + neg_w2 * (lost / safe) ** 2).sum(axis=-1)
    return np.where(np.isnan(value), np.nan, variance)


def _at_or_above(counts: Floats) -> Floats:
    """Return counts from each bin upwards."""
    above: Floats = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
    return above


def _kish(weights: Floats, w2: Floats) -> Floats:
    square = w2.sum(axis=-1)
    return np.where(square > 0, weights.sum(axis=-1) ** 2 / np.where(square > 0, square, 1.0), 0.0)
