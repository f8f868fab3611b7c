"""DB001: values that are missing more often in one group than in the others, or in all rows of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from audit.axes import name_level
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.code import NAME_LENGTH, NO_GROUPS, fill
from audit.checks.part import OpenPart, chance, list_some, name_group, several, share
from audit.counting.columns.profile import Missing, empty_columns, missing_by
from audit.counting.terms import fold_key
from audit.errors import printable
from audit.estimate import Level, join_words
from audit.measurement.inference.contingency import rates_apart
from audit.record.result import Check
from audit.tables.kinds import Kind, name_bands

GAP = 0.01
"""Smallest difference of shares that matters: one row in a hundred."""
LEAST_ROWS = 30
"""Rows of a group under which nothing is said of it."""
MOST_SAID = 3
GAPS = "{column} is missing in {share} of {group} and {rest} of the other groups{in_part}"
EMPTY = "No row of {part} has a value for {empty}"


class _Gap(NamedTuple):
    column: str
    by: str
    level: Level
    share: float
    rest: float
    p: float


def _find_missing(looked: OpenPart) -> Iterator[Check]:
    if not looked.config.data.groups:
        yield CHECK.unanswered(looked.part, "not applicable", NO_GROUPS)
        return
    holed = {c: p.kind for c, p in looked.profiles.items() if 0 < p.missing < p.rows}
    empty, worst = empty_columns(looked.profiles), _select_worst(_find_wide_gaps(looked, holed))
    if worst:
        yield _describe_worst(looked, worst, empty)
    elif empty:
        title = fill(EMPTY, looked.part, empty=join_words(list_some(empty)))
        yield CHECK.found(looked.part, title=title)
    else:
        some = f"{several(len(holed), 'column')} with missing values"
        nothing = f"{several(len(looked.profiles), 'column')} without missing values"
        yield CHECK.passed(looked.part, some if holed else nothing)


def _describe_worst(looked: OpenPart, worst: Sequence[_Gap], empty: Sequence[str]) -> Check:
    first = worst[0]
    also = [f"{_say(gap)} ({chance(gap.p)})" for gap in worst[1:MOST_SAID]]
    details = [chance(first.p), *(["also " + "; ".join(also)] if also else [])]
    if len(worst) > MOST_SAID:
        details.append(f"{len(worst) - MOST_SAID} more columns and groups")
    if empty:
        details.append(f"no row has a value for {join_words(list_some(empty))}")
    return CHECK.found(looked.part, "; ".join(details), title=_say(first, looked.part))


def _say(gap: _Gap, part: str = "") -> str:
    return fill(
        GAPS,
        part,
        column=printable(gap.column, NAME_LENGTH),
        share=share(gap.share),
        group=name_group(gap.by, gap.level),
        rest=share(gap.rest),
    )


def _find_wide_gaps(looked: OpenPart, holed: Mapping[str, Kind]) -> list[_Gap]:
    """Return gaps that matter and that chance does not explain, of columns that lack some of their values."""
    if not holed:
        return []
    groups = looked.config.data.groups
    keys = {c: looked.key(c) for c in groups} | fold_key(looked.plan)
    gaps: list[_Gap] = []
    for some in looked.some_at_a_time(tuple(holed)):
        found = missing_by(looked.narrow((*groups, *some)), keys, {c: holed[c] for c in some})
        for (i, by), column in product(enumerate(groups), some):
            if column != by:
                gaps += _find_gaps(found, i, column, by, looked)
    return [g for g in gaps if g.p * len(gaps) <= FALSE_ALARM and abs(g.share - g.rest) >= GAP]


def _find_gaps(found: Missing, at: int, column: str, by: str, looked: OpenPart) -> Iterator[_Gap]:
    """Yield each group against all others; small ones are in neither."""
    levels, rows, missing = _count_by_level(found, at, column, by, looked)
    large = rows.sum(axis=1) >= LEAST_ROWS
    rows, missing = rows[large], missing[large]
    for i, level in enumerate(x for x, spoken in zip(levels, large, strict=True) if spoken):
        hits = np.stack([missing[i], missing.sum(axis=0) - missing[i]])
        total = np.stack([rows[i], rows.sum(axis=0) - rows[i]])
        p = rates_apart(hits, total)
        if p is not None:
            share = hits.sum(axis=1) / total.sum(axis=1)
            yield _Gap(column, by, level, float(share[0]), float(share[1]), p)


def _count_by_level(
    found: Missing, at: int, column: str, by: str, looked: OpenPart
) -> tuple[list[Level], np.ndarray, np.ndarray]:
    """Return known groups, their rows, and those without a value, by group and fold."""
    bins, folded = looked.config.data.bins, looked.config.unit is not None
    bands = name_bands(bins[by]) if by in bins else None
    named = [name_level(cell[at], bands) for cell in found.cells]
    levels = sorted({level for level in named if level is not None})
    folds = sorted({cell[-1] for cell in found.cells}) if folded else [None]
    rows, missing = np.zeros((len(levels), len(folds))), np.zeros((len(levels), len(folds)))
    place, fold_at = {level: i for i, level in enumerate(levels)}, {f: i for i, f in enumerate(folds)}
    for level, cell, n, m in zip(named, found.cells, found.rows, found.missing[column], strict=True):
        if level is not None:
            where = place[level], fold_at[cell[-1]] if folded else 0
            rows[where] += n
            missing[where] += m
    return list(levels), rows, missing


def _select_worst(wide: list[_Gap]) -> list[_Gap]:
    """Return the widest gap of each column by each group column; of two, that of the group with more missing values."""
    ranked = sorted(wide, key=lambda g: (-abs(g.share - g.rest), -g.share))
    first: dict[tuple[str, str], _Gap] = {}
    for gap in ranked:
        first.setdefault((gap.column, gap.by), gap)
    return list(first.values())


CHECK = CheckKind(
    code="DB001",
    name="Missing values by group",
    passes=("No group of {part} has clearly more or fewer missing values",),
    finds=(GAPS, EMPTY),
    plain="Values of {part} are missing more often in some groups, or in all rows",
    reason="filling or dropping missing values changes one group more than the others, and a model may learn from the "
    "gap itself",
    reference="Martinez-Plumed et al. (2019), Fairness and Missing Values, arXiv:1905.12728",
    mend="Find out why this value was not recorded for the group; do not fill it in from other groups.",
    find=_find_missing,
)
