"""Engines that count through Narwhals: pandas and polars on this machine, PySpark on a cluster.

Tables are opened and refused as for every engine; here their rows become a frame of the engine's own. Must not: convert
rows from one frame library to Spark, because missing text becomes the word NaN on the way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from audit.counting.backends.narwhals import NarwhalsScan
from audit.counting.engine import Scan
from audit.counting.terms import Highest, Number, Size
from audit.errors import printable
from audit.tables.files import Part
from audit.tables.formats.parquet import file_column, keys_of
from audit.tables.kinds import Kind, rounds
from audit.tables.table import Table

if TYPE_CHECKING:
    import polars as pl

PLAIN: Mapping[Kind, Any] = {"text": nw.String, "float": nw.Float64, "integer": nw.Int64}
"""Type in which every engine sees a kind of column, whatever its width or encoding in the file."""


class FrameEngine:
    """Counts in pandas or polars."""

    def __init__(self, name: Literal["pandas", "polars"]) -> None:
        self.name = name

    @contextmanager
    def scan(self, table: Table, columns: Sequence[str]) -> Iterator[NarwhalsScan]:
        """Open some columns of a table for reading."""
        with table.reading(), self._broken(table):
            native = table.to_pandas(columns) if self.name == "pandas" else _polars(table, columns)
            found = NarwhalsScan(plain(nw.from_native(native).lazy(), table, columns))
            refuse_rounding(found, table, columns)
            yield found

    def _broken(self, table: Table) -> AbstractContextManager[None]:
        """Turn polars' own complaints into one that names the table."""
        if self.name == "pandas":
            return table.reading()
        from narwhals.exceptions import NarwhalsError
        from polars.exceptions import PolarsError

        return table.reading(PolarsError, NarwhalsError)


def plain(frame: nw.LazyFrame[Any], table: Table, columns: Sequence[str]) -> nw.LazyFrame[Any]:
    """Frame whose columns have the one type of their kind."""
    schema = frame.collect_schema()
    chosen = list(dict.fromkeys(columns))
    wanted = {c: PLAIN[table.columns[c]] for c in chosen if table.columns[c] in PLAIN}
    casts = [nw.col(c).cast(dtype) if c in wanted and schema[c] != (dtype := wanted[c]) else nw.col(c) for c in chosen]
    return frame.select(*casts) if casts else frame


def refuse_rounding(scan: Scan, table: Table, columns: Sequence[str]) -> None:
    """Refuse decimals so large that doubles round them."""
    limited = [c for c in dict.fromkeys(columns) if c in table.limits]
    if not limited:
        return
    largest = scan.summary({c: Highest(Size(Number(c))) for c in limited})
    for column, size in largest.items():
        if size is not None and size >= table.limits[column]:
            raise rounds(printable(table.name), column)


def _polars(table: Table, columns: Sequence[str]) -> pl.LazyFrame:
    """Rows as polars reads them: Parquet lazily, everything else from the Arrow table that was read strictly."""
    import polars as pl

    held = table.held_rows(columns)
    if held is not None:
        return pl.DataFrame(held).lazy()
    chosen, keys = list(dict.fromkeys(columns)), keys_of(table.parts)
    file = file_column(table.columns) if set(keys) & set(chosen) else None
    read = (_scanned(files, keys, file) for files in table.alike())
    return pl.concat([plain(nw.from_native(some), table, columns).to_native() for some in read])


def _scanned(files: Sequence[Part], keys: Sequence[str], file: str | None) -> pl.LazyFrame:
    """Files of the same types, with what their folders say."""
    import polars as pl

    paths = [os.fspath(part.path.absolute()) for part in files]
    frame = pl.scan_parquet(paths, glob=False, hive_partitioning=False, include_file_paths=file)
    for key in keys if file is not None else ():
        said = [dict(part.keys)[key] for part in files]
        frame = frame.with_columns(pl.col(file).replace_strict(paths, said, return_dtype=pl.String).alias(key))
    return frame
