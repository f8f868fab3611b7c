"""Errors against errors and the spread of benefits: every group, every gap, and how much lies between the groups.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import NO_TWO_GROUPS, Ends, GroupPairs, Quantity
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.pairs import Kind
from audit.measurement.inference.rising import RisingSample, against, gap, highest, limits, risen
from audit.measurement.metrics.benefits import BENEFITS, BETWEEN_ENTROPY, BETWEEN_THEIL
from audit.measurement.metrics.kinds import Rising, Statistic
from audit.measurement.rates.group_table import KINDS
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.scope import Block


class BenefitTable(RateTable):
    """Estimates of one grouping."""

    says_open_sides = True

    def block(self) -> Block:
        """All of them, made when one is asked for."""
        names = frozenset(m.name for m in (*BENEFITS, BETWEEN_ENTROPY, BETWEEN_THEIL))
        return Block("model", names, self.g.by, self.estimates)

    def estimates(self) -> list[Estimate]:
        """Each statistic of every group, its comparisons, and what of the inequality lies between the groups."""
        found: list[Estimate] = []
        for metric in BENEFITS:
            values = risen(self.g.sample(metric.below), metric.rises)
            found += self._values(metric, values)
            if self.comparable and metric.judged:
                found += self._comparisons(metric, values)
        return [*found, *self._between()] if self.comparable else found

    def _comparisons(self, metric: Rising, values: RisingSample) -> list[Estimate]:
        if len(self.g.groups) < 2:
            return [self.too_few(metric.name, compare) for compare in metric.judged]
        found, how = self._quantity(metric, values), self._how(metric)
        made: list[Estimate] = []
        for kind in KINDS:
            if kind in metric.judged:
                made += self.over_pairs(found, self._pairs(kind, values, how))
        if "ratio" in metric.judged:
            made += self.to_reference(found, self._pairs("difference", values, how))
        ends = Ends(
            which="highest",
            find=partial(highest, values, self.scope.tail),
            how=how,
            exact=self._how(metric, exact=True),
        )
        return [*made, self.at_end(found, ends)]

    def _quantity(self, metric: Rising, values: RisingSample) -> Quantity:
        reasons = [self._reason_for_group(metric, values, i) for i in range(len(self.g.groups))]
        return Quantity(
            metric=metric.name,
            value=np.where(values.known, values.value, np.nan),
            limits=limits(values, self.scope.tail),
            thin=values.sample.thin,
            method=(),
            reason=reasons.__getitem__,
            no_ratio=f"0/0: {metric.title.lower()} is 0 in every group",
        )

    def _pairs(self, kind: Kind, values: RisingSample, how: str) -> GroupPairs:
        return GroupPairs(
            kind=kind,
            value=np.where(values.known, values.value, np.nan),
            uncertain=values.sample.thin,
            how=f"{'mover' if kind == 'difference' else 'mover-r'} on {how}",
            gap=partial(gap, values, kind, self.scope.tail),
            against=partial(against, values, kind, tail=self.scope.tail),
            # Where a group has no value, of what has no upper bound only a lower limit of the difference says anything.
            top=-math.inf if kind == "difference" else 1.0,
            always=True,
        )

    def _how(self, metric: Rising, *, exact: bool = False) -> str:
        """Method of one group's limits."""
        method = self._method(exact)
        if isinstance(metric.below, Statistic):
            return f"{method}, rows worth by {'jackknife' if self.g.folded else 'delta method'}, carried over"
        return f"{method} of FN / (FN + FP), carried over"

    def _values(self, metric: Rising, values: RisingSample) -> list[Estimate]:
        bounds = limits(values, self.scope.tail)
        return [self._value(metric, values, bounds, i) for i in range(len(self.g.groups))]

    def _value(self, metric: Rising, values: RisingSample, bounds: Limits, i: int) -> Estimate:
        common: dict[str, Any] = {"group": self.g.groups[i], "n": float(self.g.rows[i])}
        if math.isnan(values.value[i]):
            return self.base(
                metric.name, **common, status="undefined", reason=self._reason_for_group(metric, values, i)
            )
        low = float(bounds.low[i])
        if math.isinf(values.value[i]):
            side = {} if metric.open else {"low": low, "high": math.inf, "method": self._how(metric)}
            return self.base(metric.name, **common, **side, status="undefined", reason=metric.infinite)
        value = float(values.value[i])
        if metric.open:
            return self.base(metric.name, **common, value=value, method=metric.open)
        return self.base(
            metric.name,
            **common,
            value=value,
            low=min(low, value),
            high=max(float(bounds.high[i]), value),
            method=self._how(metric),
            flags=self._group_flags(values.sample, i),
        )

    def _reason_for_group(self, metric: Rising, values: RisingSample, i: int) -> str:
        """Why a group has no number."""
        if (nobody := self.g.nobody(i)) is not None:
            return nobody
        if math.isinf(values.value[i]):
            return metric.infinite
        return metric.below.empty

    def _between(self) -> list[Estimate]:
        """What of the inequality of benefits would be left if everybody had the mean of their group."""
        weighted = "w" in self.g.counts
        tn, fp, fn, tp = np.moveaxis(self.g.counts["w" if weighted else "n"].sum(axis=3).reshape(-1, 4), 1, 0)
        w = (tn + fp + fn + tp).astype(float)
        common: dict[str, Any] = {"compare": "between_groups", "n": float(self.g.rows.sum()), "flags": self.flags}
        live = w > 0
        benefit = (tn + tp + 2 * fp).astype(float)
        undefined = self._why_not_between(live, float(benefit.sum()))
        if undefined:
            return [
                self.base(m.name, **common, status="undefined", reason=undefined)
                for m in (BETWEEN_ENTROPY, BETWEEN_THEIL)
            ]
        share, mean = w[live] / w.sum(), benefit.sum() / w.sum()
        relative = benefit[live] / w[live] / mean
        logs = np.log(relative, out=np.zeros_like(relative), where=relative > 0)
        method = self._chance(w, share, float((4 * fp + tn + tp).sum() / w.sum() / mean**2 - 1))
        values = (((relative**2 * share).sum() - 1) / 2, (share * relative * logs).sum())
        return [
            self.base(m.name, **common, value=max(0.0, float(value)), method=method)
            for m, value in zip((BETWEEN_ENTROPY, BETWEEN_THEIL), values, strict=True)
        ]

    @staticmethod
    def _why_not_between(live: np.ndarray, benefit: float) -> str:
        if live.sum() < 2:
            return NO_TWO_GROUPS
        if benefit > 0:
            return ""
        return "0/0: every row is a false negative, so there is no benefit"

    def _chance(self, w: np.ndarray, share: np.ndarray, spread: float) -> str:
        """What chance alone shows: half the variance of the groups' means about their own mean, by the delta method."""
        if self.g.folded:
            return "no interval: rows share units, and this has no recipe for them"
        w2 = self.g.counts["w2" if "w2" in self.g.counts else "n"].sum(axis=(1, 2, 3))
        live = w > 0
        variance = spread * w2[live] / w[live] ** 2
        floor = float((share * (1 - share) * variance).sum() / 2)
        return f"no interval; equal groups of these sizes show about {floor:.3g} on average"
