"""DuckDB: counts files and frames on this machine; Parquet is streamed.

Raw values are grouped as they are and read into words afterwards, once a distinct value, so that the pass costs what
a GROUP BY costs. Must not: know a metric, a limit, or load rows into Python.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import duckdb

from audit.counting.backends.sql import double, key_sql, sum_sql, term_sql
from audit.counting.engine import Batch, Falling, Levels, Range
from audit.counting.tally import Tally, TooManyCellsError, make_tally
from audit.counting.terms import Band, Column, Extent, Fold, Key, Passes, Rows, Sum, Term, Total
from audit.counting.weighing import BAND
from audit.tables.table import Table, open_connection, quote_identifier

BATCH_ROWS = 1 << 17
"""Rows that are handed out at a time."""
SAMPLED_ROWS = 100_000
"""Rows that say where ranges of about as many rows begin; what is counted does not depend on it."""
TOGETHER = 5
"""Columns that are looked at in one GROUP BY: for a few it is faster than to count the values of each."""
LOOKED_AT_ROWS, FETCHED_ROWS = 20_000, 50_000
ONE_IN, CERTAINLY = 64, 1.05
"""Part of all hashes that are counted to see a crowd, and how many times too many cells that must show: with half a
million cells, 5% is more than four standard errors of it."""


class _Looked(NamedTuple):
    """Cells of the first rows, and of all their values crossed."""

    cells: int
    possible: int


class DuckScan:
    """A table as a relation of one connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, source: str, rows: int | None) -> None:
        self.con, self.source, self.rows = con, source, rows
        self._seen: dict[str, int] = {}

    def tally(self, keys: Mapping[str, Key], sums: Mapping[str, Sum], shifts: Mapping[str, int], most: int) -> Tally:
        """Sums by cell: one GROUP BY."""
        # Cells are counted without bands of weights, since each may be there once in every band.
        bands = len(band.edges) + 1 if isinstance(band := keys.get(BAND), Band) else 1
        self._refuse_crowd({name: key for name, key in keys.items() if name != BAND}, most // bands)
        select = [f"{key_sql(key)} AS k{i}" for i, key in enumerate(keys.values())]
        select += [sum_sql(wanted, shifts.get(name, 0)) for name, wanted in sums.items()]
        by = f"GROUP BY {', '.join(f'k{i}' for i in range(len(keys)))}" if keys else ""
        result = self.con.execute(f"SELECT {', '.join(select)} FROM {self.source} {by}")  # noqa: S608
        columns = _columns(result, len(select), most + 1)
        if len(columns[-1]) > most:
            raise TooManyCellsError(most, {key: len(set(columns[i])) for i, key in enumerate(keys)})
        values = {name: [v or 0 for v in columns[len(keys) + i]] for i, name in enumerate(sums)}
        return make_tally(
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
        if len(each) > 1:
            from audit.counting.backends.dense import count_densely

            dense = count_densely(self.con, self.source, keys, each, sums)
            if dense is not None:
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
            listed = ", ".join(map(quote_identifier, columns[at : at + TOGETHER]))
            first = f"SELECT {listed} FROM {self.source} LIMIT {rows}"  # noqa: S608
            found = self._all(f"SELECT {listed}, count(*) FROM ({first}) GROUP BY ALL", -1)  # noqa: S608
            seen = sum(row[-1] for row in found)
            for i, column in enumerate(columns[at : at + TOGETHER]):
                distinct[column] = len({row[i] for row in found if row[i] is not None and row[i] == row[i]})
        self._seen |= distinct
        return Levels(seen, distinct)

    def few(self, of: Term, most: int) -> bool:
        """Whether a term has at most so many different values."""
        if self._looked([term_sql(of)]).cells > most:
            return False
        found = self._all(f"SELECT DISTINCT {term_sql(of)} FROM {self.source} LIMIT {most + 1}", most + 1)  # noqa: S608
        return len(found) <= most

    def falling(self, keys: Mapping[str, Key], of: Term, extent: Extent, weight: Term | None, rows: int) -> Falling:
        """All rows by falling ranges of a term: one range where they are few, otherwise one pass for each."""
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
        some = f"(SELECT v FROM {source} USING SAMPLE {SAMPLED_ROWS} ROWS)"  # noqa: S608
        if weight is not None:
            # Sums of weights are made range by range: where ranges begin may depend on what rows are there alone.
            some = f"(SELECT v FROM {source} WHERE hash(v, w) % {max(1, sum(counts) // SAMPLED_ROWS)} = 0)"  # noqa: S608
        return Falling(cells, counts, self._ranges(query, some, extent, sum(counts), rows))

    def _ranges(self, query: str, sample: str, extent: Extent, n: int, rows: int) -> Iterator[Range]:
        """Ranges of about as many rows each."""
        (low, high), ranges = extent, -(-n // rows)
        edges = [low]
        if ranges > 1:
            shares = ", ".join(repr(i / ranges) for i in range(1, ranges))
            inner = self._all(f"SELECT quantile_disc(v, [{shares}]) FROM {sample}", -1)[0][0] or ()  # noqa: S608
            edges += [edge for edge in dict.fromkeys(map(float, inner)) if low < edge <= high]
        rest = f"{query} WHERE r.v >= {double(edges[-1])}" if len(edges) > 1 else query
        yield Range(edges[-1], high, n // ranges, self._batches(rest))
        for start, end in reversed(list(pairwise(edges))):
            where = f"r.v >= {double(start)} AND r.v < {double(end)}"
            yield Range(start, end, n // ranges, self._batches(f"{query} WHERE {where}"))

    def _batches(self, query: str) -> Iterator[Batch]:
        for batch in self.con.sql(query).to_arrow_reader(BATCH_ROWS):
            if batch.num_rows:
                columns = [c.to_numpy(zero_copy_only=False) for c in batch.columns]
                yield Batch(columns[0], columns[1], columns[2] if len(columns) > 2 else None)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query of this package's own; for what only DuckDB is asked."""
        return self._all(query, -1)

    def _refuse_crowd(self, keys: Mapping[str, Key], most: int) -> None:
        """Refuse far too many cells before a GROUP BY holds all of them: those of one hash in so many are counted."""
        if not keys or self.rows is None or self.rows <= most or self._possible(keys) <= most:
            return
        spelled = [key_sql(key) for key in keys.values()]
        looked = self._looked(spelled)
        if max(looked.possible, looked.cells * self.rows / LOOKED_AT_ROWS) <= most:
            return
        hashed = f"SELECT hash({', '.join(spelled)}) AS h FROM {self.source}"  # noqa: S608
        some = self._all(f"SELECT count(DISTINCT h) FROM ({hashed}) WHERE h % {ONE_IN} = 0", 1)  # noqa: S608
        if int(some[0][0]) * ONE_IN > most * CERTAINLY:
            each = ", ".join(f"count(DISTINCT {key})" for key in spelled)
            seen = self._all(f"SELECT {each} FROM (SELECT * FROM {self.source} LIMIT {most})", 1)[0]  # noqa: S608
            raise TooManyCellsError(most, dict(zip(keys, map(int, seen), strict=True)))

    def _possible(self, keys: Mapping[str, Key]) -> float:
        """Cells of all values that the first rows have shown; infinite where they were not looked at."""
        return math.prod(self._values(key) for key in keys.values())

    def _values(self, key: Key) -> float:
        match key:
            case Column(name):
                return self._seen.get(name, math.inf) + 1
            case Band(_, edges):
                return len(edges) + 2
            case Fold(_, folds):
                return folds
            case Passes():
                return 3
            case _:
                return math.inf

    def _looked(self, spelled: Sequence[str]) -> _Looked:
        """What the first rows say of how many cells there may be."""
        names = [f"k{i}" for i in range(len(spelled))]
        first = ", ".join(f"{sql} AS {name}" for sql, name in zip(spelled, names, strict=True))
        rows = f"(SELECT {first} FROM {self.source} LIMIT {LOOKED_AT_ROWS})"  # noqa: S608
        each = ", ".join(f"count(DISTINCT {name}) + 1" for name in names)
        found = self._all(f"SELECT count(DISTINCT hash({', '.join(names)})), {each} FROM {rows}", 1)[0]  # noqa: S608
        return _Looked(int(found[0]), math.prod(int(n) for n in found[1:]))

    def _all(self, query: str, most: int) -> list[tuple[Any, ...]]:
        result = self.con.execute(query)
        found: list[tuple[Any, ...]] = result.fetchall() if most < 0 else result.fetchmany(most)
        return found


def _columns(result: duckdb.DuckDBPyConnection, width: int, most: int) -> list[list[Any]]:
    """Columns of an answer of at most so many rows, each different text held once where there are many."""
    columns: list[list[Any]] = [[] for _ in range(width)]
    texts: dict[str, str] = {}
    while (room := most - len(columns[-1])) > 0 and (rows := result.fetchmany(min(room, FETCHED_ROWS))):
        small = not columns[-1] and len(rows) < FETCHED_ROWS
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values if small else _share_texts(values, texts))
    return columns


def _share_texts(values: Iterable[Any], texts: dict[str, str]) -> Iterator[Any]:
    """Yield values, each different text as the one object that is held of it."""
    for value in values:
        yield texts.setdefault(value, value) if isinstance(value, str) else value


class DuckEngine:
    """Counts files and frames on this machine; Parquet is streamed."""

    name = "duckdb"

    @contextmanager
    def scan(self, table: Table, columns: Sequence[str]) -> Iterator[DuckScan]:
        """Open some columns of a table for reading."""
        with open_connection() as con, table.reading():
            yield DuckScan(con, table.scan(con, columns), table.rows)
