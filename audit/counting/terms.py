"""What may be asked of one row, in no engine's words: keys to group by, and terms to sum.

Every engine spells these few nodes in its own language, so that one question is one question everywhere. Terms are
arithmetic on IEEE doubles. Must not: know an engine, a metric, or a limit.

>>> weight = Number("w")
>>> (weight * weight).bound({"w": (0.5, 2.0)})
4.0
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from audit.axes import FOLD, LABEL, PREDICTION, STRATUM
from audit.counting.plan import FOLDS, Plan

REACHED = "reached"


Extent = tuple[float, float]
"""Smallest and largest value of a column."""
SMALLEST_LOG = 745.2
"""Larger than -ln of the smallest double above 0."""
LARGEST_FACTOR = 1000
"""Power of two that is multiplied by at once."""
ROUNDING = 1e-9
"""More than a logarithm is off by."""


class Term:
    """A number that every row has; built with ``+``, ``-`` and ``*``."""

    def __add__(self, other: Term) -> Term:
        return Binary("+", self, other)

    def __sub__(self, other: Term) -> Term:
        return Binary("-", self, other)

    def __mul__(self, other: Term) -> Term:
        return Binary("*", self, other)

    def extent(self, extents: Mapping[str, Extent]) -> Extent:
        """Interval that holds every row's value, given the extents of the columns."""
        raise NotImplementedError

    def bound(self, extents: Mapping[str, Extent]) -> float:
        """Size that no row's value exceeds."""
        return max(abs(end) for end in self.extent(extents))


@dataclass(frozen=True, slots=True)
class Number(Term):
    """Value of a column as a double."""

    name: str

    def extent(self, extents: Mapping[str, Extent]) -> Extent:
        """Extent of the column."""
        return extents[self.name]


@dataclass(frozen=True, slots=True)
class Banded(Term):
    """Value of a column, none of them negative, divided by the power of two of the band that it lies in."""

    name: str
    edges: tuple[float, ...]
    """Where bands begin, but for the lowest."""
    exponents: tuple[int, ...]
    """Of each band."""
    below: float
    """What every value is below, once it is divided."""

    @property
    def factors(self) -> tuple[tuple[float, ...], ...]:
        """Numbers that each band's values are multiplied by, in turn: one power of two may lie beyond all doubles."""
        halves = (((-e) // 2, -e - (-e) // 2) if abs(e) > LARGEST_FACTOR else (-e,) for e in self.exponents)
        return tuple(tuple(2.0**place for place in places if place) for places in halves)

    def extent(self, extents: Mapping[str, Extent]) -> Extent:
        """The same of every table."""
        del extents
        return 0.0, self.below


@dataclass(frozen=True, slots=True)
class Constant(Term):
    """The same for every row."""

    value: float

    def extent(self, extents: Mapping[str, Extent]) -> Extent:
        """Itself."""
        del extents
        return self.value, self.value


@dataclass(frozen=True, slots=True)
class Binary(Term):
    """Sum, difference or product."""

    sign: Literal["+", "-", "*"]
    left: Term
    right: Term

    def extent(self, extents: Mapping[str, Extent]) -> Extent:
        """Interval arithmetic; a square is never negative."""
        (a, b), (c, d) = self.left.extent(extents), self.right.extent(extents)
        if self.sign == "+":
            return a + c, b + d
        if self.sign == "-":
            return a - d, b - c
        ends = (a * c, a * d, b * c, b * d)
        return (0.0 if self.left == self.right else min(ends)), max(ends)


@dataclass(frozen=True, slots=True)
class Size(Term):
    """Absolute value."""

    of: Term

    def extent(self, extents: Mapping[str, Extent]) -> Extent:
        """From 0 to its size."""
        return 0.0, self.of.bound(extents)


@dataclass(frozen=True, slots=True)
class Surprise(Term):
    """``-ln(p)`` where p is above 0; 0 elsewhere, where it would be infinite and is counted apart."""

    of: Term

    def extent(self, extents: Mapping[str, Extent]) -> Extent:
        """From minus the log of what lies above 1 to the surprise of the smallest value, or of the smallest double."""
        low, _ = self.of.extent(extents)
        largest = min(SMALLEST_LOG, max(0.0, -math.log(low)) + ROUNDING) if low > 0 else SMALLEST_LOG
        return -math.log(max(self.of.bound(extents), 1.0)), largest


@dataclass(frozen=True, slots=True)
class Test:
    """Condition on a row; a missing value satisfies ``missing`` alone, and NaN is a missing number."""

    __test__ = False  # no test of pytest's

    of: Term | str
    """A term, or the name of a column of any kind for ``missing``."""
    is_: Literal["missing", "infinite", "below", "above", "at least", "at most"]
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Every:
    """Condition on a row: all of these."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Key: the value of a column as it stands."""

    name: str


@dataclass(frozen=True, slots=True)
class Band:
    """Key: number of edges at or below the value; missing where the value is."""

    name: str
    edges: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Passes:
    """Key: whether a number is at least the threshold."""

    name: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Fold:
    """Key: hash of the unit that anybody can compute (first 8 hex digits of MD5 of its text), modulo the folds."""

    unit: str
    folds: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Key: number of the equal slice of a range in which the value lies; the last one includes the end."""

    of: Term
    low: float
    per_unit: float
    """Slices in one unit of the value: multiplying gives the same on every engine, dividing does not."""
    slices: int


class Finer(NamedTuple):
    """Cuts within slices, counted in these: steps of ``1 / scale`` from ``at`` on, their number kept within bounds.

    What is counted in slices and multiplied by a power of two keeps all its digits, so that cuts at one place agree.
    """

    at: float
    scale: float
    """A power of two."""
    first: int
    last: int

    @property
    def span(self) -> Extent:
        """Where its number is not held: from the end of the first step to the end of the last."""
        return self.at + self.first / self.scale, self.at + (self.last + 1) / self.scale


@dataclass(frozen=True, slots=True)
class Steps:
    """Key: number of the slice of a range as by `Slice`, and of the finer cuts that lie at or below the value."""

    of: Term
    low: float
    per_unit: float
    slices: int
    finer: tuple[Finer, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """Key: value of a term itself."""

    of: Term


Key = Column | Band | Passes | Fold | Slice | Steps | Value


@dataclass(frozen=True, slots=True)
class Rows:
    """Sum: number of rows, or of those that satisfy a test."""

    when: Test | Every | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """Sum of a term, exact: on a grid so fine that only bits 85 places under the largest value are cut off.

    An exact sum does not depend on the order of rows, on threads, on engines, or on how rows are split into parts.
    """

    of: Term


@dataclass(frozen=True, slots=True)
class Lowest:
    """Smallest finite value of a term, or of those rows that satisfy a test."""

    of: Term
    when: Test | None = None


@dataclass(frozen=True, slots=True)
class Highest:
    """Largest finite value of a term."""

    of: Term


Sum = Rows | Total | Lowest | Highest


# The keys and sums that several questions share.
def keys(plan: Plan) -> dict[str, Key]:
    """Groups, strata, label, prediction, further classes and fold, where there are any."""
    found: dict[str, Key] = {c: group_key(c, plan) for c in plan.groups}
    found |= {f"{STRATUM}{i}": Column(c) for i, c in enumerate(plan.strata)}
    if plan.label is not None:
        found[LABEL] = Column(plan.label)
    if plan.prediction is not None:
        found[PREDICTION] = Column(plan.prediction)
    elif plan.score is not None:
        found[PREDICTION] = Passes(plan.score, float(plan.threshold))
    found |= {key: Column(c) for key, c in plan.further_classes.items()}
    return found | fold_key(plan)


def group_key(name: str, plan: Plan) -> Key:
    """Key of one group column."""
    return Band(name, plan.bins[name]) if name in plan.bins else Column(name)


def fold_key(plan: Plan) -> dict[str, Key]:
    """Key of the unit's fold, where rows share units."""
    return {} if plan.unit is None else {FOLD: Fold(plan.unit, FOLDS)}


def weights(plan: Plan) -> dict[str, Sum]:
    """Rows, and sums of weights and of their squares."""
    if plan.weight is None:
        return {"n": Rows()}
    w = Number(plan.weight)
    return {"n": Rows(), "w": Total(w), "w2": Total(w * w)}


def decisions(plan: Plan) -> dict[str, Sum]:
    """Rows whose score reaches the threshold, where a prediction stands beside it."""
    if plan.score is None or plan.prediction is None:
        return {}
    return {REACHED: Rows(Test(Number(plan.score), "at least", float(plan.threshold)))}
