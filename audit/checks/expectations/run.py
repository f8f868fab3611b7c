"""Which expectations are answered from one scan of the table by DuckDB, and which are left to Great Expectations.

The verdict is the one of Great Expectations' pandas engine, or there is none: where it would depend on how pandas
compares, rounds or adds up, the expectation is left to it. `docs/expectations.md` shows the table below.

Must not: read rows; import pandas or great_expectations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.checks.expectations import aggregates as statistics
from audit.checks.expectations import asked_rows as rows
from audit.checks.expectations.answer import Expectation
from audit.checks.expectations.asked import Aggregate, Kept, Maker
from audit.counting.columns.figures import Family

NOTHING_ASKED = frozenset({"meta", "notes", "description", "condition_parser"})
"""Arguments that say nothing of what is expected."""
ENDS = ("min_value", "max_value", "strict_min", "strict_max")
ANY, TEXTS, NUMBERS, WHOLE, PLAIN = "any", "text", "numbers", "text, whole numbers", "text, numbers"
FAR = "ends that are dates or beyond 2^53"
MIXED = "sets of mixed kinds, of truth values, or of numbers beyond 2^53"
CLOSE = f"{FAR}; an end so close that the order of adding up could decide; infinite values"
PATTERNS = "patterns with look-around, back-references, flags, word boundaries, or `$` before the end"
SEVERAL = "columns of different kinds"


@dataclass(frozen=True, slots=True)
class Answered:
    """How one type of expectation is answered."""

    make: Maker
    arguments: frozenset[str]
    """Arguments that are understood; with any other one, the expectation is left to Great Expectations."""
    of: str
    """Columns on which it is answered."""
    left: str
    """What is left to Great Expectations all the same."""


def _by(make: Maker, of: str, left: str = "", arguments: Sequence[str] = ()) -> Answered:
    return Answered(make, frozenset({"column", "mostly", *arguments}), of, left)


ANSWERED: Mapping[str, Answered] = {
    "expect_table_row_count_to_be_between": _by(statistics.row_count, "the table", FAR, ENDS),
    "expect_table_row_count_to_equal": _by(statistics.row_count, "the table", "", ("value",)),
    "expect_column_values_to_not_be_null": _by(rows.null, ANY),
    "expect_column_values_to_be_null": _by(rows.null, ANY),
    "expect_column_proportion_of_non_null_values_to_be_between": _by(statistics.proportion, ANY, FAR, ENDS),
    "expect_column_values_to_be_between": _by(rows.between, NUMBERS, FAR, ENDS),
    "expect_column_values_to_be_in_set": _by(rows.in_set, PLAIN, MIXED, ("value_set",)),
    "expect_column_values_to_not_be_in_set": _by(rows.in_set, PLAIN, MIXED, ("value_set",)),
    "expect_column_values_to_match_regex": _by(rows.regex, WHOLE, PATTERNS, ("regex",)),
    "expect_column_values_to_not_match_regex": _by(rows.regex, WHOLE, PATTERNS, ("regex",)),
    "expect_column_values_to_match_regex_list": _by(rows.regex, WHOLE, PATTERNS, ("regex_list", "match_on")),
    "expect_column_values_to_not_match_regex_list": _by(rows.regex, WHOLE, PATTERNS, ("regex_list",)),
    "expect_column_values_to_be_unique": _by(rows.unique, PLAIN),
    "expect_compound_columns_to_be_unique": _by(rows.together, PLAIN, "", ("column_list", "ignore_row_if")),
    "expect_select_column_values_to_be_unique_within_record": _by(
        rows.together, PLAIN, SEVERAL, ("column_list", "ignore_row_if")
    ),
    "expect_column_value_lengths_to_be_between": _by(rows.lengths, TEXTS, FAR, ENDS),
    "expect_column_value_lengths_to_equal": _by(rows.lengths, TEXTS, FAR, ("value",)),
    "expect_column_min_to_be_between": _by(statistics.extreme, NUMBERS, FAR, ENDS),
    "expect_column_max_to_be_between": _by(statistics.extreme, NUMBERS, FAR, ENDS),
    "expect_column_sum_to_be_between": _by(statistics.sum_or_mean, NUMBERS, CLOSE, ENDS),
    "expect_column_mean_to_be_between": _by(statistics.sum_or_mean, NUMBERS, CLOSE, ENDS),
    "expect_column_stdev_to_be_between": _by(statistics.deviation, NUMBERS, CLOSE, ENDS),
    "expect_column_median_to_be_between": _by(statistics.median, NUMBERS, FAR, ENDS),
    "expect_column_quantile_values_to_be_between": _by(
        statistics.quantiles,
        NUMBERS,
        "any interpolation but the nearest; halfway between two values",
        ("quantile_ranges",),
    ),
    "expect_column_unique_value_count_to_be_between": _by(statistics.kinds, PLAIN, FAR, ENDS),
    "expect_column_proportion_of_unique_values_to_be_between": _by(statistics.kinds, PLAIN, FAR, ENDS),
    "expect_column_distinct_values_to_be_in_set": _by(statistics.distinct, PLAIN, MIXED, ("value_set",)),
    "expect_column_distinct_values_to_contain_set": _by(statistics.distinct, PLAIN, MIXED, ("value_set",)),
    "expect_column_distinct_values_to_equal_set": _by(statistics.distinct, PLAIN, MIXED, ("value_set",)),
    "expect_column_most_common_value_to_be_in_set": _by(statistics.modes, PLAIN, MIXED, ("value_set", "ties_okay")),
}


def aggregate(expectation: Expectation, families: Mapping[str, Family]) -> Aggregate | None:
    """How an expectation is answered from one scan; None where it is left to Great Expectations."""
    kind = ANSWERED.get(expectation.type)
    given = {k for k, v in expectation.kwargs.items() if v is not None} - NOTHING_ASKED
    mostly = expectation.kwargs.get("mostly", 1)
    if kind is None or given - kind.arguments or isinstance(mostly, bool) or not isinstance(mostly, (int, float)):
        return None
    if not set(expectation.columns) <= set(families):
        return None  # a column that pandas has otherwise than DuckDB
    return kind.make(expectation, _family(expectation.columns, families))


def _family(columns: Sequence[str], families: Mapping[str, Family]) -> Kept:
    found = {families.get(c, "other") for c in columns}
    if len(found) == 1:
        return found.pop()
    return "mixed" if found <= set(rows.COMPARED) else "other"
