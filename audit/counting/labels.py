"""Which value is the positive one: the last place where raw labels and predictions are seen.

A label has an honest reading only when it is {0, 1}, true/false, or the user has said which class is positive.
Everything else is refused by name, because a wrong reading gives plausible numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from itertools import chain
from typing import Any, Literal

from audit.axes import name_level
from audit.errors import ValuesError, no_such, printable
from audit.tables.kinds import find_near_twins

PLAIN = re.compile(r"[-+]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][-+]?[0-9]{1,3})?")
"""Numbers as any tool writes them; digits and exponent are bounded, or a cell could name a number of any size."""
TRUTHS = {"true": True, "false": False}
What = Literal["text", "number", "truth value"]
MEND = "write both with the same classes"


LARGEST = 2.0**53
"""Whole numbers from here on are not told apart by a float."""


MOST_CLASSES = 100
TWO: tuple[tuple[Any, Any], ...] = ((False, True), (0, 1), ("0", "1"), ("0.0", "1.0"))
"""Negative and positive class that need no word of the user, and stand for each other where a label has only one."""


def find_positive(labels: Iterable[Any], positive: Any, role: str) -> Any:
    """The label's value that is the positive class.

    Parameters
    ----------
    labels
        Distinct values, as read, none of them missing.
    positive
        What the user said; None if nothing.
    role
        How messages call the column, such as ``label 'approve'``.
    """
    values = set(labels)
    _refuse_twins(values, role)
    two = _two(values)
    if positive is None:
        if two is not None:
            return two[1]
        listed = ", ".join(map(quote, sorted(values, key=str)[:6]))
        raise ValuesError(f"{role} has the values {listed}, not 0 and 1; set the positive one (positive = …)")
    meant = _meant(positive, values) or _meant(positive, two or ())
    if len(meant) > 1:
        raise ValuesError(
            f"{role} is text, and positive = {quote(positive)} may mean {quote(meant[0])} or "
            f"{quote(meant[1])}; write it exactly as in the data, as text"
        )
    if not meant:
        raise ValuesError(f"{role}: {no_such('positive class', positive, sorted(map(_name, values)))}")
    return meant[0]


def require_favourable(values: Iterable[Any], favourable: Any, role: str) -> None:
    """Refuse a favourable class that no row has.

    Parameters
    ----------
    values
        Distinct values of label and prediction, as read.
    favourable
        What the user said; None if nothing.
    role
        How messages call the column.
    """
    known = {v for v in values if not is_missing(v)}
    if favourable is None or _meant(favourable, known) or _meant(favourable, _two(known) or ()):
        return
    raise ValuesError(f"{role}: {no_such('favourable class', favourable, sorted(map(_name, known)))}")


def refuse_missing(values: Mapping[Any, int], role: str) -> None:
    """Refuse missing values among the rows of each raw value."""
    missing = sum(n for v, n in values.items() if is_missing(v))
    if missing:
        raise ValuesError(
            f"{role} is missing (null or NaN) in {missing:,} of {sum(values.values()):,} rows; fill or drop "
            "these rows before the audit, because that changes every rate"
        )


def read_binary(values: Mapping[Any, int], positive: Any, role: str) -> dict[Any, str]:
    """Map every raw value to "1" (positive) or "0".

    Parameters
    ----------
    values
        Rows of each raw value.
    positive
        The positive one.
    role
        How messages call the column.

    Raises
    ------
    ValuesError
        When a value is missing.
    """
    refuse_missing(values, role)
    return {value: "1" if value == positive else "0" for value in values}


def read_predicted(
    values: Mapping[Any, int], role: str, labels: Collection[Any], label: str, positive: Any
) -> dict[Any, str]:
    """Map every raw prediction to "1" (the label's positive class) or "0".

    Parameters
    ----------
    values
        Rows of each raw prediction.
    role, label
        How messages call the two columns.
    labels
        Values of the label: a prediction must be one of them.
    positive
        The positive one among them.

    Raises
    ------
    ValuesError
        When a prediction is missing, or is none of the label's classes.
    """
    refuse_missing(values, role)
    _refuse_twins(set(values), role)
    classes = {*labels, positive, *(_two({*labels, positive}) or ())}
    read = _read_alike({label: sorted(classes, key=str), role: values})
    known = set(read[label].values())
    strange = next((raw for raw, reading in read[role].items() if reading not in known), None)
    if strange is not None:
        listed = ", ".join(map(quote, sorted(labels, key=str)[:6]))
        raise ValuesError(
            f"{role} holds {quote(strange)}, which is not a value of the label (available: "
            f"{listed}){_hint(strange, labels)}"
        )
    return {raw: "1" if reading == read[label][positive] else "0" for raw, reading in read[role].items()}


def read_decisions(columns: Mapping[str, Mapping[Any, int]], positive: Any, both: str) -> dict[str, dict[Any, str]]:
    """Map every raw value of two decisions to "1" (the positive class) or "0", where no label says what there is.

    One of the two may never give a class that the other gives; which one is positive is asked of both together.

    Parameters
    ----------
    columns
        Rows of each raw value by role, the new decision first.
    positive
        What the user said; None if nothing.
    both
        How messages call the two together.

    Raises
    ------
    ValuesError
        When a value is missing, when one class is written in two ways, or when a class of one decision makes more than
        two and the other never gives it.
    """
    for role, values in columns.items():
        refuse_missing(values, role)
        _refuse_twins(set(values), role)
    read = _read_alike(columns)
    classes = _unite(read.values())
    _refuse_twins(classes, both)
    _refuse_stray_class(read, classes)
    refuse_third_class(classes, both)
    chosen = find_positive(classes, positive, both)
    return {role: {raw: "1" if of[raw] == chosen else "0" for raw in of} for role, of in read.items()}


def _unite(readings: Iterable[Mapping[Any, Any]]) -> set[Any]:
    """Classes of several columns; truth values beside numbers are numbers."""
    each = list(chain.from_iterable(of.values() for of in readings))
    if any(_classify_value(v) == "number" for v in each):
        return {int(v) if isinstance(v, bool) else v for v in each}
    return set(each)


def refuse_third_class(classes: Collection[Any], role: str) -> None:
    """Refuse more than two classes where two decisions are compared: a change between two others would not count.

    Raises
    ------
    ValuesError
        Names the classes and what to compare instead.
    """
    if len(classes) > 2:
        listed = ", ".join(map(quote, sorted(classes, key=str)[:6]))
        raise ValuesError(
            f"{role} has {len(classes)} classes ({listed}{', …' if len(classes) > 6 else ''}), and two decisions are "
            "compared of two classes only: a change between two others would not count; compare one class at a time, "
            "as columns of 1 for it and 0 for all others"
        )


def _refuse_stray_class(read: Mapping[str, Mapping[Any, Any]], classes: Collection[Any]) -> None:
    """Refuse a class that only one of two decisions gives, where it is none of two: it may be another coding."""
    if len(classes) <= 2:
        return
    for role, other in (tuple(read), tuple(read)[::-1]):
        known = set(read[role].values())
        strange = next((raw for raw, reading in read[other].items() if reading not in known), None)
        if strange is not None:
            listed = ", ".join(map(quote, sorted(read[role], key=str)[:6]))
            raise ValuesError(
                f"{other} holds {quote(strange)}, which is not a value of {role} (available: {listed}); {MEND}"
            )


def _hint(strange: Any, labels: Collection[Any]) -> str:
    """What a stray prediction may be."""
    if not isinstance(strange, str):
        return "; if it is a score, name it as the score and give a threshold"
    number = _read_text_as(strange, "number")
    known = [_read_text_as(v, "number") if isinstance(v, str) else v for v in labels]
    if number is not None and number in known:
        return "; both columns are text, which is compared as it is written: write both alike"
    if number is None and None not in known:
        return "; these are numeric, so it may be a stray entry"
    return ""


def _two(values: Collection[Any]) -> tuple[Any, Any] | None:
    """The two classes that the values are of, where these are known without a word; 0 and 1 if there are none."""
    kind = {_classify_value(v) for v in values} or {"number"}
    return next((two for two in TWO if {_classify_value(two[0])} == kind and set(values) <= set(two)), None)


def _meant(positive: Any, values: Collection[Any]) -> list[Any]:
    """Values of a column that the user's word for the positive class may mean; a command line only has text."""
    textual = isinstance(positive, str)
    same = [v for v in values if isinstance(v, str) == textual and v == positive]
    if same:
        return same
    if textual:
        return [
            v
            for v in values
            if not isinstance(v, str) and _read_text_as(positive, _classify_value(v), whole=isinstance(v, int)) == v
        ]
    whole = isinstance(positive, int)
    return sorted(
        v for v in values if isinstance(v, str) and _read_text_as(v, _classify_value(positive), whole=whole) == positive
    )


def _refuse_twins(values: Collection[Any], role: str) -> None:
    twins = find_near_twins([v for v in values if isinstance(v, str)])
    if twins:
        first, second = twins[0].names[:2]
        raise ValuesError(
            f"{role} has values that differ only in {twins[0].why}: {quote(first)} and {quote(second)}; "
            "make them one value"
        )


def _name(value: Any) -> str:
    return value if isinstance(value, str) else quote(value)


# Names of several classes: the same words for a label and a prediction, whatever type their columns have.
#
# Text is a class as it is written; beside a column of numbers, 1, "1" and 1.0 are one class. What has no honest
# reading is refused by name: two spellings of one class, labels of one type and predictions of another, fractions,
# numbers too large to be told apart.
def name_classes(columns: Mapping[str, Mapping[Any, int]]) -> dict[str, dict[Any, str]]:
    """Name of every raw value of every column.

    Parameters
    ----------
    columns
        Rows of each raw value by role, such as ``label 'grade'``; the label first.

    Raises
    ------
    ValuesError
        When a value is missing or is no class, when types do not agree, or when there are more than 100 classes.
    """
    for role, values in columns.items():
        refuse_missing(values, role)
    read = _read_alike(columns)
    for role, readings in read.items():
        _refuse_no_class(readings, role)
    names: dict[Any, str] = {}
    for readings in read.values():
        for reading in readings.values():
            names.setdefault(reading, str(name_level(reading)))
    _refuse_number(names, " and ".join(read))
    return {role: {raw: names[reading] for raw, reading in readings.items()} for role, readings in read.items()}


def _refuse_no_class(readings: Mapping[Any, Any], role: str) -> None:
    for raw, reading in readings.items():
        if not isinstance(reading, (float, Fraction)):
            continue
        if reading in {math.inf, -math.inf} or reading % 1:
            raise ValuesError(
                f"{role} holds {quote(raw)}, which is not a class; use text, whole numbers, or true and false (of "
                "scores, take the most likely class first)"
            )
        if not -LARGEST < reading < LARGEST:
            raise ValuesError(f"{role} holds {quote(raw)}, which is too large to be exact; write classes as text")


def _refuse_number(names: Mapping[Any, str], roles: str) -> None:
    classes = set(names.values())
    if not classes:
        raise ValuesError(f"{roles} has no classes; give rows with a class")
    if len(classes) > MOST_CLASSES:
        raise ValuesError(f"{roles} holds {len(classes):,} classes, more than {MOST_CLASSES}; merge rare classes")


# How the values of a label and of a prediction are compared: text as it is written, numbers by value.
#
# Text is read as a number, or as a word for a truth value, only beside a column of numbers or truth values. Where two
# spellings of the text would then be one class, or nothing is a class of both columns, they are refused by name. Must
# not: know which class is positive.
def is_missing(value: Any) -> bool:
    """Whether a raw value is a missing one."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _read_alike(columns: Mapping[str, Iterable[Any]]) -> dict[str, dict[Any, Any]]:
    """Reading of every raw value of each column; values of one or two columns are one class where these are equal.

    Parameters
    ----------
    columns
        Raw values by role, such as ``label 'grade'``; each column is of one type.

    Raises
    ------
    ValuesError
        When the columns cannot be compared, naming the columns and the values.

    >>> _read_alike({"label": ["01", "1"], "prediction": ["1"]})["label"]
    {'01': '01', '1': '1'}
    >>> _read_alike({"label": ["01", "2+"], "prediction": [1]})["label"]
    {'01': 1, '2+': '2+'}
    """
    values = {role: [v for v in of if not is_missing(v)] for role, of in columns.items()}
    kinds = {role: _classify_value(of[0]) for role, of in values.items() if of}
    read = {role: {v: v for v in of} for role, of in values.items()}
    others = [role for role, kind in kinds.items() if kind != "text"]
    if {kinds[role] for role in others} == {"number", "truth value"}:
        _refuse_other_numbers(values, kinds)
    if not others:
        _refuse_other_spellings(values)
    for role, kind in kinds.items():
        if kind == "text" and others:
            read[role] = _read_beside(values[role], role, values[others[0]], others[0])
    return read


def _classify_value(value: Any) -> What:
    """What a raw value is."""
    if isinstance(value, str):
        return "text"
    return "truth value" if isinstance(value, bool) else "number"


def _read_text_as(text: str, kind: What, *, whole: bool = True) -> Any:
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
    if whole and exact.denominator == 1:
        return exact.numerator
    return _nearest(exact)


def quote(value: Any) -> str:
    """A value in a message: text in quotes, so that it is told from a number and a blank at its end is seen."""
    if isinstance(value, str):
        return f"'{printable(value)}'"
    return str(name_level(value))


def _nearest(exact: Fraction) -> float | Fraction:
    """Nearest double; the number itself where there is none, or where that is a whole number and it is not."""
    try:
        near = float(exact)
    except OverflowError:
        return exact
    if near.is_integer() and exact.denominator != 1:
        return exact
    return near


def _read_beside(texts: Collection[str], role: str, others: Collection[Any], other: str) -> dict[str, Any]:
    """Texts read as what they are compared with; those that are none stay classes of their own."""
    kind = _classify_value(next(iter(others)))
    whole = all(isinstance(v, int) for v in others)
    found = {text: _read_text_as(text, kind, whole=whole) for text in texts}
    read = {text: text if value is None else value for text, value in found.items()}
    _refuse_one_class_twice(read, role, other, kind)
    near = next((t for t, v in found.items() if v is None and _with_ascii_alone(t, kind) is not None), None)
    if near is not None:
        meant = name_level(_with_ascii_alone(near, kind))
        raise ValuesError(
            f"{role} holds {quote(near)}, which is not how the {kind} {meant} of {other} is written; {MEND}"
        )
    strange = next((t for t, v in found.items() if v is None), None)
    if strange is not None and not set(read.values()) & set(others):
        first = next(iter(others))
        raise ValuesError(f"{role} holds the text {quote(strange)} and {other} the {kind} {quote(first)}; {MEND}")
    return read


def _refuse_one_class_twice(read: Mapping[str, Any], role: str, other: str, kind: What) -> None:
    before: dict[Any, str] = {}
    for text, value in read.items():
        first = before.setdefault(value, text)
        if first != text:
            raise ValuesError(
                f"{role} is text, and its {quote(first)} and {quote(text)} mean the same class among the {kind}s "
                f"of {other}; write each class in one way, or make {other} text too"
            )


def _refuse_other_spellings(values: Mapping[str, Collection[str]]) -> None:
    """Refuse two columns of text without a common class, of which one spells a class of the other in another way."""
    columns = [(role, of) for role, of in values.items() if of]
    if len(columns) != 2 or set(columns[0][1]) & set(columns[1][1]):
        return
    (role, texts), (other, others) = columns
    meant = {_read_loosely(text): text for text in texts}
    found = next(((meant[_read_loosely(text)], text) for text in others if _read_loosely(text) in meant), None)
    if found is not None:
        raise ValuesError(
            f"{role} and {other} have no class in common: {quote(found[0])} of one is written "
            f"{quote(found[1])} in the other; {MEND}"
        )


def _read_loosely(text: str) -> Any:
    """A text as a careless reader takes it: without blanks at its ends, in small letters, a number by its value."""
    tidy = text.strip().casefold()
    number = _read_text_as(tidy, "number")
    return tidy if number is None else number


def _with_ascii_alone(text: str, kind: What) -> Any:
    """What a text would be but for blanks or digits of other scripts."""
    tidy = "".join(str(int(c)) if c.isdecimal() else c for c in text.strip())
    return None if tidy == text else _read_text_as(tidy, kind)


def _refuse_other_numbers(values: Mapping[str, Collection[Any]], kinds: Mapping[str, What]) -> None:
    """Refuse truth values beside numbers other than 0 and 1."""
    truths = next(role for role, kind in kinds.items() if kind == "truth value")
    for role, kind in kinds.items():
        strange = next((v for v in values[role] if kind == "number" and v not in {0, 1}), None)
        if strange is not None:
            raise ValuesError(f"{truths} holds truth values and {role} the number {quote(strange)}; {MEND}")
