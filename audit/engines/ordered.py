"""How many pairs of rows the scores put in the right order, exactly: one pass over the rows, sorted by score.

The engine sorts; what comes back is looked at a batch at a time and never kept. For every grouping the pairs of a
positive and a negative row of one group are counted, ties half. Pairs are no sum over rows, so each grouping has a
cube of its own, and none follows from another. Must not: know a metric; hold more than one batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audit.cube import Cube, from_cells
from audit.engines.counting import Plan
from audit.engines.engine import Scan
from audit.engines.keys import group_key
from audit.engines.scores import group_levels
from audit.engines.terms import Column, Number
from audit.grouping import LABEL, NEGATIVE, POSITIVE, crossings
from audit.value import Group

BATCH_ROWS = 500_000


@dataclass(slots=True)
class _Pairs:
    """Pairs of one grouping so far; arrays over its groups."""

    of: np.ndarray
    """Group of each code."""
    groups: tuple[Group, ...]
    pairs: np.ndarray = field(init=False)
    weights: np.ndarray = field(init=False)
    """Shape (2, G): of negatives and positives."""
    tied: np.ndarray = field(init=False)
    """Of those weights, what has the last score that was seen."""
    last: float = field(init=False, default=float("nan"))

    def __post_init__(self) -> None:
        self.pairs = np.zeros(len(self.groups))
        self.weights, self.tied = np.zeros((2, len(self.groups))), np.zeros((2, len(self.groups)))

    def see(self, score: np.ndarray, code: np.ndarray, positive: np.ndarray, weight: np.ndarray) -> None:
        """Take in the next rows in rising order of score."""
        group = self.of[code]
        g, y, s, w = group, positive, score, weight
        if len(self.groups) > 1:
            order = np.argsort(group, kind="stable")
            g, y, s, w = group[order], positive[order], score[order], weight[order]
        negative = np.where(y, 0.0, w)
        through = np.cumsum(negative)
        offset = np.append(0.0, through)[np.searchsorted(g, np.arange(len(self.groups)))]
        below = _midway(through, negative, g, s)[y]
        won, of, lost = w[y], g[y], self._by_group(g, negative)
        each = self._by_group(of, won)
        self.pairs += self._by_group(of, below * won) + (self.weights[0] - offset) * each
        self._join_ties(score, group, positive, weight)
        self.weights += np.stack([lost, each])

    def _by_group(self, group: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.bincount(group, weights=values, minlength=len(self.groups))

    def _join_ties(self, score: np.ndarray, group: np.ndarray, positive: np.ndarray, weight: np.ndarray) -> None:
        """A score that two batches share: its later positives have passed the earlier negatives by half only."""
        first = np.searchsorted(score, self.last, "right") if score[0] == self.last else 0
        tied = self._both(group[:first], positive[:first], weight[:first])
        self.pairs += (tied[0] * self.tied[1] - tied[1] * self.tied[0]) / 2
        if first < len(score):
            self.last = float(score[-1])
            at = np.searchsorted(score, self.last, "left")
            self.tied = self._both(group[at:], positive[at:], weight[at:])
        else:
            self.tied = self.tied + tied

    def _both(self, group: np.ndarray, positive: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.stack([self._by_group(group[k], weight[k]) for k in (~positive, positive)])


def _midway(through: np.ndarray, negative: np.ndarray, group: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Weight of the negatives up to each row, those of its own score half."""
    new = np.append(True, (score[1:] != score[:-1]) | (group[1:] != group[:-1]))
    if new.all():
        return through - negative / 2
    first = np.flatnonzero(new)
    ends = np.append(first[1:], len(score)) - 1
    return np.repeat((through[first] - negative[first] + through[ends]) / 2, ends - first + 1)


def ordered_pairs(scan: Scan, plan: Plan, labels: Mapping[Any, str]) -> tuple[Cube, ...]:
    """Ordered pairs by group and label, one cube a grouping.

    Parameters
    ----------
    scan
        Open rows.
    plan
        With a score and a label.
    labels
        Reading of each raw label.

    Returns
    -------
    tuple of Cube
        ``below`` holds, for positives, the weight of pairs in which the negative of the same group has the lower
        score, ties half; for negatives, the rest. ``w`` is the weight of the rows where they are weighted.
    """
    keys = {**{c: group_key(c, plan) for c in plan.groups}, LABEL: Column(plan.label or "")}
    weight = None if plan.weight is None else Number(plan.weight)
    found = scan.rising(keys, Number(plan.score or ""), weight, BATCH_ROWS)
    columns = list(zip(*found.cells, strict=True))
    levels = {name: group_levels(columns[i], name, plan) for i, name in enumerate(plan.groups)}
    positive = np.array([labels[raw] == POSITIVE for raw in columns[-1]], dtype=bool)
    counted = [(by, _pairs(by, levels, len(found.cells))) for by in crossings(plan.groups, plan.intersections)]
    for score, code, given in found.batches:
        weights = np.ones(len(score)) if given is None else given
        for _, pairs in counted:
            pairs.see(score, code, positive[code], weights)
    n, weighted = np.array(found.counts, dtype=float), weight is not None
    return tuple(_cube(by, pairs, positive, n, weighted=weighted) for by, pairs in counted)


def _pairs(by: Sequence[str], levels: Mapping[str, Sequence[Any]], codes: int) -> _Pairs:
    each: list[Group] = list(zip(*(levels[c] for c in by), strict=True)) if by else [()] * codes
    groups = tuple(dict.fromkeys(each))
    at = {group: i for i, group in enumerate(groups)}
    # The narrowest integers: numpy sorts those of two bytes by counting.
    return _Pairs(np.array([at[g] for g in each], dtype=np.min_scalar_type(len(groups))), groups)


def _cube(by: Sequence[str], found: _Pairs, positive: np.ndarray, n: np.ndarray, *, weighted: bool) -> Cube:
    rows = [np.bincount(found.of[k], weights=n[k], minlength=len(found.groups)) for k in (~positive, positive)]
    every = found.weights[0] * found.weights[1]
    below = np.clip(found.pairs, 0.0, every)
    measures = {"n": np.concatenate(rows).astype(np.int64), "below": np.concatenate([every - below, below])}
    measures |= {"w": found.weights.ravel()} if weighted else {}
    cells = [(*group, label) for label in (NEGATIVE, POSITIVE) for group in found.groups]
    return from_cells((*by, LABEL), cells, measures)
