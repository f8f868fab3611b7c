"""How far the predictions of a group lie from those of the reference, from bins, with what the bins may hide.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from audit.axes import PREDICTION
from audit.cube import Cube
from audit.estimate import Estimate
from audit.measurement.comparisons import reason_for_unmeasured
from audit.measurement.grouping import Grouping
from audit.measurement.metrics.regression import KS_PREDICTIONS, WASSERSTEIN_PREDICTIONS
from audit.measurement.scope import Scope
from audit.measurement.scores.bins import edges_of


class _Bins(NamedTuple):
    """Bins in rising order, shape (B,), and each group's shares and mean predictions in them, shape (G, B)."""

    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    mean: np.ndarray


class _Distance(NamedTuple):
    value: float
    hidden: float
    """How much higher the exact value can be."""


def distances(binned: Cube, grouped: Grouping, scope: Scope) -> list[Estimate]:
    """Both distances of every group from the reference of an attribute."""
    del scope  # no interval: both distances are biased upwards by chance, and the size of that is not known
    bins, attribute = _bins(binned, grouped), binned.names[0]
    found = []
    for metric, measure in ((KS_PREDICTIONS, _ks), (WASSERSTEIN_PREDICTIONS, _wasserstein)):
        for i, group in enumerate(grouped.groups):
            at = grouped.reference
            if i == at:
                continue
            common: dict[str, Any] = {
                "stage": "model",
                "metric": metric.name,
                "by": (attribute,),
                "group": group,
                "reference": grouped.groups[at],
                "n": float(grouped.rows[i] + grouped.rows[at]),
            }
            empty = next((j for j in (i, at) if not bins.share[j].any()), None)
            if empty is not None:
                reason = reason_for_unmeasured(grouped, [empty], grouped.nobody(empty))
                found.append(Estimate(**common, status="undefined", reason=reason))
                continue
            distance = measure(bins, i, at)
            found.append(Estimate(**common, value=distance.value, method=_method(distance)))
    return found


def _bins(binned: Cube, grouped: Grouping) -> _Bins:
    levels = binned.axis(PREDICTION).levels
    edges = [edges_of(level) for level in levels]
    order = np.argsort([low for low, _ in edges], kind="stable")
    low, high = np.array(edges, dtype=float)[order].T
    names = binned.axis(binned.names[0]).levels
    at = [names.index(group[0]) for group in grouped.groups]
    w = binned["w" if "w" in binned.measures else "n"][at][:, order].astype(float)
    total = w.sum(axis=1, keepdims=True)
    share = np.divide(w, total, out=np.zeros_like(w), where=total > 0)
    mean = np.divide(binned["prediction"][at][:, order], w, out=np.tile(low, (len(at), 1)), where=w > 0)
    return _Bins(low, high, share, np.clip(mean, low, high))


def _ks(bins: _Bins, i: int, at: int) -> _Distance:
    """Largest distance at the ends of bins; inside one it can be larger by what the bin holds."""
    ours, theirs = bins.share[i], bins.share[at]
    above, below = np.cumsum(ours) - np.cumsum(theirs), np.cumsum(theirs) - np.cumsum(ours)
    value = float(np.abs(above).max())
    if not (bins.high > bins.low).any():
        return _Distance(min(value, 1.0), 0.0)
    most = max(float((above + theirs).max()), float((below + ours).max()))
    return _Distance(min(value, 1.0), max(0.0, min(most, 1.0) - value))


def _wasserstein(bins: _Bins, i: int, at: int) -> _Distance:
    """Area between the distributions: exact in every bin in which the one stays above the other.

    The signed area of a bin follows from its rows and their mean; where the curves may cross, it is a lower bound.
    """
    ours, theirs = bins.share[i], bins.share[at]
    after = np.cumsum(ours) - np.cumsum(theirs)
    before, width = np.concatenate([[0.0], after[:-1]]), bins.high - bins.low
    signed = before * width + ours * (bins.high - bins.mean[i]) - theirs * (bins.high - bins.mean[at])
    between = np.abs(after[:-1]) * (bins.low[1:] - bins.high[:-1])
    value = float(np.abs(signed).sum() + between.sum())
    positive, negative = np.maximum(before + ours, 0.0), np.maximum(theirs - before, 0.0)
    return _Distance(value, float((2 * width * np.minimum(positive, negative)).sum()))


def _method(distance: _Distance) -> str:
    if distance.hidden <= 1e-12 * distance.value or not distance.hidden:
        return "exact; no interval"
    return f"binned: the exact value is at most {distance.hidden:.2g} higher; no interval"
