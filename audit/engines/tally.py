"""Rows of a GROUP BY with exact sums: what every engine answers, and what adds up over parts without loss.

Must not: know what a key or a sum means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from audit.engines.exact import nearest
from audit.errors import QuestionError, SourceError, printable

Cell = tuple[Any, ...]
"""Raw value of every key: text, whole number, double, truth value, date or None."""


class TooManyCellsError(SourceError):
    """More cells than the caller can hold; who asked says it again in the words of the question."""

    def __init__(self, most: int, levels: Mapping[str, int]) -> None:
        self.most, self.levels = most, dict(levels)
        """Cells that could be held, and the number of different values of each key."""
        shown = " x ".join(f"{printable(key)} ({n:,})" for key, n in self.levels.items())
        super().__init__(f"{shown} makes more than {most:,} cells; leave out the column with the most values")


@dataclass(frozen=True)
class Tally:
    """Sums by cell. Counts are whole numbers; a total is a whole number to be shifted right by ``shifts`` places."""

    keys: tuple[str, ...]
    cells: tuple[Cell, ...]
    counts: Mapping[str, tuple[int, ...]]
    totals: Mapping[str, tuple[int, ...]]
    shifts: Mapping[str, int]

    def array(self, name: str) -> np.ndarray:
        """One sum, a value a cell: int64 for counts, the nearest double for totals."""
        if name in self.counts:
            return np.array(self.counts[name], dtype=np.int64)
        shift = self.shifts[name]
        return np.array([nearest(t, shift) for t in self.totals[name]], dtype=np.float64)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every sum by name."""
        return {name: self.array(name) for name in (*self.counts, *self.totals)}

    def column(self, key: str) -> list[Any]:
        """Raw values of one key, a value a cell."""
        at = self.keys.index(key)
        return [cell[at] for cell in self.cells]

    def __add__(self, other: Tally) -> Tally:
        same = (self.keys, *map(sorted, (self.counts, self.totals))) == (
            other.keys,
            *map(sorted, (other.counts, other.totals)),
        )
        if not same:
            raise QuestionError(f"tallies over {self.keys} and {other.keys} answer different questions")
        shifts = {name: max(self.shifts[name], other.shifts[name]) for name in self.shifts}
        summed: dict[Cell, dict[str, int]] = {}
        for part in (self, other):
            for i, cell in enumerate(part.cells):
                into = summed.setdefault(_exactly(cell), dict.fromkeys((*self.counts, *self.totals), 0))
                for name, values in part.counts.items():
                    into[name] += values[i]
                for name, values in part.totals.items():
                    into[name] += values[i] << (shifts[name] - part.shifts[name])
        return _from_sums(self.keys, summed, tuple(self.counts), shifts)

    def sorted(self) -> Tally:
        """The same with cells in an order that depends on nothing but their values."""
        columns = [_places(column) for column in zip(*self.cells, strict=True)]
        order = np.lexsort(columns[::-1]).tolist() if columns else range(len(self.cells))

        def put(values: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(values[i] for i in order)

        counts, totals = ({k: put(v) for k, v in sums.items()} for sums in (self.counts, self.totals))
        return Tally(self.keys, put(self.cells), counts, totals, self.shifts)


def _from_sums(
    keys: tuple[str, ...], summed: Mapping[Cell, Mapping[str, int]], counts: Sequence[str], shifts: Mapping[str, int]
) -> Tally:
    rows = list(summed.values())
    cells = tuple(tuple(value for _, value in cell) for cell in summed)
    return Tally(
        keys,
        cells,
        {name: tuple(r[name] for r in rows) for name in counts},
        {name: tuple(r[name] for r in rows) for name in shifts},
        shifts,
    )


def _exactly(cell: Cell) -> Cell:
    """Cell in which 1, 1.0 and True are different keys, as they are to an engine."""
    return tuple((type(value).__name__, value) for value in cell)


def _places(column: Sequence[Any]) -> np.ndarray:
    """Place of each value among the different ones of its key, where 1, 1.0 and True are different."""
    typed = list(zip(map(type, column), column, strict=True))
    place = {pair: i for i, pair in enumerate(sorted(set(typed), key=lambda pair: _order(pair[1])))}
    return np.array([place[pair] for pair in typed], dtype=np.intp)


def _order(value: Any) -> tuple[str, Any]:
    return ("", "") if value is None else (type(value).__name__, value)
