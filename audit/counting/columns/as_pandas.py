"""A table as pandas reads it, and the same values where DuckDB can ask about them.

Suites of Great Expectations were written against what `pandas.read_csv` and its like make of a file, which is not what
an audit reads: whole numbers with a missing one are doubles there, "NA" is no value, and "01" in a CSV is 1. So pandas
reads the file itself, and DuckDB is shown a column only where it holds the very values that pandas has.

Must not: guess. What pandas cannot read, or reads as another table, is an `UnlikePandasError` with the reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb

from audit.counting.backends.duckdb import DuckScan
from audit.counting.columns.ask import grouped_by
from audit.counting.columns.figures import families
from audit.tables.formats.parquet import ParquetTable
from audit.tables.kinds import to_plain_table
from audit.tables.lazy import LazyTable
from audit.tables.pandas_frames import UnlikePandasError, join_frames, read_by_pandas, tell_pandas_errors
from audit.tables.table import HeldTable, Table, quote_identifier, register_view

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from audit.counting.terms import Band, Column

ALIAS = "evenhand group "
"""Before the name of a group column, which is counted as the audit reads it and not as pandas does."""


class Reading(ABC):
    """A table as pandas reads it."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Columns of the frame, in its order."""

    @property
    def unlike(self) -> Collection[str]:
        """Columns that the table has and no frame of pandas would have as they are."""
        return ()

    @abstractmethod
    def prepare(self, names: Sequence[str], groups: Sequence[str]) -> None:
        """Say which columns will be asked about, and by which they will be grouped, before anything is read.

        Raises
        ------
        UnlikePandasError
            When there is no such frame.
        """

    @abstractmethod
    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Chosen columns of the frame.

        Raises
        ------
        UnlikePandasError
            When there is no such frame.
        """

    @abstractmethod
    def first(self, rows: int) -> pd.DataFrame:
        """All columns of so many rows.

        Raises
        ------
        UnlikePandasError
            When there is no such frame.
        """

    @abstractmethod
    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str], groups: Sequence[str]) -> DuckScan:
        """Those of the columns that DuckDB sees as pandas does, beside the group columns under their aliases.

        A column of which only the presence of a value is known is true or missing.
        """

    def rows_of_group(self, key: Column | Band, group: object) -> np.ndarray:
        """Which rows, in their order, have one raw value of a key; None is the missing one."""
        with self.table.reading(), duckdb.connect(":memory:") as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET threads = 1")  # rows in the order of the files, also where folders are joined to them
            scan = DuckScan(con, self._of_key(con, key.name), self.table.rows)
            here = f"{grouped_by(key, families(scan))} IS NOT DISTINCT FROM ?"
            found = con.execute(f"SELECT {here} AS here FROM {scan.source}", [group]).fetchnumpy()  # noqa: S608
            rows: np.ndarray = found["here"].astype(bool)
            return rows

    def _of_key(self, con: duckdb.DuckDBPyConnection, name: str) -> str:
        return self.table.scan(con, [name])


def alias_of(name: str) -> str:
    """Name of a group column in a scan."""
    return f"{ALIAS}{name}"


def reading_of(table: Table) -> Reading:
    """How pandas reads a table."""
    if isinstance(table, ParquetTable):
        return _StreamedReading(table)
    return _HeldReading(table)


class _HeldReading(Reading):
    """Rows of a text file, an Arrow file or a frame: the frame is made once, and DuckDB is shown what it holds."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._frame: pd.DataFrame | None = None
        self._groups: pa.Table | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the frame, in its order."""
        return tuple(self.table.columns)

    def prepare(self, names: Sequence[str], groups: Sequence[str]) -> None:
        """Make the frame of all columns that will be asked about."""
        table, chosen = self.table, list(names) or self.columns[:1]
        if isinstance(table, LazyTable):
            raw = table.take_raw_rows([*chosen, *groups])  # one query: it need not give the same rows twice
            self._groups = to_plain_table(raw.select(list(groups)), table.name)
            self._frame = table.read_frame_by_pandas(raw.select(list(chosen)))
        elif isinstance(table, HeldTable):
            self._groups = table.take_held_rows(groups) if groups else None
            self._frame = read_by_pandas(table, list(chosen))
        else:
            with duckdb.connect(":memory:") as con:
                table.scan(con, chosen)  # refuses, and says where its rows are
            raise UnlikePandasError("its rows are not here")

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Chosen columns of the frame."""
        if self._frame is None:
            raise RuntimeError("a frame is asked for before it was prepared")
        return self._frame[list(names)]

    def first(self, rows: int) -> pd.DataFrame:
        """All columns of so many rows."""
        self.prepare(self.columns, ())
        return self.frame(self.columns).head(rows)

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str], groups: Sequence[str]) -> DuckScan:
        """Columns of the frame that compare in DuckDB as they do in pandas."""
        import pyarrow as pa

        frame, keys = self.frame(names), self._groups
        columns: dict[str, Any] = {name: _to_shown_values(frame[name]) for name in names}
        if keys is not None:
            columns |= {alias_of(name): keys[name] for name in groups}
        columns = columns or {ALIAS: pa.nulls(len(frame))}
        return DuckScan(con, register_view(con, pa.table(columns)), len(frame))

    def _of_key(self, con: duckdb.DuckDBPyConnection, name: str) -> str:
        if self._groups is None:
            raise RuntimeError("a group is asked for before it was prepared")
        return register_view(con, self._groups.select([name]))


def _to_shown_values(values: pd.Series[Any]) -> pa.Array:
    """Column for DuckDB: the values where they compare there as in pandas, otherwise true where there is one."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf" and values.dtype.itemsize > 2:
        return pa.array(values.to_numpy())
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        return pa.array(values.to_numpy())
    texts = str(values.dtype) == "str" or (
        values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in {"string", "empty"}
    )
    if texts:
        try:
            return pa.array(values, pa.large_string(), from_pandas=True)
        except (pa.ArrowInvalid, UnicodeEncodeError):  # half a character
            pass
    present = values.notna().to_numpy()
    return pa.array(np.ones(len(values), dtype=bool), mask=~present)


class _StreamedReading(Reading):
    """Rows of Parquet files: pandas is asked beforehand what it makes of a column, and reads rows where it must."""

    def __init__(self, table: ParquetTable) -> None:
        super().__init__(table)
        self.files = table

    @cached_property
    def _schemas(self) -> Sequence[pa.Schema]:
        return self.files.read_schemas()

    @cached_property
    def _empty(self) -> Sequence[pd.DataFrame]:
        """What pandas makes of each file, rows aside: `pandas.read_parquet` leaves the types to Arrow too."""
        return [schema.empty_table().to_pandas() for schema in self._schemas]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the frame, and what folders say after them; an index that pandas wrote is none."""
        return (*map(str, self._empty[0].columns), *self.unlike)

    @property
    def unlike(self) -> Collection[str]:
        """What folders say, which pandas reads in another way or not at all."""
        return self.files.said

    def prepare(self, names: Sequence[str], groups: Sequence[str]) -> None:
        """Nothing: rows are read when they are asked for."""

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Chosen columns of all files, one after another."""
        with self.table.reading(), tell_pandas_errors():
            return join_frames(list(self.files.read_frames_by_pandas(list(names))), names, self.table.rows)

    def first(self, rows: int) -> pd.DataFrame:
        """All columns of so many rows."""
        with self.table.reading(), tell_pandas_errors():
            return next(iter(self.files.read_frames_by_pandas(list(map(str, self._empty[0].columns)), rows)))

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str], groups: Sequence[str]) -> DuckScan:
        """Columns that DuckDB sees as pandas does; whole numbers are doubles where some are missing."""
        told = {name: sql for name in names if (sql := self._seen(con, name)) is not None}
        keys = {alias_of(name): self.files.write_column_sql(name) for name in groups}
        self.files.refuse_rounding(con, groups)
        return DuckScan(con, self.files.select(con, told | keys or {ALIAS: "1"}, [*told, *groups]), self.table.rows)

    def _seen(self, con: duckdb.DuckDBPyConnection, name: str) -> str | None:
        """SQL of a column as pandas has it; None where DuckDB cannot have it."""
        column = self.files.write_stored_sql(name)
        present = f"({column} IS NOT NULL OR NULL)"
        if name in self.unlike:
            return present
        kinds = {_kind(schema.field(name).type, frame[name].dtype) for schema, frame in self._both(name)}
        (kind,) = kinds if len(kinds) == 1 else ("nothing",)
        if kind == "whole":
            if not self._some_missing(con, name):
                return column
            return f"CAST({column} AS DOUBLE)"
        return {"same": column, "presence": present, "never": "CAST(NULL AS VARCHAR)"}.get(kind)

    def _both(self, name: str) -> Sequence[tuple[pa.Schema, pd.DataFrame]]:
        return [(s, f) for s, f in zip(self._schemas, self._empty, strict=True) if name in f.columns]

    def _some_missing(self, con: duckdb.DuckDBPyConnection, name: str) -> bool:
        known = self.files.count_missing_in_footers(name)
        if known is not None:
            return known > 0
        query = f"SELECT count(*) - count({quote_identifier(name)}) FROM {self.table.scan(con, [name])}"  # noqa: S608
        return bool(con.execute(query).fetchall()[0][0])


def _kind(stored: pa.DataType, read: Any) -> str:
    """How much DuckDB sees of a column as pandas does: all, whole numbers, only where a value is, none, or nothing."""
    import numpy as np
    import pyarrow as pa

    is_a = pa.types
    if isinstance(read, np.dtype) and is_a.is_integer(stored):
        return "whole" if read.kind in "iu" else "nothing"
    if isinstance(read, np.dtype) and (is_a.is_float64(stored) or is_a.is_float32(stored)):
        return "same" if read.kind == "f" else "nothing"
    if str(read) in {"str", "object"} and (is_a.is_string(stored) or is_a.is_large_string(stored)):
        return "same"
    if is_a.is_null(stored):
        return "never"
    tests = (is_a.is_boolean, is_a.is_date, is_a.is_timestamp, is_a.is_dictionary, is_a.is_decimal)
    if any(test(stored) for test in tests):
        return "presence"
    return "nothing"
