"""DuckDB as a reader of tables: a private connection, and names as its SQL writes them.

Must not: reach the network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


@contextmanager
def open_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a private in-memory DuckDB that loads no extension from the network and draws no progress bar.

    What is registered or made on one connection is seen by no other.
    """
    con = _get_database(os.getpid()).cursor()
    try:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET preserve_insertion_order = false")
        con.execute("SET disable_parquet_prefetching = true")  # whole columns would be held, for nothing on a disk
        yield con
    finally:
        con.close()


@lru_cache(maxsize=1)
def _get_database(process: int) -> duckdb.DuckDBPyConnection:
    """Return the database of this process: starting one takes longer than counting a hundred thousand rows."""
    import duckdb

    del process  # a fork must not share it
    return duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )


def quote_identifier(name: str) -> str:
    """Return the column name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
