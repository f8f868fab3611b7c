"""How many cells a question may make, and whom to blame when it makes more.

A cell takes about half a kilobyte while it is counted and read, so that the largest count that is taken needs about a
gigabyte. Must not: know an engine, or a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import prod

from audit.axes import LABEL, MOST_LAID_OUT, PREDICTION, STRATUM
from audit.counting.plan import Plan
from audit.counting.tally import TooManyCellsError
from audit.cube import NUMBER
from audit.errors import SourceError, printable
from audit.estimate import Level
from audit.tables.table import Table

MOST_CELLS = 1_000_000
"""Cells of one pass over the rows that hold a row: all group columns crossed, whatever the intersections, with strata,
label, prediction and fold. Label, prediction and fold of all groups that can be judged (2,000) are fewer."""


def too_many(error: TooManyCellsError, table: Table, plan: Plan, *, fewer: bool = False) -> SourceError:
    """Refusal of a count in the words of the question.

    Parameters
    ----------
    error
        What the engine says.
    table, plan
        What was asked of what.
    fewer
        Whether lower intersections would help.
    """
    numbers = {name for name, kind in table.columns.items() if kind in {"integer", "float"}}
    what = f"more than {error.most:,} cells"
    return SourceError(f"{printable(table.name)}: {_blamed(error.levels, what, plan, numbers, fewer=fewer)}")


def refuse_large(axes: Mapping[str, Sequence[Level]], plan: Plan) -> None:
    """Refuse a cube that would be too large with the empty cells between those that hold a row.

    Raises
    ------
    SourceError
        Naming the axis with the most levels.
    """
    levels = {name: len(of) for name, of in axes.items()}
    size = prod(levels.values())
    if size > MOST_LAID_OUT:
        what = f"{size:,} cells with the empty ones, more than {MOST_LAID_OUT:,}"
        numbers = {n for n, of in axes.items() if all(v is None or NUMBER.fullmatch(v) for v in of)}
        several = sum(name in plan.groups for name in axes) > 1
        raise SourceError(_blamed(levels, what, plan, numbers, fewer=several))


def _blamed(levels: Mapping[str, int], what: str, plan: Plan, numbers: AbstractSet[str], *, fewer: bool) -> str:
    """Sentence that names every axis, and of those that the question chose the one with the most values."""
    shown = " x ".join(f"{printable(_column(axis, plan))} ({n:,})" for axis, n in levels.items())
    chosen = [axis for axis in levels if axis in {*plan.groups, LABEL, PREDICTION} or axis.startswith(STRATUM)]
    blamed = max(chosen or levels, key=lambda axis: levels[axis])
    mend = _mend(blamed, plan, numeric=blamed in numbers)
    less = "; or ask for fewer intersections" if fewer else ""
    return f"{shown} makes {what}; '{printable(_column(blamed, plan))}' has the most values: {mend}{less}"


def _column(axis: str, plan: Plan) -> str:
    """Column or role behind an axis."""
    if axis.startswith(STRATUM) and axis[len(STRATUM) :].isdigit():
        return plan.strata[int(axis[len(STRATUM) :])]
    named = {LABEL: plan.label, PREDICTION: plan.prediction}.get(axis)
    return named or axis


def _mend(axis: str, plan: Plan, *, numeric: bool) -> str:
    if axis in plan.bins:
        return "give it fewer bins, or leave it out"
    if axis in {LABEL, PREDICTION}:
        return "merge classes"
    if axis in plan.groups and numeric:
        return "put it into bins ([data.bins], --bins), or leave it out"
    return "merge its values, or leave it out"
