"""Cubes in the plain form that a document keeps, and back.

Must not: import numpy for a reader of documents; the gate pays for this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from audit.axes import MOST_LAID_OUT, CubeKind
from audit.errors import StoreError, printable
from audit.estimate import Level

if TYPE_CHECKING:
    from audit.cube import Cube

MOST_ROWS = 2**53
TRAIN, PREDICTIONS = "train", "predictions"
COUNTED_PARTS = (TRAIN, PREDICTIONS)
"""Parts whose counts stand in a document; of a held-out part there are only its rows and what its checks found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a cube with its levels; null is the level of missing values."""

    name: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeRecord:
    """Counts in coordinate form: cell i has level ``cells[i][j]`` on axis j."""

    name: str
    axes: tuple[Axis, ...]
    cells: tuple[tuple[int, ...], ...]
    measures: Mapping[str, tuple[float, ...]]
    """``n`` rows, ``w`` sum of weights, ``w2`` sum of squared weights, per cell."""
    part: str | None = None
    """Table that was counted, train or predictions; null where the counts are of no table of the question."""
    kind: CubeKind | None = None
    """What is counted; empty for rows by groups, label and prediction. Null where part is."""


def name_cube(part: str, kind: CubeKind, axes: Iterable[str]) -> str:
    """Name a cube for readers, by what it is of."""
    return f"{' '.join(filter(None, (part, kind)))}: {' x '.join(axes)}"


def record_part_cube(part: str, kind: CubeKind, cube: Cube) -> CubeRecord:
    """Record a cube of one kind that was counted of one part."""
    return replace(record_cube(name_cube(part, kind, cube.names), cube), part=part, kind=kind)


def record_cube(name: str, cube: Cube) -> CubeRecord:
    """Record the non-empty cells of a cube in coordinate form."""
    import numpy as np

    filled = np.asarray(cube["n"] > 0)
    at = np.argwhere(filled)
    # A mask takes the one cell of a cube without axes too; indices would take it out of its array.
    measures = {k: tuple(float(x) for x in np.asarray(v)[filled]) for k, v in cube.measures.items()}
    axes = tuple(Axis(name=a.name, levels=a.levels) for a in cube.axes)
    return CubeRecord(name=name, axes=axes, cells=tuple(tuple(int(i) for i in c) for c in at), measures=measures)


def to_cube(record: CubeRecord) -> Cube:
    """Return the cube that a record was made from.

    Raises
    ------
    StoreError
        When no counts can be what the record says.
    """
    import numpy as np

    from audit import cube

    _require_counts(record)
    axes = [cube.Axis(a.name, a.levels) for a in record.axes]
    shape = [len(a.levels) for a in axes]
    index = tuple(np.array(record.cells, dtype=np.intp).reshape(len(record.cells), len(axes)).T)
    # One axis more, of one level, or a cube without axes would have no place for a list of cells.
    first = np.zeros(len(record.cells), dtype=np.intp)
    measures = {}
    for name, values in record.measures.items():
        out = np.zeros((1, *shape), dtype=np.int64 if name == "n" else np.float64)
        out[first, *index] = values
        measures[name] = out.reshape(shape)
    return cube.Cube(axes, measures)


def _require_counts(record: CubeRecord) -> None:
    """Refuse a record that no run wrote: cells that no axis has, a cell twice, rows that are no whole number above 0.

    Raises
    ------
    StoreError
        With the cube and what is wrong with it.
    """
    amiss = _describe_fault(record)
    if amiss:
        raise StoreError(f"cubes: '{printable(record.name)}' {amiss}; restore the original audit.json")


def _describe_fault(record: CubeRecord) -> str:
    """Describe why a record can be no cube, or return an empty string. Each look rests on those before it."""
    shape = [len(a.levels) for a in record.axes]
    amiss = _describe_fault_of_axes(record) or _describe_fault_of_cells(record, shape)
    if amiss:
        return amiss
    if "n" not in record.measures or any(len(values) != len(record.cells) for values in record.measures.values()):
        return "has not a number of rows for each of its cells"
    if not all(0 < n <= MOST_ROWS and float(n).is_integer() for n in record.measures["n"]):
        return "has a cell whose rows are no whole number above 0"
    return ""


def _describe_fault_of_axes(record: CubeRecord) -> str:
    names = [a.name for a in record.axes]
    if len(set(names)) < len(names) or any(len(set(a.levels)) < len(a.levels) for a in record.axes):
        return "has an axis, or a level of one, twice"
    if prod(len(a.levels) for a in record.axes) > MOST_LAID_OUT:
        return f"has more than {MOST_LAID_OUT:,} places"
    return ""


def _describe_fault_of_cells(record: CubeRecord, shape: Sequence[int]) -> str:
    if any(len(cell) != len(shape) for cell in record.cells):
        return f"has cells that are not on its {len(shape)} axes"
    axes = zip(zip(*record.cells, strict=True), shape, strict=bool(record.cells))
    if any(min(at) < 0 or max(at) >= size for at, size in axes):
        return "has cells at levels that its axes do not have"
    if len(set(record.cells)) < len(record.cells):
        return "has a cell twice"
    return ""
