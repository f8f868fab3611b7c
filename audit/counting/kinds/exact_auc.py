"""What the order of scores says, exactly: the rows are sorted by score once.

For every grouping the pairs of a positive and a negative row of one group are counted, ties half, and so is the
precision at every positive; and for the rows of every group, which of everybody stand above them. These are no sums
over rows, so each grouping has a cube of its own, and none follows from another. Must not: know a metric; hold more
rows than one range of scores.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise, product
from typing import Any, NamedTuple

import numpy as np

from audit.axes import LABEL, NEGATIVE, POSITIVE, CubeKind, crossings
from audit.counting.engine import Batch, Falling, Range, Scan
from audit.counting.kinds.curves import Rising, Stretch, is_compared, measure_areas
from audit.counting.kinds.kind import Cubes, Kind, OpenTable
from audit.counting.kinds.scores import name_group_levels
from audit.counting.plan import Plan
from audit.counting.tally import order_of
from audit.counting.terms import Banded, Column, Extent, Number, group_key
from audit.cube import Cube, from_cells
from audit.estimate import Group

PACKED_BITS = 12
"""Most bits of a cell: with more, scores would fall into too many parts."""
STRETCH_ROWS = 1 << 16
"""Rows looked at together, as far as scores differ: what is made of them fits the cache."""
MOST_SLICES = 200
SIGN, REST = np.uint64(1 << 63), np.int64((1 << 63) - 1)
Columns = list[np.ndarray]


HELD_ROWS = 1 << 24
"""Rows held at once; of more, scores are read a range at a time."""
WORKERS = min(os.cpu_count() or 1, 8)


class _Grouping(NamedTuple):
    by: Sequence[str]
    groups: tuple[Group, ...]
    of: np.ndarray
    """Group of each cell, the cells of negative rows first."""
    everybody: int
    """Which of the sets of cells is everybody: those of rows that have a value in each of its columns."""


class _Cells(NamedTuple):
    """What is the same for all rows."""

    negative: int
    """Cells of negative rows, which come first."""
    groupings: Sequence[_Grouping]
    everybody: np.ndarray
    """Sets of cells, shape (E, C)."""


class _Found(NamedTuple):
    """What some rows say; of them all it is the sum."""

    pairs: list[np.ndarray]
    """Of each grouping: weight of each group's pairs in the right order."""
    precision: list[np.ndarray]
    """Of each grouping: each group's sum of weights of positives times the precision at their score."""
    above: np.ndarray
    """Weight of pairs of a row of a cell and a row of everybody above it, ties half; shape (2, E, C), first of
    negatives above it, then of positives."""

    def add(self, other: _Found) -> None:
        """Take in what other rows say."""
        mine = (*self.pairs, *self.precision, self.above)
        theirs = (*other.pairs, *other.precision, other.above)
        for total, more in zip(mine, theirs, strict=True):
            np.add(total, more, out=total)


@dataclass(frozen=True, slots=True)
class ExactAuc:
    """All rows are sorted by score once, so that pairs in the right order are counted and not bounded."""

    columns: tuple[str, ...] = ()


class Ordered(NamedTuple):
    """What the order of all rows says, one cube a grouping."""

    pairs: tuple[Cube, ...]
    areas: tuple[Cube, ...]
    """Of the groupings whose groups and rows are few enough; see `audit.counting.kinds.curves`."""


def _ask(_: Mapping[str, Any]) -> ExactAuc:
    return ExactAuc()


def _count(_: ExactAuc, opened: OpenTable) -> Cubes:
    """Count what the order of scores says; nothing where no group has labels and scores."""
    plan = opened.plan
    if CubeKind.SCORES not in opened.found.further or opened.labels is None:
        return {}
    extent = opened.extents[plan.score or ""]
    ordered = count_ordered_pairs(opened.scan, plan, opened.labels, extent, opened.found.weight_unit)
    areas = {CubeKind.ORDERED_AREAS: ordered.areas} if ordered.areas else {}
    return {CubeKind.ORDERED_PAIRS: ordered.pairs, **areas}


KIND = Kind(
    kind=CubeKind.ORDERED_PAIRS,
    ask=_ask,
    count=_count,
    reason_against_parts="exact_auc needs all rows at once; remove it, or count all parts as a glob",
)


def count_ordered_pairs(scan: Scan, plan: Plan, labels: Mapping[Any, str], extent: Extent, unit: int = 0) -> Ordered:
    """Ordered pairs by group and label, and areas between the ROC curves of groups.

    Parameters
    ----------
    scan
        Open rows.
    plan
        With a score and a label.
    labels
        Reading of each raw label.
    extent
        Lowest and highest score.
    unit
        Power of two in which weights are counted.

    Returns
    -------
    Ordered
        Of its pairs, ``below`` holds, for positives, the weight of pairs in which the negative of the same group has
        the lower score, ties half; for negatives, the rest. ``precision`` holds, for positives, the sum of the
        precision of their group at each one's score, ties taken together, times its weight. ``negatives_above`` and
        ``positives_above`` hold the weight of pairs with a row of that label of any group that has the higher score,
        ties half; a row that has no value in a column of the grouping is in none. ``w`` is the weight of the rows
        where they are weighted.
    """
    keys = {**{c: group_key(c, plan) for c in plan.groups}, LABEL: Column(plan.label or "")}
    weight: Number | Banded | None = None
    if plan.weight is not None:
        weight = Banded(plan.weight, (), (unit,), 1.0) if unit else Number(plan.weight)
    found = scan.falling(keys, Number(plan.score or ""), extent, weight, HELD_ROWS)
    positive = np.array([labels[cell[-1]] == POSITIVE for cell in found.cells], dtype=bool)
    by_value = sorted(range(len(positive)), key=lambda i: (positive[i], [order_of(v) for v in found.cells[i]]))
    order = np.array(by_value, dtype=np.intp)
    columns = list(zip(*(found.cells[i] for i in order), strict=True))
    levels = {name: name_group_levels(columns[i], name, plan) for i, name in enumerate(plan.groups)}
    cells = _cells(plan, levels, int((~positive).sum()), len(order))
    n = np.array(found.counts)[order]
    compared = [g for g in cells.groupings if is_compared(int(n.sum()), len(g.groups))]
    kept: list[Stretch] | None = [] if compared else None
    weights, total = _over_all(found, order, cells, kept)
    pairs = (_cube(cells, i, total, n, weights, weighted=weight is not None) for i in range(len(cells.groupings)))
    return Ordered(tuple(pairs), tuple(_areas(kept, compared, cells.negative) if kept else ()))


def _areas(kept: Sequence[Stretch], compared: Sequence[_Grouping], negative: int) -> Iterator[Cube]:
    rising = Rising.of(kept)
    each = (measure_areas(rising, g.by, g.groups, g.of, negative) for g in compared)
    return (cube for cube in each if cube is not None)


def _cells(plan: Plan, levels: Mapping[str, Sequence[Any]], negative: int, cells: int) -> _Cells:
    everybody: dict[bytes, np.ndarray] = {}
    groupings = []
    for by in crossings(plan.groups, plan.intersections):
        each: list[Group] = list(zip(*(levels[c] for c in by), strict=True)) if by else [()] * cells
        known = np.array([None not in group for group in each], dtype=bool)
        everybody.setdefault(known.tobytes(), known)
        groups = tuple(dict.fromkeys(each))
        at = {group: i for i, group in enumerate(groups)}
        # The narrowest integers: numpy sorts those of two bytes by counting.
        of = np.array([at[g] for g in each], dtype=np.min_scalar_type(len(groups)))
        groupings.append(_Grouping(by, groups, of, list(everybody).index(known.tobytes())))
    return _Cells(negative, groupings, np.stack(list(everybody.values())))


def _over_all(
    found: Falling, order: np.ndarray, cells: _Cells, kept: list[Stretch] | None
) -> tuple[np.ndarray, _Found]:
    """Weight of the rows of each cell, and what all rows say; the rows themselves are kept where they are asked for."""
    rank = np.empty(len(order), dtype=np.min_scalar_type(len(order)))
    rank[order] = np.arange(len(order))
    each = [np.zeros(len(g.groups)) for g in cells.groupings]
    total = _Found(each, [v.copy() for v in each], np.zeros((2, *cells.everybody.shape)))
    weights = np.zeros(len(order))
    with ThreadPoolExecutor(WORKERS) as threads:
        for span in found.ranges:
            rising = list(_stretches(_cut_stretches(span, rank, threads), threads))
            here = np.array([_weights(stretch, len(order)) for stretch in rising]).reshape(-1, len(order))
            # Summed from above, where a few rows decide the precision; nothing is taken off what is large.
            upto = np.cumsum(np.concatenate([weights[None], here[::-1]]), axis=0)[::-1]
            for more in threads.map(partial(_look, cells), rising, upto[1:]):
                total.add(more)
            weights = upto[0]
            if kept is not None:
                kept[:0] = rising  # ranges fall
    return weights, total


def _stretches(make: Iterator[Stretches], threads: Executor) -> Iterator[Stretch]:
    return chain.from_iterable(threads.map(lambda one: list(one()), make))


def _weights(stretch: Stretch, cells: int) -> np.ndarray:
    found: np.ndarray = np.bincount(stretch.code, weights=stretch.weight, minlength=cells).astype(float)
    return found


def _look(cells: _Cells, stretch: Stretch, above: np.ndarray) -> _Found:
    """What the rows of a stretch say, ``above`` being the weight of each cell's rows above them."""
    n = np.bincount(stretch.code, minlength=len(above))
    weight = n if stretch.weight is None else _weights(stretch, len(above))
    each = []
    for grouping in cells.groupings:
        here = _by_label(grouping, weight, cells.negative)
        higher = _by_label(grouping, above, cells.negative)
        each.append(_within(grouping, stretch, n, here, higher, cells.negative))
    everybody = np.stack([_everybody(who, stretch, above, cells.negative) for who in cells.everybody], axis=1)
    return _Found([pairs for pairs, _ in each], [precision for _, precision in each], everybody)


def _everybody(who: np.ndarray, stretch: Stretch, above: np.ndarray, negative: int) -> np.ndarray:
    """Weight of pairs of a row of each cell and a negative, or positive, of everybody above it, ties half."""
    weight = np.ones(len(stretch.code)) if stretch.weight is None else stretch.weight
    weight = weight if who.all() else weight * who[stretch.code]
    ties = bool(stretch.same.any())
    first, run = np.flatnonzero(~stretch.same), np.cumsum(~stretch.same) - 1 if ties else slice(None)
    positive = stretch.code >= negative
    found = np.zeros((2, len(who)))
    for label, side in enumerate((slice(None, negative), slice(negative, None))):
        of = weight * (positive == bool(label))
        tied = np.add.reduceat(of, first) if ties else of
        higher = np.cumsum(tied[::-1])[::-1] - tied / 2 + above[side][who[side]].sum()
        found[label] = np.bincount(stretch.code, weights=weight * higher[run], minlength=len(who))
    return found


def _within(
    grouping: _Grouping, stretch: Stretch, n: np.ndarray, rows: np.ndarray, above: np.ndarray, negative: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of each group's pairs in the right order, ties half, and its sum of precisions.

    ``rows`` are the weights of its rows in the stretch, and ``above`` of those above it, of either label.
    """
    group = grouping.of[stretch.code]
    order = np.argsort(group, kind="stable") if len(grouping.groups) > 1 else slice(None)
    group, positive = group[order], (stretch.code >= negative)[order]
    lost, won, places = ~positive, positive, np.zeros(len(grouping.groups), dtype=int)
    if stretch.weight is not None:
        # Weights of each group near 1: what is summed over groups and taken off again would drown those of a small one.
        places = np.frexp(rows.sum(axis=0))[1]
        weight = np.ldexp(stretch.weight[order], -places[group])
        lost, won, rows, above = lost * weight, won * weight, np.ldexp(rows, -places), np.ldexp(above, -places)
    size = np.bincount(grouping.of, weights=n, minlength=len(grouping.groups)).astype(np.intp)
    here = np.flatnonzero(size)
    first = (np.cumsum(size) - size)[here]
    pairs = np.zeros(len(size))
    pairs[here] = np.add.reduceat(np.cumsum(lost) * won, first)
    pairs -= (np.cumsum(rows[0]) - rows[0]) * rows[1]
    run = np.cumsum(~stretch.same)[order] if stretch.same.any() else None
    if run is not None:
        pairs -= _find_ties(run, group, lost, won, len(size)) / 2
    precision = _precision(run, group, lost, won, rows, above)
    return np.ldexp(pairs + rows[0] * above[1], 2 * places), np.ldexp(precision, places)


def _precision(
    run: np.ndarray | None, group: np.ndarray, lost: np.ndarray, won: np.ndarray, rows: np.ndarray, above: np.ndarray
) -> np.ndarray:
    """Sum over the positives of each group of weight times precision among its rows of that score and above."""
    at = begins = np.flatnonzero(won)
    if run is not None:
        new = np.append(True, (run[1:] != run[:-1]) | (group[1:] != group[:-1]))
        begins = np.flatnonzero(new)[np.cumsum(new)[at] - 1]
    of = group[at]
    hits = _sum_above(won, rows[1], above[1], begins, of)
    misses = _sum_above(lost, rows[0], above[0], begins, of)
    shares = np.clip(hits / np.where(hits + misses > 0, hits + misses, 1.0), 0.0, 1.0)
    return np.bincount(of, weights=won[at] * shares, minlength=rows.shape[1])


def _sum_above(side: np.ndarray, rows: np.ndarray, over: np.ndarray, begins: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Sum the rows of one label that have the score of each place or more, in its group."""
    later = np.cumsum(rows[::-1])[::-1] - rows
    above: np.ndarray = _upwards(side, begins) - later[of] + over[of]
    return above


def _upwards(side: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Sum from each place to the end."""
    upwards: np.ndarray = np.cumsum(side[::-1])[::-1][begins]
    return upwards


def _find_ties(run: np.ndarray, group: np.ndarray, lost: np.ndarray, won: np.ndarray, groups: int) -> np.ndarray:
    """Weight of the pairs that share a group and a score: of these, negatives come first."""
    new = np.append(True, (run[1:] != run[:-1]) | (group[1:] != group[:-1]))
    shared = ~(new & np.append(new[1:], True))
    if not shared.any():
        return np.zeros(groups)
    first = np.flatnonzero(new[shared])
    low = np.add.reduceat(lost[shared], first, dtype=float)
    high = np.add.reduceat(won[shared], first, dtype=float)
    return np.bincount(group[shared][first], weights=low * high, minlength=groups)


def _by_label(grouping: _Grouping, values: np.ndarray, negative: int) -> np.ndarray:
    """Sums over the cells of each group, of negatives and of positives."""
    sides = (slice(None, negative), slice(negative, None))
    return np.stack([np.bincount(grouping.of[k], weights=values[k], minlength=len(grouping.groups)) for k in sides])


def _cube(cells: _Cells, i: int, found: _Found, n: np.ndarray, weights: np.ndarray, *, weighted: bool) -> Cube:
    grouping = cells.groupings[i]
    rows = _by_label(grouping, weights, cells.negative)
    counts = _by_label(grouping, n, cells.negative)
    every = rows[0] * rows[1]
    below = np.clip(found.pairs[i], 0.0, every)
    above = [_by_label(grouping, v[grouping.everybody], cells.negative).ravel() for v in found.above]
    measures = {
        "n": counts.ravel().astype(np.int64),
        "below": np.concatenate([every - below, below]),
        "precision": np.concatenate([np.zeros(len(every)), found.precision[i]]),
        "negatives_above": above[0],
        "positives_above": above[1],
    }
    measures |= {"w": rows.ravel()} if weighted else {}
    of = [(*group, label) for label, group in product((NEGATIVE, POSITIVE), grouping.groups)]
    return from_cells((*grouping.by, LABEL), of, measures)


Stretches = Callable[[], Iterable[Stretch]]
"""Makes stretches when they are looked at; only then do they take room."""


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
        ends = _to_whole(np.array([span.low, span.high]), signed=span.low < 0)
        lead, last = int(ends[0]) >> (64 - bits), int(ends[1]) >> (64 - bits)
        slices = min(span.rows // STRETCH_ROWS, MOST_SLICES)
        per_unit = slices / (span.high - span.low) if span.high > span.low else 0.0
        per_unit = per_unit if math.isfinite(per_unit) else 0.0
        return cls(rank, packed, bits, lead, span.low, per_unit, last - lead + slices + 2)

    def part(self, batch: Batch) -> list[tuple[int, Columns]]:
        """Columns of each part. Parts rise with the score, because both of what they are summed from do."""
        # The narrowest integers: numpy sorts those of two bytes by counting.
        narrow = np.min_scalar_type(self.parts)
        whole = _to_whole(batch.value, signed=self.low < 0)
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


def _cut_stretches(span: Range, rank: np.ndarray, threads: Executor) -> Iterator[Stretches]:
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
            yield partial(_unpack if packed else _in_order, parts.pop(part), rank)


def _bits(rank: np.ndarray) -> int:
    return max(int(len(rank) - 1).bit_length(), 1)


def _to_whole(score: np.ndarray, *, signed: bool) -> np.ndarray:
    """Whole numbers in the order of the scores; adding 0 makes one zero of the two that floating numbers have."""
    bits = (score + 0.0).view(np.int64)
    whole: np.ndarray = (bits ^ ((bits >> 63) & REST)).view(np.uint64) ^ SIGN if signed else bits.view(np.uint64)
    return whole


def _unpack(pieces: Sequence[Columns], rank: np.ndarray) -> Iterator[Stretch]:
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
    score, code = columns[0][order], columns[1][order]
    weight = columns[2][order] if len(columns) > 2 else None
    if weight is not None:
        _order_alike(score, code, weight)
    for here in _cuts(score, score[rows::rows]):
        same = np.append(False, score[here][1:] == score[here][:-1])
        yield Stretch(code[here], same, None if weight is None else weight[here])


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
