"""DL002: the same person, or whatever the unit is, in two parts."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import CheckKind
from audit.checks.code import name_table
from audit.checks.part import OpenPart, several, share
from audit.counting.columns.repeats import value_sql
from audit.errors import printable
from audit.record.result import Check


def _find_shared_units(looked: OpenPart) -> Iterator[Check]:
    train, unit = looked.train, looked.config.unit
    if train is None:
        return
    if unit is None:
        why = "no column with the person is set ([data] unit), so each row counts as a person of its own"
        yield CHECK.unanswered(looked.part, "not applicable", why)
        return
    of = (unit,)
    if unit not in looked.columns or unit not in train.columns:
        why = f"a table has no readable column {printable(unit)}"
        yield CHECK.unanswered(looked.part, "undefined", why, columns=of)
        return
    units, rows, others, of_units, of_rows = _count_shared_units(looked, train, unit)
    if not of_units:
        yield CHECK.unanswered(looked.part, "undefined", f"{printable(unit)} has no value", columns=of)
        return
    if not units:
        yield CHECK.passed(looked.part, f"{of_units:,} values", columns=of)
        return
    shares = f"{share(rows / of_rows)} of the rows of {name_table(looked.part)}"
    detail = f"{shares}; {several(others, 'row')} of the training data have these values"
    said = {"all": f"{of_units:,}", "rows": several(rows, "row")}
    yield CHECK.found(looked.part, detail, columns=of, count=units, **said)


def _count_shared_units(looked: OpenPart, train: OpenPart, unit: str) -> tuple[int, ...]:
    """Return units in both parts, their rows in the part and in train; units and rows of the part."""
    value = value_sql(unit, (looked.table.columns[unit], train.table.columns[unit]))
    both = " UNION ALL ".join(
        f"SELECT {value} AS u, {there} AS there FROM {part.scan.source}"  # noqa: S608
        for part, there in ((train, 0), (looked, 1))
    )
    each = (
        "SELECT count(*) - sum(there) AS a, sum(there) AS b "  # noqa: S608
        f"FROM ({both}) WHERE u IS NOT NULL GROUP BY u"
    )
    of = "FILTER (a > 0 AND b > 0)"
    select = f"count(*) {of}, sum(b) {of}, sum(a) {of}, count(*) FILTER (b > 0), sum(b)"
    return tuple(int(v or 0) for v in looked.scan.ask(f"SELECT {select} FROM ({each})")[0])  # noqa: S608


CHECK = CheckKind(
    code="DL002",
    name="People shared by training and test data",
    passes=("No {columns} is in both training and {test} data",),
    finds=("{count} of {all} values of {columns} in the {test} data [are|is] also in the training data ({rows})",),
    plain="Values of {columns} in the {test} data are also in the training data",
    reason="test results on people seen in training say little about new people",
    reference="Kapoor & Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9), L3.2",
    mend="Split by this column, so that all rows of one person are on one side.",
    find=_find_shared_units,
)
