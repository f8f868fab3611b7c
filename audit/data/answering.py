"""A suite while it is answered: what is asked where, and by whom.

Must not: write a file, reach a network, or print.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from audit.data.aggregates import aggregate
from audit.data.answers import Answer, told
from audit.data.arguments import quietly
from audit.data.asked import Aggregate
from audit.data.counted_codes import mend_of
from audit.data.great import SQL, Great
from audit.data.shape import shape
from audit.data.suites import NEEDS_SQL, SHAPES, Expectation, Suite
from audit.engines.asking_figures import ask_figures
from audit.engines.duck import DuckScan, connection
from audit.engines.figures import Figures, families
from audit.engines.levels import band_texts, level_text
from audit.engines.tables import Table
from audit.engines.terms import Band, Column
from audit.errors import QuestionError, no_such, printable
from audit.grouping import MOST_GROUPS
from audit.result import Check, CheckOutcome

if TYPE_CHECKING:
    import pandas as pd

CODE = "DV100"
OURS = "evenhand"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expectation is asked: of the whole table, or of one group of a column."""

    column: str | None = None
    group: object = None
    """Raw value, or number of a band; None where it is missing."""
    name: str = ""
    """In words, to stand after the title."""
    rows: int = 0


@dataclass(eq=False)
class Asked:
    """One expectation at one place, with the answer once there is one."""

    expectation: Expectation
    place: Place
    answer: Answer | str | None = None
    """Or the sentence of an error."""
    answered_by: str = OURS

    def check(self) -> Check:
        """The answer as a check."""
        answer = self.answer
        if answer is None:
            raise RuntimeError(f"{self.expectation.type} was not answered")
        outcome: CheckOutcome
        outcome, detail = (
            ("error", answer) if isinstance(answer, str) else told(self.expectation, answer, self.place.rows)
        )
        severity = self.expectation.severity
        if outcome == "fail" and severity != "critical":
            outcome = "warn"
        return Check(
            code=CODE,
            title=f"{self.expectation.title}{self.place.name}",
            outcome=outcome,
            severity=severity,
            detail=detail,
            answered_by=self.answered_by,
            mend=mend_of(CODE, outcome),
        )


@dataclass(eq=False)
class Answering:
    """A suite while it is answered."""

    suite: Suite
    table: Table
    bands: Mapping[str, Column | Band]
    per_group: tuple[str, ...]
    asked: list[list[Asked]] = field(default_factory=list)
    """By expectation: the whole table, then the groups."""

    def ask_duckdb(self) -> None:
        """Answer all aggregates, the whole table in one scan and each group column in another."""
        self.asked = [[Asked(e, Place())] for e in self.suite.expectations]
        grouped = list(dict.fromkeys([*self.per_group, *self._named()]))
        self.table.require(grouped)
        read = {c for e in self.suite.expectations for c in e.columns if c in self.table.columns}
        with connection() as con, self.table.reading():
            scan = DuckScan(con, self.table.scan(con, sorted({*read, *grouped})), self.table.rows)
            known = families(scan)
            made = [None if _is_told(e, self.table) else aggregate(e, known) for e in self.suite.expectations]
            self._whole(made, scan)
            for column in grouped:
                self._grouped(made, scan, column)

    def _key(self, column: str) -> Column | Band:
        return self.bands.get(column, Column(column))

    def _named(self) -> Iterator[str]:
        return (c for e in self.suite.expectations for c in e.per_group)

    def _whole(self, made: Sequence[Aggregate | None], scan: DuckScan) -> None:
        (found,) = ask_figures(scan, [a for m in made if m is not None for a in m.asked])
        place = Place(rows=found.rows)
        for each, how in zip(self.asked, made, strict=True):
            each[0].place = place
            each[0].answer = _told(each[0].expectation, self.table)
            if how is not None:
                _take(each[0], how, found)

    def _grouped(self, made: Sequence[Aggregate | None], scan: DuckScan, column: str) -> None:
        wanted = [at for at, e in enumerate(self.suite.expectations) if self._is_asked(e, column)]
        hows = {at: made[at] for at in wanted}
        found = ask_figures(scan, [a for m in hows.values() if m is not None for a in m.asked], self._key(column))
        if len(found) > MOST_GROUPS:
            raise QuestionError(
                f"per_group: column '{printable(column)}' has {len(found):,} groups, more than {MOST_GROUPS:,}; "
                "bin it, or ask for another one"
            )
        key = self._key(column)
        bands = band_texts(key.edges) if isinstance(key, Band) else None
        places = [_place(column, each, bands) for each in found]
        for at, how in hows.items():
            here = [Asked(self.suite.expectations[at], place) for place in places]
            self.asked[at] += here
            for asked, figures in zip(here, found, strict=True):
                if how is not None:
                    _take(asked, how, figures)

    def _is_asked(self, expectation: Expectation, column: str) -> bool:
        """Whether an expectation is asked in the groups of a column; what speaks of columns or errs is asked once."""
        named = column in (*self.per_group, *expectation.per_group)
        return named and expectation.type not in SHAPES and not isinstance(_told(expectation, self.table), str)

    def ask_great_expectations(self) -> None:
        """Answer the rest on frames of the columns that it names; the library is not loaded where nothing is left."""
        left = [a for each in self.asked for a in each if a.answer is None]
        if not left:
            return
        with quietly():
            for place in dict.fromkeys(a.place for a in left):
                mine = [a for a in left if a.place is place]
                by_great(mine, Great(self._frame(place, _columns([a.expectation for a in mine], self.table))))

    def _frame(self, place: Place, names: Sequence[str]) -> pd.DataFrame:
        if place.column is None:
            return self.table.to_pandas(names)
        from audit.engines.subset import rows_of_group

        return rows_of_group(self.table, names, self._key(place.column), place.group)


def _told(expectation: Expectation, table: Table) -> Answer | str | None:
    """What is known before a row is read: an answer about columns, or an error."""
    if expectation.type in NEEDS_SQL:
        return SQL
    absent = next((c for c in expectation.columns if c not in table.columns), None)
    return shape(expectation, list(table.columns)) if absent is None else no_such("column", absent, table.columns)


def _is_told(expectation: Expectation, table: Table) -> bool:
    return _told(expectation, table) is not None


def _place(column: str, found: Figures, bands: Sequence[str] | None) -> Place:
    level = level_text(found.group, bands)
    name = f" where {printable(column)} is {'missing' if level is None else printable(level)}"
    return Place(column, found.group, name, found.rows)


def _take(asked: Asked, how: Aggregate, found: Figures) -> None:
    asked.answer = how.verdict(found)
    asked.answered_by = f"duckdb {duckdb.__version__}"


def by_great(asked: Sequence[Asked], great: Great) -> None:
    """Let Great Expectations answer; to be called within `audit.data.arguments.quietly`."""
    for each in asked:
        each.answer, each.answered_by = great.answer(each.expectation), great.name


def _columns(expectations: Sequence[Expectation], table: Table) -> tuple[str, ...]:
    """Columns that expectations name, also in a condition on rows; all of them where one names none."""
    found: set[str] = set()
    for expectation in expectations:
        condition = json.dumps(expectation.kwargs.get("row_condition"), default=str, ensure_ascii=False)
        named = {*expectation.columns, *(c for c in table.columns if c in condition)}
        found |= named or set(table.columns)
    return tuple(c for c in table.columns if c in found)
