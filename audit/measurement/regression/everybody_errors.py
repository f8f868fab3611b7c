"""Errors of each group against everybody else, or against everybody: only where that is asked for.

A mean over everybody is a mixture of the group's and the rest's, so its comparison follows from that with the rest. A
root mean square and R2 are none: they are compared with the rest alone.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from audit.cube import of_others
from audit.estimate import Estimate
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.means import Found, between, measured
from audit.measurement.inference.mixtures import Furthest, furthest, mean_to_whole
from audit.measurement.inference.scales import Scale
from audit.measurement.metrics.kinds import EVERYBODY, Everybody, GroupStatistic
from audit.measurement.scope import LENT, SMALL, UNMEASURED

if TYPE_CHECKING:
    from audit.measurement.regression.regression_table import ErrorTable


def against_everybody(table: ErrorTable, metric: GroupStatistic, scale: Scale, how: str) -> list[Estimate]:
    """Differences of every group, and the largest of them."""
    whom = [who for who in EVERYBODY if who in table.scope.compare_to and who in metric.against]
    if not whom or "difference" not in metric.judged:
        return []
    if len(table.g.groups) < 2:
        return [table.lonely(metric, f"difference_to_{who}") for who in whom]
    compared = _Compared(table, metric, _stacked(table, scale), how)
    return [e for who in whom for e in compared.estimates(who)]


def _stacked(table: ErrorTable, scale: Scale) -> Found:
    """Groups, then everybody else of each, then everybody."""
    sums = {}
    for name, each in table.sums.items():
        whole = each.sum(axis=0, keepdims=True)
        sums[name] = np.concatenate([each, of_others(each), whole])
    return measured(scale, sums, folds=table.g.folded)


class _Compared:
    """Comparisons of one metric of one grouping."""

    def __init__(self, table: ErrorTable, metric: GroupStatistic, stacked: Found, how: str) -> None:
        self.table, self.metric, self.stacked, self.how = table, metric, stacked, how
        self.count = len(table.g.groups)
        self.at = np.arange(self.count)
        self.n = float(table.g.rows.sum())
        uncertain = stacked.thin | ~np.isfinite(stacked.error)
        self.thin = uncertain[self.at] | uncertain[self.count + self.at]
        self.to_rest = stacked.value[self.at] - stacked.value[self.count + self.at]

    def estimates(self, who: Everybody) -> list[Estimate]:
        """Every group, then the furthest."""
        looks = 1 if self.count == 2 and who == "rest" else self.count
        plain, corrected = (self._limits(who, self.table.scope.tail / n) for n in (1, looks))
        # Everybody may be measured where the rest is not, but then there is nothing to compare with.
        away = self.stacked.value[self.at] - self.stacked.value[-1]
        values = self.to_rest if who == "rest" else np.where(np.isnan(self.to_rest), np.nan, away)
        each = [self._one(who, values, plain, i) for i in range(self.count)]
        return [*each, self._furthest(who, furthest("difference", values, plain, corrected), looks)]

    def _limits(self, who: Everybody, tail: float) -> Limits:
        rest = between(self.stacked, self.at, self.count + self.at, tail)
        return rest if who == "rest" else mean_to_whole(self.to_rest, rest, self.table.g.shares(), tail)

    def _one(self, who: Everybody, values: np.ndarray, limits: Limits, i: int) -> Estimate:
        flags = self.table.flags + ((SMALL,) if self.thin[i] else ())
        common: dict[str, Any] = {"compare": f"difference_to_{who}", "group": self.table.g.groups[i], "n": self.n,
                                  "flags": flags}  # fmt: skip
        if np.isnan(values[i]):
            reason = self._why(i)
            return self.table.base(self.metric.name, **common, status="undefined", reason=reason)
        value, low, high = float(values[i]), float(limits.low[i]), float(limits.high[i])
        method = self._said(who) if np.isfinite([low, high]).all() else "no interval: one side of it has none"
        return self.table.base(
            self.metric.name, **common, value=value, low=min(low, value), high=max(high, value), method=method
        )

    def _why(self, i: int) -> str:
        if np.isnan(self.stacked.value[i]):
            return f"not measured for {self.table.named(i)} ({self.table.why(i)})"
        return f"not measured for everybody but {self.table.named(i)}"

    def _furthest(self, who: Everybody, found: Furthest, looks: int) -> Estimate:
        flags = self.table.flags + ((SMALL,) if self.thin.any() else ())
        groups = self.table.g.groups
        common: dict[str, Any] = {"compare": f"difference_to_{who}", "n": self.n}
        if found.low > 0 or np.isfinite(found.high):
            setters = self.table.g.setters(found.low_group, found.high_group)
            common |= {"low": found.low, "high": found.high, **setters}
        if found.value is None:
            empty = int(np.flatnonzero(np.isnan(self.to_rest))[0])
            flags = (*flags, UNMEASURED)
            return self.table.base(self.metric.name, **common, status="undefined", reason=self._why(empty), flags=flags)
        method = f"{self._said(who)}, corrected for {looks} comparisons on the failing side"
        if "low" not in common:
            method = "no interval: a group or the rest of it has none"
        pair = (groups[found.group],) * 2
        return self.table.base(self.metric.name, **common, value=found.value, pair=pair, method=method, flags=flags)

    def _said(self, who: Everybody) -> str:
        through = " against the rest and the group's share" if who == "overall" else ""
        return f"mover on {self.table.method(self.how)}{LENT}{through}"
