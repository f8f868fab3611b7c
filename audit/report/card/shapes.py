"""What a page is made of: estimates by name and group, tables with their rows, all that is shown of one grouping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from audit.estimate import Estimate, Group, Stage, join_first, quoted_level
from audit.record.energy import EnergyMethod
from audit.record.result import AuditResult, Gate
from audit.report.card.charts import Chart, Flow
from audit.report.card.words import FEW, TOO_FEW, WITHHELD, Cell

By = tuple[str, ...]
SHORT_LABEL = 8
MOST_NAMED = 6
"""Withheld rows that a line names; of more it says how many."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """Header and cells; ``kind`` marks the rows that are no group."""

    header: str
    cells: tuple[Cell, ...]
    kind: str = "group"

    @property
    def is_withheld(self) -> bool:
        """Return whether nothing of it can be shown."""
        there = [cell for cell in self.cells if cell.mark != "none"]
        return bool(there) and all(cell.mark == "suppressed" for cell in there)


def choose_kind(group: Group) -> str:
    """Return the kind of the row of a group; the group of no column is all rows."""
    if not group:
        return "overall"
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


def make_table(
    caption: str, columns: Sequence[str], rows: Sequence[TableRow], k: int, *notes: str, wide: bool = False
) -> Table:
    """Return a table without the rows of which nothing can be shown, and one line of what is withheld."""
    shown = tuple(row for row in rows if not row.is_withheld)
    said = (describe_withheld(rows, k), describe_few(shown), *notes)
    return Table(caption, tuple(columns), shown, " ".join(n for n in said if n), wide)


def describe_few(rows: Sequence[TableRow]) -> str:
    """Return what marks a number that rests on too few rows; nothing where none does."""
    if any(cell.mark == "few" for cell in chain.from_iterable(row.cells for row in rows)):
        return f"{FEW} = {TOO_FEW}."
    return ""


def count_withheld(n: int) -> str:
    """Return how many groups a picture leaves out because they are withheld, after its title; nothing where none is."""
    if not n:
        return ""
    return f"; {n} group{'s' * (n > 1)} withheld"


def describe_withheld(rows: Sequence[TableRow], k: int) -> str:
    """Return how many numbers of some rows are withheld, and which rows are so entirely; nothing where none is."""
    cells = [c for c in chain.from_iterable(row.cells for row in rows) if c.mark != "none"]
    gone = sum(c.mark == "suppressed" for c in cells)
    if not gone:
        return ""
    whole = [row.header for row in rows if row.is_withheld]
    named = join_first([quoted_level(name) for name in whole[:MOST_NAMED]], len(whole))
    entirely = f", among them all of {named}" if whole else ""
    partly = chain.from_iterable(row.cells for row in rows if not row.is_withheld)
    mark = f"{WITHHELD} = withheld" if any(c.mark == "suppressed" for c in partly) else "Withheld"
    return f"{mark} to protect groups under {k}: {gone:,} of {len(cells):,} numbers{entirely}."


@dataclass(frozen=True, slots=True)
class GroupingView:
    """All that is shown of one grouping."""

    id: str
    title: str
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    by: By = ()
    """Columns of the grouping."""
    flow: Flow | None = None
    """What changed either way, where two decisions are compared."""

    @property
    def summary(self) -> str:
        """Return the line behind which it is folded."""
        return f"All rates {self.title[:1].lower()}{self.title[1:]}"

    @property
    def across(self) -> int:
        """Return how many charts stand side by side on a wide page."""
        rows = chain.from_iterable(chart.rows for chart in self.charts)
        short = all(len(row.label) <= SHORT_LABEL for row in rows)
        if len(self.charts) == 3 and short:
            return 3
        return 2


@dataclass(frozen=True, slots=True)
class Piece:
    """What one component drew by one method, as a piece of the bar; places are in per cent."""

    label: str
    text: str
    method: EnergyMethod
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class EnergyView:
    """Energy as it is read: the sentence, what it is made of, the rows, what they mean, the factors."""

    sentence: str = "Energy was not metered in this audit."
    largest: str = ""
    pieces: tuple[Piece, ...] = ()
    components: Table | None = None
    totals: Table | None = None
    units: Table | None = None
    factors: Table | None = None
    note: str = ""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Return the tables that there are, in the order in which they are read."""
        return tuple(t for t in (self.components, self.totals, self.units, self.factors) if t is not None)


@dataclass(frozen=True)
class EstimateIndex:
    """Estimates of one stage, looked up by name and group."""

    result: AuditResult
    stage: Stage
    k: int = 1
    """Smallest count that is published; 1 where nothing is withheld."""
    index: dict[tuple[str, str | None, By, Group | None], Estimate] = field(init=False)
    sizes: dict[tuple[By, Group], float] = field(init=False)

    def __post_init__(self) -> None:
        found = {
            (e.metric, e.compare, e.by, e.group): e
            for e in reversed(self.result.estimates)
            if e.stage == self.stage and (e.outcome is None or not e.of_one_class)
        }
        sizes = {(b, g or ()): e.n for (_, c, b, g), e in found.items() if c is None and e.n is not None}
        object.__setattr__(self, "index", found)
        object.__setattr__(self, "sizes", sizes)

    def groupings(self) -> list[By]:
        """Return the groupings in the order of the document, without that of all rows."""
        return [by for by in dict.fromkeys([e.by for e in self.result.estimates if e.stage == self.stage]) if by]

    def groups(self, by: By) -> list[Group]:
        """Return the groups of one grouping, then the rows without one."""
        found = dict.fromkeys(
            [
                e.group
                for e in self.result.estimates
                if e.stage == self.stage and e.by == by and e.compare is None and e.group is not None
            ]
        )
        return sorted(found, key=lambda g: None in g)

    def rate(self, metric: str, by: By, group: Group) -> Estimate | None:
        """Return the rate of one group; all rows are the group of no column."""
        found = self.index.get((metric, None, by, group))
        return found or (self.index.get((metric, None, (), None)) if not by else None)

    def overall(self, metric: str) -> Estimate | None:
        """Return the rate of all rows."""
        return self.rate(metric, (), ())

    def classes(self) -> list[str]:
        """Return the classes that are measured one against all others, in order."""
        return list(
            dict.fromkeys(
                [
                    e.outcome
                    for e in self.result.estimates
                    if e.stage == self.stage and e.outcome is not None and e.of_one_class
                ]
            )
        )

    def of_classes(self, metric: str, by: By) -> dict[tuple[Group | None, str], Estimate]:
        """Return the rates of each class in each group of a grouping."""
        return {
            (e.group, e.outcome): e
            for e in self.result.estimates
            if (e.stage, e.metric, e.compare, e.by) == (self.stage, metric, None, by) and e.outcome is not None
        }

    def gap(self, metric: str, compare: str, by: By) -> Estimate | None:
        """Return the comparison over all groups."""
        return self.index.get((metric, compare, by, None))

    def rows(self, by: By, group: Group) -> float | None:
        """Return the rows of a group; None where they are left out."""
        return self.sizes.get((by, group))

    def gates(self, by: By) -> list[Gate]:
        """Return the gates on this grouping."""
        return [g for g in self.result.gates if g.estimate and g.estimate.stage == self.stage and g.estimate.by == by]
