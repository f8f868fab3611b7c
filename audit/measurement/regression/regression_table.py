"""Errors of a numeric prediction: every group, every gap, every comparison with the reference.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from audit.axes import ORIGIN, crossings
from audit.cube import Cube, of_others
from audit.errors import printable
from audit.estimate import Estimate
from audit.measurement.grouping import Grouping, grouping, missing_groups
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.means import MeanSample, against, between, ends, extreme, limits, mean_gap, measured
from audit.measurement.inference.mixtures import Furthest, furthest, mean_to_whole
from audit.measurement.inference.scales import EXPLAINED, MEANS, ROOT_MEAN_SQUARE, Scale
from audit.measurement.metrics.kinds import EVERYBODY, Everybody, GroupStatistic
from audit.measurement.metrics.regression import (
    CORRELATION_RATIO,
    MEAN_ABSOLUTE_ERROR,
    MEAN_ERROR,
    MEAN_PREDICTION,
    PER_GROUP,
    R2,
    ROOT_MEAN_SQUARED_ERROR,
)
from audit.measurement.regression.distances import distances
from audit.measurement.scope import LENT, NO_GROUP, SMALL, UNMEASURED, Scope

SCALES: Mapping[str, tuple[Scale, str]] = {
    MEAN_ERROR.name: (MEANS["error"], "t interval of the mean"),
    MEAN_ABSOLUTE_ERROR.name: (MEANS["absolute"], "t interval of the mean"),
    ROOT_MEAN_SQUARED_ERROR.name: (ROOT_MEAN_SQUARE, "t interval of the log of the mean square"),
    R2.name: (EXPLAINED, "t interval of log(1 - r2) by delta method"),
    MEAN_PREDICTION.name: (MEANS["prediction"], "t interval of the mean"),
}
EXTREMES = (MEAN_ABSOLUTE_ERROR.name, ROOT_MEAN_SQUARED_ERROR.name, R2.name)
CONSTANT = "0/0: all labels are equal"


def regression_estimates(cubes: Sequence[Cube], binned: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """Metrics of a regression for everybody, every group and every crossing, with their comparisons.

    Parameters
    ----------
    cubes
        Sums of labels, predictions and errors, one cube a crossing.
    binned
        Predictions in bins, one cube an attribute.
    """
    origin = float(str(cubes[0].axis(ORIGIN).levels[0]))
    found: list[Estimate] = []
    for by in crossings(scope.groups, scope.intersections):
        table = ErrorTable(grouping(cubes, by, scope.reference), scope, origin)
        found += table.estimates()
        if len(by) == 1:
            found += distances(next(c for c in binned if c.names[0] == by[0]), table.g, scope)
        if (rest := missing_groups(cubes, by)) is not None:
            found += ErrorTable(rest, scope, origin, comparable=False).estimates()
    return tuple(found)


class ErrorTable:
    """Estimates of one grouping."""

    def __init__(self, grouped: Grouping, scope: Scope, origin: float, *, comparable: bool = True) -> None:
        self.g, self.scope, self.origin = grouped, scope, origin
        self.comparable = comparable and bool(grouped.by)
        self.flags: tuple[str, ...] = (NO_GROUP,) if grouped.missing_rows and grouped.by else ()
        # The grouping lays every measure out by label and prediction, which these cubes do not have.
        self.sums = {k: v[:, 0, 0, :].astype(float) for k, v in grouped.counts.items()}
        self.sums = {"w": self.sums["n"], "w2": self.sums["n"]} | self.sums

    def estimates(self) -> list[Estimate]:
        """Each metric of every group, and its comparisons."""
        found: list[Estimate] = []
        for metric in PER_GROUP:
            scale, how = SCALES[metric.name]
            sample = measured(scale, self.sums, folds=self.g.folded)
            found += self._each(metric, sample, how)
            if self.comparable:
                found += [self._gap(metric, sample, how), *self._to_reference(metric, sample, how)]
                found += against_everybody(self, metric, scale, how)
            if self.comparable and metric.name in EXTREMES:
                found += [self._extreme(metric, sample, how, "lowest"), self._extreme(metric, sample, how, "highest")]
        return [*found, self._correlation_ratio()] if self.comparable else found

    def base(self, metric: str, **changes: Any) -> Estimate:
        """Estimate of this grouping; a limit that is infinite is none."""
        for side in ("low", "high"):
            if side in changes and not math.isfinite(changes[side]):
                changes[side] = None
        open_ = changes.get("low") is None and changes.get("high") is None
        confidence = None if open_ else self.scope.confidence
        return Estimate(stage="model", metric=metric, by=self.g.by, confidence=confidence, **changes)

    def method(self, how: str) -> str:
        """Method of one group's interval."""
        if self.g.folded:
            return f"{how}, 100 folds of the unit"
        return f"{how}, effective n of the weights" if "w" in self.g.counts else how

    def _each(self, metric: GroupStatistic, sample: MeanSample, how: str) -> list[Estimate]:
        bounds = limits(sample, self.scope.tail)
        shift = self.origin if metric is MEAN_PREDICTION else 0.0
        found = []
        for i, group in enumerate(self.g.groups):
            common: dict[str, Any] = {"group": group, "n": float(self.g.rows[i])}
            if math.isnan(sample.value[i]):
                found.append(self.base(metric.name, **common, status="undefined", reason=self.why(i)))
                continue
            value, flags = float(sample.value[i]) + shift, (SMALL,) if sample.thin[i] else ()
            if not math.isfinite(sample.error[i]):
                method = f"no interval: {self._why_open(i)}"
                found.append(self.base(metric.name, **common, value=value, method=method, flags=(SMALL,)))
                continue
            low, high = float(bounds.low[i]) + shift, float(bounds.high[i]) + shift
            found.append(self.base(metric.name, **common, value=value, low=min(low, value), high=max(high, value),
                                    degrees_of_freedom=float(sample.df[i]), method=self.method(how),
                                    flags=flags))  # fmt: skip
        return found

    def why(self, i: int) -> str:
        """Why a value is undefined."""
        return self.g.nobody(i) or CONSTANT

    def _why_open(self, i: int) -> str:
        """Why a value has no interval."""
        if self.g.rows[i] < 2:
            return "fewer than two rows"
        if self.g.folded and (self.sums["n"][i] > 0).sum() < 2:
            return "all rows share one fold of the unit"
        return "its rows do not differ, which says nothing of rows not seen"

    def _gap(self, metric: GroupStatistic, sample: MeanSample, how: str) -> Estimate:
        common: dict[str, Any] = {"compare": "difference", "n": float(self.g.rows.sum())}
        if len(self.g.groups) < 2:
            return self.lonely(metric, "difference")
        found = mean_gap(sample, self.scope.tail)
        flags = self.flags + ((SMALL,) if self._uncertain(sample) else ())
        bounds: dict[str, Any] = {}
        if found.low > 0 or math.isfinite(found.high):
            bounds = {"low": found.low, "high": found.high, "low_pair": self._names(found.low_pair),
                      "high_pair": self._names(found.high_pair)}  # fmt: skip
        if found.value is None:
            reason, flags = self._unmeasured(sample), (*flags, UNMEASURED)
            return self.base(metric.name, **common, **bounds, status="undefined", reason=reason, flags=flags)
        method = f"pairs rule, mover on {self.method(how)}{LENT}" + ("" if bounds else "; a group has no interval")
        pair = self._names(found.pair)
        return self.base(metric.name, **common, **bounds, value=found.value, pair=pair, method=method, flags=flags)

    def _to_reference(self, metric: GroupStatistic, sample: MeanSample, how: str) -> list[Estimate]:
        if len(self.g.groups) < 2:
            return []
        at, bounds = self.g.reference, against(sample, self.g.reference, self.scope.tail)
        found = []
        for i, group in enumerate(self.g.groups):
            if i == at:
                continue
            flags = self.flags + ((SMALL,) if sample.thin[i] or sample.thin[at] else ())
            common: dict[str, Any] = {"compare": "difference", "group": group, "reference": self.g.groups[at],
                                      "n": float(self.g.rows[i] + self.g.rows[at]), "flags": flags}  # fmt: skip
            empty = next((j for j in (i, at) if math.isnan(sample.value[j])), None)
            if empty is not None:
                reason = f"not measured for {self.named(empty)} ({self.why(empty)})"
                found.append(self.base(metric.name, **common, status="undefined", reason=reason))
                continue
            value = float(sample.value[i] - sample.value[at])
            method = f"mover on {self.method(how)}{LENT}"
            found.append(self.base(metric.name, **common, value=value, low=float(bounds.low[i]),
                                    high=float(bounds.high[i]), method=method))  # fmt: skip
        return found

    def _extreme(
        self, metric: GroupStatistic, sample: MeanSample, how: str, which: Literal["lowest", "highest"]
    ) -> Estimate:
        if not self.g.groups:
            return self.lonely(metric, which)
        found, (lowest, highest) = extreme(sample, which, self.scope.tail), ends(sample)
        flags = self.flags + ((SMALL,) if self._uncertain(sample) else ())
        common: dict[str, Any] = {"compare": which, "n": float(self.g.rows.sum()), "low": found.low, "high": found.high,
                                  **self.g.setters(found.low_group, found.high_group)}  # fmt: skip
        if found.value is None:
            reason, flags = self._unmeasured(sample), (*flags, UNMEASURED)
            return self.base(metric.name, **common, status="undefined", reason=reason, flags=flags)
        method = f"{self.method(how)}{LENT}, corrected for {len(self.g.groups)} groups on the failing side"
        pair = self._names((lowest, highest))
        return self.base(metric.name, **common, value=found.value, pair=pair, method=method, flags=flags)

    def _correlation_ratio(self) -> Estimate:
        """Share of the errors' spread that lies between groups."""
        name, n = CORRELATION_RATIO.name, float(self.g.rows.sum())
        common: dict[str, Any] = {"compare": "between_groups", "n": n, "flags": self.flags}
        w, w2, e, square = (self.sums[k].sum(axis=1) for k in ("w", "w2", "error", "square"))
        known = w > 0
        if known.sum() < 2:
            reason = "at least two groups with rows are needed: nothing to compare"
            return self.base(name, **common, status="undefined", reason=reason)
        middle = e.sum() / w.sum()
        whole = float(square.sum() - w.sum() * middle**2)
        if whole <= 1e-12 * square.sum():
            return self.base(name, **common, status="undefined", reason="0/0: all errors are equal")
        between = float((w[known] * (e[known] / w[known] - middle) ** 2).sum())
        return self.base(name, **common, value=min(1.0, between / whole), method=self._chance(w, w2))

    def _chance(self, w: np.ndarray, w2: np.ndarray) -> str:
        if self.g.folded:
            return "no interval: rows share units, and this has no recipe for them"
        rows = float(w.sum() ** 2 / w2.sum())
        floor = min(1.0, ((w > 0).sum() - 1) / (rows - 1)) if rows > 1 else 1.0
        return f"no interval; equal groups of these sizes show about {floor:.3g} on average"

    def lonely(self, metric: GroupStatistic, compare: str) -> Estimate:
        """Comparison of a group that has no other."""
        have = f"only one group ({self.named(0)})" if self.g.groups else "no group"
        reason = f"{have} has rows: nothing to compare; at least two are needed"
        n = float(self.g.rows.sum())
        return self.base(metric.name, compare=compare, n=n, status="undefined", reason=reason, flags=self.flags)

    def _unmeasured(self, sample: MeanSample) -> str:
        empty = [i for i in range(len(self.g.groups)) if math.isnan(sample.value[i])]
        more = f" and {len(empty) - 3} more" if len(empty) > 3 else ""
        return f"not measured for {', '.join(map(self.named, empty[:3]))}{more} ({self.why(empty[0])})"

    @staticmethod
    def _uncertain(sample: MeanSample) -> bool:
        return bool((sample.thin | ~np.isfinite(sample.error)).any())

    def _names(self, pair: tuple[int, int]) -> tuple[Any, Any]:
        return self.g.groups[pair[0]], self.g.groups[pair[1]]

    def named(self, i: int) -> str:
        """Group as people read it."""
        return " x ".join(printable(level) for level in self.g.groups[i])


# Errors of each group against everybody else, or against everybody: only where that is asked for.
#
# A mean over everybody is a mixture of the group's and the rest's, so its comparison follows from that with the rest. A
# root mean square and R2 are none: they are compared with the rest alone.
#
# Must not: read rows, or know a limit.
def against_everybody(table: ErrorTable, metric: GroupStatistic, scale: Scale, how: str) -> list[Estimate]:
    """Differences of every group, and the largest of them."""
    whom = [who for who in EVERYBODY if who in table.scope.compare_to and who in metric.against]
    if not whom or "difference" not in metric.judged:
        return []
    if len(table.g.groups) < 2:
        return [table.lonely(metric, f"difference_to_{who}") for who in whom]
    compared = _Compared(table, metric, _stacked(table, scale), how)
    return [e for who in whom for e in compared.estimates(who)]


def _stacked(table: ErrorTable, scale: Scale) -> MeanSample:
    """Groups, then everybody else of each, then everybody."""
    sums = {}
    for name, each in table.sums.items():
        whole = each.sum(axis=0, keepdims=True)
        sums[name] = np.concatenate([each, of_others(each), whole])
    return measured(scale, sums, folds=table.g.folded)


class _Compared:
    """Comparisons of one metric of one grouping."""

    def __init__(self, table: ErrorTable, metric: GroupStatistic, stacked: MeanSample, how: str) -> None:
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
