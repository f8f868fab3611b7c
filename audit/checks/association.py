"""How much one column tells of another, from the counts of their joint values.

Must not: look at a row, or decide how much is too much.

>>> import numpy as np
>>> round(cramers_v(np.array([[50, 0], [0, 50]])), 2)
1.0
>>> informedness(np.array([[50, 0], [0, 50]]))
1.0
>>> informedness(np.eye(2, dtype=int).repeat(50, axis=0))  # a number for every row tells nothing of the next row
0.0
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from audit.checks.part import Joint
from audit.counting.labels import is_missing

LARGEST_TABLE = 10_000_000
"""Cells of a table of joint counts."""
FEWEST = 10
"""Rows of a class that is spoken of."""
Counts = npt.NDArray[np.int64]


def table_of(joint: Joint, rows: str, columns: str, read: Callable[[Any], Hashable] = lambda v: v) -> Counts | None:
    """Return counts as a table; a missing column value leaves rows out, a missing row value is a value of its own.

    Parameters
    ----------
    joint
        Counts by both columns.
    rows, columns
        What the table goes down and across by.
    read
        Turns a value of ``columns`` into the one that is told apart.

    Returns
    -------
    ndarray or None
        Of shape (values, values); None where it would be too large to hold.
    """
    down, across = joint.level(rows), joint.level(columns)
    known = [i for i, value in enumerate(across) if not is_missing(value)]
    i, names = _number_values([None if is_missing(down[k]) else down[k] for k in known])
    j, others = _number_values([read(across[k]) for k in known])
    if len(names) * len(others) > LARGEST_TABLE:
        return None
    table = np.zeros((len(names), len(others)), dtype=np.int64)
    np.add.at(table, (i, j), joint.n[known])
    return table


def _number_values(values: list[Any]) -> tuple[npt.NDArray[np.intp], Mapping[Any, int]]:
    names: dict[Any, int] = {}
    return np.array([names.setdefault(v, len(names)) for v in values], dtype=np.intp), names


def cramers_v(table: Counts) -> float:
    """Return Cramer's V without the bias of many values and few rows (Bergsma 2013); NaN where a side has one value."""
    table = _drop_empty(table)
    if min(table.shape, default=0) < 2:
        return float("nan")
    n, (r, c) = table.sum(), table.shape
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = float((table**2 / expected).sum() / n) - 1
    corrected = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    sides = min(side - (side - 1) ** 2 / (n - 1) for side in (r, c))
    if sides > 1:
        return float(np.sqrt(corrected / (sides - 1)))
    return float("nan")


def informedness(table: Counts) -> float:
    """Return how far the best rule from the row's value to the column's class gets, from 0 (guessing) to 1 (knowing).

    Recall of the rule, averaged over classes of at least `FEWEST` rows and set against guessing; with two classes
    Youden's J. Each row is judged by the rule that the other rows make, so that a value which occurs once tells
    nothing. NaN where there are not two such classes.
    """
    table = table[:, table.sum(axis=0) >= FEWEST]
    classes = table.shape[1]
    if classes < 2:
        return float("nan")
    size = table.sum(axis=0)
    rates = table / size
    ordered = np.sort(rates, axis=1)
    best, second = ordered[:, -1:], ordered[:, -2:-1]
    others = np.where(rates == best, second, best)
    # Where two classes share the best rate, the second is the best one too.
    right = (table > 0) & ((table - 1) / (size - 1) > others)
    recall = np.where(right, table, 0).sum(axis=0) / size
    return max(0.0, float((recall.mean() - 1 / classes) / (1 - 1 / classes)))


def is_renamed(table: Counts) -> bool:
    """Return whether every value is in one class and every class has one value: a column under another name."""
    told = _drop_empty(table) > 0
    return min(told.shape, default=0) > 1 and bool((told.sum(axis=0) == 1).all() and (told.sum(axis=1) == 1).all())


def _drop_empty(table: Counts) -> Counts:
    occupied: Counts = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    return occupied
