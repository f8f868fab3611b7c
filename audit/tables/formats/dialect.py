"""How a CSV of an office is written: what parts its cells, what stands before the places of a fraction, its encoding.

It is said, never guessed. Must not: look at a file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from audit.errors import QuestionError, SourceError, no_such, printable

# Control characters that no table holds: what Latin-1 makes of the quotes and dashes of cp1252.
C1 = re.compile("[\x80-\x9f]")
SAMPLE_BYTES = 2**16
# Numbers as a whole cell has them: 1,5; then 12.5 %; then groups of three digits (1,234.5; 1'234; 1 234,5); then
# plain ones.
COMMA_NUMBER = re.compile(r"-?\d+,\d+")
PERCENT = re.compile(r"-?\d+([.,]\d+)?\s?%")
THOUSANDS = re.compile(r"-?\d{1,3}([.,'\u2019\s]\d{3})+([.,]\d+)?")
PLAIN = re.compile(r"-?\d+([.]\d+)?")


KEYS = ("separator", "decimal", "encoding")
# A value may be a comma or hold one, so it ends only where the next known key begins, or at the end. An unknown key
# is matched too, to be refused by name.
PAIR = re.compile(rf"\s*({'|'.join(KEYS)}|\w+)\s*=(.*?)(?=,\s*(?:{'|'.join(KEYS)})\s*=|\Z)(?:,|\Z)", re.DOTALL)
WORDS = {"tab": "\t", "\\t": "\t", "semicolon": ";", "comma": ",", "pipe": "|", "space": " ", "point": "."}
REFUSED = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7", "mbcs", "oem"}
EXAMPLE = "separator=;,decimal=,,encoding=latin-1"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is not as a CSV has it by default; None asks for the default."""

    separator: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        object.__setattr__(self, "separator", _mark("separator", self.separator))
        object.__setattr__(self, "decimal", _mark("decimal", self.decimal) or ".")
        if self.decimal not in {".", ","}:
            raise QuestionError(f"decimal is '{printable(self.decimal)}'; give a point or a comma")
        if self.separator == self.decimal:
            raise QuestionError(
                f"separator and decimal are both '{printable(self.decimal)}', which is ambiguous; change one of them"
            )
        object.__setattr__(self, "encoding", _require_encoding(self.encoding))

    def find_separator(self, ending: str) -> str:
        """Return what parts the cells of a file, by its ending where that is not said.

        Raises
        ------
        QuestionError
            When that is the decimal mark too.
        """
        mark = self.separator or ("\t" if ending == "tsv" else ",")
        if mark == self.decimal:
            raise QuestionError('decimal and separator are both a comma; add the separator ("separator=;")')
        return mark

    @property
    def text(self) -> str:
        """As it is written on a command line."""
        return ",".join(f"{k}={v}" for k, v in self.table.items())

    @property
    def table(self) -> dict[str, str]:
        """As it is written in a file."""
        encoding = {"utf-8": None, "iso8859-1": "latin-1"}.get(self.encoding, self.encoding)
        said = {
            "separator": self.separator,
            "decimal": None if self.decimal == "." else self.decimal,
            "encoding": encoding,
        }
        return {k: "tab" if v == "\t" else v for k, v in said.items() if v is not None}


def _mark(key: str, value: str | None) -> str | None:
    """Return one character that can part cells or places."""
    if value is None:
        return None
    mark = WORDS.get(value.strip().lower() or value, value)
    if len(mark) != 1 or mark in '"\r\n\0' or mark.isalnum() or (key == "separator" and mark in "-+"):
        raise QuestionError(
            f"{key} is '{printable(value)}'; give one character such as ; or tab, not a letter, digit or quote"
        )
    if not mark.isascii():
        raise QuestionError(f"{key} is '{printable(value)}', which is not ASCII; give a character such as ;")
    return mark


def _require_encoding(name: str) -> str:
    """Return the name of a text encoding, as Python has it."""
    try:
        found = codecs.lookup(name.strip())
    except (LookupError, ValueError, TypeError):
        known = ("utf-8", "latin-1", "cp1252", "iso8859-15", "utf-16", "cp1250", "mac-roman", "shift_jis")
        raise QuestionError(f"encoding: {no_such('encoding', name, known)}") from None
    if not getattr(found, "_is_text_encoding", True) or found.name.replace("_", "-") in {
        r.replace("_", "-") for r in REFUSED
    }:
        raise QuestionError(f"encoding '{printable(name)}' is not a text encoding; give one such as latin-1 or cp1252")
    if found.name in {"utf-8", "utf-8-sig"}:
        return "utf-8"
    return found.name


UNSAID = Dialect()


def make_dialect(given: str | Mapping[str, Any] | None) -> Dialect:
    """Return the dialect from the text of an option, or from a table.

    >>> make_dialect("separator=;,decimal=,,encoding=latin-1")
    Dialect(separator=';', decimal=',', encoding='iso8859-1')

    Raises
    ------
    QuestionError
        When it is none; it shows how one is written.
    """
    if given is None:
        return UNSAID
    if isinstance(given, str):
        given = _split_pairs(given)
    if not isinstance(given, Mapping):
        raise QuestionError(f'csv is of type {type(given).__name__}; write it as "{EXAMPLE}", or as a table of these')
    for key, value in given.items():
        if key not in KEYS:
            raise QuestionError(f'csv: {no_such("key", key, KEYS)}; write it as "{EXAMPLE}"')
        if not isinstance(value, str) or not value:
            raise QuestionError(f'csv: {key} must be text, not {printable(repr(value), 40)}; write it as "{EXAMPLE}"')
    return Dialect(**given)


def _split_pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text) and (one := PAIR.match(text, at)) is not None and one.end() > at:
        if one[1] in found:
            raise QuestionError(f"--csv '{printable(text)}' gives {one[1]} twice; give it once")
        found[one[1]] = one[2]
        at = one.end()
    if at < len(text) or not found:
        raise QuestionError(f"--csv '{printable(text)}' cannot be read; write it as \"{EXAMPLE}\"")
    return found


def say(dialect: Dialect) -> str:
    """Return how to ask for a dialect, on the command line and in a file."""
    table = ", ".join(f'{key} = "{value}"' for key, value in dialect.table.items())
    return f'--csv "{dialect.text}" (in audit.toml csv = {{ {table} }})'


# Text in whatever encoding its owner says, and what would read one that is refused. How a file is written is never
# guessed; a guess is only ever a mend in a message.
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
