"""What of a difference over groups is noise: printed beside it, and never in a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from audit.estimate import Group
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Floats

STEP = 0.125
"""Of the smallest standard deviation: distance of two points, at which twenty times as many change nothing."""
MOST_POINTS = 2000
REACH = 9.0
"""Standard deviations on each side over which the floor is integrated."""


MOST_GROUPS = 50
"""Beyond, the floor would cost more than the audit, and has no reader."""
METHODS = {
    "noise_floor": "mean gap of equal groups of these sizes",
    "noise_corrected_difference": "sqrt(max(0, gap^2 - floor^2)), corrected for noise, which leaves some bias",
    "between_group_variance": "corrected for noise and signed; at or below 0 there is no spread beyond noise",
}


def noise_of(sample: Sample, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return fields of the estimates that say how much of a gap equal groups would show."""
    if not 2 <= len(groups) <= MOST_GROUPS or not sample.measured.all():
        return []
    found = spread(sample.p, sample.n, r=sample.r)
    values = (found.floor, found.corrected, found.variance)
    pair = (groups[int(np.argmin(sample.p))], groups[int(np.argmax(sample.p))])
    return [
        {"compare": compare, "value": value, "pair": pair, "method": method}
        for (compare, method), value in zip(METHODS.items(), values, strict=True)
        if value is not None
    ]


# How much of a gap over groups is sampling noise: beside the raw gap, never in a verdict.
#
# Three numbers: the unbiased variance of the true rates between groups (signed: below zero there is no spread beyond
# noise), the gap that equal groups of these sizes show on average, and the raw gap less that floor in quadrature. No
# estimator of the largest difference is unbiased both for equal and for unequal groups; the corrected gap is none
# either.
#
# Must not: decide anything; know a metric's name.
#
# References
# ----------
# Lum, Zhang and Bower (2022), arXiv 2205.05770 (bias of between-group disparity measures).
class Spread(NamedTuple):
    """Spread of G rates; all None unless every group, and at least two, is measured."""

    variance: float | None
    """Unbiased between-group variance, with its sign."""
    floor: float | None
    """Expected largest difference if all groups shared the pooled rate."""
    corrected: float | None
    """``sqrt(max(0, gap^2 - floor^2))``: corrected for noise, not unbiased."""


def spread(p: Floats, n: Floats, variances: Floats | None = None, r: Floats | None = None) -> Spread:
    """Return the noise-corrected spread of rates.

    Parameters
    ----------
    p, n
        Rates and effective rows of the groups, as in ``Sample``; NaN and 0 where unmeasured.
    variances
        Variance of each rate where the rows are not independent (with folds the jackknife's); by default
        ``p (1 - p) / (n - 1)``.
    r
        Correlation of the estimates where units have rows in several groups.
    """
    p, n = np.asarray(p, dtype=float), np.asarray(n, dtype=float)
    if len(p) < 2 or np.isnan(p).any() or (n <= 0).any():
        return Spread(None, None, None)
    pooled = float((p * n).sum() / n.sum())
    if r is not None and variances is None:
        variances = p * (1 - p) / np.maximum(n - 1, 1)
    floor = noise_floor(pooled * (1 - pooled) / n, r)
    gap = float(p.max() - p.min())
    corrected = float(np.sqrt(max(gap**2 - floor**2, 0.0)))
    return Spread(float(between_variance(p, n, variances, r)), floor, corrected)


def between_variance(p: Floats, n: Floats, variances: Floats | None = None, r: Floats | None = None) -> Floats:
    """Return the signed unbiased variance between groups, along the last axis.

    The sample variance of correlated estimates falls short by their mean covariance, which is given back.
    """
    noise = p * (1 - p) / np.maximum(n - 1, 1) if variances is None else variances
    # The variance of estimates is that of the rates and their mean sampling variance.
    signed: Floats = np.asarray(p.var(axis=-1, ddof=1) - noise.mean(axis=-1))
    if r is not None:
        signed = signed + _covariances(noise, r).mean(axis=-1)
    return signed


def noise_floor(variances: Floats, r: Floats | None = None) -> float:
    """Return the mean of max - min over independent normals of one mean and these variances, by quadrature.

    With correlations each variance is lowered by the group's mean covariance: exact for two groups and for
    exchangeable ones, an approximation otherwise.
    """
    from scipy.special import ndtr

    if r is not None:
        variances = np.maximum(variances - _covariances(variances, r), 0.0)
    deviations = np.sqrt(np.maximum(variances, 1e-300))
    reach = REACH * deviations.max()
    points = min(int(reach / (STEP * deviations.min())) + 2, MOST_POINTS)
    x = np.linspace(0, reach, points + 1)
    below = ndtr(x[:, None] / deviations)
    # The mean of max - min is the integral of the chance that some value lies below x and some above, 1 - product of
    # F - product of (1 - F). It is even, so twice the half from 0 counts, by the trapezoidal rule.
    between = 1 - below.prod(axis=1) - (1 - below).prod(axis=1)
    return float((2 * between.sum() - between[0] - between[-1]) * (x[1] - x[0]))


def _covariances(variances: Floats, r: Floats) -> Floats:
    """Return the mean covariance of each group's estimate with the others'."""
    deviations = np.sqrt(np.maximum(variances, 0.0))
    products = r * deviations[..., :, None] * deviations[..., None, :]
    own = np.diagonal(products, axis1=-2, axis2=-1)
    # All of a row but its own variance, over the other groups.
    mean: Floats = (products.sum(axis=-1) - own) / (products.shape[-1] - 1)
    return mean
