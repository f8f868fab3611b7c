"""Expectations of one number about a column, or about the table.

Must not: read rows; import pandas or great_expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from audit.checks.expectations.answer import Answer, Expectation
from audit.checks.expectations.compare import EXACT, Bounds, bounds_of, quantile_ranges
from audit.checks.expectations.row_conditions import COMPARED, Aggregate, Kept, among
from audit.counting.columns.figures import Asked, Figure, Figures

WRAPS = 2.0**63
"""Sum from which whole numbers of 64 bits begin again from below."""
SQUARES_OVERFLOW = 1e150


def statistic(
    expectation: Expectation, asked: Sequence[Asked], tell: Callable[[Figures, Bounds, int], bool | None]
) -> Aggregate | None:
    """Return a number between two ends; undefined over no rows, where there is no number."""
    ends, present = bounds_of(expectation), Figure("present", expectation.kwargs["column"])
    if ends is None:
        return None

    def verdict(found: Figures) -> Answer | None:
        people = int(found.values[present])
        success = False if people == 0 else tell(found, ends, people)
        return None if success is None else Answer(success, people)

    return Aggregate((present, *asked), verdict)


def extreme(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return the smallest or largest value."""
    what: Any = "lowest" if expectation.type == "expect_column_min_to_be_between" else "highest"
    figure = Figure(what, expectation.kwargs["column"])
    if family not in {"integer", "double"}:
        return None
    return statistic(expectation, (figure,), lambda found, ends, _: ends.hold(found.values[figure]))


def sum_or_mean(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return a sum or a mean; whole numbers are added up exactly, while pandas adds doubles in an unknown order."""
    column = expectation.kwargs["column"]
    total, size = Figure("total", column), Figure("size", column)
    mean = expectation.type == "expect_column_mean_to_be_between"

    def tell(found: Figures, ends: Bounds, people: int) -> bool | None:
        value, largest = found.values[total], found.values[size]
        if largest >= WRAPS:
            return None
        off_by = 0.0 if family == "integer" and largest <= EXACT else rounding(people, largest)
        per = people if mean else 1
        return ends.surely_hold(value / per, off_by / per)

    if family not in {"integer", "double"}:
        return None
    return statistic(expectation, (total, size), tell)


def rounding(rows: int, size: float) -> float:
    """Return more than two sums of so many doubles, of that sum of absolute values, may differ by."""
    return 4 * (rows + 8) * 2.0**-53 * size


def deviation(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return the standard deviation of a sample."""
    column = expectation.kwargs["column"]
    spread, size = Figure("deviation", column), Figure("size", column)

    def tell(found: Figures, ends: Bounds, people: int) -> bool | None:
        value, mean = found.values[spread], found.values[size] / people
        if people < 2:
            return False
        if mean < SQUARES_OVERFLOW:
            return ends.surely_hold(value, rounding(people, value + mean))
        return None

    if family not in {"integer", "double"}:
        return None
    return statistic(expectation, (spread, size), tell)


def median(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return the value in the middle, or halfway between two."""
    middle = Figure("around", expectation.kwargs["column"], share=0.5)

    def tell(found: Figures, ends: Bounds, people: int) -> bool | None:
        del people
        low, high = found.values[middle]
        if max(abs(low), abs(high)) > EXACT:
            return None
        return ends.surely_hold((low + high) / 2, rounding(1, abs(low) + abs(high)) if low != high else 0.0)

    if family not in {"integer", "double"}:
        return None
    return statistic(expectation, (middle,), tell)


def quantiles(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return the value at the nearest place, each within its range or close to an end, as Great Expectations has it."""
    ranges = quantile_ranges(expectation)
    if ranges is None or family not in {"integer", "double"}:
        return None
    column = expectation.kwargs["column"]
    present, figures = Figure("present", column), [Figure("around", column, share=r.share) for r in ranges]

    def verdict(found: Figures) -> Answer | None:
        people = int(found.values[present])
        if people == 0:
            return Answer(success=False, people=0)
        met = [r.met(found.values[f], people) for r, f in zip(ranges, figures, strict=True)]
        return None if None in met else Answer(all(met), people)

    return Aggregate((present, *figures), verdict)


def kinds(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return different values, or their share of the rows with a value."""
    kinds = Figure("kinds", expectation.kwargs["column"])
    share = expectation.type == "expect_column_proportion_of_unique_values_to_be_between"
    if family not in COMPARED:
        return None
    return statistic(
        expectation,
        (kinds,),
        lambda found, ends, people: ends.hold(found.values[kinds] / people if share else found.values[kinds]),
    )


def proportion(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Share of the rows that have a value."""
    del family
    ends, present = bounds_of(expectation), Figure("present", expectation.kwargs["column"])
    if ends is None:
        return None

    def verdict(found: Figures) -> Answer:
        value = int(found.values[present])
        return Answer(ends.hold(value / found.rows) if found.rows else False, found.rows)

    return Aggregate((present,), verdict)


def distinct(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return different values against a set: none beyond it, none of it absent, or both."""
    members, column = among(expectation, family), expectation.kwargs["column"]
    if members is None:
        return None
    present, kinds = Figure("present", column), Figure("kinds", column)
    within, wanted = Figure("kinds", column, members), len(set(members.values))
    beyond_is_wrong = "contain" not in expectation.type
    absent_is_wrong = "be_in_set" not in expectation.type

    def verdict(found: Figures) -> Answer:
        inside = int(found.values[within])
        beyond = int(found.values[kinds]) - inside if beyond_is_wrong else 0
        fine = beyond == 0 and not (absent_is_wrong and inside < wanted)
        return Answer(fine, int(found.values[present]), unexpected=beyond)

    return Aggregate((present, within, *([kinds] if beyond_is_wrong else [])), verdict)


def modes(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return the most frequent value, or one of several."""
    members, column = among(expectation, family), expectation.kwargs["column"]
    if members is None:
        return None
    present, modes, inside = Figure("present", column), Figure("modes", column), Figure("modes", column, members)

    def verdict(found: Figures) -> Answer:
        hit, all_modes = int(found.values[inside]), int(found.values[modes])
        success = hit > 0 if expectation.kwargs.get("ties_okay") else all_modes == 1 and hit == 1
        return Answer(success, int(found.values[present]))

    return Aggregate((present, modes, inside), verdict)


def row_count(expectation: Expectation, family: Kept) -> Aggregate | None:
    """Return the rows of the table."""
    del family
    if expectation.type == "expect_table_row_count_to_equal":
        value = expectation.kwargs.get("value")
        return Aggregate((), lambda found: Answer(found.rows == value, None, observed=found.rows))
    ends = bounds_of(expectation)
    if ends is None:
        return None
    return Aggregate((), lambda found: Answer(ends.hold(found.rows), None, observed=found.rows))


Maker = Callable[[Expectation, Kept], Aggregate | None]
"""What makes an aggregate of an expectation on columns of one family; None where it is left to Great Expectations."""


# Expectations of a table's columns, answered from its schema: no row is read.
#
# Must not: open a table.
def shape(expectation: Expectation, columns: Sequence[str]) -> Answer | None:
    """Answer from the names of the columns; None where they do not suffice."""
    asked = expectation.kwargs
    match expectation.type:
        case "expect_column_to_exist":
            return _there(asked.get("column"), asked.get("column_index"), columns)
        case "expect_table_column_count_to_equal":
            return Answer(len(columns) == asked.get("value"), None, observed=len(columns))
        case "expect_table_column_count_to_be_between":
            ends = bounds_of(expectation)
            return None if ends is None else Answer(ends.hold(len(columns)), None, observed=len(columns))
        case "expect_table_columns_to_match_ordered_list":
            wanted = asked.get("column_list")
            return Answer(wanted is None or list(wanted) == list(columns), None, observed=len(columns))
        case "expect_table_columns_to_match_set":
            return _set(asked.get("column_set"), columns, exact=asked.get("exact_match", True))
        case _:
            return None


def _there(column: object, index: object, columns: Sequence[str]) -> Answer | None:
    if not index:
        return Answer(column in columns, None)
    if isinstance(index, bool) or not isinstance(index, int):
        return None
    return Answer(-len(columns) <= index < len(columns) and columns[index] == column, None)


def _set(wanted: object, columns: Sequence[str], *, exact: object) -> Answer | None:
    if not isinstance(wanted, list) or not all(isinstance(c, str) for c in wanted) or not isinstance(exact, bool):
        return None
    absent, strange = sorted(set(wanted) - set(columns)), sorted(set(columns) - set(wanted))
    success = not absent and not (exact and strange)
    return Answer(success, None, observed=len(columns), absent=absent, strange=strange, listed=bool(absent or strange))
