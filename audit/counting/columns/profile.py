"""What every column of a table holds, from one pass: rows with a value, how many different ones, the ends.

Must not: know what a column means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from audit.counting.backends.duckdb import DuckScan
from audit.counting.backends.sql import key_sql
from audit.counting.terms import Key
from audit.tables.kinds import Kind
from audit.tables.table import quote_identifier

NUMBERS: tuple[Kind, ...] = ("integer", "float", "boolean")


@dataclass(frozen=True, slots=True)
class Profile:
    """One column."""

    kind: Kind
    rows: int
    missing: int
    """Rows without a value; NaN is none, and neither is text of nothing but blanks."""
    distinct: int
    """Different values; within a few percent where there are more than some hundreds."""
    low: float | None = None
    high: float | None = None
    """Ends of a column of numbers."""

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing


def profile_of(scan: DuckScan, columns: Mapping[str, Kind]) -> dict[str, Profile]:
    """Profiles of some columns, from one pass over the rows."""
    select = ["count(*)"]
    for name, kind in columns.items():
        select += [f"count(*) FILTER ({_missing(name, kind)})", f"approx_count_distinct({quote_identifier(name)})"]
        select += _ends(name, kind)
    found = scan.ask(f"SELECT {', '.join(select)} FROM {scan.source}")[0]  # noqa: S608
    rows, values = int(found[0]), iter(found[1:])
    profiles = {}
    for name, kind in columns.items():
        missing, distinct, low, high = islice(values, 4)
        ends = (None if low is None else float(low), None if high is None else float(high))
        profiles[name] = Profile(kind, rows, int(missing), min(int(distinct), rows), *ends)
    return profiles


def empty_columns(profiles: Mapping[str, Profile]) -> list[str]:
    """Columns without a single value, in a table that has rows."""
    return [name for name, profile in profiles.items() if profile.rows and not profile.present]


@dataclass(frozen=True, slots=True)
class Missing:
    """Rows without a value, by the joint values of some keys."""

    cells: tuple[tuple[Any, ...], ...]
    rows: np.ndarray
    """Rows of each cell, int64."""
    missing: Mapping[str, np.ndarray]
    """Those without a value, by column."""


def missing_by(scan: DuckScan, keys: Mapping[str, Key], columns: Mapping[str, Kind]) -> Missing:
    """Rows without a value in each of some columns, by keys, from one pass over the rows."""
    select = [f"{key_sql(key)} AS k{i}" for i, key in enumerate(keys.values())]
    select += ["count(*)", *(f"count(*) FILTER ({_missing(c, kind)})" for c, kind in columns.items())]
    by = ", ".join(f"k{i}" for i in range(len(keys)))
    found = scan.ask(f"SELECT {', '.join(select)} FROM {scan.source} GROUP BY {by}")  # noqa: S608
    counts = np.array([r[len(keys) :] for r in found], dtype=np.int64).reshape(len(found), len(columns) + 1)
    cells = tuple(tuple(r[: len(keys)]) for r in found)
    return Missing(cells, counts[:, 0], {c: counts[:, i + 1] for i, c in enumerate(columns)})


def _missing(name: str, kind: Kind) -> str:
    column = quote_identifier(name)
    if kind == "float":
        return f"{column} IS NULL OR isnan({column})"
    if kind == "text":
        return f"{column} IS NULL OR trim({column}) = ''"
    return f"{column} IS NULL"


def _ends(name: str, kind: Kind) -> list[str]:
    if kind not in NUMBERS:
        return ["NULL", "NULL"]
    value = f"CAST({quote_identifier(name)} AS DOUBLE)"
    return [f"{end}({value}) FILTER (isfinite({value}))" for end in ("min", "max")]
