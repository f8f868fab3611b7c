"""Checks on the groups themselves, with stable codes; each is one function of what was counted.

Codes: DV001 rows without a group, DV002 look-alike group names, DV003 a group that is the label in disguise,
DV004 crossings in which nobody is, DV100 an expectation of the user's own suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from audit.cube import Cube
from audit.data.twins import near_twins
from audit.engines.counting import Counted, Plan
from audit.errors import printable
from audit.fairness.dataset import DATA_BASE_RATE
from audit.grouping import grouping
from audit.result import Check

SHOWN = 3


def group_checks(counted: Counted, plan: Plan, part: str) -> tuple[Check, ...]:
    """All checks of one part."""
    found = [check for column in plan.groups for check in _of_column(counted, plan, column, part)]
    return (*found, *(_absent(counted, by, part) for by in plan.crossings if len(by) > 1))


def _of_column(counted: Counted, plan: Plan, column: str, part: str) -> list[Check]:
    found = [_missing(counted, column, part), _twins(counted.cubes, column, part)]
    if plan.label is not None and plan.task == "classification":
        found.append(_disguised(counted.cubes, column, part))
    return found


def _check(code: str, title: str, outcome: Literal["pass", "warn"], detail: str) -> Check:
    return Check(code=code, title=title, outcome=outcome, severity="warning", detail=detail)


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
    said = "; ".join(
        f"{', '.join(repr(printable(n, 40)) for n in t.names[:SHOWN])} differ only in {t.why}" for t in twins[:SHOWN]
    )
    return _check("DV002", title, "warn", f"{said}: one group may have been split into several; make similar names one")


def _disguised(cubes: Sequence[Cube], column: str, part: str) -> Check:
    sample = grouping(cubes, (column,), {}).sample(DATA_BASE_RATE)
    rates = sample.p[sample.measured]
    title = f"{printable(column)} is not the label in disguise in {part}"
    same = len(rates) > 1 and bool(((rates == 0) | (rates == 1)).all()) and rates.min() != rates.max()
    detail = "every group is all positive or all negative: the column is the label under another name, or leaks it"
    return _check("DV003", title, "warn" if same else "pass", detail if same else f"{len(rates)} groups")


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
