"""Names of several classes: the same words for a label and a prediction, whatever type their columns have.

1, "1" and 1.0 are one class. What has no honest reading is refused by name: a column that mixes types, labels of one
type and predictions of another, fractions, numbers too large to be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.engines.labels import MOST_CLASSES, refuse_missing, typed
from audit.engines.levels import level_text
from audit.errors import ValuesError, printable

LARGEST = 2.0**53
"""Whole numbers from here on are not told apart by a float."""


def class_names(columns: Mapping[str, Mapping[Any, int]]) -> dict[str, dict[Any, str]]:
    """Name of every raw value of every column.

    Parameters
    ----------
    columns
        Rows of each raw value by role, such as ``label 'grade'``; the label first.

    Raises
    ------
    ValuesError
        When a value is missing or is no class, when types do not agree, or when there are fewer than 2 or more than
        100 classes.
    """
    read: dict[str, dict[Any, Any]] = {}
    for role, values in columns.items():
        refuse_missing(values, role)
        read[role] = typed(values, role)
        _refuse_no_class(read[role], role)
    _refuse_mixed(read)
    names: dict[Any, str] = {}
    for readings in read.values():
        for reading in readings.values():
            names.setdefault(reading, str(level_text(reading)))
    _refuse_number(names, " and ".join(read))
    return {role: {raw: names[reading] for raw, reading in readings.items()} for role, readings in read.items()}


def _refuse_no_class(readings: Mapping[Any, Any], role: str) -> None:
    for reading in readings.values():
        if not isinstance(reading, float):
            continue
        if not reading.is_integer():
            raise ValuesError(
                f"{role} holds {reading:g}, which is no class; classes are text, whole numbers or true and false "
                "(if it is a score, take the most likely class first)"
            )
        if abs(reading) >= LARGEST:
            raise ValuesError(f"{role} holds {reading:.0f}, a number too large to be told apart; write classes as text")


def _refuse_mixed(read: Mapping[str, Mapping[Any, Any]]) -> None:
    """Refuse a text beside a number: one of the two columns was coded anew, and nobody said how."""
    first: dict[bool, tuple[str, Any]] = {}
    for role, readings in read.items():
        for reading in readings.values():
            first.setdefault(isinstance(reading, str), (role, reading))
    if len(first) > 1:
        (role, text), (other, number) = first[True], first[False]
        raise ValuesError(
            f"{role} holds the text '{printable(text)}' and {other} the number {printable(level_text(number))}; "
            "write both with the same classes"
        )


def _refuse_number(names: Mapping[Any, str], roles: str) -> None:
    classes = sorted(set(names.values()))
    if len(classes) < 2:
        only = f"one class only ('{printable(classes[0])}')" if classes else "no class"
        raise ValuesError(f"{roles} holds {only}; at least two are needed, or there is nothing to tell apart")
    if len(classes) > MOST_CLASSES:
        raise ValuesError(
            f"{roles} holds {len(classes):,} classes, more than {MOST_CLASSES}; merge rare ones before the audit"
        )
