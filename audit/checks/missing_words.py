"""Groups whose name is a word that means missing; a model audit compares them as any other.

Must not: take such a word for a missing value; somebody may be called so.
"""

from __future__ import annotations

from audit.counting.plan import Counted, Plan
from audit.errors import printable
from audit.record.result import Check

MISSING = ("NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NULL", "null", "(null)", "NaN", "nan", "NaT", "?", "\\N", "--",
           "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?")  # fmt: skip
"""What programs write where nothing is known; a lone hyphen or "none" is a category too often."""
CODE, MEND = "DV015", "leave cells without a value empty"


def missing_words(counted: Counted, plan: Plan, part: str) -> tuple[Check, ...]:
    """A check for each group column that has such a group; none for the others.

    Parameters
    ----------
    counted, plan, part
        As for all checks of the groups.
    """
    found = []
    for column in (c for c in plan.groups if c not in plan.bins):
        cube = next((c for c in counted.cubes if column in c.names), None)
        levels = () if cube is None else cube.axis(column).levels
        words = [level for level in levels if level is not None and level.strip() in MISSING]
        if words:
            found.append(_check(column, part, words))
    return tuple(found)


def _check(column: str, part: str, words: list[str]) -> Check:
    named = ", ".join(repr(printable(word, 40)) for word in words)
    title = f"no group of {printable(column)} is named by a word that means missing in {part}"
    detail = f"{named} means missing where programs write it, and is compared here as a group"
    return Check(code=CODE, title=title, outcome="warn", severity="warning", detail=detail, mend=MEND)
