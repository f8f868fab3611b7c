"""Cubes in, estimates out.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from audit.catalogue import Task
from audit.cube import Cube
from audit.fairness.dataset import DATA_BASE_RATE
from audit.fairness.rates import RATES
from audit.fairness.statistics import STATISTICS
from audit.grouping import (
    BINNED,
    CROSSINGS,
    FLIPS,
    GAINS,
    LISTS,
    LOSSES,
    ORDERED,
    SCORES,
    WITHIN_STRATA,
    Grouping,
    crossings,
    grouping,
    missing_groups,
)
from audit.measurement.adverse import adverse_estimates
from audit.measurement.benefits import benefit_estimates
from audit.measurement.bias import BiasTable
from audit.measurement.everybody import EverybodyTable
from audit.measurement.flips import flip_estimates
from audit.measurement.labels import label_estimates
from audit.measurement.multiclass import class_estimates
from audit.measurement.ranking import ranking_estimates
from audit.measurement.regression import regression_estimates
from audit.measurement.scope import Scope
from audit.measurement.scores import disagreements, score_estimates
from audit.measurement.strata import conditional_estimates
from audit.measurement.subgroups import subgroup_estimates
from audit.value import Estimate

__all__ = ["TASKS", "Scope", "contradictions", "data_estimates", "model_estimates", "of_data", "of_predictions"]

Kinds = Mapping[str, Sequence[Cube]]
"""Cubes by kind: what was counted of one table, or what a document holds of it."""


def of_data(cubes: Kinds, scope: Scope, *, labelled: bool = True, classes: bool = False) -> tuple[Estimate, ...]:
    """Everything that is measured of rows before training; ``classes`` says that no label is the positive one."""
    if classes:
        return label_estimates(cubes[CROSSINGS], scope)
    return (
        *data_estimates(cubes[CROSSINGS], scope, labelled=labelled),
        *conditional_estimates(cubes.get(WITHIN_STRATA, ()), scope, "data"),
    )


def of_predictions(task: Task, cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    """Everything that is measured of predictions."""
    return TASKS[task](cubes, scope)


def contradictions(cubes: Kinds, scope: Scope) -> tuple[str, ...]:
    """Sentences for counts of the same predictions that cannot all be right."""
    return tuple(disagreements(cubes.get(SCORES, ()), cubes.get(ORDERED, ()), scope))


def _classified(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    return (
        *model_estimates(cubes[CROSSINGS], scope),
        *benefit_estimates(cubes[CROSSINGS], scope),
        *conditional_estimates(cubes.get(WITHIN_STRATA, ()), scope, "model"),
        *score_estimates(cubes.get(SCORES, ()), cubes.get(LOSSES, ()), scope, cubes.get(ORDERED, ())),
        *flip_estimates(cubes[CROSSINGS], cubes.get(FLIPS, ()), scope),
        *adverse_estimates(cubes[CROSSINGS], scope),
    )


def _regressed(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    return regression_estimates(cubes[CROSSINGS], cubes.get(BINNED, ()), scope)


def _classed(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    return class_estimates(cubes[CROSSINGS], scope)


def _ranked(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    return ranking_estimates(cubes[CROSSINGS], cubes[LISTS][0], cubes.get(GAINS, ()), scope)


TASKS: Mapping[Task, Callable[[Kinds, Scope], tuple[Estimate, ...]]] = {
    "classification": _classified,
    "regression": _regressed,
    "multiclass": _classed,
    "ranking": _ranked,
}
"""How the predictions of each task are measured."""


def model_estimates(cubes: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """All rates of a binary model for everybody, every group and every crossing, with their comparisons."""
    found: list[Estimate] = []
    counted: list[Grouping] = []
    for by in crossings(scope.groups, scope.intersections):
        counted.append(grouping(cubes, by, scope.reference))
        found += EverybodyTable(counted[-1], scope, "model").rates((*RATES, *STATISTICS))
        if len(by) == 1 and (rest := missing_groups(cubes, by[0])) is not None:
            found += EverybodyTable(rest, scope, "model", comparable=False).rates((*RATES, *STATISTICS))
    return (*found, *subgroup_estimates([g for g in counted if g.by], scope))


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
