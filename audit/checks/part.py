"""One part of the data while its checks run: every question is one pass over the rows, and is asked once.

Must not: decide anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from audit.axes import STRATUM, CubeKind
from audit.checks.code import NAME_LENGTH
from audit.config.schema import Config
from audit.counting.backends.duckdb import DuckScan
from audit.counting.columns.held_columns import held_columns
from audit.counting.columns.profile import Profile, profile_of
from audit.counting.crossings import Crossed
from audit.counting.cubes import read_cubes
from audit.counting.plan import Counted, Plan
from audit.counting.tally import TooManyCellsError
from audit.counting.terms import Band, Column, Extent, Key, Number, Rows, Slice, group_key, keys, weights
from audit.counting.weighing import count_weighed_once, extent_of_weights, find_unit
from audit.cube import Cube
from audit.errors import SourceError, printable
from audit.estimate import Level, figure_text, join_first, named_group, p_text
from audit.measurement.scope import Scope
from audit.tables.table import Table, open_connection, quote_identifier, register_view

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MOST_NAMED = 5
MOST_LEFT = 20
"""Columns of which nothing is said that are named, so that a reader of the record finds them again."""


MOST_CELLS = 200_000
"""Joint values that are counted; more are too many to say anything about."""
MOST_LEVELS = 50
"""Different numbers beyond which a column of numbers is cut into slices."""
SLICES, BANDS = 1000, 20
WIDE, BLOCK = 50, 16
"""Columns beyond which a table is read in blocks, and columns of a block."""
TOGETHER = 64
"""Columns that are tried in one query, before each is tried by itself."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Rows by the joint values of some columns."""

    columns: tuple[str, ...]
    cells: tuple[tuple[Any, ...], ...]
    """Raw values, or numbers of bands where a column was cut."""
    n: np.ndarray
    """Rows of each cell, int64."""

    def level(self, column: str) -> list[object]:
        """Return the value of one column, a value a cell."""
        at = self.columns.index(column)
        return [cell[at] for cell in self.cells]


@dataclass(eq=False)
class OpenPart:
    """One part of the data, open for reading."""

    part: str
    """``train``, ``test``."""
    table: Table
    config: Config
    plan: Plan
    """What the audit counts of a part."""
    scope: Scope
    """What it measures."""
    scan: DuckScan
    """All readable columns of the part."""
    counted: Counted
    """Groups and labels of the part, as the audit itself counted them."""
    columns: tuple[str, ...]
    """Columns that can be read exactly as they stand."""
    unread: tuple[str, ...] = ()
    """Columns that cannot, and that no question names; no check says anything of them."""
    train: OpenPart | None = None
    """The part that a model learns from, where this is another one."""
    _joint: dict[tuple[str, ...], Joint | None] = field(default_factory=dict, repr=False)
    _crossed: dict[str, tuple[Cube, ...]] = field(default_factory=dict, repr=False)
    _last: tuple[int, DuckScan] | None = field(default=None, repr=False)

    @cached_property
    def profiles(self) -> Mapping[str, Profile]:
        """What each column holds; of a wide table some columns at a time, as DuckDB holds a megabyte for each."""
        found: dict[str, Profile] = {}
        for names in self.some_at_a_time(self.columns):
            found |= profile_of(self.narrow(names), {c: self.table.columns[c] for c in names})
        return found

    def some_at_a_time(self, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield columns by the block that they lie in; all of them together where the table is not wide."""
        for _, run in groupby(columns, key=lambda c: self._blocks.get(c, 0)):
            yield tuple(run)

    @cached_property
    def _blocks(self) -> Mapping[str, int]:
        """Number of the block of each column that no question names; none where the table is not wide."""
        if self.table.lazy or len(self.columns) <= WIDE:
            return {}
        named = set(self._question_columns)
        return {c: i // BLOCK for i, c in enumerate(c for c in self.columns if c not in named)}

    @cached_property
    def _members(self) -> Mapping[int, Sequence[str]]:
        """Columns of each block, without those that the question names."""
        return {block: [c for c, _ in of] for block, of in groupby(self._blocks.items(), key=lambda item: item[1])}

    @cached_property
    def _question_columns(self) -> tuple[str, ...]:
        """Columns that the question names, which lie in every block."""
        return tuple(c for c in self.plan.columns if c in set(self.columns))

    @property
    def rows(self) -> int:
        """Rows of the part."""
        return self.counted.rows_read

    def narrow(self, columns: Sequence[str]) -> DuckScan:
        """Return a few columns of the part: every query on a wide one costs as much as all of its columns are named.

        A wide table is put before DuckDB in blocks, the last of which is kept, so that checks that go through the
        columns in their order put each of them there once.
        """
        if not self._blocks:
            return self.scan
        wanted = {self._blocks[c] for c in columns if c in self._blocks}
        if len(wanted) > 1:
            return self._open_scan(tuple(dict.fromkeys(columns)))
        block = min(wanted, default=0)
        if self._last is None or self._last[0] != block:
            self._last = block, self._open_scan((*self._question_columns, *self._members[block]))
        return self._last[1]

    def _open_scan(self, columns: tuple[str, ...]) -> DuckScan:
        con, held = self.scan.con, self._held
        source = self.table.scan(con, columns) if held is None else register_view(con, held.select(list(columns)))
        return DuckScan(con, source, self.table.rows)

    @cached_property
    def _held(self) -> pa.Table | None:
        """Rows of wide files, where they are few: DuckDB reads a footer, which names all columns, for every query.

        What folders say is joined to the rows, which may change their order, so that such rows are not held.
        """
        joined = any(part.keys for part in self.table.parts)
        if joined or self.table.rows is None or self.table.take_held_rows([]) is not None:
            return None
        return held_columns(self.scan.con, self.table, self.columns)

    def joint(self, *columns: str) -> Joint | None:
        """Return rows by joint values; None where there are too many of them.

        Numbers of many values are cut into bands that hold about as many rows each.
        """
        if columns not in self._joint:
            self._joint[columns] = self._count_joint(columns)
        return self._joint[columns]

    def _count_joint(self, columns: Sequence[str]) -> Joint | None:
        try:
            found = self.narrow(columns).tally({c: self.key(c) for c in columns}, {"n": Rows()}, {}, MOST_CELLS)
        except TooManyCellsError:
            return None
        cells = tuple(zip(*(found.column(c) for c in columns), strict=True))
        return Joint(tuple(columns), cells, found.array("n"))

    def crossed(self, column: str) -> tuple[Cube, ...]:
        """Group x column x label (x fold) for each group column, with weights where there are any.

        The column is the axis ``stratum``; of a column that was cut, the numbers of its bands. Nothing where there
        are too many joint values.
        """
        if column not in self._crossed:
            plan = replace(self.plan, strata=(column,))
            sums, extents = weights(plan), self._extents(plan)
            by = keys(plan) | {f"{STRATUM}0": self.key(column)}
            try:
                scan = self.narrow((*plan.columns, column))
                found = count_weighed_once(scan, by, sums, extents, plan, MOST_CELLS)
                found = found.in_unit(find_unit(found))
                self._crossed[column] = read_cubes(Crossed((found.sorted(),), 0), plan).further[CubeKind.STRATA]
            except TooManyCellsError:
                self._crossed[column] = ()
        return self._crossed[column]

    def _extents(self, plan: Plan) -> Mapping[str, Extent]:
        if plan.weight is None:
            return {}
        return {plan.weight: extent_of_weights(self.narrow([plan.weight]), plan.weight)}

    def key(self, column: str) -> Key:
        """Return the key by which a column is counted: its value, its band, or the group that it names."""
        plan = self.plan
        if column in plan.groups:
            return group_key(column, plan)
        edges = self.edges.get(column)
        return Column(column) if edges is None else Band(column, edges)

    @cached_property
    def edges(self) -> Mapping[str, tuple[float, ...]]:
        """Inner edges of the bands of every column of numbers that has many values; of all parts the same."""
        if self.train is not None:
            known = {c: e for c, e in self.train.edges.items() if self._numeric(c)}
            return known | {c: e for c, e in self._own_edges().items() if c not in self.train.columns}
        return self._own_edges()

    def _numeric(self, column: str) -> bool:
        return column in self.profiles and self.profiles[column].kind in {"integer", "float"}

    def _own_edges(self) -> dict[str, tuple[float, ...]]:
        wide = {
            c: p
            for c, p in self.profiles.items()
            if p.kind in {"integer", "float"} and p.distinct > MOST_LEVELS and p.low is not None and p.high is not None
        }
        return {c: self._bands(c, p.low or 0.0, p.high or 0.0) for c, p in wide.items()}

    def _bands(self, column: str, low: float, high: float) -> tuple[float, ...]:
        per_unit = SLICES / (high - low)
        sliced = {column: Slice(Number(column), low, per_unit, SLICES)}
        found = self.narrow([column]).tally(sliced, {"n": Rows()}, {}, SLICES + 1)
        filled = zip(found.column(column), found.counts["n"].tolist(), strict=True)
        order = sorted((int(value), n) for value, n in filled if value is not None)
        share = np.cumsum([n for _, n in order]) / max(1, sum(n for _, n in order))
        at = np.searchsorted(share, np.arange(1, BANDS) / BANDS)
        return tuple(sorted({low + (order[i][0] + 1) / per_unit for i in at if i < len(order) - 1})) or (high,)


def readable(table: Table, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return columns of plain values under a name of their own; of a lazy table only those that the question names."""
    if table.lazy:
        return asked
    plain = (c for c, kind in table.columns.items() if kind != "other")
    return tuple(c for c in plain if c in asked or c not in table.clashing)


def _find_exact_columns(
    con: duckdb.DuckDBPyConnection, table: Table, names: Sequence[str], asked: Sequence[str]
) -> tuple[str, ...]:
    """Return columns that can be read exactly; one that would be rounded does not stop a look at the rest."""
    doubtful = frozenset(table.doubtful).difference(asked)
    some = [n for n in names if n in doubtful]
    runs = [some[at : at + TOGETHER] for at in range(0, len(some), TOGETHER)]
    readable_names: set[str] = set()
    for run in runs:
        readable_names.update(run if _can_be_read(con, table, run) else _find_readable_alone(con, table, run))
    return tuple(n for n in names if n not in doubtful or n in readable_names)


def _find_readable_alone(con: duckdb.DuckDBPyConnection, table: Table, names: Sequence[str]) -> list[str]:
    return [n for n in names if _can_be_read(con, table, [n])]


def _can_be_read(con: duckdb.DuckDBPyConnection, table: Table, names: Sequence[str]) -> bool:
    import duckdb

    listed = ", ".join(f"max({quote_identifier(n)})" for n in names)
    with suppress(SourceError, duckdb.ConversionException):
        con.execute(f"SELECT {listed} FROM {table.scan(con, names)}").fetchall()  # noqa: S608
        return True
    return False


@contextmanager
def open_parts(
    tables: Mapping[str, Table], config: Config, plan: Plan, scope: Scope, counted: Mapping[str, Counted]
) -> Iterator[tuple[OpenPart, ...]]:
    """Open all parts on one connection, so that they can be compared; the first one is what a model learns from."""
    with open_connection() as con:
        opened: list[OpenPart] = []
        for part, table in tables.items():
            with table.reading():
                wanted = readable(table, plan.columns)
                columns = _find_exact_columns(con, table, wanted, plan.columns)
                scan = DuckScan(con, table.scan(con, columns), table.rows)
                readably = frozenset(columns)
                every = () if table.lazy else (*table.columns, *table.lacking)
                unread = tuple(c for c in every if c not in readably)
                train = opened[0] if opened else None
                opened.append(OpenPart(part, table, config, plan, scope, scan, counted[part], columns, unread, train))
        yield tuple(opened)


# How checks speak of columns and groups: escaped, a few by name, the rest by number.
def list_names(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Return the first names of several.

    >>> list_names(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    return join_first([printable(n, NAME_LENGTH) for n in names[:most]], len(names))


def list_some(names: Sequence[str], most: int = MOST_NAMED) -> list[str]:
    """Return the first names of several, and how many more there are.

    >>> list_some(["a", "b", "c", "d"], most=2)
    ['a', 'b', '2 more']
    """
    return [printable(n, NAME_LENGTH) for n in names[:most]] + ([f"{len(names) - most} more"] * (len(names) > most))


def describe_unweighted(looked: OpenPart) -> str:
    """Return that a check counts rows alike, where the configuration names weights; empty where it names none."""
    return "; each row counts once, weights are not used" if looked.config.data.weight is not None else ""


def list_unchecked(names: Sequence[str], why: str) -> str:
    """End of a sentence about columns of which it does not speak; empty where there are none.

    >>> list_unchecked(["a", "b"], "more than 50,000 values")
    '; 2 columns not checked (more than 50,000 values): a, b'
    """
    if not names:
        return ""
    return f"; {several(len(names), 'column')} not checked ({why}): {list_names(names, MOST_LEFT)}"


def name_group(column: str, level: Level) -> str:
    """Return one group of one column.

    >>> name_group("race", "black"), name_group("sex", "f")
    ('black', "sex 'f'")
    """
    return named_group((level,), (column,))


def several(count: int, noun: str, plural: str = "") -> str:
    """Return a number and noun.

    >>> several(1, "row"), several(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def chance(p: float) -> str:
    """Return how surprising something is.

    >>> chance(1e-30), chance(0.0123)
    ('p-value < 0.001', 'p-value 0.012')
    """
    return f"p-value {p_text(p)}"


def share(value: float) -> str:
    """Return a share of rows in percent.

    >>> share(0.675), share(0.9999)
    ('67.5%', '99.99%')
    """
    return figure_text(value, "share")
