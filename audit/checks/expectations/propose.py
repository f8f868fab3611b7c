"""A first suite from a look at the data: a modest starting point for a person to read and correct.

It says what these rows already satisfy, widened so that next month's rows are not refused for being new. A suite
made from the data it then checks proves nothing about that data; it is meant for the next.

Must not: import great_expectations, or write a file.
"""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 20
LEAST_ROWS_PER_LEVEL = 5
"""A column with fewer rows to a level is no category: its levels would be people."""
SLACK_PERCENT = 5
WIDER = 0.5
"""Numbers may lie this share of their present range beyond it."""


def starting_suite(frame: pd.DataFrame, *, name: str = "first-look") -> dict[str, Any]:
    """Return a suite in the JSON shape of Great Expectations 1.x that this table passes.

    Parameters
    ----------
    frame
        The table to look at.
    name
        Name of the suite.

    Returns
    -------
    dict
        For ``json.dumps``: every column is there, complete columns stay complete, categories keep their levels,
        numbers that are no ids stay within a widened range (severity warning).
    """
    least = max(1, len(frame) // 2)
    found = [_make_expectation("expect_table_row_count_to_be_between", min_value=least)]
    for column in map(str, frame.columns):
        found += _propose_for_column(frame[column], column)
    return {
        "name": name,
        "expectations": found,
        "meta": {"great_expectations_version": version("great-expectations")},
    }


def _make_expectation(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {}}


def _propose_for_column(values: pd.Series[Any], column: str) -> list[dict[str, Any]]:
    found = [_make_expectation("expect_column_to_exist", column=column)]
    known = values.dropna()
    if known.empty:
        return found
    complete = _complete(len(known), len(values), column)
    return [*found, *complete, *(_find_categories(known, column) or _range(known, column))]


def _complete(known: int, rows: int, column: str) -> list[dict[str, Any]]:
    kind = "expect_column_values_to_not_be_null"
    if known == rows:
        return [_make_expectation(kind, column=column)]
    percent = math.floor(100 * known / rows) - SLACK_PERCENT
    if percent > 0:
        return [_make_expectation(kind, "warning", column=column, mostly=percent / 100)]
    return []


def _find_categories(known: pd.Series[Any], column: str) -> list[dict[str, Any]]:
    """Return levels of a column of few texts, truth values or whole numbers; none where it is no category."""
    try:
        different = known.drop_duplicates()
    except TypeError:  # lists and the like cannot be told apart
        return []
    if len(different) > MOST_LEVELS:
        return []
    levels = different.tolist()
    plain = all(isinstance(v, (str, bool, int)) or (isinstance(v, float) and v.is_integer()) for v in levels)
    numbers = not any(isinstance(v, (str, bool)) for v in levels)
    most = 2 if numbers else MOST_LEVELS
    if not plain or len(levels) > most or len(known) < LEAST_ROWS_PER_LEVEL * len(levels):
        return []
    kept = sorted(levels, key=str)
    return [_make_expectation("expect_column_values_to_be_in_set", column=column, value_set=kept)]


def _range(known: pd.Series[Any], column: str) -> list[dict[str, Any]]:
    # Rules count rows, and reading a suite should load nothing that does.
    from audit.checks.rules.direct_identifiers import INDEX, is_named_id

    if known.dtype.kind not in "iuf" or is_named_id(column) or INDEX.fullmatch(column):  # new rows have new ids
        return []
    low, high = float(known.min()), float(known.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        return []
    margin = WIDER * (high - low) or abs(low) * WIDER or 1.0
    least = 0 if low >= 0 and low - margin < 0 else _round_outward(low - margin, math.floor)
    wide = {"min_value": least, "max_value": _round_outward(high + margin, math.ceil)}
    return [_make_expectation("expect_column_values_to_be_between", "warning", column=column, **wide)]


def _round_outward(value: float, outward: Any) -> float | int:
    """Return a number of two leading digits, rounded outward, so that the limit does not tell the extreme value."""
    if value == 0:
        return 0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    near = outward(value / step) * step
    tidy = float(f"{near:.2g}")
    return int(tidy) if tidy.is_integer() else tidy
