"""Whether a gap between two groups turns its sign within strata (Simpson's paradox), and how sure that is.

Both gaps are the demographic disparity, once over everybody and once within strata, so that their difference is the
part that the groups' composition makes. Its variance is linearised, or jackknifed where rows share units.

Must not: read rows, or know a limit.

References
----------
Bickel, Hammel and O'Connell (1975), Science 187:398. Wachter, Mittelstadt and Russell (2021), section 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from audit.axes import FOLD, LABEL, STRATUM, reference_at
from audit.cube import Cube
from audit.estimate import Level
from audit.measurement.grouping import two_levels
from audit.measurement.rates.strata import disparity, slopes

FLAT = 1e-15
LEAST = 30
"""Rows of a group, or the sum of their weights, under which nothing is said of it."""
COMPARED = 0.8
"""Share of a pair's rows that has to lie in strata with both groups and both labels."""
FEWEST_FOLDS = 8
"""Folds with rows under which nothing is said."""


class Reversal(NamedTuple):
    """One group against the reference."""

    gap: float
    """Share of positive labels of the reference less that of the group."""
    marginal: float
    """Demographic disparity of the pair over everybody; its sign is that of the gap."""
    within: float
    """Conditional demographic disparity of the pair over the strata that can be compared."""
    p_gap: float
    p_within: float
    p_change: float
    """Of the gap being the same within strata."""
    compared: float
    """Share of the weight in strata with both groups and both labels."""

    @property
    def turned(self) -> bool:
        """Whether the sign of one is not that of the other."""
        return self.gap * self.within < 0


def reversal(w: np.ndarray, w2: np.ndarray, *, folded: bool) -> Reversal | None:
    """Compare a pair over everybody and within strata; None where nobody can be compared.

    Parameters
    ----------
    w, w2
        Weights and squared weights, shape (2, S, 2, F): reference and group, stratum, label, fold.
    folded
        Whether rows share units.
    """
    whole = w.sum(axis=-1)
    inside = (whole.sum(axis=2) > 0).all(axis=0) & (whole.sum(axis=0) > 0).all(axis=1)
    if not inside.any():
        return None

    def both(x: np.ndarray) -> np.ndarray:
        return np.array([disparity(x.sum(axis=1, keepdims=True), 1), disparity(x[:, inside], 1)])

    marginal, within = both(whole)
    if folded:
        covariance, df = _jackknife(w, both, np.array([marginal, within]))
    else:
        over_all = slopes(whole.sum(axis=1, keepdims=True), 1, marginal)
        slope = np.zeros((2, *whole.shape))
        slope[0] = over_all
        slope[1][:, inside] = slopes(whole[:, inside], 1, within)
        covariance, df = np.einsum("asl,iasl,jasl->ij", w2.sum(axis=-1), slope, slope), math.inf
    rates = whole[..., 1].sum(axis=1) / whole.sum(axis=(1, 2))
    change = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return Reversal(
        gap=float(rates[0] - rates[1]),
        marginal=float(marginal),
        within=float(within),
        p_gap=_p(marginal, covariance[0, 0], df),
        p_within=_p(within, covariance[1, 1], df),
        p_change=_p(marginal - within, change, df),
        compared=float(whole[:, inside].sum() / whole.sum()),
    )


class PairWithin(NamedTuple):
    """One group of a column against the reference of that column, over everybody and within strata."""

    group: Level
    reference: Level
    found: Reversal


def compare_within_strata(cube: Cube, reference: Mapping[str, str]) -> Iterator[PairWithin]:
    """Yield each group of the first column of a cube against its reference.

    Groups of fewer than `LEAST` rows, and pairs that are hardly ever in one stratum, are left out.

    Parameters
    ----------
    cube
        Group x stratum x label (x fold).
    reference
        Reference level by column; the largest group where none is named.
    """
    by = cube.names[0]
    folds = (FOLD,) if FOLD in cube.names else ()
    known = two_levels(cube.drop(by, None).keep(by, STRATUM, LABEL, *folds), LABEL)
    levels = known.axis(by).levels
    if len(levels) < 2:
        return
    rows = known["n"].reshape(len(levels), -1).sum(axis=1)
    at = reference_at((by,), tuple((level,) for level in levels), rows, reference)
    w = _list_folds(known, "w" if known.weighted else "n", folded=bool(folds))
    w2 = _list_folds(known, "w2" if known.weighted else "n", folded=bool(folds))
    size = w.reshape(len(levels), -1).sum(axis=1)
    for i, level in enumerate(levels):
        if i == at or min(size[i], size[at]) < LEAST:
            continue
        found = reversal(w[[at, i]], w2[[at, i]], folded=bool(folds))
        if found is not None and found.compared >= COMPARED:
            yield PairWithin(level, levels[at], found)


def _list_folds(cube: Cube, measure: str, *, folded: bool) -> np.ndarray:
    out = cube[measure].astype(float)
    return out if folded else out[..., None]


def _jackknife(w: np.ndarray, both: Callable[[np.ndarray], np.ndarray], found: np.ndarray) -> tuple[np.ndarray, float]:
    """Covariance of both gaps by leaving each fold out, and its degrees of freedom."""
    whole, filled = w.sum(axis=-1), w.sum(axis=(0, 1, 2))
    live = [f for f in range(w.shape[-1]) if 0 < filled[f] < filled.sum()]
    if len(live) < FEWEST_FOLDS:
        return np.full((2, 2), np.nan), 1.0
    deviation = np.array([both(whole - w[..., f]) - found for f in live])
    covariance: np.ndarray = (len(live) - 1) / len(live) * deviation.T @ deviation
    return covariance, float(filled.sum() ** 2 / (filled**2).sum()) - 1


def _p(value: float, variance: float, df: float) -> float:
    """Two-sided p of a value that is 0 in truth; 1 where its spread is not known."""
    if not variance > FLAT:
        return 1.0
    from scipy.special import ndtr, stdtr

    z = -abs(value) / math.sqrt(variance)
    return float(2 * (ndtr(z) if math.isinf(df) else stdtr(max(df, 1.0), z)))
