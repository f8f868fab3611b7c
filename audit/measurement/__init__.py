"""Cubes in, estimates out.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.cube import Cube
from audit.fairness.dataset import DATA_BASE_RATE
from audit.fairness.rates import RATES
from audit.fairness.statistics import STATISTICS
from audit.grouping import crossings, grouping, missing_groups
from audit.measurement.bias import BiasTable
from audit.measurement.rates import RateTable
from audit.measurement.regression import regression_estimates
from audit.measurement.scope import Scope
from audit.measurement.scores import score_estimates
from audit.measurement.strata import conditional_estimates
from audit.value import Estimate

__all__ = [
    "Scope",
    "conditional_estimates",
    "data_estimates",
    "model_estimates",
    "regression_estimates",
    "score_estimates",
]


def model_estimates(cubes: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """All rates of a binary model for everybody, every group and every crossing, with their comparisons."""
    found: list[Estimate] = []
    for by in crossings(scope.groups, scope.intersections):
        found += RateTable(grouping(cubes, by, scope.reference), scope, "model").rates((*RATES, *STATISTICS))
        if len(by) == 1 and (rest := missing_groups(cubes, by[0])) is not None:
            found += RateTable(rest, scope, "model", comparable=False).rates((*RATES, *STATISTICS))
    return tuple(found)


def data_estimates(cubes: Sequence[Cube], scope: Scope, *, labelled: bool = True) -> tuple[Estimate, ...]:
    """Dataset bias: representation, base rates, class imbalance and difference in proportions of labels."""
    found: list[Estimate] = []
    metrics = (DATA_BASE_RATE,) if labelled else ()
    for by in crossings(scope.groups, scope.intersections):
        table = BiasTable(grouping(cubes, by, scope.reference), scope, "data")
        found += [*table.representation(), *table.rates(metrics), *table.against_reference(labelled=labelled)]
        if len(by) == 1 and (rest := missing_groups(cubes, by[0])) is not None:
            found += BiasTable(rest, scope, "data", comparable=False).rates(metrics)
    return tuple(found)
