"""Which value is the positive one: the last place where raw labels and predictions are seen.

A label has an honest reading only when it is {0, 1}, true/false, or the user has said which class is positive.
Everything else is refused by name, because a wrong reading gives plausible numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from audit.counting.comparing import is_missing, read_alike, shown, text_as, what
from audit.errors import ValuesError, no_such
from audit.tables.lookalikes import near_twins

MOST_CLASSES = 100
TWO: tuple[tuple[Any, Any], ...] = ((False, True), (0, 1), ("0", "1"), ("0.0", "1.0"))
"""Negative and positive class that need no word of the user, and stand for each other where a label has only one."""


def positive_class(labels: Iterable[Any], positive: Any, role: str) -> Any:
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
        listed = ", ".join(map(shown, sorted(values, key=str)[:6]))
        raise ValuesError(f"{role} is not 0 and 1: its values are {listed}; say which one is positive (positive = …)")
    meant = _meant(positive, values) or _meant(positive, two or ())
    if len(meant) > 1:
        raise ValuesError(
            f"{role} is text, and the positive class {shown(positive)} may be {shown(meant[0])} or {shown(meant[1])}; "
            "give it as text, as it is written"
        )
    if not meant:
        raise ValuesError(f"{role}: {no_such('positive class', positive, sorted(map(_name, values)))}")
    return meant[0]


def refuse_missing(values: Mapping[Any, int], role: str) -> None:
    """Refuse missing values among the rows of each raw value."""
    missing = sum(n for v, n in values.items() if is_missing(v))
    if missing:
        raise ValuesError(
            f"{role} is missing (null or NaN) in {missing:,} of {sum(values.values()):,} rows; drop or fill these rows "
            "yourself before the audit, because what happens to them changes every rate"
        )


def binary(values: Mapping[Any, int], positive: Any, role: str) -> dict[Any, str]:
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


def predicted(
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
    read = read_alike({label: sorted(classes, key=str), role: values})
    known = set(read[label].values())
    strange = next((raw for raw, reading in read[role].items() if reading not in known), None)
    if strange is not None:
        listed = ", ".join(map(shown, sorted(labels, key=str)[:6]))
        raise ValuesError(
            f"{role} holds {shown(strange)}, which is none of the label's values ({listed}){_hint(strange, labels)}"
        )
    return {raw: "1" if reading == read[label][positive] else "0" for raw, reading in read[role].items()}


def _hint(strange: Any, labels: Collection[Any]) -> str:
    """What a stray prediction may be."""
    if not isinstance(strange, str):
        return "; if it is a score, name it as the score and give a threshold"
    number = text_as(strange, "number")
    known = [text_as(v, "number") if isinstance(v, str) else v for v in labels]
    if number is not None and number in known:
        return "; both columns are text, which is compared as it is written: write both alike"
    return "; these are numeric, so it may be a stray entry" if number is None and None not in known else ""


def _two(values: Collection[Any]) -> tuple[Any, Any] | None:
    """The two classes that the values are of, where these are known without a word; 0 and 1 if there are none."""
    kind = {what(v) for v in values} or {"number"}
    return next((two for two in TWO if {what(two[0])} == kind and set(values) <= set(two)), None)


def _meant(positive: Any, values: Collection[Any]) -> list[Any]:
    """Values of a column that the user's word for the positive class may mean; a command line only has text."""
    textual = isinstance(positive, str)
    same = [v for v in values if isinstance(v, str) == textual and v == positive]
    if same:
        return same
    if textual:
        return [
            v for v in values if not isinstance(v, str) and text_as(positive, what(v), whole=isinstance(v, int)) == v
        ]
    whole = isinstance(positive, int)
    return sorted(v for v in values if isinstance(v, str) and text_as(v, what(positive), whole=whole) == positive)


def _refuse_twins(values: Collection[Any], role: str) -> None:
    twins = near_twins(v for v in values if isinstance(v, str))
    if twins:
        first, second = twins[0].names[:2]
        raise ValuesError(
            f"{role} has values that differ only in {twins[0].why}: {shown(first)} and {shown(second)}; "
            "make them one value"
        )


def _name(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)
