"""What an engine is: it passes over the rows of a table and answers with sums by cell, and with nothing else.

How a question becomes keys and sums, and how cells become cubes, is the same for all of them and stands in
`audit.counting.count`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

from audit.counting.tally import Tally
from audit.counting.terms import Extent, Key, Sum, Term
from audit.tables.table import Table


class Levels(NamedTuple):
    """What the first rows of a table hold."""

    rows: int
    distinct: Mapping[str, int]
    """Different values, by column."""


class Batch(NamedTuple):
    """Some rows, as arrays: the value that orders them, the number of their cell, and their weight."""

    value: np.ndarray
    code: np.ndarray
    weight: np.ndarray | None


class Range(NamedTuple):
    """The rows whose value lies from ``low`` to ``high``, in any order."""

    low: float
    high: float
    rows: int
    """About how many there are."""
    batches: Iterator[Batch]


class Falling(NamedTuple):
    """All rows, by ranges of a value."""

    cells: tuple[tuple[Any, ...], ...]
    """Raw value of every key, by the number of the cell."""
    counts: tuple[int, ...]
    """Rows of each cell."""
    ranges: Iterator[Range]
    """Each lies below those before it, and no two share a value."""


class Scan(Protocol):
    """The rows of one table while it is open for reading."""

    def tally(self, keys: Mapping[str, Key], sums: Mapping[str, Sum], shifts: Mapping[str, int], most: int) -> Tally:
        """Sums by cell, in one pass.

        Parameters
        ----------
        keys
            What to group by.
        sums
            Rows and totals.
        shifts
            Grid of each total, as `audit.counting.tally` counts it.
        most
            Cells that the caller can hold.

        Raises
        ------
        TooManyCellsError
            When there are more.
        """
        ...

    def tallies(
        self,
        keys: Mapping[str, Key],
        each: Sequence[Sequence[str]],
        sums: Mapping[str, Sum],
        shifts: Mapping[str, int],
        most: int,
    ) -> Sequence[Tally]:
        """Sums by cell of several tables, in as few passes as the engine can; each by some of the keys."""
        ...

    def summary(self, sums: Mapping[str, Sum]) -> dict[str, float | None]:
        """Rows, lowest and highest of the whole table, in one pass; None where no row has a value."""
        ...

    def look(self, columns: Sequence[str], rows: int) -> Levels:
        """How many different values the columns have among the first so many rows."""
        ...

    def few(self, of: Term, most: int) -> bool:
        """Whether a term has at most so many different values."""
        ...

    def falling(self, keys: Mapping[str, Key], of: Term, extent: Extent, weight: Term | None, rows: int) -> Falling:
        """All rows by falling ranges of a term, of about so many rows each at most.

        Raises
        ------
        QuestionError
            When the engine does not hand out rows.
        """
        ...


class Engine(Protocol):
    """A way to pass over rows."""

    @property
    def name(self) -> str:
        """As `[data] engine` calls it."""
        ...

    def scan(self, table: Table, columns: Sequence[str]) -> AbstractContextManager[Scan]:
        """Open some columns of a table for reading."""
        ...
