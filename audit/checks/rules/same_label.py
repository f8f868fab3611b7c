"""DP002: groups in which everybody has the same label, so that the group tells the label of each of them.

What is said here is published: groups are named, with their rows, only where no count of the whole table is so small
that it could be found by subtraction.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from audit.axes import LABEL
from audit.checks.check import CheckKind
from audit.checks.code import NO_CLASSES, NO_GROUPS, NO_LABEL, SAME_LABEL
from audit.checks.part import OpenPart, several
from audit.checks.rules.small_crossings import name_people
from audit.config.sections import SMALLEST_PUBLISHED as K
from audit.cube import Cube
from audit.estimate import join_first, named_group
from audit.record.result import Check

MOST_NAMED = 3


def _find_single_labels(looked: OpenPart) -> Iterator[Check]:
    plan = looked.plan
    if not plan.groups or plan.label is None:
        no_label = NO_LABEL if looked.config.data.label is None else NO_CLASSES
        yield CHECK.unanswered(looked.part, "not applicable", no_label if plan.groups else NO_GROUPS)
        return
    for by in plan.crossings:
        yield _judge_crossing(looked, by)


def _judge_crossing(looked: OpenPart, by: tuple[str, ...]) -> Check:
    cube = next(c for c in looked.counted.cubes if set(by) <= set(c.names)).keep(*by, LABEL)
    labels = (cube["n"] > 0).sum(axis=-1)
    there = labels > 0
    if not there.any():
        return CHECK.unanswered(looked.part, "undefined", "there are no rows", columns=by)
    if (cube["n"].reshape(-1, cube["n"].shape[-1]).sum(axis=0) > 0).sum() < 2:
        return CHECK.unanswered(looked.part, "undefined", "all rows have the same label", columns=by)
    same = labels == 1
    if not same.any():
        said = f"{several(int(there.sum()), 'group')}; l-diversity at least {labels[there].min():,}"
        return CHECK.passed(looked.part, said, columns=by)
    counts = {"some": f"{same.sum():,}", "people": name_people(looked)}
    return CHECK.found(looked.part, _list_groups(cube, same), columns=by, count=int(there.sum()), **counts)


def _list_groups(cube: Cube, same: np.ndarray) -> str:
    """Return groups with their rows, the largest first, or why they are not named."""
    small = ((cube["n"] > 0) & (cube["n"] < K)).any()
    if small:
        return f"l-diversity 1; the groups are not named here, to protect counts under {K}"
    rows = cube["n"].sum(axis=-1)
    at = sorted(map(tuple, np.argwhere(same)), key=lambda i: -int(rows[i]))
    each = [f"{_name_group(cube, i)} ({rows[i]:,} rows)" for i in at[:MOST_NAMED]]
    return f"l-diversity 1: {join_first(each, len(at))}"


def _name_group(cube: Cube, at: tuple[int, ...]) -> str:
    levels = tuple(axis.levels[j] for axis, j in zip(cube.axes, at, strict=False))
    by = cube.names[:-1]
    return named_group(levels[: len(by)], by)


CHECK = CheckKind(
    code=SAME_LABEL,
    name="Groups with a single label (l-diversity)",
    passes=("Every group of {columns} has at least two labels{in_part}",),
    finds=("In {some} of {count} [groups|group] of {columns}, all {people} have the same label{in_part}",),
    plain="In some groups of {columns}, all {people} have the same label{in_part}",
    reason="if all of a group have one label, knowing a person's group reveals the label",
    reference="Machanavajjhala et al. (2007), l-diversity, ACM TKDD 1(1)",
    mend="Merge these groups into larger ones before you share a table broken down by them.",
    find=_find_single_labels,
)
