"""Which estimates a name means. A name that means none is an error: an empty answer would let any check of it pass.

Must not: measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, get_args

from audit.axes import MISSING_TYPES
from audit.errors import QuestionError, no_such, printable
from audit.estimate import WORST_CLASS, Estimate, Group, Level, Stage
from audit.measurement.estimates import Estimates
from audit.measurement.metrics.catalogue import CATALOGUE, no_such_metric
from audit.measurement.metrics.kinds import Compare, Criterion
from audit.measurement.metrics.other_names import OTHER_NAMES
from audit.measurement.metrics.rates import BASE_RATE, SELECTION_RATE

COMPARED = (
    *get_args(Compare),
    "to_population",
    "p_value",
    "corrected",
    "noise_floor",
    "noise_corrected_difference",
    "between_group_variance",
)
"""Whatever stands as the comparison of an estimate; only the first of them can be limited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `AuditResult.find` is asked for; None asks for all."""

    metric: Any
    compare: Any
    by: Any
    group: Any
    stage: Any
    outcome: Any


def found(estimates: Estimates, columns: Sequence[str], wanted: Wanted) -> tuple[Estimate, ...]:
    """Estimates that are wanted, in the document's order; none where a metric was not asked for.

    Parameters
    ----------
    estimates
        Of the audit.
    columns
        Group columns of its question.
    wanted
        The names.

    Raises
    ------
    QuestionError
        When a name is none, with the nearest that is one.
    """
    metric, compare = _metric(wanted, estimates)
    stage = _one_of("stage", wanted.stage, get_args(Stage))
    by, order = _grouping(_names(wanted.by, "by"), estimates, columns)
    of = [e for e in estimates.about(metric) if (by is None or e.by == by) and (stage is None or e.stage == stage)]
    group = _group(_levels(wanted.group), by, order, of)
    outcome = _outcome(wanted.outcome, of)
    return tuple(
        e
        for e in of
        if e.compare == compare and (group is None or e.group == group) and (outcome is None or e.outcome == outcome)
    )


def _metric(wanted: Wanted, estimates: Estimates) -> tuple[str, str | None]:
    """Metric and comparison in our own names."""
    metric, compare = wanted.metric, wanted.compare
    if not isinstance(metric, str):
        raise QuestionError(f"metric must be the name of a metric, not {printable(repr(metric), 40)}")
    compare = _one_of("comparison", compare, COMPARED)
    # A user's own metric may have a name that another library gives to one of ours.
    other = None if metric in estimates.metrics else OTHER_NAMES.get(metric)
    if other is not None and compare in {None, other.compare}:
        return other.metric, other.compare or compare
    if not any(metric in known for known in (CATALOGUE, OTHER_NAMES, estimates.metrics)):
        raise QuestionError(no_such_metric(metric, sorted({*CATALOGUE, *OTHER_NAMES, *estimates.metrics})))
    return metric, compare


def _one_of(kind: str, value: Any, known: Sequence[str]) -> str | None:
    if value is None or (isinstance(value, str) and value in known):
        return value
    raise QuestionError(no_such(kind, value, known))


def _names(value: Any, what: str) -> tuple[Any, ...] | None:
    """A name alone, or a list of them."""
    if value is None or isinstance(value, str):
        return None if value is None else (value,)
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        raise QuestionError(f"{what} must be a name or a list of names, not {printable(repr(value), 40)}")
    return tuple(value)


def _levels(group: Any) -> tuple[Level, ...] | None:
    """Levels as text; a level that is no text may stand alone too."""
    from audit.axes import name_level

    if group is None:
        return None
    alone = isinstance(group, str) or not isinstance(group, Iterable)
    given = (group,) if alone else _names(group, "group") or ()
    return tuple(None if type(v).__name__ in MISSING_TYPES else name_level(_plain(v)) for v in given)


def _plain(value: Any) -> Any:
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def _grouping(
    by: tuple[Any, ...] | None, estimates: Estimates, columns: Sequence[str]
) -> tuple[tuple[str, ...] | None, tuple[int, ...]]:
    """The grouping in the order in which it is crossed, and where each of its columns was named."""
    if by is None:
        return None, ()
    known = dict.fromkeys((*columns, *chain.from_iterable(estimates.groupings)))
    stray = next((c for c in by if c not in list(known)), None)
    if stray is not None:
        raise QuestionError(no_such("group column", stray, known))
    if len(set(by)) < len(by):
        raise QuestionError(f"by has a column twice ({', '.join(map(printable, by))}); name each once")
    measured = next((g for g in estimates.groupings if sorted(g) == sorted(by)), None)
    if measured is None and len(by) > 1 and len(estimates):
        crossed = " x ".join(map(printable, by))
        raise QuestionError(f"no figures by {crossed}; set intersections = {len(by)}")
    measured = measured or by
    return measured, tuple(by.index(c) for c in measured)


def _group(
    group: tuple[Level, ...] | None, by: tuple[str, ...] | None, order: Sequence[int], of: Sequence[Estimate]
) -> tuple[Level, ...] | None:
    """The group in the order of its columns."""
    if group is None:
        return None
    if by is not None and len(group) != len(by):
        raise QuestionError(f"group has {len(group)} names and by has {len(by)} columns; give as many")
    ordered = group if by is None else tuple(group[at] for at in order)
    for at, level in enumerate(ordered):
        known = dict.fromkeys(_at(of, at if by is not None else None))
        if known and level is not None and level not in known:
            where = f" of {printable(by[at])}" if by is not None else ""
            raise QuestionError(no_such(f"group{where}", level, known))
    return ordered


def _at(of: Sequence[Estimate], at: int | None) -> Iterator[str]:
    """Levels of one column, or of all."""
    for estimate in of:
        for level in (estimate.group or ()) if at is None else (estimate.group or ())[at : at + 1]:
            if level is not None:
                yield level


def _outcome(outcome: Any, of: Sequence[Estimate]) -> str | None:
    from audit.axes import name_level

    if outcome is None:
        return None
    text, known = name_level(_plain(outcome)), dict.fromkeys(e.outcome for e in of if e.outcome is not None)
    if known and text not in known:
        raise QuestionError(no_such("class", text, known))
    return text


# What stands beside an estimate in a document: the groups' own values, and the comparisons of which it is the worst.
#
# Must not: judge, or put a number into words.
class Beside:
    """The estimates of one document, by what they say of the same thing."""

    def __init__(self, estimates: Estimates) -> None:
        self.estimates = estimates

    def rate(self, like: Estimate, group: Group, compare: str | None = None) -> Estimate | None:
        """The value of one group behind a comparison, or that group's own comparison."""
        wanted = (compare, group, like.outcome)
        of = (e for e in self._select_like(like) if (e.compare, e.group, e.outcome) == wanted)
        return next(of, None)

    def each(self, like: Estimate) -> Sequence[Estimate]:
        """Values of all groups behind a comparison, rows without a group left out."""
        return [
            e
            for e in self._select_like(like)
            if e.compare is None and e.outcome == like.outcome and e.group is not None and None not in e.group
        ]

    def count_missing(self, like: Estimate) -> float | None:
        """Rows without a value for a column of the groups; None where the record does not say how many."""
        plain = all(e.rows is None for e in self.estimates.of(like.stage, SELECTION_RATE.name, like.by))
        plain &= all(e.rows is None for e in self._select_like(like))
        # Of weighted rows n is a sum of weights; rates with all rows in their denominator say how many rows there are.
        names = (*((like.metric.removeprefix(WORST_CLASS),) if plain else ()), SELECTION_RATE.name, BASE_RATE.name)
        for metric in names:
            rows = [e.n if plain else e.rows for e in self._select_missing(metric, like)]
            if rows and None not in rows:
                return sum(n for n in rows if n is not None)
        return None

    def _select_missing(self, metric: str, like: Estimate) -> Sequence[Estimate]:
        """Values of the groups that are rows without a value."""
        of = self.estimates.of(like.stage, metric, like.by)
        return [e for e in of if e.compare is None and e.outcome == like.outcome and None in (e.group or ())]

    def parts(self, like: Estimate) -> Sequence[Estimate]:
        """Comparisons of which one is the worst: of each class, or of each rate of a criterion."""
        if like.metric.startswith(WORST_CLASS):
            return [
                e
                for e in self._select_like(like)
                if e.compare == like.compare and e.group is None and e.outcome is not None
            ]
        entry = CATALOGUE.find(like.metric)
        rates = entry.rates if isinstance(entry, Criterion) else ()
        found = chain.from_iterable(self.estimates.of(like.stage, rate, like.by) for rate in rates)
        return [e for e in found if e.compare == like.compare and e.group is None and e.outcome == like.outcome]

    def _select_like(self, like: Estimate) -> Sequence[Estimate]:
        return self.estimates.of(like.stage, like.metric.removeprefix(WORST_CLASS), like.by)
