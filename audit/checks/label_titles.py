"""How the titles of the checks begin whose very outcome tells labels of groups: cards leave such outcomes out.

Must not: look at a row, or import what does.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import printable

DISGUISE, SAME_LABEL = "DV003", "DP002"
OUTCOME_TELLS = (DISGUISE, SAME_LABEL)
"""Codes of these checks."""


def disguise(column: str) -> str:
    """Title of DV003 of one group column, up to the part."""
    return f"{printable(column)} is not the label in disguise in "


def same_label(by: Sequence[str]) -> str:
    """Title of DP002 of one crossing of group columns, up to the part."""
    return f"no group of {' x '.join(map(printable, by))} in "


def tells_labels_of(by: Sequence[str]) -> tuple[str, ...]:
    """How the titles begin of the checks whose outcome tells labels of the groups of one crossing.

    >>> tells_labels_of(["sex"])
    ('no group of sex in ', 'sex is not the label in disguise in ')
    >>> tells_labels_of(["race", "sex"])
    ('no group of race x sex in ',)
    """
    return (same_label(by), disguise(by[0])) if len(by) == 1 else (same_label(by),)
