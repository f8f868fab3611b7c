"""How checks speak of columns and groups: escaped, a few by name, the rest by number."""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import printable
from audit.estimate import Level

MOST_NAMED = 5
NAME_LENGTH = 40
MOST_LEFT = 20
"""Columns of which nothing is said that are named: whoever reads a record has to find them again."""


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """First names of several.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(printable(n, NAME_LENGTH) for n in names[:most])}{more}"


def left_out(names: Sequence[str], why: str) -> str:
    """End of a sentence about columns of which it does not speak; empty where there are none.

    >>> left_out(["a", "b"], "of many values not looked at")
    '; 2 of many values not looked at: a, b'
    """
    return f"; {len(names):,} {why}: {listed(names, MOST_LEFT)}" if names else ""


def group(column: str, level: Level) -> str:
    """One group of one column.

    >>> group("sex", "f")
    'sex = f'
    """
    return f"{printable(column, NAME_LENGTH)} = {printable(level, NAME_LENGTH)}"


def several(count: int, noun: str, plural: str = "") -> str:
    """Number and noun.

    >>> several(1, "row"), several(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def chance(p: float) -> str:
    """How surprising something is.

    >>> chance(1e-30)
    'p < 1e-12'
    """
    return "p < 1e-12" if p < 1e-12 else f"p = {p:.2g}"
