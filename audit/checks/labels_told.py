"""The checks whose very outcome tells labels of groups: cards leave such outcomes out.

Must not: look at a row, or import what does.
"""

from __future__ import annotations

from collections.abc import Collection

from audit.record.result import Check

DISGUISE, SAME_LABEL, TOLD = "DV003", "DP002", "DL003"
OUTCOME_TELLS = (DISGUISE, SAME_LABEL, TOLD)
"""Codes of these checks."""


def tells_labels(check: Check, hidden: Collection[tuple[str, ...]]) -> bool:
    """Return whether the outcome of a check tells labels of groups whose labels are hidden.

    A check of an older document says neither its part nor its columns, and may speak of any.

    Parameters
    ----------
    check
        Of any code.
    hidden
        Columns of each grouping of which labels are hidden.

    Examples
    --------
    >>> of = Check(code="DP002", title="", outcome="pass", part="train", columns=("race", "sex"))
    >>> tells_labels(of, [("sex",)]), tells_labels(of, [("race", "sex")])
    (False, True)
    """
    if check.code not in OUTCOME_TELLS or not hidden:
        return False
    if not check.part:
        return True
    if check.code == SAME_LABEL:
        return check.columns in hidden
    return any((column,) in hidden for column in check.columns)
