"""Errors of a numeric prediction: every group, every gap, every comparison with the reference.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain
from typing import Any

import numpy as np

from audit.axes import ORIGIN, crossings
from audit.cube import Cube, of_others
from audit.estimate import Estimate
from audit.measurement.comparisons import (
    ENDS,
    NO_TWO_GROUPS,
    AgainstAll,
    Comparisons,
    Ends,
    GroupPairs,
    Quantity,
    ToAll,
    describe_rows,
    mean_ends,
    mean_limits,
    mean_pairs,
    reason_for_unmeasured,
)
from audit.measurement.grouping import Grouping, grouping, missing_groups
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.means import MeanSample, between, measured
from audit.measurement.inference.mixtures import furthest, mean_to_whole
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
from audit.measurement.scope import LENT, Scope

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
        Predictions in bins, one cube an attribute; without them no distances are measured.
    """
    origin = float(str(cubes[0].axis(ORIGIN).levels[0]))
    found: list[Estimate] = []
    for by in crossings(scope.groups, scope.intersections):
        table = _ErrorTable(grouping(cubes, by, scope.reference, scope.without(by)), scope, origin)
        found += table.estimates()
        if len(by) == 1 and binned:
            found += distances(next(c for c in binned if c.names[0] == by[0]), table.g, scope)
        if (rest := missing_groups(cubes, by)) is not None:
            found += _ErrorTable(rest, scope, origin, comparable=False).estimates()
    return tuple(found)


class _ErrorTable(Comparisons):
    """Estimates of one grouping."""

    def __init__(self, grouped: Grouping, scope: Scope, origin: float, *, comparable: bool = True) -> None:
        super().__init__(grouped, scope, comparable=comparable)
        self.origin = origin
        # The grouping lays every measure out by label and prediction, which these cubes do not have.
        self.sums = {k: v[:, 0, 0, :].astype(float) for k, v in grouped.counts.items()}
        self.sums = {"w": self.sums["n"], "w2": self.sums["n"]} | self.sums

    def estimates(self) -> list[Estimate]:
        """Return each metric of every group, and its comparisons."""
        found = list(chain.from_iterable(map(self._estimates_of_metric, PER_GROUP)))
        if not self.comparable:
            return found
        return [*found, self._correlation_ratio()]

    def _estimates_of_metric(self, metric: GroupStatistic) -> list[Estimate]:
        scale, name = SCALES[metric.name]
        sample, how = measured(scale, self.sums, folds=self.g.folded), self._method(name)
        bounds, shift = mean_limits(sample, self.scope.tail), self.origin if metric is MEAN_PREDICTION else 0.0
        groups, known = range(len(self.g.groups)), np.isfinite(sample.error)
        found = Quantity(
            metric=metric.name,
            value=sample.value + shift,
            limits=Limits(bounds.low + shift, bounds.high + shift),
            thin=sample.thin,
            method=[how if known[i] else f"no interval: {self._reason_without_limits(i)}" for i in groups],
            reason=self.reason_for_error,
            df=sample.df,
            comparisons=tuple(self._comparisons(metric, sample, how + LENT)) if self.comparable else (),
        )
        return self.estimates_of(found)

    def _comparisons(self, metric: GroupStatistic, sample: MeanSample, how: str) -> Iterator[GroupPairs | ToAll | Ends]:
        yield mean_pairs(sample, how, self.scope.tail, top=np.inf)
        yield from to_everybody(self, metric, how)
        for which in ENDS if metric.name in EXTREMES else ():
            yield mean_ends(sample, which, how, self.scope.tail)

    def _method(self, how: str) -> str:
        """Return the method of one group's interval."""
        return describe_rows(how, folded=self.g.folded, weighted="w" in self.g.counts)

    def reason_for_error(self, i: int) -> str:
        """Say why a value is undefined."""
        return self.g.nobody(i) or CONSTANT

    def _reason_without_limits(self, i: int) -> str:
        """Say why a value has no interval."""
        if self.g.rows[i] < 2:
            return "fewer than two rows"
        if self.g.folded and (self.sums["n"][i] > 0).sum() < 2:
            return "all rows share one fold of the unit"
        return "its rows do not differ, which says nothing of rows not seen"

    def _correlation_ratio(self) -> Estimate:
        """Share of the errors' spread that lies between groups."""
        name, n = CORRELATION_RATIO.name, float(self.g.rows.sum())
        common: dict[str, Any] = {"compare": "between_groups", "n": n, "flags": self.flags}
        w = self.sums["w"].sum(axis=1)
        w2 = self.sums["w2"].sum(axis=1)
        e = self.sums["error"].sum(axis=1)
        square = self.sums["square"].sum(axis=1)
        known = w > 0
        if known.sum() < 2:
            return self.base(name, **common, status="undefined", reason=NO_TWO_GROUPS)
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


# Errors of each group against everybody else, or against everybody: only where that is asked for.
#
# A mean over everybody is a mixture of the group's and the rest's, so its comparison follows from that with the rest. A
# root mean square and R2 are none: they are compared with the rest alone.
def to_everybody(table: _ErrorTable, metric: GroupStatistic, how: str) -> Iterator[ToAll]:
    """Yield the differences of every group from whom it is asked to be compared with."""
    whom = [who for who in EVERYBODY if who in table.scope.compare_to and who in metric.against]
    if not whom or "difference" not in metric.judged:
        return
    scale, _ = SCALES[metric.name]
    stacked = cache(partial(_with_rests, table, scale))
    for who in whom:
        yield ToAll(f"difference_to_{who}", partial(_against_all, table, stacked, who, f"mover on {how}"))


def _with_rests(table: _ErrorTable, scale: Scale) -> MeanSample:
    """Return the means of groups, then of everybody else of each, then of everybody."""
    sums = {}
    for name, each in table.sums.items():
        whole = each.sum(axis=0, keepdims=True)
        sums[name] = np.concatenate([each, of_others(each), whole])
    return measured(scale, sums, folds=table.g.folded)


def _against_all(table: _ErrorTable, with_rests: Callable[[], MeanSample], who: Everybody, how: str) -> AgainstAll:
    count, tail, stacked = len(table.g.groups), table.scope.tail, with_rests()
    at = np.arange(count)
    rest = count + at
    to_rest = stacked.value[at] - stacked.value[rest]
    # Everybody may be measured where the rest is not, but then nobody is left to compare with.
    away = np.where(np.isnan(to_rest), np.nan, stacked.value[at] - stacked.value[-1])
    values = to_rest if who == "rest" else away
    looks = 1 if count == 2 and who == "rest" else count

    def limits_at(error: float) -> Limits:
        found = between(stacked, at, rest, error)
        if who == "rest":
            return found
        return mean_to_whole(to_rest, found, table.g.shares(), error)

    def reason(i: int) -> str:
        if np.isnan(stacked.value[i]):
            return reason_for_unmeasured(table.g, [i], table.reason_for_error(i))
        return reason_for_unmeasured(table.g, [i], None, "all but ")

    plain = limits_at(tail)
    last = furthest("difference", values, plain, limits_at(tail / looks))
    how += " against the rest and the group's share" if who == "overall" else ""
    closed = np.isfinite(plain.low) & np.isfinite(plain.high)
    uncertain = stacked.thin | ~np.isfinite(stacked.error)
    bounded, gone = last.low > 0 or bool(np.isfinite(last.high)), np.flatnonzero(np.isnan(to_rest))
    corrected = f"{how}, corrected for {looks} comparisons on the failing side"
    return AgainstAll(
        value=values,
        limits=Limits(np.fmin(plain.low, values), np.fmax(plain.high, values)),
        method=[how if x else "no interval: one side of it has none" for x in closed],
        thin=uncertain[at] | uncertain[rest],
        reason=reason,
        furthest=last,
        furthest_method=corrected if bounded else "no interval: a group or the rest of it has none",
        furthest_reason=reason(int(gone[0])) if len(gone) else "",
        is_bounded=bounded,
    )
