"""Whether shares of groups are those of a population that is known: chi-square, also for weights and shared units.

For plain rows this is Pearson's test. Weighted rows, and rows that share units, scatter more than their number says;
the second-order correction of Rao and Scott divides the statistic, and its degrees of freedom, by what their covariance
says. With folds the reference is F, because the covariance itself is estimated from few of them.

Must not: know a group's name.

References
----------
Pearson (1900), Philosophical Magazine 50:157. Rao and Scott (1981), JASA 76:221, section 3 (second order). Thomas and
Rao (1987), JASA 82:630 (F reference). Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from audit.measurement.inference.intervals import Floats

FEW_EXPECTED = 5.0
"""Effective rows expected in a group under which chi-square is a poor guide (Cochran 1954)."""


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
    """Test of fit to known shares; None where rows that share units lie in too few folds to tell.

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
        statistic, df, rows = statistic * one / two, one**2 / two, rows * (len(expected) - 1) / one
    floor = float(np.sqrt(2 * variance / np.pi).sum() / 2)
    return Fit(statistic, df, _tail(statistic, df, reference), floor, bool((rows * expected).min() < FEW_EXPECTED))


def _tail(statistic: float, df: float, reference: float) -> float:
    from scipy.special import chdtrc, fdtrc

    if math.isinf(reference):
        return float(chdtrc(df, statistic))
    return float(fdtrc(df, df * reference, statistic / df))


def _weighted(share: Floats, weights: Floats, squares: Floats) -> Floats:
    """Linearised covariance of weighted shares of independent rows."""
    w2 = squares.sum(axis=1)
    crossed = np.outer(share, w2)
    found: Floats = (np.diag(w2) - crossed - crossed.T + np.outer(share, share) * w2.sum()) / weights.sum() ** 2
    return found


def _folded(weights: Floats) -> tuple[Floats, float]:
    """Delete-one-fold covariance of the shares, and its degrees of freedom."""
    filled, whole = weights.sum(axis=0), weights.sum()
    live = (filled > 0) & (filled < whole)
    rest = weights.sum(axis=1, keepdims=True) - weights[:, live]
    deviation = rest / rest.sum(axis=0) - (weights.sum(axis=1) / whole)[:, None]
    count = max(int(live.sum()), 1)
    return (count - 1) / count * deviation @ deviation.T, float(whole**2 / (filled**2).sum()) - 1
