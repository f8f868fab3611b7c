"""Which value is the positive one: the last place where raw labels and predictions are seen.

A label has an honest reading only when it is {0, 1}, true/false, or the user has said which class is positive.
Everything else is refused by name, because a wrong reading gives plausible numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from audit.cube import NUMBER
from audit.data.twins import near_twins
from audit.errors import ValuesError, no_such, printable

MOST_CLASSES = 100


def typed(values: Iterable[Any], role: str) -> dict[Any, Any]:
    """Each raw value with its reading: numeric text becomes a number where all of the column is numeric.

    Raises
    ------
    ValuesError
        When some of a text column reads as numbers and some does not.
    """
    values = [v for v in values if not is_missing(v)]
    texts = [v for v in values if isinstance(v, str)]
    numeric = [v for v in texts if NUMBER.fullmatch(v)]
    if numeric and len(numeric) < len(texts):
        other = next(v for v in texts if v not in numeric)
        raise ValuesError(
            f"{role} mixes types: '{printable(numeric[0])}' is a number and '{printable(other)}' is not; "
            "make every value of the column one type"
        )
    if not numeric:
        return {v: v for v in values}
    return {v: float(v) for v in texts}


def is_missing(value: Any) -> bool:
    """Whether a raw value is a missing one."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def positive_class(labels: Iterable[Any], positive: Any, role: str) -> Any:
    """Reading of the positive class among the label's values.

    Parameters
    ----------
    labels
        Distinct values, as read.
    positive
        What the user said; None if nothing.
    role
        How messages call the column, such as ``label 'approve'``.
    """
    read = set(labels)
    _refuse_twins(read, role)
    if positive is None:
        if all(_is_number(v) and v in {0, 1} for v in read):
            return 1
        shown = ", ".join(f"'{printable(v)}'" for v in sorted(read, key=str)[:6])
        raise ValuesError(f"{role} is not 0 and 1: its values are {shown}; say which one is positive (positive = …)")
    wanted = _as(positive, read)
    if wanted in read or (_is_number(wanted) and all(_is_number(v) and v in {0, 1} for v in {*read, wanted})):
        return wanted
    raise ValuesError(f"{role}: {no_such('positive class', positive, sorted(map(_shown, read)))}")


def refuse_missing(values: Mapping[Any, int], role: str) -> None:
    """Refuse missing values among the rows of each raw value."""
    missing = sum(n for v, n in values.items() if is_missing(v))
    if missing:
        raise ValuesError(
            f"{role} is missing (null or NaN) in {missing:,} of {sum(values.values()):,} rows; drop or fill these rows "
            "yourself before the audit, because what happens to them changes every rate"
        )


def binary(values: Mapping[Any, int], positive: Any, role: str, allowed: set[Any] | None = None) -> dict[Any, str]:
    """Map every raw value to "1" (positive) or "0".

    Parameters
    ----------
    values
        Rows of each raw value.
    positive
        Reading of the positive class.
    role
        How messages call the column.
    allowed
        Readings that may occur; None allows any. A prediction must be one of the label's classes.

    Raises
    ------
    ValuesError
        When a value is missing, or is none of the allowed ones.
    """
    refuse_missing(values, role)
    readings = typed(values, role)
    _refuse_twins(set(readings.values()), role)
    strange = [] if allowed is None else [v for v in readings.values() if v not in allowed]
    if strange:
        classes = ", ".join(sorted(_shown(v) for v in allowed or ())[:6])
        hint = "; if it is a score, name it as the score and give a threshold" if _is_number(strange[0]) else ""
        raise ValuesError(
            f"{role} holds {printable(_shown(strange[0]))}, which is none of the label's values ({classes}){hint}"
        )
    return {raw: "1" if reading == positive else "0" for raw, reading in readings.items()}


def _refuse_twins(read: set[Any], role: str) -> None:
    twins = near_twins(v for v in read if isinstance(v, str))
    if twins:
        first, second = twins[0].names[:2]
        raise ValuesError(
            f"{role} has values that differ only in {twins[0].why}: '{printable(first)}' and '{printable(second)}'; "
            "make them one value"
        )


def _as(positive: Any, read: set[Any]) -> Any:
    """User's word for the positive class in the type of the column; a command line only has text."""
    if isinstance(positive, str) and read and all(_is_number(v) for v in read):
        if positive.casefold() in {"true", "false"} and all(isinstance(v, bool) for v in read):
            return positive.casefold() == "true"
        return float(positive) if NUMBER.fullmatch(positive) else positive
    return positive


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
