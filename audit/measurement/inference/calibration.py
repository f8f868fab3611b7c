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

from audit.measurement.inference.intervals import Floats


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
    """Calibration from sums per bin, along the last axis.

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
    n, labels, scores = (np.asarray(x, dtype=float) for x in (n, labels, scores))
    rows = n if rows is None else np.asarray(rows, dtype=float)
    filled = n > 0
    total = n.sum(axis=-1)
    some = total > 0
    safe, whole = np.where(filled, n, 1.0), np.where(some, total, 1.0)
    share = n / whole[..., None]
    y, s = np.where(filled, labels, 0.0) / safe, np.where(filled, scores, 0.0) / safe
    by_chance = np.maximum(s * (1 - s), 0.0) / np.where(filled, np.maximum(rows, 1e-300), 1.0)
    usable = filled & (rows >= 2)
    noise = y * (1 - y) / np.where(usable, rows - 1, 1.0)
    if shared is not None:
        usable &= ~np.isnan(shared)
        by_chance, noise = np.fmax(by_chance, shared), np.fmax(noise, shared)
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
    """Variance of label rate less mean score per bin, from folds of units; NaN where fewer than two folds have rows.

    Parameters
    ----------
    n, labels, scores
        Sums per bin and fold, the folds along the last axis.
    """
    total = n.sum(axis=-1)
    safe, folds = np.where(total > 0, total, 1.0), (n > 0).sum(axis=-1)
    away = labels - scores
    rest = away - (away.sum(axis=-1) / safe)[..., None] * n
    variance: Floats = (rest**2).sum(axis=-1) / safe**2
    return np.where(folds > 1, variance * folds / np.where(folds > 1, folds - 1, 1.0), np.nan)


def _error(share: Floats, away: Floats, noise: Floats, about: Floats, rows: Floats) -> Floats:
    """Of the square: each bin's own spread, 4 d^2 v + 2 v^2, and that of how many rows fall into it."""
    within = (share**2 * (4 * away**2 * noise + 2 * noise**2)).sum(axis=-1)
    between = (share * about**2).sum(axis=-1) / np.maximum(rows.sum(axis=-1), 1.0)
    error: Floats = np.sqrt(within + between)
    return error


def _or_nan(value: Floats, defined: np.ndarray) -> Floats:
    return np.where(defined, value, np.nan)
