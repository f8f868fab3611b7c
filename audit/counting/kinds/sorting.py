"""Rows by rising score, in stretches no two of which share a score, so that each can be looked at alone.

Rows are parted by slices of the range, so that what is sorted fits the cache. Sorting whole numbers is faster than
finding the order of a column, so a score and the number of its cell are packed into one. No digit of a score is lost:
parts are made by its leading bits too, which makes room for the cell. Where rows carry weights, or cells are too many
to pack, the order of each part is found the slow way. Must not: know a group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from audit.counting.engine import Batch, Range

PACKED_BITS = 12
"""Most bits of a cell: with more, scores would fall into too many parts."""
STRETCH_ROWS = 1 << 16
"""Rows looked at together, as far as scores differ: what is made of them fits the cache."""
MOST_SLICES = 200
SIGN, REST = np.uint64(1 << 63), np.int64((1 << 63) - 1)


class Stretch(NamedTuple):
    """Rows by rising score; of one score, those of lower cells first."""

    code: np.ndarray
    same: np.ndarray
    """Whether a row has the score of the row before."""
    weight: np.ndarray | None


Stretches = Callable[[], Iterable[Stretch]]
"""Makes stretches when they are looked at; only then do they take room."""
Columns = list[np.ndarray]


class _Parting(NamedTuple):
    """How rows are parted, and packed where that can be done."""

    rank: np.ndarray
    packed: bool
    bits: int
    """Leading bits of a score that are the same within a part: packing pushes them out."""
    lead: int
    """Those of the lowest score."""
    low: float
    per_unit: float
    """Slices in one unit of score."""
    parts: int

    @classmethod
    def of(cls, span: Range, rank: np.ndarray, *, packed: bool) -> _Parting:
        bits = _bits(rank) if packed else 1
        lead, last = (int(x) >> (64 - bits) for x in _whole(np.array([span.low, span.high]), signed=span.low < 0))
        slices = min(span.rows // STRETCH_ROWS, MOST_SLICES)
        per_unit = slices / (span.high - span.low) if span.high > span.low else 0.0
        per_unit = per_unit if math.isfinite(per_unit) else 0.0
        return cls(rank, packed, bits, lead, span.low, per_unit, last - lead + slices + 2)

    def part(self, batch: Batch) -> list[tuple[int, Columns]]:
        """Columns of each part. Parts rise with the score, because both of what they are summed from do."""
        # The narrowest integers: numpy sorts those of two bytes by counting.
        narrow = np.min_scalar_type(self.parts)
        whole = _whole(batch.value, signed=self.low < 0)
        part = ((whole >> (64 - self.bits)) - np.uint64(self.lead)).astype(narrow)
        if self.per_unit:
            part += ((batch.value - self.low) * self.per_unit).astype(narrow)
        size = np.bincount(part)
        found = np.flatnonzero(size)
        order = np.argsort(part, kind="stable") if len(found) > 1 else slice(None)
        ends = np.cumsum(size[found])[:-1]
        split = [np.split(column[order], ends) for column in self._columns(whole, batch)]
        return [(one, list(columns)) for one, *columns in zip(found.tolist(), *split, strict=True)]

    def _columns(self, whole: np.ndarray, batch: Batch) -> Columns:
        if self.packed:
            return [(whole << self.bits) | self.rank.astype(np.uint64)[batch.code]]
        return [whole, self.rank[batch.code], *([] if batch.weight is None else [batch.weight])]


def stretches(span: Range, rank: np.ndarray, threads: Executor) -> Iterator[Stretches]:
    """Rows of a range by rising score.

    Parameters
    ----------
    span
        Range of scores.
    rank
        Number that each cell shall have.
    threads
        Who parts the rows.
    """
    for first in span.batches:
        packed = first.weight is None and _bits(rank) <= PACKED_BITS
        parting = _Parting.of(span, rank, packed=packed)
        parts: dict[int, list[Columns]] = {}
        for found in threads.map(parting.part, chain([first], span.batches)):
            for part, columns in found:
                parts.setdefault(part, []).append(columns)
        for part in sorted(parts):
            yield partial(_unpacked if packed else _in_order, parts.pop(part), rank)


def _bits(rank: np.ndarray) -> int:
    return max(int(len(rank) - 1).bit_length(), 1)


def _whole(score: np.ndarray, *, signed: bool) -> np.ndarray:
    """Whole numbers in the order of the scores; adding 0 makes one zero of the two that floating numbers have."""
    bits = (score + 0.0).view(np.int64)
    whole: np.ndarray = (bits ^ ((bits >> 63) & REST)).view(np.uint64) ^ SIGN if signed else bits.view(np.uint64)
    return whole


def _unpacked(pieces: Sequence[Columns], rank: np.ndarray) -> Iterator[Stretch]:
    bits, rows = _bits(rank), _rows(rank)
    every = np.concatenate([keys for (keys,) in pieces])
    every.sort()
    for here in _cuts(every, every[rows::rows] >> bits << bits):
        keys = every[here]
        same = np.zeros(len(keys), dtype=bool)
        np.less(keys[1:] ^ keys[:-1], 1 << bits, out=same[1:])
        yield Stretch((keys & ((1 << bits) - 1)).astype(rank.dtype), same, None)


def _in_order(pieces: Sequence[Columns], rank: np.ndarray) -> Iterator[Stretch]:
    rows = _rows(rank)
    columns = [np.concatenate(column) for column in zip(*pieces, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    score, *others = (column[order] for column in columns)
    if len(others) > 1:
        _order_alike(score, *others)
    for here in _cuts(score, score[rows::rows]):
        same = np.append(False, score[here][1:] == score[here][:-1])
        yield Stretch(others[0][here], same, others[1][here] if len(others) > 1 else None)


def _order_alike(score: np.ndarray, code: np.ndarray, weight: np.ndarray) -> None:
    """Put weights of one score and cell in rising order, so that sums do not depend on the order of the rows."""
    same = (score[1:] == score[:-1]) & (code[1:] == code[:-1])
    alike = np.append(same, False) | np.append(False, same)
    if alike.any():
        run = np.cumsum(np.append(True, ~same))[alike]
        few = weight[alike]
        weight[alike] = few[np.lexsort((few, run))]


def _rows(rank: np.ndarray) -> int:
    """Rows of a stretch: many for each cell, of which the sums are kept."""
    return max(STRETCH_ROWS, 16 * len(rank))


def _cuts(values: np.ndarray, marks: np.ndarray) -> Iterator[slice[Any, Any, Any]]:
    """Stretches of sorted values: each mark begins one."""
    at = np.unique(np.searchsorted(values, marks)).tolist()
    return (slice(a, b) for a, b in pairwise(dict.fromkeys((0, *at, len(values)))))
