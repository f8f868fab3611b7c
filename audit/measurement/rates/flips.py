"""Rows whose decision changed, as numbers of every group: shares of rows, and one share less another that excludes it.

Where fewer than six decisions changed, no interval leaves 0 out: the exact test of discordant pairs cannot find a
direction by them either. Must not: know a metric's name, or a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np

from audit.cube import of_others
from audit.estimate import FEWEST_CHANGED
from audit.measurement.inference.effective import Sample, folded, plain, weighted
from audit.measurement.inference.intervals import Floats, Limits, least_difference, ratio
from audit.measurement.inference.paired import predictive
from audit.measurement.inference.paired.folds import Flips as Changed
from audit.measurement.inference.paired.net import bound_change_of_gap, bound_net, bound_net_by_units, test_net
from audit.measurement.inference.paired.predictive import Cells
from audit.measurement.inference.pairs import (
    Extreme,
    Gap,
    correlations,
    find_ends,
    gap,
    guarded,
    setters,
    widest,
)
from audit.measurement.metrics.pairs import PairMetric, PickedMetric

OTHER_DECISION = np.array([[False, True], [True, False]])
"""Mask of rows whose two decisions differ."""
Counts = Mapping[str, np.ndarray]
"""Rows and weights of shape (G, 2, 2, 2, F): group, label, new and earlier decision, fold."""


def with_others(counts: Counts) -> Counts:
    """Return the groups, then everybody else of each in the same order, then everybody."""
    stacked = {}
    for name, each in counts.items():
        stacked[name] = np.concatenate([each, of_others(each), each.sum(axis=0, keepdims=True)])
    return stacked


@dataclass(frozen=True, eq=False)
class Flips:
    """Rows and weights behind one metric of G groups; arrays of shape (G, F)."""

    more: Floats
    """Weights of the rows that count."""
    less: Floats | None
    """Weights of the rows that count against them; None where it is a plain share."""
    total: Floats
    squares: tuple[Floats, Floats, Floats]
    """Squared weights of the same three."""
    rows: Floats
    """Rows that it is a share of, shape (G,)."""
    changed: Floats
    """Of these, rows whose decision changed, shape (G,)."""
    folds: bool
    weights: bool

    @cached_property
    def sample(self) -> Sample:
        """Share of the rows that count either way."""
        hits, squares = self.more, self.squares[0]
        if self.less is not None:
            hits, squares = hits + self.less, squares + self.squares[1]
        if self.folds:
            return folded(hits.T, self.total.T, self.squares[2].sum(axis=1))
        if not self.weights:
            return plain(hits[:, 0], self.total[:, 0])
        return weighted(hits[:, 0], self.total[:, 0], squares[:, 0], self.squares[2][:, 0])

    @cached_property
    def value(self) -> Floats:
        """Value of each group; NaN where it is a share of nothing."""
        if self.less is None:
            return self.sample.p
        whole = self.total.sum(axis=1)
        apart = self.more.sum(axis=1) - self.less.sum(axis=1)
        value: Floats = np.divide(apart, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
        return value

    @property
    def few(self) -> np.ndarray:
        """Groups in which so few decisions changed that no direction is claimed."""
        few: np.ndarray = self.changed < FEWEST_CHANGED
        return few

    @property
    def top(self) -> float:
        """Largest difference that there can be between two groups."""
        return 1.0 if self.less is None else 2.0

    @cached_property
    def p_values(self) -> Floats:
        """How surprising each net change is, two-sided: as its interval says, and never below .05 where few changed."""
        return self.raise_few(test_net(_pair(self), folds=self.folds))

    def raise_few(self, p_values: Floats) -> Floats:
        """Return p-values, where few decisions changed none under that of the exact test of as many, all one way."""
        least = np.minimum(1.0, 2 * 0.5**self.changed)
        return np.where(self.few, np.maximum(p_values, least), p_values)

    def find_limits(self, tail: float) -> Limits:
        """Return limits of each group; the whole range where it is not measured, and 0 inside where few changed."""
        low, high = self._bound_each(tail)
        return Limits(np.where(self.few, np.minimum(low, 0.0), low), np.where(self.few, np.maximum(high, 0.0), high))

    def _bound_each(self, tail: float) -> Limits:
        return guarded(self.sample, tail) if self.less is None else _bound_contrasts(self, tail)

    def _bound_least(self, tail: float, i: np.ndarray, j: np.ndarray) -> Floats:
        """Return lower limits of groups i less groups j, as far as the counts tell."""
        if self.less is not None:
            return bound_change_of_gap(_pair(self), i, j, tail, folds=self.folds).low
        own, r = self.find_limits(tail), self.find_correlations(tail)[i, j]
        first, second = Limits(own.low[i], own.high[i]), Limits(own.low[j], own.high[j])
        return least_difference(self.value[i], first, self.value[j], second, r)

    def find_correlations(self, tail: float) -> Floats:
        """Return the correlation of every two groups, shape (G, G), as far as limits may rest on it."""
        return correlations(self.sample, tail) if self.folds else np.zeros((len(self.value), len(self.value)))

    def bound_below(self, tail: float, i: np.ndarray, j: np.ndarray) -> Floats:
        """Return lower limits of groups i less groups j, none above 0 where few changed in both together."""
        made = self._bound_least(tail, i, j)
        unknown = np.isnan(self.value[i]) | np.isnan(self.value[j])
        made = np.where(unknown, -self.top, np.maximum(made, -self.top))
        return np.where(self.changed[i] + self.changed[j] < FEWEST_CHANGED, np.minimum(made, 0.0), made)

    def bound_between(self, tail: float, i: np.ndarray, j: np.ndarray) -> Limits:
        """Return limits of groups i less groups j."""
        return Limits(self.bound_below(tail, i, j), -self.bound_below(tail, j, i))

    def find_gap(self, tail: float) -> Gap:
        """Return the largest difference over all pairs of groups; the failing side has looked at all of them."""
        every = np.arange(len(self.value))
        pairs = every[:, None], every[None, :]
        # The upper limit of every pair is the lower one of the pair turned round.
        most = -self.bound_below(tail, *pairs).T
        least = self.bound_below(tail / (len(every) * (len(every) - 1) / 2), *pairs)
        return widest(self.value, find_ends(self.value), least, most, top=self.top)

    def find_ratio_gap(self, tail: float) -> Gap:
        """Return the smallest ratio over all pairs of groups, never below 1 by few changed decisions alone."""
        found = gap(self.sample, "ratio", tail)
        few = self.changed[list(found.high_pair)].sum() < FEWEST_CHANGED
        if few:
            return found._replace(high=1.0)
        return found

    def bound_ratios(self, tail: float, at: int) -> Limits:
        """Return limits of each group's ratio to one of them."""
        own, r = guarded(self.sample, tail), self.find_correlations(tail)[:, at]
        low, high = ratio(self.value, own, self.value[at], Limits(own.low[at], own.high[at]), r)
        few = self.changed + self.changed[at] < FEWEST_CHANGED
        return Limits(np.where(few, np.minimum(low, 1.0), low), np.where(few, np.maximum(high, 1.0), high))

    def find_highest(self, tail: float) -> Extreme:
        """Return the highest value, with limits that hold for every group at once."""
        inner, outer = self.find_limits(tail), self.find_limits(tail / len(self.value))
        at = find_ends(self.value)[1]
        value = None if np.isnan(self.value).any() else float(self.value[at])
        ((low, high),) = setters(inner, outer, "highest")
        return Extreme(value, float(outer.low.max()), float(inner.high.max()), at, False, low, high)


@dataclass(frozen=True, eq=False, kw_only=True)
class PickedFlips(Flips):
    """Rows behind the change of a share whose rows the decision itself picks: precision, and the like."""

    cells: Cells
    """Arrays (6, G, F)."""
    picked: Floats
    """Rows that the new decision picks, shape (G,)."""

    @cached_property
    def change(self) -> predictive.Change:
        """What its limits are made of."""
        return predictive.weigh_change(self.cells)

    @cached_property
    def value(self) -> Floats:
        """Share of the new decision less that of the earlier one; NaN where one of both picks no row."""
        return self.change.value

    def bound_to_whole(self, tail: float) -> Limits:
        """Return limits of each group less everybody; groups, all others of each and everybody stand in this order."""
        at = np.arange(len(self.value) // 2)
        made = self.change.bound_to_whole(at, tail)
        few = self.changed[at] + self.changed[-1] < FEWEST_CHANGED
        low, high = np.where(few, np.minimum(made.low, 0), made.low), np.where(few, np.maximum(made.high, 0), made.high)
        return Limits(low, high)

    @cached_property
    def p_values(self) -> Floats:
        """How surprising each change is."""
        return self.raise_few(self.change.find_p_values())

    @staticmethod
    def test_together(each: Mapping[bool, PickedFlips]) -> dict[bool, Floats]:
        """Return the p-values of shares of the rows that either decision picks, by decision, all worked out at once.

        A share and what is left of it change alike, so that one of both stands for the other.
        """
        cells = [flips.cells for flips in each.values()]
        squares = [c.squares for c in cells if c.squares is not None]
        joined = Cells(
            np.concatenate([c.rows for c in cells], axis=1),
            np.concatenate(squares, axis=1) if squares else None,
            cells[0].folds,
        )
        parts = np.split(predictive.weigh_change(joined).find_p_values(), len(cells))
        return {picks: flips.raise_few(part) for (picks, flips), part in zip(each.items(), parts, strict=True)}

    def _bound_each(self, tail: float) -> Limits:
        made = self.change.bound(tail)
        return Limits(made.low, made.high)

    def _bound_least(self, tail: float, i: np.ndarray, j: np.ndarray) -> Floats:
        return self.change.bound_gap(i, j, tail).low


@lru_cache(maxsize=8)
def _bound_contrasts(flips: Flips, tail: float) -> Limits:
    """Return limits of one share less another, each from the same rows."""
    bound = bound_net_by_units if flips.folds else bound_net
    made = bound(_pair(flips), tail)
    return Limits(made.low, made.high)


def _pair(flips: Flips) -> Changed:
    """Return the rows that changed either way."""
    less = np.zeros_like(flips.more) if flips.less is None else flips.less
    return Changed(flips.more, less, flips.total, np.stack(flips.squares) if flips.weights else None)


def count_flips(metric: PairMetric, counts: Counts, *, folds: bool) -> Flips:
    """Return the rows and weights behind one metric."""
    more, less, given = metric.masks
    weights = "w" in counts
    w, w2 = ("w", "w2") if weights else ("n", "n")

    def pick(measure: str, mask: np.ndarray) -> Floats:
        found: Floats = np.tensordot(counts[measure].astype(float), mask, axes=([1, 2, 3], [0, 1, 2]))
        return found

    none = np.zeros_like(given) if less is None else less
    made = Flips(
        more=pick(w, more),
        less=None if less is None else pick(w, less),
        total=pick(w, given),
        squares=(pick(w2, more), pick(w2, none), pick(w2, given)),
        rows=pick("n", given).sum(axis=1),
        changed=pick("n", given & OTHER_DECISION).sum(axis=1),
        folds=folds,
        weights=weights,
    )
    if not isinstance(metric, PickedMetric):
        return made
    squares = np.stack([pick("w2", mask) for mask in metric.cells]) if weights else None
    cells = Cells(np.stack([pick(w, mask) for mask in metric.cells]), squares, folds)
    picked = cells.rows[: predictive.WENT_HIT].sum(axis=(0, 2))
    return PickedFlips(**{each.name: getattr(made, each.name) for each in fields(made)}, cells=cells, picked=picked)
