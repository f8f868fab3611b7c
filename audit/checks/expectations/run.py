"""Which expectations are answered from one scan of the table by DuckDB, and which are left to Great Expectations.

The verdict is the one of Great Expectations' pandas engine, or there is none: where it would depend on how pandas
compares, rounds or adds up, the expectation is left to it. `docs/expectations.md` shows the table below.

Must not: read rows; import pandas or great_expectations.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import duckdb

from audit.axes import MOST_GROUPS, name_level
from audit.checks.code import fill
from audit.checks.codes import EXPECTATION
from audit.checks.expectations import aggregates as statistics
from audit.checks.expectations import row_conditions as rows
from audit.checks.expectations.aggregates import Maker, shape
from audit.checks.expectations.answer import (
    Answer,
    Expectation,
    Unknown,
    describe_allowance,
    describe_answer,
    reason_for_nobody,
)
from audit.checks.expectations.arguments import quietly
from audit.checks.expectations.great_expectations import SQL, Great
from audit.checks.expectations.row_conditions import Aggregate, Kept
from audit.checks.expectations.suite import NEEDS_SQL, SHAPES, Suite
from audit.counting.backends.duckdb import DuckScan
from audit.counting.columns.as_pandas import Reading, alias_of, reading_of
from audit.counting.columns.ask import ask_figures
from audit.counting.columns.figures import Family, Figures, families
from audit.counting.terms import Band, Column
from audit.errors import QuestionError, no_such, printable
from audit.estimate import level_text
from audit.record.cubes import TRAIN
from audit.record.result import Check
from audit.tables.kinds import name_bands
from audit.tables.pandas_frames import UnlikePandasError
from audit.tables.table import Table, open_connection

if TYPE_CHECKING:
    import pandas as pd

OURS = "evenhand"


NOTHING_ASKED = frozenset({"meta", "notes", "description", "condition_parser"})
"""Arguments that say nothing of what is expected."""
ENDS = ("min_value", "max_value", "strict_min", "strict_max")
ANY, TEXTS, NUMBERS, WHOLE, PLAIN = "any", "text", "numbers", "text, whole numbers", "text, numbers"
FAR = "ends that are dates or beyond 2^53"
MIXED = "sets of mixed kinds, of truth values, or of numbers beyond 2^53"
CLOSE = f"{FAR}; an end so close that the order of adding up could decide; infinite values"
PATTERNS = "patterns with look-around, back-references, flags, word boundaries, or `$` before the end"
SEVERAL = "columns of different kinds"


@dataclass(frozen=True, slots=True)
class _Answered:
    """How one type of expectation is answered."""

    make: Maker
    arguments: frozenset[str]
    """Arguments that are understood; with any other one, the expectation is left to Great Expectations."""
    of: str
    """Columns on which it is answered."""
    left: str
    """What is left to Great Expectations all the same."""


def _answer_by(make: Maker, of: str, left: str = "", arguments: Sequence[str] = ()) -> _Answered:
    return _Answered(make, frozenset({"column", "mostly", *arguments}), of, left)


ANSWERED: Mapping[str, _Answered] = {
    "expect_table_row_count_to_be_between": _answer_by(statistics.row_count, "the table", FAR, ENDS),
    "expect_table_row_count_to_equal": _answer_by(statistics.row_count, "the table", "", ("value",)),
    "expect_column_values_to_not_be_null": _answer_by(rows.null, ANY),
    "expect_column_values_to_be_null": _answer_by(rows.null, ANY),
    "expect_column_proportion_of_non_null_values_to_be_between": _answer_by(statistics.proportion, ANY, FAR, ENDS),
    "expect_column_values_to_be_between": _answer_by(rows.between, NUMBERS, FAR, ENDS),
    "expect_column_values_to_be_in_set": _answer_by(rows.in_set, PLAIN, MIXED, ("value_set",)),
    "expect_column_values_to_not_be_in_set": _answer_by(rows.in_set, PLAIN, MIXED, ("value_set",)),
    "expect_column_values_to_match_regex": _answer_by(rows.regex, WHOLE, PATTERNS, ("regex",)),
    "expect_column_values_to_not_match_regex": _answer_by(rows.regex, WHOLE, PATTERNS, ("regex",)),
    "expect_column_values_to_match_regex_list": _answer_by(rows.regex, WHOLE, PATTERNS, ("regex_list", "match_on")),
    "expect_column_values_to_not_match_regex_list": _answer_by(rows.regex, WHOLE, PATTERNS, ("regex_list",)),
    "expect_column_values_to_be_unique": _answer_by(rows.unique, PLAIN),
    "expect_compound_columns_to_be_unique": _answer_by(rows.together, PLAIN, "", ("column_list", "ignore_row_if")),
    "expect_select_column_values_to_be_unique_within_record": _answer_by(
        rows.together, PLAIN, SEVERAL, ("column_list", "ignore_row_if")
    ),
    "expect_column_value_lengths_to_be_between": _answer_by(rows.lengths, TEXTS, FAR, ENDS),
    "expect_column_value_lengths_to_equal": _answer_by(rows.lengths, TEXTS, FAR, ("value",)),
    "expect_column_min_to_be_between": _answer_by(statistics.extreme, NUMBERS, FAR, ENDS),
    "expect_column_max_to_be_between": _answer_by(statistics.extreme, NUMBERS, FAR, ENDS),
    "expect_column_sum_to_be_between": _answer_by(statistics.sum_or_mean, NUMBERS, CLOSE, ENDS),
    "expect_column_mean_to_be_between": _answer_by(statistics.sum_or_mean, NUMBERS, CLOSE, ENDS),
    "expect_column_stdev_to_be_between": _answer_by(statistics.deviation, NUMBERS, CLOSE, ENDS),
    "expect_column_median_to_be_between": _answer_by(statistics.median, NUMBERS, FAR, ENDS),
    "expect_column_quantile_values_to_be_between": _answer_by(
        statistics.quantiles,
        NUMBERS,
        "any interpolation but the nearest; halfway between two values",
        ("quantile_ranges",),
    ),
    "expect_column_unique_value_count_to_be_between": _answer_by(statistics.kinds, PLAIN, FAR, ENDS),
    "expect_column_proportion_of_unique_values_to_be_between": _answer_by(statistics.kinds, PLAIN, FAR, ENDS),
    "expect_column_distinct_values_to_be_in_set": _answer_by(statistics.distinct, PLAIN, MIXED, ("value_set",)),
    "expect_column_distinct_values_to_contain_set": _answer_by(statistics.distinct, PLAIN, MIXED, ("value_set",)),
    "expect_column_distinct_values_to_equal_set": _answer_by(statistics.distinct, PLAIN, MIXED, ("value_set",)),
    "expect_column_most_common_value_to_be_in_set": _answer_by(
        statistics.modes, PLAIN, MIXED, ("value_set", "ties_okay")
    ),
}


def aggregate(expectation: Expectation, families: Mapping[str, Family]) -> Aggregate | None:
    """Return how an expectation is answered from one scan; None where it is left to Great Expectations."""
    kind = ANSWERED.get(expectation.type)
    given = {k for k, v in expectation.kwargs.items() if v is not None} - NOTHING_ASKED
    mostly = expectation.kwargs.get("mostly", 1)
    if kind is None or given - kind.arguments or isinstance(mostly, bool) or not isinstance(mostly, (int, float)):
        return None
    if not set(expectation.columns) <= set(families):
        return None  # a column that pandas has otherwise than DuckDB
    return kind.make(expectation, _find_family(expectation.columns, families))


def _find_family(columns: Sequence[str], families: Mapping[str, Family]) -> Kept:
    found = {families.get(c, "other") for c in columns}
    if len(found) == 1:
        return found.pop()
    return "mixed" if found <= set(rows.COMPARED) else "other"


# A suite while it is answered: what is asked where, and by whom.
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
class AskedExpectation:
    """One expectation at one place, with the answer once there is one."""

    expectation: Expectation
    place: Place
    answer: Answer | Unknown | str | None = None
    """Or the sentence of an error."""
    answered_by: str = OURS

    def check(self) -> Check:
        """Return the answer as a check."""
        answer = self.answer
        if answer is None:
            raise RuntimeError(f"{self.expectation.type} gave no result")
        made = self._make_check(f"{self.expectation.title}{self.place.name}", answer)
        severity = self.expectation.severity
        outcome = "fail" if made.outcome == "warn" and severity == "critical" else made.outcome
        return replace(made, outcome=outcome, severity=severity, answered_by=self.answered_by)

    def _make_check(self, name: str, answer: Answer | Unknown | str) -> Check:
        """Return the check whose name is the expectation's own."""
        kind = replace(EXPECTATION, name=name)
        if isinstance(answer, str):
            return kind.unanswered(TRAIN, "error", answer)
        if isinstance(answer, Unknown):
            return kind.unanswered(TRAIN, "undefined", answer.reason)
        if answer.people == 0:
            return kind.unanswered(TRAIN, "undefined", reason_for_nobody(self.expectation, answer, self.place.rows))
        detail = describe_answer(self.expectation, answer)
        if answer.success:
            return kind.passed(TRAIN, detail, expectation=name)
        if answer.looked_at is None:
            title = fill(kind.finds[1], TRAIN, expectation=name)
            return kind.found(TRAIN, detail, title=title, expectation=name)
        counts = {"unexpected": f"{answer.unexpected:,}", "all": f"{answer.people or 0:,}"}
        return kind.found(TRAIN, describe_allowance(self.expectation, answer), expectation=name, **counts)


@dataclass(eq=False)
class Answering:
    """A suite while it is answered."""

    suite: Suite
    table: Table
    bands: Mapping[str, Column | Band]
    per_group: tuple[str, ...]
    asked: list[list[AskedExpectation]] = field(default_factory=list)
    """By expectation: the whole table, then the groups."""

    @cached_property
    def pandas(self) -> Reading:
        """The table as pandas reads it."""
        return reading_of(self.table)

    def ask_duckdb(self) -> None:
        """Answer all aggregates, the whole table in one scan and each group column in another."""
        self.asked = [[AskedExpectation(e, Place())] for e in self.suite.expectations]
        grouped = list(dict.fromkeys([*self.per_group, *self._list_group_columns()]))
        self.table.require(grouped)
        read = self._read([e for e in self.suite.expectations if not self._is_told(e)])
        self.table.require(read)
        try:
            with self.table.reading():
                self.pandas.prepare(read, grouped)
        except UnlikePandasError as error:
            self._unlike(error)
            return
        with open_connection() as con, self.table.reading():
            scan = self.pandas.scan(con, read, grouped)
            known = families(scan)
            made = [None if self._is_told(e) else aggregate(e, known) for e in self.suite.expectations]
            self._answer_whole(made, scan)
            for column in grouped:
                self._grouped(made, scan, column)

    def _unlike(self, error: UnlikePandasError) -> None:
        """Answer that nothing can be said of a table that pandas reads as another one, or not at all."""
        for each in self.asked:
            each[0].place = Place(rows=self.table.rows or 0)
            each[0].answer = _answer_early(each[0].expectation, self.pandas.columns) or Unknown(str(error))

    def _key(self, column: str) -> Column | Band:
        return self.bands.get(column, Column(column))

    def _aliased(self, column: str) -> Column | Band:
        return replace(self._key(column), name=alias_of(column))

    def _list_group_columns(self) -> Iterator[str]:
        return chain.from_iterable(e.per_group for e in self.suite.expectations)

    def _answer_whole(self, made: Sequence[Aggregate | None], scan: DuckScan) -> None:
        (found,) = ask_figures(scan, list(chain.from_iterable(m.asked for m in made if m is not None)))
        place = Place(rows=found.rows)
        for each, how in zip(self.asked, made, strict=True):
            each[0].place = place
            each[0].answer = _answer_early(each[0].expectation, self.pandas.columns)
            if how is not None:
                _take(each[0], how, found)

    def _grouped(self, made: Sequence[Aggregate | None], scan: DuckScan, column: str) -> None:
        wanted = [at for at, e in enumerate(self.suite.expectations) if self._is_asked(e, column)]
        hows = {at: made[at] for at in wanted}
        figures = list(chain.from_iterable(m.asked for m in hows.values() if m is not None))
        found = ask_figures(scan, figures, self._aliased(column))
        if len(found) > MOST_GROUPS:
            raise QuestionError(
                f"per_group: column '{printable(column)}' has {len(found):,} groups, more than {MOST_GROUPS:,}; "
                "bin it, or name another column"
            )
        key = self._key(column)
        bands = name_bands(key.edges) if isinstance(key, Band) else None
        places = [_place(column, each, bands) for each in found]
        for at, how in hows.items():
            here = [AskedExpectation(self.suite.expectations[at], place) for place in places]
            self.asked[at] += here
            for asked, group in zip(here, found, strict=True):
                if how is not None:
                    _take(asked, how, group)

    def _is_asked(self, expectation: Expectation, column: str) -> bool:
        """Return whether an expectation is asked by group; one of columns, or with an error, is asked once."""
        named = column in (*self.per_group, *expectation.per_group)
        return (
            named
            and expectation.type not in SHAPES
            and not isinstance(_answer_early(expectation, self.pandas.columns), str)
        )

    def ask_great_expectations(self) -> None:
        """Answer the rest on frames of the columns that it names; the library is not loaded where nothing is left."""
        left = [a for a in chain.from_iterable(self.asked) if a.answer is None]
        for each in left:
            each.answer = _reason_for_folders(self._columns(each.expectation), self.pandas.unlike)
        left = [a for a in left if a.answer is None]
        if left:
            self._ask_left(left)

    def _ask_left(self, left: Sequence[AskedExpectation]) -> None:
        try:
            frame = self.pandas.frame(self._read([a.expectation for a in left]))
        except UnlikePandasError as error:
            for each in left:
                each.answer = Unknown(str(error))
            return
        with quietly():
            for place in dict.fromkeys(a.place for a in left):
                mine = [a for a in left if a.place is place]
                by_great(mine, Great(frame if place.column is None else self._part(frame, place)))

    def _part(self, frame: pd.DataFrame, place: Place) -> pd.DataFrame:
        """Return the rows of one group."""
        return frame[self.pandas.rows_of_group(self._key(place.column or ""), place.group)]

    def _read(self, expectations: Sequence[Expectation]) -> tuple[str, ...]:
        """Return columns that any of the expectations reads, in their order."""
        found = set().union(*map(self._columns, expectations))
        return tuple(c for c in self.pandas.columns if c in found)

    def _columns(self, expectation: Expectation) -> set[str]:
        """Return columns that an expectation names, also in a condition on rows; one that counts rows needs any."""
        columns = self.pandas.columns
        named = named_in(expectation.kwargs.get("row_condition"), columns)
        return {*expectation.columns, *named} or set(columns if expectation.type in SHAPES else columns[:1])

    def _is_told(self, expectation: Expectation) -> bool:
        return _answer_early(expectation, self.pandas.columns) is not None


def named_in(condition: Any, columns: Sequence[str]) -> set[str]:
    """Return columns that a condition may name; all of them where names could be spelled in another way than they are.

    A name too many costs memory, a name too few an error: so the text is searched, and not parsed.
    """
    texts = list(_list_texts(condition))
    if any("\\" in text or not text.isascii() for text in texts):
        return set(columns)
    return {c for c in columns if any(c in text for text in texts)}


def _list_texts(condition: Any) -> Iterator[str]:
    """Yield every text in a condition, which may be nested."""
    if isinstance(condition, str):
        yield condition
    elif isinstance(condition, Mapping):
        yield from chain.from_iterable(map(_list_texts, condition.values()))
    elif isinstance(condition, list):
        yield from chain.from_iterable(map(_list_texts, condition))
    elif condition is not None and not isinstance(condition, (bool, int, float)):
        yield str(condition)


def _reason_for_folders(names: Collection[str], said: Collection[str]) -> Unknown | None:
    """Return why nothing is answered of what folders say."""
    name = next((n for n in sorted(names) if n in said), None)
    if name is None:
        return None
    return Unknown(
        f"'{printable(name)}' is what folders say, which pandas reads as a category or not at all; "
        "write it into the files as a column"
    )


def _answer_early(expectation: Expectation, columns: Sequence[str]) -> Answer | str | None:
    """Return what is known before a row is read: an answer about columns, or an error."""
    if expectation.type in NEEDS_SQL:
        return SQL
    absent = next((c for c in expectation.columns if c not in columns), None)
    if absent is None:
        return shape(expectation, columns)
    return no_such("column", absent, columns)


def _place(column: str, found: Figures, bands: Sequence[str] | None) -> Place:
    level = name_level(found.group, bands)
    name = f" where {printable(column)} is {'missing' if level is None else level_text(level)}"
    return Place(column, found.group, name, found.rows)


def _take(asked: AskedExpectation, how: Aggregate, found: Figures) -> None:
    asked.answer = how.verdict(found)
    asked.answered_by = f"duckdb {duckdb.__version__}"


def by_great(asked: Sequence[AskedExpectation], great: Great) -> None:
    """Let Great Expectations answer; to be called within `audit.checks.expectations.arguments.quietly`."""
    for each in asked:
        each.answer, each.answered_by = great.answer(each.expectation), great.name
