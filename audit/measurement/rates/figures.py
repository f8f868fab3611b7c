"""Several metrics of one grouping, bounded at once: closed forms over arrays of (metrics, groups).

Must not: read rows, know a limit, or put a number into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from audit.measurement.grouping import Grouping
from audit.measurement.inference.effective import Sample, together
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.pairs import Extreme, Gap, Kind, extremes, few_beside, gaps, shown_against, single
from audit.measurement.metrics.kinds import Rate
from audit.measurement.rates.forms import Measured


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
        return self.less_reference if kind == "difference" else self.over_reference

    @cached_property
    def lowest(self) -> list[Extreme]:
        """Lowest group of each metric."""
        return extremes(self.together, "lowest", self.tail)

    @cached_property
    def highest(self) -> list[Extreme]:
        """Highest group of each metric."""
        return extremes(self.together, "highest", self.tail)
