"""Whether scores are probabilities, bin by bin, beside what a calibrated model of these rows shows.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import base, undefined
from audit.measurement.grouping import Grouping
from audit.measurement.inference.calibration import Calibration, calibration, shared_noise
from audit.measurement.inference.intervals import quantile
from audit.measurement.metrics.scores import CALIBRATION_SQUARE, ECE
from audit.measurement.scope import SMALL, Scope
from audit.measurement.scores.bins import Bins

CALIBRATION_BINS = 10
FEW_ROWS = 50
"""Rows under which the square is marked; its interval was simulated from there on."""


def calibration_estimates(grouped: Grouping, bins: Bins, scope: Scope, why: str | None) -> list[Estimate]:
    """Calibration error of every group, and its square without noise; ``why`` scores are no probabilities."""
    if why is not None:
        return undefined(ECE.name, grouped, scope, why) + undefined(CALIBRATION_SQUARE.name, grouped, scope, why)
    found = _calibrate(bins)
    return [
        *(_error(grouped, bins, scope, found, i) for i in range(len(grouped.groups))),
        *(_square(grouped, bins, scope, found, i) for i in range(len(grouped.groups))),
    ]


def _calibrate(bins: Bins) -> Calibration:
    at = np.clip((bins.low * CALIBRATION_BINS + 1e-9).astype(int), 0, CALIBRATION_BINS - 1)
    w = _coarsen(bins.w.sum(axis=1), at)
    w2 = _coarsen(bins.w2.sum(axis=1)[..., None], at)
    score = _coarsen(bins.score.sum(axis=1), at)
    labels = _coarsen(bins.w[:, 1], at)
    total, square = w.sum(axis=-1), w2.sum(axis=-1)
    rows = np.divide(total**2, square, out=np.zeros_like(total), where=square > 0)
    shared = shared_noise(w, labels, score) if bins.folded else None
    return calibration(total, labels.sum(axis=-1), score.sum(axis=-1), rows, shared)


def _error(grouped: Grouping, bins: Bins, scope: Scope, found: Calibration, i: int) -> Estimate:
    if math.isnan(found.ece[i]):
        return _undefined(ECE.name, grouped, scope, i)
    kind = " that share units" if bins.folded else ""
    method = f"no interval; a calibrated model of these rows{kind} shows {found.floor[i]:.3g} on average"
    return base(
        ECE.name,
        grouped,
        scope,
        group=grouped.groups[i],
        n=float(grouped.rows[i]),
        value=float(found.ece[i]),
        method=method,
    )


def _square(grouped: Grouping, bins: Bins, scope: Scope, found: Calibration, i: int) -> Estimate:
    name, value = CALIBRATION_SQUARE.name, float(found.square[i])
    common: dict[str, Any] = {"group": grouped.groups[i], "n": float(grouped.rows[i])}
    if math.isnan(value):
        few = "no score bin has two rows"
        return base(name, grouped, scope, **common, status="undefined", reason=grouped.nobody(i) or few)
    common |= {"value": value, "flags": (SMALL,) * bool(grouped.rows[i] < FEW_ROWS)}
    if bins.folded or bins.weighted:
        reason = "rows share units" if bins.folded else "rows are weighted"
        return base(name, grouped, scope, **common, method=f"no interval: {reason}, and this has no recipe for them")
    half = float(quantile(scope.tail, np.array([np.inf]))[0] * found.error[i])
    return base(
        name,
        grouped,
        scope,
        **common,
        low=max(-1.0, value - half),
        high=min(1.0, value + half),
        method="normal interval, noise of each bin taken out",
    )


def _undefined(metric: str, grouped: Grouping, scope: Scope, i: int) -> Estimate:
    reason = grouped.nobody(i)
    n = float(grouped.rows[i])
    return base(metric, grouped, scope, group=grouped.groups[i], n=n, status="undefined", reason=reason)


def _coarsen(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(G, B, F) added into (G, 10, F)."""
    out = np.zeros((len(values), CALIBRATION_BINS, values.shape[-1]))
    np.add.at(out.swapaxes(0, 1), at, values.swapaxes(0, 1))
    return out
