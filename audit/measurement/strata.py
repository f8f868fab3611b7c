"""Disparity within strata: what is left of a gap once a legitimate reason is held fixed.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from audit.cube import Cube
from audit.fairness.dataset import CONDITIONAL_LABELS, CONDITIONAL_PREDICTIONS
from audit.grouping import LABEL, POSITIVE, PREDICTION, STRATUM
from audit.inference.intervals import quantile, wilson
from audit.measurement.scope import Scope
from audit.value import Estimate, Stage

ONE_SIDED = "one_sided_stratum"
"""A stratum in which everybody is accepted, or everybody rejected: a share of nobody counts 0 there."""


class _Disparity(NamedTuple):
    value: float
    variance: float
    one_sided: bool


def conditional_estimates(cubes: Sequence[Cube], scope: Scope, stage: Stage) -> tuple[Estimate, ...]:
    """Conditional demographic disparity of every group of every attribute, and the largest of each.

    Parameters
    ----------
    cubes
        One for each attribute: attribute x stratum x label (x prediction).
    """
    return tuple(e for cube in cubes for e in _of_attribute(cube, scope, stage))


def _of_attribute(cube: Cube, scope: Scope, stage: Stage) -> Iterator[Estimate]:
    attribute = cube.names[0]
    outcome = LABEL if stage == "data" else PREDICTION
    known = cube.drop(attribute, None).keep(attribute, STRATUM, outcome)
    groups = known.axis(attribute).levels
    metric = CONDITIONAL_LABELS if stage == "data" else CONDITIONAL_PREDICTIONS
    weighted = "w" in known.measures
    w, w2 = (_by_outcome(known, m, outcome) for m in (("w", "w2") if weighted else ("n", "n")))
    common: dict[str, Any] = {"stage": stage, "metric": metric.name, "by": (attribute,)}
    if len(groups) < 2 or w.sum() <= 0:
        reason = "at least two groups with rows are needed; there is nothing to compare"
        yield Estimate(**common, compare="largest", n=float(known["n"].sum()), status="undefined", reason=reason)
        return
    kish = float(w.sum() ** 2 / w2.sum())
    rows = known["n"].sum(axis=(1, 2))
    each = [_disparity(w, w2, i) for i in range(len(groups))]
    for i, found in enumerate(each):
        yield _estimate(common | {"group": (groups[i],), "n": float(rows[i])}, found, kish, scope, 1)
    yield _largest(common, [_estimate({**common, "group": (g,)}, d, kish, scope, looks)
                            for looks in (1, len(groups)) for g, d in zip(groups, each, strict=True)],
                   float(rows.sum()))  # fmt: skip


def _by_outcome(cube: Cube, measure: str, outcome: str) -> np.ndarray:
    """Array (G, S, 2): rejected, accepted."""
    levels = cube.axis(outcome).levels
    values = cube[measure].astype(float)
    out = np.zeros((*values.shape[:2], 2))
    for at, level in enumerate(levels):
        out[:, :, int(level == POSITIVE)] = values[:, :, at]
    return out


def _disparity(w: np.ndarray, w2: np.ndarray, group: int) -> _Disparity:
    """Value, and its linearised variance from the squared weights of all cells."""
    totals = w.sum(axis=0)
    size = totals.sum(axis=1)
    total = size.sum()
    shares = np.divide(w[group], totals, out=np.zeros_like(totals), where=totals > 0)
    gaps = shares[:, 0] - shares[:, 1]
    value = float((size * gaps).sum() / total)
    own = np.zeros_like(w)
    own[group] = 1.0
    slope_of_share = np.divide(own - shares, totals, out=np.zeros_like(w), where=totals > 0)
    sign = np.array([1.0, -1.0])
    slope = (gaps - value)[None, :, None] / total + (size / total)[None, :, None] * sign * slope_of_share
    one_sided = bool(((totals == 0).any(axis=1) & (size > 0)).any())
    return _Disparity(value, float((w2 * slope**2).sum()), one_sided)


def _estimate(common: dict[str, Any], found: _Disparity, kish: float, scope: Scope, looks: int) -> Estimate:
    """Estimate with Wilson limits on the scale from -1 to 1, at the number of rows that the variance is worth."""
    unit = (1 + found.value) / 2
    spread = unit * (1 - unit)
    n = kish if found.variance < 1e-15 else min(4 * spread / found.variance, kish)
    q = quantile(scope.tail / looks, np.array([math.inf]))
    limits = wilson(np.array([unit]), np.array([n]), q)
    return Estimate(**common, value=found.value, low=2 * float(limits.low[0]) - 1, high=2 * float(limits.high[0]) - 1,
                    confidence=scope.confidence, effective_n=n, method="wilson, rows worth by delta method",
                    flags=(ONE_SIDED,) if found.one_sided else ())  # fmt: skip


def _largest(common: dict[str, Any], found: Sequence[Estimate], n: float) -> Estimate:
    """Largest absolute value; the second half of ``found`` is corrected for having looked at all groups."""
    half = len(found) // 2
    plain, corrected = found[:half], found[half:]
    worst = max(plain, key=lambda e: abs(e.value or 0.0))
    low = max(max(0.0, e.low or 0.0, -(e.high or 0.0)) for e in corrected)
    high = max(max(abs(e.low or 0.0), abs(e.high or 0.0)) for e in plain)
    group = worst.group or ()
    return Estimate(**common, compare="largest", n=n, value=abs(worst.value or 0.0), low=low, high=high,
                    pair=(group, group), confidence=worst.confidence, flags=worst.flags,
                    method=f"{worst.method}, corrected for {half} groups on the failing side")  # fmt: skip
