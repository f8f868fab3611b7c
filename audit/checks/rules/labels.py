"""DB003: labels that are rare, or much rarer in one group than in another, by two rules of thumb."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from audit.axes import FOLD, LABEL
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.code import NO_CLASSES, NO_GROUPS, NO_LABEL, fill
from audit.checks.part import OpenPart, chance, name_group, share
from audit.cube import Cube
from audit.errors import printable
from audit.estimate import Level
from audit.measurement.grouping import Grouping, grouping
from audit.measurement.inference.contingency import fisher, inverted_p, shift
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.pairs import single
from audit.measurement.metrics.adverse import FOUR_FIFTHS
from audit.measurement.metrics.dataset import DATA_BASE_RATE
from audit.record.result import Check

RARE = 0.1
"""Share under which a label is rare: a rule that never gives it is right nine times in ten."""
VARIATION = 0.1
"""Total variation between the labels of two groups that matters, where there are several classes."""
LEAST_ROWS = 30
"""Rows of a group under which nothing is said of it."""
DIFFER = "Label rates differ by {columns} in {part}: positive for {low} of {low_group} and {high} of {high_group}"
RARE_LABEL = "One label is rare: {share} of rows{in_part}"
CLASSES = "Labels differ by {columns} in {part}: {share} of labels would have to change to make {one} and {other} alike"


class _Pair(NamedTuple):
    low: int
    high: int
    p: float


def _find_label_gaps(looked: OpenPart) -> Iterator[Check]:
    if looked.train is not None:
        return
    plan = looked.plan
    why = _reason_against(looked)
    if why:
        yield CHECK.unanswered(looked.part, "not applicable", why)
        return
    for column in plan.groups:
        if plan.classes:
            cube = next(c for c in looked.counted.cubes if column in c.names)
            yield _compare_classes(cube.drop(column, None), looked.part, column)
        else:
            yield _compare_rates(grouping(looked.counted.cubes, (column,), {}), looked.part, column)


def _reason_against(looked: OpenPart) -> str:
    """Return why there are no label rates to compare; empty where there are."""
    if not looked.plan.groups:
        return NO_GROUPS
    if looked.plan.label is None:
        return NO_LABEL if looked.config.data.label is None else NO_CLASSES
    return ""


def _compare_rates(found: Grouping, part: str, column: str) -> Check:
    sample = found.with_others().sample(DATA_BASE_RATE)
    overall, limits = float(sample.p[-1]), single(sample, FALSE_ALARM)
    titles = []
    if limits.high[-1] < RARE or limits.low[-1] > 1 - RARE:
        titles.append(fill(RARE_LABEL, part, share=share(min(overall, 1 - overall))))
    known = [i for i in range(len(found.groups)) if found.rows[i] >= LEAST_ROWS]
    if len(known) < 2:
        few = f"fewer than two groups have at least {LEAST_ROWS} rows"
        if titles:
            return CHECK.found(part, few, columns=(column,), title=titles[0])
        return CHECK.unanswered(part, "not applicable", few, columns=(column,))
    pair = _find_extremes(found, known)
    low, high = float(sample.p[pair.low]), float(sample.p[pair.high])
    if pair.p <= FALSE_ALARM and low < FOUR_FIFTHS * high:
        of_low = name_group(column, found.groups[pair.low][0])
        of_high = name_group(column, found.groups[pair.high][0])
        said = {"low": share(low), "low_group": of_low, "high": share(high), "high_group": of_high}
        titles.insert(0, fill(DIFFER, part, columns=printable(column), **said))
        rows = f"n {found.rows[pair.low]:,.0f} and {found.rows[pair.high]:,.0f}"
        detail = f"{rows}; ratio {low / high:.3f}, below {FOUR_FIFTHS:g} ({chance(pair.p)})"
        return CHECK.found(part, detail, columns=(column,), title=". ".join(titles))
    detail = _describe_pair(found, column, pair, low, high)
    if titles:
        return CHECK.found(part, detail, columns=(column,), title=titles[0])
    return CHECK.passed(part, detail, columns=(column,))


def _describe_pair(found: Grouping, column: str, pair: _Pair, low: float, high: float) -> str:
    """Return the lowest and the highest rate of labels."""
    if pair.low == pair.high or low == high:
        return f"positive for {share(low)} of every group that is compared"
    groups = [f"{name_group(column, found.groups[i][0])} (n {found.rows[i]:,.0f})" for i in (pair.low, pair.high)]
    return f"positive for {share(low)} of {groups[0]} and {share(high)} of {groups[1]} ({chance(pair.p)})"


def _find_extremes(found: Grouping, known: list[int]) -> _Pair:
    """Return lowest and highest group, and the p of their difference for having looked at all pairs."""
    sample = found.sample(DATA_BASE_RATE)
    low = min(known, key=lambda i: float(sample.p[i]))
    high = min(known, key=lambda i: -float(sample.p[i]))
    pairs = len(known) * (len(known) - 1) / 2
    return _Pair(
        low, high, min(1.0, _compute_p(sample, low, high, plain="w" not in found.counts and not found.folded) * pairs)
    )


def _compute_p(sample: Sample, low: int, high: int, *, plain: bool) -> float:
    if low == high:
        return 1.0
    if plain:
        hits, rows = sample.numerator, sample.denominator
        return fisher(float(hits[low]), float(rows[low]), float(hits[high]), float(rows[high]))
    found = float(inverted_p(sample, high)[low])
    return 1.0 if np.isnan(found) else found


def _compare_classes(cube: Cube, part: str, column: str) -> Check:
    """Return the largest distance between the labels of two groups, in rows."""
    folds = (FOLD,) if FOLD in cube.names else ()
    n = cube.keep(column, LABEL, *folds)["n"].astype(float)
    n = n if folds else n[..., None]
    levels: tuple[Level, ...] = cube.axis(column).levels
    known = [i for i in range(len(levels)) if n[i].sum() >= LEAST_ROWS]
    pairs = [(found, a, b) for a, b in combinations(known, 2) if (found := shift(n[a], n[b])) is not None]
    if not pairs:
        why = f"fewer than two groups have at least {LEAST_ROWS} rows"
        return CHECK.unanswered(part, "not applicable", why, columns=(column,))
    beyond = [x for x in pairs if x[0].p_value * len(pairs) <= FALSE_ALARM and x[0].variation >= VARIATION]
    widest, a, b = max(beyond or pairs, key=lambda x: x[0].variation)
    names = [name_group(column, levels[i]) for i in (a, b)]
    if beyond:
        said = {"one": names[0], "other": names[1], "share": share(widest.variation)}
        title = fill(CLASSES, part, columns=printable(column), **said)
        rows = f"n {n[a].sum():,.0f} and {n[b].sum():,.0f}"
        return CHECK.found(part, f"{rows}; {chance(widest.p_value)}", columns=(column,), title=title)
    apart = f"{share(widest.variation)} of labels would have to change to make {names[0]} and {names[1]} alike"
    return CHECK.passed(part, f"{apart} ({chance(widest.p_value)})", columns=(column,))


CHECK = CheckKind(
    code="DB003",
    name="Label rates by group",
    passes=("No large difference in label rates by {columns} in {part}",),
    finds=(DIFFER, RARE_LABEL, CLASSES),
    plain="Label rates differ by {columns} in {part}, or one label is rare",
    reason="a model learns the label rates of its data, including their differences between groups",
    reference="Hardt et al. (2021), SageMaker Clarify (CI, DPL); 29 CFR 1607.4 D; He and Garcia (2009), TKDE 21:1263",
    mend="Find out whether the difference is real or comes from sampling or labelling before a model learns it.",
    find=_find_label_gaps,
)
