"""Rows of a GROUP BY with exact sums: what every engine answers, and what adds up over parts without loss.

Cells are held by column: the different values of a key once, and of every cell the place of its value among them, so
that a value is read once and not once a cell. Must not: know what a key or a sum means.

>>> tally = make_tally({"sex": ["f", None, "f"], "label": [0, 0, 1]}, {"n": [3, 1, 2]}, {}, {})
>>> tally.levels
(('f', None), (0, 1))
>>> tally.summed(tally.codes[0], 2)
{'n': array([5, 1])}
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from audit.errors import QuestionError, SourceError, printable

BITS = 85
LARGEST_SHIFT = 1000
LIMBS = ((2.0**60, 60), (2.0**30, 30), (1.0, 0))
"""Pieces of at most 30 bits, for engines that only have 64-bit sums: the divisor, and the place of each."""


LARGEST_CODE = 2**62
"""Beyond it, the codes of several keys no longer make one number of 64 bits."""


class TooManyCellsError(SourceError):
    """More cells than the caller can hold; who asked says it again in the words of the question."""

    def __init__(self, most: int, levels: Mapping[str, int]) -> None:
        self.most, self.levels = most, dict(levels)
        """Cells that could be held, and the number of different values of each key."""
        shown = " x ".join(f"{printable(key)} ({n:,})" for key, n in self.levels.items())
        super().__init__(f"{shown} makes more than {most:,} cells; remove the column with the most values")


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums by cell. Counts are whole numbers; a total is a whole number to be shifted right by ``shifts`` places."""

    keys: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    """Different raw values of every key: text, whole number, double, truth value, date or None."""
    codes: tuple[np.ndarray, ...]
    """For every key, the place of each cell's value among its levels."""
    counts: Mapping[str, np.ndarray]
    totals: Mapping[str, np.ndarray]
    """Arrays of Python's whole numbers, which have no size."""
    shifts: Mapping[str, int]
    powers: Mapping[str, int] = field(default_factory=dict)
    """How many times the weight of a row is a factor of each total, where rows have weights."""

    def __len__(self) -> int:
        """Cells."""
        return len(next(iter({**self.counts, **self.totals}.values())))

    def array(self, name: str) -> np.ndarray:
        """One sum, a value a cell: int64 for counts, the nearest double for totals."""
        if name in self.counts:
            return self.counts[name]
        return _nearest(self.totals[name], self.shifts[name])

    def arrays(self) -> dict[str, np.ndarray]:
        """Every sum by name."""
        return {name: self.array(name) for name in (*self.counts, *self.totals)}

    def summed(self, at: np.ndarray, size: int, leaving: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Every sum over the cells that have the same place: added exactly, and only then the nearest double.

        Parameters
        ----------
        at
            Place of each cell.
        size
            Number of places.
        leaving
            Sums to leave out.
        """
        found = {name: _add_totals(values, at, size) for name, values in self.counts.items() if name not in leaving}
        totals = {name: _add_totals(values, at, size) for name, values in self.totals.items() if name not in leaving}
        return found | {name: _nearest(values, self.shifts[name]) for name, values in totals.items()}

    def place(self, key: str) -> int:
        """Position of a key."""
        return self.keys.index(key)

    def column(self, key: str) -> list[Any]:
        """Raw values of one key, a value a cell."""
        levels = self.levels[self.place(key)]
        return [levels[code] for code in self.codes[self.place(key)].tolist()]

    def __add__(self, other: Tally) -> Tally:
        same = (self.keys, *map(sorted, (self.counts, self.totals))) == (
            other.keys,
            *map(sorted, (other.counts, other.totals)),
        )
        if not same:
            raise QuestionError(f"tallies over {self.keys} and {other.keys} cannot be combined, because they differ")
        shifts = {name: max(self.shifts[name], other.shifts[name]) for name in self.shifts}
        both_levels = zip(self.levels, other.levels, strict=True)
        levels = tuple(tuple({_sum_exactly(v): v for v in (*a, *b)}.values()) for a, b in both_levels)
        codes = tuple(map(np.concatenate, zip(self._codes_in(levels), other._codes_in(levels), strict=True)))
        first, at = _align(codes, [len(of) for of in levels], len(self) + len(other))

        def added(name: str) -> np.ndarray:
            both = [
                t.counts[name] if name in t.counts else t.totals[name] << (shifts[name] - t.shifts[name])
                for t in (self, other)
            ]
            return _add_totals(np.concatenate(both), at, len(first))

        counts = {name: added(name) for name in self.counts}
        totals = {name: added(name) for name in self.totals}
        powers = {**other.powers, **self.powers}
        return Tally(self.keys, levels, tuple(c[first] for c in codes), counts, totals, shifts, powers)

    def over(self, key: str) -> Tally:
        """The same with a key summed out."""
        left = [i for i, name in enumerate(self.keys) if name != key]
        codes, levels = [self.codes[i] for i in left], [self.levels[i] for i in left]
        first, at = _align(codes, [len(of) for of in levels], len(self))
        counts = {name: _add_totals(v, at, len(first)) for name, v in self.counts.items()}
        totals = {name: _add_totals(v, at, len(first)) for name, v in self.totals.items()}
        return replace(
            self,
            keys=tuple(self.keys[i] for i in left),
            levels=tuple(levels),
            codes=tuple(c[first] for c in codes),
            counts=counts,
            totals=totals,
        )

    def coarser(self, key: str, places: Mapping[Any, Any]) -> Tally:
        """The same with other values of a key in the place of its own, several of which may be one."""
        i = self.place(key)
        wide = tuple(dict.fromkeys(places[v] for v in self.levels[i]))
        at = {value: j for j, value in enumerate(wide)}
        moved = np.array([at[places[v]] for v in self.levels[i]], dtype=np.intp)[self.codes[i]]
        codes, levels = [*self.codes[:i], moved, *self.codes[i + 1 :]], (*self.levels[:i], wide, *self.levels[i + 1 :])
        first, found = _align(codes, [len(of) for of in levels], len(self))
        counts = {name: _add_totals(v, found, len(first)) for name, v in self.counts.items()}
        totals = {name: _add_totals(v, found, len(first)) for name, v in self.totals.items()}
        return replace(self, levels=levels, codes=tuple(c[first] for c in codes), counts=counts, totals=totals)

    def in_unit(self, unit: int) -> Tally:
        """The same with weights counted in units of ``2**unit``."""
        shifts = {name: shift + self.powers.get(name, 0) * unit for name, shift in self.shifts.items()}
        return replace(self, shifts=shifts) if unit else self

    def _codes_in(self, levels: Sequence[Sequence[Any]]) -> Iterable[np.ndarray]:
        """Codes of every key among other levels, which hold all of its own."""
        for codes, own, wide in zip(self.codes, self.levels, levels, strict=True):
            places = {_sum_exactly(value): i for i, value in enumerate(wide)}
            yield np.array([places[_sum_exactly(value)] for value in own], dtype=np.intp)[codes]

    def sorted(self) -> Tally:
        """The same with levels and cells in an order that depends on nothing but their values."""
        levels = tuple(tuple(sorted(of, key=order_of)) for of in self.levels)
        codes = tuple(self._codes_in(levels))
        order = np.lexsort(codes[::-1]) if codes else np.arange(len(self))
        counts = {k: v[order] for k, v in self.counts.items()}
        totals = {k: v[order] for k, v in self.totals.items()}
        return replace(self, levels=levels, codes=tuple(c[order] for c in codes), counts=counts, totals=totals)


def make_tally(
    columns: Mapping[str, Sequence[Any]],
    counts: Mapping[str, Sequence[int]],
    totals: Mapping[str, Sequence[int]],
    shifts: Mapping[str, int],
) -> Tally:
    """Tally from the columns of an answer.

    Parameters
    ----------
    columns
        Raw values of every key, one a cell; NaN is a missing one.
    counts, totals
        Sums of every cell.
    shifts
        Places of each total.
    """
    coded = [_encode(values) for values in columns.values()]
    return Tally(
        tuple(columns),
        tuple(levels for levels, _ in coded),
        tuple(codes for _, codes in coded),
        {name: np.array(values, dtype=np.int64) for name, values in counts.items()},
        {name: _to_whole_numbers(values) for name, values in totals.items()},
        dict(shifts),
    )


def _encode(values: Sequence[Any]) -> tuple[tuple[Any, ...], np.ndarray]:
    """Different values, and the place of each value among them."""
    places: dict[Hashable, int] = {}
    codes = [places.setdefault(None if v != v else v, len(places)) for v in values]  # noqa: PLR0124 - NaN alone
    return tuple(places), np.array(codes, dtype=np.intp)


def _to_whole_numbers(values: Sequence[int]) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _add_totals(values: np.ndarray, at: np.ndarray, size: int) -> np.ndarray:
    out = np.zeros(size, dtype=values.dtype)
    np.add.at(out, at, values)
    return out


def _nearest(totals: np.ndarray, shift: int) -> np.ndarray:
    return np.array([round_to_nearest(int(total), shift) for total in totals.tolist()], dtype=np.float64)


def _align(codes: Sequence[np.ndarray], sizes: Sequence[int], cells: int) -> tuple[np.ndarray, np.ndarray]:
    """First cell of each that differs from all before, and the place of every cell among those."""
    flat, room = np.zeros(cells, dtype=np.int64), 1
    for code, size in zip(codes, sizes, strict=True):
        if room * size > LARGEST_CODE:
            values, flat = np.unique(flat, return_inverse=True)
            room = len(values)
        flat, room = flat * size + code, room * size
    _, first, at = np.unique(flat, return_index=True, return_inverse=True)
    return first, at


def _sum_exactly(value: Any) -> tuple[str, Any]:
    """Value with its type: 1, 1.0 and True are different keys, as they are to an engine."""
    return type(value).__name__, value


def order_of(value: Any) -> tuple[str, Any]:
    """Place of a raw value in an order of all of them: missing, then by type, then by value."""
    return ("", "") if value is None else _sum_exactly(value)


# Sums that are the same whatever the order of the rows: doubles as whole numbers on a common grid.
#
# A value v becomes ``trunc(v * 2**shift)``. The shift is chosen from the largest possible value, so that 2**40 rows
# fit into 127 bits and a value keeps all its bits unless it is 2**32 times smaller than the largest, or smaller than
# 2**-900. Whole numbers add up alike in any order; the sum is turned back into the nearest double once, at the end.
#
# >>> grid_shift(1.0)
# 85
# >>> round_to_nearest(3 * 2**85, 85)
# 3.0
def grid_shift(bound: float) -> int:
    """Binary places by which values of at most this size are moved left."""
    if bound <= 0:
        return 0
    fraction, exponent = math.frexp(bound)
    power_of_two = fraction == 0.5
    return min(BITS - exponent + power_of_two, LARGEST_SHIFT)


def round_to_nearest(total: int, shift: int) -> float:
    """Double that is nearest to ``total * 2**-shift``; infinite where that is beyond all doubles."""
    try:
        if shift >= 0:
            return total / (1 << shift)
        return float(total << -shift)
    except OverflowError:
        return math.copysign(math.inf, total)
