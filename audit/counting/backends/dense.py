"""Many tables of counts in one pass over the rows: each value as a small number, each table as an array.

DuckDB puts every value's place among the column's values instead of it, where a file has a dictionary once a value of
that. A cell is then one number, and counting is arithmetic on batches of bytes. Must not: hold more rows than a batch;
count a value that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from audit.counting.backends.sql import key_sql, test_sql
from audit.counting.tally import Tally
from audit.counting.terms import Key, Rows, Sum

MOST_LEVELS = 128
"""Values of a key; each row is compared with all of them where there is no dictionary."""
MOST_CELLS = 4_000_000
"""Of all tables together, empty ones included."""
BATCH_ROWS = 122_880
LEVELS = "evenhand_levels_"
ONE = np.uint8(1)


class _Table(NamedTuple):
    """Counts of one table, cells that no row has included."""

    keys: tuple[str, ...]
    shape: tuple[int, ...]
    counts: dict[str, np.ndarray]

    def add(self, codes: Mapping[str, np.ndarray], tests: Mapping[str, np.ndarray | None]) -> None:
        """Count the rows of one batch."""
        cells = prod(self.shape)
        narrow = np.min_scalar_type(cells - 1)
        cell = codes[self.keys[0]].astype(narrow)
        for key, size in zip(self.keys[1:], self.shape[1:], strict=True):
            cell *= narrow.type(size)
            cell += codes[key]
        for name, holds in tests.items():
            self.counts[name] += np.bincount(cell if holds is None else cell[holds != 0], minlength=cells)


def count_densely(
    con: Any, source: str, keys: Mapping[str, Key], each: Sequence[Sequence[str]], sums: Mapping[str, Sum]
) -> list[Tally] | None:
    """Tallies of several tables; None where something else than rows is summed, or an array would be too large.

    Parameters
    ----------
    con, source
        Connection, and what to put after FROM.
    keys
        All that any table is grouped by.
    each
        Keys of each table.
    sums
        What is counted.
    """
    tests = {name: wanted.when for name, wanted in sums.items() if isinstance(wanted, Rows)}
    if len(tests) < len(sums):
        return None
    levels = _levels(con, source, keys)
    shapes = [tuple(len(levels[k]) for k in chosen) for chosen in each] if levels else []
    if not levels or sum(map(prod, shapes)) > MOST_CELLS:
        return None
    tables = [
        _Table(tuple(chosen), shape, {name: np.zeros(prod(shape), dtype=np.int64) for name in tests})
        for chosen, shape in zip(each, shapes, strict=True)
    ]
    placed = (f"list_position({_variable(i)}, {key_sql(key)})" for i, key in enumerate(keys.values()))
    select = [f"CAST({place} AS UTINYINT) AS c{i}" for i, place in enumerate(placed)]
    asked = {name: when for name, when in tests.items() if when is not None}
    select += [f"CAST(coalesce({test_sql(when)}, false) AS UTINYINT) AS t{i}" for i, when in enumerate(asked.values())]
    for columns in _batches(con, f"SELECT {', '.join(select)} FROM {source}"):  # noqa: S608
        places, holds = dict(zip(keys, columns, strict=False)), dict(zip(asked, columns[len(keys) :], strict=True))
        if not all(place.all() for place in places.values()):
            return None
        codes = {name: place - ONE for name, place in places.items()}
        for table in tables:
            table.add(codes, {name: holds.get(name) for name in tests})
    return [_tally(table, levels) for table in tables]


def _batches(con: Any, query: str) -> Iterator[list[np.ndarray]]:
    """Columns of bytes, some rows at a time; what is missing is 0."""
    for batch in con.sql(query).to_arrow_reader(BATCH_ROWS):
        yield [column.fill_null(0).to_numpy() if column.null_count else column.to_numpy() for column in batch.columns]


def _levels(con: Any, source: str, keys: Mapping[str, Key]) -> dict[str, tuple[Any, ...]]:
    """Different values of every key, kept as a variable of the connection too; none at all where one has too many."""
    found = {}
    for i, (name, key) in enumerate(keys.items()):
        different = f"SELECT DISTINCT {key_sql(key)} AS k FROM {source} LIMIT {MOST_LEVELS + 1}"  # noqa: S608
        con.execute(f"SET VARIABLE {LEVELS}{i} = (SELECT list(k) FROM ({different}))")  # noqa: S608
        ((values,),) = con.execute(f"SELECT {_variable(i)}").fetchall()
        if values is None or len(values) > MOST_LEVELS:
            return {}
        found[name] = tuple(None if v != v else v for v in values)  # noqa: PLR0124 - NaN alone
    return found


def _variable(i: int) -> str:
    return f"getvariable('{LEVELS}{i}')"


def _tally(table: _Table, levels: Mapping[str, tuple[Any, ...]]) -> Tally:
    """The cells that rows have."""
    cells = np.flatnonzero(np.logical_or.reduce([n > 0 for n in table.counts.values()]))
    return Tally(
        table.keys,
        tuple(levels[k] for k in table.keys),
        np.unravel_index(cells, table.shape),
        {name: n[cells] for name, n in table.counts.items()},
        {},
        {},
    )
