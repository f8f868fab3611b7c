"""Sums of weights of any size that lose no digit: rows are counted by bands of weights, each on a grid of its own.

Within a band every weight is divided by the same power of two, so that powers of weights neither overflow nor vanish,
and bands are so narrow that a grid keeps every digit of all powers. Where a band lies does not depend on the table;
what a row adds depends on that row alone. Most tables have weights of one band, and cost what they would without.
Must not: know a metric, an engine, or what a sum is for.

>>> find_band(1.0, 16), find_band(255.0, 16), find_band(256.0, 16)
(0, 0, 1)
>>> _degree(Number("w") * Number("w") * Number("s"), "w")
2
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from audit.counting.engine import Scan
from audit.counting.plan import Plan
from audit.counting.tally import BITS, Tally, TooManyCellsError, grid_shift
from audit.counting.terms import (
    Band,
    Banded,
    Binary,
    Extent,
    Highest,
    Key,
    Lowest,
    Number,
    Size,
    Sum,
    Surprise,
    Term,
    Test,
    Total,
)
from audit.errors import ValuesError, printable

PLACES = BITS - 53
"""Binary places that values of one grid may lie apart so that each keeps all digits of a double."""
FARTHEST = 200
"""Binary places between the smallest and the largest weight: fourth powers of the smallest are still numbers."""
ORDINARY, LARGEST = 64, 1000
"""Places of the sum of all weights, and of any sum, up to which they are told as they are."""
BAND = "band of weights"


class Weighing(NamedTuple):
    """How the weights of a table enter its sums."""

    name: str
    band: Band | None
    """Key that tells the bands apart; None where all weights are of one."""
    exponents: tuple[int, ...]
    """Power of two by which each band's weights are divided."""
    near: Banded

    @classmethod
    def of(cls, name: str, extent: Extent, power: int, *, fixed: bool = True) -> Weighing:
        """Bands that are narrow enough for a power of weights.

        Parameters
        ----------
        name
            Column of the weights.
        extent
            Smallest weight above 0, and the largest.
        power
            Highest power that is summed.
        fixed
            Whether bands lie where they lie for any table, as parts of one need them; else one that holds all weights
            is taken where there is one.
        """
        width = PLACES // power
        if not fixed and (exponent := _find_holding(extent, width)) is not None:
            return cls(name, None, (exponent,), Banded(name, (), (exponent,), math.ldexp(1.0, width - width // 2)))
        low, high = extent
        exponents = tuple(width * band for band in range(find_band(low, width), find_band(high, width) + 1))
        edges = tuple(math.ldexp(1.0, e - width // 2) for e in exponents[1:])
        band = Band(name, edges) if edges else None
        return cls(name, band, exponents, Banded(name, edges, exponents, math.ldexp(1.0, width - width // 2)))

    def term(self, term: Term) -> Term:
        """The term with weights near 1 in the place of weights."""
        match term:
            case Number(self.name):
                return self.near
            case Binary(sign, left, right):
                return Binary(sign, self.term(left), self.term(right))
            case Size(of):
                return Size(self.term(of))
            case _:
                return term

    def undone(self, tally: Tally, powers: Mapping[str, int]) -> Tally:
        """Sums of weights as they stand, over all bands."""
        lowest, exponent = self.exponents[0], np.full(len(tally), self.exponents[0], dtype=object)
        if self.band is not None:
            exponent = np.array([self.exponents[int(v)] for v in tally.column(BAND)], dtype=object)
        totals = {name: of << (powers[name] * (exponent - lowest)) for name, of in tally.totals.items()}
        shifts = {name: shift - powers[name] * lowest for name, shift in tally.shifts.items()}
        found = replace(tally, totals=totals, shifts=shifts, powers=dict(powers))
        return found if self.band is None else found.over(BAND)


def _find_holding(extent: Extent, width: int) -> int | None:
    """Exponent of a band that holds all weights; None where they lie too far apart."""
    low, high = math.frexp(extent[0])[1] - 1, math.frexp(extent[1])[1] - 1
    if extent[0] <= 0 or high - low >= width:
        return None
    if low >= -(width // 2) and high < width - width // 2:
        return 0
    return low + width // 2


def find_band(weight: float, width: int) -> int:
    """Number of the band of a weight; band 0 lies around 1. Weights of 0 are of any band."""
    if weight > 0:
        return (math.frexp(weight)[1] - 1 + width // 2) // width
    return 0


def _degree(term: Term, name: str) -> int:
    """How many times a column is a factor of a term."""
    match term:
        case Number(of):
            return int(of == name)
        case Binary("*", left, right):
            return _degree(left, name) + _degree(right, name)
        case Binary(_, left, right):
            return max(_degree(left, name), _degree(right, name))
        case Size(of) | Surprise(of):
            return _degree(of, name)
        case _:
            return 0


def extent_of_weights(scan: Scan, name: str) -> Extent:
    """Smallest weight above 0, and the largest; refused where they lie too far apart."""
    asked: dict[str, Sum] = {"low": smallest_weight(name), "high": Highest(Number(name))}
    seen = scan.summary(asked)
    return check_extent(name, seen["low"], seen["high"])


def smallest_weight(name: str) -> Lowest:
    """Sum that finds the smallest weight above 0; one of 0 adds nothing."""
    return Lowest(Number(name), Test(Number(name), "above", 0.0))


def check_extent(name: str, low: float | None, high: float | None) -> Extent:
    """Smallest weight above 0 and the largest as an extent.

    Raises
    ------
    ValuesError
        When they lie so far apart that nobody can have meant them as weights of one table.
    """
    low, high = float(low or 0.0), float(high or 0.0)
    if low > 0 and math.frexp(high)[1] - math.frexp(low)[1] > FARTHEST:
        raise ValuesError(
            f"weights '{printable(name)}' go from {low:.3g} to {high:.3g}, too far apart to be weights of one table; "
            "rescale them to one scale, or give 0 to rows that must not count"
        )
    return low, high


def count_weighed(
    scan: Scan,
    keys: Mapping[str, Key],
    each: Sequence[Sequence[str]],
    sums: Mapping[str, Sum],
    extents: Mapping[str, Extent],
    plan: Plan,
    most: int,
) -> list[Tally]:
    """Sums by cell of several tables, whatever the scale of the weights.

    Parameters
    ----------
    scan
        Open rows.
    keys, each
        What to group by, and the keys of each table.
    sums
        Rows and totals.
    extents
        Smallest and largest value of every column that is summed; of weights, the smallest above 0.
    plan
        With the column of weights, and whether the table is a part of a whole.
    most
        Cells that a table may have.

    Raises
    ------
    TooManyCellsError
        When one has more.
    """
    weight, totals = plan.weight, {n: s.of for n, s in sums.items() if isinstance(s, Total)}
    powers = {name: _degree(of, weight) for name, of in totals.items()} if weight is not None else {}
    if weight is None or not any(powers.values()):
        return list(scan.tallies(keys, each, sums, shifts(sums, extents), most))
    weighing = Weighing.of(weight, extents[weight], max(powers.values()), fixed=plan.of_parts)
    near = {n: Total(weighing.term(s.of)) if isinstance(s, Total) else s for n, s in sums.items()}
    places = shifts(near, extents)
    if weighing.band is None:
        return [weighing.undone(t, powers) for t in scan.tallies(keys, each, near, places, most)]
    apart = [(*chosen, BAND) for chosen in each]
    try:
        found = scan.tallies({**keys, BAND: weighing.band}, apart, near, places, most * len(weighing.exponents))
    except TooManyCellsError as error:
        raise TooManyCellsError(most, {k: n for k, n in error.levels.items() if k != BAND}) from None
    return [_hold(weighing.undone(t, powers), most) for t in found]


def count_weighed_once(
    scan: Scan,
    keys: Mapping[str, Key],
    sums: Mapping[str, Sum],
    extents: Mapping[str, Extent],
    plan: Plan,
    most: int,
) -> Tally:
    """Sums by cell of one table; see `count_weighed`."""
    return count_weighed(scan, keys, [tuple(keys)], sums, extents, plan, most)[0]


def shifts(sums: Mapping[str, Sum], extents: Mapping[str, Extent]) -> dict[str, int]:
    """Grid of every total, fine enough for the largest value that its columns allow."""
    return {name: grid_shift(s.of.bound(extents)) for name, s in sums.items() if isinstance(s, Total)}


def find_unit(tally: Tally) -> int:
    """Power of two in which sums of weights are told: 0, unless doubles could not hold what is made of them."""
    if "w" not in tally.totals or not tally.powers:
        return 0
    whole = int(sum(tally.totals["w"].tolist()))
    place = whole.bit_length() - tally.shifts["w"]
    sizes = (
        max((abs(t).bit_length() for t in of.tolist()), default=0) - tally.shifts[n] for n, of in tally.totals.items()
    )
    if not whole or (abs(place) <= ORDINARY and max(sizes) <= LARGEST):
        return 0
    return max(-1074, min(1023, place - 1))


def _hold(tally: Tally, most: int) -> Tally:
    if len(tally) > most:
        levels = {key: len(of) for key, of in zip(tally.keys, tally.levels, strict=True)}
        raise TooManyCellsError(most, levels)
    return tally
