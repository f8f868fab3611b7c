"""Names of several classes: the same words for a label and a prediction, whatever type their columns have.

Text is a class as it is written; beside a column of numbers, 1, "1" and 1.0 are one class. What has no honest reading
is refused by name: two spellings of one class, labels of one type and predictions of another, fractions, numbers too
large to be told apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from audit.counting.comparing import read_alike, shown
from audit.counting.labels import MOST_CLASSES, refuse_missing
from audit.errors import ValuesError
from audit.tables.levels import level_text

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
        When a value is missing or is no class, when types do not agree, or when there are more than 100 classes.
    """
    for role, values in columns.items():
        refuse_missing(values, role)
    read = read_alike(columns)
    for role, readings in read.items():
        _refuse_no_class(readings, role)
    names: dict[Any, str] = {}
    for readings in read.values():
        for reading in readings.values():
            names.setdefault(reading, str(level_text(reading)))
    _refuse_number(names, " and ".join(read))
    return {role: {raw: names[reading] for raw, reading in readings.items()} for role, readings in read.items()}


def _refuse_no_class(readings: Mapping[Any, Any], role: str) -> None:
    for raw, reading in readings.items():
        if not isinstance(reading, (float, Fraction)):
            continue
        if reading in {math.inf, -math.inf} or reading % 1:
            raise ValuesError(
                f"{role} holds {shown(raw)}, which is no class; classes are text, whole numbers or true and false "
                "(if it is a score, take the most likely class first)"
            )
        if not -LARGEST < reading < LARGEST:
            raise ValuesError(f"{role} holds {shown(raw)}, a number too large to be told apart; write classes as text")


def _refuse_number(names: Mapping[Any, str], roles: str) -> None:
    classes = set(names.values())
    if not classes:
        raise ValuesError(f"{roles} holds no class; give rows that have one")
    if len(classes) > MOST_CLASSES:
        raise ValuesError(
            f"{roles} holds {len(classes):,} classes, more than {MOST_CLASSES}; merge rare ones before the audit"
        )
