"""DB003: labels that are rare, or much rarer in one group than in another, by two rules of thumb."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from audit.axes import FOLD, LABEL
from audit.checks.check import FALSE_ALARM, CheckKind
from audit.checks.part import OpenPart, chance, group
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


class _Pair(NamedTuple):
    low: int
    high: int
    p: float


def _find_label_gaps(looked: OpenPart) -> Iterator[Check]:
    if looked.train is not None:
        return
    plan = looked.plan
    about = f"labels of {looked.part} are alike over groups, and none is rare"
    if plan.label is None or not plan.groups:
        yield CHECK.outcome(
            "not applicable", "no classes as labels" if plan.label is None else "no groups", about=about
        )
        return
    for column in plan.groups:
        about = f"labels of {looked.part} are alike over groups of {printable(column)}, and none is rare"
        if plan.classes:
            cube = next(c for c in looked.counted.cubes if column in c.names)
            yield _compare_classes(cube.drop(column, None), column, about)
        else:
            yield _compare_rates(grouping(looked.counted.cubes, (column,), {}), column, about)


def _compare_rates(found: Grouping, column: str, about: str) -> Check:
    sample = found.with_others().sample(DATA_BASE_RATE)
    said, count = [], len(found.groups)
    overall = float(sample.p[-1])
    limits = single(sample, FALSE_ALARM)
    if limits.high[-1] < RARE or limits.low[-1] > 1 - RARE:
        said.append(f"{min(overall, 1 - overall):.1%} of all labels are of the rarer class")
    known = [i for i in range(count) if found.rows[i] >= LEAST_ROWS]
    if len(known) < 2:
        detail = "; ".join([*said, f"fewer than two groups have {LEAST_ROWS} rows, so none are compared"])
        return CHECK.outcome("warn" if said else "not applicable", detail, about=about)
    pair = _find_extremes(found, known)
    low, high = float(sample.p[pair.low]), float(sample.p[pair.high])
    names = [group(column, found.groups[i][0]) for i in (pair.low, pair.high)]
    text = f"positive for {low:.1%} of {names[0]} and for {high:.1%} of {names[1]} ({chance(pair.p)})"
    wide = pair.p <= FALSE_ALARM and low < FOUR_FIFTHS * high
    detail = "; ".join([*said, f"{text}, under {FOUR_FIFTHS:g} of it" if wide else text])
    return CHECK.outcome("warn" if said or wide else "pass", detail, about=about)


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


def _compare_classes(cube: Cube, column: str, about: str) -> Check:
    """Return the largest distance between the labels of two groups, in rows."""
    folds = (FOLD,) if FOLD in cube.names else ()
    n = cube.keep(column, LABEL, *folds)["n"].astype(float)
    n = n if folds else n[..., None]
    levels: tuple[Level, ...] = cube.axis(column).levels
    known = [i for i in range(len(levels)) if n[i].sum() >= LEAST_ROWS]
    pairs = [(found, a, b) for a, b in combinations(known, 2) if (found := shift(n[a], n[b])) is not None]
    if not pairs:
        return CHECK.outcome("not applicable", f"fewer than two groups have {LEAST_ROWS} rows", about=about)
    beyond = [x for x in pairs if x[0].p_value * len(pairs) <= FALSE_ALARM and x[0].variation >= VARIATION]
    widest, a, b = max(beyond or pairs, key=lambda x: x[0].variation)
    names = f"{group(column, levels[a])} and {group(column, levels[b])}"
    detail = f"labels of {names} differ for {widest.variation:.1%} (total variation, {chance(widest.p_value)})"
    return CHECK.outcome("warn" if beyond else "pass", detail, about=about)


CHECK = CheckKind(
    code="DB003",
    title="labels are alike over groups, and none is rare",
    reason="a model repeats what it is shown: a label that one group seldom has, it will seldom give",
    reference="Hardt et al. (2021), SageMaker Clarify (CI, DPL); 29 CFR 1607.4 D; He and Garcia (2009), TKDE 21:1263",
    mend="find out whether the difference is in the world or in who was labelled, and how, before it is learned",
    find=_find_label_gaps,
)
