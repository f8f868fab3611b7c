"""What a page is made of: tables with their rows, and all that is shown of one grouping."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from audit.estimate import Group
from audit.report.card.charts import Chart
from audit.report.card.words import Cell

SHORT_LABEL = 8


@dataclass(frozen=True, slots=True)
class TableRow:
    """Header and cells; ``kind`` marks the rows that are no group."""

    header: str
    cells: tuple[Cell, ...]
    kind: str = "group"


def choose_kind(group: Group) -> str:
    """Return the kind of the row of a group; the group of no column is all rows."""
    if not group:
        return "everybody"
    return "missing" if None in group else "group"


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is drawn."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    note: str = ""
    wide: bool = False
    """Whether its running text needs room, so that it is scrolled on a telephone."""


@dataclass(frozen=True, slots=True)
class GroupingView:
    """All that is shown of one grouping."""

    id: str
    title: str
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()

    @property
    def across(self) -> int:
        """Return how many charts stand side by side on a wide page."""
        rows = chain.from_iterable(chart.rows for chart in self.charts)
        short = all(len(row.label) <= SHORT_LABEL for row in rows)
        if len(self.charts) == 3 and short:
            return 3
        return 2
