"""Figures of columns, over a whole table or by group: every column is read once, and nothing is loaded into Python.

Text of few different values is counted by value first, so that a condition is tested once a value and not once a row.
Different values of many rows are counted in parts by hash, and whole numbers in a map of bits, so that memory stays
small. Must not: know what a figure is for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.counting.backends.duckdb import DuckScan
from audit.counting.backends.sql import key_sql
from audit.counting.columns.figures import (
    Asked,
    Family,
    Figure,
    Figures,
    Together,
    families,
    figure_sql,
    looked_at_sql,
    present_sql,
    together_sql,
    value_sql,
    weighted_sql,
)
from audit.counting.terms import Column, Key
from audit.tables.table import quote_identifier

SMALL = 100_000
"""Rows up to which any text is counted by value."""
LOOKED_AT, FEW = 2_048, 256
"""Different values among the first so many rows, up to which text is taken for one of few values."""
MOST_BITS = 2**27
"""Longest map of bits: 16 MiB on each thread."""
SPARSEST = 16
"""Bits that one row may cost."""
ROWS_A_PART = 2_000_000
"""Rows whose values are told apart at once."""


@dataclass(eq=False)
class Asking:
    """An open table that is asked for figures."""

    scan: DuckScan
    family: Mapping[str, Family]
    key: Key | None = None
    rows: int = 0
    found: dict[object, dict[Asked, Any]] = field(default_factory=dict)
    """By raw value of the key; one entry where there is none."""
    counted: dict[object, int] = field(default_factory=dict)

    def select(self, wanted: Mapping[Asked, str], source: str, key: str | None) -> None:
        """Ask for aggregates, by group."""
        if not wanted:
            return
        columns = [*([] if key is None else [key]), *wanted.values()]
        by = "" if key is None else " GROUP BY 1"
        for row in self.scan.ask(f"SELECT {', '.join(columns)} FROM {source}{by}"):  # noqa: S608
            group, values = (None, row) if key is None else (row[0], row[1:])
            self.found.setdefault(group, {}).update(zip(wanted, values, strict=True))

    @property
    def key_sql(self) -> str | None:
        """Key that rows are grouped by; NaN is a missing value."""
        if self.key is None:
            return None
        return grouped_by(self.key, self.family)


def grouped_by(key: Key, family: Mapping[str, Family]) -> str:
    """SQL of a key by which rows are grouped; NaN is a missing value."""
    sql = key_sql(key)
    if not isinstance(key, Column):
        return sql
    return value_sql(sql, family.get(key.name, "other"))


def ask_figures(scan: DuckScan, asked: Iterable[Asked], key: Key | None = None) -> tuple[Figures, ...]:
    """Figures over all rows, or over each group of them in the order of the raw keys, missing last.

    Parameters
    ----------
    scan
        An open table with the columns that are asked about.
    asked
        Figures; text has no total, and a column of another family only rows with a value.
    key
        What rows are grouped by.
    """
    asking = Asking(scan, families(scan), key)
    _count_rows(asking)
    several = [a for a in dict.fromkeys(asked) if isinstance(a, Together)]
    single = [a for a in dict.fromkeys(asked) if isinstance(a, Figure)]
    by_value = _by_value(asking, single)
    rest = [f for f in single if f not in by_value and f.what != "around"]
    _ask_direct(asking, rest, several)
    _ask_by_value(asking, by_value)
    _ask_around(asking, [f for f in single if f.what == "around"])
    groups = sorted(asking.counted, key=lambda g: (g is None, str(type(g)), g))
    return tuple(Figures(g, asking.counted[g], asking.found.get(g, {})) for g in groups)


def _count_rows(asking: Asking) -> None:
    key = asking.key_sql
    if key is None:
        asking.counted = {None: int(asking.scan.ask(f"SELECT count(*) FROM {asking.scan.source}")[0][0])}  # noqa: S608
    else:
        found = asking.scan.ask(f"SELECT {key}, count(*) FROM {asking.scan.source} GROUP BY 1")  # noqa: S608
        asking.counted = {group: int(n) for group, n in found}
    asking.rows = sum(asking.counted.values())


def _by_value(asking: Asking, figures: Sequence[Figure]) -> list[Figure]:
    """Figures that are taken from the counts of the different values of their column."""
    worth = {f.column for f in figures if f.what in {"holding", "kinds", "repeated"}}
    texts = sorted(c for c in worth if asking.family[c] == "text")
    few = set(texts)
    if asking.rows > SMALL and texts:
        few = {c for c in texts if asking.scan.look([c], LOOKED_AT).distinct[c] <= FEW}
    return [f for f in figures if f.column in few or f.what == "modes"]


def _ask_direct(asking: Asking, figures: Sequence[Figure], several: Sequence[Together]) -> None:
    """One pass over a column for what is a sum of rows; different values take passes of their own."""
    apart = [f for f in figures if f.what in {"kinds", "repeated"} and f.condition is None]
    wanted: dict[Asked, str] = {
        f: figure_sql(f, quote_identifier(f.column), asking.family[f.column]) for f in figures if f not in apart
    }
    wanted |= {t: together_sql(t, asking.family) for t in several if t.what != "repeated"}
    for together in [wanted] if asking.key is not None else _by_column(wanted):
        asking.select(together, asking.scan.source, asking.key_sql)
    for figure in apart:
        told = None if asking.key is not None else _by_bits(asking, figure)
        if told is None:
            _by_parts(asking, figure, (figure.column,), "any")
        else:
            asking.found.setdefault(None, {})[figure] = told
    for t in several:
        if t.what == "repeated":
            _by_parts(asking, t, t.columns, t.skipped)


def _by_column(wanted: Mapping[Asked, str]) -> list[dict[Asked, str]]:
    """Aggregates of each column by themselves: what a footer tells of one is then not read, and fewer are held."""
    found: dict[tuple[str, ...], dict[Asked, str]] = {}
    for asked, sql in wanted.items():
        columns = (asked.column,) if isinstance(asked, Figure) else asked.columns
        found.setdefault(columns, {})[asked] = sql
    return list(found.values())


def _by_bits(asking: Asking, figure: Figure) -> int | None:
    """Different whole numbers from a map of bits; None where it would be long, or does not say what is asked."""
    if asking.family[figure.column] != "integer":
        return None
    column, source = quote_identifier(figure.column), asking.scan.source
    low, high, present = asking.scan.ask(f"SELECT min({column}), max({column}), count({column}) FROM {source}")[0]  # noqa: S608
    if low is None:
        return 0
    if high - low > min(MOST_BITS, SPARSEST * max(asking.rows, SMALL)):
        return None
    bits = f"bit_count(bitstring_agg(CAST({column} AS BIGINT), {low}, {high}))"
    kinds = int(asking.scan.ask(f"SELECT {bits} FROM {source}")[0][0])  # noqa: S608
    if figure.what == "kinds":
        return kinds
    return 0 if kinds == present else None


def _by_parts(asking: Asking, asked: Asked, columns: Sequence[str], skipped: str) -> None:
    """Different values, part by part of their hash."""
    names = [value_sql(quote_identifier(c), asking.family[c]) for c in columns]
    parts = math.ceil(asking.rows / ROWS_A_PART)
    key = asking.key_sql
    group = "" if key is None else f"{key} AS g, "
    looked = looked_at_sql(columns, skipped, asking.family)
    what = "count(*)" if asked.what == "kinds" else "coalesce(sum(n) FILTER (n > 1), 0)"
    total: dict[object, int] = dict.fromkeys(asking.counted, 0)
    for part in range(parts):
        here = f" AND hash({', '.join(names)}) % {parts} = {part}" if parts > 1 else ""
        inner = f"SELECT {group}{', '.join(f'{n} AS v{i}' for i, n in enumerate(names))}, count(*) AS n"
        source = f"({inner} FROM {asking.scan.source} WHERE {looked}{here} GROUP BY ALL)"
        by = f"SELECT {what} FROM {source}" if key is None else f"SELECT g, {what} FROM {source} GROUP BY g"  # noqa: S608
        for row in asking.scan.ask(by):
            total[None if key is None else row[0]] += int(row[-1])
    for g, n in total.items():
        asking.found.setdefault(g, {})[asked] = n


def _ask_by_value(asking: Asking, figures: Sequence[Figure]) -> None:
    """Count the different values of a column, then test each of them once."""
    for column in dict.fromkeys(f.column for f in figures):
        family, key = asking.family[column], asking.key_sql
        mine = [f for f in figures if f.column == column]
        group = "" if key is None else f"{key} AS g, "
        source = (
            f"(SELECT {group}{quote_identifier(column)} AS v, count(*) AS n FROM {asking.scan.source} GROUP BY ALL)"  # noqa: S608
        )
        if any(f.what == "modes" for f in mine):
            over = "" if key is None else "PARTITION BY g"
            most = f"max(n) FILTER ({present_sql('v', family)}) OVER ({over}) AS most"
            source = f"(SELECT *, {most} FROM {source})"  # noqa: S608
        wanted: dict[Asked, str] = {f: weighted_sql(f, "v", family) for f in mine}
        asking.select(wanted, source, None if key is None else "g")


def _ask_around(asking: Asking, figures: Sequence[Figure]) -> None:
    """Values at places: how many rows there are tells which, so they are asked for last."""
    for figure in figures:
        column, family = quote_identifier(figure.column), asking.family[figure.column]
        counted = Figure("present", figure.column)
        wanted: dict[Asked, str] = {counted: figure_sql(counted, column, family)}
        asking.select(wanted, asking.scan.source, asking.key_sql)
        for group, found in asking.found.items():
            found[figure] = _around(asking, figure, group, int(found[counted]))


def _around(asking: Asking, figure: Figure, group: object, present: int) -> list[Any] | None:
    if present == 0:
        return None
    at = (present - 1) * figure.share
    places = [(place + 0.5) / present for place in (math.floor(at), math.ceil(at))]
    column = quote_identifier(figure.column)
    where = present_sql(column, asking.family[figure.column])
    if asking.key_sql is not None:
        where += f" AND {asking.key_sql} IS NOT DISTINCT FROM ?"
    query = f"SELECT quantile_disc({column}, {places}) FROM {asking.scan.source} WHERE {where}"  # noqa: S608
    found = asking.scan.con.execute(query, [] if asking.key_sql is None else [group]).fetchall()
    return list(found[0][0])
