"""DL003: a column that tells the label: by its values, by whether it has one, or because it is the label renamed.

One number a column, from the counts of its joint values with the label: informedness, which is 0 for guessing and 1 for
knowing, whatever the shares of the classes. Each row is judged by the rule that the other rows make, so that ids and
columns of many values do not look as if they knew. A column's name alone is no finding. Group columns have a check of
their own: its outcome tells labels of groups, which a card may have to leave out, and that of the others does not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from audit.axes import name_level
from audit.checks.association import FEWEST, informedness, is_renamed, table_of
from audit.checks.check import CheckKind
from audit.checks.code import NAME_LENGTH, NO_LABEL, TOLD, fill
from audit.checks.part import MOST_CELLS, OpenPart, describe_unweighted, list_unchecked, several
from audit.counting.labels import find_positive, is_missing, read_binary
from audit.counting.terms import Band, Number, Rows, Test
from audit.errors import printable
from audit.estimate import figure_text, join_first
from audit.record.result import Check

TELLING = 0.8
"""Deepchecks warns of a feature whose predictive power score for the label is above this (FeatureLabelCorrelation)."""
MOST_DISTINCT = 50_000
"""Values of a column beyond which only its missing ones are looked at."""
MOST_NAMED = 5
SCALE = "; 0 is guessing, 1 certainty"


class _Titles(NamedTuple):
    passes: str
    finds: str


ANY = _Titles(
    "No single column reveals the label in {part}",
    "{count} [columns reveal|column reveals] the label in {part}: {named}",
)
BESIDE = _Titles("No column beside the groups reveals the label in {part}", ANY.finds)
OF_GROUPS = _Titles(
    "No group column reveals the label in {part}",
    "{count} group [columns reveal|column reveals] the label in {part}: {named}",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What one column tells of the label."""

    column: str
    share: float
    how: str


def _find_leakage(looked: OpenPart) -> Iterator[Check]:
    label = looked.config.data.label
    if label is None:
        yield CHECK.unanswered(looked.part, "not applicable", NO_LABEL)
        return
    if label not in looked.columns:
        yield CHECK.unanswered(looked.part, "undefined", f"{printable(label)} holds no plain values")
        return
    columns = _choose_columns(looked, label)
    if not columns:
        yield CHECK.unanswered(looked.part, "not applicable", "there is no column beside the label")
        return
    named = looked.config.data.groups
    groups = tuple(c for c in columns if c in named)
    others = tuple(c for c in columns if c not in named)
    if others:
        yield _judge_columns(looked, others, label, BESIDE if named else ANY)
    if groups:
        yield replace(_judge_columns(looked, groups, label, OF_GROUPS), columns=groups)


def _judge_columns(looked: OpenPart, columns: tuple[str, ...], label: str, titles: _Titles) -> Check:
    read, many = _read_label(looked, label), [c for c in columns if looked.profiles[c].distinct > MOST_DISTINCT]
    told = [t for c in columns if c not in many and (t := _measure_values(looked, c, label, read)) is not None]
    told += _measure_missing(looked, columns, label, read)
    crowded = [c for c in columns if c not in many and looked.joint(c, label) is None]
    left = list_unchecked(many, f"more than {MOST_DISTINCT:,} values; only whether one is missing")
    left += list_unchecked(
        crowded, f"more than {MOST_CELLS:,} combinations with the label; only whether one is missing"
    )
    return _judge_leakage(told, looked.part, len(columns), left + describe_unweighted(looked), titles)


def _judge_leakage(told: list[Told], part: str, columns: int, left: str, titles: _Titles) -> Check:
    if not told:
        why = f"there are not two classes of at least {FEWEST} rows, or no column with two values{left}"
        return CHECK.unanswered(part, "undefined", why)
    ranked = _rank_columns(told)
    telling = [t for t in ranked if t.share >= TELLING]
    if not telling:
        detail = f"{several(columns, 'column')}; the highest is {_name_column(ranked[0], SCALE)}{left}"
        return CHECK.passed(part, detail, title=titles.passes)
    named = [_name_column(t, SCALE if i == 0 else "") for i, t in enumerate(telling[:MOST_NAMED])]
    detail = f"of {several(columns, 'column')}, each by itself{left}"
    title = fill(titles.finds, part, count=len(telling), named=join_first(named, len(telling)))
    return CHECK.found(part, detail, title=title)


def _name_column(told: Told, scale: str) -> str:
    """Return a column with what it tells; which scale that is on stands beside the first."""
    informed = figure_text(told.share, "ratio", limit=1)
    said = f"{scale and 'informedness '}{informed}{scale}{told.how}"
    return f"{printable(told.column, NAME_LENGTH)} ({said})"


def _rank_columns(told: list[Told]) -> list[Told]:
    """Return what each column tells in its better way, the most telling first."""
    each: dict[str, Told] = {}
    for one in sorted(told, key=lambda t: (-t.share, t.column)):
        each.setdefault(one.column, one)
    return list(each.values())


def _choose_columns(looked: OpenPart, label: str) -> tuple[str, ...]:
    apart = {label, looked.config.data.weight, looked.config.unit}
    return tuple(c for c in looked.columns if c not in apart)


def _read_label(looked: OpenPart, label: str) -> Callable[[Any], Hashable]:
    """Return what tells the label's classes apart: the positive one and the other, each class, or bands of a number."""
    plan, joint = looked.plan, looked.joint(label)
    if plan.label is None or joint is None or looked.profiles[label].distinct > MOST_DISTINCT:
        return lambda value: value
    if plan.classes:
        return name_level
    rows = {v: int(n) for v, n in zip(joint.level(label), joint.n, strict=True) if not is_missing(v)}
    return read_binary(rows, find_positive(rows, plan.positive, label), label).get


def _measure_values(looked: OpenPart, column: str, label: str, read: Callable[[Any], Hashable]) -> Told | None:
    """Return what a column's values tell; None where they tell nothing that could be counted."""
    joint = looked.joint(column, label)
    table = None if joint is None else table_of(joint, column, label, read)
    if table is None or len(table) < 2:
        return None
    share = informedness(table)
    if isnan(share):
        return None
    banded = any(isinstance(looked.key(c), Band) for c in (column, label))
    return Told(column, share, "; the label under another name" if is_renamed(table) and not banded else "")


def _measure_missing(
    looked: OpenPart, columns: tuple[str, ...], label: str, read: Callable[[Any], Hashable]
) -> list[Told]:
    """Return what it tells whether a column has a value."""
    some = tuple(c for c in columns if 0 < looked.profiles[c].missing < looked.rows)
    if not some or looked.joint(label) is None:
        return []
    return [told for names in looked.some_at_a_time(some) for told in _measure_missing_of(looked, names, label, read)]


def _measure_missing_of(
    looked: OpenPart, some: tuple[str, ...], label: str, read: Callable[[Any], Hashable]
) -> Iterator[Told]:
    """Yield the same for some columns at once."""
    numbers = {"integer", "float", "boolean"}
    tests = {c: Test(Number(c) if looked.profiles[c].kind in numbers else c, "missing") for c in some}
    sums = {"n": Rows(), **{f"c{i}": Rows(test) for i, test in enumerate(tests.values())}}
    found = looked.narrow((label, *some)).tally({label: looked.key(label)}, sums, {}, 2 * MOST_DISTINCT)
    classes = [None if is_missing(value) else read(value) for value in found.column(label)]
    known = [c for c in dict.fromkeys(classes) if c is not None]
    rows = found.array("n")
    for i, column in enumerate(some):
        gone = found.array(f"c{i}")
        table = np.array(
            [[sum(v[k] for k, c in enumerate(classes) if c == one) for one in known] for v in (gone, rows - gone)]
        )
        share = informedness(table)
        if not isnan(share):
            yield Told(column, share, "; by whether it has a value")


CHECK = CheckKind(
    code=TOLD,
    name="Columns that reveal the label",
    passes=(ANY.passes, BESIDE.passes, OF_GROUPS.passes),
    finds=(ANY.finds, OF_GROUPS.finds),
    plain="Columns reveal the label in {part}",
    reason="a value that is recorded after the outcome, or is the outcome, is not known when the model is used",
    reference="Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6(4); Youden (1950) for the number",
    mend="Find out when the column is recorded, and drop it if it is not known before the outcome.",
    find=_find_leakage,
)
