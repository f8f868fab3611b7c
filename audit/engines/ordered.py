"""How many pairs of rows the scores put in the right order, exactly: the rows are sorted by score once.

For every grouping the pairs of a positive and a negative row of one group are counted, ties half. Pairs are no sum over
rows, so each grouping has a cube of its own, and none follows from another. Must not: know a metric; hold more rows
than one range of scores.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from audit.cube import Cube, from_cells
from audit.engines.counting import Plan
from audit.engines.engine import Rising, Scan
from audit.engines.keys import group_key
from audit.engines.scores import group_levels
from audit.engines.sorting import Stretch, Stretches, stretches
from audit.engines.tally import order_of
from audit.engines.terms import Banded, Column, Extent, Number
from audit.grouping import LABEL, NEGATIVE, POSITIVE, crossings
from audit.value import Group

HELD_ROWS = 1 << 24
"""Rows held at once; of more, scores are read a range at a time."""
WORKERS = min(os.cpu_count() or 1, 8)


class _Grouping(NamedTuple):
    by: Sequence[str]
    groups: tuple[Group, ...]
    of: np.ndarray
    """Group of each cell, the cells of negative rows first."""


class _Won(NamedTuple):
    """What some rows say of each group."""

    pairs: np.ndarray
    """Weight of pairs in the right order among them."""
    rows: np.ndarray
    """Weight of negatives and of positives, shape (2, G)."""


def ordered_pairs(scan: Scan, plan: Plan, labels: Mapping[Any, str], extent: Extent, unit: int = 0) -> tuple[Cube, ...]:
    """Ordered pairs by group and label, one cube a grouping.

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
    tuple of Cube
        ``below`` holds, for positives, the weight of pairs in which the negative of the same group has the lower
        score, ties half; for negatives, the rest. ``w`` is the weight of the rows where they are weighted.
    """
    keys = {**{c: group_key(c, plan) for c in plan.groups}, LABEL: Column(plan.label or "")}
    weight = None if plan.weight is None else Banded(plan.weight, (), (unit,), 1.0) if unit else Number(plan.weight)
    found = scan.rising(keys, Number(plan.score or ""), extent, weight, HELD_ROWS)
    positive = np.array([labels[cell[-1]] == POSITIVE for cell in found.cells], dtype=bool)
    by_value = sorted(range(len(positive)), key=lambda i: (positive[i], [order_of(v) for v in found.cells[i]]))
    order = np.array(by_value, dtype=np.intp)
    columns = list(zip(*(found.cells[i] for i in order), strict=True))
    levels = {name: group_levels(columns[i], name, plan) for i, name in enumerate(plan.groups)}
    groupings = [_grouping(by, levels, len(order)) for by in crossings(plan.groups, plan.intersections)]
    won = _over_all(found, order, int((~positive).sum()), groupings)
    n = np.array(found.counts)[order]
    return tuple(
        _cube(grouping, each, _by_label(grouping, n, int((~positive).sum())), weighted=weight is not None)
        for grouping, each in zip(groupings, won, strict=True)
    )


def _grouping(by: Sequence[str], levels: Mapping[str, Sequence[Any]], cells: int) -> _Grouping:
    each: list[Group] = list(zip(*(levels[c] for c in by), strict=True)) if by else [()] * cells
    groups = tuple(dict.fromkeys(each))
    at = {group: i for i, group in enumerate(groups)}
    # The narrowest integers: numpy sorts those of two bytes by counting.
    return _Grouping(by, groups, np.array([at[g] for g in each], dtype=np.min_scalar_type(len(groups))))


def _over_all(found: Rising, order: np.ndarray, negative: int, groupings: Sequence[_Grouping]) -> list[_Won]:
    """Pairs of all rows."""
    rank = np.empty(len(order), dtype=np.min_scalar_type(len(order)))
    rank[order] = np.arange(len(order))
    total = [_Won(np.zeros(len(g.groups)), np.zeros((2, len(g.groups)))) for g in groupings]
    look = partial(_look, groupings, negative)
    with ThreadPoolExecutor(WORKERS) as threads:
        for span in found.ranges:
            total = reduce(_then, threads.map(look, stretches(span, rank, threads)), total)
    return total


def _then(low: list[_Won], high: list[_Won]) -> list[_Won]:
    """Pairs of rows of which all scores of the second part lie above all of the first."""
    return [_Won(a.pairs + b.pairs + a.rows[0] * b.rows[1], a.rows + b.rows) for a, b in zip(low, high, strict=True)]


def _look(groupings: Sequence[_Grouping], negative: int, make: Stretches) -> list[_Won]:
    return reduce(_then, (_within_all(groupings, negative, stretch) for stretch in make()))


def _within_all(groupings: Sequence[_Grouping], negative: int, stretch: Stretch) -> list[_Won]:
    n = np.bincount(stretch.code, minlength=len(groupings[0].of))
    weight = n if stretch.weight is None else np.bincount(stretch.code, weights=stretch.weight, minlength=len(n))
    return [_within(g, stretch, n, _by_label(g, weight, negative), negative) for g in groupings]


def _within(grouping: _Grouping, stretch: Stretch, n: np.ndarray, rows: np.ndarray, negative: int) -> _Won:
    """Weight of the pairs of one group in the right order, ties half."""
    group = grouping.of[stretch.code]
    order = np.argsort(group, kind="stable") if len(grouping.groups) > 1 else slice(None)
    positive = (stretch.code >= negative)[order]
    lost, won, places = ~positive, positive, np.zeros(len(grouping.groups), dtype=int)
    if stretch.weight is not None:
        # Weights of each group near 1: what is summed over groups and taken off again would drown those of a small one.
        places = np.frexp(rows.sum(axis=0))[1]
        weight = np.ldexp(stretch.weight[order], -places[group[order]])
        lost, won, rows = lost * weight, won * weight, np.ldexp(rows, -places)
    size = np.bincount(grouping.of, weights=n, minlength=len(grouping.groups)).astype(np.intp)
    here = np.flatnonzero(size)
    first = (np.cumsum(size) - size)[here]
    pairs = np.zeros(len(size))
    pairs[here] = np.add.reduceat(np.cumsum(lost) * won, first)
    pairs -= (np.cumsum(rows[0]) - rows[0]) * rows[1]
    if stretch.same.any():
        pairs -= _tied(np.cumsum(~stretch.same)[order], group[order], lost, won, len(size)) / 2
    return _Won(np.ldexp(pairs, 2 * places), np.ldexp(rows, places))


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


def _cube(grouping: _Grouping, found: _Won, n: np.ndarray, *, weighted: bool) -> Cube:
    every = found.rows[0] * found.rows[1]
    below = np.clip(found.pairs, 0.0, every)
    measures = {"n": n.ravel().astype(np.int64), "below": np.concatenate([every - below, below])}
    measures |= {"w": found.rows.ravel()} if weighted else {}
    cells = [(*group, label) for label in (NEGATIVE, POSITIVE) for group in grouping.groups]
    return from_cells((*grouping.by, LABEL), cells, measures)
