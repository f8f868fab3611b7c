"""Arrow and Feather files, mapped into memory, and parts of one table put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audit.engines.kinds import kind_of, refuse_names
from audit.engines.sources import Part
from audit.engines.text_types import refuse_other_columns, refuse_unlike
from audit.errors import SourceError, printable

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC = b"ARROW1"
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def read_arrow(parts: Sequence[Part]) -> pa.Table:
    """Rows of Arrow IPC files or streams, checked before any of them is used.

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
        magic = source.read(len(MAGIC))
        source.seek(0)
        if magic != MAGIC:
            _refuse_open_end(source, part.shown)
        reader = ipc.open_file(source) if magic == MAGIC else ipc.open_stream(source)
        held = reader.read_all()
        held.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first = printable((str(error).splitlines() or ["no reason given"])[0], 120)
        raise SourceError(f"{part.shown} is a damaged or truncated Arrow file ({first}); write it again") from None
    refuse_names(held.column_names, part.shown)
    return held


def _refuse_open_end(source: pa.MemoryMappedFile, shown: str) -> None:
    """Refuse a stream without its end mark: what was cut off at a batch would be lost without a word."""
    size = source.size()
    source.seek(max(0, size - len(END_OF_STREAM)))
    if source.read(len(END_OF_STREAM)) != END_OF_STREAM:
        raise SourceError(f"{shown} is an Arrow stream without its end mark, so it may be truncated; write it again")
    source.seek(0)


def join(read: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """Parts of one table, one after another.

    Raises
    ------
    SourceError
        When a part has other columns, or a column of another kind, than the first.
    """
    import pyarrow as pa

    first, whole = read[0]
    if len(read) == 1:
        return whole
    names = whole.column_names
    for shown, part in read[1:]:
        refuse_other_columns(shown, part.column_names, first, names)
    for name in names:
        refuse_kinds(name, [(shown, part.schema.field(name)) for shown, part in read])
    try:
        return pa.concat_tables([part.select(names) for _, part in read], promote_options="permissive")
    except pa.ArrowException as error:
        why = printable(str(error).splitlines()[0], 120)
        raise SourceError(f"{first}: the parts cannot be put together ({why}); write them with one schema") from None


def refuse_kinds(name: str, fields: Sequence[tuple[str, pa.Field]]) -> None:
    """Refuse a column of different kinds; whole numbers go with fractions, and only-missing goes with all."""
    import pyarrow as pa

    found: dict[str, str] = {shown: kind_of(f) for shown, f in fields if not pa.types.is_null(f.type)}
    if set(found.values()) != {"integer", "float"}:
        refuse_unlike(name, found)
