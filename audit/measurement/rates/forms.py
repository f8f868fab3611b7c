"""Estimates of statistics on their own scale, and the interval of the worst or the mean of several gaps.

Must not: read a count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np

from audit.estimate import Estimate
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Floats
from audit.measurement.inference.pairs import Kind
from audit.measurement.metrics.kinds import ClassStatistic, Criterion, Rate, Statistic, asks_of

KINDS: tuple[Kind, ...] = ("difference", "ratio")
BOUNDED = ("value", "low", "high")
Measured = Rate | Statistic | ClassStatistic


def event(metric: Measured) -> str:
    """What a metric counts, in words."""
    return metric.event.text if isinstance(metric, Rate) else metric.title


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

    def moved(self, values: Floats) -> Floats:
        """Values on the metric's own scale."""
        if (self.start, self.width) == (0.0, 1.0):
            return values
        return self.start + self.width * values

    def said(self, method: str) -> str:
        """Method with what a metric's rows are worth by, where it is no share of them."""
        if self.counted:
            return method
        return f"{method}, rows worth by {'jackknife' if 'fold' in method else 'delta method'}"


def on_scale(estimate: Estimate, metric: Measured) -> Estimate:
    """Estimate on its metric's own scale, with the method that its interval comes from."""
    if isinstance(metric, Rate):
        return estimate
    asked = asks_of(estimate.compare)[0]
    kind: Kind | None = "difference" if asked == "difference" else "ratio" if asked == "ratio" else None
    scale, kept = Scale.of(metric, kind), kind == "ratio"

    def moved(value: float | None) -> float | None:
        return None if value is None else scale.start + scale.width * value

    values: dict[str, Any] = (
        {} if (scale.start, scale.width) == (0.0, 1.0) else {k: moved(getattr(estimate, k)) for k in BOUNDED}
    )
    method = estimate.method and scale.said(estimate.method)
    return replace(estimate, **values, method=method, numerator=estimate.numerator if kept else None,
                   denominator=estimate.denominator if kept else None)  # fmt: skip


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
    return {} if low <= 0 and high >= 1 else {"low": low, "high": high, **pairs}
