"""Columns of a streamed table, held in memory where they are small.

Must not: hold more than it is allowed, or change a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from audit.tables.table import Table, quote_identifier

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MOST_BYTES = 200_000_000
MOST_COLUMNS = 128
"""Columns that are read by one query."""
A_VALUE = 16
"""Bytes of a value beside those of its text."""


def held_columns(con: duckdb.DuckDBPyConnection, table: Table, names: Sequence[str]) -> pa.Table | None:
    """Columns of a table with all of its rows, in their order; None where they are too large to hold.

    Parameters
    ----------
    con
        Connection by which the rows are read.
    table
        Open table, whose number of rows is known.
    names
        Columns to hold.
    """
    import pyarrow as pa

    room = MOST_BYTES - (table.rows or 0) * len(names) * A_VALUE
    found: dict[str, pa.ChunkedArray] = {}
    with _rows_in_order(con):
        for at in range(0, len(names), MOST_COLUMNS):
            if room < 0:
                return None
            some = names[at : at + MOST_COLUMNS]
            source = table.scan(con, some)
            room -= _text_bytes(con, source, [n for n in some if table.columns[n] == "text"])
            if room >= 0:
                listed = ", ".join(map(quote_identifier, some))
                read = con.sql(f"SELECT {listed} FROM {source}").to_arrow_table()  # noqa: S608
                found |= dict(zip(some, read.columns, strict=True))
    return pa.table(found) if room >= 0 else None


def _text_bytes(con: duckdb.DuckDBPyConnection, source: str, names: Sequence[str]) -> int:
    if not names:
        return 0
    sizes = " + ".join(f"coalesce(sum(strlen({quote_identifier(n)})), 0)" for n in names)
    return int(con.execute(f"SELECT {sizes} FROM {source}").fetchall()[0][0])  # noqa: S608


@contextmanager
def _rows_in_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Rows come as they lie: columns that are read by several queries have to stand beside each other."""
    con.execute("SET preserve_insertion_order = true")
    try:
        yield
    finally:
        con.execute("SET preserve_insertion_order = false")
