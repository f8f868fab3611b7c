"""Decisions that scores would give at other thresholds, from their bins: rows selected, rates, accuracy, costs.

A threshold is told exactly only at the lower edge of a bin: what a bin holds is selected whole or not at all.

Must not: judge, or say anything of decisions that were not made by these scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audit.axes import FOLD, LABEL, NEGATIVE, POSITIVE, PREDICTION, SCORE
from audit.cube import Axis, Cube
from audit.estimate import Group
from audit.measurement.scores.bins import bins_of, edges_of

LABELS = {"selection_rate": [0, 1], "true_positive_rate": [1], "false_positive_rate": [0]}
"""Labels of the rows that each rate is a share of."""
RATES = tuple(LABELS)
"""Rates that a threshold moves, by which groups can be made alike."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What every threshold would select. T thresholds rise; at the last one, above all scores, nobody is selected."""

    groups: tuple[Group, ...]
    at: np.ndarray
    """Least score that is selected, shape (T,); the last is infinite."""
    selected: np.ndarray
    """Rows, or their weights, that would be selected, by label; shape (G, 2, T)."""
    rows: np.ndarray
    """Rows, or their weights, by label; shape (G, 2)."""

    def measure(self, rate: str) -> np.ndarray:
        """Return a rate of each group at each threshold, shape (G, T); NaN where it has no denominator."""
        labels = LABELS[rate]
        of = self.rows[:, labels].sum(axis=1)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            found: np.ndarray = self.selected[:, labels].sum(axis=1) / np.where(of > 0, of, np.nan)
        return found

    def measure_gap(self, rate: str) -> np.ndarray:
        """Return how far the groups lie apart at each threshold, shape (T,); NaN where fewer than two have a rate."""
        rates = self.measure(rate)
        known = rates[~np.isnan(rates).any(axis=1)]
        if len(known) < 2:
            return np.full(len(self.at), np.nan)
        gap: np.ndarray = known.max(axis=0) - known.min(axis=0)
        return gap

    def measure_accuracy(self) -> np.ndarray:
        """Return the share of right decisions over all groups at each threshold, shape (T,)."""
        right = self.selected[:, 1] + self.rows[:, 0, None] - self.selected[:, 0]
        share: np.ndarray = right.sum(axis=0) / self.rows.sum()
        return share

    def measure_cost(self, false_positive: float, false_negative: float) -> np.ndarray:
        """Return what wrong decisions cost in each group at each threshold, shape (G, T)."""
        missed = self.rows[:, 1, None] - self.selected[:, 1]
        cost: np.ndarray = false_positive * self.selected[:, 0] + false_negative * missed
        return cost

    def find_nearest(self, threshold: float) -> int:
        """Return the place of the first threshold that is no less than a number."""
        return int(np.searchsorted(self.at, threshold, side="left").clip(0, len(self.at) - 1))

    def choose_like_all(self, rate: str, picked: int) -> list[int]:
        """Return for each group the place of the threshold that brings its rate nearest to that of all groups.

        Of several that are as near, the highest threshold, which selects fewest. Of a group without the rate, the
        picked one.

        Parameters
        ----------
        picked
            Place of the threshold at which the rate of all groups is taken.
        """
        labels = LABELS[rate]
        every = self.rows[:, labels].sum()
        if not every > 0:
            return [picked] * len(self.groups)
        off = np.abs(self.measure(rate) - self.selected[:, labels, picked].sum() / every)
        last = off.shape[1] - 1
        return [picked if np.isnan(one).any() else last - int(one[::-1].argmin()) for one in off]

    def choose_cheapest(self, false_positive: float, false_negative: float) -> tuple[int, list[int]]:
        """Return the place of the threshold that costs least over all groups, and of each group by itself.

        Of several that cost the same, the lowest threshold.
        """
        cost = self.measure_cost(false_positive, false_negative)
        return int(cost.sum(axis=0).argmin()), [int(one.argmin()) for one in cost]


def find_thresholds(scores: Cube, by: tuple[str, ...], groups: Sequence[Group]) -> Thresholds:
    """Return what every threshold would select of the named groups.

    Parameters
    ----------
    scores
        Rows by groups, label and bin of the score.
    """
    bins = bins_of([scores], by, groups)
    total = bins.total
    nobody = np.zeros((*total.shape[:2], 1))
    above = np.concatenate([np.cumsum(total[:, :, ::-1], axis=-1)[:, :, ::-1], nobody], axis=-1)
    return Thresholds(tuple(groups), np.append(bins.low, np.inf), above, total.sum(axis=-1))


def decide_again(scores: Cube, by: tuple[str, ...], cuts: Mapping[Group, float], otherwise: float) -> Cube:
    """Return groups x label x prediction (x fold) as they would be if a score of at least the cut were selected.

    Parameters
    ----------
    scores
        Rows by groups, label and bin of the score (x fold).
    cuts
        Least score that is selected of a group.
    otherwise
        The same of every other group.
    """
    folded = FOLD in scores.names
    kept = scores.keep(*by, LABEL, SCORE, *((FOLD,) if folded else ()))
    starts = np.array([edges_of(level)[0] for level in kept.axis(SCORE).levels])
    axes = [kept.axis(name) for name in by]
    shape = tuple(len(axis.levels) for axis in axes)
    cut = np.full(shape, otherwise)
    for group, value in cuts.items():
        places = tuple(axis.levels.index(level) for axis, level in zip(axes, group, strict=True))
        cut[places] = value
    mask = (starts >= cut[..., None])[..., None, :, None] if folded else (starts >= cut[..., None])[..., None, :]
    at = len(by) + 1
    measures: dict[str, np.ndarray] = {}
    for name in ("n", "w", "w2"):
        if name in kept.measures:
            yes, every = (kept[name] * mask).sum(axis=at), kept[name].sum(axis=at)
            measures[name] = np.stack([every - yes, yes], axis=at)
    rest = [kept.axis(FOLD)] if folded else []
    return Cube([*axes, kept.axis(LABEL), Axis(PREDICTION, (NEGATIVE, POSITIVE)), *rest], measures)
