"""What was answered to an expectation, and how it is said: in counts, never in values.

Must not: know who answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.errors import printable

SHOWN = 5
ABOUT_TYPE = (
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_type_to_be",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an expectation is met, and the counts behind it."""

    success: bool
    people: int | None
    """Rows that it could speak of; None where it speaks of something else than rows."""
    looked_at: int | None = None
    """Rows that it looked at one by one; None where it speaks of a statistic of them."""
    unexpected: int = 0
    """Of the rows that it looked at, or of the different values."""
    missing: int = 0
    observed: int | str | None = None
    """Rows, columns, or the type of a column."""
    absent: Sequence[str] = ()
    """Columns that should be there."""
    strange: Sequence[str] = ()
    """Columns that should not be there."""
    listed: bool = False
    """Whether absent and strange columns were told apart."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no answer, because Great Expectations would have another table before it; why, in a sentence."""

    reason: str


def reason_for_nobody(expectation: Expectation, answer: Answer, rows: int) -> str:
    """Return why an expectation over no rows has no answer, whatever Great Expectations makes of it.

    Parameters
    ----------
    rows
        Rows of the table, or of the group.
    """
    if rows == 0:
        return "the table has no rows"
    if expectation.kwargs.get("row_condition") and not answer.looked_at:
        return f"none of {rows:,} rows meets its condition with a value"
    return f"none of {rows:,} rows has a value"


def describe_answer(expectation: Expectation, answer: Answer) -> str:
    """Return what was found, in counts."""
    if answer.looked_at is not None:
        more = describe_allowance(expectation, answer)
        return f"{answer.unexpected:,} of {answer.people:,} values are unexpected{more and f'; {more}'}"
    if answer.people is None:
        return _describe_table(expectation, answer)
    if answer.unexpected:
        return f"{answer.unexpected:,} unexpected among the distinct values of {answer.people:,} rows"
    return f"{_say_counts(answer)}, over {answer.people:,} rows"


def describe_allowance(expectation: Expectation, answer: Answer) -> str:
    """Return how many values may be unexpected, and how many rows have none."""
    mostly = expectation.kwargs.get("mostly")
    said = [] if mostly in {None, 1} else [f"at least {100 * mostly:.4g}% must be as expected"]
    missing = "1 missing value is" if answer.missing == 1 else f"{answer.missing:,} missing values are"
    said += [f"{missing} not counted"] if answer.missing else []
    return "; ".join(said)


def _describe_table(expectation: Expectation, answer: Answer) -> str:
    if expectation.type.startswith("expect_table_row_count"):
        return f"{int(answer.observed or 0):,} rows"
    if expectation.type.startswith("expect_table_column"):
        return _describe_columns(answer)
    if expectation.type in ABOUT_TYPE:
        return f"the column is of type {printable(answer.observed)}"
    return _say_counts(answer)


def _say_counts(answer: Answer) -> str:
    return "as expected" if answer.success else "not as expected"


def _describe_columns(answer: Answer) -> str:
    """Return columns by name: a name is no value, and what a person needs to mend the table."""
    count = int(answer.observed or 0)
    if not answer.listed:
        return f"{count:,} columns, {_say_counts(answer)}"
    named: Mapping[str, Sequence[str]] = {"missing": answer.absent, "unexpected": answer.strange}
    parts = [f"{what} {', '.join(map(printable, names[:SHOWN]))}" for what, names in named.items() if names]
    return f"{count:,} columns; {'; '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation: its type, its arguments, and what it means when it fails."""

    type: str
    kwargs: Mapping[str, Any]
    severity: str = "critical"
    per_group: tuple[str, ...] = ()
    """Columns in each group of which it is asked as well."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads; none where it speaks of the table, or asks whether a column is there."""
        if self.type.startswith("expect_table_") or self.type == "expect_column_to_exist":
            return ()
        single = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        return tuple(dict.fromkeys([*single, *self.kwargs.get("column_list", ())]))

    @property
    def title(self) -> str:
        """Type, with the columns it speaks of."""
        asked = (self.kwargs["column"],) if "column" in self.kwargs else self.columns
        if asked:
            return f"{self.type} ({', '.join(map(printable, asked))})"
        return self.type
