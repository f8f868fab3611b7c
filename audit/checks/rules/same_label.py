"""DP002: groups in which everybody has the same label, so that the group tells the label of each of them.

What is said here is published: groups are named, with their rows, only where no count of the whole table is so small
that it could be found by subtraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from audit.axes import LABEL
from audit.checks.check import CheckKind
from audit.checks.labels_told import SAME_LABEL
from audit.checks.part import OpenPart
from audit.config.sections import SMALLEST_PUBLISHED as K
from audit.counting.plan import Plan
from audit.cube import Cube
from audit.errors import printable
from audit.record.result import Check

MOST_NAMED = 3


def _find_single_labels(looked: OpenPart) -> Iterator[Check]:
    plan = looked.plan
    missing = next((what for what, there in (("groups are", plan.groups), ("label is", plan.label)) if not there), None)
    if missing is not None:
        numeric = looked.config.data.label is not None and plan.label is None
        why = "the label is a number of which no classes are counted" if numeric else f"no {missing} named"
        about = f"no group of {looked.part} tells the label of everybody in it"
        yield CHECK.outcome("not applicable", why, about=about)
        return
    for by in plan.crossings:
        yield replace(_judge_crossing(looked, by, plan), columns=by)


def _judge_crossing(looked: OpenPart, by: tuple[str, ...], plan: Plan) -> Check:
    about = f"no group of {' x '.join(map(printable, by))} in {looked.part} tells the label of everybody in it"
    cube = next(c for c in looked.counted.cubes if set(by) <= set(c.names)).keep(*by, LABEL)
    labels = (cube["n"] > 0).sum(axis=-1)
    there = labels > 0
    if not there.any():
        return CHECK.outcome("undefined", "there are no rows", about=about)
    if (cube["n"].reshape(-1, cube["n"].shape[-1]).sum(axis=0) > 0).sum() < 2:
        return CHECK.outcome("undefined", "every label of the part is the same", about=about)
    same = labels == 1
    if not same.any():
        said = f"{there.sum():,} groups; each has {labels[there].min():,} or more different labels (l-diversity)"
        return CHECK.outcome("pass", said, about=about)
    of = "one class" if plan.classes else "one label"
    said = f"in {same.sum():,} of {there.sum():,} groups everybody is of {of}, so l-diversity is 1"
    return CHECK.outcome("warn", f"{said}{_list_groups(cube, same)}", about=about)


def _list_groups(cube: Cube, same: np.ndarray) -> str:
    """Return groups with their rows, the largest first, or why they are not named."""
    small = ((cube["n"] > 0) & (cube["n"] < K)).any()
    if small:
        return f"; they are not named, because counts under {K} stand beside them"
    rows = cube["n"].sum(axis=-1)
    at = sorted(map(tuple, np.argwhere(same)), key=lambda i: -int(rows[i]))
    each = (f"{_name_group(cube, i)} ({rows[i]:,} rows)" for i in at[:MOST_NAMED])
    return f": {', '.join(each)}{' …' if len(at) > MOST_NAMED else ''}"


def _name_group(cube: Cube, at: tuple[int, ...]) -> str:
    levels = (axis.levels[j] for axis, j in zip(cube.axes, at, strict=False))
    return " x ".join("(missing)" if level is None else printable(level, 40) for level in levels)


CHECK = CheckKind(
    code=SAME_LABEL,
    title="no group tells the label of everybody in it",
    reason="where all of a group have one label, whoever knows somebody's group knows that too",
    reference="Machanavajjhala et al. (2007), l-diversity, ACM TKDD 1(1)",
    mend="make the group part of a larger one before a table by it is handed on",
    find=_find_single_labels,
)
