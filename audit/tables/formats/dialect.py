"""How a CSV of an office is written: what parts its cells, what stands before the places of a fraction, its encoding.

It is said, never guessed. Must not: look at a file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.errors import QuestionError, no_such, printable

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
