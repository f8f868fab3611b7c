"""Rows that are alike: how often each combination of values occurs, from one pass a question.

Rows are compared by the 64-bit hash of their values, and where there are too many combinations to hold, only those
whose hash falls into a share are looked at: all rows of one combination fall together, so that nothing is cut apart.

Must not: know what a column means, or return a value of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.counting.backends.duckdb import DuckScan
from audit.counting.backends.sql import key_sql
from audit.counting.terms import Key
from audit.tables.kinds import Kind
from audit.tables.table import quote_identifier

NUMBERS = {"integer", "float"}


MOST_HELD = 4_000_000
"""Combinations that are held at once; more rows than this are looked at in part."""
MANY = 10
"""Rows of one combination beyond which they are not told apart."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Combinations of one group that occur in so many rows."""

    group: tuple[Any, ...]
    times: int
    """Rows of each combination; `MANY` stands for that many and more."""
    combinations: int
    rows: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Rows of one group that agree in every column but one, by how many there are."""

    group: tuple[Any, ...]
    size: int
    """Rows that agree; `MANY` stands for that many and more."""
    count: int
    """How often so many rows agree."""
    alike: int
    """Of these, where all rows agree in the last column too."""
    pairs: int
    """Pairs of rows."""
    pairs_alike: int


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Rows of the same features that are labelled differently, and the labels of features of exactly two rows."""

    conflicting: int
    """Rows whose features some other row has with another label."""
    twice: Mapping[tuple[Any, Any], int]
    """Features of exactly two rows by the two labels, the lower one first."""


def share_of(rows: int) -> int:
    """One in how many combinations is looked at."""
    return -(-rows // MOST_HELD) or 1


def repeats(scan: DuckScan, columns: Sequence[str], by: Mapping[str, Key], rows: int) -> list[Repeats]:
    """How often each combination of values occurs, by group."""
    keys = _keys(by)
    inner = _select([*keys, f"{_hash(columns)} AS h", "count(*) AS n"], scan, len(keys) + 1, rows)
    names = [f"g{i}" for i in range(len(keys))]
    select = ", ".join([*names, f"least(n, {MANY}) AS k", "count(*)", "sum(n)"])
    query = f"SELECT {select} FROM ({inner}) GROUP BY {', '.join([*names, 'k'])}"  # noqa: S608
    return [Repeats(tuple(r[: len(keys)]), *(int(x) for x in r[len(keys) :])) for r in scan.ask(query)]


def surroundings(
    scan: DuckScan, columns: Sequence[str], free: str, by: Mapping[str, Key], rows: int
) -> list[Surroundings]:
    """How many rows agree in every column but one, and how many of these in that one too, by group."""
    keys, names = _keys(by), [f"g{i}" for i in range(len(by))]
    rest = [c for c in columns if c != free]
    selected = [*keys, f"{_hash(rest)} AS h", f"hash({quote_identifier(free)}) AS v", "count(*) AS n"]
    inner = _select(selected, scan, len(keys) + 2, rows)
    context = ", ".join([*names, "h"])
    each = (
        f"SELECT {', '.join(names) or '1'}, sum(n) AS m, sum(n * (n - 1) // 2) AS s, count(*) AS d "  # noqa: S608
        f"FROM ({inner}) GROUP BY {context}"
    )
    sums = "count(*), count(*) FILTER (d = 1), sum(m * (m - 1) // 2), sum(s)"
    select = ", ".join([*names, f"least(m, {MANY}) AS k", sums])
    query = f"SELECT {select} FROM ({each}) WHERE m > 1 GROUP BY {', '.join([*names, 'k'])}"  # noqa: S608
    return [Surroundings(tuple(r[: len(keys)]), *(int(x) for x in r[len(keys) :])) for r in scan.ask(query)]


def conflicts(scan: DuckScan, features: Sequence[str], label: str, rows: int) -> Conflicts:
    """How rows of the same features are labelled."""
    label = quote_identifier(label)
    selected = [f"{_hash(features)} AS h", "count(*) AS n", f"min({label}) AS lo", f"max({label}) AS hi"]
    inner = _select(selected, scan, 1, rows)
    two = "CASE WHEN n = 2 THEN {} END"
    query = (
        f"SELECT {two.format('lo')} AS a, {two.format('hi')} AS b, count(*) FILTER (n = 2), "  # noqa: S608
        f"sum(n) FILTER (lo <> hi) FROM ({inner}) GROUP BY a, b"
    )
    found = scan.ask(query)
    twice = {(r[0], r[1]): int(r[2]) for r in found if r[2]}
    return Conflicts(sum(int(r[3] or 0) for r in found), twice)


def _keys(by: Mapping[str, Key]) -> list[str]:
    return [f"{key_sql(key)} AS g{i}" for i, key in enumerate(by.values())]


def _hash(columns: Sequence[str]) -> str:
    return f"hash({', '.join(map(quote_identifier, columns)) or '1'})"


def _select(selected: Sequence[str], scan: DuckScan, grouped: int, rows: int) -> str:
    """Inner query: a row for each combination of its first so many columns, or for a share of them."""
    by = ", ".join(str(i + 1) for i in range(grouped))
    one_of = share_of(rows)
    hashed = next(s for s in selected if s.startswith("hash(")).removesuffix(" AS h")
    where = f"WHERE {hashed} % {one_of} = 0" if one_of > 1 else ""
    return f"SELECT {', '.join(selected)} FROM {scan.source} {where} GROUP BY {by}"  # noqa: S608


# One number of 128 bits for a row, by which equal rows are found without keeping them.
#
# Two hashes of 64 bits, over the values in both orders: among a billion different rows the chance that any two meet
# is under 1e-20. Must not: say what equal rows mean.
def fingerprint_sql(columns: Mapping[str, tuple[Kind, ...]]) -> str:
    """Two columns ``fa`` and ``fb`` that are equal where all values are.

    Parameters
    ----------
    columns
        Kinds of a column in every table that is compared; where they differ, values are compared as numbers or as text.
    """
    values = [value_sql(name, kinds) for name, kinds in columns.items()]
    return f"hash({', '.join(values)}) AS fa, hash({', '.join(values[::-1])}, 1) AS fb"


def value_sql(name: str, kinds: tuple[Kind, ...]) -> str:
    """Value of a column in a type in which equal values of all tables are equal; missing where it is NaN."""
    column, known = quote_identifier(name), set(kinds)
    if known == {"integer"}:
        return f"CAST({column} AS HUGEINT)"
    if known == {"boolean"}:
        return column
    if known <= NUMBERS:
        number = f"CAST({column} AS DOUBLE)"
        # Adding 0 makes -0 and 0 one value.
        return f"(CASE WHEN isnan({number}) THEN NULL ELSE {number} + 0 END)"
    return f"CAST({column} AS VARCHAR)"
