"""DuckDB: counts files and frames on this machine; Parquet is streamed.

Raw values are grouped as they are and read into words afterwards, once a distinct value, so that the pass costs what
a GROUP BY costs. Must not: know a metric, a limit, or load rows into Python.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from typing import Any

import duckdb

from audit.engines.asking import counted
from audit.engines.counting import Counted, Plan
from audit.engines.engine import Batch, Levels, Range, Rising
from audit.engines.sql import double, key_sql, quoted, sum_sql, term_sql
from audit.engines.tables import Table
from audit.engines.tally import Tally
from audit.engines.terms import Extent, Key, Rows, Sum, Term, Total

BATCH_ROWS = 1 << 17
"""Rows that are handed out at a time."""
SAMPLED_ROWS = 100_000
"""Rows that say where ranges of about as many rows begin; what is counted does not depend on it."""


class DuckScan:
    """A table as a relation of one connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, source: str) -> None:
        self.con, self.source = con, source

    def tally(self, keys: Mapping[str, Key], sums: Mapping[str, Sum], shifts: Mapping[str, int], most: int) -> Tally:
        """Sums by cell: one GROUP BY."""
        select = [f"{key_sql(key)} AS k{i}" for i, key in enumerate(keys.values())]
        select += [sum_sql(wanted, shifts.get(name, 0)) for name, wanted in sums.items()]
        by = f"GROUP BY {', '.join(f'k{i}' for i in range(len(keys)))}" if keys else ""
        found = self._all(f"SELECT {', '.join(select)} FROM {self.source} {by}", most + 1)  # noqa: S608
        columns = [tuple(c) for c in zip(*found, strict=True)] if found else [()] * len(select)
        values = {name: tuple(v or 0 for v in columns[len(keys) + i]) for i, name in enumerate(sums)}
        cells = tuple(zip(*columns[: len(keys)], strict=True)) if keys else ((),) * len(found)
        return Tally(
            tuple(keys),
            cells,
            {name: values[name] for name, wanted in sums.items() if isinstance(wanted, Rows)},
            {name: values[name] for name, wanted in sums.items() if isinstance(wanted, Total)},
            {name: shifts.get(name, 0) for name, wanted in sums.items() if isinstance(wanted, Total)},
        )

    def summary(self, sums: Mapping[str, Sum]) -> dict[str, float | None]:
        """Rows, lowest and highest of the whole table."""
        select = ", ".join(sum_sql(wanted, 0) for wanted in sums.values())
        found = self._all(f"SELECT {select} FROM {self.source}", 1)  # noqa: S608
        return dict(zip(sums, found[0], strict=True))

    def look(self, columns: Sequence[str], rows: int) -> Levels:
        """How many different values the columns have among the first so many rows."""
        counts = ", ".join(["count(*)", *(f"count(DISTINCT {quoted(c)})" for c in columns)])
        listed = ", ".join(map(quoted, columns)) or "1"
        found = self._all(f"SELECT {counts} FROM (SELECT {listed} FROM {self.source} LIMIT {rows})", 1)  # noqa: S608
        return Levels(int(found[0][0]), dict(zip(columns, map(int, found[0][1:]), strict=True)))

    def few(self, of: Term, most: int) -> bool:
        """Whether a term has at most so many different values."""
        found = self._all(f"SELECT DISTINCT {term_sql(of)} FROM {self.source} LIMIT {most + 1}", most + 1)  # noqa: S608
        return len(found) <= most

    def rising(self, keys: Mapping[str, Key], of: Term, extent: Extent, weight: Term | None, rows: int) -> Rising:
        """All rows by rising ranges of a term: one range where they are few, otherwise one pass for each."""
        names = [f"k{i}" for i in range(len(keys))]
        select = [f"{key_sql(key)} AS {name}" for name, key in zip(names, keys.values(), strict=True)]
        select += [f"{term_sql(of)} AS v", *([] if weight is None else [f"{term_sql(weight)} AS w"])]
        source = f"(SELECT {', '.join(select)} FROM {self.source})"  # noqa: S608
        by = ", ".join(names)
        each = f"SELECT {by}, count(*) AS n FROM {source} GROUP BY {by}"  # noqa: S608
        numbered = f"SELECT *, row_number() OVER () - 1 AS code FROM ({each})"  # noqa: S608
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE codes AS {numbered}")
        found = self._all(f"SELECT {by}, n FROM codes ORDER BY code", -1)  # noqa: S608
        cells, counts = tuple(row[:-1] for row in found), tuple(int(row[-1]) for row in found)
        same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM c.{name}" for name in names)
        kind = "UTINYINT" if len(cells) <= 256 else "INTEGER"
        picked = f"r.v, CAST(c.code AS {kind}){'' if weight is None else ', r.w'}"
        query = f"SELECT {picked} FROM {source} r JOIN codes c ON {same}"  # noqa: S608
        return Rising(cells, counts, self._ranges(query, source, extent, sum(counts), rows))

    def _ranges(self, query: str, source: str, extent: Extent, n: int, rows: int) -> Iterator[Range]:
        """Ranges of about as many rows each."""
        (low, high), ranges = extent, -(-n // rows)
        edges = [low]
        if ranges > 1:
            shares = ", ".join(repr(i / ranges) for i in range(1, ranges))
            sample = f"(SELECT v FROM {source} USING SAMPLE {SAMPLED_ROWS} ROWS)"  # noqa: S608
            inner = self._all(f"SELECT quantile_disc(v, [{shares}]) FROM {sample}", -1)[0][0]  # noqa: S608
            edges += [edge for edge in dict.fromkeys(map(float, inner)) if low < edge <= high]
        for start, end in pairwise(edges):
            where = f"r.v >= {double(start)} AND r.v < {double(end)}"
            yield Range(start, end, n // ranges, self._batches(f"{query} WHERE {where}"))
        rest = f"{query} WHERE r.v >= {double(edges[-1])}" if len(edges) > 1 else query
        yield Range(edges[-1], high, n // ranges, self._batches(rest))

    def _batches(self, query: str) -> Iterator[Batch]:
        for batch in self.con.sql(query).to_arrow_reader(BATCH_ROWS):
            if batch.num_rows:
                columns = [c.to_numpy(zero_copy_only=False) for c in batch.columns]
                yield Batch(columns[0], columns[1], columns[2] if len(columns) > 2 else None)

    def _all(self, query: str, most: int) -> list[tuple[Any, ...]]:
        result = self.con.execute(query)
        found: list[tuple[Any, ...]] = result.fetchall() if most < 0 else result.fetchmany(most)
        return found


class DuckEngine:
    """Counts files and frames on this machine; Parquet is streamed."""

    name = "duckdb"

    @contextmanager
    def scan(self, table: Table, columns: Sequence[str]) -> Iterator[DuckScan]:
        """Open some columns of a table for reading."""
        with connection() as con, table.reading():
            yield DuckScan(con, table.scan(con, columns))

    def count(self, table: Table, plan: Plan) -> Counted:
        """Pass over the rows and return the plan's cubes; see `audit.engines.asking.counted`."""
        return counted(self, table, plan)


@contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Private in-memory DuckDB that loads no extension from the network and draws no progress bar.

    What is registered or made on one connection is seen by no other.
    """
    con = _database(os.getpid()).cursor()
    try:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET preserve_insertion_order = false")
        yield con
    finally:
        con.close()


@lru_cache(maxsize=1)
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """Database of this process: starting one takes longer than counting a hundred thousand rows."""
    del process  # a fork must not share it
    return duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
