"""DV006: the parts have the same columns of the same kinds, and no category that training never saw."""

from __future__ import annotations

from collections.abc import Iterator

from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.code import NAME_LENGTH
from audit.checks.part import MOST_LEVELS, OpenPart, list_some, several
from audit.errors import printable
from audit.estimate import join_words
from audit.record.result import Check
from audit.tables.kinds import Kind

MOST_CATEGORIES = 200
"""Different texts beyond which a column is no list of categories."""
MOST_SAID = 3
"""Differences of a title; as many more stand after it."""
KINDS: dict[Kind, str] = {"integer": "a whole number", "float": "a number", "boolean": "true or false"}
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
    said += [_describe_new_values(c, *unseen[c][:2]) for c in strange]
    if said:
        more = [f"{len(said) - MOST_SAID} more differences" if len(said) > MOST_SAID + 1 else "1 more difference"]
        shown = [*said[:MOST_SAID], *(more if len(said) > MOST_SAID else [])]
        further = "; ".join(said[MOST_SAID : 2 * MOST_SAID])
        yield CHECK.found(looked.part, further, differences=", ".join(shown))
        return
    rare = sum(rows for _, rows, _ in unseen.values())
    beside = f"; {several(rare, 'row')} with values that the training data lack, no more than chance explains"
    yield CHECK.passed(looked.part, f"{several(len(looked.table.columns), 'column')}{beside if rare else ''}")


def _describe_new_values(column: str, values: int, rows: int) -> str:
    new = several(values, "value that the training data lack", "values that the training data lack")
    return f"{printable(column, NAME_LENGTH)} has {new} ({several(rows, 'row')})"


def _is_many(looked: OpenPart, column: str, rows: int) -> bool:
    """Return whether categories that a model has no code for are many; of numbers it needs none."""
    return looked.profiles[column].kind == "text" and rows >= UNSEEN * looked.rows


def _compare_columns(looked: OpenPart, train: OpenPart) -> list[str]:
    """Return what one part has and the other lacks."""
    here, there = looked.table.columns, train.table.columns
    lacking, more = [c for c in there if c not in here], [c for c in here if c not in there]
    said = [f"{join_words(list_some(lacking))} {_choose_verb(lacking)} missing"] if lacking else []
    return said + ([f"{join_words(list_some(more))} {_choose_verb(more)} new"] if more else [])


def _compare_kinds(looked: OpenPart, train: OpenPart) -> Iterator[str]:
    """Yield columns of another kind; one without any value has none."""
    for c, kind in looked.table.columns.items():
        before = train.table.columns.get(c, kind)
        if _name_kind(kind) != _name_kind(before) and _has_values(looked, train, c):
            was = f"{KINDS.get(before, before)} in the training data"
            yield f"{printable(c, NAME_LENGTH)} is {KINDS.get(kind, kind)} ({was})"


def _name_kind(kind: Kind) -> str:
    return ALIKE.get(kind, kind)


def _has_values(looked: OpenPart, train: OpenPart, column: str) -> bool:
    return all(column not in part.profiles or part.profiles[column].present > 0 for part in (looked, train))


def _choose_verb(names: list[str]) -> str:
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
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


CHECK = CheckKind(
    code="DV006",
    name="Columns, types and categories",
    passes=("The {test} data have the columns, types and categories of the training data",),
    finds=("The {test} data differ from the training data: {differences}",),
    plain="The {test} data differ from the training data",
    reason="a model cannot use a column that is missing, or a category that it has never seen",
    reference="Breck et al. (2019), Data Validation for Machine Learning, SysML, section 3 (schema and skew)",
    mend="Read and encode both with the same code, and split afterwards.",
    find=_find_differences,
)
