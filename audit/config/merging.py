"""Levels of a group column that are joined before anything is counted, and combinations of columns that are too many.

Must not: know which levels a table has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audit.axes import name_level
from audit.errors import printable
from audit.estimate import quoted_level

MOST_GROUPINGS = 1_000
"""Columns and combinations of columns by which everything is measured."""
Merge = Mapping[str, Mapping[str, Sequence[Any]]]
"""By column and new name, the levels that are joined, as a file or a caller writes them."""


def name_targets(merge: Merge) -> dict[str, dict[str, str]]:
    """Return the new name of each level that is joined, by column.

    >>> name_targets({"RAC1P": {"other": [3, 4.0, "5"]}})
    {'RAC1P': {'3': 'other', '4': 'other', '5': 'other'}}
    """
    return {column: dict(_list_pairs(lists)) for column, lists in merge.items()}


def _list_pairs(lists: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, str]]:
    """Yield each level that is joined, with its new name."""
    for new, levels in lists.items():
        yield from ((str(name_level(level)), new) for level in levels)


def refuse_merge(merge: Merge, bins: Mapping[str, Any]) -> None:
    """Refuse lists of levels that say nothing, or two things.

    Raises
    ------
    ValueError
        Naming column and level.
    """
    for column, lists in merge.items():
        shown = printable(column, 40)
        if column in bins:
            raise ValueError(
                f"merge.{shown}: bins cuts this column into bands; choose other edges, or remove one of the two"
            )
        if not lists or not all(lists.values()):
            raise ValueError(f"merge.{shown} must list levels under a new name, such as other = ['a', 'b']")
        _refuse_twice(shown, list(_list_pairs(lists)))


def _refuse_twice(column: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse a level that gets two names, and a new name that is joined to another one."""
    named: dict[str, str] = {}
    for level, new in pairs:
        if level in named:
            where = (
                f"both '{printable(named[level])}' and '{printable(new)}'" if named[level] != new else "a list twice"
            )
            raise ValueError(f"merge.{column}: level '{printable(level)}' is in {where}; name it once")
        named[level] = new
    chained = next((level for level, new in pairs if level != new and level in named.values()), None)
    if chained is not None:
        raise ValueError(
            f"merge.{column}: '{printable(chained)}' is a new name and joined to another one; join all at once"
        )


def find_merge(question: Mapping[str, Any]) -> Merge:
    """Return the levels that the question of a record joins."""
    return dict((question.get("data") or {}).get("merge") or {})


def describe_merge(merge: Merge) -> Iterator[str]:
    """Yield what is joined, a sentence for each new name.

    >>> list(describe_merge({"race": {"other": ["Asian", "Native American"]}}))
    ["race: 'other' joins Asian, Native American ([data.merge])"]
    """
    for column, lists in merge.items():
        for new, levels in lists.items():
            listed = ", ".join(quoted_level(name_level(level)) for level in levels)
            yield f"{printable(column, 40)}: '{printable(new, 40)}' joins {listed} ([data.merge])"


def merge_declared(
    declared: Mapping[str, Sequence[str]], targets: Mapping[str, Mapping[str, str]]
) -> dict[str, tuple[str, ...]]:
    """Return declared levels with the new names of those that are joined."""
    return {
        column: tuple(dict.fromkeys(targets.get(column, {}).get(level, level) for level in levels))
        for column, levels in declared.items()
    }


def refuse_crossings(groups: int, ways: int) -> None:
    """Refuse more groupings than are measured, before a row is read: the configuration alone decides that."""
    asked = count_groupings(groups, ways)
    if asked <= MOST_GROUPINGS:
        return
    crossed = f"combinations of up to {ways} of {groups:,} columns make" if ways > 1 else f"{groups:,} columns make"
    raise ValueError(
        f"groups: {crossed} {asked:,} groupings, more than {MOST_GROUPINGS:,}; {_suggest_fewer(groups, ways)}"
    )


def _suggest_fewer(groups: int, ways: int) -> str:
    """Describe how to ask for no more groupings than are measured."""
    less = next((w for w in range(ways - 1, 0, -1) if count_groupings(groups, w) <= MOST_GROUPINGS), None)
    most = max(n for n in range(1, groups) if count_groupings(n, ways) <= MOST_GROUPINGS)
    name = f"name at most {most} columns" if most > 1 else "name fewer columns"
    if less is None:
        return name
    return f"set intersections to {less} ({count_groupings(groups, less):,} groupings), or {name}"


def count_groupings(groups: int, ways: int) -> int:
    """Count the groups' columns and their combinations up to so many ways."""
    return sum(math.comb(groups, k) for k in range(1, ways + 1))
