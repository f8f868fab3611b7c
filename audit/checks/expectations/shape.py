"""Expectations of a table's columns, answered from its schema: no row is read.

Must not: open a table.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.checks.expectations.answer import Answer, Expectation
from audit.checks.expectations.compare import bounds_of


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
