"""DV007: a column of one value, nearly of one, or of none at all."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import CheckKind
from audit.checks.code import fill
from audit.checks.part import OpenPart, list_names, several
from audit.counting.columns.profile import empty_columns
from audit.record.result import Check

NEARLY = 0.999
"""Share of the rows with a value that a single value may have."""
MOST_SAID = 3
OF_TABLE = " [columns|column] of {part}"
CONSTANT = "{count} [columns|column] of {part} [are|is] constant: {named}"
NEAR = "{count} [columns|column] of {part} [are|is] nearly constant: {named}"
EMPTY = "{count} [columns|column] of {part} [are|is] empty: {named}"


def _find_constant_columns(looked: OpenPart) -> Iterator[Check]:
    empty = list(empty_columns(looked.profiles))
    largest = {c: _count_most_frequent(looked, c) for c, p in looked.profiles.items() if p.present}
    alone = [c for c, n in largest.items() if n == looked.profiles[c].present]
    nearly = [c for c, n in largest.items() if looked.profiles[c].present > n > NEARLY * looked.profiles[c].present]
    found = {what: columns for what, columns in ((CONSTANT, alone), (NEAR, nearly), (EMPTY, empty)) if columns}
    if not found:
        yield CHECK.passed(looked.part, several(len(looked.profiles), "column"))
        return
    titles = [
        fill(what if not at else what.replace(OF_TABLE, ""), looked.part, count=len(columns), named=list_names(columns))
        for at, (what, columns) in enumerate(found.items())
    ]
    yield CHECK.found(looked.part, _describe_columns(looked, alone, nearly, empty), title="; ".join(titles))


def _describe_columns(looked: OpenPart, alone: list[str], nearly: list[str], empty: list[str]) -> str:
    """Return in how many rows the first columns have one value, or none."""
    said = [f"{list_names([c])}: one value in {looked.profiles[c].present:,} rows" for c in alone[:MOST_SAID]]
    said += [f"{list_names([c])}: one value in more than {NEARLY:.1%} of the rows" for c in nearly[:MOST_SAID]]
    said += [f"{list_names([c])}: no value in {looked.rows:,} rows" for c in empty[:MOST_SAID]]
    return "; ".join(said)


def _count_most_frequent(looked: OpenPart, column: str) -> int:
    """Return the rows of the most frequent value, where there are few values; 0 where there are many."""
    profile = looked.profiles[column]
    if profile.distinct > 200:
        return 0
    joint = looked.joint(column)
    if joint is None:
        return 0
    return max((int(n) for value, n in zip(joint.level(column), joint.n, strict=True) if value is not None), default=0)


CHECK = CheckKind(
    code="DV007",
    name="Constant or empty columns",
    passes=("No column of {part} is constant or empty",),
    finds=(CONSTANT, NEAR, EMPTY),
    plain="Columns of {part} are constant or empty",
    reason="a model learns nothing from such a column, and it often shows that a join or a filter went wrong",
    reference="Breck et al. (2017), The ML Test Score, IEEE Big Data, section on data tests",
    mend="Drop the column, or find the join or filter that lost its values.",
    find=_find_constant_columns,
)
