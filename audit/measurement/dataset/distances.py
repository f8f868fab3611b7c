"""How far two groups' labels lie apart, by the distances of SageMaker Clarify and by differential fairness.

Three of them are the difference in proportions of labels in other words, so they share its interval; the others are
printed without one. Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from audit.estimate import Estimate
from audit.measurement.metrics.dataset import DATA_BASE_RATE, JS, KL, KS, LP, SMOOTHED_EDF, TVD
from audit.measurement.rates.rate_table import RateTable

NO_INTERVAL = "plug-in from counts, no interval; too large on average in small groups"


def distances(table: RateTable, gaps: Sequence[Estimate]) -> list[Estimate]:
    """Distances of every group from the reference, given their differences in proportions of labels."""
    found = [e for gap in gaps for e in _of_gap(table, gap)]
    return [*found, _differential(table)]


def _of_gap(table: RateTable, gap: Estimate) -> list[Estimate]:
    common: dict[str, Any] = {"group": gap.group, "reference": gap.reference, "n": gap.n, "flags": gap.flags}
    metrics = (KL, JS, LP, TVD, KS)
    if gap.value is None or gap.low is None or gap.high is None:
        return [table.base(m.name, **common, status="undefined", reason=gap.reason) for m in metrics]
    low, high = max(0.0, gap.low, -gap.high), max(abs(gap.low), abs(gap.high))
    scales = ((LP, math.sqrt(2)), (TVD, 1.0), (KS, 1.0))
    folded = [
        table.base(
            m.name, **common, value=s * abs(gap.value), low=s * low, high=s * high, method=f"{gap.method}, folded at 0"
        )
        for m, s in scales
    ]
    return [*_entropies(table, gap, common), *folded]


def _entropies(table: RateTable, gap: Estimate, common: dict[str, Any]) -> list[Estimate]:
    rates = table.g.sample(DATA_BASE_RATE).p
    groups = table.g.groups
    a, d = (rates[groups.index(group)] for group in (gap.reference or (), gap.group or ()))
    pa, pd = np.array([a, 1 - a]), np.array([d, 1 - d])
    middle = (pa + pd) / 2
    js = table.base(JS.name, **common, value=(divergence(pa, middle) + divergence(pd, middle)) / 2, method=NO_INTERVAL)
    if np.any((pa > 0) & (pd == 0)):
        which = "label = 1" if d == 0 else "label ≠ 1"
        reason = f"infinite: nobody in this group has {which}, and somebody in the reference group has"
        return [table.base(KL.name, **common, status="undefined", reason=reason), js]
    return [table.base(KL.name, **common, value=divergence(pa, pd), method=NO_INTERVAL), js]


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Kullback-Leibler divergence of two distributions, where it is finite."""
    live = p > 0
    return float(max(0.0, (p[live] * np.log(p[live] / q[live])).sum()))


def _differential(table: RateTable) -> Estimate:
    sample, groups = table.g.sample(DATA_BASE_RATE), table.g.groups
    n = float(table.g.rows.sum())
    if not sample.measured.all():
        return table.base(SMOOTHED_EDF.name, compare="largest", n=n, status="undefined", reason="a group has no rows")
    ones = (sample.numerator + 1) / (sample.denominator + 2)
    logs = np.log(np.stack([ones, 1 - ones]))
    worst = max(
        combinations(range(len(groups)), 2), key=lambda ij: float(np.abs(logs[:, ij[0]] - logs[:, ij[1]]).max())
    )
    value = float(np.abs(logs[:, worst[0]] - logs[:, worst[1]]).max())
    lower, higher = sorted(worst, key=lambda i: float(ones[i]))
    return table.base(SMOOTHED_EDF.name, compare="largest", n=n, value=value, pair=(groups[lower], groups[higher]),
                      method=NO_INTERVAL)  # fmt: skip
