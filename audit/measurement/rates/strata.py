"""Disparity within strata: what is left of a gap once a legitimate reason is held fixed.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from audit.axes import FOLD, LABEL, PREDICTION, STRATUM, CubeKind
from audit.cube import Cube
from audit.estimate import Estimate, Stage
from audit.measurement.comparisons import NO_TWO_GROUPS, largest_of
from audit.measurement.grouping import Kinds, two_levels
from audit.measurement.inference.effective import satterthwaite
from audit.measurement.inference.intervals import quantile, wilson
from audit.measurement.metrics.dataset import CONDITIONAL_LABELS, CONDITIONAL_PREDICTIONS
from audit.measurement.scope import Scope

FLAT = 1e-15
ONE_SIDED = "one_sided_stratum"
"""A stratum in which everybody is accepted, or everybody rejected: a share of nobody counts 0 there."""


class _Disparity(NamedTuple):
    value: float
    variance: float
    df: float
    rows: float
    """Most independent rows that the data can be worth."""
    one_sided: bool


def _conditional_estimates(cubes: Sequence[Cube], scope: Scope, stage: Stage) -> tuple[Estimate, ...]:
    """Conditional demographic disparity of every group of every attribute, and the largest of each.

    Parameters
    ----------
    cubes
        One for each attribute: attribute x stratum x label (x prediction) (x fold).
    """
    return tuple(chain.from_iterable(_of_attribute(cube, scope, stage) for cube in cubes))


def _measure(cubes: Kinds, scope: Scope, stage: Stage) -> tuple[Estimate, ...]:
    return _conditional_estimates(cubes[CubeKind.STRATA], scope, stage)


MEASURE = _measure


def _of_attribute(cube: Cube, scope: Scope, stage: Stage) -> Iterator[Estimate]:
    attribute = cube.names[0]
    outcome = LABEL if stage == "data" else PREDICTION
    folds = (FOLD,) if FOLD in cube.names else ()
    for level in (None, *(group[0] for group in scope.without((attribute,)))):
        cube = cube.drop(attribute, level)
    known = cube.keep(attribute, STRATUM, outcome, *folds)
    groups = known.axis(attribute).levels
    metric = CONDITIONAL_LABELS if stage == "data" else CONDITIONAL_PREDICTIONS
    weighted = "w" in known.measures
    w = _by_outcome(known, "w" if weighted else "n", outcome)
    w2 = _by_outcome(known, "w2" if weighted else "n", outcome)
    rows = known["n"].sum(axis=tuple(range(1, known["n"].ndim)))
    common: dict[str, Any] = {"stage": stage, "metric": metric.name, "by": (attribute,)}
    if len(groups) < 2 or w.sum() <= 0:
        yield Estimate(**common, compare="largest", n=float(rows.sum()), status="undefined", reason=NO_TWO_GROUPS)
        return
    each = [_disparity(w, w2, i, folded=bool(folds)) for i in range(len(groups))]
    named = [{**common, "group": (g,), "n": float(n)} for g, n in zip(groups, rows, strict=True)]
    plain = [_estimate(of, found, scope, 1) for of, found in zip(named, each, strict=True)]
    corrected = [_estimate(of, found, scope, len(groups)) for of, found in zip(named, each, strict=True)]
    yield from plain
    common |= {"compare": "largest", "n": float(rows.sum()), "confidence": scope.confidence, "flags": plain[0].flags}
    yield Estimate(**common, **largest_of(plain, corrected))


def _by_outcome(cube: Cube, measure: str, outcome: str) -> np.ndarray:
    """Array (G, S, 2, F): rejected, accepted; F is 1 where rows are independent."""
    out = two_levels(cube, outcome)[measure].astype(float)
    return out if out.ndim == 4 else out[..., None]


def _disparity(w: np.ndarray, w2: np.ndarray, group: int, *, folded: bool) -> _Disparity:
    """Value with its variance: linearised from the squared weights, or the jackknife where rows share units."""
    whole = w.sum(axis=-1)
    value = disparity(whole, group)
    totals = whole.sum(axis=0)
    one_sided = bool(((totals == 0).any(axis=1) & (totals.sum(axis=1) > 0)).any())
    kish = float(whole.sum() ** 2 / w2.sum())
    if not folded:
        slope = slopes(whole, group, value)
        return _Disparity(value, float((w2.sum(axis=-1) * slope**2).sum()), math.inf, kish, one_sided)
    filled = w.sum(axis=(0, 1, 2))
    effective = float(filled.sum() ** 2 / (filled**2).sum())
    live = [f for f in range(w.shape[-1]) if 0 < filled[f] < filled.sum()]
    deviation = np.array([disparity(whole - w[..., f], group) - value for f in live])
    count = max(len(live), 1)
    variance = (count - 1) / count * float((deviation**2).sum())
    df = min(effective, float(satterthwaite(deviation[:, None])[0])) - 1
    return _Disparity(value, variance, df, min(kish, effective) if variance < FLAT else kish, one_sided)


def _gaps(w: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares (S, 2) of a group among rejected and accepted, the totals, and the size of each stratum."""
    totals = w.sum(axis=0)
    shares = np.divide(w[group], totals, out=np.zeros_like(totals), where=totals > 0)
    return shares, totals, totals.sum(axis=1)


def disparity(w: np.ndarray, group: int) -> float:
    """Conditional demographic disparity of one group, from weights by group, stratum and outcome."""
    shares, _, size = _gaps(w, group)
    return float((size * (shares[:, 0] - shares[:, 1])).sum() / size.sum())


def slopes(w: np.ndarray, group: int, value: float) -> np.ndarray:
    """Change of the value with the weight of each cell, (G, S, 2)."""
    shares, totals, size = _gaps(w, group)
    own = np.zeros_like(w)
    own[group] = 1.0
    slope_of_share = np.divide(own - shares, totals, out=np.zeros_like(w), where=totals > 0)
    sign = np.array([1.0, -1.0])
    gap = shares[:, 0] - shares[:, 1]
    slope: np.ndarray = ((gap - value)[None, :, None] + size[None, :, None] * sign * slope_of_share) / size.sum()
    return slope


def _estimate(common: dict[str, Any], found: _Disparity, scope: Scope, looks: int) -> Estimate:
    """Estimate with Wilson limits on the scale from -1 to 1, at the number of rows that the variance is worth."""
    unit = (1 + found.value) / 2
    spread = unit * (1 - unit)
    n = found.rows if found.variance < FLAT else min(4 * spread / found.variance, found.rows)
    limits = wilson(np.array([unit]), np.array([n]), quantile(scope.tail / looks, np.array([found.df])))
    worth = "delta method" if math.isinf(found.df) else "jackknife over 100 folds of the unit"
    return Estimate(
        **common,
        value=found.value,
        low=2 * float(limits.low[0]) - 1,
        high=2 * float(limits.high[0]) - 1,
        confidence=scope.confidence,
        effective_n=n,
        degrees_of_freedom=None if math.isinf(found.df) else found.df,
        method=f"wilson, rows worth by {worth}",
        flags=(ONE_SIDED,) if found.one_sided else (),
    )
