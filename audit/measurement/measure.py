"""Cubes in, estimates out.

What only some questions measure is imported where it is measured, so that every other audit loads less. Must not: read
rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from audit.axes import LABEL, CubeKind, Task, crossings
from audit.cube import Cube
from audit.estimate import Estimate, Stage
from audit.measurement.estimates import Estimates
from audit.measurement.grouping import Grouping, Kinds, grouping, missing_groups
from audit.measurement.metrics.confusion import STATISTICS
from audit.measurement.metrics.kinds import Rate, Statistic
from audit.measurement.metrics.rates import RATES
from audit.measurement.rates.adverse import adverse_block
from audit.measurement.rates.benefits import BenefitTable
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.rates.subgroups import subgroup_blocks
from audit.measurement.scope import Block, Scope

__all__ = ["TASKS", "Scope", "contradictions", "data_estimates", "model_estimates", "of_data", "of_predictions"]

SELECTED = tuple(rate for rate in RATES if "label" not in rate.needs)
"""Rates that need no label."""


def of_data(cubes: Kinds, scope: Scope, *, labelled: bool = True, classes: bool = False) -> Estimates:
    """Everything that is measured of rows before training; ``classes`` says that no label is the positive one."""
    if classes:
        from audit.measurement.dataset.labels import label_estimates

        return Estimates.listed(label_estimates(cubes[CubeKind.CROSSINGS], scope))
    found = Estimates.listed(data_estimates(cubes[CubeKind.CROSSINGS], scope, labelled=labelled))
    return found + _measure_kinds(cubes, scope, "data")


def of_predictions(task: Task, cubes: Kinds, scope: Scope) -> Estimates:
    """Everything that is measured of predictions."""
    return Estimates.listed(TASKS[task](cubes, scope))


def contradictions(cubes: Kinds, scope: Scope) -> tuple[str, ...]:
    """Sentences for counts of the same predictions that cannot all be right."""
    from audit.measurement.scores.scores import disagreements, ordered_of

    return tuple(disagreements(cubes.get(CubeKind.SCORES, ()), ordered_of(cubes), scope))


def model_estimates(cubes: Sequence[Cube], scope: Scope) -> Estimates:
    """All rates of a binary model for everybody, every group and every crossing, with their comparisons."""
    crossed = list(_crossed(cubes, scope))
    return Estimates([*_rates(crossed, scope), *subgroup_blocks([c.grouped for c in crossed if c.grouped.by], scope)])


def _classified(cubes: Kinds, scope: Scope) -> Estimates:
    crossed = list(_crossed(cubes[CubeKind.CROSSINGS], scope))
    if not any(LABEL in cube.names for cube in cubes[CubeKind.CROSSINGS]):
        return _decided(cubes, crossed, scope)
    whole = [c.grouped for c in crossed]
    compared = [g for g in whole if g.by]
    return (
        Estimates([*_rates(crossed, scope), *subgroup_blocks(compared, scope), *_benefits(crossed, scope)])
        + _measure_kinds(cubes, scope, "model")
        + Estimates([adverse_block(g, scope) for g in compared])
    )


def _decided(cubes: Kinds, crossed: Sequence[_Crossed], scope: Scope) -> Estimates:
    """What needs no label: who is selected, by group, within strata, and over all crossings."""
    compared = [c.grouped for c in crossed if c.grouped.by]
    return (
        Estimates([*_rates(crossed, scope, SELECTED), *subgroup_blocks(compared, scope, labelled=False)])
        + _measure_kinds(cubes, scope, "model")
        + Estimates([adverse_block(g, scope) for g in compared])
    )


def _measure_kinds(cubes: Kinds, scope: Scope, stage: Stage) -> Estimates:
    """Measure all kinds that were counted beside the crossings, in the order of `CubeKind`."""
    found = Estimates()
    for kind in CubeKind:
        measure = _find_measure(kind) if cubes.get(kind) else None
        if measure is not None:
            found = found + Estimates.listed(measure(cubes, scope, stage))
    return found


@cache
def _find_measure(kind: CubeKind) -> Callable[[Kinds, Scope, Stage], Iterable[Estimate]] | None:
    """Return what measures a kind: MEASURE of the file that is called like it, in whatever room of measurement.

    None where it is measured with another kind.
    """
    name = kind.name.lower()
    for room in Path(__file__).parent.iterdir():
        if (room / f"{name}.py").exists():
            measure: Callable[[Kinds, Scope, Stage], Iterable[Estimate]] | None = getattr(
                import_module(f"{__package__}.{room.name}.{name}"), "MEASURE", None
            )
            if measure is not None:
                return measure
    return None


def _regressed(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    from audit.measurement.regression.regression_table import regression_estimates

    return regression_estimates(cubes[CubeKind.CROSSINGS], cubes.get(CubeKind.SCORES, ()), scope)


def _classed(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    from audit.measurement.rates.multiclass import class_estimates

    return class_estimates(cubes[CubeKind.CROSSINGS], scope)


def _ranked(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    from audit.measurement.ranking.ranking_table import ranking_estimates

    return ranking_estimates(cubes[CubeKind.CROSSINGS], cubes[CubeKind.LISTS][0], cubes.get(CubeKind.GAINS, ()), scope)


def _itemised(cubes: Kinds, scope: Scope) -> tuple[Estimate, ...]:
    from audit.measurement.rates.items import item_estimates

    return item_estimates(cubes, scope)


TASKS: Mapping[Task, Callable[[Kinds, Scope], Iterable[Estimate]]] = {
    "classification": _classified,
    "regression": _regressed,
    "multiclass": _classed,
    "ranking": _ranked,
    "items": _itemised,
}
"""How the predictions of each task are measured."""


class _Crossed(NamedTuple):
    """The groups of one crossing, and the rows of which a column of it is missing."""

    grouped: Grouping
    rest: Grouping | None


def _crossed(cubes: Sequence[Cube], scope: Scope) -> Iterator[_Crossed]:
    """Everybody, every column and every crossing."""
    for by in crossings(scope.groups, scope.intersections):
        rest = missing_groups(cubes, by)
        yield _Crossed(grouping(cubes, by, scope.reference, scope.without(by)), rest)


def _rates(
    crossed: Sequence[_Crossed], scope: Scope, metrics: Sequence[Rate | Statistic] = (*RATES, *STATISTICS)
) -> Iterator[Block]:
    """Rates of a binary model for everybody, every group and every crossing, with their comparisons."""
    table = _rate_table(scope)
    metrics = [metric for metric in metrics if not scope.metrics or metric.name in scope.metrics]
    for grouped, rest in crossed:
        yield from table(grouped, scope, "model").blocks(metrics)
        if rest is not None:
            yield from table(rest, scope, "model", comparable=False).blocks(metrics)


def _rate_table(scope: Scope) -> type[RateTable]:
    """Return the table of rates, with comparisons to everybody where they are asked for."""
    if not scope.compare_to:
        return RateTable
    from audit.measurement.rates.to_everybody import EverybodyTable

    return EverybodyTable


def _benefits(crossed: Sequence[_Crossed], scope: Scope) -> Iterator[Block]:
    """Statistics without an upper bound for everybody, every group and every crossing, with their comparisons."""
    for grouped, rest in crossed:
        yield BenefitTable(grouped, scope, "model").block()
        if rest is not None:
            yield BenefitTable(rest, scope, "model", comparable=False).block()


def data_estimates(cubes: Sequence[Cube], scope: Scope, *, labelled: bool = True) -> tuple[Estimate, ...]:
    """Dataset bias: representation, base rates, class imbalance and difference in proportions of labels."""
    from audit.measurement.dataset.representation import BiasTable
    from audit.measurement.metrics.dataset import DATA_BASE_RATE

    found: list[Estimate] = []
    metrics = (DATA_BASE_RATE,) if labelled else ()
    for grouped, rest in _crossed(cubes, scope):
        table = BiasTable(grouped, scope, "data")
        found += [*table.representation(), *table.rates(metrics), *table.against_reference(labelled=labelled)]
        if rest is not None:
            found += BiasTable(rest, scope, "data", comparable=False).rates(metrics)
    return tuple(found)
