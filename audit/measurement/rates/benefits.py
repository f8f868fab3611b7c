"""Errors against errors and the spread of benefits: every group, every gap, and how much lies between the groups.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from audit.estimate import Estimate, Group
from audit.measurement.blocks import Block
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.pairs import Kind
from audit.measurement.inference.rising import RisingSample, against, ends, gap, highest, limits, risen
from audit.measurement.metrics.benefits import BENEFITS, BETWEEN_ENTROPY, BETWEEN_THEIL
from audit.measurement.metrics.kinds import Rising, Statistic
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.scope import SMALL, UNMEASURED

OPEN_SIDES = {"low": "; no lower limit", "high": "; no upper limit"}


class BenefitTable(RateTable):
    """Estimates of one grouping."""

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

    def base(self, metric: str, **changes: Any) -> Estimate:
        """Estimate whose limits are numbers: a side without one is left out, and said in the method."""
        for side, said in OPEN_SIDES.items():
            if changes.get(side) is not None and not math.isfinite(changes[side]):
                changes[side] = None
                if changes.get("method"):
                    changes["method"] += said
        return super().base(metric, **changes)

    def _comparisons(self, metric: Rising, values: RisingSample) -> list[Estimate]:
        if len(self.g.groups) < 2:
            return [self._lonely(metric.name, compare) for compare in metric.judged]
        found = [self._risen_gap(metric, values, kind) for kind in ("difference", "ratio") if kind in metric.judged]
        if "ratio" in metric.judged:
            found += self._signed(metric, values)
        return [*found, self._highest(metric, values)]

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
            return self.base(metric.name, **common, status="undefined", reason=self._unknown(metric, values, i))
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

    def _unknown(self, metric: Rising, values: RisingSample, i: int) -> str:
        """Why a group has no number."""
        if (nobody := self.g.nobody(i)) is not None:
            return nobody
        return metric.infinite if math.isinf(values.value[i]) else metric.below.empty

    def _unmeasured(self, metric: Rising, values: RisingSample) -> str:
        """Why a comparison over all groups has no number."""
        gone = [i for i in range(len(self.g.groups)) if not values.known[i]]
        if not gone:
            return f"0/0: {metric.title.lower()} is 0 in every group"
        more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
        named = ", ".join(self._named(i) for i in gone[:3])
        return f"not measured for {named}{more} ({self._unknown(metric, values, gone[0])})"

    def _risen_gap(self, metric: Rising, values: RisingSample, kind: Kind) -> Estimate:
        found = gap(values, kind, self.scope.tail)
        flags = self.flags + ((SMALL,) if values.sample.thin.any() else ())
        common: dict[str, Any] = {"compare": kind, "n": float(self.g.rows.sum())}
        bounds: dict[str, Any] = {"low": found.low, "high": found.high, "low_pair": self._names(found.low_pair)}
        if math.isfinite(found.high):
            bounds["high_pair"] = self._names(found.high_pair)
        if found.value is None:
            says = found.low > 0 if kind == "difference" else found.high < 1 or found.low > 0
            reason, flags = self._unmeasured(metric, values), (*flags, UNMEASURED)
            return self.base(metric.name, **common, **(bounds if says else {}), status="undefined", reason=reason,
                             flags=flags)  # fmt: skip
        method = f"pairs rule, {'mover' if kind == 'difference' else 'mover-r'} on {self._how(metric)}"
        pair = self._names(found.pair)
        return self.base(metric.name, **common, **bounds, value=found.value, pair=pair, flags=flags, method=method)

    def _signed(self, metric: Rising, values: RisingSample) -> list[Estimate]:
        """Group less reference."""
        bounds = against(values, "difference", self.g.reference, self.scope.tail)
        others = (i for i in range(len(self.g.groups)) if i != self.g.reference)
        return [self._difference(metric, values, bounds, i) for i in others]

    def _difference(self, metric: Rising, values: RisingSample, bounds: Limits, i: int) -> Estimate:
        at = self.g.reference
        common: dict[str, Any] = {
            "compare": "difference",
            "group": self.g.groups[i],
            "reference": self.g.groups[at],
            "n": float(self.g.rows[i] + self.g.rows[at]),
            "flags": self.flags + self._group_flags(values.sample, i, at),
        }
        empty = next((j for j in (i, at) if not values.known[j]), None)
        if empty is not None:
            reason = f"not measured for {self._named(empty)} ({self._unknown(metric, values, empty)})"
            return self.base(metric.name, **common, status="undefined", reason=reason)
        value = float(values.value[i] - values.value[at])
        return self.base(metric.name, **common, value=value, low=float(bounds.low[i]), high=float(bounds.high[i]),
                         method=f"mover on {self._how(metric)}")  # fmt: skip

    def _highest(self, metric: Rising, values: RisingSample) -> Estimate:
        found = highest(values, self.scope.tail)
        flags = self.flags + ((SMALL,) if values.sample.thin.any() else ())
        n, method = float(self.g.rows.sum()), f"{self._how(metric, exact=found.exact)}, corrected for"
        common: dict[str, Any] = {"compare": "highest", "low": found.low, "high": found.high, "n": n}
        if found.value is None:
            reason, flags = self._unmeasured(metric, values), (*flags, UNMEASURED)
            return self.base(metric.name, **common, status="undefined", reason=reason, flags=flags)
        return self.base(metric.name, **common, value=found.value, pair=self._names(ends(values)), flags=flags,
                         method=f"{method} {len(self.g.groups)} groups on the failing side")  # fmt: skip

    def _names(self, pair: tuple[int, int]) -> tuple[Group, Group]:
        return self.g.groups[pair[0]], self.g.groups[pair[1]]

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
            return "at least two groups with rows are needed: nothing to compare"
        return "" if benefit > 0 else "0/0: everybody is a false negative, so nobody has a benefit"

    def _chance(self, w: np.ndarray, share: np.ndarray, spread: float) -> str:
        """What chance alone shows: half the variance of the groups' means about their own mean, by the delta method."""
        if self.g.folded:
            return "no interval: rows share units, and this has no recipe for them"
        w2 = self.g.counts["w2" if "w2" in self.g.counts else "n"].sum(axis=(1, 2, 3))
        live = w > 0
        variance = spread * w2[live] / w[live] ** 2
        floor = float((share * (1 - share) * variance).sum() / 2)
        return f"no interval; equal groups of these sizes show about {floor:.3g} on average"
