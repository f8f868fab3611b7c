r"""Patterns of Python's `re`, written so that RE2 finds them in the same texts.

pandas searches as Python does: ``\d``, ``\w`` and ``\s`` know the digits, letters and blanks of all scripts, and ``$``
holds before a last line end. RE2 knows ASCII alone, so these are spelled out character by character. A pattern that
holds anything else on which the two might differ is not translated.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from audit.checks.expectations.compare import is_sql

TOKEN = re.compile(
    r"""\\(?P<escape>.) | (?P<many>\[\^?\]?(?:\\.|[^\]\\\[])*\]) | (?P<end>\$\Z)
    | (?P<same>\(\?: | \((?!\?) | \{\d+(?:,\d*)?\} | [^\\\[\](){}$] | \) )""",
    re.DOTALL | re.VERBOSE,
)
PAIR = re.compile(r"\\(.)|(.)", re.DOTALL)
CONTROLS = "ntrfva"
SURROGATES = range(0xD800, 0xE000)
IN_CLASS: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda c: c.isalnum() or c == "_",
    "s": str.isspace,
}


class _UntoldError(Exception):
    """The two might differ on this pattern."""


def patterns_of(asked: Any) -> tuple[str, ...] | None:
    """Patterns for RE2; None where one of them might be read in another way."""
    if not isinstance(asked, list) or not asked or not all(isinstance(p, str) for p in asked):
        return None
    found = [translated(p) for p in asked]
    return None if None in found else tuple(p for p in found if p is not None)


@lru_cache(maxsize=1024)
def translated(pattern: str) -> str | None:
    r"""Pattern for RE2; None where it might find something else.

    >>> translated("^[A-Z]{2}$")
    '^[A-Z]{2}(?:\\n?\\z)'
    >>> translated(r"(a)\1") is None
    True
    """
    try:
        found = "".join(_tokens(pattern))
    except _UntoldError:
        return None
    return found if is_sql(pattern) and _compile(pattern, found) else None


def _tokens(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        token = TOKEN.match(pattern, at)
        if token is None:
            raise _UntoldError
        at = token.end()
        yield _spelled(token)


def _spelled(token: re.Match[str]) -> str:
    if token["end"]:
        return r"(?:\n?\z)"
    if token["many"]:
        return "".join(_of_class(letter or plain, escaped=bool(letter)) for letter, plain in PAIR.findall(token[0]))
    if token["escape"] is None:
        return token[0]
    letter = token["escape"]
    return f"[{_characters(letter)}]" if letter.lower() in IN_CLASS else _escaped(letter)


def _of_class(letter: str, *, escaped: bool) -> str:
    if not escaped:
        return letter
    return _characters(letter) if letter.lower() in IN_CLASS else _escaped(letter)


def _escaped(letter: str) -> str:
    if (letter.isalnum() and letter not in CONTROLS) or not letter.isascii():
        raise _UntoldError
    return f"\\{letter}"


@lru_cache(maxsize=6)
def _characters(letter: str) -> str:
    """All characters of a class of Python's, as ranges."""
    has, inverted = IN_CLASS[letter.lower()], letter.isupper()
    found: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if code in SURROGATES or has(chr(code)) == inverted:
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in found)


def _compile(pattern: str, translation: str) -> bool:
    """Whether both take it; what one of them refuses is left to raise where it always did."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        re.compile(pattern)
        pc.match_substring_regex(pa.array(["a"]), translation)
    except (re.error, OverflowError, RecursionError, pa.ArrowInvalid):
        return False
    return True
