"""Which tables of groups are counted, so that every crossing is a sum over one of them.

One table of all groups serves a small question. With many groups it would have nearly a cell a row, so a few smaller
tables are counted, each of as many groups as fit. What is read from them is the same to the last digit, however they
are chosen. Must not: know an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np

from audit.counting.engine import Scan
from audit.counting.plan import FOLDS, Plan
from audit.counting.tally import Tally
from audit.counting.terms import Every, Extent, Key, Number, Rows, Sum, Test
from audit.counting.weighing import weighed_tallies
from audit.tables.table import Table

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


def blocks(plan: Plan, levels: Mapping[str, int], rows: int | None) -> tuple[Block, ...]:
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
    beside = [c for c in (*plan.strata, plan.label, plan.prediction) if c is not None]
    others = prod(2 if plan.of_parts else max(1, levels.get(c, 2)) for c in beside)
    others *= FOLDS if plan.unit is not None else 1
    few = rows is not None and rows <= FEW_ROWS and not plan.of_parts
    if few or prod(sizes.values()) * others <= MOST_IN_BLOCK or len(plan.crossings) == 1:
        return (plan.groups,)
    return tuple(_covering(plan, sizes, MOST_IN_BLOCK / others))


def _levels(name: str, plan: Plan, levels: Mapping[str, int]) -> int:
    return len(plan.bins[name]) + 1 if name in plan.bins else max(1, levels.get(name, ASSUMED_LEVELS))


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


def crossed(
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
    tallies = tuple(weighed_tallies(scan, keys, each, sums, extents, plan, most))
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
