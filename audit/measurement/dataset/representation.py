"""Bias of a data set before any model: who is in it, and how labels differ.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from audit.errors import printable
from audit.estimate import Estimate
from audit.measurement.comparisons import group_label, join_flags, largest_of, reason_for_unmeasured
from audit.measurement.dataset.distances import distances, population_distances
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.pairs import against, guarded, single
from audit.measurement.metrics.dataset import CLASS_IMBALANCE, DATA_BASE_RATE, LABEL_GAP, REPRESENTATION
from audit.measurement.rates.to_everybody import EverybodyTable


class BiasTable(EverybodyTable):
    """Estimates of one grouping of a data set."""

    def representation(self) -> list[Estimate]:
        """Each group's share of the rows, and what it is of its share of the population."""
        if not self.comparable:
            return []
        sample = self.g.shares()
        found = list(self._estimate_groups(REPRESENTATION, sample, single(sample, self.scope.tail)))
        found += [self._extreme(REPRESENTATION, sample, "lowest"), self._extreme(REPRESENTATION, sample, "highest")]
        population = self.scope.population.get(self.g.by[0]) if len(self.g.by) == 1 else None
        if not population:
            return found
        against = self._against_population(sample, population)
        return [*found, *against, *population_distances(self, against, population)]

    def against_reference(self, *, labelled: bool) -> list[Estimate]:
        """Class imbalance and difference in proportions of labels, of every group against the reference."""
        if not self.comparable:
            return []
        others = [i for i in range(len(self.g.groups)) if i != self.g.reference]
        if not others:
            return [self.too_few(CLASS_IMBALANCE.name, "largest")]
        corrected = self.scope.tail / len(others)
        found = [self._imbalance(i, self.scope.tail) for i in others]
        found.append(self._largest(found, [self._imbalance(i, corrected) for i in others]))
        if labelled:
            gaps = self._label_gaps(others, self.scope.tail)
            found += [*gaps, self._largest(gaps, self._label_gaps(others, corrected)), *distances(self, gaps)]
        return found

    def _label_gaps(self, others: Sequence[int], tail: float) -> list[Estimate]:
        sample = self.g.sample(DATA_BASE_RATE)
        limits = against(sample, "difference", self.g.reference, tail)
        return [self._label_gap(sample, limits, i) for i in others]

    def _largest(self, each: Sequence[Estimate], corrected: Sequence[Estimate]) -> Estimate:
        """Largest absolute value over the groups; the failing side is corrected for having looked at all of them."""
        metric, n = each[0].metric, float(self.g.rows.sum())
        flags = join_flags(each)
        common: dict[str, Any] = {"compare": "largest", "n": n, "flags": flags}
        undefined = next((e for e in each if e.value is None), None)
        if undefined is not None:
            return self.base(metric, **common, status="undefined", reason=undefined.reason)
        return self.base(metric, **common, **largest_of(each, corrected, self.g.groups[self.g.reference]))

    def _imbalance(self, i: int, tail: float) -> Estimate:
        at, rows = self.g.reference, float(self.g.rows[i] + self.g.rows[self.g.reference])
        sample = self.g.share_against(i)
        common: dict[str, Any] = {"group": self.g.groups[i], "reference": self.g.groups[at], "n": rows}
        if not sample.measured[0]:
            return self.base(CLASS_IMBALANCE.name, **common, status="undefined", reason="0/0: no rows in either group")
        limits, share = guarded(sample, tail), float(sample.p[0])
        return self.base(
            CLASS_IMBALANCE.name,
            **common,
            value=2 * share - 1,
            low=2 * float(limits.low[0]) - 1,
            high=2 * float(limits.high[0]) - 1,
            method=f"{self._method()} on the share",
            flags=self.flags,
        )

    def _label_gap(self, sample: Sample, limits: Limits, i: int) -> Estimate:
        at = self.g.reference
        common = self.with_reference(i, at)
        empty = next((j for j in (i, at) if not sample.measured[j]), None)
        if empty is not None:
            reason = reason_for_unmeasured(self.g, [empty], self.g.nobody(empty))
            return self.base(LABEL_GAP.name, **common, status="undefined", reason=reason)
        return self.base(
            LABEL_GAP.name,
            **common,
            value=float(sample.p[at] - sample.p[i]),
            low=-float(limits.high[i]),
            high=-float(limits.low[i]),
            method=f"newcombe on {self._method()}",
            flags=self.flags + self._group_flags(sample, i, at),
        )

    def _against_population(self, sample: Sample, population: Mapping[str, float]) -> list[Estimate]:
        """Share in the data over share in the population, which is taken as known: each group's, then the lowest."""
        names, count = [g[0] for g in self.g.groups], len(self.g.groups)
        inner, outer = guarded(sample, self.scope.tail), guarded(sample, self.scope.tail / max(count, 1))
        expected = np.array([population.get(str(n)) or math.nan for n in names])
        each = [self._to_population(sample, inner, i, float(expected[i])) for i in range(count)]
        absent = [level for level, share in population.items() if share > 0 and level not in names]
        common: dict[str, Any] = {"compare": "ratio", "reference": ("population",), "n": float(self.g.rows.sum())}
        unknown = next((e for e in each if e.value is None), None)
        if absent or unknown is not None or not each:
            reason = (
                f"no row of the data is {printable(absent[0])}" if absent else "a group has no share in the population"
            )
            return [*each, self.base(REPRESENTATION.name, **common, status="undefined", reason=reason)]
        ratio = sample.p / expected
        at = int(np.argmin(ratio))
        return [
            *each,
            self.base(
                REPRESENTATION.name,
                **common,
                value=float(ratio[at]),
                low=float((inner.low / expected).min()),
                high=float((outer.high / expected).min()),
                pair=(self.g.groups[at], ("population",)),
                method=f"{self._method()} over a known share, corrected for {count} groups on the failing side",
            ),
        ]

    def _to_population(self, sample: Sample, limits: Limits, i: int, expected: float) -> Estimate:
        common: dict[str, Any] = {
            "compare": "ratio",
            "group": self.g.groups[i],
            "reference": ("population",),
            "n": float(self.g.rows[i]),
        }
        if not sample.measured[i] or math.isnan(expected):
            unnamed = f"the reference population names no share for {group_label(self.g, i)}"
            reason = unnamed if sample.measured[i] else self.g.nobody(i)
            return self.base(REPRESENTATION.name, **common, status="undefined", reason=reason)
        return self.base(
            REPRESENTATION.name,
            **common,
            value=float(sample.p[i]) / expected,
            low=float(limits.low[i]) / expected,
            high=float(limits.high[i]) / expected,
            numerator=float(sample.p[i]),
            denominator=expected,
            method=f"{self._method()} over a known share",
        )
