"""DL002: the same person, or whatever the unit is, in two parts."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import CheckKind
from audit.checks.part import OpenPart
from audit.counting.columns.repeats import value_sql
from audit.errors import printable
from audit.record.result import Check


def _find_shared_units(looked: OpenPart) -> Iterator[Check]:
    train, unit = looked.train, looked.config.unit
    if train is None:
        return
    if unit is None:
        detail = "every row is a unit of its own; name the column of persons as [data] unit where rows share them"
        yield CHECK.outcome("not applicable", detail, about=f"no unit is in train and in {looked.part}")
        return
    about = f"no {printable(unit)} is in train and in {looked.part}"
    if unit not in looked.columns or unit not in train.columns:
        yield CHECK.outcome("undefined", f"a part has no readable column {printable(unit)}", about=about)
        return
    units, rows, others, of_units, of_rows = _count_shared_units(looked, train, unit)
    if not of_units:
        yield CHECK.outcome("undefined", "one of the parts has no unit", about=about)
        return
    said = f"{units:,} of {of_units:,} units of {looked.part} are in train too"
    if not units:
        yield CHECK.outcome("pass", said, about=about)
        return
    share = f"{rows:,} of {of_rows:,} rows ({rows / of_rows:.1%}), beside {others:,} of train"
    yield CHECK.outcome("warn", f"{said}: {share}", about=about)


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
    title="no unit is in two parts",
    reason="a model that knows a person from training is not tested on somebody new",
    reference="Kapoor & Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9), L3.2",
    mend="split by unit, so that all rows of one are in one part",
    find=_find_shared_units,
)
