"""Text of a CSV in whatever encoding its owner says, and what would read one that is refused.

Must not: guess how a file is written; a guess is only ever a mend in a message.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from itertools import chain

from audit.errors import SourceError
from audit.tables.formats.dialect import Dialect, say

# Control characters that no table holds: what Latin-1 makes of the quotes and dashes of cp1252.
C1 = re.compile("[\x80-\x9f]")
SAMPLE_BYTES = 2**16
# Numbers as a whole cell has them: 1,5; then 12.5 %; then groups of three digits (1,234.5; 1'234; 1 234,5); then
# plain ones.
COMMA_NUMBER = re.compile(r"-?\d+,\d+")
PERCENT = re.compile(r"-?\d+([.,]\d+)?\s?%")
THOUSANDS = re.compile(r"-?\d{1,3}([.,'\u2019\s]\d{3})+([.,]\d+)?")
PLAIN = re.compile(r"-?\d+([.]\d+)?")


def decode_text(data: bytes, dialect: Dialect, shown: str) -> bytes:
    """Return the same text as UTF-8.

    Raises
    ------
    SourceError
        When a byte is none of the encoding, or the text has characters that only another encoding would give.
    """
    if dialect.encoding == "utf-8":
        return data
    _refuse_other(data, dialect.encoding, shown)
    try:
        text = data.decode(dialect.encoding)
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise SourceError(
            f"{shown} is not {dialect.encoding} text: byte {error.start} (line {line}) cannot be decoded; name the "
            "encoding that it was saved in"
        ) from None
    odd = C1.search(text)
    if odd is not None:
        line = 1 + text.count("\n", 0, odd.start())
        hint = "; it was saved as cp1252: say encoding=cp1252" if dialect.encoding == "iso8859-1" else ""
        raise SourceError(
            f"{shown} has a control character (\\x{ord(odd[0]):02x}) in line {line} when it is read as "
            f"{dialect.encoding}, which tables do not contain{hint or '; name the encoding that it was saved in'}"
        )
    return text.removeprefix("\ufeff").encode()


def _refuse_other(data: bytes, encoding: str, shown: str) -> None:
    """Refuse text that an encoding would read without complaint as other text."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))
    if encoding in {"utf-16", "utf-32"}:
        if not marked:
            raise SourceError(f"{shown} does not begin as {encoding} text does; name the encoding that it was saved in")
        return
    if encoding.startswith(("utf-16", "utf-32")) or data.isascii():
        return
    try:
        data.decode()
    except UnicodeDecodeError:
        return
    raise SourceError(f"{shown} is UTF-8 text, which {encoding} would read as other letters; remove the encoding")


def describe_numbers(texts: Sequence[str], given: Dialect | None) -> str:
    """Return how numbers of a column are written that are text, and what would read them; empty where they are none.

    Parameters
    ----------
    texts
        Of the column.
    given
        How its file is said to be written; None where the rows are not of a CSV.
    """
    shapes = {"decimal commas": COMMA_NUMBER, "percent signs": PERCENT, "thousands separators": THOUSANDS}
    cells = [text.strip() for text in texts]
    what = next((what for what, shape in shapes.items() if _are_numbers(cells, shape)), None)
    if what is None:
        return ""
    if what != "decimal commas" or given is None or given.separator == ",":
        return f"; its numbers have {what}, so write plain ones"
    return f"; its numbers have {what}: read it with {say(Dialect(given.separator, ',', given.encoding))}"


def _are_numbers(cells: Sequence[str], shape: re.Pattern[str]) -> bool:
    """Return whether all are numbers, and some of this shape."""
    return any(map(shape.fullmatch, cells)) and all(shape.fullmatch(c) or PLAIN.fullmatch(c) for c in cells)


def suggest_option(data: bytes, given: Dialect, ending: str) -> str | None:
    """Return what would read a file that is refused, as the option and the section.

    None where nothing that is known would.
    """
    encoding = _suggest_encoding(data, given)
    try:
        text = data[:SAMPLE_BYTES].decode(encoding, "ignore").removeprefix("\ufeff")
    except LookupError:
        return None
    lines = [line for line in text.splitlines()[:50] if line]
    mark = _suggest_separator(lines, given.separator or ("\t" if ending == "tsv" else ","))
    cells = chain.from_iterable(line.split(mark) for line in lines[1:])
    commas = mark != "," and any(COMMA_NUMBER.fullmatch(cell.strip().strip('"')) for cell in cells)
    default = "\t" if ending == "tsv" else ","
    seen = Dialect(None if mark == default else mark, "," if commas else given.decimal, encoding)
    return None if seen == given else say(seen)


def _suggest_encoding(data: bytes, given: Dialect) -> str:
    # Order matters: the mark of UTF-32 begins with that of UTF-16.
    for mark, name in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return name
    if given.encoding != "utf-8":
        return given.encoding
    try:
        data.decode()
    except UnicodeDecodeError:
        # Bytes 80 to 9f are letters and quotes in cp1252, and control characters in Latin-1.
        return "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"
    return "utf-8"


def _suggest_separator(lines: list[str], given: str) -> str:
    """Return what parts the first line, and as often the others, where the mark that was given does not."""
    if not lines or given in lines[0]:
        return given
    counts = {mark: {line.count(mark) for line in lines[:10]} for mark in ";\t|,"}
    steady = [mark for mark, found in counts.items() if len(found) == 1 and found != {0}]
    return next(iter(steady), next((mark for mark in ";\t|" if mark in lines[0]), given))
