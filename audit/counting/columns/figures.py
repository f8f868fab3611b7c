"""What may be asked of one column's values, in no engine's words: figures, and conditions on a value.

Must not: know an engine, or what a figure is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from audit.counting.backends.duckdb import DuckScan

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
