"""How checks speak of columns and groups: escaped, a few by name, the rest by number."""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import printable
from audit.estimate import Level

MOST_NAMED = 5
NAME_LENGTH = 40


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """First names of several.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(printable(n, NAME_LENGTH) for n in names[:most])}{more}"


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
