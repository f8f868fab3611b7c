"""What a page is made of: tables with their rows, and all that is shown of one grouping."""

from __future__ import annotations

from dataclasses import dataclass

from audit.report.card.charts import Chart
from audit.report.card.words import Cell

SHORT_LABEL = 8


@dataclass(frozen=True, slots=True)
class TableRow:
    """Header and cells; ``kind`` marks the rows that are no group."""

    header: str
    cells: tuple[Cell, ...]
    kind: str = "group"


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
        short = all(len(row.label) <= SHORT_LABEL for chart in self.charts for row in chart.rows)
        return 3 if len(self.charts) == 3 and short else 2
