"""Rates of groups after an epoch of training, from its counts.

Must not: know how an epoch is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from audit.axes import LABEL, NEGATIVE, POSITIVE, PREDICTION
from audit.cube import Cube
from audit.measurement.estimates import Estimates
from audit.measurement.grouping import Grouping, grouping, missing_groups
from audit.measurement.metrics.kinds import Rate
from audit.measurement.metrics.rates import RATES
from audit.measurement.rates.multiclass import ClassGrouping, ClassTable, class_grouping, missing_class_groups
from audit.measurement.rates.to_everybody import EverybodyTable
from audit.measurement.scope import Scope

ACCURACY = "accuracy"
CURVES = ("selection_rate", "true_positive_rate", "false_positive_rate", ACCURACY)
"""Rates of two classes whose course is shown; of several classes it is the accuracy."""


def measure_epoch(
    counts: Cube, names: tuple[str, ...], confidence: float = 0.95, by: Iterable[tuple[str, ...]] | None = None
) -> Estimates:
    """Return the rates of everybody and of each group from the counts of an epoch.

    Parameters
    ----------
    counts
        Groups x label x prediction.
    names
        Attributes by which it was counted.
    confidence
        How sure every interval is.
    by
        Groupings; everybody and each attribute by itself where none are given.
    """
    cube = occupied(counts)
    scope = Scope(groups=names, confidence=confidence)
    asked = [(), *((name,) for name in names)] if by is None else list(by)
    two = set(cube.axis(LABEL).levels) | set(cube.axis(PREDICTION).levels) <= {NEGATIVE, POSITIVE}
    measure = _two if two else _several
    tables = chain.from_iterable(measure(cube, each, scope) for each in asked)
    return Estimates.listed(chain.from_iterable(tables))


def occupied(cube: Cube) -> Cube:
    """The cube without levels of groups that no row has, as a count of the rows themselves would give it."""
    for axis in cube.axes[:-2]:
        rows = cube.keep(axis.name)["n"]
        for level in [level for level, n in zip(axis.levels, rows.tolist(), strict=True) if n == 0]:
            cube = cube.drop(axis.name, level)
    return cube


def _two(cube: Cube, by: tuple[str, ...], scope: Scope) -> list[list[Any]]:
    rates: list[Rate] = [rate for rate in RATES if rate.name in CURVES]
    each: list[Grouping | None] = [grouping([cube], by, {}), missing_groups([cube], by)]
    return [EverybodyTable(g, scope, "model", comparable=False).rates(rates) for g in each if g is not None]


def _several(cube: Cube, by: tuple[str, ...], scope: Scope) -> list[list[Any]]:
    rates = [rate for rate in RATES if rate.name == ACCURACY]
    rest = missing_class_groups([cube], by)
    each: list[ClassGrouping | None] = [class_grouping([cube], by, {}), rest]
    return [ClassTable(g, scope, "model", view=g.right, comparable=False).rates(rates) for g in each if g is not None]
