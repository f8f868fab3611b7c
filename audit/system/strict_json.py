"""JSON, read strictly: the one place that says what is refused, whatever the document is for.

A key that stands twice, NaN, Infinity and a number too large to be one are refused; so is a file that is too large, or
no UTF-8 text. What an error means for the reader's document, and its mend, the reader says.

Must not: import anything heavy; the gate pays for this module.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NoReturn

from audit.errors import printable

Fault = Literal["twice", "constant", "infinite", "whole", "rounded", "absent", "kind", "large", "encoding"]
SENTENCES: dict[Fault, str] = {
    "twice": "key '{}' is twice in one object; keep one",
    "constant": "{} is not a JSON number; write a finite number, or null for none",
    "infinite": "{} is too large for a number",
    "whole": "{} is a whole number beyond 64 bits",
    "rounded": "{} would be rounded to another number",
    "absent": "{} is not a file",
    "kind": "{} is not a regular file",
    "large": "it has {} bytes",
    "encoding": "byte {} is not UTF-8",
}
LONGEST_WHOLE = 20
EXACT = 2.0**53
"""From here on a float no longer holds every whole number."""
SHOWN = 30


class NotStrictError(ValueError):
    """What strict JSON does not allow: the kind of fault, and what is at fault."""

    def __init__(self, fault: Fault, what: object) -> None:
        self.fault, self.what = fault, what
        super().__init__(SENTENCES[fault].format(what))


def read_text(file: Path, most_bytes: int, *, mark: bool = False) -> str:
    """Return text of a file of bounded size.

    Parameters
    ----------
    mark
        Let a byte order mark before the text through, and leave it out.

    Raises
    ------
    NotStrictError
        It is no regular file, too large, or not UTF-8.
    OSError
        The system does not let us read it.
    """
    if not file.is_file():
        raise NotStrictError("kind" if file.exists() and not file.is_dir() else "absent", printable(file, 200))
    size = file.stat().st_size
    if size > most_bytes:
        raise NotStrictError("large", f"{size:,}")
    try:
        return file.read_bytes().decode("utf-8-sig" if mark else "utf-8")
    except UnicodeDecodeError as error:
        raise NotStrictError("encoding", f"{error.start:,}") from None


def make_decoder(*, whole: bool = False, infinite: bool = False, constants: bool = False) -> json.JSONDecoder:
    """Return the strict decoder.

    Parameters
    ----------
    whole
        Refuse what no column of 64 bits holds: whole numbers beyond that, and digits that are lost.
    infinite
        Let 1e999 through, for a reader that names its place itself.
    constants
        Let NaN and Infinity through, for documents in which a number may be none.
    """
    read_float = _require_kept if whole else _require_finite
    return json.JSONDecoder(
        object_pairs_hook=_require_unique,
        parse_constant=None if constants else _refuse_constant,
        parse_float=float if infinite else read_float,
        parse_int=_parse_whole if whole else int,
    )


def read_value(document: str, *, infinite: bool = False) -> Any:
    """Return the value of a document.

    Raises
    ------
    ValueError
        `NotStrictError`, or the decoder's own where it is no JSON at all.
    RecursionError
        It is nested too deeply.
    """
    return make_decoder(infinite=infinite).decode(document)


def _require_unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise NotStrictError("twice", printable(next(key for key in keys if keys.count(key) > 1)))
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise NotStrictError("constant", name)


def _require_finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise NotStrictError("infinite", printable(number, SHOWN))
    return value


def may_lose_digits(number: str) -> bool:
    """Return whether a large number, written out without an exponent, is another one once it is read as a float.

    It may be the number of a person, which rounding makes that of another one.
    """
    value = float(number)
    spelled_out = "e" not in number and "E" not in number
    return spelled_out and abs(value) >= EXACT and Decimal(number) != Decimal(value)


def _require_kept(number: str) -> float:
    value = _require_finite(number)
    if may_lose_digits(number):
        raise NotStrictError("rounded", printable(number, SHOWN))
    return value


def _parse_whole(number: str) -> int:
    if len(number) > LONGEST_WHOLE:
        raise NotStrictError("whole", printable(number, SHOWN))
    return int(number)
