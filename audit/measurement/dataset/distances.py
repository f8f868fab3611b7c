"""How far two groups' labels lie apart, by the distances of SageMaker Clarify and by differential fairness.

Three of them are the difference in proportions of labels in other words, so they share its interval; the others are
printed without one. Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain, combinations
from typing import Any

import numpy as np

from audit.errors import printable
from audit.estimate import Estimate, band_text
from audit.measurement.inference.contingency import Fit, fit
from audit.measurement.metrics.dataset import (
    DATA_BASE_RATE,
    JS,
    KL,
    KS,
    LP,
    POPULATION_CHI_SQUARE,
    POPULATION_TV,
    SKEW,
    SMOOTHED_EDF,
    TVD,
)
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.scope import SMALL

POPULATION = ("population",)
ROUNDING = 1e-6
"""Distance of the sum of a population's shares from 1 that is rounding."""
TOGETHER = (
    (POPULATION_TV, "to_population"),
    (POPULATION_CHI_SQUARE, "to_population"),
    (POPULATION_CHI_SQUARE, "p_value"),
)


NO_INTERVAL = "plug-in from counts, no interval; too large on average in small groups"


def distances(table: RateTable, gaps: Sequence[Estimate]) -> list[Estimate]:
    """Distances of every group from the reference, given their differences in proportions of labels."""
    found = list(chain.from_iterable(_of_gap(table, gap) for gap in gaps))
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
    a = rates[groups.index(gap.reference or ())]
    d = rates[groups.index(gap.group or ())]
    pa, pd = np.array([a, 1 - a]), np.array([d, 1 - d])
    middle = (pa + pd) / 2
    js = table.base(JS.name, **common, value=(divergence(pa, middle) + divergence(pd, middle)) / 2, method=NO_INTERVAL)
    if np.any((pa > 0) & (pd == 0)):
        which = "label = 1" if d == 0 else "label ≠ 1"
        reason = f"infinite: {which} is only in the reference group"
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
    return table.base(
        SMOOTHED_EDF.name, compare="largest", n=n, value=value, pair=(groups[lower], groups[higher]), method=NO_INTERVAL
    )


# How far the shares of groups lie from those of a reference population, all groups together and one by one.
def population_distances(
    table: RateTable, ratios: Sequence[Estimate], population: Mapping[str, float]
) -> list[Estimate]:
    """Skew of every group, total variation, chi-square and its p-value.

    Parameters
    ----------
    table
        One attribute of a data set.
    ratios
        Share in the data over share in the population: of each group, then over all.
    population
        Share of each level.
    """
    names = [group[0] for group in table.g.groups]
    absent = [level for level, share in population.items() if share > 0 and level not in names]
    skews = [_skew(table, e) for e in ratios if e.group is not None]
    skews += [_of_nobody(table, level) for level in absent]
    common: dict[str, Any] = {"reference": POPULATION, "n": float(table.g.rows.sum()), "flags": table.flags}
    reason = _unknown(table, population)
    if reason:
        return [*skews, *(_undefined(table, m.name, compare, common, reason) for m, compare in TOGETHER)]
    return [*skews, *_together(table, [*names, *absent], population, common)]


def _undefined(table: RateTable, metric: str, compare: str, common: Mapping[str, Any], reason: str) -> Estimate:
    return table.base(metric, **{**common, "compare": compare}, status="undefined", reason=reason)


def _skew(table: RateTable, ratio: Estimate) -> Estimate:
    common: dict[str, Any] = {"compare": "to_population", "group": ratio.group, "reference": POPULATION, "n": ratio.n}
    if ratio.value is None:
        return table.base(SKEW.name, **common, status="undefined", reason=ratio.reason)
    if ratio.value <= 0:
        return table.base(SKEW.name, **common, status="undefined", reason="ln 0: the group has no weight in the data")
    low = math.log(ratio.low) if ratio.low else None
    high = math.log(ratio.high) if ratio.high else None
    open_ = "" if low is not None else "; no lower limit"
    method = f"{ratio.method}, carried over{open_}"
    return table.base(SKEW.name, **common, value=math.log(ratio.value), low=low, high=high, method=method)


def _of_nobody(table: RateTable, level: str) -> Estimate:
    reason = f"ln 0: no row of the data is {printable(band_text(level))}"
    return table.base(
        SKEW.name,
        compare="to_population",
        group=(level,),
        reference=POPULATION,
        n=0.0,
        status="undefined",
        reason=reason,
    )


def _unknown(table: RateTable, population: Mapping[str, float]) -> str:
    """Why all groups together cannot be compared; empty where they can."""
    nameless = next((i for i, group in enumerate(table.g.groups) if str(group[0]) not in population), None)
    if nameless is not None:
        return f"the reference population names no share for {printable(table.g.groups[nameless][0])}"
    whole = sum(population.values())
    if abs(whole - 1) > ROUNDING:
        return f"the shares of the reference population sum to {whole:.6g}, not to 1; name the rest of it"
    if table.g.sizes()[0].sum() > 0:
        return ""
    return "0/0: no rows in any group"


def _together(
    table: RateTable, names: Sequence[str | None], population: Mapping[str, float], common: dict[str, Any]
) -> list[Estimate]:
    expected = np.array([population[str(name)] for name in names])
    expected = expected / expected.sum()
    own, own_squares = table.g.sizes()
    weights = np.zeros((len(names), own.shape[1]))
    squares = np.zeros((len(names), own_squares.shape[1]))
    weights[: len(table.g.groups)], squares[: len(table.g.groups)] = own, own_squares
    distance = float(np.abs(weights.sum(axis=1) / weights.sum() - expected).sum() / 2)
    possible = expected > 0
    plain = "w" not in table.g.counts and not table.g.folded
    intruder = next((name for name, ok, w in zip(names, possible, weights, strict=True) if not ok and w.sum()), None)
    tested = None
    if possible.sum() > 1:
        tested = fit(weights[possible], squares[possible], expected[possible], plain=plain, folds=table.g.folded)
    return [_variation(table, distance, tested, common), *_tested(table, tested, intruder, common)]


def _variation(table: RateTable, distance: float, tested: Fit | None, common: dict[str, Any]) -> Estimate:
    chance = "" if tested is None else f"; a sample of this size shows about {tested.floor:.3g} on average"
    return table.base(
        POPULATION_TV.name, **common, compare="to_population", value=min(distance, 1.0), method=f"no interval{chance}"
    )


def _tested(table: RateTable, tested: Fit | None, intruder: str | None, common: dict[str, Any]) -> list[Estimate]:
    """Statistic and p-value, or why there is none."""
    name, compares = POPULATION_CHI_SQUARE.name, ("to_population", "p_value")
    if intruder is not None:
        reason = f"infinite: some rows of the data are {printable(intruder)}, whose share of the population is 0"
        return [_undefined(table, name, c, common, reason) for c in compares]
    if tested is None:
        reason = "no p-value: the folds of the unit are too few or all alike, or the population has one group only"
        return [_undefined(table, name, c, common, reason) for c in compares]
    method = _method(table)
    more = common | {"flags": (*table.flags, *((SMALL,) if tested.few else ()))}
    if tested.few:
        method += "; fewer than 5 rows are expected in a group, so the p-value is rough"
    values = (tested.statistic, tested.p_value)
    return [
        table.base(name, **more, compare=c, value=v, degrees_of_freedom=tested.df, method=method)
        for c, v in zip(compares, values, strict=True)
    ]


def _method(table: RateTable) -> str:
    if table.g.folded:
        return "pearson, second-order rao-scott, F, 100 folds of the unit"
    if "w" in table.g.counts:
        return "pearson, second-order rao-scott for the weights"
    return "pearson"
