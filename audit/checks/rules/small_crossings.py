"""DP001: crossings of the declared groups in which too few people are to be hidden among each other.

What is said here is published, so a count under k is never named, only how many crossings hold one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from audit.checks.check import CheckKind
from audit.checks.code import NO_GROUPS, fill
from audit.checks.part import OpenPart
from audit.config.sections import SMALLEST_PUBLISHED as K
from audit.counting.backends.sql import key_sql
from audit.counting.plan import Plan
from audit.errors import printable
from audit.estimate import grouping_text, join_words
from audit.record.result import Check
from audit.tables.table import quote_identifier

COMBINED_PASSES = f"Every combination of {{by}} has at least {K} {{people}}{{in_part}}"
SINGLED_OUT = (
    "Some {people} can be singled out by {by}{in_part}: "
    f"{{count}} of {{all}} combinations [have|has] fewer than {K}"
)


class _Crossing(NamedTuple):
    """Groups of one crossing by how many people they hold; a missing group is one of them."""

    by: tuple[str, ...]
    groups: int
    small: int
    """Groups of fewer than k."""
    smallest: int


def _find_published_crossings(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return columns whose groups a card shows, each alone and crossed as deep as was asked."""
    deepest = max(map(len, plan.crossings), default=0)
    return tuple(by for size in range(1, deepest + 1) for by in combinations(plan.groups, size))


def _find_small_crossings(looked: OpenPart) -> Iterator[Check]:
    plan = looked.plan
    if not plan.groups:
        yield CHECK.unanswered(looked.part, "not applicable", NO_GROUPS)
        return
    found = {by: _count_crossing(looked, by) for by in _find_published_crossings(plan)}
    yield _check_cards(looked, tuple(found.values()))
    yield _check_quasi_identifiers(looked, found.get(plan.groups) or _count_crossing(looked, plan.groups))


def _check_cards(looked: OpenPart, found: tuple[_Crossing, ...]) -> Check:
    """Check of what a card shows."""
    people = name_people(looked)
    groups, small = sum(c.groups for c in found), sum(c.small for c in found)
    if not groups:
        return CHECK.unanswered(looked.part, "undefined", "there are no rows")
    if not small:
        least = min(found, key=lambda c: c.smallest)
        detail = f"{groups:,} groups; the smallest, by {grouping_text(least.by)}, has {least.smallest:,} {people}"
        return CHECK.passed(looked.part, detail, people=people)
    most = max(found, key=lambda c: c.small)
    where = f"{most.small:,} of them by {grouping_text(most.by)}; " if len(found) > 1 else ""
    detail = f"{where}cards withhold them"
    return CHECK.found(looked.part, detail, count=small, all=f"{groups:,}", people=people)


def _check_quasi_identifiers(looked: OpenPart, all_: _Crossing) -> Check:
    """Check of the declared groups all together, by which a row of the table itself could be found."""
    people, by = name_people(looked), join_words(list(map(printable, all_.by)))
    if not all_.groups:
        return CHECK.unanswered(looked.part, "undefined", "there are no rows", columns=all_.by)
    if not all_.small:
        detail = f"k-anonymity {all_.smallest:,}: the smallest of {all_.groups:,} combinations has so many {people}"
        return CHECK.passed(looked.part, detail, columns=all_.by, title=COMBINED_PASSES, people=people, by=by)
    counts = {"people": people, "by": by, "all": f"{all_.groups:,}"}
    title = fill(SINGLED_OUT, looked.part, count=all_.small, **counts)
    return CHECK.found(looked.part, f"k-anonymity below {K}", columns=all_.by, title=title, people=people)


def name_people(looked: OpenPart) -> str:
    """Return what is counted: rows, or people where a column names them."""
    return "rows" if looked.config.unit is None else "people"


def _count_crossing(looked: OpenPart, by: tuple[str, ...]) -> _Crossing:
    unit, names = looked.config.unit, ", ".join(f"k{i}" for i in range(len(by)))
    keys = ", ".join(f"{key_sql(looked.key(c))} AS k{i}" for i, c in enumerate(by))
    people = "count(*)" if unit is None else f"count(DISTINCT {quote_identifier(unit)})"
    each = f"SELECT {keys}, {people} AS n FROM {looked.scan.source} GROUP BY {names}"  # noqa: S608
    groups, small, smallest = looked.scan.ask(
        f"SELECT count(*), count(*) FILTER (n < {K}), min(n) FROM ({each})"  # noqa: S608
    )[0]
    return _Crossing(by, int(groups), int(small), int(smallest or 0))


CHECK = CheckKind(
    code="DP001",
    name="Small groups, on the card and combined (k-anonymity)",
    passes=(f"Every published group has at least {K} {{people}}{{in_part}}", COMBINED_PASSES),
    finds=(f"{{count}} of {{all}} published groups [have|has] fewer than {K} {{people}}{{in_part}}", SINGLED_OUT),
    plain=f"Some groups have fewer than {K} {{people}}{{in_part}}",
    reason="a person who is alone in a combination of groups can be found in every table that has these groups",
    reference="Sweeney (2002), k-anonymity, Int. J. Uncertainty 10(5)",
    mend="Use wider bands or merge groups before you share a table broken down by them.",
    find=_find_small_crossings,
)
