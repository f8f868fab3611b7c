"""Checks on the groups themselves, with stable codes; each is one function of what was counted.

Codes: DV001 rows without a group, DV002 look-alike group names, DV003 a group that is the label in disguise,
DV004 crossings in which nobody is, DV010 look-alike class names, DV011 predictions of a class that no label has,
DV014 declared categories without rows, DV100 an expectation of the user's own suite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from audit.axes import LABEL, PREDICTION
from audit.checks.counted_codes import DECLARED, mend_of
from audit.checks.label_titles import DISGUISE, disguise
from audit.counting.plan import Counted, Plan
from audit.cube import Cube
from audit.errors import printable
from audit.measurement.grouping import grouping
from audit.measurement.metrics.dataset import DATA_BASE_RATE
from audit.measurement.rates.classes import class_grouping, classes_of
from audit.record.result import Check
from audit.tables.lookalikes import Twins, near_twins

SHOWN = 3


def group_checks(counted: Counted, plan: Plan, part: str) -> tuple[Check, ...]:
    """All checks of one part."""
    found = [check for column in plan.groups for check in _of_column(counted, plan, column, part)]
    found += [_absent(counted, by, part) for by in plan.crossings if len(by) > 1]
    return (*found, *_of_classes(counted.cubes[0], plan, part)) if plan.classes else tuple(found)


def declared_checks(
    counted: Counted, plan: Plan, part: str, declared: Mapping[str, Sequence[str]]
) -> tuple[Check, ...]:
    """Levels that a column declares and no row has; a column that declares none, or only what rows have, has no check.

    Parameters
    ----------
    counted, plan, part
        As for all checks of the groups.
    declared
        Levels by column, as text.
    """
    axes = {c: c for c in plan.groups if c not in plan.bins}
    if plan.classes and plan.label is not None:
        axes[plan.label] = LABEL
    found = []
    for column, levels in declared.items():
        cube = next((c for c in counted.cubes if axes.get(column) in c.names), None)
        empty = [] if cube is None else [n for n in levels if n not in cube.axis(axes[column]).levels]
        if empty:
            found.append(_without_rows(column, part, empty))
    return tuple(found)


def _without_rows(column: str, part: str, empty: Sequence[str]) -> Check:
    named = ", ".join(repr(printable(level, 40)) for level in empty[:SHOWN]) + (" …" if len(empty) > SHOWN else "")
    title = f"every category that {printable(column)} declares has rows in {part}"
    detail = f"{printable(column)} declares {named}, of which there are no rows, so nothing can be measured for it"
    return _check(DECLARED, title, "warn", detail)


def _of_column(counted: Counted, plan: Plan, column: str, part: str) -> list[Check]:
    found = [_missing(counted, column, part), _twins(counted.cubes, column, part)]
    if plan.classes:
        same = class_grouping(counted.cubes, (column,), {}).determined
        found.append(_told(column, part, same, "of one label only", len(counted.cubes[0].axis(LABEL).levels), "labels"))
    elif plan.label is not None and plan.task == "classification":
        found.append(_disguised(counted.cubes, column, part))
    return found


def _check(code: str, title: str, outcome: Literal["pass", "warn"], detail: str) -> Check:
    mend = mend_of(code, outcome)
    return Check(code=code, title=title, outcome=outcome, severity="warning", detail=detail, mend=mend)


def _missing(counted: Counted, column: str, part: str) -> Check:
    rows = counted.rows_without_group.get(column, 0)
    share = rows / counted.rows_read
    title = f"every row of {part} has a {printable(column)}"
    detail = (
        f"{rows:,} of {counted.rows_read:,} rows ({share:.1%}) have none; they are shown apart and compared with nobody"
    )
    return _check("DV001", title, "warn" if rows else "pass", detail if rows else f"{counted.rows_read:,} rows")


def _twins(cubes: Sequence[Cube], column: str, part: str) -> Check:
    cube = next(c for c in cubes if column in c.names)
    levels = [level for level in cube.axis(column).levels if level is not None]
    twins = near_twins(levels)
    title = f"no two names of {printable(column)} look alike in {part}"
    if not twins:
        return _check("DV002", title, "pass", f"{len(levels)} names")
    return _check("DV002", title, "warn", f"{_alike(twins)}: one group may have been split into several")


def _disguised(cubes: Sequence[Cube], column: str, part: str) -> Check:
    sample = grouping(cubes, (column,), {}).sample(DATA_BASE_RATE)
    rates = sample.p[sample.measured]
    same = len(rates) > 1 and bool(((rates == 0) | (rates == 1)).all()) and rates.min() != rates.max()
    return _told(column, part, same, "all positive or all negative", len(rates), "groups")


def _told(column: str, part: str, same: bool, what: str, count: int, of: str) -> Check:
    title = f"{disguise(column)}{part}"
    detail = f"every group is {what}: the column is the label under another name, or leaks it"
    return _check(DISGUISE, title, "warn" if same else "pass", detail if same else f"{count} {of}")


def _of_classes(cube: Cube, plan: Plan, part: str) -> list[Check]:
    """Checks on the names of several classes, and on predictions of what no label is."""
    twins, count = near_twins(classes_of(cube)), len(classes_of(cube))
    title = f"no two classes look alike in {part}"
    found = [_check("DV010", title, "pass", f"{count} classes")]
    if twins:
        detail = f"{_alike(twins)}: one class may have been split into several"
        found = [_check("DV010", title, "warn", detail)]
    if plan.prediction is None:
        return found
    labels, predictions = (cube.keep(name) for name in (LABEL, PREDICTION))
    rows = dict(zip(predictions.axis(PREDICTION).levels, predictions["n"].tolist(), strict=True))
    strange = [c for c in rows if c not in labels.axis(LABEL).levels]
    named = ", ".join(printable(c, 40) for c in strange[:SHOWN]) + (" …" if len(strange) > SHOWN else "")
    detail = f"{sum(rows[c] for c in strange):,} predictions are of {named}, which no label is: nobody could be right"
    title = f"every predicted class is the label of somebody in {part}"
    return [*found, _check("DV011", title, "warn" if strange else "pass", detail if strange else f"{count} classes")]


def _alike(twins: Sequence[Twins]) -> str:
    return "; ".join(
        f"{', '.join(repr(printable(n, 40)) for n in t.names[:SHOWN])} differ only in {t.why}" for t in twins[:SHOWN]
    )


def _absent(counted: Counted, by: tuple[str, ...], part: str) -> Check:
    cube = next(c for c in counted.cubes if set(by) <= set(c.names))
    rows = cube.keep(*by)["n"]
    known = [[i for i, level in enumerate(cube.axis(name).levels) if level is not None] for name in by]
    for dim, keep in enumerate(known):
        rows = rows.take(keep, axis=dim)
    empty = int((rows == 0).sum())
    title = f"somebody is in every crossing of {' x '.join(map(printable, by))} in {part}"
    detail = f"{empty} of {rows.size} crossings hold nobody, so nothing can be said of them"
    return _check("DV004", title, "warn" if empty else "pass", detail if empty else f"{rows.size} crossings")
