"""Bias of a data set whose labels are one of several classes: who is in it, and how labels differ by group.

Distances run over all classes that any label has; a class that one of two groups lacks is the largest difference there
is, and counts. Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from audit.axes import crossings
from audit.cube import Cube
from audit.errors import printable
from audit.estimate import Estimate
from audit.measurement.comparisons import reason_for_unmeasured
from audit.measurement.dataset.distances import NO_INTERVAL, divergence
from audit.measurement.dataset.representation import BiasTable
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.pairs import against
from audit.measurement.metrics.dataset import DATA_BASE_RATE, JS, KL, KS, LP, TVD
from audit.measurement.metrics.multiclass import WORST_BASE_RATE
from audit.measurement.rates.multiclass import (
    ClassGrouping,
    ClassTable,
    class_grouping,
    class_tables,
    missing_class_groups,
    of_class,
    worst_class,
)
from audit.measurement.scope import Scope


def label_estimates(cubes: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """Representation, class imbalance of groups, shares of labels, and how far these lie from the reference's."""
    found: list[Estimate] = []
    for by in crossings(scope.groups, scope.intersections):
        found += _of_grouping(class_grouping(cubes, by, scope.reference, scope.without(by)), scope)
        if (rest := missing_class_groups(cubes, by)) is not None:
            found += _shares(rest, scope, comparable=False)
    return tuple(found)


def _of_grouping(grouped: ClassGrouping, scope: Scope) -> list[Estimate]:
    bias = BiasTable(grouped.right, scope, "data")
    found = [*bias.representation(), *_shares(grouped, scope), *bias.against_reference(labelled=False)]
    if not bias.comparable:
        return found
    return [*found, *_distances(grouped, scope)]


def _shares(grouped: ClassGrouping, scope: Scope, *, comparable: bool = True) -> list[Estimate]:
    """Share of each label in each group with all comparisons, and the worst of these."""
    tables = class_tables(grouped, scope, "data", comparable=comparable)
    found = [e for t in tables for e in t.rates((of_class(DATA_BASE_RATE, t.outcome or ""),))]
    if not tables[0].comparable:
        return found
    return [*found, *worst_class(WORST_BASE_RATE, DATA_BASE_RATE, tables)]


def _distances(grouped: ClassGrouping, scope: Scope) -> list[Estimate]:
    """Distances of every group's labels from those of the reference."""
    tables = class_tables(grouped, scope, "data")
    shares = np.stack([t.g.sample(DATA_BASE_RATE).p for t in tables], axis=1)
    plain = _differences(tables, scope.tail)
    corrected = _differences(tables, scope.tail / len(tables))
    found, at = [], grouped.reference
    for i, group in enumerate(grouped.groups):
        if i == at:
            continue
        n = float(grouped.rows[i] + grouped.rows[at])
        common: dict[str, Any] = {"group": group, "reference": grouped.groups[at], "n": n, "flags": tables[0].flags}
        empty = next((j for j in (i, at) if np.isnan(shares[j]).any()), None)
        if empty is not None:
            reason = reason_for_unmeasured(grouped, [empty], grouped.nobody(empty))
            common |= {"status": "undefined", "reason": reason}
            found += [_made(tables, m.name, **common) for m in (KL, JS, LP, TVD, KS)]
            continue
        found += [*_divergences(tables, common, shares[at], shares[i]), *_norms(tables, common, shares[at] - shares[i])]
        low = max(0.0, float(np.maximum(corrected.low[i], -corrected.high[i]).max()))
        high = float(np.maximum(-plain.low[i], plain.high[i]).max())
        largest = float(np.abs(shares[at] - shares[i]).max())
        found.append(
            _made(
                tables,
                KS.name,
                **common,
                value=largest,
                low=low,
                high=high,
                confidence=scope.confidence,
                method=_largest_method(tables),
            )
        )
    return found


def _largest_method(tables: Sequence[ClassTable]) -> str:
    single = tables[0].method(exact=False)
    return f"newcombe on {single}, largest of {len(tables)} classes, corrected for all of them on the failing side"


def _norms(tables: Sequence[ClassTable], common: dict[str, Any], apart: np.ndarray) -> list[Estimate]:
    values = ((LP, math.sqrt(float((apart**2).sum()))), (TVD, float(np.abs(apart).sum()) / 2))
    return [_made(tables, metric.name, **common, value=value, method=NO_INTERVAL) for metric, value in values]


def _differences(tables: Sequence[ClassTable], tail: float) -> Limits:
    """Limits (G, K) of each group's share of each label less the reference's."""
    limits = [against(t.g.sample(DATA_BASE_RATE), "difference", t.g.reference, tail) for t in tables]
    return Limits(np.stack([x.low for x in limits], axis=1), np.stack([x.high for x in limits], axis=1))


def _divergences(tables: Sequence[ClassTable], common: dict[str, Any], a: np.ndarray, d: np.ndarray) -> list[Estimate]:
    middle = (a + d) / 2
    js = _made(tables, JS.name, **common, value=(divergence(a, middle) + divergence(d, middle)) / 2, method=NO_INTERVAL)
    alone = np.flatnonzero((a > 0) & (d == 0))
    if len(alone):
        which = printable(tables[int(alone[0])].outcome)
        reason = f"infinite: label = {which} is only in the reference group"
        return [_made(tables, KL.name, **common, status="undefined", reason=reason), js]
    return [_made(tables, KL.name, **common, value=divergence(a, d), method=NO_INTERVAL), js]


def _made(tables: Sequence[ClassTable], metric: str, **changes: Any) -> Estimate:
    """Estimate over all classes."""
    return Estimate(stage="data", metric=metric, by=tables[0].g.by, **changes)
