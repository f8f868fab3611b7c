"""What may be asked of one column's values: figures, and conditions on a value; and the same in DuckDB's SQL.

Must not: know what a figure is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from audit.counting.backends.duckdb import DuckScan
from audit.counting.backends.sql import double
from audit.tables.table import quote_identifier

Scalar = str | int | float
Family = Literal["text", "integer", "double", "single", "other"]
"""How the values of a column compare: as text, exactly, as doubles, in single precision, or in a way unknown here."""

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")


@dataclass(frozen=True, slots=True)
class Among:
    """The value is one of these, all texts or all numbers."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The value, or the length of the text, lies between two ends."""

    low: float | None
    high: float | None
    strict_low: bool = False
    strict_high: bool = False
    length: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """Any, or every, pattern of RE2 is found in the text."""

    patterns: tuple[str, ...]
    every: bool = False


Condition = Among | Within | Matches
What = Literal[
    "present", "holding", "kinds", "repeated", "lowest", "highest", "total", "size", "deviation", "modes", "around"
]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number about one column.

    ``present``: rows with a value; NaN is none. ``holding``: those whose value satisfies the condition.
    ``kinds``: different values (that satisfy it). ``repeated``: rows whose value another row has as well.
    ``lowest``, ``highest``, ``total``, ``size`` (sum of absolute values), ``deviation`` (with n - 1).
    ``modes``: most frequent values (that satisfy it). ``around``: the two values by size, as a list, between which the
    share lies; one twice where it lies on a value. None where there is no value to speak of.
    """

    what: What
    column: str
    condition: Condition | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Together:
    """One number about several columns: rows looked at, those that another row equals, or with two equal values."""

    what: Literal["rows", "repeated", "same"]
    columns: tuple[str, ...]
    skipped: Literal["all", "any", "never"]
    """Rows that are not looked at: without any value, or without one of them."""


Asked = Figure | Together


@dataclass(frozen=True, slots=True)
class Figures:
    """What was found over the rows of the table, or of one group of them."""

    group: object
    """Raw value of the key; None where it is missing, and where there is no key."""
    rows: int
    values: Mapping[Asked, Any]


def families(scan: DuckScan) -> dict[str, Family]:
    """Family of every column of an open table."""
    described = scan.ask(f"DESCRIBE SELECT * FROM {scan.source}")  # noqa: S608
    return {str(row[0]): _family(str(row[1])) for row in described}


def _family(sql_type: str) -> Family:
    named: dict[str, Family] = {
        "VARCHAR": "text",
        "DOUBLE": "double",
        "FLOAT": "single",
        **dict.fromkeys(_INTEGERS, "integer"),
    }
    return named.get(sql_type, "other")


NAN: tuple[Family, ...] = ("double", "single")
"""Families in which NaN stands for no value."""


# Figures and conditions in DuckDB's SQL.
def counting(condition: str) -> str:
    """Rows of which a condition is true; 0 where there are no rows, for which DuckDB's own aggregate has no number."""
    return f"coalesce(count_if({condition}), 0)"


def present_sql(column: str, family: Family) -> str:
    """Whether there is a value; NaN is none."""
    if family in NAN:
        return f"({column} IS NOT NULL AND NOT isnan({column}))"
    return f"({column} IS NOT NULL)"


def value_sql(column: str, family: Family) -> str:
    """Value, of which NaN is none."""
    if family not in NAN:
        return column
    return f"(CASE WHEN isnan({column}) THEN NULL ELSE {column} END)"


def _condition_sql(condition: Condition, column: str, family: Family) -> str:
    """Whether a value satisfies a condition; not true of a missing one."""
    match condition:
        case Among(values):
            listed = [_literal(v, family) for v in values if family != "integer" or int(v) == v]
            return f"{column} IN ({', '.join(listed)})" if listed else "false"
        case Matches(patterns, every):
            text = column if family == "text" else f"CAST({column} AS VARCHAR)"
            return f" {'AND' if every else 'OR'} ".join(f"regexp_matches({text}, {_text(p)})" for p in patterns)
        case Within():
            return _within(condition, column, family)


def _within(condition: Within, column: str, family: Family) -> str:
    value = f"length({column})" if condition.length else column
    whole = condition.length or family == "integer"
    parts = [] if whole or condition.high is not None else [f"NOT isnan({value})"]
    if condition.low is not None:
        sign = ">" if condition.strict_low else ">="
        parts.append(
            _compare_in_sql(value, sign, condition.low, math.floor if condition.strict_low else math.ceil, whole)
        )
    if condition.high is not None:
        sign = "<" if condition.strict_high else "<="
        parts.append(
            _compare_in_sql(value, sign, condition.high, math.ceil if condition.strict_high else math.floor, whole)
        )
    return " AND ".join(parts)


def _compare_in_sql(value: str, sign: str, end: float, rounded: Callable[[float], int], whole: bool) -> str:
    """Whole numbers are compared with whole numbers, so that none is rounded to a double first."""
    if whole:
        return f"{value} {sign} {rounded(end)}"
    return f"{value} {sign} {double(end)}"


def _literal(value: Scalar, family: Family) -> str:
    if isinstance(value, str):
        return _text(value)
    if family == "integer":
        return str(int(value))
    return double(float(value))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def figure_sql(figure: Figure, column: str, family: Family) -> str:
    """Aggregate over rows, each of which counts once."""
    present = present_sql(column, family)
    if figure.condition is not None:
        holds = _condition_sql(figure.condition, column, family)
        if figure.what == "holding":
            return counting(holds)
        present = f"{present} AND ({holds})"
    number = f"CAST({column} AS HUGEINT)" if family == "integer" else column
    spelled = {
        "present": counting(present) if family in NAN else f"count({column})",
        "kinds": f"count(DISTINCT {column}) FILTER ({present})",
        "lowest": f"min({column}) FILTER ({present})" if family == "double" else f"min({column})",
        "highest": f"max({column}) FILTER ({present})" if family == "double" else f"max({column})",
        "total": f"sum({number}) FILTER ({present})" if family == "double" else f"sum({number})",
        "size": f"sum(abs({number})) FILTER ({present})" if family == "double" else f"sum(abs({number}))",
        "deviation": f"stddev_samp(CAST({column} AS DOUBLE)) FILTER ({present} AND abs({column}) < 1e150)",
    }
    return spelled[figure.what]


def weighted_sql(figure: Figure, column: str, family: Family) -> str:
    """The same where each row is a value ``column`` with the number ``n`` of rows that have it."""
    present = present_sql(column, family)
    if figure.condition is not None:
        present = f"{present} AND ({_condition_sql(figure.condition, column, family)})"
    spelled = {
        "present": f"coalesce(sum(n) FILTER ({present}), 0)",
        "holding": f"coalesce(sum(n) FILTER ({present}), 0)",
        "kinds": counting(present),
        "repeated": f"coalesce(sum(n) FILTER ({present} AND n > 1), 0)",
        "lowest": f"min({column}) FILTER ({present})",
        "highest": f"max({column}) FILTER ({present})",
        "modes": counting(f"n = most AND {present}"),
    }
    return spelled[figure.what]


def looked_at_sql(columns: Sequence[str], skipped: str, families: Mapping[str, Family]) -> str:
    """Whether a row is looked at, by which of the columns have a value in it."""
    if skipped == "never":
        return "true"
    word = " AND " if skipped == "any" else " OR "
    return f"({word.join(present_sql(quote_identifier(c), families[c]) for c in columns)})"


def together_sql(asked: Together, families: Mapping[str, Family]) -> str:
    """Aggregate over rows about several columns; two missing values are equal."""
    looked = looked_at_sql(asked.columns, asked.skipped, families)
    if asked.what == "rows":
        return counting(looked)
    pairs = combinations([value_sql(quote_identifier(c), families[c]) for c in asked.columns], 2)
    same = " OR ".join(f"{a} IS NOT DISTINCT FROM {b}" for a, b in pairs)
    return counting(f"{looked} AND ({same or 'false'})")
