"""DuckDB: counts files and frames on this machine; Parquet is streamed.

Raw values are grouped as they are and read into words afterwards, once a distinct value, so that the pass costs what
a GROUP BY costs. Must not: know a metric, a limit, or load rows into Python.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import duckdb

from audit.engines.asking import counted
from audit.engines.counting import Counted, Plan
from audit.engines.dense import dense_tallies
from audit.engines.engine import Batch, Levels, Rising
from audit.engines.sql import key_sql, quoted, sum_sql, term_sql
from audit.engines.tables import Table
from audit.engines.tally import Tally, tally_of
from audit.engines.terms import Key, Rows, Sum, Term, Total

TOGETHER = 5
"""Columns that are looked at in one GROUP BY: for a few it is faster than to count the values of each."""


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
        values = {name: [v or 0 for v in columns[len(keys) + i]] for i, name in enumerate(sums)}
        return tally_of(
            dict(zip(keys, columns[: len(keys)], strict=True)),
            {name: values[name] for name, wanted in sums.items() if isinstance(wanted, Rows)},
            {name: values[name] for name, wanted in sums.items() if isinstance(wanted, Total)},
            {name: shifts.get(name, 0) for name, wanted in sums.items() if isinstance(wanted, Total)},
        )

    def tallies(
        self,
        keys: Mapping[str, Key],
        each: Sequence[Sequence[str]],
        sums: Mapping[str, Sum],
        shifts: Mapping[str, int],
        most: int,
    ) -> list[Tally]:
        """Sums by cell of several tables: one pass where they are counts of few levels, otherwise a GROUP BY each."""
        if len(each) > 1 and (dense := dense_tallies(self.con, self.source, keys, each, sums)) is not None:
            return dense
        return [self.tally({name: keys[name] for name in chosen}, sums, shifts, most) for chosen in each]

    def summary(self, sums: Mapping[str, Sum]) -> dict[str, float | None]:
        """Rows, lowest and highest of the whole table."""
        select = ", ".join(sum_sql(wanted, 0) for wanted in sums.values())
        found = self._all(f"SELECT {select} FROM {self.source}", 1)  # noqa: S608
        return dict(zip(sums, found[0], strict=True))

    def look(self, columns: Sequence[str], rows: int) -> Levels:
        """How many different values the columns have among the first so many rows."""
        seen, distinct = 0, {}
        for at in range(0, len(columns), TOGETHER):
            listed = ", ".join(map(quoted, columns[at : at + TOGETHER]))
            first = f"SELECT {listed} FROM {self.source} LIMIT {rows}"  # noqa: S608
            found = self._all(f"SELECT {listed}, count(*) FROM ({first}) GROUP BY ALL", -1)  # noqa: S608
            seen = sum(row[-1] for row in found)
            for i, column in enumerate(columns[at : at + TOGETHER]):
                distinct[column] = len({row[i] for row in found if row[i] is not None and row[i] == row[i]})
        return Levels(seen, distinct)

    def few(self, of: Term, most: int) -> bool:
        """Whether a term has at most so many different values."""
        found = self._all(f"SELECT DISTINCT {term_sql(of)} FROM {self.source} LIMIT {most + 1}", most + 1)  # noqa: S608
        return len(found) <= most

    def rising(self, keys: Mapping[str, Key], of: Term, weight: Term | None, rows: int) -> Rising:
        """All rows by rising value of a term, in batches."""
        names = [f"k{i}" for i in range(len(keys))]
        select = [f"{key_sql(key)} AS {name}" for name, key in zip(names, keys.values(), strict=True)]
        select += [f"{term_sql(of)} AS v", *([] if weight is None else [f"{term_sql(weight)} AS w"])]
        source = f"(SELECT {', '.join(select)} FROM {self.source})"  # noqa: S608
        each = f"SELECT {', '.join(names)}, count(*) AS n FROM {source} GROUP BY {', '.join(names)}"  # noqa: S608
        numbered = f"SELECT *, row_number() OVER () - 1 AS code FROM ({each})"  # noqa: S608
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE codes AS {numbered}")
        found = self._all("SELECT * FROM codes ORDER BY code", -1)
        same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM c.{name}" for name in names)
        picked = f"r.v, CAST(c.code AS INTEGER){'' if weight is None else ', r.w'}"
        query = f"SELECT {picked} FROM {source} r JOIN codes c ON {same} ORDER BY r.v"  # noqa: S608
        cells, counts = tuple(row[: len(keys)] for row in found), tuple(int(row[len(keys)]) for row in found)
        return Rising(cells, counts, self._batches(query, rows))

    def _batches(self, query: str, rows: int) -> Iterator[Batch]:
        for batch in self.con.sql(query).to_arrow_reader(rows):
            if batch.num_rows:
                columns = [c.to_numpy(zero_copy_only=False) for c in batch.columns]
                yield Batch(columns[0], columns[1], columns[2] if len(columns) > 2 else None)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query of this package's own; for what only DuckDB is asked."""
        return self._all(query, -1)

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
