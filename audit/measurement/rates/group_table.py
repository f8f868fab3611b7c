"""The rows of one grouping: every group by itself and against the reference, each with its interval or its reason.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from audit.estimate import Estimate, Stage
from audit.measurement.comparisons import (
    Comparisons,
    comparison_flags,
    describe_rows,
    group_label,
    reason_for_unmeasured,
)
from audit.measurement.grouping import Grouping
from audit.measurement.inference.effective import Sample, together
from audit.measurement.inference.intervals import Floats, Limits
from audit.measurement.inference.pairs import Extreme, Gap, Kind, extremes, few_beside, gaps, shown_against, single
from audit.measurement.metrics.kinds import ClassStatistic, Criterion, Rate, Statistic, split_comparison
from audit.measurement.metrics.rates import BASE_RATE
from audit.measurement.scope import IS_LABEL, SMALL, Scope

KINDS: tuple[Kind, ...] = ("difference", "ratio")
BOUNDED = ("value", "low", "high")
Measured = Rate | Statistic | ClassStatistic


FEW = ", clopper-pearson where events are few"
"""Said of a comparison of which a side holds few events."""


class GroupTable(Comparisons):
    """Estimates of the groups of one grouping."""

    def __init__(self, grouped: Grouping, scope: Scope, stage: Stage, *, comparable: bool = True) -> None:
        super().__init__(grouped, scope, stage, comparable=comparable)
        self._samples: dict[str, Sample] = {}

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """What is to be said of every comparison."""
        flags = comparison_flags(self.g)
        alone = self.comparable and len(self.g.groups) > 1 and self._is_label()
        return (*flags, IS_LABEL) if alone else flags

    def _is_label(self) -> bool:
        """Whether the group alone says the label."""
        return determined(self.sample(BASE_RATE))

    def sample(self, metric: Measured) -> Sample:
        """Values of all groups for one metric, worked out once."""
        if metric.name not in self._samples:
            self._samples[metric.name] = self.g.sample(metric)
        return self._samples[metric.name]

    def _method(self, exact: bool = False) -> str:
        name = "clopper-pearson" if exact else "wilson"
        return describe_rows(name, folded=self.g.folded, weighted="w" in self.g.counts)

    def _group_flags(self, sample: Sample, *positions: int) -> tuple[str, ...]:
        for i in positions:
            if sample.thin[i]:
                return (SMALL,)
        return ()

    def _estimate_groups(self, metric: Measured, sample: Sample, limits: Limits) -> Iterator[Estimate]:
        """Every group's own value."""
        scale = Scale.of(metric)
        method = scale.describe_method(self._method())
        weighted, totals = "w" in self.g.counts, (sample.numerator, sample.denominator)
        given = self.g.rows_given(metric) if weighted else self.g.rows
        columns = (
            *(scale.to_own(x) for x in (sample.p, *limits)),
            *(self.g.unscale(x) for x in totals),
            sample.n,
            sample.df,
            self.g.rows,
            sample.thin,
            given,
        )
        rows = zip(self.g.groups, *(c.tolist() for c in columns), strict=True)
        for i, (group, p, low, high, hits, total, n, df, here, thin, under) in enumerate(rows):
            if total <= 0:
                yield self._empty_group(metric, i)
                continue
            yield Estimate(
                stage=self.stage,
                metric=metric.name,
                by=self.g.by,
                group=group,
                outcome=self.outcome,
                value=p,
                low=low,
                high=high,
                confidence=self.scope.confidence,
                method=method,
                n=float(here),
                numerator=hits if scale.counted else None,
                denominator=total if scale.counted else None,
                effective_n=n,
                rows=float(under) if weighted and scale.counted else None,
                degrees_of_freedom=df if math.isfinite(df) else None,
                flags=(SMALL,) if thin else (),
            )

    def _empty_group(self, metric: Measured, i: int) -> Estimate:
        none = 0.0 if Scale.of(metric).counted else None
        return self.base(
            metric.name,
            group=self.g.groups[i],
            n=float(self.g.rows[i]),
            numerator=none,
            denominator=none,
            status="undefined",
            reason=self._empty(metric, i),
        )

    def _to_reference(
        self, metric: Measured, sample: Sample, kind: Kind, limits: Limits, exact: np.ndarray
    ) -> Iterator[Estimate]:
        """Every other group's difference from the reference, or ratio to it."""
        at, ratio, scale = self.g.reference, kind == "ratio", Scale.of(metric, kind)
        q, reference = float(sample.p[at]), self.g.groups[at]
        value = sample.p / q if ratio and q else sample.p - q
        columns = (
            sample.p,
            scale.to_own(value),
            *(scale.to_own(x) for x in limits),
            self.g.rows + self.g.rows[at],
            sample.thin | sample.thin[at],
            sample.measured & sample.measured[at],
            exact,
        )
        name = f"{'mover-r' if ratio else 'newcombe'} on {self._method()}"
        how = [[scale.describe_method(name + few + open_) for open_ in ("; no upper limit", "")] for few in ("", FEW)]
        flags, few = self.flags, (*self.flags, SMALL)
        rows = zip(self.g.groups, *(c.tolist() for c in columns), strict=True)
        for i, (group, p, apart, low, high, both, thin, measured, as_few) in enumerate(rows):
            if i == at:
                continue
            if not measured or (ratio and q == 0):
                yield self._no_comparison(metric, sample, kind, i)
                continue
            bounded = math.isfinite(high)
            yield Estimate(
                stage=self.stage,
                metric=metric.name,
                compare=kind,
                by=self.g.by,
                group=group,
                reference=reference,
                outcome=self.outcome,
                value=apart,
                low=low,
                high=high if bounded else None,
                confidence=self.scope.confidence,
                method=how[as_few][bounded],
                n=float(both),
                numerator=p if ratio else None,
                denominator=q if ratio else None,
                flags=few if thin else flags,
            )

    def _no_comparison(self, metric: Measured, sample: Sample, kind: Kind, i: int) -> Estimate:
        at = self.g.reference
        empty = next((j for j in (i, at) if not sample.measured[j]), None)
        if empty is not None:
            reason = reason_for_unmeasured(self.g, [empty], self._empty(metric, empty))
        else:
            reason = f"{'0' if sample.p[i] == 0 else 'x'}/0: {event(metric)} in no row of {group_label(self.g, at)}"
        flags = self.flags + self._group_flags(sample, i, at)
        common = self.with_reference(i, at) | {"compare": kind, "flags": flags}
        return self.base(metric.name, **common, status="undefined", reason=reason)

    def reason_for_comparison(self, metric: Measured, sample: Sample) -> str:
        """Say why a comparison over groups is undefined."""
        gone = np.flatnonzero(~sample.measured).tolist()
        if not gone:
            return f"0/0: {event(metric)} in no row of any group"
        return reason_for_unmeasured(self.g, gone, self._empty(metric, gone[0]))

    def _empty(self, metric: Measured, i: int) -> str:
        """Why a metric is undefined for a group."""
        if (nobody := self.g.nobody(i)) is not None:
            return nobody
        weightless = "w" in self.g.counts and isinstance(metric, Rate) and self.g.rows_given(metric)[i] > 0
        if weightless:
            return f"{metric.empty} that has a weight above 0"
        return str(metric.empty)


# Estimates of statistics on their own scale, and the interval of the worst or the mean of several gaps.
#
# Must not: read a count.
def event(metric: Measured) -> str:
    """What a metric counts, in words."""
    if isinstance(metric, Rate):
        return metric.event.text
    return metric.title


@dataclass(frozen=True, slots=True)
class Scale:
    """From the scale of 0 to 1, on which everything is bounded, to a metric's own."""

    start: float
    width: float
    counted: bool
    """Whether it is a share of rows, so that its numerator and denominator are counts."""

    @classmethod
    def of(cls, metric: Measured, kind: Kind | None = None) -> Scale:
        """Scale of a metric, or of its differences or ratios."""
        if isinstance(metric, Rate):
            return cls(0.0, 1.0, counted=True)
        low, high = metric.range
        if kind is not None:
            return cls(0.0, high - low if kind == "difference" else 1.0, counted=False)
        return cls(low, high - low, counted=False)

    def to_own(self, values: Floats) -> Floats:
        """Values on the metric's own scale."""
        if (self.start, self.width) == (0.0, 1.0):
            return values
        return self.start + self.width * values

    def describe_method(self, method: str) -> str:
        """Method with what a metric's rows are worth by, where it is no share of them."""
        if self.counted:
            return method
        return f"{method}, rows worth by {'jackknife' if 'fold' in method else 'delta method'}"


def on_scale(estimate: Estimate, metric: Measured) -> Estimate:
    """Estimate on its metric's own scale, with the method that its interval comes from."""
    if isinstance(metric, Rate):
        return estimate
    asked = split_comparison(estimate.compare)[0]
    kind = next((kind for kind in KINDS if kind == asked), None)
    scale, kept = Scale.of(metric, kind), kind == "ratio"

    def to_own(value: float | None) -> float | None:
        return None if value is None else scale.start + scale.width * value

    values: dict[str, Any] = (
        {} if (scale.start, scale.width) == (0.0, 1.0) else {k: to_own(getattr(estimate, k)) for k in BOUNDED}
    )
    method = estimate.method and scale.describe_method(estimate.method)
    return replace(
        estimate,
        **values,
        method=method,
        numerator=estimate.numerator if kept else None,
        denominator=estimate.denominator if kept else None,
    )


def determined(sample: Sample) -> bool:
    """Whether the group alone says the label: every group all positive or all negative, and both occur."""
    p = sample.p[sample.measured]
    return len(p) > 1 and bool(np.all((p == 0) | (p == 1)) and p.min() != p.max())


def bounds_over(parts: Sequence[Estimate], criterion: Criterion) -> dict[str, Any]:
    """Interval of the worst of several gaps, or of their mean; a part without an interval could be anything in [0, 1].

    The mean of the limits holds for gaps that err together, and is never too short for others. The pairs that set the
    limits of the worst are named, because what names them must not be published where they are hidden.
    """
    lows = [0.0 if p.low is None else p.low for p in parts]
    highs = [1.0 if p.high is None else p.high for p in parts]
    if criterion.aggregate == "mean":
        low, high, pairs = fmean(lows), fmean(highs), {}
    else:
        pick = max if criterion.compare == "difference" else min
        low, high = pick(lows), pick(highs)
        pairs = {"low_pair": parts[lows.index(low)].low_pair, "high_pair": parts[highs.index(high)].high_pair}
    if low <= 0 and high >= 1:
        return {}
    return {"low": low, "high": high, **pairs}


# Several metrics of one grouping, bounded at once: closed forms over arrays of (metrics, groups).
#
# Must not: read rows, know a limit, or put a number into words.
@dataclass(frozen=True, eq=False)
class Figures:
    """Rates of all groups, gaps over them, comparisons with the reference, and extremes; each worked out once."""

    grouped: Grouping
    metrics: tuple[Measured, ...]
    tail: float

    @cached_property
    def samples(self) -> Sequence[Sample]:
        """Values of all groups, a sample a metric."""
        return self.grouped.samples(self.metrics)

    @cached_property
    def together(self) -> Sample:
        """All samples as one, shape (M, G)."""
        rates = [m for m in self.metrics if isinstance(m, Rate)]
        if len(rates) == len(self.metrics) and not self.grouped.folded:
            return self.grouped.together(rates)
        return together(self.samples)

    @cached_property
    def single(self) -> Limits:
        """Limits of each group's own value, shape (M, G)."""
        return single(self.together, self.tail)

    @cached_property
    def differences(self) -> list[Gap]:
        """Largest difference of each metric."""
        return gaps(self.together, "difference", self.tail)

    @cached_property
    def ratios(self) -> list[Gap]:
        """Smallest ratio of each metric."""
        return gaps(self.together, "ratio", self.tail)

    def gaps(self, kind: Kind) -> list[Gap]:
        """Largest difference or smallest ratio of each metric."""
        return self.differences if kind == "difference" else self.ratios

    @cached_property
    def less_reference(self) -> Limits:
        """Limits of each group's difference from the reference, shape (M, G)."""
        return shown_against(self.together, "difference", self.grouped.reference, self.tail)

    @cached_property
    def over_reference(self) -> Limits:
        """Limits of each group's ratio to the reference, shape (M, G)."""
        return shown_against(self.together, "ratio", self.grouped.reference, self.tail)

    @cached_property
    def exact_beside(self) -> np.ndarray:
        """Groups whose comparison with the reference has exact limits, shape (M, G)."""
        return few_beside(self.together, self.grouped.reference, self.tail)

    def against(self, kind: Kind) -> Limits:
        """Limits of each group against the reference, shape (M, G)."""
        if kind == "difference":
            return self.less_reference
        return self.over_reference

    @cached_property
    def lowest(self) -> list[Extreme]:
        """Lowest group of each metric."""
        return extremes(self.together, "lowest", self.tail)

    @cached_property
    def highest(self) -> list[Extreme]:
        """Highest group of each metric."""
        return extremes(self.together, "highest", self.tail)
