"""What the order of scores says, exactly: the rows are sorted by score once.

For every grouping the pairs of a positive and a negative row of one group are counted, ties half, and so is the
precision at every positive; and for the rows of every group, which of everybody stand above them. These are no sums
over rows, so each grouping has a cube of its own, and none follows from another. Must not: know a metric; hold more
rows than one range of scores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from audit.axes import LABEL, NEGATIVE, POSITIVE, crossings
from audit.counting.engine import Falling, Scan
from audit.counting.keys import group_key
from audit.counting.kinds.curves import Rising, areas_between, is_compared
from audit.counting.kinds.scores import group_levels
from audit.counting.kinds.sorting import Stretch, Stretches, stretches
from audit.counting.plan import Plan
from audit.counting.tally import order_of
from audit.counting.terms import Banded, Column, Extent, Number
from audit.cube import Cube, from_cells
from audit.estimate import Group

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
        mine, theirs = ((*found.pairs, *found.precision, found.above) for found in (self, other))
        for total, more in zip(mine, theirs, strict=True):
            np.add(total, more, out=total)


class Ordered(NamedTuple):
    """What the order of all rows says, one cube a grouping."""

    pairs: tuple[Cube, ...]
    areas: tuple[Cube, ...]
    """Of the groupings whose groups and rows are few enough; see `audit.counting.kinds.curves`."""


def ordered_pairs(scan: Scan, plan: Plan, labels: Mapping[Any, str], extent: Extent, unit: int = 0) -> Ordered:
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
    weight = None if plan.weight is None else Banded(plan.weight, (), (unit,), 1.0) if unit else Number(plan.weight)
    found = scan.falling(keys, Number(plan.score or ""), extent, weight, HELD_ROWS)
    positive = np.array([labels[cell[-1]] == POSITIVE for cell in found.cells], dtype=bool)
    by_value = sorted(range(len(positive)), key=lambda i: (positive[i], [order_of(v) for v in found.cells[i]]))
    order = np.array(by_value, dtype=np.intp)
    columns = list(zip(*(found.cells[i] for i in order), strict=True))
    levels = {name: group_levels(columns[i], name, plan) for i, name in enumerate(plan.groups)}
    cells = _cells(plan, levels, int((~positive).sum()), len(order))
    n = np.array(found.counts)[order]
    compared = [g for g in cells.groupings if is_compared(int(n.sum()), len(g.groups))]
    kept: list[Stretch] | None = [] if compared else None
    weights, total = _over_all(found, order, cells, kept)
    pairs = (_cube(cells, i, total, n, weights, weighted=weight is not None) for i in range(len(cells.groupings)))
    return Ordered(tuple(pairs), tuple(_areas(kept, compared, cells.negative) if kept else ()))


def _areas(kept: Sequence[Stretch], compared: Sequence[_Grouping], negative: int) -> Iterator[Cube]:
    rising = Rising.of(kept)
    each = (areas_between(rising, g.by, g.groups, g.of, negative) for g in compared)
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
            rising = list(_stretches(stretches(span, rank, threads), threads))
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
        here, higher = (_by_label(grouping, v, cells.negative) for v in (weight, above))
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
        pairs -= _tied(run, group, lost, won, len(size)) / 2
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
    hits, misses = (_upwards(side, begins) - (np.cumsum(sums[::-1])[::-1] - sums)[of] + over[of]
                    for side, sums, over in zip((won, lost), rows[::-1], above[::-1], strict=True))  # fmt: skip
    shares = np.clip(hits / np.where(hits + misses > 0, hits + misses, 1.0), 0.0, 1.0)
    return np.bincount(of, weights=won[at] * shares, minlength=rows.shape[1])


def _upwards(side: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Sum from each place to the end."""
    upwards: np.ndarray = np.cumsum(side[::-1])[::-1][begins]
    return upwards


def _tied(run: np.ndarray, group: np.ndarray, lost: np.ndarray, won: np.ndarray, groups: int) -> np.ndarray:
    """Weight of the pairs that share a group and a score: of these, negatives come first."""
    new = np.append(True, (run[1:] != run[:-1]) | (group[1:] != group[:-1]))
    shared = ~(new & np.append(new[1:], True))
    if not shared.any():
        return np.zeros(groups)
    first = np.flatnonzero(new[shared])
    low, high = (np.add.reduceat(side[shared], first, dtype=float) for side in (lost, won))
    return np.bincount(group[shared][first], weights=low * high, minlength=groups)


def _by_label(grouping: _Grouping, values: np.ndarray, negative: int) -> np.ndarray:
    """Sums over the cells of each group, of negatives and of positives."""
    sides = (slice(None, negative), slice(negative, None))
    return np.stack([np.bincount(grouping.of[k], weights=values[k], minlength=len(grouping.groups)) for k in sides])


def _cube(cells: _Cells, i: int, found: _Found, n: np.ndarray, weights: np.ndarray, *, weighted: bool) -> Cube:
    grouping = cells.groupings[i]
    rows, counts = (_by_label(grouping, v, cells.negative) for v in (weights, n))
    every = rows[0] * rows[1]
    below = np.clip(found.pairs[i], 0.0, every)
    above = [_by_label(grouping, v[grouping.everybody], cells.negative).ravel() for v in found.above]
    measures = {"n": counts.ravel().astype(np.int64), "below": np.concatenate([every - below, below]),
                "precision": np.concatenate([np.zeros(len(every)), found.precision[i]]),
                "negatives_above": above[0], "positives_above": above[1]}  # fmt: skip
    measures |= {"w": rows.ravel()} if weighted else {}
    of = [(*group, label) for label in (NEGATIVE, POSITIVE) for group in grouping.groups]
    return from_cells((*grouping.by, LABEL), of, measures)
