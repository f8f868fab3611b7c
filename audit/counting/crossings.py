"""Which tables of groups are counted, so that every crossing is a sum over one of them.

One table of all groups serves a small question. With many groups it would have nearly a cell a row, so a few smaller
tables are counted, each of as many groups as fit. What is read from them is the same to the last digit, however they
are chosen. Must not: know an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np

from audit.axes import LABEL, MOST_LAID_OUT, NUMBER, PREDICTION, STRATUM
from audit.counting.engine import Scan
from audit.counting.plan import FOLDS, Plan
from audit.counting.tally import Tally, TooManyCellsError
from audit.counting.terms import Every, Extent, Key, Number, Rows, Sum, Test
from audit.counting.weighing import count_weighed
from audit.errors import SourceError, printable
from audit.estimate import Level
from audit.tables.table import Table

MOST_CELLS = 1_000_000
"""Cells of one pass over the rows that hold a row: all group columns crossed, whatever the intersections, with strata,
label, prediction and fold. Label, prediction and fold of all groups that can be judged (2,000) are fewer."""


MOST_IN_BLOCK = 65_536
"""Cells of a table that holds more than one crossing: they are numbered in 16 bits."""
FEW_ROWS = 10_000
"""So few rows make few cells, whatever the groups."""
ASSUMED_LEVELS = 8
"""Of every column of a part: parts are counted into the same tables, whatever each happens to hold."""

Block = tuple[str, ...]


class Crossed(NamedTuple):
    """Tables that together hold every crossing, and what none of them tells."""

    tallies: tuple[Tally, ...]
    nowhere: int
    """Rows without a value in any group."""

    @property
    def rows(self) -> int:
        """Rows that were counted; every table holds them all."""
        return int(self.tallies[0].counts["n"].sum())

    def holding(self, names: Sequence[str]) -> Tally:
        """Smallest table that has all these keys."""
        return min((t for t in self.tallies if {*names} <= {*t.keys}), key=len)

    def in_unit(self, unit: int) -> Crossed:
        """The same with weights counted in units of ``2**unit``."""
        return self._replace(tallies=tuple(tally.in_unit(unit) for tally in self.tallies))

    def __add__(self, other: object) -> Crossed:
        if not isinstance(other, Crossed):
            return NotImplemented
        both = zip(self.tallies, other.tallies, strict=True)
        return Crossed(tuple(a + b for a, b in both), self.nowhere + other.nowhere)


def plan_blocks(plan: Plan, levels: Mapping[str, int], rows: int | None) -> tuple[Block, ...]:
    """Groups of each table to count.

    Parameters
    ----------
    plan
        What is asked.
    levels
        Different values of each column among the first rows.
    rows
        Of the table, where they are known; a table has no more cells.
    """
    sizes = {c: ASSUMED_LEVELS if plan.of_parts else _levels(c, plan, levels) for c in plan.groups}
    classes = (plan.label, plan.prediction, *plan.further_classes.values())
    beside = [c for c in (*plan.strata, *classes) if c is not None]
    others = prod(2 if plan.of_parts else max(1, levels.get(c, 2)) for c in beside)
    others *= FOLDS if plan.unit is not None else 1
    few = rows is not None and rows <= FEW_ROWS and not plan.of_parts
    if few or prod(sizes.values()) * others <= MOST_IN_BLOCK or len(plan.crossings) == 1:
        return (plan.groups,)
    return tuple(_covering(plan, sizes, MOST_IN_BLOCK / others))


def _levels(name: str, plan: Plan, levels: Mapping[str, int]) -> int:
    if name in plan.bins:
        return len(plan.bins[name]) + 1
    return max(1, levels.get(name, ASSUMED_LEVELS))


def _covering(plan: Plan, sizes: Mapping[str, int], room: float) -> Iterator[Block]:
    """Tables that are grown, a group at a time, by what brings the most crossings that no table holds yet."""
    left = dict.fromkeys(plan.crossings)
    while left:
        block = list(next(iter(left)))
        while (more := _next(block, left, sizes, room)) is not None:
            block = [c for c in plan.groups if c in {*block, more}]
        for by in combinations(block, len(plan.crossings[0])):
            left.pop(by, None)
        yield tuple(block)


def _next(block: Sequence[str], left: Mapping[Block, None], sizes: Mapping[str, int], room: float) -> str | None:
    """Group that brings the most new crossings to a table, the one of fewest levels among equals; None if none does."""
    size, order = prod(sizes[c] for c in block), len(next(iter(left)))
    fitting = [c for c in sizes if c not in block and size * sizes[c] <= room]
    places = {c: i for i, c in enumerate(sizes)}

    def gain(name: str) -> int:
        rest = combinations(block, order - 1)
        return sum(tuple(sorted((*by, name), key=places.__getitem__)) in left for by in rest)

    gains = {c: gain(c) for c in fitting}
    best = max(gains, key=lambda c: (gains[c], -sizes[c]), default=None)
    return best if best is not None and gains[best] else None


def count_crossed(
    scan: Scan,
    table: Table,
    plan: Plan,
    asked: tuple[Mapping[str, Key], Mapping[str, Sum], Mapping[str, Extent]],
    tables: Sequence[Block],
    most: int,
) -> Crossed:
    """Count the tables.

    Parameters
    ----------
    scan, table, plan
        Rows, and what is asked of them.
    asked
        Keys of all groups and of what stands beside them; sums; extents of what is summed.
    tables
        Groups of each table.
    most
        Cells that a table may have; one more tells that it has too many.
    """
    keys, sums, extents = asked
    each = [tuple(k for k in keys if k in block or k not in plan.groups) for block in tables]
    tallies = tuple(count_weighed(scan, keys, each, sums, extents, plan, most))
    return Crossed(tallies, _nowhere(scan, table, plan, tallies))


def _nowhere(scan: Scan, table: Table, plan: Plan, tallies: Sequence[Tally]) -> int:
    """Rows without any group: read from a table of all groups, and asked where every column has gaps."""
    first = tallies[0]
    if not plan.groups:
        return 0
    if len(tallies) == 1:
        gaps = [_gaps(first, c) for c in plan.groups]
        return int(first.counts["n"][np.logical_and.reduce(gaps)].sum())
    if not all(_gaps(next(t for t in tallies if c in t.keys), c).any() for c in plan.groups):
        return 0
    numbers = {c for c in plan.groups if c in plan.bins or table.columns[c] == "float"}
    tests = tuple(Test(Number(c) if c in numbers else c, "missing") for c in plan.groups)
    return int(scan.summary({"nowhere": Rows(Every(tests))})["nowhere"] or 0)


def _gaps(tally: Tally, name: str) -> np.ndarray:
    """Whether each cell has no value of a group."""
    missing = np.array([value is None for value in tally.levels[tally.place(name)]], dtype=bool)
    gaps: np.ndarray = missing[tally.codes[tally.place(name)]]
    return gaps


# How many cells a question may make, and whom to blame when it makes more.
#
# A cell takes about half a kilobyte while it is counted and read, so that the largest count that is taken needs about
# a gigabyte. Must not: know an engine, or a metric.
def explain_too_many(error: TooManyCellsError, table: Table, plan: Plan, *, fewer: bool = False) -> SourceError:
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
    named = {*plan.groups, LABEL, PREDICTION, *plan.further_classes}
    chosen = [axis for axis in levels if axis in named or axis.startswith(STRATUM)]
    blamed = max(chosen or levels, key=lambda axis: levels[axis])
    mend = _mend(blamed, plan, numeric=blamed in numbers)
    less = "; or ask for fewer intersections" if fewer else ""
    return f"{shown} makes {what}; '{printable(_column(blamed, plan))}' has the most values: {mend}{less}"


def _column(axis: str, plan: Plan) -> str:
    """Column or role behind an axis."""
    if axis.startswith(STRATUM) and axis[len(STRATUM) :].isdigit():
        return plan.strata[int(axis[len(STRATUM) :])]
    named = {LABEL: plan.label, PREDICTION: plan.prediction, **plan.further_classes}.get(axis)
    return named or axis


def _mend(axis: str, plan: Plan, *, numeric: bool) -> str:
    if axis in plan.bins:
        return "give it fewer bins, or remove it"
    if axis in {LABEL, PREDICTION, *plan.further_classes}:
        return "merge classes"
    if axis in plan.groups and numeric:
        return "put it into bins ([data.bins], --bins), or remove it"
    return "merge its values, or remove it"
