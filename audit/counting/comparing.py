"""How the values of a label and of a prediction are compared: text as it is written, numbers by value.

Text is read as a number, or as a word for a truth value, only beside a column of numbers or truth values. Where two
spellings of the text would then be one class, or nothing is a class of both columns, they are refused by name. Must
not: know which class is positive.

>>> read_alike({"label": ["01", "1"], "prediction": ["1"]})["label"]
{'01': '01', '1': '1'}
>>> read_alike({"label": ["01", "2+"], "prediction": [1]})["label"]
{'01': 1, '2+': '2+'}
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any, Literal

from audit.errors import ValuesError, printable
from audit.tables.levels import level_text

PLAIN = re.compile(r"[-+]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][-+]?[0-9]{1,3})?")
"""Numbers as any tool writes them; digits and exponent are bounded, or a cell could name a number of any size."""
TRUTHS = {"true": True, "false": False}
What = Literal["text", "number", "truth value"]
MEND = "write both with the same classes"


def is_missing(value: Any) -> bool:
    """Whether a raw value is a missing one."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def read_alike(columns: Mapping[str, Iterable[Any]]) -> dict[str, dict[Any, Any]]:
    """Reading of every raw value of each column; values of one or two columns are one class where these are equal.

    Parameters
    ----------
    columns
        Raw values by role, such as ``label 'grade'``; each column is of one type.

    Raises
    ------
    ValuesError
        When the columns cannot be compared, naming the columns and the values.
    """
    values = {role: [v for v in of if not is_missing(v)] for role, of in columns.items()}
    kinds = {role: what(of[0]) for role, of in values.items() if of}
    read = {role: {v: v for v in of} for role, of in values.items()}
    others = [role for role, kind in kinds.items() if kind != "text"]
    if {kinds[role] for role in others} == {"number", "truth value"}:
        _refuse_other_numbers(values, kinds)
    if not others:
        _refuse_other_spellings(values)
    for role, kind in kinds.items():
        if kind == "text" and others:
            read[role] = _beside(values[role], role, values[others[0]], others[0])
    return read


def what(value: Any) -> What:
    """What a raw value is."""
    if isinstance(value, str):
        return "text"
    return "truth value" if isinstance(value, bool) else "number"


def text_as(text: str, kind: What, *, whole: bool = True) -> Any:
    """Number or truth value that a text is a spelling of; None where it is none.

    Parameters
    ----------
    text
        As it is written.
    kind
        What it is compared with.
    whole
        Whether that is a whole number, and the comparison exact; a fraction is the nearest double.
    """
    if kind == "truth value" and text.casefold() in TRUTHS:
        return TRUTHS[text.casefold()]
    if not PLAIN.fullmatch(text):
        return None
    exact = Fraction(text)
    if kind == "truth value":
        return int(exact) if exact in {0, 1} else None
    return exact.numerator if whole and exact.denominator == 1 else _nearest(exact)


def shown(value: Any) -> str:
    """A value in a message: text in quotes, so that it is told from a number and a blank at its end is seen."""
    return f"'{printable(value)}'" if isinstance(value, str) else str(level_text(value))


def _nearest(exact: Fraction) -> float | Fraction:
    """Nearest double; the number itself where there is none, or where that is a whole number and it is not."""
    try:
        near = float(exact)
    except OverflowError:
        return exact
    return exact if near.is_integer() and exact.denominator != 1 else near


def _beside(texts: Collection[str], role: str, others: Collection[Any], other: str) -> dict[str, Any]:
    """Texts read as what they are compared with; those that are none stay classes of their own."""
    kind = what(next(iter(others)))
    whole = all(isinstance(v, int) for v in others)
    found = {text: text_as(text, kind, whole=whole) for text in texts}
    read = {text: text if value is None else value for text, value in found.items()}
    _refuse_one_class_twice(read, role, other, kind)
    near = next((t for t, v in found.items() if v is None and _with_ascii_alone(t, kind) is not None), None)
    if near is not None:
        meant = level_text(_with_ascii_alone(near, kind))
        raise ValuesError(
            f"{role} holds {shown(near)}, which is not how the {kind} {meant} of {other} is written; {MEND}"
        )
    strange = next((t for t, v in found.items() if v is None), None)
    if strange is not None and not set(read.values()) & set(others):
        first = next(iter(others))
        raise ValuesError(f"{role} holds the text {shown(strange)} and {other} the {kind} {shown(first)}; {MEND}")
    return read


def _refuse_one_class_twice(read: Mapping[str, Any], role: str, other: str, kind: What) -> None:
    before: dict[Any, str] = {}
    for text, value in read.items():
        first = before.setdefault(value, text)
        if first != text:
            raise ValuesError(
                f"{role} is text, and its {shown(first)} and {shown(text)} would be one class beside the {kind}s of "
                f"{other}; write each class in one way, or make {other} text too"
            )


def _refuse_other_spellings(values: Mapping[str, Collection[str]]) -> None:
    """Refuse two columns of text without a common class, of which one spells a class of the other in another way."""
    columns = [(role, of) for role, of in values.items() if of]
    if len(columns) != 2 or set(columns[0][1]) & set(columns[1][1]):
        return
    (role, texts), (other, others) = columns
    meant = {_loosely(text): text for text in texts}
    found = next(((meant[_loosely(text)], text) for text in others if _loosely(text) in meant), None)
    if found is not None:
        raise ValuesError(
            f"nothing is a class of both {role} and {other}; text is compared as it is written, and {shown(found[0])} "
            f"of the one is {shown(found[1])} in the other; {MEND}"
        )


def _loosely(text: str) -> Any:
    """A text as a careless reader takes it: without blanks at its ends, in small letters, a number by its value."""
    tidy = text.strip().casefold()
    number = text_as(tidy, "number")
    return tidy if number is None else number


def _with_ascii_alone(text: str, kind: What) -> Any:
    """What a text would be but for blanks or digits of other scripts."""
    tidy = "".join(str(int(c)) if c.isdecimal() else c for c in text.strip())
    return None if tidy == text else text_as(tidy, kind)


def _refuse_other_numbers(values: Mapping[str, Collection[Any]], kinds: Mapping[str, What]) -> None:
    """Refuse truth values beside numbers other than 0 and 1."""
    truths = next(role for role, kind in kinds.items() if kind == "truth value")
    for role, kind in kinds.items():
        strange = next((v for v in values[role] if kind == "number" and v not in {0, 1}), None)
        if strange is not None:
            raise ValuesError(f"{truths} holds truth values and {role} the number {shown(strange)}; {MEND}")
