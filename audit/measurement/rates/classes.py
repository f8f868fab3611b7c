"""Groups whose label and prediction are one of several classes; each class against all others is a `Grouping`.

Must not: know a metric's name or a limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audit.axes import FOLD, LABEL, MOST_GROUPS, PREDICTION, all_groups, reference_at, unit_of
from audit.cube import Cube, sort_key
from audit.errors import QuestionError, no_such
from audit.measurement.grouping import Grouping, partly_missing
from audit.measurement.inference.confusion import several
from audit.measurement.inference.effective import Sample
from audit.measurement.metrics.kinds import ClassStatistic, Rate, Statistic


@dataclass(frozen=True)
class ClassGrouping(Grouping):
    """All groups of one crossing with their counts, shape (G, K, K, F): group, label, prediction, fold.

    Where nothing is predicted, the third axis has one place.
    """

    classes: tuple[str, ...] = ()
    labelled: tuple[bool, ...] = ()
    """Which classes some label of the whole data has."""

    def sample(self, metric: Rate | Statistic | ClassStatistic) -> Sample:
        """Values of all groups for a statistic of all classes, on the scale from 0 to 1."""
        if not isinstance(metric, ClassStatistic):
            raise QuestionError(f"'{metric.name}' is of two classes; take one class against all others")
        low, high = metric.range
        counted = np.array(self.labelled)
        cells, squares = (self.counts[m].astype(float) for m in (("w", "w2") if "w" in self.counts else ("n", "n")))
        return several(
            lambda x: (metric.of(x, counted) - low) / (high - low),
            lambda x: metric.slope(x, counted) / (high - low),
            lambda x: metric.support(x, counted),
            cells,
            squares,
            folds=self.folded,
        )

    def against_rest(self, at: int) -> Grouping:
        """One class as the positive one, all others as the negative one."""
        return self._two({k: _split(_split(v, at, 1), at, 2) for k, v in self.counts.items()})

    @cached_property
    def right(self) -> Grouping:
        """Right answers as positive ones, wrong ones as missed ones."""
        return self._two({k: _right(v) for k, v in self.counts.items()})

    @cached_property
    def determined(self) -> bool:
        """Whether the group alone says the label: every group has one, and not all the same."""
        have = self.counts["n"].sum(axis=(2, 3)) > 0
        known = have[have.any(axis=1)]
        return len(known) > 1 and bool((known.sum(axis=1) == 1).all()) and bool(known.any(axis=0).sum() > 1)

    def first_empty(self, metric: ClassStatistic, i: int) -> str:
        """First class without rows in a group in which a statistic needs some of each."""
        support = metric.support(self.counts["n"][i].sum(axis=-1).astype(float), np.array(self.labelled))
        return next((c for c, rows in zip(self.classes, support, strict=False) if rows <= 0), self.classes[0])

    def _two(self, counts: Mapping[str, np.ndarray]) -> Grouping:
        return Grouping(self.by, self.groups, counts, self.reference, self.missing_rows, self.folded, unit=self.unit)


def class_grouping(cubes: Sequence[Cube], by: tuple[str, ...], reference: Mapping[str, str]) -> ClassGrouping:
    """Groups of one crossing, from the smallest cube that holds it."""
    holding = [c for c in cubes if set(by) <= set(c.names)]
    if not holding:
        raise QuestionError(no_such("grouping", "*".join(by), {"*".join(c.names) for c in cubes}))
    cube = min(holding, key=lambda c: c["n"].size)
    kept = _kept(cube, by)
    known = kept
    for name in by:
        known = known.drop(name, None)
    groups, classes = all_groups(known, by), classes_of(kept)
    if len(groups) * len(classes) > MOST_GROUPS:
        raise QuestionError(
            f"{' x '.join(by)} makes {len(groups):,} groups, with {len(classes)} classes each more than "
            f"{MOST_GROUPS:,} rates of one kind; bin or leave out a group column, or merge classes"
        )
    counts = _counts(known, len(groups), classes)
    rows = counts["n"].sum(axis=(1, 2, 3))
    missing = float(kept["n"].sum() - known["n"].sum())
    return ClassGrouping(by, groups, counts, reference_at(by, groups, rows, reference), missing, FOLD in kept.names,
                         classes, _labelled(kept, classes), unit=unit_of(cube))  # fmt: skip


def missing_class_groups(cubes: Sequence[Cube], by: tuple[str, ...]) -> ClassGrouping | None:
    """The rows of which a column of ``by`` is missing, by what is known of the others; None if there are none."""
    holding = [c for c in cubes if set(by) <= set(c.names)]
    if not by or not holding:
        return None
    cube = min(holding, key=lambda c: c["n"].size)
    kept = _kept(cube, by)
    groups, at = partly_missing(kept, by)
    if not groups:
        return None
    classes, every = classes_of(kept), math.prod(len(kept.axis(name).levels) for name in by)
    counts = {k: v[at] for k, v in _counts(kept, every, classes).items()}
    return ClassGrouping(by, groups, counts, 0, 0.0, FOLD in kept.names, classes, _labelled(kept, classes),
                         unit=unit_of(cube))  # fmt: skip


def classes_of(cube: Cube) -> tuple[str, ...]:
    """Classes of labels and predictions, in order."""
    found = {str(level) for name in (LABEL, PREDICTION) if name in cube.names for level in cube.axis(name).levels}
    return tuple(sorted(found, key=sort_key))


def _kept(cube: Cube, by: tuple[str, ...]) -> Cube:
    return cube.keep(*by, LABEL, *(name for name in (PREDICTION, FOLD) if name in cube.names))


def _labelled(cube: Cube, classes: Sequence[str]) -> tuple[bool, ...]:
    """Which classes some label has, rows without a group included."""
    rows = dict(zip(cube.axis(LABEL).levels, cube.keep(LABEL)["n"].tolist(), strict=True))
    return tuple(rows.get(c, 0) > 0 for c in classes)


def _counts(cube: Cube, groups: int, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Every measure as (G, K, K, F), or (G, K, 1, F) where nothing is predicted."""
    outcomes = [name for name in (LABEL, PREDICTION) if name in cube.names]
    at = [[list(classes).index(str(level)) for level in cube.axis(name).levels] for name in outcomes]
    folds = len(cube.axis(FOLD).levels) if FOLD in cube.names else 1
    width = len(classes) if len(outcomes) == 2 else 1
    found = {}
    for measure, values in cube.measures.items():
        out = np.zeros((groups, len(classes), width, folds), dtype=values.dtype)
        shaped = values.reshape(groups, len(at[0]), len(at[1]) if width > 1 else 1, folds)
        out[np.ix_(range(groups), at[0], at[1] if width > 1 else [0], range(folds))] = shaped
        found[measure] = out
    return found


def _split(values: np.ndarray, at: int, axis: int) -> np.ndarray:
    """All other places of an axis, then one; an axis of one place has nobody in the second."""
    if values.shape[axis] == 1:
        return np.concatenate([values, np.zeros_like(values)], axis=axis)
    one = values.take([at], axis=axis)
    return np.concatenate([values.sum(axis=axis, keepdims=True) - one, one], axis=axis)


def _right(values: np.ndarray) -> np.ndarray:
    """Right answers in the place of TP and wrong ones in that of FN, shape (G, 2, 2, F)."""
    whole = values.sum(axis=(1, 2))
    right = np.einsum("gkkf->gf", values) if values.shape[1] == values.shape[2] else np.zeros_like(whole)
    nobody = np.zeros_like(whole)
    return np.stack([np.stack([nobody, nobody], axis=1), np.stack([whole - right, right], axis=1)], axis=1)
