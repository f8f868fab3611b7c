"""Parquet files, streamed by DuckDB: only their footers are read here; what their folders say is a column of text."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from audit.errors import SourceError, printable
from audit.tables.files import Part
from audit.tables.formats.arrow import refuse_kinds
from audit.tables.formats.text_types import find_common_columns
from audit.tables.kinds import (
    EXACT_INTEGER,
    Kind,
    find_exact_limit,
    find_kind,
    is_fraction,
    is_text,
    is_whole,
    make_rounding_error,
    refuse_names,
)
from audit.tables.pandas_frames import count_missing, read_first_rows
from audit.tables.table import Table, quote_identifier

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

GLOB = "*?["
UNDIGESTED = "the files were not read whole on one machine"


@dataclass(frozen=True, kw_only=True, eq=False)
class ParquetTable(Table):
    """Rows in one or more Parquet files."""

    casts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SQL type of columns that engines should see in a plainer one."""
    types: tuple[str, ...] = field(default=(), repr=False)
    """Names and types of the columns of each part, in one word."""

    @property
    def doubtful(self) -> Collection[str]:
        """Columns that are seen in another type, or that doubles may round."""
        return {*self.casts, *self.limits}

    def group_by_types(self) -> Sequence[tuple[Part, ...]]:
        """Return files by their types."""
        found: dict[str, list[Part]] = {}
        for part, types in zip(self.parts, self.types, strict=True):
            found.setdefault(types, []).append(part)
        return tuple(map(tuple, found.values()))

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Return the subquery that streams the chosen columns."""
        chosen = self._choose(names)
        self.refuse_rounding(con, chosen)
        return self.select(con, {n: self.write_column_sql(n) for n in chosen}, chosen)

    def select(self, con: duckdb.DuckDBPyConnection, listed: Mapping[str, str], read: Sequence[str]) -> str:
        """Return the subquery of expressions under their names; ``read`` are the columns that they are made of."""
        del con
        keys = [n for n in dict.fromkeys(read) if n in self.said]
        source = self._select_files_and(keys) if keys else f"{self._select_files()} AS f"
        return f"(SELECT {', '.join(f'{sql} AS {quote_identifier(n)}' for n, sql in listed.items())} FROM {source})"  # noqa: S608

    @property
    def said(self) -> Collection[str]:
        """Columns that folders say."""
        return self._placed[0][2]

    def write_column_sql(self, name: str) -> str:
        """Return the column as engines see it."""
        sql = self.write_stored_sql(name)
        if name in self.casts:
            sql = f"CAST({sql} AS {self.casts[name]})"
        return _write_names_sql(sql, self.merged[name]) if name in self.merged else sql

    def write_stored_sql(self, name: str) -> str:
        """Return the column as it is stored."""
        sql = quote_identifier(name)
        if name not in self.said:
            return f"f.{sql}"
        lost = "error('a file is not one of those that were opened')"
        return f"CASE WHEN k.file IS NULL THEN {lost} ELSE k.{sql} END"

    def read_schemas(self) -> Sequence[pa.Schema]:
        """Return columns of each file, with what pandas wrote about them."""
        return [_read_footer(part)[0] for part in self.parts]

    def read_frames_by_pandas(self, names: Sequence[str], most: int | None = None) -> Iterator[pd.DataFrame]:
        """Return what `pandas.read_parquet` makes of each file, or of so many of its rows."""
        import pandas as pd

        if most is not None:
            return (read_first_rows(part.path, names, most) for part in self.parts)
        return (pd.read_parquet(part.path, columns=list(names)) for part in self.parts)

    def count_missing_in_footers(self, name: str) -> int | None:
        """Return rows without a value in a column, as the footers count them; None where one of them does not."""
        return count_missing([part.path for part in self.parts], name)

    @property
    def _placed(self) -> Sequence[tuple[str, str, Mapping[str, str | None]]]:
        """Of each file: what to ask DuckDB for, how DuckDB calls it then, and what its folders say."""
        paths = [os.fspath(part.path.absolute()) for part in self.parts]
        return [(_escape_pattern(path), path, dict(part.keys)) for path, part in zip(paths, self.parts, strict=True)]

    def _select_files(self, further: str = "") -> str:
        """Return rows of all files; what their folders say is never left to be guessed."""
        paths = ", ".join(quote_literal(asked) for asked, _, _ in self._placed)
        by_name = str(len(self._placed) > 1).lower()
        return f"read_parquet([{paths}], union_by_name = {by_name}, hive_partitioning = false{further})"

    def _select_files_and(self, keys: Sequence[str]) -> str:
        """Return rows of all files beside the values of their folders."""
        file = name_file_column(self.columns)
        rows = ((name, *(values[k] for k in keys)) for _, name, values in self._placed)
        values = ", ".join(f"({', '.join(map(quote_literal, row))})" for row in rows)
        files = self._select_files(f", filename = '{file}'")
        listed = ", ".join(map(quote_identifier, keys))
        return f"{files} AS f LEFT JOIN (VALUES {values}) AS k(file, {listed}) ON f.{quote_identifier(file)} = k.file"

    def refuse_rounding(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
        """Refuse columns of numbers that a double does not hold."""
        names = [n for n in names if n in self.limits]
        if not names:
            return
        largest = ", ".join(f"max(abs(CAST({quote_identifier(n)} AS DOUBLE)))" for n in names)
        found = con.execute(f"SELECT {largest} FROM {self._select_files()}").fetchall()[0]  # noqa: S608
        for name, size in zip(names, found, strict=True):
            if size is not None and size >= self.limits[name]:
                raise make_rounding_error(self._title, name)


def list_keys(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return columns that folders say."""
    return tuple(key for key, _ in parts[0].keys)


def name_file_column(columns: Iterable[str]) -> str:
    """Return the name for the column of paths that no column of the table has."""
    taken, name = {c.casefold() for c in columns}, "evenhand file"
    while name in taken:
        name += "_"
    return name


def quote_literal(value: str | None) -> str:
    """Return text, or a missing one, in SQL."""
    if value is None:
        return "CAST(NULL AS VARCHAR)"
    return "'" + value.replace("'", "''") + "'"


def _write_names_sql(sql: str, names: Mapping[Any, str]) -> str:
    """Return an expression of the names of a column's values; what has none, which no row should hold, is missing."""
    if not names:
        return f"CAST({sql} AS VARCHAR)"
    cases = (f"WHEN {_write_literal(value)} THEN {quote_literal(name)}" for value, name in names.items())
    return f"CASE {sql} {' '.join(cases)} END"


def _write_literal(value: Any) -> str:
    """Return a value as SQL has it."""
    if isinstance(value, float):
        return f"{value!r}::DOUBLE"
    return str(value).upper() if isinstance(value, int) else quote_literal(str(value))


def _escape_pattern(path: str) -> str:
    """Return the path that DuckDB does not take for a pattern."""
    return "".join(f"[{c}]" if c in GLOB else c for c in path)


def open_parquet(name: str, parts: tuple[Part, ...]) -> Table:
    """Return the table of Parquet files with the same columns; nothing but their footers is read.

    Raises
    ------
    SourceError
        When a footer is damaged, missing or encrypted, or the parts differ.
    """
    footers = [_read_footer(part) for part in parts]
    schemas = [(part.shown, schema) for part, (schema, _) in zip(parts, footers, strict=True)]
    seen = unite_columns(schemas)
    keys = list_keys(parts)
    refuse_both(keys, seen.kinds, parts[0].shown)
    return ParquetTable(
        name=name,
        digest=None,
        undigested=UNDIGESTED,
        columns={**seen.kinds, **dict.fromkeys(keys, "text")},
        rows=sum(rows for _, rows in footers),
        parts=parts,
        types=tuple(str(sorted(f"{f.name}: {f.type}" for f in schema)) for _, schema in schemas),
        casts=seen.casts,
        limits=seen.limits,
        lacking=seen.lacking,
    )


class _UnitedColumns(NamedTuple):
    """Columns of all parts: kind, SQL type where engines should see a plainer one, size where doubles round."""

    kinds: dict[str, Kind]
    casts: dict[str, str]
    limits: dict[str, float]
    lacking: dict[str, str]
    """Of columns that some parts have, one that has not."""


def unite_columns(schemas: Sequence[tuple[str, pa.Schema]]) -> _UnitedColumns:
    """Return columns that parts have in common.

    Raises
    ------
    SourceError
        When parts have no column together, or one of different kinds, naming the part.
    """
    first, schema = schemas[0]
    refuse_names(schema.names, first)
    for shown, other in schemas[1:]:
        refuse_names(other.names, shown)
    names, lacking = find_common_columns([(shown, s.names) for shown, s in schemas])
    fields = {n: [(shown, s.field(n)) for shown, s in schemas] for n in names}
    for column, found in fields.items():
        refuse_kinds(column, found)
    plain = {n: [f for _, f in found] for n, found in fields.items()}
    return _UnitedColumns(
        {n: _unite_kinds(found) for n, found in plain.items()},
        {n: cast for n, found in plain.items() if (cast := _make_cast(found)) is not None},
        {n: limit for n, found in plain.items() if (limit := _limit(found)) is not None},
        lacking,
    )


def refuse_both(keys: Sequence[str], columns: Iterable[str], shown: str) -> None:
    """Refuse a column that both the folders and the files have: one may say something else than the other."""
    both = {c.casefold(): c for c in columns}
    for key in keys:
        if key.casefold() in both:
            raise SourceError(
                f"{shown} has a column '{printable(both[key.casefold()])}', and its folder says "
                f"'{printable(key)}' too; rename one, or write the files without it"
            )


def _read_footer(part: Part) -> tuple[pa.Schema, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(part.path) as file:
            return file.schema_arrow, int(file.metadata.num_rows)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = printable((str(error).splitlines() or ["no reason given"])[0], 120)
        raise SourceError(f"{part.shown} is a damaged or truncated Parquet file ({first}); write it again") from None


def _unite_kinds(fields: Sequence[pa.Field]) -> Kind:
    """Return a column's kind over all parts: only-missing parts say nothing, fractions take whole numbers along."""
    import pyarrow as pa

    kinds = {find_kind(f) for f in fields if not pa.types.is_null(f.type)}
    if kinds == {"integer", "float"}:
        return "float"
    return next(iter(kinds), "text")


def _make_cast(fields: Sequence[pa.Field]) -> str | None:
    import pyarrow as pa

    # Order matters: a decimal with places needs a double, whatever other parts have; one without is a whole number if
    # all are.
    if any(is_fraction(f.type) for f in fields):
        return "DOUBLE"
    if any(is_whole(f.type) for f in fields):
        return "BIGINT" if _unite_kinds(fields) == "integer" else "DOUBLE"
    if _unite_kinds(fields) != "text" or all(is_text(f.type) or pa.types.is_dictionary(f.type) for f in fields):
        return None
    return "VARCHAR"


def _limit(fields: Sequence[pa.Field]) -> float | None:
    """Return the size from which a column is rounded as a double; None where it cannot be."""
    scales = [f.type.scale for f in fields if is_fraction(f.type)]
    if scales:
        return find_exact_limit(max(scales))
    if {find_kind(f) for f in fields} >= {"integer", "float"}:
        return float(EXACT_INTEGER)
    return None
