"""Groups as arrays: from a cube to one row a group, ready for every rate.

Must not: know a metric's name or a limit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from audit.axes import FOLD, LABEL, NEGATIVE, POSITIVE, PREDICTION, CubeKind, reference_at
from audit.cube import Axis, Cube, all_groups, of_others, unit_of
from audit.errors import QuestionError, no_such
from audit.estimate import Group
from audit.measurement.inference.confusion import smooth
from audit.measurement.inference.effective import Sample, apart, folded, plain, weighted
from audit.measurement.metrics.kinds import ClassStatistic, Rate, Statistic

Kinds = Mapping[CubeKind, Sequence[Cube]]
"""Cubes by kind: what was counted of one table, or what a document holds of it."""
NO_ROWS, NO_WEIGHT = "0/0: no rows in this group", "0/0: all weights are 0"


@dataclass(frozen=True)
class Grouping:
    """All groups of one crossing, absent ones included, with their counts.

    ``counts`` holds arrays of shape (G, 2, 2, F): group, label, prediction, fold; F is 1 where rows are independent.
    """

    by: tuple[str, ...]
    groups: tuple[Group, ...]
    counts: Mapping[str, np.ndarray]
    reference: int
    missing_rows: float
    """Rows that are in no group of this crossing because a value is missing."""
    folded: bool = False
    """Whether rows were counted into folds of their unit; even all in one fold, they are not independent."""
    unit: int = field(default=0, kw_only=True)
    """Power of two in which weights are counted."""

    @cached_property
    def weightless(self) -> np.ndarray:
        """Groups that have rows, all of weight 0."""
        if "w" not in self.counts:
            return np.zeros(len(self.groups), dtype=bool)
        found: np.ndarray = (self.rows > 0) & (self.counts["w"].sum(axis=(1, 2, 3)) <= 0)
        return found

    def nobody(self, i: int) -> str | None:
        """Why nothing can be said of a group, where it has no rows or no weight; None where it has both."""
        if not self.rows[i]:
            return NO_ROWS
        return NO_WEIGHT if self.weightless[i] else None

    def unscale(self, totals: Any) -> Any:
        """Sums of weights as they are, whatever they are counted in."""
        return np.ldexp(totals, self.unit) if self.unit else totals

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of each group, shape (G,)."""
        rows: np.ndarray = self.counts["n"].sum(axis=(1, 2, 3))
        return rows

    def sample(self, metric: Rate | Statistic | ClassStatistic) -> Sample:
        """Values of all groups for one metric, on the scale from 0 to 1, with the rows that they are worth."""
        if isinstance(metric, Rate):
            return self._sample(metric.hits, metric.given.mask())
        if isinstance(metric, ClassStatistic):
            raise QuestionError(f"'{metric.name}' is for several classes, but these counts are of two")
        w, w2 = self.measures
        cells, squares = self._four(w), self._four(w2)
        return smooth(
            metric.of,
            metric.support,
            cells,
            squares,
            folds=self.folded,
            span=metric.range,
            capped=metric.capped,
        )

    def samples(self, metrics: Sequence[Rate | Statistic | ClassStatistic]) -> list[Sample]:
        """Samples of several metrics; the rates among them are counted at once."""
        rates = [m for m in metrics if isinstance(m, Rate)]
        if self.folded or len(rates) < 2:
            return [self.sample(m) for m in metrics]
        made = iter(apart(self.together(rates)))
        return [next(made) if isinstance(m, Rate) else self.sample(m) for m in metrics]

    def together(self, rates: Sequence[Rate]) -> Sample:
        """Several rates of independent rows as one sample, shape (M, G)."""
        masks = np.stack([[m.hits.ravel(), m.given.mask().ravel()] for m in rates]).astype(float)
        if "w" not in self.counts:
            return plain(*self._masked(masks, "n"))
        hits, total = self._masked(masks, "w")
        hits_w2, total_w2 = self._masked(masks, "w2")
        return weighted(hits, total, hits_w2, total_w2)

    def _masked(self, masks: np.ndarray, measure: str) -> np.ndarray:
        """Sums over masked cells: hits and denominators of every rate and group, shape (2, M, G)."""
        sums: np.ndarray = masks.swapaxes(0, 1) @ self._four(measure)[..., 0].T
        return sums

    @property
    def measures(self) -> tuple[str, str]:
        """Names of the weights and of their squares; of the rows where they carry no weight."""
        return ("w", "w2") if "w" in self.counts else ("n", "n")

    def _four(self, measure: str) -> np.ndarray:
        """TN, FP, FN, TP of each group and fold, shape (G, 4, F)."""
        counts = self.counts[measure]
        return counts.reshape(len(self.groups), 4, counts.shape[-1]).astype(float)

    def shares(self, given: np.ndarray | None = None) -> Sample:
        """Each group's share of all rows with a group, or of those in a (2, 2) mask of label and prediction."""
        rows = self._sum_by_fold("n", given)
        total = np.broadcast_to(rows.sum(axis=0), rows.shape)
        if not self.folded and "w" not in self.counts:
            return plain(rows[:, 0], total[:, 0])
        measure, squared = self.measures
        w, w2 = self._sum_by_fold(measure, given), self._sum_by_fold(squared, given)
        return self._make_sample(
            w, np.broadcast_to(w.sum(axis=0), w.shape), w2, np.broadcast_to(w2.sum(axis=0), w2.shape)
        )

    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and squared weights of each group by fold, shape (G, F); rows where they carry no weight."""
        w, w2 = self.measures
        return self._sum_by_fold(w), self._sum_by_fold(w2)

    def setters(self, low: int, high: int) -> dict[str, tuple[Group, Group]]:
        """Groups, by position, that set the limits of a comparison of each with all, as an estimate records them."""
        return {"low_pair": (self.groups[low],) * 2, "high_pair": (self.groups[high],) * 2}

    def rows_given(self, metric: Rate | Statistic | ClassStatistic) -> np.ndarray:
        """Rows that a rate is a share of, shape (G,); of anything else those of the group."""
        if not isinstance(metric, Rate):
            return self.rows
        given: np.ndarray = np.tensordot(self.counts["n"], metric.given.mask(), axes=([1, 2], [0, 1])).sum(axis=1)
        return given

    def share_against(self, other: int) -> Sample:
        """Reference group's share among the rows of the reference and one other group, as one sample."""
        pick = [self.reference, other]
        w, w2 = (
            self._sum_by_fold("w" if "w" in self.counts else "n")[pick],
            self._sum_by_fold("w2" if "w2" in self.counts else "n")[pick],
        )
        if not self.folded and "w" not in self.counts:
            return plain(w[:1, 0], w.sum(axis=0)[:1])
        return self._make_sample(w[:1], w.sum(axis=0)[None], w2[:1], w2.sum(axis=0)[None])

    def with_others(self) -> Grouping:
        """The groups, then everybody else of each in the same order, then everybody."""
        stacked = {}
        for key, each in self.counts.items():
            whole = each.sum(axis=0, keepdims=True)
            stacked[key] = np.concatenate([each, of_others(each), whole])
        return replace(self, groups=(*self.groups, *self.groups, ()), counts=stacked)

    def _sum_by_fold(self, measure: str, given: np.ndarray | None = None) -> np.ndarray:
        counts = self.counts[measure].astype(float)
        each: np.ndarray = (counts if given is None else counts * given[..., None]).sum(axis=(1, 2))
        return each

    def _sample(self, hits: np.ndarray, given: np.ndarray) -> Sample:
        def pick(measure: str, mask: np.ndarray) -> np.ndarray:
            total: np.ndarray = np.tensordot(self.counts[measure].astype(float), mask, axes=([1, 2], [0, 1]))
            return total

        if not self.folded and "w" not in self.counts:
            return plain(pick("n", hits)[:, 0], pick("n", given)[:, 0])
        w, w2 = self.measures
        return self._make_sample(pick(w, hits), pick(w, given), pick(w2, hits), pick(w2, given))

    def _make_sample(self, hits: np.ndarray, total: np.ndarray, hits_w2: np.ndarray, total_w2: np.ndarray) -> Sample:
        """Sample from arrays of shape (G, F)."""
        if self.folded:
            return folded(hits.T, total.T, total_w2.sum(axis=1))
        return weighted(hits[:, 0], total[:, 0], hits_w2[:, 0], total_w2[:, 0])


def grouping(
    cubes: Sequence[Cube],
    by: tuple[str, ...],
    reference: Mapping[str, str],
    without: Collection[Group] = (),
) -> Grouping:
    """Groups of one crossing but those ``without``, from the smallest cube that holds it."""
    holding = [c for c in cubes if set(by) <= set(c.names)]
    if not holding:
        raise QuestionError(no_such("grouping", "*".join(by), {"*".join(c.names) for c in cubes}))
    cube = _binary(min(holding, key=lambda c: c["n"].size))
    kept = cube.keep(*by, LABEL, PREDICTION, *([FOLD] if FOLD in cube.names else []))
    known = kept
    for name in by:
        known = known.drop(name, None)
    groups = all_groups(known, by)
    folds = len(known.axis(FOLD).levels) if FOLD in known.names else 1
    counts: Mapping[str, np.ndarray]
    counts = {k: v.reshape(len(groups), 2, 2, folds) for k, v in known.measures.items()}
    groups, counts, reference = leave_out(without, groups, counts, by, reference)
    rows = counts["n"].sum(axis=(1, 2, 3))
    missing = float(kept["n"].sum() - known["n"].sum())
    at = reference_at(by, groups, rows, reference)
    return Grouping(by, groups, counts, at, missing, FOLD in cube.names, unit=unit_of(cube))


def leave_out(
    without: Collection[Group],
    groups: tuple[Group, ...],
    counts: Mapping[str, np.ndarray],
    by: tuple[str, ...],
    reference: Mapping[str, str],
) -> tuple[tuple[Group, ...], Mapping[str, np.ndarray], Mapping[str, str]]:
    """Return groups, their counts and the named reference without some groups; one of these is no reference."""
    if not without:
        return groups, counts, reference
    at = [i for i, group in enumerate(groups) if group not in without]
    gone = tuple(reference.get(name) for name in by) in without
    left = {k: v for k, v in reference.items() if not (gone and k in by)}
    return tuple(groups[i] for i in at), {k: v[at] for k, v in counts.items()}, left


def missing_groups(cubes: Sequence[Cube], by: tuple[str, ...]) -> Grouping | None:
    """The rows of which a column of ``by`` is missing, by what is known of the others; None if there are none."""
    holding = [c for c in cubes if set(by) <= set(c.names)]
    if not by or not holding:
        return None
    cube = _binary(min(holding, key=lambda c: c["n"].size))
    kept = cube.keep(*by, LABEL, PREDICTION, *([FOLD] if FOLD in cube.names else []))
    groups, at = partly_missing(kept, by)
    if not groups:
        return None
    counts = {k: v.reshape(-1, 2, 2, v.shape[-1] if FOLD in kept.names else 1)[at] for k, v in kept.measures.items()}
    return Grouping(by, groups, counts, 0, 0.0, FOLD in cube.names, unit=unit_of(cube))


def partly_missing(kept: Cube, by: tuple[str, ...]) -> tuple[tuple[Group, ...], list[int]]:
    """Groups with rows of which a level is missing, and their positions among all."""
    every = list(product(*(kept.axis(name).levels for name in by)))
    rows = kept["n"].sum(axis=tuple(range(len(by), kept["n"].ndim))).ravel()  # also where there is not one level
    at = [i for i, group in enumerate(every) if None in group and rows[i] > 0]
    return tuple(every[i] for i in at), at


def _binary(cube: Cube) -> Cube:
    """Cube with label and prediction axes of exactly two levels each; a missing axis is all negative."""
    for name in (LABEL, PREDICTION):
        cube = two_levels(cube, name) if name in cube.names else _constant(cube, name)
    return cube


def _constant(cube: Cube, name: str) -> Cube:
    axes = [*cube.axes, Axis(name, (NEGATIVE, POSITIVE))]
    return Cube(axes, {k: np.stack([v, np.zeros_like(v)], axis=-1) for k, v in cube.measures.items()})


def two_levels(cube: Cube, name: str) -> Cube:
    """Return the cube with exactly the levels negative and positive on an axis; a level without rows holds 0."""
    levels = cube.axis(name).levels
    if levels == (NEGATIVE, POSITIVE):
        return cube
    dim = cube.position(name)
    axes = [Axis(name, (NEGATIVE, POSITIVE)) if i == dim else a for i, a in enumerate(cube.axes)]
    measures: dict[str, Any] = {}
    for key, values in cube.measures.items():
        shape = list(values.shape)
        shape[dim] = 2
        out = np.zeros(shape, dtype=values.dtype)
        index: list[Any] = [slice(None)] * values.ndim
        for at, level in enumerate(levels):
            index[dim] = (NEGATIVE, POSITIVE).index(str(level))
            out[tuple(index)] = values.take(at, axis=dim)
        measures[key] = out
    return Cube(axes, measures)
