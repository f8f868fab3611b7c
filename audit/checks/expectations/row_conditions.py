"""Expectations that look at every row.

Must not: read rows; import pandas or great_expectations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from audit.checks.expectations.answer import Answer, Expectation
from audit.checks.expectations.compare import Bounds, bounds_of, is_exact, numbers_of, patterns_of, texts_of
from audit.counting.columns.figures import Among, Asked, Condition, Family, Figure, Figures, Matches, Together

Kept = Family | Literal["mixed"]
"""Family of the columns that an expectation names; mixed where they have several, each of which is known."""


COMPARED = ("text", "integer", "double")
"""Families in which two values are equal for DuckDB where they are for pandas."""
SKIPPED = {"all_values_are_missing": "all", "any_value_is_missing": "any", "never": "never"}


def null(expectation: Expectation, family: Kept) -> Aggregate:
    """Return a condition by which every row is somebody, also one without a value."""
    del family
    present = Figure("present", expectation.kwargs["column"])
    wanted = expectation.type == "expect_column_values_to_not_be_null"

    def verdict(found: Figures) -> Answer:
        value = int(found.values[present])
        unexpected = found.rows - value if wanted else value
        return Answer(enough(found.rows, unexpected, expectation), found.rows, found.rows, unexpected)

    return Aggregate((present,), verdict)


def between(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return numbers between two ends."""
    ends = bounds_of(expectation)
    if ends is not None and family in {"integer", "double"}:
        return holding(expectation, ends.within())
    return None


def lengths(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return texts of so many characters."""
    exact = expectation.kwargs.get("value")
    if exact is not None and not is_exact(exact):
        return None
    ends = bounds_of(expectation) if exact is None else Bounds(exact, exact)
    if ends is not None and family == "text":
        return holding(expectation, ends.within(length=True))
    return None


def in_set(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return values of a set, or none of it."""
    return holding(expectation, among(expectation, family), wrong="_not_" in expectation.type)


def among(expectation: Expectation, family: Kept) -> Among | None:
    """Return the set that values are held against; None where pandas might see other members in it."""
    values = expectation.kwargs.get("value_set")
    if family == "text":
        return texts_of(values)
    if family not in {"integer", "double"}:
        return None
    return numbers_of(values)


def regex(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return texts in which a pattern is found, or is not."""
    patterns = patterns_of(expectation.kwargs.get("regex_list", [expectation.kwargs.get("regex")]))
    match_on = expectation.kwargs.get("match_on") or "any"
    if patterns is None or match_on not in {"any", "all"} or family not in {"text", "integer"}:
        return None
    return holding(expectation, Matches(patterns, every=match_on == "all"), wrong="_not_" in expectation.type)


def unique(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return values that no other row has."""
    column = expectation.kwargs["column"]
    asked = Figure("present", column), Figure("repeated", column)
    if family not in COMPARED:
        return None
    return _row_by_row(expectation, asked)


def together(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return several columns: no row that another one equals, or none with two equal values."""
    columns = tuple(expectation.kwargs["column_list"])
    skipped: Any = SKIPPED.get(expectation.kwargs.get("ignore_row_if") or "all_values_are_missing")
    compound = expectation.type == "expect_compound_columns_to_be_unique"
    known = family in COMPARED or (compound and family == "mixed")
    if not known or skipped is None or len(set(columns)) < max(2, len(columns)):
        return None
    wrong = Together("repeated" if compound else "same", columns, skipped)
    return _row_by_row(expectation, (Together("rows", columns, skipped), wrong))


# An expectation that is an aggregate: figures to ask of the table, and a verdict on them.
@dataclass(frozen=True, slots=True)
class Aggregate:
    """Figures to ask, and what they say; the verdict is None where they cannot say for sure."""

    asked: tuple[Asked, ...]
    verdict: Callable[[Figures], Answer | None]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        read = ((a.column,) if isinstance(a, Figure) else a.columns for a in self.asked)
        return tuple(dict.fromkeys(chain.from_iterable(read)))


def _row_by_row(expectation: Expectation, asked: tuple[Asked, Asked], *, negated: bool = False) -> Aggregate:
    """Return rows that are looked at, and how many of them are wrong.

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
    """Return whether at least the share ``mostly`` is as expected."""
    mostly: float = expectation.kwargs.get("mostly", 1)
    return people == 0 or (people - unexpected) / people >= mostly


def holding(expectation: Expectation, condition: Condition | None, *, wrong: bool = False) -> Aggregate | None:
    """Return rows with a value that satisfy a condition, or that must not."""
    if condition is None:
        return None
    column = expectation.kwargs["column"]
    asked = Figure("present", column), Figure("holding", column, condition)
    return _row_by_row(expectation, asked, negated=not wrong)
