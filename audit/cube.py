"""Counts over named axes, and the four verbs that everything else is made of.

An audit counts once; everything else is arithmetic on the counts. A `Cube` is an array of additive measures
(``n`` rows, ``w`` sum of weights, ``w2`` sum of squared weights) over named axes. Because the measures are sums,
``cube(a) + cube(b) == cube(a + b)`` for any split of the rows.

Must not: hold anything that is not additive (quantiles, distinct counts), or know where the rows came from.

>>> race = Axis("race", ("black", "white"))
>>> label = Axis("label", ("0", "1"))
>>> c = Cube((race, label), {"n": np.array([[3, 7], [1, 9]])})
>>> c.over("label")["n"].tolist()
[10, 10]
>>> c.at("label", "1")["n"].tolist()
[7, 9]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from audit.axes import MOST_GROUPS, UNIT, sort_key
from audit.errors import QuestionError, no_such
from audit.estimate import Group, Level

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Axis:
    """One named axis and its levels, in sorted order; None is the level of missing values."""

    name: str
    levels: tuple[Level, ...]


class Cube:
    """Named axes × additive measures.

    Parameters
    ----------
    axes
        In the order of the arrays' dimensions.
    measures
        Arrays of one shape, one entry a cell. ``n`` is integer rows; ``w`` and ``w2`` are float64 sums.
    """

    __slots__ = ("axes", "measures")

    def __init__(self, axes: Sequence[Axis], measures: Mapping[str, Array]) -> None:
        shape = tuple(len(a.levels) for a in axes)
        for name, values in measures.items():
            if values.shape != shape:
                raise QuestionError(f"measure '{name}' has shape {values.shape}, the axes have {shape}")
        self.axes: tuple[Axis, ...] = tuple(axes)
        self.measures: dict[str, Array] = dict(measures)

    def __getitem__(self, measure: str) -> Array:
        return self.measures[measure]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(a.name for a in self.axes)

    @property
    def weighted(self) -> bool:
        """Whether weights were counted beside the rows."""
        return "w" in self.measures

    def position(self, name: str) -> int:
        """Dimension of the axis of that name."""
        if name not in self.names:
            raise QuestionError(no_such("axis", name, self.names))
        return self.names.index(name)

    def axis(self, name: str) -> Axis:
        """Axis of that name."""
        return self.axes[self.position(name)]

    def over(self, *names: str) -> Cube:
        """Sum the named axes out."""
        dims = tuple(self.position(n) for n in names)
        axes = [a for i, a in enumerate(self.axes) if i not in dims]
        return Cube(axes, {k: v.sum(axis=dims) for k, v in self.measures.items()})

    def keep(self, *names: str) -> Cube:
        """Sum out every axis but the named ones, and put these in the order given."""
        rest = [n for n in self.names if n not in names]
        cube = self.over(*rest) if rest else self
        order = [cube.position(n) for n in names]
        return Cube([cube.axes[i] for i in order], {k: v.transpose(order) for k, v in cube.measures.items()})

    def count_filled(self, *names: str) -> int:
        """Return how many combinations of levels of the named axes have rows."""
        return int((self.keep(*names)["n"] > 0).sum())

    def at(self, name: str, level: Level) -> Cube:
        """Slice at one level; the axis is gone afterwards."""
        dim, axis = self.position(name), self.axis(name)
        if level not in axis.levels:
            raise QuestionError(no_such(name, level, axis.levels))
        index = axis.levels.index(level)
        axes = [a for i, a in enumerate(self.axes) if i != dim]
        return Cube(axes, {k: v.take(index, axis=dim) for k, v in self.measures.items()})

    def merge(self, name: str, target: Callable[[Level], Level]) -> Cube:
        """Coarsen one axis: levels with the same target are added."""
        dim, axis = self.position(name), self.axis(name)
        targets = [target(level) for level in axis.levels]
        levels = tuple(sorted(set(targets), key=sort_key))
        index = np.array([levels.index(t) for t in targets])
        shape = [len(a.levels) for a in self.axes]
        shape[dim] = len(levels)
        merged = {}
        for measure, values in self.measures.items():
            out = np.zeros(shape, dtype=values.dtype)
            np.add.at(np.moveaxis(out, dim, 0), index, np.moveaxis(values, dim, 0))
            merged[measure] = out
        axes = [Axis(name, levels) if i == dim else a for i, a in enumerate(self.axes)]
        return Cube(axes, merged)

    def drop(self, name: str, level: Level) -> Cube:
        """Leave one level out; the axis stays."""
        dim, axis = self.position(name), self.axis(name)
        if level not in axis.levels:
            return self
        index = axis.levels.index(level)
        axes = [
            Axis(name, axis.levels[:index] + axis.levels[index + 1 :]) if i == dim else a
            for i, a in enumerate(self.axes)
        ]
        return Cube(axes, {k: np.delete(v, index, axis=dim) for k, v in self.measures.items()})

    def __add__(self, other: Cube) -> Cube:
        if self.names != other.names or set(self.measures) != set(other.measures):
            raise QuestionError(f"cubes over {self.names} and {other.names} cannot be combined, because they differ")
        axes = [
            Axis(a.name, tuple(sorted({*a.levels, *b.levels}, key=sort_key)))
            for a, b in zip(self.axes, other.axes, strict=True)
        ]
        return Cube(axes, {k: self._onto(axes, k) + other._onto(axes, k) for k in self.measures})

    def _onto(self, axes: Sequence[Axis], measure: str) -> Array:
        """Measure laid into a larger frame of levels, zeros where this cube has none."""
        out = np.zeros([len(a.levels) for a in axes], dtype=self.measures[measure].dtype)
        index = [
            [wide.levels.index(level) for level in mine.levels] for wide, mine in zip(axes, self.axes, strict=True)
        ]
        out[np.ix_(*index)] = self.measures[measure]
        return out

    def __repr__(self) -> str:
        sizes = " x ".join(f"{a.name}({len(a.levels)})" for a in self.axes) or "everybody"
        return f"Cube({sizes}: {', '.join(self.measures)})"


def of_others(each: Array) -> Array:
    """Sum of all groups but each, along the first axis: small ones are not what is left of a large one taken off."""
    if each.dtype.kind != "f":
        rest: Array = each.sum(axis=0, keepdims=True) - each
        return rest
    upto, downto = np.cumsum(each, axis=0), np.cumsum(each[::-1], axis=0)[::-1]
    nobody = np.zeros_like(each[:1])
    others: Array = np.concatenate([nobody, upto[:-1]]) + np.concatenate([downto[1:], nobody])
    return others


def unit_of(cube: Cube) -> int:
    """Power of two in which a cube counts weights."""
    if UNIT in cube.names and cube.axis(UNIT).levels:
        return int(cube.axis(UNIT).levels[0] or 0)
    return 0


def all_groups(known: Cube, by: tuple[str, ...]) -> tuple[Group, ...]:
    """Groups of one crossing, absent ones included; too many are refused."""
    groups = tuple(product(*(known.axis(name).levels for name in by)))
    if len(groups) > MOST_GROUPS:
        widest = max(by, key=lambda name: len(known.axis(name).levels))
        raise QuestionError(
            f"{' x '.join(by)} makes {len(groups):,} groups, more than {MOST_GROUPS:,} (too many levels to judge); "
            f"bin or remove '{widest}' ({len(known.axis(widest).levels):,} levels)"
            f"{', or lower intersections' if len(by) > 1 else ''}"
        )
    return groups


def from_cells(names: Sequence[str], cells: Sequence[Sequence[Level]], measures: Mapping[str, Array]) -> Cube:
    """Cube from the rows of a GROUP BY.

    Parameters
    ----------
    names
        Axis names, one for each position of a cell.
    cells
        Level of every axis, one entry a group; equal cells are added.
    measures
        Arrays as long as ``cells``.
    """
    columns = list(zip(*cells, strict=True)) if cells else [()] * len(names)
    axes = [Axis(n, tuple(sorted(set(c), key=sort_key))) for n, c in zip(names, columns, strict=True)]
    codes = []
    for axis, column in zip(axes, columns, strict=True):
        lookup = {level: i for i, level in enumerate(axis.levels)}
        codes.append(np.array([lookup[level] for level in column], dtype=np.intp))
    shape = [len(a.levels) for a in axes]
    dense = {}
    for measure, values in measures.items():
        out = np.zeros(shape, dtype=values.dtype)
        np.add.at(out, tuple(codes), values)
        dense[measure] = out
    return Cube(axes, dense)


class Curve(NamedTuple):
    """A ROC curve: false positive rates in rising order, with the true positive rate just left and right of each."""

    x: Array
    left: Array
    right: Array
    positives: float
    """Effective rows."""
    negatives: float
    hidden: float
    """How far the area between it and another curve may be off for what its bins hide."""


def curve(pos: Array, neg: Array, positives: float, negatives: float, *, exact: bool) -> Curve:
    """ROC curve of one group from its counts or weights per bin of ascending score, both above 0 in sum."""
    up = np.append(0.0, np.cumsum(pos[::-1])) / pos.sum()
    across = np.append(0.0, np.cumsum(neg[::-1])) / neg.sum()
    up, across = np.minimum(up, 1.0), np.minimum(across, 1.0)
    up[-1] = across[-1] = 1.0
    x, first = np.unique(across, return_index=True)
    last = np.append(first[1:], len(across)) - 1
    hidden = 0.0 if exact else float((pos / pos.sum() * neg / neg.sum()).sum() / 2)
    return Curve(x, up[first], up[last], positives, negatives, hidden)


def area_between(one: Curve, other: Curve) -> float:
    """Area between two curves, exact for curves of straight lines."""
    cuts = np.union1d(one.x, other.x)
    begins, ends = (_ahead(one, cuts) - _ahead(other, cuts)), (_behind(one, cuts) - _behind(other, cuts))
    a, b, width = begins[:-1], ends[1:], np.diff(cuts)
    size = np.abs(a) + np.abs(b)
    crossing = (a * b < 0) & (size > 0)
    mean = np.where(crossing, (a**2 + b**2) / np.where(size > 0, 2 * size, 1.0), size / 2)
    return float((width * mean).sum())


def _ahead(c: Curve, t: Array) -> Array:
    """Height just right of each t."""
    i = np.clip(np.searchsorted(c.x, t, side="right") - 1, 0, len(c.x) - 1)
    return _line(c, i, t)


def _behind(c: Curve, t: Array) -> Array:
    """Height just left of each t."""
    i = np.clip(np.searchsorted(c.x, t, side="left") - 1, 0, len(c.x) - 1)
    return _line(c, i, t)


def _line(c: Curve, i: np.ndarray, t: Array) -> Array:
    """Height at t on the line that begins at the i-th point."""
    after = np.minimum(i + 1, len(c.x) - 1)
    width = c.x[after] - c.x[i]
    share = np.where(width > 0, (t - c.x[i]) / np.where(width > 0, width, 1.0), 0.0)
    height: Array = c.right[i] + share * (c.left[after] - c.right[i])
    return np.where(width > 0, height, c.right[i])
