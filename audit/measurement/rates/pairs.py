"""Two decisions about the same rows: what changed in each group, who lost by it, and how gaps between groups changed.

Every number is a share of rows whose decision changed, or one such share less another that excludes it, so that no
interval takes the two decisions for independent. Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import Any

import numpy as np

from audit.axes import AGAINST, FOLD, LABEL, CubeKind, crossings
from audit.cube import Axis, Cube
from audit.estimate import Estimate, Stage
from audit.measurement.comparisons import (
    AgainstAll,
    Comparisons,
    Ends,
    GroupPairs,
    Quantity,
    ToAll,
    describe_rows,
    join_flags,
    largest_of,
    reason_for_unmeasured,
)
from audit.measurement.grouping import Grouping, Kinds, grouping, missing_groups, two_levels
from audit.measurement.inference.intervals import Floats, Limits
from audit.measurement.inference.mixtures import furthest, mean_to_whole
from audit.measurement.metrics.kinds import EVERYBODY, Everybody
from audit.measurement.metrics.pairs import PAIRS, PairMetric, PickedMetric
from audit.measurement.rates.flips import Flips, PickedFlips, count_flips, with_others
from audit.measurement.scope import FEW_CHANGED, UNMEASURED, Scope

OF_SHARES = "wilson, clopper-pearson where events are few"
OF_CONTRASTS = "mover on wilson of the shares that changed either way"
OF_PICKED = "mover on fay-feuer limits of the influence of decisions that changed"
OF_FOLDS = "student's t over 100 folds of the unit, or mover on {} where few folds have changes"
EXACT = "exact McNemar test of the rows whose decision changed"
OF_WHOLE, OF_PART = " against the rest and the group's share", " with the correlation of a part with its whole"
NO_CHANGE = "0/0: no decision changed in any group"


def _measure(cubes: Kinds, scope: Scope, _stage: Stage) -> tuple[Estimate, ...]:
    """Measure everybody, every group and every crossing, with their comparisons."""
    counted = cubes[CubeKind.PAIRS]
    folds, labelled = FOLD in counted[0].names, LABEL in counted[0].names
    asked = [m for m in PAIRS if (labelled or LABEL not in m.needs) and (not scope.metrics or m.name in scope.metrics)]
    laid, found = [_lay_side_by_side(cube) for cube in counted], list[Estimate]()
    for by in [scope.groups] if scope.metrics else crossings(scope.groups, scope.intersections):
        table = _PairTable(grouping(laid, by, scope.reference, scope.without(by)), scope, folds=folds)
        found += table.estimates(asked)
        if (rest := missing_groups(laid, by)) is not None:
            found += _PairTable(rest, scope, folds=folds, comparable=False).estimates(asked)
    return tuple(found)


MEASURE = _measure


def _lay_side_by_side(cube: Cube) -> Cube:
    """Return a cube in which earlier decision and fold are one axis, so that a grouping can hold it."""
    cube = two_levels(cube, AGAINST)
    rest = [name for name in cube.names if name not in {AGAINST, FOLD}]
    kept = cube.keep(*rest, AGAINST, *([FOLD] if FOLD in cube.names else []))
    folds = kept.axis(FOLD).levels if FOLD in cube.names else ("",)
    levels = [f"{earlier} {fold}" for earlier in kept.axis(AGAINST).levels for fold in folds]
    measures = {name: v.reshape(*v.shape[: len(rest)], len(levels)) for name, v in kept.measures.items()}
    return Cube([*kept.axes[: len(rest)], Axis(FOLD, tuple(levels))], measures)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed(Quantity):
    """What was found, with the rows that it rests on."""

    flips: Flips


class _PairTable(Comparisons):
    """Estimates of one grouping."""

    def __init__(self, grouped: Grouping, scope: Scope, *, folds: bool, comparable: bool = True) -> None:
        groups = len(grouped.groups)
        # No -1: where every value of a column is missing there are no groups, and numpy cannot tell the folds.
        self.counts = {name: v.reshape(groups, 2, 2, 2, v.shape[-1] // 2) for name, v in grouped.counts.items()}
        own = {name: v.sum(axis=3) for name, v in self.counts.items()}
        super().__init__(replace(grouped, counts=own, folded=folds), scope, comparable=comparable)

    def estimates(self, metrics: Sequence[PairMetric]) -> list[Estimate]:
        """Return each metric of every group, with its comparisons and tests."""
        found: list[Estimate] = []
        for metric in metrics:
            flips = count_flips(metric, self.counts, folds=self.g.folded)
            found += self.estimates_of(self._quantity(metric, flips))
            found += self._largest(metric, flips)
            found += self._tests(metric, flips)
        return found

    def _quantity(self, metric: PairMetric, flips: Flips) -> _Changed:
        how = self._method(metric)
        return _Changed(
            metric=metric.name,
            value=flips.value,
            limits=flips.find_limits(self.scope.tail),
            thin=flips.sample.thin,
            method=[how] * len(flips.value),
            reason=partial(self._reason, metric, flips),
            no_ratio=NO_CHANGE,
            denominator=self.g.unscale(flips.total.sum(axis=1)),
            comparisons=tuple(self._comparisons(metric, flips, how)) if self.comparable else (),
            flips=flips,
        )

    def _method(self, metric: PairMetric) -> str:
        picked = isinstance(metric, PickedMetric)
        if metric.less is not None and self.g.folded:
            return OF_FOLDS.format("fay-feuer" if picked else "wilson")
        if picked:
            return describe_rows(OF_PICKED, folded=False, weighted="w" in self.counts)
        how = OF_SHARES if metric.less is None else OF_CONTRASTS
        return describe_rows(how, folded=self.g.folded, weighted="w" in self.counts)

    def _reason(self, metric: PairMetric, flips: Flips, i: int) -> str:
        """Say why a value is undefined."""
        if isinstance(metric, PickedMetric) and isinstance(flips, PickedFlips) and flips.picked[i]:
            return metric.empty_earlier
        return self.g.nobody(i) or metric.empty

    def of_group(self, found: Quantity, i: int) -> Estimate:
        """Return one group by itself, with the rows that it counts."""
        made = super().of_group(found, i)
        if not isinstance(found, _Changed) or made.value is None:
            return made
        flips = found.flips
        if flips.few[i]:
            made = replace(made, flags=(*made.flags, FEW_CHANGED))
        if flips.weights:
            made = replace(made, rows=float(flips.rows[i]))
        if flips.less is not None:
            return made
        hits = float(self.g.unscale(flips.more[i].sum()))
        return replace(made, numerator=hits, effective_n=float(flips.sample.n[i]))

    def _comparisons(self, metric: PairMetric, flips: Flips, how: str) -> Iterator[GroupPairs | ToAll | Ends]:
        tail, uncertain, whole = self.scope.tail, flips.sample.thin, not self.scope.metrics
        every = np.arange(len(flips.value))
        yield GroupPairs(
            value=flips.value,
            uncertain=uncertain,
            how=_compare_by(how),
            gap=lambda: flips.find_gap(tail),
            against=(lambda at: flips.bound_between(tail, every, np.full(every.shape, at))) if whole else None,
            top=flips.top,
        )
        yield from self._to_everybody(metric, flips)
        if "ratio" in metric.judged and self.scope.asks("ratio"):
            with np.errstate(divide="ignore"):
                # Minus infinity where no decision changed: that is measured, and only 0 / 0 is no ratio.
                logs = np.log(flips.value)
            yield GroupPairs(
                kind="ratio",
                value=logs,
                uncertain=uncertain,
                how=f"mover-r on {how}",
                gap=lambda: flips.find_ratio_gap(tail),
                against=(lambda at: flips.bound_ratios(tail, at)) if whole else None,
                back=math.exp,
            )
        if "highest" in metric.judged and self.scope.asks("highest"):
            yield Ends(which="highest", find=lambda: flips.find_highest(tail), how=how)

    def _largest(self, metric: PairMetric, flips: Flips) -> Iterator[Estimate]:
        """Yield the largest absolute value; the failing side is corrected for having looked at all groups."""
        if "largest" not in metric.judged or not self.comparable or not self.scope.asks("largest"):
            return
        found, groups = self._quantity(metric, flips), len(self.g.groups)
        if not groups:
            yield self.too_few(metric.name, "largest")
            return
        corrected = replace(found, limits=flips.find_limits(self.scope.tail / groups))
        each = [self.of_group(found, i) for i in range(groups)]
        flags, common = (*self.flags, *join_flags(each)), {"compare": "largest", "n": self.n}
        gone = [i for i, e in enumerate(each) if e.value is None]
        if gone:
            reason = reason_for_unmeasured(self.g, gone, each[gone[0]].reason)
            yield self.base(metric.name, **common, status="undefined", reason=reason, flags=(*flags, UNMEASURED))
            return
        every = [self.of_group(corrected, i) for i in range(groups)]
        yield self.base(metric.name, **common, **largest_of(each, every), flags=flags)

    def _tests(self, metric: PairMetric, flips: Flips) -> Iterator[Estimate]:
        """Yield how surprising each change of a rate is, as its interval says; nothing where only limits are asked."""
        if flips.less is None or self.scope.metrics:
            return
        inverted = flips.folds or flips.weights or isinstance(flips, PickedFlips)
        how = f"inverted {self._method(metric)}" if inverted else EXACT
        found = self._p_of_picked[metric.picks] if isinstance(metric, PickedMetric) else flips.p_values
        for i, p in enumerate(found.tolist()):
            if math.isnan(flips.value[i]):
                continue
            common: dict[str, Any] = {"compare": "p_value", "group": self.g.groups[i], "n": float(self.g.rows[i])}
            common["flags"] = (FEW_CHANGED,) * bool(flips.few[i])
            yield self.base(metric.name, **common, value=p, method=how)

    @cached_property
    def _p_of_picked(self) -> dict[bool, Floats]:
        """p-values of shares whose rows a decision picks, by that decision."""
        each = {m.picks: count_flips(m, self.counts, folds=self.g.folded) for m in PAIRS if isinstance(m, PickedMetric)}
        return PickedFlips.test_together(
            {picks: flips for picks, flips in each.items() if isinstance(flips, PickedFlips)}
        )

    def _to_everybody(self, metric: PairMetric, flips: Flips) -> Iterator[ToAll]:
        """Yield the differences of every group from whom it is asked to be compared with."""
        whom = [who for who in EVERYBODY if who in self.scope.compare_to]
        if not whom:
            return
        stacked = cache(lambda: count_flips(metric, with_others(self.counts), folds=flips.folds))
        for who in whom:
            yield ToAll(f"difference_to_{who}", lambda who=who: self._against_all(metric, stacked(), who))  # type: ignore[misc]

    def _against_all(self, metric: PairMetric, stacked: Flips, who: Everybody) -> AgainstAll:
        count, tail = len(self.g.groups), self.scope.tail
        at = np.arange(count)
        rest = count + at
        to_rest = stacked.value[at] - stacked.value[rest]
        # Everybody may be measured where the rest is not, but then nobody is left to compare with.
        away = np.where(np.isnan(to_rest), np.nan, stacked.value[at] - stacked.value[-1])
        values = to_rest if who == "rest" else away
        looks = 1 if count == 2 and who == "rest" else count
        share = self.g.shares(metric.masks[2][..., 0])

        def limits_at(error: float) -> Limits:
            found = stacked.bound_between(error, at, rest)
            if who == "rest":
                return found
            if isinstance(stacked, PickedFlips):
                # Each decision picks its own rows, so that everybody is no mean of a group and all others.
                return stacked.bound_to_whole(error)
            return mean_to_whole(to_rest, found, share, error)

        plain = limits_at(tail)
        last = furthest("difference", values, plain, limits_at(tail / looks))
        how = _compare_by(self._method(metric))
        if who == "overall":
            how += OF_PART if isinstance(stacked, PickedFlips) else OF_WHOLE
        thin, gone = stacked.sample.thin, np.flatnonzero(np.isnan(to_rest))
        return AgainstAll(
            value=values,
            limits=Limits(np.fmin(plain.low, values), np.fmax(plain.high, values)),
            method=[how] * count,
            thin=thin[at] | thin[rest],
            reason=lambda i: self._reason_against_all(metric, stacked, i),
            furthest=last,
            furthest_method=f"{how}, corrected for {looks} comparisons on the failing side",
            furthest_reason=self._reason_against_all(metric, stacked, int(gone[0])) if len(gone) else "",
            is_bounded=last.low > 0 or last.high < stacked.top,
        )

    def _reason_against_all(self, metric: PairMetric, stacked: Flips, i: int) -> str:
        if np.isnan(stacked.value[i]):
            return reason_for_unmeasured(self.g, [i], self._reason(metric, stacked, i))
        return reason_for_unmeasured(self.g, [i], None, "all but ")


def _compare_by(how: str) -> str:
    """Return the method of a comparison of two groups, by that of each."""
    return how if how.startswith("mover") else f"mover on {how}"
