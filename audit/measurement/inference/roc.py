"""The area between the ROC curves of two groups, from counts per score bin.

A ROC curve is drawn through the edges of the bins, in straight lines. Within a bin the exact curve rises somewhere in
the rectangle between its two edges, so it lies off the straight line by at most half of that rectangle: the area
between two curves is off by at most half the width of both groups' tie bounds. The area is never 0 by chance alone;
what groups of one curve show on average follows from the spread of either curve at each false positive rate.

Must not: see scores, names or limits.

References
----------
Gardner, Brooks and Baker (2019), LAK, Evaluating the fairness of predictive student models through slicing analysis.
Hsieh and Turnbull (1996), The Annals of Statistics 24:25 (spread of an empirical ROC curve).
"""

from __future__ import annotations

import numpy as np

from audit.cube import Curve, _ahead
from audit.measurement.inference.intervals import Floats

STEPS = 25
"""Steps of the false positive rate over which a slope is taken: finer ones mistake noise for slope."""


def chance_area(one: Curve, other: Curve) -> float:
    """What two groups of these sizes show on average if both have the mean of the two curves.

    At a false positive rate t the curve R varies by R (1 - R) / m + R'(t)^2 t (1 - t) / n.
    """
    t = np.linspace(0.0, 1.0, STEPS + 1)
    weights = np.array([one.positives + one.negatives, other.positives + other.negatives])
    each = np.stack([_ahead(one, t), _ahead(other, t)])
    # At 0 a curve may stand above 0 already; its slope there belongs to what comes before.
    mean = np.append(weights @ each[:, :-1] / weights.sum(), 1.0)
    middle, slope, at = (mean[1:] + mean[:-1]) / 2, np.diff(mean) * STEPS, (t[1:] + t[:-1]) / 2
    variance = sum(middle * (1 - middle) / c.positives + slope**2 * at * (1 - at) / c.negatives for c in (one, other))
    return float(np.sqrt(2 / np.pi * variance).mean())


def _line(c: Curve, i: np.ndarray, t: Floats) -> Floats:
    """Height at t on the line that begins at the i-th point."""
    after = np.minimum(i + 1, len(c.x) - 1)
    width = c.x[after] - c.x[i]
    share = np.where(width > 0, (t - c.x[i]) / np.where(width > 0, width, 1.0), 0.0)
    height: Floats = c.right[i] + share * (c.left[after] - c.right[i])
    return np.where(width > 0, height, c.right[i])
