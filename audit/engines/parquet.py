"""Parquet files, streamed by DuckDB: only their footers are read here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audit.engines.arrow_files import refuse_kinds
from audit.engines.kinds import (
    EXACT_INTEGER,
    Kind,
    exact_limit,
    is_fraction,
    is_text,
    is_whole,
    kind_of,
    refuse_names,
    rounds,
)
from audit.engines.sources import Part
from audit.engines.tables import Table, identifier
from audit.engines.text_types import refuse_other_columns
from audit.errors import SourceError, printable

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

GLOB = "*?["


@dataclass(frozen=True, kw_only=True, eq=False)
class ParquetTable(Table):
    """Rows in one or more Parquet files."""

    casts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SQL type of columns that engines should see in a plainer one."""
    types: tuple[str, ...] = field(default=(), repr=False)
    """Names and types of the columns of each part, in one word."""

    def alike(self) -> Sequence[tuple[Part, ...]]:
        """Files by their types."""
        found: dict[str, list[Part]] = {}
        for part, types in zip(self.parts, self.types, strict=True):
            found.setdefault(types, []).append(part)
        return tuple(map(tuple, found.values()))

    def scan(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> str:
        """Subquery that streams the chosen columns."""
        chosen = self._chosen(names)
        self._refuse_rounding(con, [n for n in chosen if n in self.limits])
        return f"(SELECT {', '.join(map(self._column, chosen))} FROM {self._files()})"  # noqa: S608

    def _column(self, name: str) -> str:
        sql = identifier(name)
        return f"CAST({sql} AS {self.casts[name]}) AS {sql}" if name in self.casts else sql

    def _files(self) -> str:
        paths = ", ".join(f"'{_escaped(p)}'" for p in self.parts)
        by_name = str(len(self.parts) > 1).lower()
        return f"read_parquet([{paths}], union_by_name = {by_name}, hive_partitioning = false)"

    def _refuse_rounding(self, con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
        if not names:
            return
        largest = ", ".join(f"max(abs(CAST({identifier(n)} AS DOUBLE)))" for n in names)
        found = con.execute(f"SELECT {largest} FROM {self._files()}").fetchall()[0]  # noqa: S608
        for name, size in zip(names, found, strict=True):
            if size is not None and size >= self.limits[name]:
                raise rounds(self._shown, name)


def _escaped(part: Part) -> str:
    """Path as a SQL literal that DuckDB does not take for a pattern."""
    text = os.fspath(part.path.absolute())
    return "".join(f"[{c}]" if c in GLOB else c for c in text).replace("'", "''")


def open_parquet(name: str, parts: tuple[Part, ...], digest: str | None) -> Table:
    """Table of Parquet files with the same columns.

    Raises
    ------
    SourceError
        When a footer is damaged, missing or encrypted, or the parts differ.
    """
    footers = [_footer(part) for part in parts]
    schemas = [(part.shown, schema) for part, (schema, _) in zip(parts, footers, strict=True)]
    first, schema = schemas[0]
    refuse_names(schema.names, first)
    for shown, other in schemas[1:]:
        refuse_names(other.names, shown)
        refuse_other_columns(shown, other.names, first, schema.names)
    fields = {n: [(shown, s.field(n)) for shown, s in schemas] for n in schema.names}
    for column, found in fields.items():
        refuse_kinds(column, found)
    return ParquetTable(
        name=name,
        digest=digest,
        columns={n: _kind([f for _, f in found]) for n, found in fields.items()},
        rows=sum(rows for _, rows in footers),
        parts=parts,
        types=tuple(str(sorted(f"{f.name}: {f.type}" for f in other)) for _, other in schemas),
        casts={n: cast for n, found in fields.items() if (cast := _cast([f for _, f in found])) is not None},
        limits={n: limit for n, found in fields.items() if (limit := _limit([f for _, f in found])) is not None},
    )


def _footer(part: Part) -> tuple[pa.Schema, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(part.path) as file:
            return file.schema_arrow, int(file.metadata.num_rows)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = printable((str(error).splitlines() or ["no reason given"])[0], 120)
        raise SourceError(f"{part.shown} is a damaged or truncated Parquet file ({first}); write it again") from None


def _kind(fields: Sequence[pa.Field]) -> Kind:
    """Kind of a column over all parts: only-missing parts say nothing, and fractions take whole numbers along."""
    import pyarrow as pa

    kinds = {kind_of(f) for f in fields if not pa.types.is_null(f.type)}
    return "float" if kinds == {"integer", "float"} else next(iter(kinds), "text")


def _cast(fields: Sequence[pa.Field]) -> str | None:
    import pyarrow as pa

    if any(is_fraction(f.type) for f in fields):
        return "DOUBLE"
    if any(is_whole(f.type) for f in fields):
        return "BIGINT" if _kind(fields) == "integer" else "DOUBLE"
    if _kind(fields) != "text" or all(is_text(f.type) or pa.types.is_dictionary(f.type) for f in fields):
        return None
    return "VARCHAR"


def _limit(fields: Sequence[pa.Field]) -> float | None:
    """Size from which a column is rounded as a double; None where it cannot be."""
    scales = [f.type.scale for f in fields if is_fraction(f.type)]
    if scales:
        return exact_limit(max(scales))
    return float(EXACT_INTEGER) if {kind_of(f) for f in fields} >= {"integer", "float"} else None
