"""How the titles of the checks begin whose very outcome tells labels of groups: cards leave such outcomes out.

Must not: look at a row, or import what does.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import printable

DISGUISE, SAME_LABEL, TOLD = "DV003", "DP002", "DL003"
OUTCOME_TELLS = (DISGUISE, SAME_LABEL, TOLD)
"""Codes of these checks."""
ANY_COLUMN, GROUP_COLUMNS = "no single column of ", "no group column of "
"""Titles of DL003 up to the part: of every column (in older documents of group columns too), and of group columns."""


def disguise(column: str) -> str:
    """Return the title of DV003 of one group column, up to the part."""
    return f"{printable(column)} is not the label in disguise in "


def same_label(by: Sequence[str]) -> str:
    """Return the title of DP002 of one crossing of group columns, up to the part."""
    return f"no group of {' x '.join(map(printable, by))} in "


def tells_labels_of(by: Sequence[str]) -> tuple[str, ...]:
    """Return how the titles begin of the checks whose outcome tells labels of the groups of one crossing.

    >>> tells_labels_of(["sex"])
    ('no group of sex in ', 'sex is not the label in disguise in ', 'no single column of ', 'no group column of ')
    >>> tells_labels_of(["race", "sex"])
    ('no group of race x sex in ',)
    """
    return (same_label(by), disguise(by[0]), ANY_COLUMN, GROUP_COLUMNS) if len(by) == 1 else (same_label(by),)
