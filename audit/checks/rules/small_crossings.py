"""DP001: crossings of the declared groups in which too few people are to be hidden among each other.

What is said here is published, so a count under k is never named, only how many crossings hold one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from audit.checks.check import CheckKind
from audit.checks.part import OpenPart
from audit.config.sections import SMALLEST_PUBLISHED as K
from audit.counting.backends.sql import key_sql
from audit.counting.plan import Plan
from audit.errors import printable
from audit.record.result import Check
from audit.tables.connection import quote_identifier


class Crossing(NamedTuple):
    """Groups of one crossing by how many people they hold; a missing group is one of them."""

    by: tuple[str, ...]
    groups: int
    small: int
    """Groups of fewer than k."""
    smallest: int


def find_published_crossings(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return columns whose groups a card shows, each alone and crossed as deep as was asked."""
    deepest = max(map(len, plan.crossings), default=0)
    return tuple(by for size in range(1, deepest + 1) for by in combinations(plan.groups, size))


def _find_small_crossings(looked: OpenPart) -> Iterator[Check]:
    plan = looked.plan
    if not plan.groups:
        about = f"nobody in {looked.part} is one of fewer than {K} in a group that is published"
        yield CHECK.outcome("not applicable", "no groups are named", about=about)
        return
    found = {by: _count_crossing(looked, by) for by in find_published_crossings(plan)}
    yield _check_cards(looked, tuple(found.values()))
    yield _check_quasi_identifiers(looked, found.get(plan.groups) or _count_crossing(looked, plan.groups))


def _check_cards(looked: OpenPart, found: tuple[Crossing, ...]) -> Check:
    """Check of what a card shows."""
    about = f"nobody in {looked.part} is one of fewer than {K} {_name_people(looked)} in a group that is published"
    groups, small = sum(c.groups for c in found), sum(c.small for c in found)
    if not groups:
        return CHECK.outcome("undefined", "there are no rows", about=about)
    if not small:
        least = min(found, key=lambda c: c.smallest)
        smallest = f"{least.smallest:,} {_name_people(looked)}"
        said = f"{groups:,} groups; the smallest, by {_name_columns(least.by)}, holds {smallest}"
        return CHECK.outcome("pass", said, about=about)
    most = max(found, key=lambda c: c.small)
    where = f", {most.small:,} of them by {_name_columns(most.by)}" if len(found) > 1 else ""
    said = f"{small:,} of {groups:,} groups hold fewer than {K} {_name_people(looked)}{where}; a card leaves them out"
    return CHECK.outcome("warn", said, about=about)


def _check_quasi_identifiers(looked: OpenPart, all_: Crossing) -> Check:
    """Check of the declared groups all together, by which a row of the table itself could be found."""
    about = f"{_name_columns(all_.by)} together single nobody in {looked.part} out"
    if not all_.groups:
        return CHECK.outcome("undefined", "there are no rows", about=about)
    if not all_.small:
        said = (
            f"k-anonymity {all_.smallest:,}: so many {_name_people(looked)} in the smallest of {all_.groups:,} groups"
        )
        return CHECK.outcome("pass", said, about=about)
    said = f"k-anonymity under {K}: {all_.small:,} of {all_.groups:,} groups hold fewer than {K} {_name_people(looked)}"
    return CHECK.outcome("warn", said, about=about)


def _name_people(looked: OpenPart) -> str:
    return "rows" if looked.config.unit is None else "people"


def _name_columns(by: Sequence[str]) -> str:
    return " x ".join(printable(c) for c in by)


def _count_crossing(looked: OpenPart, by: tuple[str, ...]) -> Crossing:
    unit, names = looked.config.unit, ", ".join(f"k{i}" for i in range(len(by)))
    keys = ", ".join(f"{key_sql(looked.key(c))} AS k{i}" for i, c in enumerate(by))
    people = "count(*)" if unit is None else f"count(DISTINCT {quote_identifier(unit)})"
    each = f"SELECT {keys}, {people} AS n FROM {looked.scan.source} GROUP BY {names}"  # noqa: S608
    groups, small, smallest = looked.scan.ask(
        f"SELECT count(*), count(*) FILTER (n < {K}), min(n) FROM ({each})"  # noqa: S608
    )[0]
    return Crossing(by, int(groups), int(small), int(smallest or 0))


CHECK = CheckKind(
    code="DP001",
    title="nobody is one of a few in the groups that are published",
    reason="who is alone in a crossing of groups is found in every table by these groups",
    reference="Sweeney (2002), k-anonymity, Int. J. Uncertainty 10(5)",
    mend="make bands wider or groups larger before a table by them is handed on; cards leave small counts out",
    find=_find_small_crossings,
)
