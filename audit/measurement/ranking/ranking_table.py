"""Exposure, skew and quality of an order: every group, every gap, every comparison with the reference.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from audit.axes import FOLD, GROUPING, crossings
from audit.cube import Cube
from audit.errors import printable
from audit.estimate import Estimate
from audit.measurement.grouping import Grouping, grouping, missing_groups
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.lists import ratio_against, ratio_gap
from audit.measurement.inference.means import MeanSample, against, ends, extreme, limits, mean_gap
from audit.measurement.inference.pairs import Gap
from audit.measurement.metrics.kinds import Metric
from audit.measurement.metrics.ranking import EXPOSURE_SHARE, RELATIVE_EXPOSURE
from audit.measurement.ranking.lists import Lists, Statistic, statistics
from audit.measurement.scope import NO_GROUP, SMALL, UNMEASURED, Scope

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
        grouped = grouping(cubes, by, scope.reference)
        table = _Table(grouped, [grouping(own, by, scope.reference)] if own else [], of, scope)
        found += table.estimates(whole)
        if by:
            found += table.of_lists()
        if (rest := missing_groups(cubes, by)) is not None:
            missing = [g for c in own if (g := missing_groups([c], by)) is not None]
            found += _Table(rest, missing, of, scope, comparable=False).estimates(whole)
    return tuple(found)


def _of_grouping(lists: Cube, by: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    """Sums over whole lists of one grouping, by fold; all 0 where nobody has a group."""
    level = json.dumps(list(by), ensure_ascii=False)
    if level not in lists.axis(GROUPING).levels:
        return {k: np.zeros((1, v.shape[1])) for k, v in lists.measures.items()}
    return {k: v[None].astype(float) for k, v in lists.at(GROUPING, level).measures.items()}


def _sums(grouped: Grouping) -> dict[str, np.ndarray]:
    """Sums of each group and fold; the grouping lays them out by label and prediction, which these cubes lack."""
    return {k: v[:, 0, 0, :].astype(float) for k, v in grouped.counts.items()}


class _Table:
    """Estimates of one grouping."""

    def __init__(
        self, grouped: Grouping, gains: Sequence[Grouping], lists: Lists, scope: Scope, *, comparable: bool = True
    ) -> None:
        self.g, self.lists, self.scope = grouped, lists, scope
        self.gains = [_sums(g) for g in gains]
        self.comparable = comparable and bool(grouped.by)
        self.flags: tuple[str, ...] = (NO_GROUP,) if grouped.missing_rows and grouped.by else ()
        self.tied: tuple[str, ...] = (TIED,) if lists.tied else ()

    def estimates(self, whole: Mapping[str, np.ndarray]) -> list[Estimate]:
        """Each metric of every group, and its comparisons."""
        sums = _sums(self.g)
        sums |= {f"all_{k}": np.broadcast_to(v.sum(axis=0), v.shape) for k, v in sums.items()}
        sums |= {f"places_{k}": np.broadcast_to(v, sums["n"].shape) for k, v in whole.items()}
        found: list[Estimate] = []
        for s in statistics(sums, self.gains[0] if self.gains else None):
            if not self.comparable and self.g.by and s.metric in {EXPOSURE_SHARE, RELATIVE_EXPOSURE}:
                continue
            sample = s.sample()
            found += self._each(s, sample)
            if self.comparable:
                found += self._compared(s, sample)
        return found

    def of_lists(self) -> Iterator[Estimate]:
        """How far the order of whole lists is from the groups' shares, for all groups at once."""
        for s in self.lists.statistics():
            common: dict[str, Any] = {"compare": "between_groups", "n": float(s.sums[s.rows].sum())}
            flags = (*self.flags, *self.tied)
            reason = self._lonely() if len(self.g.groups) < 2 else s.why(0)
            if reason is not None:
                yield self._base(s.metric, **common, status="undefined", reason=reason, flags=flags)
                continue
            sample = s.sample()
            yield self._one(s, sample, limits(sample, self.scope.tail), 0, common, flags)

    def _base(self, metric: Metric, **changes: Any) -> Estimate:
        for side in ("low", "high"):
            if side in changes and not math.isfinite(changes[side]):
                changes[side] = None
        open_ = changes.get("low") is None and changes.get("high") is None
        confidence = None if open_ else self.scope.confidence
        return Estimate(stage="model", metric=metric.name, by=self.g.by, confidence=confidence, **changes)

    def _each(self, s: Statistic, sample: MeanSample) -> Iterator[Estimate]:
        bounds = limits(sample, self.scope.tail)
        for i, group in enumerate(self.g.groups):
            common: dict[str, Any] = {"group": group, "n": float(self.g.rows[i])}
            if not self.g.by and s.of_everybody is not None:
                method = "no interval: true of everybody by definition"
                yield self._base(s.metric, **common, value=s.of_everybody, method=method, flags=self.tied)
            elif math.isnan(sample.value[i]):
                yield self._base(
                    s.metric, **common, status="undefined", reason=s.why(i) or "0/0: undefined", flags=self.tied
                )
            else:
                yield self._one(s, sample, bounds, i, common, self.tied)

    def _one(
        self, s: Statistic, sample: MeanSample, bounds: Limits, i: int, common: dict[str, Any], flags: tuple[str, ...]
    ) -> Estimate:
        """One value with its interval, or with why it has none."""
        value, few = float(sample.value[i]), (*flags, SMALL)
        common = common | ({"denominator": float(s.sums[s.rows][i].sum())} if s.counts_lists else {})
        if not math.isfinite(sample.error[i]):
            method = f"no interval: {self._why_open(s, i)}{s.said}{s.said_of(i)}"
            return self._base(s.metric, **common, value=value, method=method, flags=few)
        return self._base(s.metric, **common, value=value, low=min(float(bounds.low[i]), value),
                          high=max(float(bounds.high[i]), value), degrees_of_freedom=float(sample.df[i]),
                          method=f"{HOW}{s.said}{s.said_of(i)}", flags=few if sample.thin[i] else flags)  # fmt: skip

    def _why_open(self, s: Statistic, i: int) -> str:
        """Why a value has no interval."""
        if self.lists.count < 2:
            return f"one list is one observation{s.by_chance(i)}"
        if (s.sums[s.rows][i] > 0).sum() < 2:
            return "all of its lists share one fold"
        if not s.is_whole(i):
            return "nothing of it is left without one fold of lists"
        return "its lists do not differ, which says nothing of lists not seen"

    def _compared(self, s: Statistic, sample: MeanSample) -> Iterator[Estimate]:
        for compare in s.metric.judged:
            if compare in {"difference", "ratio"} and len(self.g.groups) < 2:
                yield self._alone(s.metric, compare)
            elif compare == "difference":
                yield self._gap(s, sample, compare, mean_gap(sample, self.scope.tail))
                yield from self._to_reference(s, sample, compare, against(sample, self.g.reference, self.scope.tail))
            elif compare == "ratio":
                logs = s.sample(s.logs)
                yield self._gap(s, logs, compare, ratio_gap(logs, self.scope.tail))
                yield from self._to_reference(s, logs, compare, ratio_against(logs, self.g.reference, self.scope.tail))
            elif compare in {"lowest", "highest"}:
                yield self._extreme(s, sample, "lowest" if compare == "lowest" else "highest")

    def _gap(self, s: Statistic, sample: MeanSample, compare: Literal["difference", "ratio"], found: Gap) -> Estimate:
        common: dict[str, Any] = {"compare": compare, "n": float(self.g.rows.sum())}
        flags = (*self.flags, *self.tied, *((SMALL,) if self._uncertain(sample) else ()))
        told = (
            found.low > 0 or math.isfinite(found.high) if compare == "difference" else found.low > 0 or found.high < 1
        )
        bounds: dict[str, Any] = {}
        if told:
            bounds = {"low": found.low, "high": found.high, "low_pair": self._names(found.low_pair),
                      "high_pair": self._names(found.high_pair)}  # fmt: skip
        if found.value is None:
            reason, flags = self._unmeasured(s, sample), (*flags, UNMEASURED)
            return self._base(s.metric, **common, **bounds, status="undefined", reason=reason, flags=flags)
        method = f"pairs rule, mover on {HOW}" + ("" if bounds else "; a group has no interval") + s.said
        pair = self._names(found.pair)
        return self._base(s.metric, **common, **bounds, value=found.value, pair=pair, method=method, flags=flags)

    def _to_reference(
        self, s: Statistic, sample: MeanSample, compare: Literal["difference", "ratio"], bounds: Limits
    ) -> Iterator[Estimate]:
        at = self.g.reference
        for i, group in enumerate(self.g.groups):
            if i == at:
                continue
            few = sample.thin[i] or sample.thin[at] or not np.isfinite(sample.error[[i, at]]).all()
            common: dict[str, Any] = {"compare": compare, "group": group, "reference": self.g.groups[at],
                                      "n": float(self.g.rows[i] + self.g.rows[at]),
                                      "flags": (*self.flags, *self.tied, *((SMALL,) if few else ()))}  # fmt: skip
            empty = next((j for j in (i, at) if math.isnan(sample.value[j])), None)
            if empty is not None:
                reason = f"not measured for {self._named(empty)} ({s.why(empty)})"
                yield self._base(s.metric, **common, status="undefined", reason=reason)
                continue
            value = float(sample.value[i] - sample.value[at])
            open_ = not np.isfinite(sample.error[[i, at]]).all()
            method = ("no interval: one of the two has none" if open_ else f"mover on {HOW}") + s.said
            low, high = (math.inf, math.inf) if open_ else (float(bounds.low[i]), float(bounds.high[i]))
            shown = math.exp(value) if compare == "ratio" else value
            yield self._base(s.metric, **common, value=shown, low=low, high=high, method=method)

    def _extreme(self, s: Statistic, sample: MeanSample, which: Literal["lowest", "highest"]) -> Estimate:
        if not self.g.groups:
            return self._alone(s.metric, which)
        found, (lowest, highest) = extreme(sample, which, self.scope.tail), ends(sample)
        flags = (*self.flags, *self.tied, *((SMALL,) if self._uncertain(sample) else ()))
        common: dict[str, Any] = {"compare": which, "n": float(self.g.rows.sum()), "low": found.low, "high": found.high,
                                  **self.g.setters(found.low_group, found.high_group)}  # fmt: skip
        if found.value is None:
            reason, flags = self._unmeasured(s, sample), (*flags, UNMEASURED)
            return self._base(s.metric, **common, status="undefined", reason=reason, flags=flags)
        method = f"{HOW}, corrected for {len(self.g.groups)} groups on the failing side{s.said}"
        pair = self._names((lowest, highest))
        return self._base(s.metric, **common, value=found.value, pair=pair, method=method, flags=flags)

    def _alone(self, metric: Metric, compare: str) -> Estimate:
        n, flags = float(self.g.rows.sum()), (*self.flags, *self.tied)
        return self._base(metric, compare=compare, n=n, status="undefined", reason=self._lonely(), flags=flags)

    def _lonely(self) -> str:
        have = f"only one group ({self._named(0)})" if self.g.groups else "no group"
        return f"{have} has rows: nothing to compare; at least two are needed"

    def _unmeasured(self, s: Statistic, sample: MeanSample) -> str:
        empty = [i for i in range(len(self.g.groups)) if math.isnan(sample.value[i])]
        more = f" and {len(empty) - 3} more" if len(empty) > 3 else ""
        return f"not measured for {', '.join(map(self._named, empty[:3]))}{more} ({s.why(empty[0])})"

    @staticmethod
    def _uncertain(sample: MeanSample) -> bool:
        return bool((sample.thin | ~np.isfinite(sample.error)).any())

    def _names(self, pair: tuple[int, int]) -> tuple[Any, Any]:
        return self.g.groups[pair[0]], self.g.groups[pair[1]]

    def _named(self, i: int) -> str:
        return " x ".join(printable(level) for level in self.g.groups[i])
