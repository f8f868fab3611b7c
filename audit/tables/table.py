"""A table as engines see it: named columns of known kinds, wherever its rows lie.

Parquet is streamed; texts, Arrow files and frames are held. Reading is strict, because what a lenient reader guesses
becomes a plausible wrong number. Must not: write, download, or run what it reads.
"""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from audit.errors import AuditError, SourceError, no_such, printable
from audit.tables.files import Part
from audit.tables.kinds import Kind, find_clashes, find_kind, is_fraction, is_whole, refuse_names, to_plain_table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

_VIEWS = itertools.count()
SHOWN_ERROR = 160
LOOKED_AT_TEXTS = 1000


@dataclass(frozen=True, eq=False)
class Table(ABC):
    """Named columns of known kinds."""

    lazy: ClassVar[bool] = False
    """Whether columns are made only where a question names them."""
    rows_here: ClassVar[bool] = True
    """Whether rows can be read on this machine: not where only counts were kept, or another machine reads them."""
    name: str
    """Path or pattern as the user wrote it, or what to call rows in memory."""
    digest: str | None
    """SHA-256 of the files' bytes; None where they were not hashed."""
    columns: Mapping[str, Kind]
    rows: int | None = None
    """Number of rows where it is known without reading them."""
    parts: tuple[Part, ...] = field(default=(), repr=False)
    limits: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Size below which a decimal column is exact as a double."""
    lacking: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of columns that some files of the table have, a file that has not; nothing can be asked of them."""
    undigested: str = "the rows were in memory"
    """Why there is no digest, where there is none."""
    merged: Mapping[str, Mapping[Any, str]] = field(default_factory=dict, repr=False)
    """Name of every value of columns of which levels are joined; engines see these names."""

    @property
    def doubtful(self) -> Collection[str]:
        """Columns that may turn out, while they are read, to hold what cannot be read exactly."""
        return self.limits

    @abstractmethod
    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Return the name of a view of the chosen columns, registered on the connection."""

    @cached_property
    def clashing(self) -> Mapping[str, str]:
        """Columns of which another one differs only in case, each with that one."""
        return find_clashes(self.columns)

    def require(self, names: Sequence[str]) -> None:
        """Refuse a column that is not there, and one that SQL could not tell from another.

        Raises
        ------
        SourceError
            Naming the column and the nearest one that exists.
        """
        for name in names:
            if name in self.lacking:
                raise SourceError(
                    f"{self.lacking[name]} has no column '{printable(name)}', which other files of {self._title} "
                    "have; every part needs all columns that are used"
                )
            if name not in self.columns:
                raise SourceError(f"{self._title}: {no_such('column', name, self.columns)}")
            other = self.clashing.get(name)
            if other is not None:
                raise SourceError(
                    f"{self._title}: columns '{printable(name)}' and '{printable(other)}' differ only in case; "
                    "rename one"
                )

    def declared(self, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Return levels that columns of categories declare, rows or not, by column."""
        del names
        return {}

    def describe_mend(self, name: str) -> str:
        """Return what would make a column of text one of numbers, where it can be seen; empty where it cannot."""
        del name
        return ""

    def group_by_types(self) -> Sequence[tuple[Part, ...]]:
        """Return files by their types: an engine that reads files together expects all of them to have the same."""
        return (self.parts,)

    def take_held_rows(self, names: Sequence[str]) -> pa.Table | None:
        """Return chosen columns as an Arrow table where the rows are in memory.

        None where they are streamed from files.
        """
        del names
        return None

    @contextmanager
    def reading(self, *complaints: type[Exception]) -> Iterator[None]:
        """Turn what goes wrong while rows are read into an error that names the table.

        Parameters
        ----------
        complaints
            What an engine raises beside DuckDB and Arrow.
        """
        import duckdb
        import pyarrow as pa

        try:
            yield
        except AuditError:
            raise
        except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException):
            raise  # our own query is wrong then, not the user's file
        except (duckdb.Error, pa.ArrowException, OSError, *complaints) as error:
            raise _make_read_error(self._title, error) from error
        changed = next((p for p in self.parts if p.has_changed()), None)
        if changed is not None:
            raise SourceError(f"{changed.shown} changed while it was read; run again when nothing writes to it")

    def to_pandas(self, names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return rows as a pandas frame, whole numbers exact also where some are missing."""
        from audit.tables.frames import to_pandas

        return to_pandas(self.to_arrow(names))

    def to_arrow(self, names: Sequence[str] | None = None) -> pa.Table:
        """Return rows as an Arrow table, in the order in which they stand; all columns of one row are read together."""
        import duckdb

        chosen = self._choose(list(self.columns) if names is None else names)
        with self.reading(), duckdb.connect(":memory:") as con:
            con.execute("SET TimeZone = 'UTC'")
            listed = ", ".join(map(quote_identifier, chosen))
            return con.sql(f"SELECT {listed} FROM {self.scan(con, chosen)}").to_arrow_table()  # noqa: S608

    def _choose(self, names: Sequence[str]) -> list[str]:
        """Return columns to read, each once; a row needs at least one to be counted."""
        self.require(names)
        return list(dict.fromkeys(names)) or list(self.columns)[:1]

    @property
    def _title(self) -> str:
        return printable(self.name, SHOWN_ERROR)


def register_view(con: duckdb.DuckDBPyConnection, held: pa.Table) -> str:
    """Return the name of a view of an Arrow table on a connection."""
    view = f"held_{next(_VIEWS)}"
    con.register(view, held)
    return view


def name_merged(held: pa.Table, merged: Mapping[str, Mapping[Any, str]]) -> pa.Table:
    """Return an Arrow table in which columns with joined levels hold the names."""
    import pyarrow as pa

    for column in merged:
        if column in held.column_names:
            coded = held[column].combine_chunks().dictionary_encode()
            texts = [merged[column].get(value) for value in coded.dictionary.to_pylist()]
            named = pa.array(texts, pa.string()).take(coded.indices)
            held = held.set_column(held.column_names.index(column), column, named)
    return held


def make_held_table(
    name: str, held: pa.Table, digest: str | None, parts: tuple[Part, ...] = (), **more: Any
) -> HeldTable:
    """Return the table of rows that are in memory or mapped into it."""
    refuse_names(held.column_names, printable(name, SHOWN_ERROR))
    kinds = {f.name: find_kind(f) for f in held.schema}
    return HeldTable(name=name, digest=digest, columns=kinds, rows=held.num_rows, parts=parts, held=held, **more)


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldTable(Table):
    """Rows in an Arrow table."""

    held: pa.Table = field(repr=False)
    written: Mapping[str, pa.ChunkedArray] | None = field(default=None, repr=False)
    """Of a CSV, the text of numbers that do not say how they are written; None where nothing was text before."""
    texts: tuple[Part, ...] = field(default=(), repr=False)
    """Text files that the rows were read from."""
    given: Any = field(default=None, repr=False)
    """Frame, or mapping of columns, as it was handed in."""

    @property
    def doubtful(self) -> Collection[str]:
        """Columns of decimals."""
        return [f.name for f in self.held.schema if is_fraction(f.type) or is_whole(f.type)]

    def declared(self, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Return levels that columns declare, rows or not, by column."""
        from audit.tables.kinds import find_declared_levels

        found = {n: find_declared_levels(self.given, self.held, n) for n in names if n in self.columns}
        return {name: levels for name, levels in found.items() if levels}

    def describe_mend(self, name: str) -> str:
        """Return how numbers that are text are written, and the option that reads them."""
        from audit.tables.formats.dialect import describe_numbers

        texts = self.held.column(name).drop_null().slice(0, LOOKED_AT_TEXTS).to_pylist()
        return describe_numbers([str(text) for text in texts], self.texts[0].dialect if self.texts else None)

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Return the name of a view of the chosen columns, registered on the connection."""
        return register_view(con, self.take_held_rows(names))

    def take_held_rows(self, names: Sequence[str]) -> pa.Table:
        """Return chosen columns, each in the plainest type that says the same."""
        return name_merged(to_plain_table(self.held.select(self._choose(names)), self._title), self.merged)


def _make_read_error(shown: str, error: BaseException) -> SourceError:
    first = printable((str(error).splitlines() or [type(error).__name__])[0], SHOWN_ERROR)
    memory = "memory" in first.lower()
    mend = "it needs more memory than there is" if memory else "it may be damaged or cut off: write it again"
    return SourceError(f"{shown} cannot be read ({first}); {mend}")


# DuckDB as a reader of tables: a private connection, and names as its SQL writes them.
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
