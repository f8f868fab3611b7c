"""Rates of one grouping: every group, every comparison, each with its interval or its reason.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any, Literal

import numpy as np

from audit.catalogue import ClassStatistic, Criterion, Rate, Statistic, asks_of
from audit.errors import printable
from audit.fairness.criteria import CRITERIA
from audit.fairness.rates import BASE_RATE
from audit.grouping import Grouping
from audit.inference.effective import Sample
from audit.inference.intervals import Limits
from audit.inference.pairs import Gap, Kind, against, extreme, gap, single
from audit.measurement.noise import noise_of
from audit.measurement.scope import IS_LABEL, NO_GROUP, SMALL, UNMEASURED, Scope
from audit.value import Estimate, Group, Stage

KINDS: tuple[Kind, ...] = ("difference", "ratio")
Measured = Rate | Statistic | ClassStatistic


class RateTable:
    """Estimates of one grouping."""

    outcome: str | None = None
    """Class that all of it is of, where it is one class against all others."""

    def __init__(self, grouped: Grouping, scope: Scope, stage: Stage, *, comparable: bool = True) -> None:
        self.g, self.scope, self.stage = grouped, scope, stage
        self.comparable = comparable and bool(grouped.by)
        self._samples: dict[str, Sample] = {}
        self.flags: tuple[str, ...] = (NO_GROUP,) if grouped.missing_rows and grouped.by else ()
        if self.comparable and len(grouped.groups) > 1 and self._is_label():
            self.flags += (IS_LABEL,)

    def _is_label(self) -> bool:
        """Whether the group alone says the label."""
        return _determined(self.sample(BASE_RATE))

    def rates(self, metrics: Sequence[Measured]) -> list[Estimate]:
        """Each metric: every group's rate, gaps, comparisons with the reference, extremes, named criteria."""
        found = [e for metric in metrics for e in self._all(metric)]
        if self.comparable and self.stage == "model" and self.outcome is None:
            by_name = {m.name: m for m in metrics}
            named = [c for c in CRITERIA if set(c.rates) <= set(by_name)]
            found += [self._criterion(c, [by_name[rate] for rate in c.rates]) for c in named]
        return found

    def sample(self, metric: Measured) -> Sample:
        """Values of all groups for one metric, worked out once."""
        if metric.name not in self._samples:
            self._samples[metric.name] = self.g.sample(metric)
        return self._samples[metric.name]

    def _all(self, metric: Measured) -> list[Estimate]:
        sample = self.sample(metric)
        found = self._each(metric, sample)
        if self.comparable:
            for kind in KINDS if metric.range[0] >= 0 and "ratio" in metric.judged else KINDS[:1]:
                found.append(self._gap(metric, sample, kind))
                found += self._to_reference(metric, sample, kind)
            if isinstance(metric, Rate):
                noise = noise_of(sample, self.g.groups)
                found += [self.base(metric.name, n=float(self.g.rows.sum()), flags=self.flags, **n) for n in noise]
            found += [self._extreme(metric, sample, "lowest"), self._extreme(metric, sample, "highest")]
            found += self._against_everybody(metric)
        return found if isinstance(metric, Rate) else [_smooth(e, metric) for e in found]

    def _against_everybody(self, metric: Measured) -> list[Estimate]:
        """Comparisons with everybody and with the rest; see `audit.measurement.everybody`."""
        del metric
        return []

    def base(self, metric: str, **changes: Any) -> Estimate:
        """Estimate of this grouping and stage."""
        confidence = None if changes.get("low") is None and changes.get("high") is None else self.scope.confidence
        return Estimate(
            stage=self.stage, metric=metric, by=self.g.by, outcome=self.outcome, confidence=confidence, **changes
        )

    def _method(self, exact: bool = False) -> str:
        name = "clopper-pearson" if exact else "wilson"
        return (
            f"{name}, 100 folds of the unit"
            if self.g.folded
            else (f"{name}, effective n of the weights" if "w" in self.g.counts else name)
        )

    def _group_flags(self, sample: Sample, *positions: int) -> tuple[str, ...]:
        for i in positions:
            if sample.thin[i]:
                return (SMALL,)
        return ()

    def _each(self, metric: Measured, sample: Sample) -> list[Estimate]:
        limits = single(sample, self.scope.tail)
        return [self._rate(metric, sample, limits, i) for i in range(len(self.g.groups))]

    def _rate(self, metric: Measured, sample: Sample, limits: Limits, i: int) -> Estimate:
        group, rows = self.g.groups[i], float(self.g.rows[i])
        common: dict[str, Any] = {"group": group, "n": rows}
        if sample.denominator[i] <= 0:
            reason = self._empty(metric, i)
            return self.base(metric.name, **common, numerator=0.0, denominator=0.0, status="undefined", reason=reason)
        df = float(sample.df[i])
        return self.base(
            metric.name,
            **common,
            value=float(sample.p[i]),
            low=float(limits.low[i]),
            high=float(limits.high[i]),
            numerator=float(sample.numerator[i]),
            denominator=float(sample.denominator[i]),
            effective_n=float(sample.n[i]),
            degrees_of_freedom=df if math.isfinite(df) else None,
            method=self._method(),
            flags=self._group_flags(sample, i),
        )

    def _gap(self, metric: Measured, sample: Sample, kind: Kind, looks: int = 1) -> Estimate:
        if len(self.g.groups) < 2:
            return self._lonely(metric.name, kind)
        found = gap(sample, kind, self.scope.tail, looks)
        flags = self.flags + ((SMALL,) if sample.thin.any() else ())
        limits = self._bounds(found)
        if found.value is None:
            return self.base(
                metric.name,
                compare=kind,
                n=float(self.g.rows.sum()),
                status="undefined",
                **limits,
                reason=self._why(metric, sample),
                flags=(*flags, UNMEASURED),
            )
        lowest, highest = found.pair
        return self.base(
            metric.name,
            compare=kind,
            value=found.value,
            **limits,
            n=float(self.g.rows.sum()),
            pair=(self.g.groups[lowest], self.g.groups[highest]),
            numerator=float(sample.p[lowest]) if kind == "ratio" else None,
            denominator=float(sample.p[highest]) if kind == "ratio" else None,
            method=f"pairs rule, {'newcombe' if kind == 'difference' else 'mover-r'} on {self._method()}",
            flags=flags,
        )

    def _bounds(self, found: Gap) -> dict[str, Any]:
        """Interval of a gap, or none where it says nothing."""
        if found.value is None and found.low <= 0 and found.high >= 1:
            return {}
        name = self.g.groups
        return {
            "low": found.low,
            "high": found.high,
            "low_pair": (name[found.low_pair[0]], name[found.low_pair[1]]),
            "high_pair": (name[found.high_pair[0]], name[found.high_pair[1]]),
        }

    def _lonely(self, metric: str, compare: str) -> Estimate:
        have = f"only one group ({self._named(0)})" if self.g.groups else "no group"
        return self.base(
            metric,
            compare=compare,
            n=float(self.g.rows.sum()),
            status="undefined",
            flags=self.flags,
            reason=f"{have} has rows: nothing to compare; at least two are needed",
        )

    def _why(self, metric: Measured, sample: Sample) -> str:
        empty = [i for i in range(len(self.g.groups)) if not sample.measured[i]]
        if not empty:
            return f"0/0: {_event(metric)} for nobody in any group"
        named = ", ".join(self._named(i) for i in empty[:3]) + (f" and {len(empty) - 3} more" if len(empty) > 3 else "")
        return f"not measured for {named} ({self._empty(metric, empty[0])})"

    def _empty(self, metric: Measured, i: int) -> str:
        """Why a metric is undefined for a group."""
        return metric.empty if self.g.rows[i] else "0/0: no rows in this group"

    def _named(self, i: int) -> str:
        return " x ".join(printable(level) for level in self.g.groups[i])

    def _to_reference(self, metric: Measured, sample: Sample, kind: Kind) -> list[Estimate]:
        if len(self.g.groups) < 2:
            return []
        at = self.g.reference
        limits = against(sample, kind, at, self.scope.tail)
        return [self._pairwise(metric, sample, limits, kind, i) for i in range(len(self.g.groups)) if i != at]

    def _pairwise(self, metric: Measured, sample: Sample, limits: Limits, kind: Kind, i: int) -> Estimate:
        at = self.g.reference
        p, q = float(sample.p[i]), float(sample.p[at])
        common: dict[str, Any] = {
            "compare": kind,
            "group": self.g.groups[i],
            "reference": self.g.groups[at],
            "n": float(self.g.rows[i] + self.g.rows[at]),
            "flags": self.flags + self._group_flags(sample, i, at),
        }
        empty = next((j for j in (i, at) if not sample.measured[j]), None)
        if empty is not None:
            return self.base(
                metric.name,
                **common,
                status="undefined",
                reason=f"not measured for {self._named(empty)} ({self._empty(metric, empty)})",
            )
        if kind == "ratio" and q == 0:
            reason = f"{'0' if p == 0 else 'x'}/0: {_event(metric)} for nobody in {self._named(at)}"
            return self.base(metric.name, **common, status="undefined", reason=reason)
        high = float(limits.high[i])
        return self.base(
            metric.name,
            **common,
            value=p - q if kind == "difference" else p / q,
            low=float(limits.low[i]),
            high=high if math.isfinite(high) else None,
            method=f"{'newcombe' if kind == 'difference' else 'mover-r'} on "
            f"{self._method()}{'' if math.isfinite(high) else '; no upper limit'}",
            numerator=p if kind == "ratio" else None,
            denominator=q if kind == "ratio" else None,
        )

    def _extreme(self, metric: Measured, sample: Sample, which: Literal["lowest", "highest"]) -> Estimate:
        if not len(self.g.groups):
            return self._lonely(metric.name, which)
        found = extreme(sample, which, self.scope.tail)
        flags = self.flags + ((SMALL,) if sample.thin.any() else ())
        common: dict[str, Any] = {"compare": which, "low": found.low, "high": found.high, "n": float(self.g.rows.sum())}
        if found.value is None:
            return self.base(
                metric.name, **common, status="undefined", reason=self._why(metric, sample), flags=(*flags, UNMEASURED)
            )
        lowest, highest = int(np.argmin(sample.p)), int(np.argmax(sample.p))
        return self.base(
            metric.name,
            **common,
            value=found.value,
            flags=flags,
            pair=(self.g.groups[lowest], self.g.groups[highest]),
            method=f"{self._method(found.exact)}, corrected for {len(self.g.groups)} groups on the failing side",
        )

    def _criterion(self, criterion: Criterion, metrics: Sequence[Measured]) -> Estimate:
        """Worst of several gaps, or their mean; the failing side is corrected for having looked at all of them."""
        parts = [self._gap(m, self.sample(m), criterion.compare, looks=len(metrics)) for m in metrics]
        undefined = next((p for p in parts if p.value is None), None)
        flags = tuple(dict.fromkeys(f for p in parts for f in p.flags))
        common: dict[str, Any] = {"compare": criterion.compare, "n": parts[0].n, "flags": flags}
        bounds = _bounds_over(parts, criterion)
        if undefined is not None:
            return self.base(
                criterion.name, **common, **bounds, status="undefined", reason=f"{undefined.metric}: {undefined.reason}"
            )
        pick = max if criterion.compare == "difference" else min
        worst = pick(parts, key=lambda p: float(p.value or 0.0))
        method = worst.method if len(parts) == 1 else f"{worst.method}; worst of {' and '.join(criterion.rates)}"
        value = worst.value
        if criterion.aggregate == "mean":
            value = fmean(float(p.value or 0.0) for p in parts)
            method = f"{worst.method}; mean of the values and of the limits of {' and '.join(criterion.rates)}"
        return self.base(criterion.name, **common, **bounds, value=value, pair=worst.pair, method=method)


def _event(metric: Measured) -> str:
    return metric.event.text if isinstance(metric, Rate) else metric.title


def _smooth(estimate: Estimate, metric: Statistic | ClassStatistic) -> Estimate:
    """Estimate of a statistic on its own scale, with the method that its interval comes from."""
    low, high = metric.range
    kind = asks_of(estimate.compare)[0]
    width, start = high - low, 0.0 if kind in KINDS else low

    def scaled(value: float | None) -> float | None:
        return None if value is None or kind == "ratio" else start + width * value

    method = (
        estimate.method
        and f"{estimate.method}, rows worth by {'jackknife' if 'fold' in estimate.method else 'delta method'}"
    )
    moved: dict[str, Any] = (
        {} if (low, high) == (0.0, 1.0) else {k: scaled(getattr(estimate, k)) for k in ("value", "low", "high")}
    )
    kept = kind == "ratio"
    return replace(estimate, **moved, method=method, numerator=estimate.numerator if kept else None,
                   denominator=estimate.denominator if kept else None)  # fmt: skip


def _determined(sample: Sample) -> bool:
    """Whether the group alone says the label: every group all positive or all negative, and both occur."""
    p = sample.p[sample.measured]
    return len(p) > 1 and bool(np.all((p == 0) | (p == 1)) and p.min() != p.max())


def _bounds_over(parts: Sequence[Estimate], criterion: Criterion) -> dict[str, Group | float]:
    """Interval of the worst of several gaps, or of their mean; a part without an interval could be anything in [0, 1].

    The mean of the limits holds for gaps that err together, and is never too short for others.
    """
    lows = [0.0 if p.low is None else p.low for p in parts]
    highs = [1.0 if p.high is None else p.high for p in parts]
    pick = fmean if criterion.aggregate == "mean" else max if criterion.compare == "difference" else min
    low, high = pick(lows), pick(highs)
    return {} if low <= 0 and high >= 1 else {"low": low, "high": high}
