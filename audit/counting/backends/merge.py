"""A table in which levels of group columns are joined, so that nothing behind it knows the old ones.

The different values of a column are asked of the engine that will count it, and each gets its name once. Engines see a
column of text. Must not: know a metric, or read more than these columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from audit.axes import name_level
from audit.counting.backends.choose import EngineName, choose_engine
from audit.counting.tally import TooManyCellsError
from audit.counting.terms import Column, Rows
from audit.errors import SourceError, ValuesError, no_such, printable
from audit.tables.table import Table

MOST_LEVELS = 500
MERGED_KINDS = ("text", "integer", "boolean", "float")


def merge_levels(
    table: Table,
    targets: Mapping[str, Mapping[str, str]],
    name: EngineName = "duckdb",
    master: str | None = None,
    *,
    whole: bool = True,
) -> Table:
    """Return a table whose columns have the new names of joined levels.

    Parameters
    ----------
    table
        Rows; of counts that were kept, levels were joined when they were counted.
    targets
        New name of each level that is joined, by column.
    name, master
        The engine that counts.
    whole
        Whether every joined level has to be there; a part, or held-out rows, may lack one.

    Raises
    ------
    ValuesError
        When a level does not exist, or a new name is that of a level which is not joined.
    """
    from audit.counting.parts import CountedParts

    if not targets or isinstance(table, CountedParts):
        return table
    table.require(tuple(targets))
    found = _find_values(table, tuple(targets), name, master)
    merged = {column: name_values(column, found[column], names, whole=whole) for column, names in targets.items()}
    limits = {column: limit for column, limit in table.limits.items() if column not in targets}
    columns = {column: "text" if column in targets else kind for column, kind in table.columns.items()}
    return replace(table, merged=merged, columns=columns, limits=limits)


def _find_values(table: Table, columns: Sequence[str], name: EngineName, master: str | None) -> dict[str, list[Any]]:
    """Return the different values of each column but the missing one."""
    for column in columns:
        if table.columns[column] not in MERGED_KINDS:
            raise SourceError(
                f"data.merge: '{printable(column)}' holds {table.columns[column]} values, not names; remove it"
            )
    found: dict[str, list[Any]] = {}
    with choose_engine(name, master).scan(table, columns) as scan:
        for column in columns:
            try:
                tally = scan.tally({column: Column(column)}, {"n": Rows()}, {}, MOST_LEVELS)
            except TooManyCellsError:
                said = f"'{printable(column)}' has more than {MOST_LEVELS:,} values, too many to join some"
                raise SourceError(f"data.merge: {said}; remove it") from None
            found[column] = [value for value in tally.levels[0] if name_level(value) is not None]
    return found


def name_values(column: str, values: Sequence[Any], names: Mapping[str, str], *, whole: bool = True) -> dict[Any, str]:
    """Return the name of each value of a column, after levels are joined."""
    levels = {str(name_level(value)) for value in values}
    missing = next((level for level in names if level not in levels), None)
    if whole and missing is not None:
        raise ValuesError(f"data.merge: {no_such(f'level of {printable(column)}', missing, sorted(levels))}")
    taken = next((new for new in names.values() if new in levels and new not in names), None)
    if taken is not None:
        raise ValuesError(
            f"data.merge: '{printable(taken)}' is a level of '{printable(column)}' that is not joined; add it to its "
            "own list, or choose another name"
        )
    return {value: names.get(level := str(name_level(value)), level) for value in values}
