"""Areas between the ROC curves of all pairs of groups, exactly, from rows in the order of their scores.

An area needs two whole curves, which no cube holds, so it is worked out while the rows are there: of as many rows and
groups as can be kept and compared. Must not: know a metric, or which group is compared with which.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from audit.axes import MOST_COMPARED, MOST_KEPT, MOST_PAIRED, OTHER
from audit.cube import Cube, Curve, area_between, curve, from_cells
from audit.estimate import Group

BOTH = 3
"""Scores that rows of both labels share."""


class Rising(NamedTuple):
    """Rows by rising score."""

    code: np.ndarray
    """Cell of each row."""
    run: np.ndarray
    """Number of its score."""
    weight: np.ndarray | None

    @classmethod
    def of(cls, stretches: Sequence[Stretch]) -> Rising:
        """Rows of stretches, no two of which share a score."""
        code = np.concatenate([s[0] for s in stretches])
        same = np.concatenate([s[1] for s in stretches])
        weight = [s.weight for s in stretches if s.weight is not None]
        return cls(code, np.cumsum(~same, dtype=np.int32), np.concatenate(weight) if weight else None)


def is_compared(rows: int, groups: int) -> bool:
    """Whether all pairs of so many groups of so many rows are compared: each row is looked at once for each other."""
    return 1 < groups <= MOST_PAIRED and rows <= MOST_KEPT and rows * (groups - 1) <= MOST_COMPARED


def measure_areas(
    rising: Rising, by: Sequence[str], groups: Sequence[Group], of: np.ndarray, negative: int
) -> Cube | None:
    """Area between the curves of each pair of groups that have a value in every column; None where there is no pair.

    Parameters
    ----------
    rising
        All rows.
    by, groups
        Columns, and their groups.
    of
        Group of each cell.
    negative
        Cells of negative rows, which come first.
    """
    curves = dict(_curves(rising, groups, of, negative))
    rows = np.bincount(of[rising.code], minlength=len(groups))
    pairs = list(combinations(curves, 2))
    if not pairs:
        return None
    cells = [(*groups[i], json.dumps(groups[j], ensure_ascii=False)) for i, j in pairs]
    measures = {
        "n": np.array([rows[i] + rows[j] for i, j in pairs], dtype=np.int64),
        "area": np.array([area_between(curves[i], curves[j]) for i, j in pairs]),
    }
    return from_cells((*by, OTHER), cells, measures)


def _curves(rising: Rising, groups: Sequence[Group], of: np.ndarray, negative: int) -> Iterator[tuple[int, Curve]]:
    """Curves of the groups that have both labels."""
    group = of[rising.code]
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=len(groups)))
    for i, rows in enumerate(np.split(order, ends[:-1])):
        positive = rising.code[rows] >= negative
        sides = positive, ~positive
        if rising.weight is not None:
            sides = positive * rising.weight[rows], ~positive * rising.weight[rows]
        if None in groups[i] or not all(side.any() for side in sides):
            continue
        first = np.flatnonzero(np.diff(rising.run[rows], prepend=-1))
        pos, neg = _turns(*(np.add.reduceat(side, first, dtype=float) for side in sides))
        yield i, curve(pos, neg, pos.sum(), neg.sum(), exact=True)


def _turns(pos: np.ndarray, neg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same curve by its turns alone: scores of one label that follow each other are one straight line."""
    kind = (pos > 0) + 2 * (neg > 0)
    first = np.flatnonzero(np.append(True, (kind[1:] != kind[:-1]) | (kind[1:] == BOTH)))
    return np.add.reduceat(pos, first), np.add.reduceat(neg, first)


# Rows by rising score, in stretches no two of which share a score, so that each can be looked at alone.
#
# Rows are parted by slices of the range, so that what is sorted fits the cache. Sorting whole numbers is faster than
# finding the order of a column, so a score and the number of its cell are packed into one. No digit of a score is
# lost: parts are made by its leading bits too, which makes room for the cell. Where rows carry weights, or cells are
# too many to pack, the order of each part is found the slow way. Must not: know a group.
class Stretch(NamedTuple):
    """Rows by rising score; of one score, those of lower cells first."""

    code: np.ndarray
    same: np.ndarray
    """Whether a row has the score of the row before."""
    weight: np.ndarray | None
