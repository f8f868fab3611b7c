"""DB007: groups that have other shares, labels or values in one part than in the part that is learned from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from audit.axes import FOLD, LABEL, STRATUM
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.code import NAME_LENGTH, NO_GROUPS
from audit.checks.part import MOST_LEVELS, OpenPart, chance, list_names, name_group, several, share
from audit.cube import Cube
from audit.errors import printable
from audit.estimate import Level, join_first
from audit.measurement.inference.contingency import Shift, shift
from audit.record.result import Check

VARIATION = 0.05
"""Total variation that matters: one row in twenty would have to change to make the parts alike."""
LEAST_ROWS = 30
"""Rows of a group, in either part, under which nothing is said of it."""
MOST_SAID = 3


class _Drift(NamedTuple):
    what: str
    whom: str
    found: Shift


def _find_drift(looked: OpenPart) -> Iterator[Check]:
    train = looked.train
    if train is None:
        return
    if not looked.config.data.groups:
        yield CHECK.unanswered(looked.part, "not applicable", NO_GROUPS)
        return
    looks = [*_measure_groups(looked, train), *_measure_labels(looked, train)]
    columns = _choose_columns(looked, train)
    looks += [drift for column in columns for drift in _measure_column(looked, train, column)]
    if not looks:
        yield CHECK.unanswered(looked.part, "not applicable", f"no group has {LEAST_ROWS} rows in both tables")
        return
    beyond = [d for d in looks if d.found.p_value * len(looks) <= FALSE_ALARM and d.found.variation >= VARIATION]
    if not beyond:
        detail = f"{several(len(looks), 'comparison')} of group shares, labels and {several(len(columns), 'column')}"
        yield CHECK.passed(looked.part, detail)
        return
    beyond.sort(key=lambda d: -d.found.variation)
    whose = join_first([f"{d.what}{d.whom}" for d in beyond[:MOST_SAID]], len(beyond))
    yield CHECK.found(looked.part, "; ".join(_describe_drifts(beyond[:MOST_SAID])), whose=whose)


def _describe_drifts(drifts: Sequence[_Drift]) -> Iterator[str]:
    """Yield how far each lies from the training data, named where there are several."""
    for drift in drifts:
        moved = f"{share(drift.found.variation)} of rows would have to change to match ({chance(drift.found.p_value)})"
        yield f"{drift.what}{drift.whom}: {moved}" if len(drifts) > 1 else moved


def _choose_columns(looked: OpenPart, train: OpenPart) -> list[str]:
    """Return the columns of few values, or of numbers in bands, in both parts; a label of classes is compared apart."""
    plan = looked.plan
    roles = {*plan.groups, plan.label, plan.weight, plan.unit}
    return [
        c
        for c, p in looked.profiles.items()
        if c in train.profiles
        and c not in roles
        and _family_of(p.kind) == _family_of(train.profiles[c].kind)
        and (_family_of(p.kind) == "number" or max(p.distinct, train.profiles[c].distinct) <= MOST_LEVELS)
    ]


def _family_of(kind: str) -> str:
    return "number" if kind in {"integer", "float"} else kind


def _measure_groups(looked: OpenPart, train: OpenPart) -> Iterator[_Drift]:
    """Yield shares of the groups of each column."""
    for by in looked.config.data.groups:
        cubes = [_take_first(part, by) for part in (train, looked)]
        found = _measure_distance(*(_count_by_level(cube.drop(by, None), by) for cube in cubes))
        if found is not None:
            yield _Drift(f"shares of {printable(by, NAME_LENGTH)}", "", found)


def _take_first(looked: OpenPart, by: str) -> Cube:
    return next(c for c in looked.counted.cubes if by in c.names)


def _measure_labels(looked: OpenPart, train: OpenPart) -> Iterator[_Drift]:
    plan = looked.plan
    for by in plan.groups if plan.label is not None else ():
        yield from _walk_groups(_take_first(train, by), _take_first(looked, by), by, LABEL, "labels")


def _measure_column(looked: OpenPart, train: OpenPart, column: str) -> Iterator[_Drift]:
    for before, now in zip(train.crossed(column), looked.crossed(column), strict=False):
        yield from _walk_groups(before, now, before.names[0], STRATUM, list_names([column]))


def _walk_groups(before: Cube, now: Cube, by: str, axis: str, what: str) -> Iterator[_Drift]:
    """Yield one group after another that both parts have."""
    both = [x for x in before.axis(by).levels if x is not None and x in now.axis(by).levels]
    for level in both:
        found = _measure_distance(_count_by_level(before.at(by, level), axis), _count_by_level(now.at(by, level), axis))
        if found is not None:
            yield _Drift(what, f" of {name_group(by, level)}", found)


def _count_by_level(cube: Cube, axis: str) -> Mapping[Level, np.ndarray]:
    """Return the rows of each level, by fold."""
    kept = cube.keep(axis, *([FOLD] if FOLD in cube.names else []))
    counts = kept["n"]
    rows = counts.reshape(counts.shape[0], math.prod(counts.shape[1:]))
    return dict(zip(kept.axis(axis).levels, rows, strict=True))


def _stack_levels(rows: Mapping[Level, np.ndarray], levels: Sequence[Level]) -> np.ndarray:
    """Return rows by level and fold, 0 of a level that is not there."""
    if not rows:
        return np.zeros((1, 1))
    return np.stack([rows.get(level, np.zeros(_list_folds(rows))) for level in levels])


def _measure_distance(before: Mapping[Level, np.ndarray], now: Mapping[Level, np.ndarray]) -> Shift | None:
    """Return the distance of two parts; None where one of them has too few rows."""
    levels = sorted({*before, *now}, key=str)
    first, second = _stack_levels(before, levels), _stack_levels(now, levels)
    if min(first.sum(), second.sum()) < LEAST_ROWS:
        return None
    return shift(first, second)


def _list_folds(rows: Mapping[Level, np.ndarray]) -> int:
    return len(next(iter(rows.values())))


CHECK = CheckKind(
    code="DB007",
    name="Groups in training and test data (drift)",
    passes=("No large change of groups between the training and {test} data",),
    finds=("Groups differ between the training and {test} data: {whose}",),
    plain="Groups differ between the training and {test} data",
    reason="test results for a group do not carry over if the group differs from the one in the training data",
    reference="Breck et al. (2019), Data Validation for Machine Learning, SysML; Pearson (1900), Phil. Mag. 50:157",
    mend="Split at random within groups, or state that the data come from different times or places.",
    find=_find_drift,
)
