"""DV007: a column of one value, nearly of one, or of none at all."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import CheckKind
from audit.checks.part import OpenPart, list_names
from audit.counting.columns.profile import empty_columns
from audit.record.result import Check

NEARLY = 0.999
"""Share of the rows with a value that a single value may have."""


def _find_constant_columns(looked: OpenPart) -> Iterator[Check]:
    empty = empty_columns(looked.profiles)
    largest = {c: _count_most_frequent(looked, c) for c, p in looked.profiles.items() if p.present}
    alone = [c for c, n in largest.items() if n == looked.profiles[c].present]
    nearly = [c for c, n in largest.items() if looked.profiles[c].present > n > NEARLY * looked.profiles[c].present]
    about = f"no column of {looked.part} holds one value only"
    if not empty and not alone and not nearly:
        yield CHECK.outcome("pass", f"{len(looked.profiles)} columns", about=about)
        return
    said = [f"{_name_columns(empty)} empty"] if empty else []
    said += [f"{_name_columns(alone)} the same in every row with a value"] if alone else []
    said += [f"{_name_columns(nearly)} the same in more than {NEARLY:.1%} of them"] if nearly else []
    yield CHECK.outcome("warn", "; ".join(said), about=about)


def _count_most_frequent(looked: OpenPart, column: str) -> int:
    """Return the rows of the most frequent value, where there are few values; 0 where there are many."""
    profile = looked.profiles[column]
    if profile.distinct > 200:
        return 0
    joint = looked.joint(column)
    if joint is None:
        return 0
    return max((int(n) for value, n in zip(joint.level(column), joint.n, strict=True) if value is not None), default=0)


def _name_columns(columns: list[str]) -> str:
    return f"{list_names(columns)} {'is' if len(columns) == 1 else 'are'}"


CHECK = CheckKind(
    code="DV007",
    title="no column holds one value only",
    reason="a constant column teaches nothing, and often shows that a join or a filter went wrong",
    reference="Breck et al. (2017), The ML Test Score, IEEE Big Data, section on data tests",
    mend="leave it out, or find out where its values were lost",
    find=_find_constant_columns,
)
