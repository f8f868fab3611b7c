"""DB001: values that are missing more often in one group than in the others, or in all rows of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from audit.axes import name_level
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.part import OpenPart, chance, group, list_names, several
from audit.counting.columns.profile import Missing, empty_columns, missing_by
from audit.counting.terms import fold_key
from audit.estimate import Level
from audit.measurement.inference.contingency import rates_apart
from audit.record.result import Check
from audit.tables.kinds import Kind, name_bands

GAP = 0.01
"""Smallest difference of shares that matters: one row in a hundred."""
LEAST_ROWS = 30
"""Rows of a group under which nothing is said of it."""


class _Gap(NamedTuple):
    column: str
    by: str
    level: Level
    share: float
    rest: float
    p: float


def _find_missing(looked: OpenPart) -> Iterator[Check]:
    about = f"values of {looked.part} are missing as often in every group"
    groups = looked.config.data.groups
    if not groups:
        yield CHECK.outcome("not applicable", "no groups", about=about)
        return
    holed = {c: p.kind for c, p in looked.profiles.items() if 0 < p.missing < p.rows}
    empty, worst = empty_columns(looked.profiles), _select_worst(_find_wide_gaps(looked, holed))
    are = "is" if len(empty) == 1 else "are"
    said = [f"{list_names(empty)} {are} empty, so missing for everybody"] if empty else []
    said += map(_describe_gap, worst[:3])
    more = f"; {len(worst) - 3} more columns and groups" if len(worst) > 3 else ""
    if said:
        yield CHECK.outcome("warn", "; ".join(said) + more, about=about)
        return
    nothing = f"nothing is missing in part of {several(len(looked.profiles), 'column')}"
    yield CHECK.outcome(
        "pass", f"{several(len(holed), 'column')} with missing values" if holed else nothing, about=about
    )


def _find_wide_gaps(looked: OpenPart, holed: Mapping[str, Kind]) -> list[_Gap]:
    """Return gaps that matter and that chance does not explain, of columns that lack some of their values."""
    if not holed:
        return []
    groups = looked.config.data.groups
    keys = {c: looked.key(c) for c in groups} | fold_key(looked.plan)
    gaps = []
    for some in looked.some_at_a_time(tuple(holed)):
        found = missing_by(looked.narrow((*groups, *some)), keys, {c: holed[c] for c in some})
        gaps += [
            gap
            for i, by in enumerate(groups)
            for column in some
            if column != by
            for gap in _find_gaps(found, i, column, by, looked)
        ]
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


def _describe_gap(gap: _Gap) -> str:
    whom = group(gap.by, gap.level)
    shares = f"{gap.share:.1%} of {whom} and for {gap.rest:.1%} of the others"
    return f"{list_names([gap.column])} is missing for {shares} ({chance(gap.p)})"


CHECK = CheckKind(
    code="DB001",
    title="values are missing as often in every group",
    reason="filling or dropping what is missing changes one group more than the others, and a model may read the gap",
    reference="Martinez-Plumed et al. (2019), Fairness and Missing Values, arXiv:1905.12728",
    mend="find out why this group was not asked, and do not fill its values from the others",
    find=_find_missing,
)
