"""What a check of the rows is: a code with its texts, and a function that looks at one part of the data.

Must not: look at a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.checks.code import Code
from audit.record.result import Check

if TYPE_CHECKING:
    from audit.checks.part import OpenPart

FALSE_ALARM = 0.01
"""Chance that a check which looks at many numbers warns of data in which nothing is wrong; it is shared among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKind(Code):
    """One check of the rows themselves."""

    find: Callable[[OpenPart], Iterable[Check]]
    """Outcomes for one part; none where the check is not applicable to it."""
