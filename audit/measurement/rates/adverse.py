"""Adverse impact: every group against the group with the highest selection rate, and how surprising that is.

The highest group is chosen from the data. Where all groups are alike, comparing the others with it at 5% raises a false
alarm in 20% of samples of four groups and in half of those of eight; a correction for the G - 1 comparisons still does
in 8% and 13%, and one for all G (G - 1) / 2 pairs, from which the pair was chosen, in 4% (20,000 samples each; see
tests/measurement/rates/test_adverse.py). So p is corrected for all pairs. Must not: read rows, or know a policy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import reason_for_unmeasured
from audit.measurement.grouping import Grouping
from audit.measurement.inference.contingency import fisher, inverted_p, pooled_z
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.pairs import against, rests_on_few
from audit.measurement.metrics.adverse import (
    ADVERSE,
    CORRECTED,
    FEW_EXPECTED,
    FOUR_FIFTHS,
    IMPACT_P,
    IMPACT_RATIO,
    IMPACT_Z,
    IN_WEIGHTS,
    NOT_SELECTED,
    ONE_DECIDES,
    SHORTFALL,
    UNDER_FOUR_FIFTHS,
    UNDER_TWO_PERCENT,
)
from audit.measurement.metrics.rates import SELECTION_RATE
from audit.measurement.rates.group_table import FEW
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.scope import Block, Scope

ROUNDING = 1e-12
TWO_PERCENT = 0.02
LEAST_EXPECTED = 5.0
"""Rows that have to be expected in each cell of a table for standard deviations to mean something (Cochran 1954)."""
CHOSEN = "the highest group is chosen from the data, which this pair's own interval does not allow for"
TOO_FEW = "under 5 rows expected in a cell, too few for standard deviations; adverse_impact_p decides"
SHARED = "rows share units, and standard deviations of plain rows would be too large; adverse_impact_p allows for them"


def adverse_block(grouped: Grouping, scope: Scope) -> Block:
    """Adverse impact of every group of one attribute or crossing."""
    table = _AdverseTable(grouped, scope, "model")
    return Block("model", frozenset(m.name for m in ADVERSE), grouped.by, table.adverse)


class _AdverseTable(RateTable):
    """Estimates of one grouping."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What is unusual about every comparison."""
        if self.scope.harmful:
            return (*super().flags, NOT_SELECTED)
        return super().flags

    def adverse(self) -> list[Estimate]:
        """Ratio, standard deviations, p and shortfall of each group, and the lowest ratio of all."""
        sample = self.g.sample(SELECTION_RATE)
        if self.scope.harmful:
            sample = _turn(sample)
        gap = self._gap(SELECTION_RATE, sample, "ratio")
        lowest = replace(gap, metric=IMPACT_RATIO.name, compare="lowest", numerator=None, denominator=None)
        if len(self.g.groups) < 2 or not sample.measured.any():
            return [lowest]
        at = int(np.nanargmax(sample.p))
        others = [i for i in range(len(self.g.groups)) if i != at]
        return [
            *self._ratios(sample, at, others),
            lowest,
            *self._tests(sample, at, others),
            *(self._shortfall(sample, at, i) for i in others),
        ]

    def _estimate_group(self, metric: str, sample: Sample, at: int, i: int, **more: Any) -> Estimate:
        """Estimate of group ``i`` against the highest, or why there is none."""
        common = self.with_reference(i, at) | {"flags": self._marks(sample, at, i)}
        why = self._unknown(sample, at, i)
        if why is None:
            return self.base(metric, **common, **more)
        return self.base(metric, **common, status="undefined", reason=why, compare=more.get("compare"))

    def _unknown(self, sample: Sample, at: int, i: int) -> str | None:
        if not sample.measured[i]:
            reason = self.g.nobody(i) or SELECTION_RATE.empty
            return reason_for_unmeasured(self.g, [i], reason)
        none = "every row of every group was" if self.scope.harmful else "no row of any group was"
        return None if sample.p[at] > 0 else f"0/0: {none} selected"

    def _marks(self, sample: Sample, at: int, i: int) -> tuple[str, ...]:
        """What is unusual about a group: how few it is, and how little decides."""
        rows = float(self.g.rows.sum()) + self.g.missing_rows
        marks = self.flags + self._group_flags(sample, i, at)
        marks += (UNDER_TWO_PERCENT,) if self.g.rows[i] < TWO_PERCENT * rows else ()
        if self._unknown(sample, at, i) is not None or not _is_under(float(sample.p[i] / sample.p[at])):
            return marks
        return (*marks, UNDER_FOUR_FIFTHS, *((ONE_DECIDES,) if self._one_decides(sample, at, i) else ()))

    def _one_decides(self, sample: Sample, at: int, i: int) -> bool:
        if self.g.folded or "w" in self.g.counts or sample.numerator[i] >= sample.denominator[i]:
            return False
        rate = (sample.numerator[i] + 1) / sample.denominator[i]
        return not rate < FOUR_FIFTHS * (sample.numerator[at] - 1) / sample.denominator[at] - ROUNDING

    def _ratios(self, sample: Sample, at: int, others: Sequence[int]) -> list[Estimate]:
        limits, few = against(sample, "ratio", at, self.scope.tail), rests_on_few(sample, self.scope.tail)
        found = []
        for i in others:
            high = float(limits.high[i]) if math.isfinite(limits.high[i]) else None
            open_ = (FEW if few[i] or few[at] else "") + ("; no upper limit" if high is None else "")
            value = float(sample.p[i] / sample.p[at]) if self._unknown(sample, at, i) is None else None
            low = float(limits.low[i])
            found.append(
                self._estimate_group(
                    IMPACT_RATIO.name,
                    sample,
                    at,
                    i,
                    value=value,
                    low=low,
                    high=high,
                    method=f"mover-r on {self._method()}{open_}; {CHOSEN}",
                )
            )
        return found

    def _tests(self, sample: Sample, at: int, others: Sequence[int]) -> list[Estimate]:
        z, p, how = pooled_z(sample, at), self._chance(sample, at), self._test()
        pairs = int(sample.measured.sum()) * (int(sample.measured.sum()) - 1) // 2
        corrected = f"{how}, Bonferroni over {pairs} pairs, because the highest group is chosen from the data"
        found = [self._z(sample, at, i, float(z[i])) for i in others]
        for i in others:
            chance = float(p[i])
            found.append(self._estimate_group(IMPACT_P.name, sample, at, i, value=chance, method=how))
            found.append(
                self._estimate_group(
                    IMPACT_P.name, sample, at, i, compare=CORRECTED, value=min(1.0, pairs * chance), method=corrected
                )
            )
        return found

    def _z(self, sample: Sample, at: int, i: int, z: float) -> Estimate:
        if self._unknown(sample, at, i) is None and (self.g.folded or math.isnan(z)):
            all_alike = "no row of either group was" if self.scope.harmful else "every row of both groups was"
            reason = SHARED if self.g.folded else f"0/0: {all_alike} selected"
            found = self._estimate_group(IMPACT_Z.name, sample, at, i)
            return replace(found, status="undefined", reason=reason)
        how = "pooled two-sample z" + (", effective n of the weights" if "w" in self.g.counts else "")
        found = self._estimate_group(IMPACT_Z.name, sample, at, i, value=z, method=how)
        if self._unknown(sample, at, i) is not None or self._least_expected(sample, at, i) >= LEAST_EXPECTED:
            return found
        return replace(found, method=f"{how}; {TOO_FEW}", flags=(*found.flags, FEW_EXPECTED))

    def _least_expected(self, sample: Sample, at: int, i: int) -> float:
        """Rows expected in the emptiest cell of the table of both groups, if both were selected alike."""
        n, other = float(sample.n[i]), float(sample.n[at])
        both = (n * float(sample.p[i]) + other * float(sample.p[at])) / (n + other)
        return min(n, other) * min(both, 1 - both)

    def _test(self) -> str:
        plain = not self.g.folded and "w" not in self.g.counts
        if plain:
            return "Fisher's exact test, two-sided"
        return f"newcombe on {self._method()}, inverted, two-sided"

    def _chance(self, sample: Sample, at: int) -> np.ndarray:
        if self.g.folded or "w" in self.g.counts:
            return inverted_p(sample, at)
        hits, rows = sample.numerator, sample.denominator
        each = [
            fisher(hits[i], rows[i], hits[at], rows[at]) if sample.measured[i] else math.nan for i in range(len(rows))
        ]
        return np.array(each)

    def _shortfall(self, sample: Sample, at: int, i: int) -> Estimate:
        hits, rows = sample.numerator, sample.denominator
        both = float(rows[i] + rows[at])
        # Expected less selected as one quotient: taken off each other, both would drown the weights of a small group.
        short = max(0.0, float((rows[i] * hits[at] - rows[at] * hits[i]) / both)) if both else 0.0
        short, weights = float(self.g.unscale(short)), f", {IN_WEIGHTS}" if "w" in self.g.counts else ""
        method = f"expected at the rate of both groups less selected{weights}; no interval"
        return self._estimate_group(SHORTFALL.name, sample, at, i, value=short, method=method)


def _turn(sample: Sample) -> Sample:
    """Return rates of not being selected, from their counts: of what 1 - p rounds, 48% over 60% would be under 4/5."""
    others = sample.denominator - sample.numerator
    p = np.divide(others, sample.denominator, out=np.full(others.shape, np.nan), where=sample.measured)
    return replace(sample, p=p, numerator=others)


def _is_under(ratio: float) -> bool:
    """Whether a ratio is under four fifths; 48% over 60% is not, whatever its last bit says."""
    return ratio < FOUR_FIFTHS - ROUNDING
