"""DV006: the parts have the same columns of the same kinds, and no category that training never saw."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.part import MOST_LEVELS, OpenPart, list_names, several
from audit.record.result import Check
from audit.tables.kinds import Kind

MOST_CATEGORIES = 200
"""Different texts beyond which a column is no list of categories."""
UNSEEN = 0.01
"""Share of rows with a text that training never saw that matters, even where chance may have put them here."""
ALIKE: dict[Kind, str] = {"integer": "number", "float": "number"}
"""A column of whole numbers becomes one of floats when a value is missing."""


def _find_differences(looked: OpenPart) -> Iterator[Check]:
    if looked.train is None:
        return
    said = [*_compare_columns(looked, looked.train), *_compare_kinds(looked, looked.train)]
    unseen = {
        c: found
        for c in _choose_categories(looked, looked.train)
        if (found := _find_unseen(looked, looked.train, c))[0]
    }
    strange = [c for c, (_, rows, by_chance) in unseen.items() if not by_chance or _is_many(looked, c, rows)]
    said += [
        f"in {list_names([c])} {several(unseen[c][0], 'value')} that train lacks ({several(unseen[c][1], 'row')})"
        for c in strange[:3]
    ]
    said += [f"such values in {len(strange) - 3} more columns"] if len(strange) > 3 else []
    about = f"{looked.part} has the columns, kinds and categories of {looked.train.part}"
    if said:
        yield CHECK.outcome("warn", "; ".join(said), about=about)
        return
    rare = sum(rows for _, rows, _ in unseen.values())
    beside = f"; {several(rare, 'row')} of values that train lacks, no more than chance would put here" if rare else ""
    yield CHECK.outcome("pass", f"{several(len(looked.table.columns), 'column')}{beside}", about=about)


def _is_many(looked: OpenPart, column: str, rows: int) -> bool:
    """Return whether categories that a model has no code for are many; of numbers it needs none."""
    return looked.profiles[column].kind == "text" and rows >= UNSEEN * looked.rows


def _compare_columns(looked: OpenPart, train: OpenPart) -> list[str]:
    """Return what one part has and the other lacks."""
    here, there = looked.table.columns, train.table.columns
    lacking, more = [c for c in there if c not in here], [c for c in here if c not in there]
    said = [f"{list_names(lacking)} {_is_of_kind(lacking)} not in {looked.part}"] if lacking else []
    return said + ([f"{list_names(more)} {_is_of_kind(more)} not in {train.part}"] if more else [])


def _compare_kinds(looked: OpenPart, train: OpenPart) -> list[str]:
    """Return columns of another kind; one without any value has none."""
    other = [
        f"{c} ({train.table.columns[c]} in {train.part}, {kind} here)"
        for c, kind in looked.table.columns.items()
        if c in train.table.columns
        and _name_kind(kind) != _name_kind(train.table.columns[c])
        and _has_values(looked, train, c)
    ]
    return [f"{list_names(other)} {_is_of_kind(other)} of another kind"] if other else []


def _name_kind(kind: Kind) -> str:
    return ALIKE.get(kind, kind)


def _has_values(looked: OpenPart, train: OpenPart, column: str) -> bool:
    return all(column not in part.profiles or part.profiles[column].present > 0 for part in (looked, train))


def _is_of_kind(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _choose_categories(looked: OpenPart, train: OpenPart) -> list[str]:
    """Return the columns of few values in both parts, of one kind."""
    return [
        c
        for c, p in looked.profiles.items()
        if c in train.profiles
        and _name_kind(p.kind) == _name_kind(train.profiles[c].kind)
        and train.profiles[c].present > 0
        and max(p.distinct, train.profiles[c].distinct) <= (MOST_CATEGORIES if p.kind == "text" else MOST_LEVELS)
    ]


def _find_unseen(looked: OpenPart, train: OpenPart, column: str) -> tuple[int, int, bool]:
    """Return values that train lacks, their rows, and whether chance alone may have put them all here.

    If rows were dealt at random, all k rows of a value would come here with a chance of share^k.
    """
    here, there = looked.joint(column), train.joint(column)
    if here is None or there is None:
        return 0, 0, True
    known = {_to_plain(v) for v in there.level(column)}
    rows = [
        int(n) for v, n in zip(here.level(column), here.n, strict=True) if v is not None and _to_plain(v) not in known
    ]
    share = looked.rows / max(1, looked.rows + train.rows)
    looks = len(known) + len(rows)
    return len(rows), sum(rows), all(looks * share**n > FALSE_ALARM for n in rows)


def _to_plain(value: object) -> object:
    """Return the value as it compares over parts: 1 and 1.0 are one."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


CHECK = CheckKind(
    code="DV006",
    title="the parts have the same columns, kinds and categories",
    reason="a model has nothing to say about a column that is not there, or a category that it never saw",
    reference="Breck et al. (2019), Data Validation for Machine Learning, SysML, section 3 (schema and skew)",
    mend="read and encode both parts by one code, and split them after that",
    find=_find_differences,
)
