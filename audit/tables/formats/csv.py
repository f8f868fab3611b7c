"""CSV and TSV, read strictly: every cell is text until a whole column says otherwise.

An unquoted empty cell is missing, a quoted one is empty text; NA, None and null are words. A row of the wrong length, a
stray quote or a byte that is not UTF-8 is refused with its line, because a lenient reader would shift or drop rows.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from audit.errors import SourceError, printable
from audit.tables.files import BOM
from audit.tables.formats.dialect import UNSAID, Dialect, decode_text, suggest_option
from audit.tables.kinds import refuse_names

if TYPE_CHECKING:
    import pyarrow as pa


LONGEST_ROW_BYTES = 2**24
LONGEST_HEADER_BYTES = 2**22
STEP_BYTES = 2**24
# One record of RFC 4180: runs without quotes and whole quoted parts, then a line end or the end of the text.
# Possessive quantifiers (++, *+) never go back, so that a record of any length takes linear time.
RECORD = re.compile(rb'(?:[^"\r\n]++|"(?:[^"]++|"")*+")*+(?:\r\n|\n|\r|\Z)')
# A quoted part as a whole: a doubled quote inside does not end it.
QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')
# A line end right after another, whatever ends lines; the search begins with the line end before the first row.
BLANK = re.compile(rb"\n[\r\n]|\r\r")
# Order matters: the mark of UTF-32 begins with that of UTF-16.
UTF16 = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
SAID = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def read_csv(data: bytes, separator: str, shown: str, dialect: Dialect = UNSAID) -> pa.Table:
    """Return the table of text columns.

    Parameters
    ----------
    data
        The whole file.
    separator
        What parts the cells.
    shown
        How messages call the file.
    dialect
        How else the file is written, as its owner says.

    Raises
    ------
    SourceError
        When the text is not a table, with the line at fault.
    """
    ending = "tsv" if separator == "\t" and dialect.separator is None else "csv"
    # Order matters: each step takes for granted what the one before has refused. Bytes are text before quotes are
    # looked at, quotes are well formed before cells are parted, and the header says how wide a row is.
    given, data = data, decode_text(data, dialect, shown)
    option = partial(suggest_option, given, dialect, ending)
    refuse_encoding(data, shown, option)
    start = len(BOM) if data.startswith(BOM) else 0
    if not data[start:].strip():
        raise SourceError(f"{shown} is empty (no header and no columns); write the table again")
    _refuse_quotes(data, start, separator, shown)
    names, body = _read_header(data, start, separator, shown, option)
    return _read_body(data, body, names, separator, shown)


def refuse_encoding(data: bytes, shown: str, option: Callable[[], str | None] = lambda: None) -> None:
    """Refuse text that is not UTF-8 without NUL, naming the first byte that is not, and what would read it."""

    def mend() -> str:
        said = option()
        if said is None:
            return "save it as UTF-8"
        return f"read it with {said}, or save it as UTF-8"

    for mark, encoding in UTF16.items():
        if data.startswith(mark):
            raise SourceError(f"{shown} is {encoding} text, not UTF-8; {mend()}")
    nul = data.find(b"\0")
    if nul >= 0:
        hint = "it looks like UTF-16: save it as UTF-8" if nul < 4 else "remove it, or write the table as Parquet"
        raise SourceError(
            f"{shown} has a NUL byte at byte {nul} (line {_count_line(data, nul)}), so it is not text; {hint}"
        )
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    for at in range(0, len(data), STEP_BYTES):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(view[at : at + STEP_BYTES], final=at + STEP_BYTES >= len(data))
        except UnicodeDecodeError as error:
            # A character that the step before cut in two is counted from there.
            byte = at - held + error.start
            raise SourceError(
                f"{shown} is not UTF-8 text: byte {byte} (line {_count_line(data, byte)}) cannot be decoded; {mend()}"
            ) from None


def _count_line(data: bytes, at: int) -> int:
    """Return the line number of a byte, counted from 1, whatever ends the lines."""
    return 1 + data.count(b"\n", 0, at) + data.count(b"\r", 0, at) - data.count(b"\r\n", 0, at)


def _refuse_quotes(data: bytes, start: int, separator: str, shown: str) -> None:
    """Refuse a quote that neither opens nor closes a whole cell, and one that is never closed.

    By parity, every first quote of a pair follows a separator, a line end or a quote, and every second one is
    followed by one.
    """
    if b'"' not in data:
        return
    import numpy as np

    edge = np.zeros(256, dtype=bool)
    edge[list(f'{separator}\r\n"'.encode())] = True
    text = np.frombuffer(data, dtype=np.uint8)
    parity, last = 0, 0
    for at in range(start, len(data), STEP_BYTES):
        # By turns a quote opens and closes; after an odd number of them the first one here closes.
        where = np.flatnonzero(text[at : at + STEP_BYTES] == ord('"')) + at
        opens, closes = where[parity::2], where[1 - parity :: 2]
        opens_bad = opens[(opens > start) & ~edge[text[opens - 1]]]
        inside = closes[closes + 1 < len(data)]
        closes_bad = inside[~edge[text[inside + 1]]]
        if opens_bad.size or closes_bad.size:
            byte = int(min([*opens_bad[:1], *closes_bad[:1]]))
            raise SourceError(
                f"{shown}: a stray quote in line {_count_line(data, byte)}; quote the whole cell, and double each "
                'quote in it ("")'
            )
        last = int(opens[-1]) if opens.size else last
        parity = (parity + where.size) % 2
    if parity:
        raise SourceError(
            f"{shown}: the quote opened in line {_count_line(data, last)} is not closed; the file may be truncated"
        )


def _read_header(
    data: bytes, start: int, separator: str, shown: str, option: Callable[[], str | None]
) -> tuple[list[str], int]:
    """Return column names, and where the rows begin."""
    found = RECORD.match(data, start, start + LONGEST_HEADER_BYTES)
    if found is None or found.end() == start + LONGEST_HEADER_BYTES:
        raise SourceError(
            f"{shown}: line 1 is longer than {LONGEST_HEADER_BYTES:,} bytes, so it cannot be a header; add one"
        )
    raw = found.group().rstrip(b"\r\n").decode()
    names = _split_cells(raw, separator)
    other = next((c for c in SAID if c != separator and len(names) == 1 and c in raw), None)
    if other is not None:
        ending = ", or name it .tsv" if other == "\t" and separator == "," else ""
        raise SourceError(
            f"{shown}: columns are separated by {SAID[other]}, and {_describe_separator(separator)} are parsed; "
            f"read it with {option()}, or save the table with {_describe_separator(separator)} "
            f"(and decimal points){ending}"
        )
    refuse_names(names, shown)
    return names, found.end()


def _split_cells(raw: str, separator: str) -> list[str]:
    """Return cells of one record; its quotes are known to be well formed."""
    before = csv.field_size_limit(LONGEST_HEADER_BYTES)
    try:
        return next(csv.reader([raw], delimiter=separator, strict=True), [""])
    finally:
        csv.field_size_limit(before)


def _read_body(data: bytes, body: int, names: list[str], separator: str, shown: str) -> pa.Table:
    import pyarrow as pa

    # Line ends at the end of the file are no rows.
    end = body + len(data[body:].rstrip(b"\r\n"))
    if end == body:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    # Without quotes a blank line shows in the bytes. With them it may lie inside a cell; then Arrow reads the text
    # twice, and a row that only one of both readings has is blank.
    if b'"' not in data and (blank := BLANK.search(data, body - 1, end)):
        raise _make_blank_error(data, blank.start() + 1, shown)
    try:
        table = _parse_rows(data, body, end, names, separator, ignore_empty_lines=False)
    except pa.ArrowInvalid as error:
        raise _find_ragged(data, body, end, len(names), separator, shown) or _make_parse_error(error, shown) from None
    if BLANK.search(data, body - 1, end):
        whole = _parse_rows(data, body, end, names, separator, ignore_empty_lines=True)
        if whole.num_rows != table.num_rows:
            raise _find_ragged(data, body, end, len(names), separator, shown) or _make_blank_error(data, body, shown)
    return table


def _parse_rows(
    data: bytes, body: int, end: int, names: list[str], separator: str, *, ignore_empty_lines: bool
) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    return arrow_csv.read_csv(
        pa.BufferReader(pa.py_buffer(data).slice(body, end - body)),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=LONGEST_ROW_BYTES),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=b'"' in data, ignore_empty_lines=ignore_empty_lines
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            # An empty cell is missing, unless it is quoted; no word is.
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _find_ragged(data: bytes, body: int, end: int, width: int, separator: str, shown: str) -> SourceError | None:
    """Return the error for the first row that has not as many fields as the header; None if all have."""
    at, mark = body, separator.encode()
    while at < end:
        found = RECORD.match(data, at, end)
        if found is None or found.end() == at:
            return None
        record = found.group().rstrip(b"\r\n")
        if not record:
            return _make_blank_error(data, at, shown)
        # A separator inside quotes parts nothing.
        fields = QUOTED.sub(b"", record).count(mark) + 1
        if fields != width:
            return SourceError(
                f"{shown}: line {_count_line(data, at)} has {_count_words(fields, 'field')} where the header has "
                f"{_count_words(width, 'column')}; correct the row, and quote cells that contain "
                f"{_describe_separator(separator)}"
            )
        at = found.end()
    return None


def _describe_separator(separator: str) -> str:
    return SAID.get(separator, f"'{separator}'")


def _count_words(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _make_blank_error(data: bytes, at: int, shown: str) -> SourceError:
    return SourceError(f"{shown}: line {_count_line(data, at)} is blank; remove it")


def _make_parse_error(error: Exception, shown: str) -> SourceError:
    text = str(error).splitlines()[0]
    # Words of Arrow where a row does not fit into one block: "straddling object straddles two block boundaries".
    if "straddl" in text or "block" in text:
        return SourceError(f"{shown}: a row is longer than {LONGEST_ROW_BYTES:,} bytes; write the table as Parquet")
    return SourceError(f"{shown} cannot be parsed: {printable(text, 120)}; write the table again")
