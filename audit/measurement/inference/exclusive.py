"""The difference of two shares of the same rows that exclude each other, such as flips one way and flips the other way.

Each share gets Wilson limits, and the two are squared and added with the correlation that shares of one total have.
Newcombe's method 10 for paired proportions works on the margins instead and covers .87 where flips are rare and all go
one way; this one covers .944 or more on the same grid (20 to 1,000 rows, flips from .001 to .3).

Must not: know what an event is, a name or a limit.

References
----------
Newcombe (1998), Statistics in Medicine 17:2635. Tang, Ling, Ling and Tian (2010), Statistics in Medicine 29:86 (MOVER).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from audit.measurement.inference.effective import Sample, folded, weighted
from audit.measurement.inference.intervals import Floats, Limits, difference
from audit.measurement.inference.pairs import correlations, guarded


class Contrast(NamedTuple):
    """First share less second share, with its interval."""

    value: float
    low: float
    high: float


def shares(hits: Floats, total: Floats, hits_w2: Floats, total_w2: Floats, *, folds: bool, weights: bool) -> Sample:
    """Two shares of one total, with their correlation.

    Parameters
    ----------
    hits, hits_w2
        Shape (2, F): weights and squared weights of both events by fold; F is 1 for independent rows.
    total, total_w2
        Shape (F,): the same of all rows.
    folds, weights
        Whether rows share units; whether they carry weights.
    """
    whole, whole_w2 = np.full(2, total.sum()), np.full(2, total_w2.sum())
    if folds:
        return folded(hits.T, np.stack([total, total], axis=1), whole_w2)
    found = weighted(hits[:, 0], whole, hits_w2[:, 0], whole_w2)
    if not weights:
        found = replace(found, n=whole, df=np.full(2, np.inf))
    return replace(found, r=_correlation(found.p, hits_w2[:, 0], float(total_w2.sum())))


def contrast(sample: Sample, tail: float) -> Contrast:
    """First share less the second, with limits at this error per side; both shares are measured."""
    limits = guarded(sample, tail)
    first, second = (Limits(limits.low[i : i + 1], limits.high[i : i + 1]) for i in (0, 1))
    r = 0.0 if sample.r is None else float(correlations(sample, tail)[0, 1])
    made = difference(sample.p[:1], first, sample.p[1:], second, r)
    return Contrast(float(sample.p[0] - sample.p[1]), float(made.low[0]), float(made.high[0]))


def _correlation(p: Floats, hits_w2: Floats, total_w2: float) -> Floats:
    """Of two shares of independent rows, linearised; -sqrt of the product of their odds without weights."""
    p = np.where(np.isnan(p), 0.0, p)
    own, rest = hits_w2 * (1 - p) ** 2 + (total_w2 - hits_w2) * p**2, total_w2 - hits_w2.sum()
    cross = rest * p[0] * p[1] - hits_w2[0] * (1 - p[0]) * p[1] - hits_w2[1] * (1 - p[1]) * p[0]
    scale = float(np.sqrt(own[0] * own[1]))
    r = float(np.clip(cross / scale, -1, 1)) if scale > 0 else 0.0
    return np.array([[1.0, r], [r, 1.0]])
