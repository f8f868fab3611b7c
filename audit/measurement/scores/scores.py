"""Scores per group: order, loss and calibration, from bins and sums, of everybody, every group and every crossing.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from audit.axes import CubeKind, crossings
from audit.cube import Cube
from audit.estimate import Estimate, Stage
from audit.measurement.grouping import Grouping, Kinds, grouping, missing_groups
from audit.measurement.metrics.kinds import Metric
from audit.measurement.metrics.scores import SCORES
from audit.measurement.scope import Scope
from audit.measurement.scores.auc import area_estimates, areas_unlike, curve_estimates
from audit.measurement.scores.bins import Bins, areas_of, bins_of, pairs_of
from audit.measurement.scores.calibration import calibration_estimates
from audit.measurement.scores.losses import loss_estimates


class Ordered(NamedTuple):
    """What was counted in the order of all rows; none where everything comes from bins."""

    pairs: Sequence[Cube] = ()
    """Groups x label, with pairs in the right order, one cube a grouping."""
    areas: Sequence[Cube] = ()
    """Pairs of groups with the area between their ROC curves, one cube a grouping of few enough rows and groups."""


FROM_BINS = Ordered()


def score_estimates(
    binned: Sequence[Cube], lost: Sequence[Cube], scope: Scope, ordered: Ordered = FROM_BINS
) -> tuple[Estimate, ...]:
    """Metrics of the scores for everybody, every group and every crossing that was counted.

    Parameters
    ----------
    binned
        Groups x label x score bin (x fold), one cube a crossing.
    lost
        Groups x label (x fold), with sums of losses.
    ordered
        What is exact.
    """
    found: list[Estimate] = []
    for by in crossings(scope.groups, scope.intersections) if binned else ():
        if not any(set(by) <= set(c.names) for c in binned):
            found += _uncounted(by)
            continue
        why = _improper(lost[0])
        grouped = grouping(lost, by, scope.reference, scope.without(by))
        found += _estimates_of_grouping(grouped, binned, scope, ordered, why)
        if (rest := missing_groups(lost, by)) is not None:
            found += _estimates_of_grouping(rest, binned, scope, ordered, why, comparable=False)
    return tuple(found)


def ordered_of(cubes: Kinds) -> Ordered:
    """Return what was counted in the order of all rows."""
    return Ordered(cubes.get(CubeKind.ORDERED_PAIRS, ()), cubes.get(CubeKind.ORDERED_AREAS, ()))


def _measure(cubes: Kinds, scope: Scope, _stage: Stage) -> tuple[Estimate, ...]:
    return score_estimates(cubes[CubeKind.SCORES], cubes.get(CubeKind.LOSSES, ()), scope, ordered_of(cubes))


MEASURE = _measure


def disagreements(binned: Sequence[Cube], ordered: Ordered, scope: Scope) -> Iterator[str]:
    """Sentences for exact AUCs and areas that cannot be, because the score bins of the same rows rule them out."""
    for cube in ordered.pairs:
        by = cube.names[:-1]
        groups = grouping([cube], by, {}).groups if by else ((),)
        bins = bins_of(binned, by, groups) if any(set(by) <= set(c.names) for c in binned) else None
        if bins is not None:
            yield from pairs_of(cube, groups).unlike(bins, scope)
            areas = next((c for c in ordered.areas if c.names[:-1] == by), None)
            yield from () if areas is None else areas_unlike(grouping([cube], by, {}), bins, areas_of(areas, groups))


def _estimates_of_grouping(
    grouped: Grouping,
    binned: Sequence[Cube],
    scope: Scope,
    ordered: Ordered,
    why: str | None,
    *,
    comparable: bool = True,
) -> list[Estimate]:
    bins: Bins = bins_of(binned, grouped.by, grouped.groups)
    exact = next((pairs_of(c, grouped.groups) for c in ordered.pairs if set(c.names[:-1]) == set(grouped.by)), None)
    if exact is not None and scope.without(grouped.by):
        # Pairs were counted with everybody, of whom some are not compared here: with the others, bins bound them.
        exact = replace(exact, above=np.full_like(exact.above, np.nan))
    areas = next((areas_of(c, grouped.groups) for c in ordered.areas if c.names[:-1] == grouped.by), None)
    return [
        *area_estimates(grouped, bins, scope, exact, comparable=comparable),
        *loss_estimates(grouped, scope, why, comparable=comparable),
        *calibration_estimates(grouped, bins, scope, why),
        *(curve_estimates(grouped, bins, scope, areas, sorted_=exact is not None) if comparable and grouped.by else ()),
    ]


def _improper(lost: Cube) -> str | None:
    """Why scores are no probabilities; None where they may be."""
    outside = float(lost["outside"].sum())
    if not outside:
        return None
    return f"scores are no probabilities: {outside:,.0f} lie outside 0 to 1"


def _uncounted(by: tuple[str, ...]) -> Iterator[Estimate]:
    """Everything that a limit may ask of a grouping whose score bins are too many to record."""
    reason = "not counted: too many cells of group, label and score bin; combine fewer group columns"
    metrics: tuple[Metric, ...] = SCORES
    for metric in metrics:
        for compare in metric.judged:
            yield Estimate(
                stage="model", metric=metric.name, compare=compare, by=by, n=0.0, status="undefined", reason=reason
            )
