"""Ends, sets and quantiles of an expectation, where comparing with them means the same to pandas and to DuckDB.

Beyond 2^53 pandas compares some whole numbers as doubles and some exactly; such ends are left to it.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from audit.checks.expectations.answer import Expectation
from audit.counting.columns.figures import Among, Within

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


EXACT = 2**53


def is_exact(value: Any) -> bool:
    """Return whether a value is a number that a double holds, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= EXACT


@dataclass(frozen=True, slots=True)
class Bounds:
    """Two ends, at least one of which is there."""

    low: float | None
    high: float | None
    strict_low: bool = False
    strict_high: bool = False

    def within(self, *, length: bool = False) -> Within:
        """Return the same as a condition on a value, or on its length."""
        return Within(self.low, self.high, self.strict_low, self.strict_high, length)

    def hold(self, value: float) -> bool:
        """Return whether a number lies between them."""
        above = self.low is None or (value > self.low if self.strict_low else value >= self.low)
        below = self.high is None or (value < self.high if self.strict_high else value <= self.high)
        return above and below

    def surely_hold(self, value: float, off_by: float) -> bool | None:
        """Return the same of a number that may be off; None where that could decide."""
        ends = (end for end in (self.low, self.high) if end is not None)
        if off_by and not all(abs(value - end) > off_by for end in ends):
            return None
        return self.hold(value)


def bounds_of(expectation: Expectation) -> Bounds | None:
    """Return the ends of an expectation; None where they are no plain numbers, or the wrong way round."""
    low, high = expectation.kwargs.get("min_value"), expectation.kwargs.get("max_value")
    ends = [end for end in (low, high) if end is not None]
    if not ends or not all(map(is_exact, ends)) or ends[0] > ends[-1]:
        return None
    strict = [expectation.kwargs.get(key) or False for key in ("strict_min", "strict_max")]
    if not all(isinstance(s, bool) for s in strict):
        return None
    return Bounds(low, high, *strict)


def texts_of(values: Any) -> Among | None:
    """Set of texts; None where it holds anything else, or what SQL cannot spell."""
    if not isinstance(values, list) or not values or not all(isinstance(v, str) and _is_sql(v) for v in values):
        return None
    return Among(tuple(dict.fromkeys(values)))


def _is_sql(text: str) -> bool:
    """Return whether a text can stand in a query: no NUL, no half of a character."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def numbers_of(values: Any) -> Among | None:
    """Set of numbers; None where it holds anything else."""
    if not isinstance(values, list) or not values or not all(map(is_exact, values)):
        return None
    return Among(tuple(dict.fromkeys(values)))


@dataclass(frozen=True, slots=True)
class _QuantileRange:
    """Where a quantile must lie; no end is infinite."""

    share: float
    low: float | None
    high: float | None

    def met(self, around: Sequence[float], people: int) -> bool | None:
        """Return whether the value at the nearest place is within, or close to an end, as Great Expectations has it.

        Halfway between two places rounding decides which is nearer; None where they differ.
        """
        at = (people - 1) * self.share
        over = at - math.floor(at)
        near = around if abs(over - 0.5) < HALFWAY else [around[int(over > 0.5)]]
        if not all(abs(value) <= EXACT for value in near):
            return None
        said = {self._holds(value) for value in near}
        return said.pop() if len(said) == 1 else None

    def _holds(self, value: float) -> bool:
        close = any(
            abs(value - end) <= ABSOLUTE + RELATIVE * abs(end) for end in (self.low, self.high) if end is not None
        )
        return close or Bounds(self.low, self.high).hold(value)


HALFWAY = 1e-6
RELATIVE, ABSOLUTE = 1e-4, 1e-8
"""What Great Expectations calls close."""


def quantile_ranges(expectation: Expectation) -> tuple[_QuantileRange, ...] | None:
    """Return quantiles at the nearest place; None where another rule is asked, or something is no number."""
    asked = expectation.kwargs.get("quantile_ranges")
    if not isinstance(asked, dict) or expectation.kwargs.get("allow_relative_error"):
        return None
    shares: Any = asked.get("quantiles")
    ranges: Any = asked.get("value_ranges")
    if not _is_list_of(shares, _is_share) or not _is_list_of(ranges, _is_range) or len(shares) != len(ranges):
        return None
    return tuple(_QuantileRange(share, *ends) for share, ends in zip(shares, ranges, strict=True))


def _is_list_of(values: Any, of: Callable[[Any], bool]) -> bool:
    return isinstance(values, list) and bool(values) and all(map(of, values))


def _is_share(value: Any) -> bool:
    return is_exact(value) and 0 <= value <= 1


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(end is None or is_exact(end) for end in value)


# Patterns of Python's `re`, written so that RE2 finds them in the same texts.
#
# pandas searches as Python does: ``\d``, ``\w`` and ``\s`` know the digits, letters and blanks of all scripts, and
# ``$`` holds before a last line end. RE2 knows ASCII alone, so these are spelled out character by character. A
# pattern that holds anything else on which the two might differ is not translated.
class _UntoldError(Exception):
    """The two might differ on this pattern."""


def patterns_of(asked: Any) -> tuple[str, ...] | None:
    """Return patterns for RE2; None where one of them might be read in another way."""
    if not isinstance(asked, list) or not asked or not all(isinstance(p, str) for p in asked):
        return None
    found = [translate(p) for p in asked]
    if None in found:
        return None
    return tuple(p for p in found if p is not None)


@lru_cache(maxsize=1024)
def translate(pattern: str) -> str | None:
    r"""Return a pattern for RE2; None where it might find something else.

    >>> translate("^[A-Z]{2}$")
    '^[A-Z]{2}(?:\\n?\\z)'
    >>> translate(r"(a)\1") is None
    True
    """
    try:
        found = "".join(_read_tokens(pattern))
    except _UntoldError:
        return None
    if _is_sql(pattern) and _compile(pattern, found):
        return found
    return None


def _read_tokens(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        token = TOKEN.match(pattern, at)
        if token is None:
            raise _UntoldError
        at = token.end()
        yield _spell_token(token)


def _spell_token(token: re.Match[str]) -> str:
    if token["end"]:
        return r"(?:\n?\z)"
    if token["many"]:
        return "".join(_spell_class(letter or plain, escaped=bool(letter)) for letter, plain in PAIR.findall(token[0]))
    if token["escape"] is None:
        return token[0]
    letter = token["escape"]
    if letter.lower() in IN_CLASS:
        return f"[{_list_characters(letter)}]"
    return _escape_character(letter)


def _spell_class(letter: str, *, escaped: bool) -> str:
    if not escaped:
        return letter
    if letter.lower() in IN_CLASS:
        return _list_characters(letter)
    return _escape_character(letter)


def _escape_character(letter: str) -> str:
    if (letter.isalnum() and letter not in CONTROLS) or not letter.isascii():
        raise _UntoldError
    return f"\\{letter}"


@lru_cache(maxsize=6)
def _list_characters(letter: str) -> str:
    """Return all characters of a class of Python's, as ranges."""
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
    """Return whether both take it; what one of them refuses is left to raise where it always did."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        re.compile(pattern)
        pc.match_substring_regex(pa.array(["a"]), translation)
    except (re.error, OverflowError, RecursionError, pa.ArrowInvalid):
        return False
    return True
