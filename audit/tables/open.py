"""From what a user names or hands over to a table: a file, a pattern, a folder, an address or a frame.

Must not: guess, download or write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from audit.errors import SourceError, printable
from audit.tables.addresses import is_address
from audit.tables.files import MOST_TEXT_BYTES, Part, make_digest, read_text
from audit.tables.folders import find_parts
from audit.tables.formats.dialect import UNSAID, Dialect
from audit.tables.table import SHOWN_ERROR, Table, make_held_table

if TYPE_CHECKING:
    import pyarrow as pa


def open_table(
    source: str | Path,
    *,
    folder: Path | None = None,
    digested: bool = True,
    engine: str = "duckdb",
    dialect: Dialect = UNSAID,
) -> Table:
    """Open a file or a pattern of files: CSV, TSV, JSON Lines (also .gz), Parquet or Arrow; a folder, or an address.

    Parameters
    ----------
    source
        Path, glob, folder of Parquet files or address of one; all files must have the same columns of the same kinds.
    folder
        What a relative path is relative to; the working folder by default.
    digested
        Whether Parquet files are read whole for their digest; a cluster's are not read on one machine.
    engine
        Who will pass over the rows; what lies at an address is for duckdb alone.
    dialect
        How a CSV is written, where it is not as everywhere.

    Raises
    ------
    SourceError
        When it cannot be read exactly as it stands.
    """
    if is_address(source):
        from audit.tables.remote import open_address

        return open_address(source, engine)
    name = str(source)
    parts = find_parts(source, folder)
    if dialect != UNSAID:
        if parts[0].format not in {"csv", "tsv"}:
            raise SourceError(f"{printable(name, SHOWN_ERROR)} is {parts[0].format}; remove the CSV dialect (csv)")
        parts = tuple(replace(part, dialect=dialect) for part in parts)
    if parts[0].format == "parquet":
        from audit.tables.formats.parquet import open_parquet

        # Footers first: a digest takes as long as a file is large, also of one that is no table.
        opened = open_parquet(name, parts)
        if digested:
            return replace(opened, digest=make_digest(parts))
        return opened
    if parts[0].format == "arrow":
        from audit.tables.formats.arrow import read_arrow

        held, lacking = read_arrow(parts)
        return make_held_table(name, held, make_digest(parts), parts, lacking=lacking)
    held, written, lacking, digest = _read_texts(parts)
    # Its bytes were read once: what happens to the files now changes nothing, unless pandas is to read them as well.
    return make_held_table(name, held, digest, written=written, texts=parts, lacking=lacking)


def open_frame(frame: Any, name: str = "the table") -> Table:
    """Take a frame of pandas, polars, Arrow or PySpark, a mapping of columns, or whatever Narwhals understands.

    Of a lazy frame only the columns of a question are made; rows of PySpark stay where they are.

    Parameters
    ----------
    frame
        Its columns must have different names, equal lengths, equal indexes, and each one type.
    name
        How messages call it.

    Raises
    ------
    SourceError
        Naming the column, and the row where there is one.
    """
    from audit.tables.frames import may_be_lazy, to_arrow

    if may_be_lazy(frame):
        from audit.tables.lazy import make_lazy_table, to_lazy

        lazy = to_lazy(frame)
        if lazy is not None:
            return make_lazy_table(name, lazy)
    return make_held_table(name, to_arrow(frame, name), None, given=frame)


class _Texts(NamedTuple):
    """Rows of text files, how their numbers were written, columns that one lacks, and the digest of their bytes."""

    held: pa.Table
    written: dict[str, pa.ChunkedArray] | None
    lacking: dict[str, str]
    digest: str


def _read_texts(parts: tuple[Part, ...]) -> _Texts:
    from audit.tables.formats.text_types import find_common_columns, type_columns

    digest, room = hashlib.sha256(), MOST_TEXT_BYTES
    read: list[tuple[str, pa.Table]] = []
    for part in parts:
        text = read_text(part, digest, room)
        room -= len(text)
        read.append((part.shown, _read_text(part, text)))
    names, lacking = find_common_columns([(shown, held.column_names) for shown, held in read])
    read = [(shown, held.select(names)) for shown, held in read]
    jsonl = parts[0].format == "jsonl"
    whole, written = (_join_texts(read), None) if jsonl else type_columns(read, parts[0].dialect.decimal)
    return _Texts(whole, written, lacking, f"sha256:{digest.hexdigest()}")


def _read_text(part: Part, text: bytes) -> pa.Table:
    if part.format == "jsonl":
        from audit.tables.formats.jsonl import read_json_lines

        return read_json_lines(text, part.shown)
    from audit.tables.formats.csv import read_csv

    return read_csv(text, part.dialect.find_separator(part.format), part.shown, part.dialect)


def _join_texts(read: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    from audit.tables.formats.arrow import join

    return join(read)[0]
