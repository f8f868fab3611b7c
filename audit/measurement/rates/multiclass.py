"""Decisions between several classes: averages over classes, each class against all others, and the worst class.

Must not: read rows, know a limit, or leave a group or a class out without a word.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Literal

import numpy as np

from audit.axes import FOLD, LABEL, MOST_GROUPS, PREDICTION, crossings, reference_at, sort_key
from audit.cube import Cube, all_groups, unit_of
from audit.errors import QuestionError, no_such, printable
from audit.estimate import Estimate, Group, Stage
from audit.measurement.comparisons import join_flags
from audit.measurement.grouping import Grouping, leave_out, partly_missing
from audit.measurement.inference.confusion import several
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.pairs import Kind, extreme
from audit.measurement.metrics.confusion import STATISTICS
from audit.measurement.metrics.kinds import ANYBODY, ClassStatistic, Event, Rate, Statistic, WorstClass
from audit.measurement.metrics.multiclass import MACRO, PER_CLASS, WORST
from audit.measurement.metrics.rates import RATES
from audit.measurement.rates.group_table import Measured
from audit.measurement.rates.rate_table import RateTable
from audit.measurement.scope import SMALL, UNMEASURED, Scope

BINARY: tuple[Rate | Statistic, ...] = (*RATES, *STATISTICS)
ONCE = tuple(m for m in RATES if "multiclass" in m.also)
"""Rates that are one number over all classes."""


def class_estimates(cubes: Sequence[Cube], scope: Scope) -> tuple[Estimate, ...]:
    """Metrics of several classes for everybody, every group and every crossing, with their comparisons."""
    found: list[Estimate] = []
    for by in crossings(scope.groups, scope.intersections):
        found += _of_grouping(class_grouping(cubes, by, scope.reference, scope.without(by)), scope)
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
    return [*found, *chain.from_iterable(worst_class(worst, rates[worst.rate], each) for worst in WORST)]


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
        return replace(first.too_few(name, kind), outcome=None)
    parts = [table.gap(metric, kind, len(own)) for metric, table in own]
    flags = join_flags(parts)
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
    return replace(
        base,
        **common | {"outcome": at.outcome},
        value=at.value,
        pair=at.pair,
        method=method,
        numerator=at.numerator,
        denominator=at.denominator,
    )


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
        return replace(first.too_few(name, which), outcome=None)
    samples = [table.g.sample(metric) for metric, table in own]
    every, groups = _together(samples), len(first.g.groups)
    found = extreme(every, which, first.scope.tail)
    flags = first.flags + ((SMALL,) if every.thin.any() else ())
    common |= {
        "low": found.low,
        "high": found.high,
        "confidence": first.scope.confidence,
        "n": float(first.g.rows.sum()),
        **first.g.setters(found.low_group % groups, found.high_group % groups),
    }
    for sample, (metric, table) in zip(samples, own, strict=True):
        if not sample.measured.all():
            reason = f"class {printable(table.outcome)}: {table.reason_for_comparison(metric, sample)}"
            return Estimate(**common, status="undefined", reason=reason, flags=(*flags, UNMEASURED))
    group = first.g.groups[found.group % groups]
    method = (
        f"{first.method(exact=found.exact)}, corrected for {groups} groups in {len(own)} classes on the failing side"
    )
    outcome = own[found.group // groups][1].outcome
    return Estimate(**common, outcome=outcome, value=found.value, pair=(group, group), method=method, flags=flags)


def _together(samples: Sequence[Sample]) -> Sample:
    """Rates of all classes side by side, for what needs no pair."""
    p = np.concatenate([s.p for s in samples])
    n = np.concatenate([s.n for s in samples])
    df = np.concatenate([s.df for s in samples])
    numerator = np.concatenate([s.numerator for s in samples])
    denominator = np.concatenate([s.denominator for s in samples])
    return Sample(p, n, df, numerator, denominator)


# Groups whose label and prediction are one of several classes; each class against all others is a `Grouping`.
#
# Must not: know a metric's name or a limit.
@dataclass(frozen=True)
class ClassGrouping(Grouping):
    """All groups of one crossing with their counts, shape (G, K, K, F): group, label, prediction, fold.

    Where nothing is predicted, the third axis has one place.
    """

    classes: tuple[str, ...] = ()
    labelled: tuple[bool, ...] = ()
    """Which classes some label of the whole data has."""

    def sample(self, metric: Rate | Statistic | ClassStatistic) -> Sample:
        """Values of all groups for a statistic of all classes, on the scale from 0 to 1."""
        if not isinstance(metric, ClassStatistic):
            raise QuestionError(f"'{metric.name}' is for two classes; compare one class with all others")
        low, high = metric.range
        counted = np.array(self.labelled)
        w, w2 = self.measures
        cells, squares = self.counts[w].astype(float), self.counts[w2].astype(float)
        return several(
            lambda x: (metric.of(x, counted) - low) / (high - low),
            lambda x: metric.slope(x, counted) / (high - low),
            lambda x: metric.support(x, counted),
            cells,
            squares,
            folds=self.folded,
        )

    def against_rest(self, at: int) -> Grouping:
        """One class as the positive one, all others as the negative one."""
        return self._two({k: _split(_split(v, at, 1), at, 2) for k, v in self.counts.items()})

    @cached_property
    def right(self) -> Grouping:
        """Right answers as positive ones, wrong ones as missed ones."""
        return self._two({k: _right(v) for k, v in self.counts.items()})

    @cached_property
    def determined(self) -> bool:
        """Whether the group alone says the label: every group has one, and not all the same."""
        have = self.counts["n"].sum(axis=(2, 3)) > 0
        known = have[have.any(axis=1)]
        return len(known) > 1 and bool((known.sum(axis=1) == 1).all()) and bool(known.any(axis=0).sum() > 1)

    def first_empty(self, metric: ClassStatistic, i: int) -> str:
        """First class without rows in a group in which a statistic needs some of each."""
        support = metric.support(self.counts["n"][i].sum(axis=-1).astype(float), np.array(self.labelled))
        return next((c for c, rows in zip(self.classes, support, strict=False) if rows <= 0), self.classes[0])

    def _two(self, counts: Mapping[str, np.ndarray]) -> Grouping:
        return Grouping(self.by, self.groups, counts, self.reference, self.missing_rows, self.folded, unit=self.unit)


def class_grouping(
    cubes: Sequence[Cube],
    by: tuple[str, ...],
    reference: Mapping[str, str],
    without: Collection[Group] = (),
) -> ClassGrouping:
    """Groups of one crossing but those ``without``, from the smallest cube that holds it."""
    holding = [c for c in cubes if set(by) <= set(c.names)]
    if not holding:
        raise QuestionError(no_such("grouping", "*".join(by), {"*".join(c.names) for c in cubes}))
    cube = min(holding, key=lambda c: c["n"].size)
    kept = _kept(cube, by)
    known = kept
    for name in by:
        known = known.drop(name, None)
    groups, classes = all_groups(known, by), classes_of(kept)
    if len(groups) * len(classes) > MOST_GROUPS:
        raise QuestionError(
            f"{' x '.join(by)} makes {len(groups):,} groups, with {len(classes)} classes each more than "
            f"{MOST_GROUPS:,} rates of one kind; bin or remove a group column, or merge classes"
        )
    counts: Mapping[str, np.ndarray] = _counts(known, len(groups), classes)
    groups, counts, reference = leave_out(without, groups, counts, by, reference)
    rows = counts["n"].sum(axis=(1, 2, 3))
    missing = float(kept["n"].sum() - known["n"].sum())
    return ClassGrouping(
        by,
        groups,
        counts,
        reference_at(by, groups, rows, reference),
        missing,
        FOLD in kept.names,
        classes,
        _labelled(kept, classes),
        unit=unit_of(cube),
    )


def missing_class_groups(cubes: Sequence[Cube], by: tuple[str, ...]) -> ClassGrouping | None:
    """The rows of which a column of ``by`` is missing, by what is known of the others; None if there are none."""
    holding = [c for c in cubes if set(by) <= set(c.names)]
    if not by or not holding:
        return None
    cube = min(holding, key=lambda c: c["n"].size)
    kept = _kept(cube, by)
    groups, at = partly_missing(kept, by)
    if not groups:
        return None
    classes, every = classes_of(kept), math.prod(len(kept.axis(name).levels) for name in by)
    counts = {k: v[at] for k, v in _counts(kept, every, classes).items()}
    return ClassGrouping(
        by, groups, counts, 0, 0.0, FOLD in kept.names, classes, _labelled(kept, classes), unit=unit_of(cube)
    )


def classes_of(cube: Cube) -> tuple[str, ...]:
    """Classes of labels and predictions, in order."""
    found = {str(level) for name in (LABEL, PREDICTION) if name in cube.names for level in cube.axis(name).levels}
    return tuple(sorted(found, key=sort_key))


def _kept(cube: Cube, by: tuple[str, ...]) -> Cube:
    return cube.keep(*by, LABEL, *(name for name in (PREDICTION, FOLD) if name in cube.names))


def _labelled(cube: Cube, classes: Sequence[str]) -> tuple[bool, ...]:
    """Which classes some label has, rows without a group included."""
    rows = dict(zip(cube.axis(LABEL).levels, cube.keep(LABEL)["n"].tolist(), strict=True))
    return tuple(rows.get(c, 0) > 0 for c in classes)


def _counts(cube: Cube, groups: int, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Every measure as (G, K, K, F), or (G, K, 1, F) where nothing is predicted."""
    outcomes = [name for name in (LABEL, PREDICTION) if name in cube.names]
    at = [[list(classes).index(str(level)) for level in cube.axis(name).levels] for name in outcomes]
    folds = len(cube.axis(FOLD).levels) if FOLD in cube.names else 1
    width = len(classes) if len(outcomes) == 2 else 1
    found = {}
    for measure, values in cube.measures.items():
        out = np.zeros((groups, len(classes), width, folds), dtype=values.dtype)
        shaped = values.reshape(groups, len(at[0]), len(at[1]) if width > 1 else 1, folds)
        out[np.ix_(range(groups), at[0], at[1] if width > 1 else [0], range(folds))] = shaped
        found[measure] = out
    return found


def _split(values: np.ndarray, at: int, axis: int) -> np.ndarray:
    """Return all other places of an axis added up, then one; an axis of one place gets an empty second one."""
    if values.shape[axis] == 1:
        return np.concatenate([values, np.zeros_like(values)], axis=axis)
    one = values.take([at], axis=axis)
    return np.concatenate([values.sum(axis=axis, keepdims=True) - one, one], axis=axis)


def _right(values: np.ndarray) -> np.ndarray:
    """Right answers in the place of TP and wrong ones in that of FN, shape (G, 2, 2, F)."""
    whole = values.sum(axis=(1, 2))
    right = np.einsum("gkkf->gf", values) if values.shape[1] == values.shape[2] else np.zeros_like(whole)
    nobody = np.zeros_like(whole)
    return np.stack([np.stack([nobody, nobody], axis=1), np.stack([whole - right, right], axis=1)], axis=1)
