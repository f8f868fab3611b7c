"""Cubes in, estimates out: every rate, every comparison, every group, each with its interval or its reason.

Must not: read rows, know a limit, or leave a group out without a word.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from audit.catalogue import Criterion, Rate
from audit.cube import Cube
from audit.errors import printable
from audit.fairness.criteria import CRITERIA
from audit.fairness.dataset import CLASS_IMBALANCE, DATA_BASE_RATE, LABEL_GAP, REPRESENTATION
from audit.fairness.rates import BASE_RATE, RATES
from audit.grouping import Grouping, crossings, grouping, missing_groups
from audit.inference.effective import Sample
from audit.inference.intervals import Limits
from audit.inference.pairs import Gap, Kind, against, extreme, gap, single
from audit.value import Estimate, Group, Stage

SMALL, NO_GROUP, UNMEASURED, IS_LABEL = "small_group", "rows_without_group", "unmeasured_group", "group_equals_label"
KINDS: tuple[Kind, ...] = ("difference", "ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to measure: which columns are groups, how deep to cross them, against whom, how sure."""

    groups: tuple[str, ...]
    intersections: int = 1
    reference: Mapping[str, str] = field(default_factory=dict)
    """Reference level by group column; the largest group where none is named."""
    population: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Share of each level in the population the data should resemble, by group column."""
    confidence: float = 0.95

    @property
    def tail(self) -> float:
        """Error on each side of an interval."""
        return (1 - self.confidence) / 2


def model_estimates(cubes: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """All rates of a binary model for everybody, every group and every crossing, with their comparisons."""
    return tuple(e for table in _tables(cubes, scope, "model") for e in table.rates(RATES))


def data_estimates(cubes: Sequence[Cube], scope: Scope, *, labelled: bool = True) -> tuple[Estimate, ...]:
    """Dataset bias: representation, base rates, class imbalance and difference in proportions of labels."""
    found: list[Estimate] = []
    for table in _tables(cubes, scope, "data"):
        found += table.representation()
        if labelled:
            found += table.rates((DATA_BASE_RATE,))
        found += table.against_reference(labelled=labelled)
    return tuple(found)


def _tables(cubes: Sequence[Cube], scope: Scope, stage: Stage) -> Iterator[_Table]:
    for by in crossings(scope.groups, scope.intersections):
        yield _Table(grouping(cubes, by, scope.reference), scope, stage)
        if len(by) == 1 and (rest := missing_groups(cubes, by[0])) is not None:
            yield _Table(rest, scope, stage, comparable=False)


class _Table:
    """Estimates of one grouping."""

    def __init__(self, grouped: Grouping, scope: Scope, stage: Stage, *, comparable: bool = True) -> None:
        self.g, self.scope, self.stage = grouped, scope, stage
        self.comparable = comparable and bool(grouped.by)
        self.flags = (NO_GROUP,) if grouped.missing_rows and grouped.by else ()
        if self.comparable and len(grouped.groups) > 1 and _determined(grouped.sample(BASE_RATE)):
            self.flags += (IS_LABEL,)

    def rates(self, metrics: Sequence[Rate]) -> list[Estimate]:
        found: list[Estimate] = []
        for metric in metrics:
            sample = self.g.sample(metric)
            found += self._each(metric, sample)
            if self.comparable:
                for kind in KINDS:
                    found.append(self._gap(metric, sample, kind))
                    found += self._to_reference(metric, sample, kind)
                found += [self._extreme(metric, sample, "lowest"), self._extreme(metric, sample, "highest")]
        if self.comparable and self.stage == "model":
            by_name = {m.name: m for m in metrics}
            found += [self._criterion(c, [by_name[rate] for rate in c.rates]) for c in CRITERIA]
        return found

    def representation(self) -> list[Estimate]:
        if not self.comparable:
            return []
        sample = self.g.shares()
        found = self._each(REPRESENTATION, sample)
        found += [self._extreme(REPRESENTATION, sample, "lowest"), self._extreme(REPRESENTATION, sample, "highest")]
        population = self.scope.population.get(self.g.by[0]) if len(self.g.by) == 1 else None
        return found + (self._against_population(sample, population) if population else [])

    def against_reference(self, *, labelled: bool) -> list[Estimate]:
        """Class imbalance and difference in proportions of labels, of every group against the reference."""
        if not self.comparable:
            return []
        others = [i for i in range(len(self.g.groups)) if i != self.g.reference]
        if not others:
            return [self._lonely(CLASS_IMBALANCE.name, "largest")]
        corrected = self.scope.tail / len(others)
        found = [self._imbalance(i, self.scope.tail) for i in others]
        found.append(self._largest(found, [self._imbalance(i, corrected) for i in others]))
        if labelled:
            gaps = self._label_gaps(others, self.scope.tail)
            found += [*gaps, self._largest(gaps, self._label_gaps(others, corrected))]
        return found

    def _label_gaps(self, others: Sequence[int], tail: float) -> list[Estimate]:
        sample = self.g.sample(DATA_BASE_RATE)
        limits = against(sample, "difference", self.g.reference, tail)
        return [self._label_gap(sample, limits, i) for i in others]

    def _largest(self, each: Sequence[Estimate], corrected: Sequence[Estimate]) -> Estimate:
        """Largest absolute value over the groups; the failing side is corrected for having looked at all of them."""
        metric, n = each[0].metric, float(self.g.rows.sum())
        flags = tuple(dict.fromkeys(f for e in each for f in e.flags))
        common: dict[str, Any] = {"compare": "largest", "n": n, "flags": flags}
        undefined = next((e for e in each if e.value is None), None)
        if undefined is not None:
            return self._base(metric, **common, status="undefined", reason=undefined.reason)
        worst = max(each, key=lambda e: abs(e.value or 0.0))
        low = max(max(0.0, e.low or 0.0, -(e.high or 0.0)) for e in corrected)
        high = max(max(abs(e.low or 0.0), abs(e.high or 0.0)) for e in each)
        pair = (worst.group or (), worst.reference or ())
        return self._base(metric, **common, value=abs(worst.value or 0.0), low=low, high=high,
                          pair=pair if (worst.value or 0.0) >= 0 else (pair[1], pair[0]),
                          method=f"{worst.method}, corrected for {len(each)} comparisons on the failing side")

    def _base(self, metric: str, **changes: Any) -> Estimate:
        confidence = None if changes.get("low") is None and changes.get("high") is None else self.scope.confidence
        return Estimate(stage=self.stage, metric=metric, by=self.g.by, confidence=confidence, **changes)

    def _method(self, exact: bool = False) -> str:
        name = "clopper-pearson" if exact else "wilson"
        return f"{name}, 100 folds of the unit" if self.g.folded else (
            f"{name}, effective n of the weights" if "w" in self.g.counts else name)

    def _group_flags(self, sample: Sample, *positions: int) -> tuple[str, ...]:
        return (SMALL,) if any(sample.thin[i] for i in positions) else ()

    def _each(self, metric: Rate, sample: Sample) -> list[Estimate]:
        limits = single(sample, self.scope.tail)
        return [self._rate(metric, sample, limits, i) for i in range(len(self.g.groups))]

    def _rate(self, metric: Rate, sample: Sample, limits: Limits, i: int) -> Estimate:
        group, rows = self.g.groups[i], float(self.g.rows[i])
        common: dict[str, Any] = {"group": group, "n": rows}
        if sample.denominator[i] <= 0:
            reason = metric.empty if rows else "0/0: no rows in this group"
            return self._base(metric.name, **common, numerator=0.0, denominator=0.0, status="undefined", reason=reason)
        df = float(sample.df[i])
        return self._base(
            metric.name, **common, value=float(sample.p[i]), low=float(limits.low[i]), high=float(limits.high[i]),
            numerator=float(sample.numerator[i]), denominator=float(sample.denominator[i]),
            effective_n=float(sample.n[i]), degrees_of_freedom=df if math.isfinite(df) else None,
            method=self._method(), flags=self._group_flags(sample, i),
        )

    def _gap(self, metric: Rate, sample: Sample, kind: Kind, looks: int = 1) -> Estimate:
        if len(self.g.groups) < 2:
            return self._lonely(metric.name, kind)
        found = gap(sample, kind, self.scope.tail, looks)
        flags = self.flags + ((SMALL,) if sample.thin.any() else ())
        limits = self._bounds(found, kind)
        if found.value is None:
            return self._base(metric.name, compare=kind, n=float(self.g.rows.sum()), status="undefined", **limits,
                              reason=self._why(metric, sample), flags=(*flags, UNMEASURED))
        lowest, highest = found.pair
        return self._base(
            metric.name, compare=kind, value=found.value, **limits, n=float(self.g.rows.sum()),
            pair=(self.g.groups[lowest], self.g.groups[highest]),
            numerator=float(sample.p[lowest]) if kind == "ratio" else None,
            denominator=float(sample.p[highest]) if kind == "ratio" else None,
            method=f"pairs rule, {'newcombe' if kind == 'difference' else 'mover-r'} on {self._method()}", flags=flags,
        )

    def _bounds(self, found: Gap, kind: Kind) -> dict[str, Any]:
        """Interval of a gap, or none where it says nothing."""
        if found.value is None and found.low <= 0 and found.high >= 1:
            return {}
        name = self.g.groups
        return {"low": found.low, "high": found.high,
                "low_pair": (name[found.low_pair[0]], name[found.low_pair[1]]),
                "high_pair": (name[found.high_pair[0]], name[found.high_pair[1]])}

    def _lonely(self, metric: str, compare: str) -> Estimate:
        have = f"only one group ({self._named(0)})" if self.g.groups else "no group"
        return self._base(metric, compare=compare, n=float(self.g.rows.sum()), status="undefined", flags=self.flags,
                          reason=f"{have} has rows: nothing to compare; at least two are needed")

    def _why(self, metric: Rate, sample: Sample) -> str:
        empty = [i for i in range(len(self.g.groups)) if not sample.measured[i]]
        if not empty:
            return f"0/0: {metric.event.text} for nobody in any group"
        named = ", ".join(self._named(i) for i in empty[:3]) + (f" and {len(empty) - 3} more" if len(empty) > 3 else "")
        reason = metric.empty if self.g.rows[empty[0]] else "0/0: no rows in this group"
        return f"not measured for {named} ({reason})"

    def _named(self, i: int) -> str:
        return " x ".join(printable(level) for level in self.g.groups[i])

    def _to_reference(self, metric: Rate, sample: Sample, kind: Kind) -> list[Estimate]:
        if len(self.g.groups) < 2:
            return []
        at = self.g.reference
        limits = against(sample, kind, at, self.scope.tail)
        return [self._pairwise(metric, sample, limits, kind, i) for i in range(len(self.g.groups)) if i != at]

    def _pairwise(self, metric: Rate, sample: Sample, limits: Limits, kind: Kind, i: int) -> Estimate:
        at = self.g.reference
        p, q = float(sample.p[i]), float(sample.p[at])
        common: dict[str, Any] = {"compare": kind, "group": self.g.groups[i], "reference": self.g.groups[at],
                                  "n": float(self.g.rows[i] + self.g.rows[at]),
                                  "flags": self.flags + self._group_flags(sample, i, at)}
        empty = next((j for j in (i, at) if not sample.measured[j]), None)
        if empty is not None:
            return self._base(metric.name, **common, status="undefined",
                              reason=f"not measured for {self._named(empty)} ({metric.empty})")
        if kind == "ratio" and q == 0:
            reason = f"{'0' if p == 0 else 'x'}/0: {metric.event.text} for nobody in {self._named(at)}"
            return self._base(metric.name, **common, status="undefined", reason=reason)
        high = float(limits.high[i])
        return self._base(
            metric.name, **common, value=p - q if kind == "difference" else p / q, low=float(limits.low[i]),
            high=high if math.isfinite(high) else None, method=f"{'newcombe' if kind == 'difference' else 'mover-r'} on "
            f"{self._method()}{'' if math.isfinite(high) else '; no upper limit'}",
            numerator=p if kind == "ratio" else None, denominator=q if kind == "ratio" else None,
        )

    def _extreme(self, metric: Rate, sample: Sample, which: Literal["lowest", "highest"]) -> Estimate:
        if not len(self.g.groups):
            return self._lonely(metric.name, which)
        found = extreme(sample, which, self.scope.tail)
        flags = self.flags + ((SMALL,) if sample.thin.any() else ())
        common: dict[str, Any] = {"compare": which, "low": found.low, "high": found.high, "n": float(self.g.rows.sum())}
        if found.value is None:
            return self._base(metric.name, **common, status="undefined", reason=self._why(metric, sample),
                              flags=(*flags, UNMEASURED))
        lowest, highest = int(np.argmin(sample.p)), int(np.argmax(sample.p))
        return self._base(metric.name, **common, value=found.value, flags=flags,
                          pair=(self.g.groups[lowest], self.g.groups[highest]),
                          method=f"{self._method(found.exact)}, corrected for {len(self.g.groups)} groups on the failing side")

    def _criterion(self, criterion: Criterion, metrics: Sequence[Rate]) -> Estimate:
        """Worst of several gaps; the failing side is corrected for having looked at all of them."""
        parts = [self._gap(m, self.g.sample(m), criterion.compare, looks=len(metrics)) for m in metrics]
        undefined = next((p for p in parts if p.value is None), None)
        flags = tuple(dict.fromkeys(f for p in parts for f in p.flags))
        common: dict[str, Any] = {"compare": criterion.compare, "n": parts[0].n, "flags": flags}
        bounds = _worst_bounds(parts, criterion.compare)
        if undefined is not None:
            return self._base(criterion.name, **common, **bounds, status="undefined",
                              reason=f"{undefined.metric}: {undefined.reason}")
        pick = max if criterion.compare == "difference" else min
        worst = pick(parts, key=lambda p: float(p.value or 0.0))
        method = worst.method if len(parts) == 1 else f"{worst.method}; worst of {' and '.join(criterion.rates)}"
        return self._base(criterion.name, **common, **bounds, value=worst.value, pair=worst.pair, method=method)

    def _imbalance(self, i: int, tail: float) -> Estimate:
        at, rows = self.g.reference, float(self.g.rows[i] + self.g.rows[self.g.reference])
        sample = self.g.share_against(i)
        common: dict[str, Any] = {"group": self.g.groups[i], "reference": self.g.groups[at], "n": rows}
        if not sample.measured[0]:
            return self._base(CLASS_IMBALANCE.name, **common, status="undefined", reason="0/0: no rows in either group")
        limits, share = single(sample, tail), float(sample.p[0])
        return self._base(CLASS_IMBALANCE.name, **common, value=2 * share - 1, low=2 * float(limits.low[0]) - 1,
                          high=2 * float(limits.high[0]) - 1, method=f"{self._method()} on the share", flags=self.flags)

    def _label_gap(self, sample: Sample, limits: Limits, i: int) -> Estimate:
        at = self.g.reference
        common: dict[str, Any] = {"group": self.g.groups[i], "reference": self.g.groups[at],
                                  "n": float(self.g.rows[i] + self.g.rows[at])}
        empty = next((j for j in (i, at) if not sample.measured[j]), None)
        if empty is not None:
            return self._base(LABEL_GAP.name, **common, status="undefined",
                              reason=f"not measured for {self._named(empty)} (0/0: no rows in this group)")
        return self._base(LABEL_GAP.name, **common, value=float(sample.p[at] - sample.p[i]), low=-float(limits.high[i]),
                          high=-float(limits.low[i]), method=f"newcombe on {self._method()}",
                          flags=self.flags + self._group_flags(sample, i, at))

    def _against_population(self, sample: Sample, population: Mapping[str, float]) -> list[Estimate]:
        """Share in the data over share in the population, which is taken as known: each group's, then the lowest."""
        names, count = [g[0] for g in self.g.groups], len(self.g.groups)
        inner, outer = single(sample, self.scope.tail), single(sample, self.scope.tail / max(count, 1))
        expected = np.array([population.get(str(n)) or math.nan for n in names])
        each = [self._to_population(sample, inner, i, float(expected[i])) for i in range(count)]
        absent = [level for level, share in population.items() if share > 0 and level not in names]
        common: dict[str, Any] = {"compare": "ratio", "reference": ("population",), "n": float(self.g.rows.sum())}
        unknown = next((e for e in each if e.value is None), None)
        if absent or unknown is not None or not each:
            reason = f"nobody in the data is {printable(absent[0])}" if absent else "a group has no share in the population"
            return [*each, self._base(REPRESENTATION.name, **common, status="undefined", reason=reason)]
        ratio = sample.p / expected
        at = int(np.argmin(ratio))
        return [*each, self._base(
            REPRESENTATION.name, **common, value=float(ratio[at]), low=float((inner.low / expected).min()),
            high=float((outer.high / expected).min()), pair=(self.g.groups[at], ("population",)),
            method=f"{self._method()} over a known share, corrected for {count} groups on the failing side")]

    def _to_population(self, sample: Sample, limits: Limits, i: int, expected: float) -> Estimate:
        common: dict[str, Any] = {"compare": "ratio", "group": self.g.groups[i], "reference": ("population",),
                                  "n": float(self.g.rows[i])}
        if not sample.measured[i] or math.isnan(expected):
            reason = f"the reference population names no share for {self._named(i)}" if sample.measured[i] else "0/0: no rows"
            return self._base(REPRESENTATION.name, **common, status="undefined", reason=reason)
        return self._base(
            REPRESENTATION.name, **common, value=float(sample.p[i]) / expected, low=float(limits.low[i]) / expected,
            high=float(limits.high[i]) / expected, numerator=float(sample.p[i]), denominator=expected,
            method=f"{self._method()} over a known share",
        )


def _determined(sample: Sample) -> bool:
    """Whether the group alone says the label: every group all positive or all negative, and both occur."""
    p = sample.p[sample.measured]
    return len(p) > 1 and bool(np.all((p == 0) | (p == 1)) and p.min() != p.max())


def _worst_bounds(parts: Sequence[Estimate], compare: Literal["difference", "ratio"]) -> dict[str, Group | float]:
    """Interval of the worst of several gaps; a part without an interval could be anything in [0, 1]."""
    lows = [0.0 if p.low is None else p.low for p in parts]
    highs = [1.0 if p.high is None else p.high for p in parts]
    pick = max if compare == "difference" else min
    low, high = pick(lows), pick(highs)
    return {} if low <= 0 and high >= 1 else {"low": low, "high": high}
