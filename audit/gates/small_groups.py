"""Groups that a policy leaves out of its verdicts, because too few rows stand behind their number.

A group is excluded from a limit by the rows of what that limit reads, which are the n beside its number: a group of 44
rows may have 7 with label 0, on which a false positive rate rests. What is left is measured anew, as if nobody of the
excluded had been counted, so that interval and p-value look at the remaining groups alone. See docs/decisions/0062.

Must not: measure, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from audit.config.schema import GateRule
from audit.estimate import (
    CROSSED,
    WORST_CLASS,
    Estimate,
    Group,
    Stage,
    count_rows,
    grouping_text,
    join_first,
    quoted_level,
    told_apart,
)
from audit.gates.words.wording import name_metric
from audit.measurement.estimates import Estimates
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Criterion
from audit.record.result import ExcludedGroup, Gate

MOST_NAMED = 8
COMPARED_STAGES = ("model", "data")
Remeasure = Callable[[Stage, tuple[str, ...], frozenset[Group]], Estimates]
"""Measures a grouping again without some of its groups."""
NO_COUNTS = "groups are excluded by [policy] least_rows, and there are no counts to measure the others again"


def find_least_rows(question: Mapping[str, Any]) -> int:
    """Return the rows under which a group is excluded by the policy of a recorded question; 0 where by none."""
    return int((question.get("policy") or {}).get("least_rows", 0))


def find_small_groups(rule: GateRule, estimates: Estimates, least: int) -> tuple[ExcludedGroup, ...]:
    """Return groups of which fewer rows than the least stand behind what a limit reads, the largest first."""
    if least <= 0 or rule.stage not in COMPARED_STAGES or not rule.by:
        return ()
    rows: dict[Group, float] = {}
    for e in find_each(rule, estimates):
        if e.group is not None:
            rows[e.group] = min(rows.get(e.group, count_rows(e)), count_rows(e))
    small = sorted(((-n, group) for group, n in rows.items() if n < least), key=lambda pair: (pair[0], str(pair[1])))
    return tuple(ExcludedGroup(group=group, n=-n) for n, group in small)


def find_group_names(rule: GateRule, estimates: Estimates) -> tuple[Group, ...]:
    """Return the groups whose values a limit reads."""
    return tuple(dict.fromkeys(e.group for e in find_each(rule, estimates) if e.group is not None))


def find_each(rule: GateRule, estimates: Estimates) -> Iterator[Estimate]:
    """Yield the value of every group behind a limit: of each rate of a criterion, and of each class."""
    metric = rule.metric.removeprefix(WORST_CLASS)
    entry = CATALOGUE.find(metric)
    for name in entry.rates if isinstance(entry, Criterion) else (metric,):
        for e in estimates.of(rule.stage, name, rule.by or ()):
            if e.compare is None and e.group is not None and None not in e.group:
                yield e


def reason_for_few_groups(least: int, left: int) -> str:
    """Return why a limit has nothing to compare."""
    have = "no group has" if left == 0 else "only one group has"
    return f"{have} at least {least} rows ([policy] least_rows), and two are needed to compare"


def describe_excluded(
    excluded: Sequence[ExcludedGroup], least: int, *, counts: bool = True, most: int = MOST_NAMED
) -> str:
    """Return who is excluded, with their rows where ``counts`` may be told; beyond the first so many, how many more.

    >>> describe_excluded([ExcludedGroup(group=("other",), n=12), ExcludedGroup(group=("0",), n=5)], 30)
    "Groups with fewer than 30 rows are excluded by [policy] least_rows: other (n 12), '0' (n 5)."
    """
    write = told_apart([e.group for e in excluded], quoted_level, CROSSED)
    named = [f"{write(e.group)}{f' (n {e.n:,.0f})' if counts else ''}" for e in excluded[:most]]
    who = join_first(named, len(excluded))
    return f"Groups with fewer than {least} rows are excluded by [policy] least_rows: {who}."


def name_all_excluded(gate: Gate, question: Mapping[str, Any]) -> str:
    """Return the sentence of a limit with every group that is excluded, however many they are."""
    if len(gate.excluded) <= MOST_NAMED:
        return gate.sentence
    least, counts = find_least_rows(question), all(e.n is not None for e in gate.excluded)
    told = describe_excluded(gate.excluded, least, counts=counts)
    return gate.sentence.replace(told, describe_excluded(gate.excluded, least, counts=counts, most=len(gate.excluded)))


def summarise_excluded(gates: Sequence[Gate], question: Mapping[str, Any]) -> str:
    """Return whom each limit of a run excludes; empty where nobody is excluded."""
    least = find_least_rows(question)
    found: dict[tuple[str, tuple[str, ...]], dict[Group, None]] = {}
    for gate in gates:
        if gate.excluded and gate.estimate is not None:
            limited = (name_metric(gate.estimate.metric), gate.estimate.by)
            found.setdefault(limited, {}).update(dict.fromkeys(e.group for e in gate.excluded))
    each = [
        f"{_list_groups(list(groups))} from {metric} by {grouping_text(by)}" for (metric, by), groups in found.items()
    ]
    return f"Excluded, fewer than {least} rows: {'; '.join(each)} ([policy] least_rows)" if each else ""


def _list_groups(groups: Sequence[Group]) -> str:
    write = told_apart(groups, quoted_level, CROSSED)
    return join_first([write(group) for group in groups[:MOST_NAMED]], len(groups))


def without_counts(gate: Gate, least: int) -> Gate:
    """Return a gate that names who is excluded, without their rows."""
    if not gate.excluded:
        return gate
    told = describe_excluded(gate.excluded, least)
    untold = describe_excluded(gate.excluded, least, counts=False)
    return replace(
        gate,
        excluded=tuple(replace(e, n=None) for e in gate.excluded),
        sentence=gate.sentence.replace(told, untold),
    )
