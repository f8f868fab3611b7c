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

from audit.inference.intervals import Floats


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


def calibration(n: Floats, labels: Floats, scores: Floats, rows: Floats | None = None) -> Calibration:
    """Calibration from sums per bin, along the last axis.

    Parameters
    ----------
    n
        Rows, or their weights, per bin: shape (B,) or (G, B).
    labels, scores
        Sums of labels and of scores, weighted like ``n``.
    rows
        Effective rows per bin where rows are weighted; ``n`` by default.
    """
    n, labels, scores = (np.asarray(x, dtype=float) for x in (n, labels, scores))
    rows = n if rows is None else np.asarray(rows, dtype=float)
    filled = n > 0
    total = n.sum(axis=-1)
    some = total > 0
    safe, whole = np.where(filled, n, 1.0), np.where(some, total, 1.0)
    share = n / whole[..., None]
    y, s = np.where(filled, labels, 0.0) / safe, np.where(filled, scores, 0.0) / safe
    at_random = np.sqrt(2 / np.pi * np.maximum(s * (1 - s), 0.0) / np.where(filled, np.maximum(rows, 1e-300), 1.0))
    usable = filled & (rows >= 2)
    debiased = (y - s) ** 2 - y * (1 - y) / np.where(usable, rows - 1, 1.0)
    return Calibration(
        _or_nan((share * np.abs(y - s)).sum(axis=-1), some),
        _or_nan((share * at_random).sum(axis=-1), some),
        _or_nan((share * np.where(usable, debiased, 0.0)).sum(axis=-1), np.asarray(usable.any(axis=-1))),
        _or_nan((labels.sum(axis=-1) - scores.sum(axis=-1)) / whole, some),
    )


def _or_nan(value: Floats, defined: np.ndarray) -> Floats:
    return np.where(defined, value, np.nan)
