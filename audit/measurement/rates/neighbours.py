"""The flip test: what members of a group were given, beside what most of their like in the reference were.

Must not: find neighbours, read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from audit.axes import EVEN, FOLD, MAJORITY, NEAREST, NEGATIVE, POSITIVE, PREDICTION, CubeKind
from audit.cube import Cube
from audit.estimate import Estimate, Group, Stage
from audit.measurement.comparisons import (
    describe_rows,
    group_label,
    join_flags,
    largest_of,
    reason_for_too_few_groups,
    reason_for_unmeasured,
)
from audit.measurement.grouping import Grouping, Kinds, grouping
from audit.measurement.inference.contingency import Contrast, contrast, shares
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.pairs import guarded, rests_on_few, single
from audit.measurement.metrics.neighbours import FLIP_RATE, FLIP_TEST
from audit.measurement.scope import NO_GROUP, SMALL, UNMEASURED, Scope

PLUS, MINUS = (NEGATIVE, POSITIVE), (POSITIVE, NEGATIVE)
"""Prediction and majority of both kinds of flips."""


class _Flips(NamedTuple):
    """One group's flips: of each kind, and of both."""

    both: Sample
    any: Sample
    even: bool
    """Whether some of its rows have neighbours without a majority."""


def _flip_estimates(cubes: Sequence[Cube], flips: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """Flip test and flip rate of every group against the reference, and the largest of each attribute.

    Parameters
    ----------
    cubes
        Counts of every crossing, which say who the groups and the reference are.
    flips
        One for each attribute: attribute x prediction x majority of the neighbours x how many were asked (x fold).
    """
    found: list[Estimate] = []
    for cube in flips:
        found += _Attribute(cube, _group_by(cube, cubes, scope), scope).all()
    return tuple(found)


def _group_by(cube: Cube, cubes: Sequence[Cube], scope: Scope) -> Grouping:
    by = cube.names[:1]
    return grouping(cubes, by, scope.reference, scope.without(by))


def _measure(cubes: Kinds, scope: Scope, _stage: Stage) -> tuple[Estimate, ...]:
    return _flip_estimates(cubes[CubeKind.CROSSINGS], cubes[CubeKind.NEIGHBOURS], scope)


MEASURE = _measure


class _Attribute:
    """Estimates of one attribute."""

    def __init__(self, cube: Cube, grouped: Grouping, scope: Scope) -> None:
        self.cube, self.g, self.scope = cube, grouped, scope
        self.folds, self.weights = FOLD in cube.names, "w" in cube.measures
        self.flags = (NO_GROUP,) if grouped.missing_rows else ()
        self.asked = int(str(cube.axis(NEAREST).levels[0]))
        measured = set(cube.axis(cube.names[0]).levels)
        self.found = {g: self._flips(g) for g in grouped.groups if g[0] in measured}

    def all(self) -> list[Estimate]:
        """Both metrics of every group but the reference, then the largest of each."""
        others = [i for i in range(len(self.g.groups)) if i != self.g.reference]
        made = []
        for metric in (FLIP_TEST.name, FLIP_RATE.name):
            corrected = self.scope.tail / max(len(others), 1)
            inner = [self._contrast_group(metric, i, self.scope.tail, judged=True) for i in others]
            outer = [self._contrast_group(metric, i, corrected, judged=True) for i in others]
            each = [self._contrast_group(metric, i, self.scope.tail) for i in others]
            made += [*each, self._largest(metric, inner, outer)]
        return made

    def _flips(self, group: Group) -> _Flips:
        axes = (PREDICTION, MAJORITY, *((FOLD,) if self.folds else ()))
        own = self.cube.at(self.cube.names[0], group[0]).keep(*axes)
        w, w2 = ("w", "w2") if self.weights else ("n", "n")
        hits, total = _stack_flips(own, w), _sum_rows(own, w)
        hits_w2, total_w2 = _stack_flips(own, w2), _sum_rows(own, w2)
        how: dict[str, Any] = {"folds": self.folds, "weights": self.weights}
        both = shares(hits, total, hits_w2, total_w2, **how)
        either = np.stack([hits.sum(axis=0), np.zeros_like(hits[0])])
        either_w2 = np.stack([hits_w2.sum(axis=0), np.zeros_like(hits_w2[0])])
        even = bool(own.at(MAJORITY, EVEN)["n"].any())
        return _Flips(both, shares(either, total, either_w2, total_w2, **how), even)

    def _contrast_group(self, metric: str, i: int, tail: float, *, judged: bool = False) -> Estimate:
        """Estimate of one group; where a limit will be judged by it, a rare rate gets exact limits."""
        group, at = self.g.groups[i], self.g.reference
        common: dict[str, Any] = {
            "stage": "model",
            "metric": metric,
            "by": self.g.by,
            "group": group,
            "reference": self.g.groups[at],
            "n": float(self.g.rows[i]),
        }
        found = self.found.get(group)
        if found is None:
            reason = f"{group_label(self.g, at)} has fewer rows than the {self.asked} neighbours that are asked for"
            return Estimate(**common, status="undefined", reason=reason)
        if not found.any.measured[0]:
            return Estimate(**common, status="undefined", reason="0/0: all weights are 0")
        rare = bool(found.any.thin[0])
        exact = judged and metric == FLIP_RATE.name and bool(rests_on_few(found.any, tail)[0])
        made = contrast(found.both, tail) if metric == FLIP_TEST.name else _rate(found.any, tail, exact=exact)
        flags = (SMALL,) if rare else ()
        return Estimate(
            **common,
            **made._asdict(),
            confidence=self.scope.confidence,
            flags=flags,
            effective_n=float(found.any.n[0]) if metric == FLIP_RATE.name else None,
            method=self._method(metric, found, exact=exact),
        )

    def _method(self, metric: str, found: _Flips, *, exact: bool) -> str:
        how = "clopper-pearson" if exact else "wilson"
        if metric == FLIP_TEST.name:
            how = "mover on wilson of both kinds of flips"
        how = describe_rows(how, folded=self.folds, weighted=self.weights)
        even = "; where they have no majority there is no flip" if found.even else ""
        return f"{how}, {self.asked} neighbours taken as given{even}"

    def _largest(self, metric: str, each: Sequence[Estimate], corrected: Sequence[Estimate]) -> Estimate:
        """Largest absolute value; the failing side is corrected for having looked at all groups."""
        common: dict[str, Any] = {
            "stage": "model",
            "metric": metric,
            "compare": "largest",
            "by": self.g.by,
            "n": float(self.g.rows.sum()),
        }
        flags = (*self.flags, *join_flags(each))
        if not each:
            return Estimate(**common, status="undefined", reason=reason_for_too_few_groups(self.g), flags=flags)
        unknown = next((e for e in each if e.value is None), None)
        if unknown is not None:
            reason = reason_for_unmeasured(self.g, [self.g.groups.index(unknown.group or ())], unknown.reason)
            return Estimate(**common, status="undefined", reason=reason, flags=(*flags, UNMEASURED))
        return Estimate(**common, **largest_of(each, corrected), confidence=self.scope.confidence, flags=flags)


def _rows_of_flips(cube: Cube, measure: str, prediction: str, majority: str) -> np.ndarray:
    """Rows (or weights) of one kind of flip by fold, shape (F,)."""
    kind = cube.at(PREDICTION, prediction).at(MAJORITY, majority)
    return kind[measure].reshape(-1).astype(float)


def _stack_flips(own: Cube, measure: str) -> np.ndarray:
    """Rows (or weights) of both kinds of flips by fold, shape (2, F)."""
    return np.stack([_rows_of_flips(own, measure, *kind) for kind in (PLUS, MINUS)])


def _sum_rows(own: Cube, measure: str) -> np.ndarray:
    """Rows (or weights) of all by fold, shape (F,)."""
    total: np.ndarray = own[measure].sum(axis=(0, 1)).reshape(-1).astype(float)
    return total


def _rate(sample: Sample, tail: float, *, exact: bool) -> Contrast:
    limits = (guarded if exact else single)(sample, tail)
    return Contrast(float(sample.p[0]), float(limits.low[0]), float(limits.high[0]))
