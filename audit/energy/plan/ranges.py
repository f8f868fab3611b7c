"""A projection is a sum of products of inputs, each known within a range; the range and what dominates it follow.

A range that was given, or that a meter is trusted within, is a bound: low and high hold it at its end, whatever the
others do. A range that is assumed is the spread of what was published. Those spreads have causes of their own, and not
all of them go wrong the same way at once, so within a product their logarithms are combined as the root of the sum of
squares, which is wider than any one of them. Terms of a sum lie at the same end at once, as they share inputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

Basis = Literal["given", "assumed", "table", "measured", "formula"]
"""Said by the caller; assumed by us; read from a shipped table; from a metered run; a known approximation."""
End = Literal["low", "value", "high"]
SPREADS: frozenset[Basis] = frozenset({"assumed", "table", "formula"})
"""Where a range is a spread over what was published, and no bound."""
OPPOSITE: dict[End, End] = {"low": "high", "value": "value", "high": "low"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A quantity between two ends: low <= value <= high."""

    low: float
    value: float
    """The central value; not the middle, and never to be quoted alone."""
    high: float
    unit: str

    def __contains__(self, other: float) -> bool:
        return self.low <= other <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One factor of a projection with its range and where both come from."""

    name: str
    low: float
    value: float
    high: float
    unit: str
    basis: Basis
    source: str
    """Of the central value."""
    date: str
    range_source: str = ""
    """Of the ends, where they have another."""
    range_date: str = ""
    because: str = ""
    """Why it is known within this range; empty where it is taken as exact."""
    narrow: str = ""
    """What to do to know it better."""

    @property
    def spread(self) -> bool:
        """Whether its range is combined with others as a root of squares, and not held at its end."""
        return self.basis in SPREADS


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Part of a range that comes from one input, 0 to 1."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Product:
    """Inputs above and below the line, and what the units ask to divide by."""

    above: tuple[Input, ...]
    below: tuple[Input, ...] = ()
    divisor: float = 1.0

    @property
    def inputs(self) -> tuple[Input, ...]:
        """All inputs, those above the line first."""
        return (*self.above, *self.below)

    def times(self, *more: Input) -> Product:
        """Return the same with further inputs above the line."""
        return Product((*self.above, *more), self.below, self.divisor)

    def over(self, *more: Input) -> Product:
        """Return the same with further inputs below the line."""
        return Product(self.above, (*self.below, *more), self.divisor)

    def per(self, divisor: float) -> Product:
        """Return the same in a larger unit."""
        return Product(self.above, self.below, self.divisor * divisor)

    def at(self, end: End, moved: str | None = None) -> float:
        """Return the value with every input at one end of its range, or only that part of the way of the named one."""
        found = 1.0
        for given in self.above:
            found *= _read_end(given, end, moved)
        for given in self.below:
            found /= _read_end(given, OPPOSITE[end], moved)
        return _move_one(found / self.divisor, end, self._measure_way(end, moved))

    def _measure_way(self, end: End, moved: str | None) -> float:
        """Return the logarithm of the way to one end that the spreads make together, or that one of them makes."""
        steps = {i.name: _measure_step(i, end) for i in self.above if i.spread}
        steps |= {i.name: _measure_step(i, OPPOSITE[end]) for i in self.below if i.spread}
        way = math.hypot(*steps.values())
        if moved is None or way == 0:
            return way
        return steps.get(moved, 0.0) ** 2 / way  # these parts add up to the way


def _read_end(given: Input, end: End, moved: str | None) -> float:
    chosen = end if moved in {None, given.name} and not given.spread else "value"
    return _pick_end(given, chosen)


def _pick_end(given: Input, end: End) -> float:
    if end == "low":
        return given.low
    return given.high if end == "high" else given.value


def _measure_step(given: Input, end: End) -> float:
    """Return the logarithm of the way from the central value to one end; none where the input is exact."""
    reached = _pick_end(given, end)
    if reached == given.value:
        return 0.0
    return abs(math.log(reached / given.value))


def _move_one(found: float, end: End, way: float) -> float:
    if end == "value":
        return found
    if end == "high":
        return found * math.exp(way)
    return found / math.exp(way)


def range_of(products: Sequence[Product], unit: str) -> Range:
    """Return the range of a sum of products."""
    low = math.fsum(p.at("low") for p in products)
    value = math.fsum(p.at("value") for p in products)
    high = math.fsum(p.at("high") for p in products)
    return Range(low=low, value=value, high=high, unit=unit)


def rank_shares(products: Sequence[Product]) -> tuple[Share, ...]:
    """Return what each input contributes to the range of a sum, the largest first.

    Inputs that are exact are left out.
    """
    used = chain.from_iterable(p.inputs for p in products)
    names = dict.fromkeys(i.name for i in used if i.low < i.high)
    widths = {name: _measure_width(products, name) for name in names}
    whole = math.fsum(widths.values())
    found = [Share(name=name, share=width / whole) for name, width in widths.items() if width > 0]
    return tuple(sorted(found, key=lambda s: -s.share))


def _measure_width(products: Sequence[Product], name: str) -> float:
    """Return the logarithm of how far the sum moves with one input alone."""
    low = math.fsum(p.at("low", name) for p in products)
    high = math.fsum(p.at("high", name) for p in products)
    return math.log(high / low) if 0 < low < high else 0.0
