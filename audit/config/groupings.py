"""How many groupings a configuration asks for, and the refusal of more than are measured."""

from __future__ import annotations

import math

MOST_GROUPINGS = 1_000
"""Columns and combinations of columns by which everything is measured."""


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
    return (
        name
        if less is None
        else f"set intersections to {less} ({count_groupings(groups, less):,} groupings), or {name}"
    )


def count_groupings(groups: int, ways: int) -> int:
    """Count the groups' columns and their combinations up to so many ways."""
    return sum(math.comb(groups, k) for k in range(1, ways + 1))
