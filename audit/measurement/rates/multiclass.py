"""Decisions between several classes: averages over classes, each class against all others, and the worst class.

Must not: read rows, know a limit, or leave a group or a class out without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from audit.axes import crossings
from audit.cube import Cube
from audit.errors import printable
from audit.estimate import Estimate, Stage
from audit.measurement.grouping import Grouping
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.pairs import Kind, extreme
from audit.measurement.metrics.confusion import STATISTICS
from audit.measurement.metrics.events import ANYBODY, Event
from audit.measurement.metrics.kinds import ClassStatistic, Rate, Statistic, WorstClass
from audit.measurement.metrics.multiclass import MACRO, PER_CLASS, WORST
from audit.measurement.metrics.rates import RATES
from audit.measurement.rates.classes import ClassGrouping, class_grouping, missing_class_groups
from audit.measurement.rates.forms import Measured
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.scope import SMALL, UNMEASURED, Scope

BINARY: tuple[Rate | Statistic, ...] = (*RATES, *STATISTICS)
ONCE = tuple(m for m in RATES if "multiclass" in m.also)
"""Rates that are one number over all classes."""


def class_estimates(cubes: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """Metrics of several classes for everybody, every group and every crossing, with their comparisons."""
    found: list[Estimate] = []
    for by in crossings(scope.groups, scope.intersections):
        found += _of_grouping(class_grouping(cubes, by, scope.reference), scope)
        if (rest := missing_class_groups(cubes, by)) is not None:
            found += _of_grouping(rest, scope, comparable=False)
    return tuple(found)


def _of_grouping(grouped: ClassGrouping, scope: Scope, *, comparable: bool = True) -> list[Estimate]:
    once = ClassTable(grouped, scope, "model", view=grouped.right, comparable=comparable)
    macro = ClassTable(grouped, scope, "model", comparable=comparable)
    each = class_tables(grouped, scope, "model", comparable=comparable)
    found = [*once.rates(ONCE), *macro.rates(MACRO)]
    binary = {m.name: m for m in BINARY}
    for table in each:
        found += table.rates([of_class(binary[name], table.outcome or "") for name in PER_CLASS])
    if not macro.comparable:
        return found
    rates = {m.name: m for m in RATES}
    return [*found, *(e for worst in WORST for e in worst_class(worst, rates[worst.rate], each))]


def class_tables(
    grouped: ClassGrouping, scope: Scope, stage: Stage, *, comparable: bool = True
) -> tuple[ClassTable, ...]:
    """One table for each class against all others."""
    return tuple(
        ClassTable(grouped, scope, stage, view=grouped.against_rest(at), outcome=name, comparable=comparable)
        for at, name in enumerate(grouped.classes)
    )


class ClassTable(RateTable):
    """Estimates of one grouping, of all classes or of one against all others."""

    def __init__(
        self,
        classes: ClassGrouping,
        scope: Scope,
        stage: Stage,
        *,
        view: Grouping | None = None,
        outcome: str | None = None,
        comparable: bool = True,
    ) -> None:
        self.classes, self.outcome = classes, outcome
        super().__init__(classes if view is None else view, scope, stage, comparable=comparable)

    def _is_label(self) -> bool:
        return self.classes.determined

    def _empty(self, metric: Measured, i: int) -> str:
        said = super()._empty(metric, i)
        if not isinstance(metric, ClassStatistic):
            return said
        return said.replace("{class}", printable(self.classes.first_empty(metric, i)))

    def gap(self, metric: Measured, kind: Kind, looks: int) -> Estimate:
        """Largest gap over groups; the failing side is corrected for so many gaps."""
        return self._gap(metric, self.g.sample(metric), kind, looks)

    def lonely(self, metric: str, compare: str) -> Estimate:
        """What is said where there is nothing to compare."""
        return self._lonely(metric, compare)

    def why(self, metric: Measured, sample: Sample) -> str:
        """Why a comparison over groups is undefined."""
        return self._why(metric, sample)

    def method(self, *, exact: bool) -> str:
        """How single rates are bounded."""
        return self._method(exact)


def of_class(metric: Rate | Statistic, name: str) -> Rate | Statistic:
    """A binary metric that speaks of a class by its name."""
    said = printable(name)
    if isinstance(metric, Statistic):
        return replace(metric, empty=metric.empty.replace("= 1", f"= {said}"))
    return replace(metric, event=_of_class(metric.event, said), given=_of_class(metric.given, said))


def _of_class(event: Event, said: str) -> Event:
    if event is ANYBODY:
        return event
    return replace(event, text=event.text.replace("= 1", f"= {said}").replace("= 0", f"≠ {said}"))


def worst_class(worst: WorstClass, rate: Rate, tables: Sequence[ClassTable]) -> list[Estimate]:
    """The worst of every comparison that may be judged, over classes and groups."""
    own = [(of_class(rate, table.outcome or ""), table) for table in tables]
    found = []
    for compare in worst.judged:
        if compare in {"difference", "ratio"}:
            found.append(_worst_gap(worst.name, own, "ratio" if compare == "ratio" else "difference"))
        elif compare in {"lowest", "highest"}:
            found.append(_worst_rate(worst.name, own, "lowest" if compare == "lowest" else "highest"))
    return found


Own = Sequence[tuple[Rate | Statistic, ClassTable]]
"""The rate of each class with its table."""


def _worst_gap(name: str, own: Own, kind: Kind) -> Estimate:
    first = own[0][1]
    if len(first.g.groups) < 2:
        return replace(first.lonely(name, kind), outcome=None)
    parts = [table.gap(metric, kind, len(own)) for metric, table in own]
    flags = tuple(dict.fromkeys(f for p in parts for f in p.flags))
    common: dict[str, Any] = {"outcome": None, "flags": flags, **_bounds(parts, kind)}
    if "low" in common:
        common["confidence"] = first.scope.confidence
    base = Estimate(stage=first.stage, metric=name, compare=kind, by=first.g.by, n=parts[0].n)
    undefined = next((p for p in parts if p.value is None), None)
    if undefined is not None:
        reason = f"class {printable(undefined.outcome)}: {undefined.reason}"
        return replace(base, **common, status="undefined", reason=reason)
    at = (max if kind == "difference" else min)(parts, key=lambda p: float(p.value or 0.0))
    method = f"{at.method}; worst of {len(parts)} classes, corrected for all of them on the failing side"
    return replace(base, **common | {"outcome": at.outcome}, value=at.value, pair=at.pair, method=method,
                   numerator=at.numerator, denominator=at.denominator)  # fmt: skip


def _bounds(parts: Sequence[Estimate], kind: Kind) -> dict[str, Any]:
    """Interval of the worst of several gaps with the pairs that set it; a part without one could be anything."""
    pick = max if kind == "difference" else min
    low = pick(parts, key=lambda p: 0.0 if p.low is None else p.low)
    high = pick(parts, key=lambda p: 1.0 if p.high is None else p.high)
    found = {"low": low.low or 0.0, "high": 1.0 if high.high is None else high.high}
    if found["low"] <= 0 and found["high"] >= 1 and any(p.value is None for p in parts):
        return {}
    return {**found, "low_pair": low.low_pair, "high_pair": high.high_pair}


def _worst_rate(name: str, own: Own, which: Literal["lowest", "highest"]) -> Estimate:
    """Lowest or highest rate over classes and groups, with limits that bound all of them at once."""
    first = own[0][1]
    common: dict[str, Any] = {"stage": first.stage, "metric": name, "compare": which, "by": first.g.by}
    if not first.g.groups:
        return replace(first.lonely(name, which), outcome=None)
    samples = [table.g.sample(metric) for metric, table in own]
    every, groups = _together(samples), len(first.g.groups)
    found = extreme(every, which, first.scope.tail)
    flags = first.flags + ((SMALL,) if every.thin.any() else ())
    common |= {"low": found.low, "high": found.high, "confidence": first.scope.confidence,
               "n": float(first.g.rows.sum()),
               **first.g.setters(found.low_group % groups, found.high_group % groups)}  # fmt: skip
    for sample, (metric, table) in zip(samples, own, strict=True):
        if not sample.measured.all():
            reason = f"class {printable(table.outcome)}: {table.why(metric, sample)}"
            return Estimate(**common, status="undefined", reason=reason, flags=(*flags, UNMEASURED))
    group = first.g.groups[found.group % groups]
    method = (
        f"{first.method(exact=found.exact)}, corrected for {groups} groups in {len(own)} classes on the failing side"
    )
    outcome = own[found.group // groups][1].outcome
    return Estimate(**common, outcome=outcome, value=found.value, pair=(group, group), method=method, flags=flags)


def _together(samples: Sequence[Sample]) -> Sample:
    """Rates of all classes side by side, for what needs no pair."""
    p, n, df, numerator, denominator = (
        np.concatenate([getattr(s, field) for s in samples]) for field in ("p", "n", "df", "numerator", "denominator")
    )
    return Sample(p, n, df, numerator, denominator)
