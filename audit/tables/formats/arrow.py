"""Arrow and Feather files, mapped into memory, and parts of one table put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audit.errors import SourceError, printable
from audit.tables.files import Part
from audit.tables.formats.text_types import find_common_columns, refuse_unlike
from audit.tables.kinds import find_kind, refuse_names

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC = b"ARROW1"
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def read_arrow(parts: Sequence[Part]) -> tuple[pa.Table, dict[str, str]]:
    """Return rows of Arrow IPC files or streams, checked before any of them is used, and which part lacks a column.

    Raises
    ------
    SourceError
        When a file is truncated or its buffers do not hold what its schema says.
    """
    return join([(part.shown, _read(part)) for part in parts])


def _read(part: Part) -> pa.Table:
    import pyarrow as pa
    from pyarrow import ipc

    try:
        source = pa.memory_map(str(part.path))
        held = ipc.open_file(source).read_all() if _has_file_format(source) else _stream(source, part.shown)
        held.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = printable((str(error).splitlines() or ["no reason given"])[0], 120)
        raise SourceError(f"{part.shown} is a damaged or truncated Arrow file ({first}); write it again") from None
    refuse_names(held.column_names, part.shown)
    return held


def _has_file_format(source: pa.MemoryMappedFile) -> bool:
    """Return whether this is the file format, which has a footer, and not the stream format."""
    begins = source.read(len(MAGIC)) == MAGIC
    source.seek(0)
    return bool(begins)


def _stream(source: pa.MemoryMappedFile, shown: str) -> pa.Table:
    """Return rows of a stream that ends in its end mark and nowhere before.

    What is cut off would be lost without a word.
    """
    from pyarrow import ipc

    held = ipc.open_stream(source).read_all()
    read, size = source.tell(), source.size()
    source.seek(max(0, size - len(END_OF_STREAM)))
    if read != size or source.read(len(END_OF_STREAM)) != END_OF_STREAM:
        raise SourceError(
            f"{shown} is an Arrow stream without its end mark at its end: it is truncated; write it again"
        )
    return held


def join(read: Sequence[tuple[str, pa.Table]]) -> tuple[pa.Table, dict[str, str]]:
    """Return parts of one table, one after another; of their columns those that all have, and which part lacks another.

    Raises
    ------
    SourceError
        When no column is in all parts, or one is of another kind in one of them.
    """
    import pyarrow as pa

    first, whole = read[0]
    if len(read) == 1:
        return whole, {}
    names, lacking = find_common_columns([(shown, part.column_names) for shown, part in read])
    for name in names:
        refuse_kinds(name, [(shown, part.schema.field(name)) for shown, part in read])
    floats = {n for n in names if {find_kind(part.schema.field(n)) for _, part in read} >= {"integer", "float"}}
    try:
        widened = [_widen(part.select(names), floats) for _, part in read]
        return pa.concat_tables(widened, promote_options="permissive"), lacking
    except pa.ArrowException as error:
        why = printable(str(error).splitlines()[0], 120)
        raise SourceError(f"{first}: the parts cannot be put together ({why}); write them with one schema") from None


def _widen(part: pa.Table, floats: set[str]) -> pa.Table:
    """Turn whole numbers of a part into doubles where other parts have fractions.

    Arrow refuses those it would round.
    """
    import pyarrow as pa

    for name in floats:
        at = part.column_names.index(name)
        if pa.types.is_integer(part.column(at).type):
            part = part.set_column(at, name, part.column(at).cast(pa.float64()))
    return part


def refuse_kinds(name: str, fields: Sequence[tuple[str, pa.Field]]) -> None:
    """Refuse a column of different kinds; whole numbers go with fractions, and only-missing goes with all."""
    import pyarrow as pa

    found: dict[str, str] = {shown: find_kind(f) for shown, f in fields if not pa.types.is_null(f.type)}
    if set(found.values()) != {"integer", "float"}:
        refuse_unlike(name, found)
