"""What a check of the data is: a code that is never reused, why it matters, where that stands, how to mend it.

Must not: look at a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.record.result import Check, CheckOutcome

if TYPE_CHECKING:
    from audit.checks.part import OpenPart

FALSE_ALARM = 0.01
"""Chance that a check which looks at many numbers warns of data in which nothing is wrong; it is shared among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKind:
    """One check: what it asks of one part of the data, and what is to be known about it."""

    code: str
    """``DV`` validity, ``DB`` bias, ``DL`` leakage, ``DP`` privacy, and three digits."""
    title: str
    """What is right, as a sentence about the data."""
    reason: str
    """Why it matters to anybody."""
    reference: str
    mend: str
    find: Callable[[OpenPart], Iterable[Check]]
    """Outcomes for one part; none where the check is not applicable to it."""
    severity: str = "warning"

    def outcome(self, outcome: CheckOutcome, detail: str, *, about: str = "", columns: tuple[str, ...] = ()) -> Check:
        """Check of this kind.

        Parameters
        ----------
        outcome
            What was found.
        detail
            In numbers, without a value of anybody's row.
        about
            Sentence for this part and these columns; the kind's title where none is given.
        columns
            Columns that it is about.
        """
        return Check(
            code=self.code,
            title=about or self.title,
            outcome=outcome,
            severity=self.severity,
            detail=detail,
            mend=self.mend if outcome in {"warn", "fail"} else "",
            columns=columns,
        )
