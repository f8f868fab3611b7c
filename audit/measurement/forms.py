"""Estimates of statistics on their own scale, and the interval of the worst or the mean of several gaps.

Must not: read a count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np

from audit.catalogue import ClassStatistic, Criterion, Rate, Statistic, asks_of
from audit.inference.effective import Sample
from audit.inference.pairs import Kind
from audit.value import Estimate

KINDS: tuple[Kind, ...] = ("difference", "ratio")
Measured = Rate | Statistic | ClassStatistic


def event(metric: Measured) -> str:
    """What a metric counts, in words."""
    return metric.event.text if isinstance(metric, Rate) else metric.title


def smooth(estimate: Estimate, metric: Statistic | ClassStatistic) -> Estimate:
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
