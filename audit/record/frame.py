"""Estimates as a flat table for pandas: one row each, plain text and numbers, one column for each group column.

Must not: round, or leave an estimate out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from audit.estimate import Estimate, Group, group_text

MISSING = "(missing)"
"""What stands in a group's column for the rows whose group is missing."""
NUMBERS = (
    *("value", "low", "high", "confidence", "n", "numerator", "denominator", "effective_n", "rows"),
    "degrees_of_freedom",
)
COLUMNS = (
    *("stage", "metric", "compare", "by", "group", "reference", "outcome", "pair", "low_pair", "high_pair"),
    *(*NUMBERS, "status", "reason", "method", "flags"),
)
"""Columns of the table beside those of the groups, by the names that estimates have in audit.json."""


def make_frame(estimates: Iterable[Estimate]) -> Any:
    """Return a pandas frame of one row for each estimate.

    Combined groups are written ``race x sex`` in ``by`` and ``black x female`` in ``group``; the overall row is the
    group ``overall`` with an empty ``by``. Each group column has a column of its own after ``group``, with the level as
    it was read.
    """
    every = tuple(estimates)
    names = name_columns(every)
    rows = [{**_list_fields(e), **dict(list_levels(e, names))} for e in every]
    at = COLUMNS.index("group") + 1
    return fill_frame(rows, (*COLUMNS[:at], *names.values(), *COLUMNS[at:]), NUMBERS)


def name_columns(estimates: Iterable[Estimate], taken: Sequence[str] = COLUMNS) -> dict[str, str]:
    """Return a column for each group column; one that is called like another column says what it is."""
    named: dict[str, str] = {}
    for column in dict.fromkeys(chain.from_iterable(e.by for e in estimates)):
        name = column
        while name in taken or name in named.values():
            name = f"{name} (group)"
        named[column] = name
    return named


def list_levels(estimate: Estimate, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield column and level of each column that forms the group of an estimate."""
    for column, level in zip(estimate.by, estimate.group or (), strict=False):
        yield names[column], MISSING if level is None else level


def write_by(by: Sequence[str]) -> str:
    """Return the columns of a grouping in one text."""
    return " x ".join(by)


def write_group(by: Sequence[str], group: Group | None) -> str | None:
    """Return a group in one text; None for a comparison of all groups."""
    if not by:
        return "overall"
    return None if group is None else group_text(group, str)


def fill_frame(rows: Sequence[dict[str, Any]], columns: Sequence[str], numbers: Sequence[str]) -> Any:
    """Return a frame with these columns, also where there is no row."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns)).astype(dict.fromkeys(numbers, "float64"))


def _list_fields(e: Estimate) -> dict[str, Any]:
    """Return an estimate's fields as plain text and numbers."""
    plain = {name: getattr(e, name) for name in COLUMNS}
    pairs = {name: _write_pair(getattr(e, name)) for name in ("pair", "low_pair", "high_pair")}
    reference = None if e.reference is None else group_text(e.reference, str)
    named = {"by": write_by(e.by), "group": write_group(e.by, e.group), "reference": reference}
    return plain | pairs | named | {"flags": ", ".join(e.flags)}


def _write_pair(pair: tuple[Group, Group] | None) -> str | None:
    if pair is None:
        return None
    return " v. ".join(group_text(group, str) for group in pair)
