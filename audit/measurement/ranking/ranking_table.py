"""Exposure, skew and quality of an order: every group, every gap, every comparison with the reference.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from audit.axes import FOLD, GROUPING, crossings
from audit.cube import Cube
from audit.estimate import Estimate
from audit.measurement.comparisons import (
    ENDS,
    Comparisons,
    Ends,
    GroupPairs,
    Quantity,
    mean_ends,
    mean_limits,
    mean_pairs,
    reason_for_too_few_groups,
)
from audit.measurement.grouping import Grouping, grouping, missing_groups
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.lists import ratio_against, ratio_gap
from audit.measurement.inference.means import MeanSample
from audit.measurement.metrics.ranking import EXPOSURE_SHARE, RELATIVE_EXPOSURE
from audit.measurement.ranking.lists import Lists, Statistic, statistics
from audit.measurement.scope import Scope

HOW = "t interval over lists, delete-one jackknife of 100 folds"
TIED = "tied_places"
"""Items share a score, and so their places."""


def ranking_estimates(cubes: Sequence[Cube], lists: Cube, gains: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """Metrics of a ranking for everybody, every group and every crossing, with their comparisons.

    Parameters
    ----------
    cubes
        Sums over items, one cube a crossing.
    lists
        Sums over whole lists, by grouping.
    gains
        NDCG of each group's part of the lists, one cube a grouping; none without relevance.
    """
    found: list[Estimate] = []
    whole = _sums(grouping(cubes, (), scope.reference))
    for by in crossings(scope.groups, scope.intersections):
        own = [c for c in gains if set(c.names) == {*by, FOLD}]
        of = Lists(_of_grouping(lists, ()), _of_grouping(lists, by))
        how: tuple[Any, ...] = (by, scope.reference, scope.without(by))
        table = _Table(grouping(cubes, *how), [grouping(own, *how)] if own else [], of, scope)
        found += table.estimates(whole)
        if by:
            found += table.of_lists()
        if (rest := missing_groups(cubes, by)) is not None:
            missing = [g for c in own if (g := missing_groups([c], by)) is not None]
            found += _Table(rest, missing, of, scope, comparable=False).estimates(whole)
    return tuple(found)


def _of_grouping(lists: Cube, by: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    """Return sums over whole lists of one grouping, by fold; all 0 where no row has a group."""
    level = json.dumps(list(by), ensure_ascii=False)
    if level not in lists.axis(GROUPING).levels:
        return {k: np.zeros((1, v.shape[1])) for k, v in lists.measures.items()}
    return {k: v[None].astype(float) for k, v in lists.at(GROUPING, level).measures.items()}


def _sums(grouped: Grouping) -> dict[str, np.ndarray]:
    """Sums of each group and fold; the grouping lays them out by label and prediction, which these cubes lack."""
    return {k: v[:, 0, 0, :].astype(float) for k, v in grouped.counts.items()}


class _Table(Comparisons):
    """Estimates of one grouping."""

    def __init__(
        self, grouped: Grouping, gains: Sequence[Grouping], lists: Lists, scope: Scope, *, comparable: bool = True
    ) -> None:
        super().__init__(grouped, scope, comparable=comparable)
        self.lists, self.gains = lists, [_sums(g) for g in gains]
        self.tied: tuple[str, ...] = (TIED,) if lists.tied else ()

    def estimates(self, whole: Mapping[str, np.ndarray]) -> list[Estimate]:
        """Return each metric of every group, and its comparisons."""
        sums = _sums(self.g)
        sums |= {f"all_{k}": np.broadcast_to(v.sum(axis=0), v.shape) for k, v in sums.items()}
        sums |= {f"places_{k}": np.broadcast_to(v, sums["n"].shape) for k, v in whole.items()}
        found: list[Estimate] = []
        for s in statistics(sums, self.gains[0] if self.gains else None):
            if not self.comparable and self.g.by and s.metric in {EXPOSURE_SHARE, RELATIVE_EXPOSURE}:
                continue
            if not self.g.by and s.of_everybody is not None:
                found += self._by_definition(s)
            else:
                found += self.estimates_of(self._quantity(s, s.sample()))
        return found

    def _by_definition(self, s: Statistic) -> Iterator[Estimate]:
        common: dict[str, Any] = {"method": "no interval: fixed by definition", "flags": self.tied}
        for group, rows in zip(self.g.groups, self.g.rows, strict=True):
            yield self.base(s.metric.name, group=group, n=float(rows), value=s.of_everybody, **common)

    def of_lists(self) -> Iterator[Estimate]:
        """Yield how far the order of whole lists is from the groups' shares, for all groups at once."""
        for s in self.lists.statistics():
            common: dict[str, Any] = {"compare": "between_groups", "n": float(s.sums[s.rows].sum())}
            common["flags"] = (*self.flags, *self.tied)
            reason = reason_for_too_few_groups(self.g) if len(self.g.groups) < 2 else s.why(0)
            if reason is not None:
                yield self.base(s.metric.name, **common, status="undefined", reason=reason)
                continue
            yield self.with_limits(self._quantity(s, s.sample()), 0, **common)

    def _quantity(self, s: Statistic, sample: MeanSample) -> Quantity:
        return Quantity(
            metric=s.metric.name,
            value=sample.value,
            limits=mean_limits(sample, self.scope.tail),
            thin=sample.thin,
            method=[self._method(s, sample, i) for i in range(len(sample.value))],
            reason=lambda i: s.why(i) or "0/0: undefined",
            df=sample.df,
            denominator=s.sums[s.rows].sum(axis=1) if s.counts_lists else None,
            comparisons=list(self._comparisons(s, sample)) if self.comparable else (),
            note=s.said,
            flags=self.tied,
        )

    def _method(self, s: Statistic, sample: MeanSample, i: int) -> str:
        if math.isnan(sample.value[i]):
            return ""
        how = HOW if math.isfinite(sample.error[i]) else f"no interval: {self._reason_without_limits(s, i)}"
        return f"{how}{s.said}{s.said_of(i)}"

    def _reason_without_limits(self, s: Statistic, i: int) -> str:
        """Say why a value has no interval."""
        if self.lists.count < 2:
            return f"one list is one observation{s.by_chance(i)}"
        if (s.sums[s.rows][i] > 0).sum() < 2:
            return "all of its lists share one fold"
        if not s.is_whole(i):
            return "nothing of it is left without one fold of lists"
        return "its lists do not differ, which says nothing of lists not seen"

    def _comparisons(self, s: Statistic, sample: MeanSample) -> Iterator[GroupPairs | Ends]:
        tail = self.scope.tail
        for compare in s.metric.judged:
            if compare == "difference":
                yield mean_pairs(sample, HOW, tail, top=np.inf)
            elif compare == "ratio":
                yield _ratios(s.sample(s.logs), tail)
            elif compare in ENDS:
                yield mean_ends(sample, "lowest" if compare == "lowest" else "highest", HOW, tail)


def _ratios(logs: MeanSample, tail: float) -> GroupPairs:
    """Return how two groups are compared by the logs of their values."""
    known = np.isfinite(logs.error)

    def against(at: int) -> Limits:
        made = ratio_against(logs, at, tail)
        return Limits(*(np.where(known & known[at], x, np.nan) for x in made))

    return mean_pairs(logs, HOW, tail, kind="ratio", back=math.exp, gap=lambda: ratio_gap(logs, tail), against=against)
