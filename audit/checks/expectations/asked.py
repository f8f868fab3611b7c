"""An expectation that is an aggregate: figures to ask of the table, and a verdict on them.

Must not: read rows; import pandas or great_expectations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audit.checks.expectations.answer import Answer, Expectation
from audit.counting.columns.figures import Asked, Condition, Family, Figure, Figures


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Figures to ask, and what they say; the verdict is None where they cannot say for sure."""

    asked: tuple[Asked, ...]
    verdict: Callable[[Figures], Answer | None]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        read = ((a.column,) if isinstance(a, Figure) else a.columns for a in self.asked)
        return tuple(dict.fromkeys(c for columns in read for c in columns))


Kept = Family | Literal["mixed"]
"""Family of the columns that an expectation names; mixed where they have several, each of which is known."""
Maker = Callable[[Expectation, Kept], Aggregate | None]
"""What makes an aggregate of an expectation on columns of one family; None where it is left to Great Expectations."""


def row_by_row(expectation: Expectation, asked: tuple[Asked, Asked], *, negated: bool = False) -> Aggregate:
    """Rows that are looked at, and how many of them are wrong.

    Parameters
    ----------
    asked
        Rows that are looked at, and those among them that are unexpected.
    negated
        Whether the second figure counts those that are as expected.
    """
    looked, counted = asked

    def verdict(found: Figures) -> Answer:
        people, unexpected = int(found.values[looked]), int(found.values[counted])
        unexpected = people - unexpected if negated else unexpected
        success = enough(people, unexpected, expectation)
        return Answer(success, people, found.rows, unexpected, found.rows - people)

    return Aggregate(asked, verdict)


def enough(people: int, unexpected: int, expectation: Expectation) -> bool:
    """Whether at least the share ``mostly`` is as expected."""
    mostly: float = expectation.kwargs.get("mostly", 1)
    return people == 0 or (people - unexpected) / people >= mostly


def holding(expectation: Expectation, condition: Condition | None, *, wrong: bool = False) -> Aggregate | None:
    """Rows with a value that satisfy a condition, or that must not."""
    if condition is None:
        return None
    column = expectation.kwargs["column"]
    asked = Figure("present", column), Figure("holding", column, condition)
    return row_by_row(expectation, asked, negated=not wrong)
