"""Changes of precision and of the three rates like it: coverage and one-sided bounds, with weights and with units too."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from simulations.net_changes import BARE, FLIPS, FOLDS, ONE_SIDED, ROWS, UNITS, Cover
from simulations.page import DEMANDED, TAIL, Demand, Scale, Section, at_least, at_most, generator, table, watched

from audit.measurement.inference.paired.folds import Net
from audit.measurement.inference.paired.predictive import (
    Cells,
    Change,
    weigh_change,
)

MOST_ONE_SIDED = 0.07
NEAR_COVER, NEAR_ONE_SIDED, TIMES = DEMANDED + 0.015, MOST_ONE_SIDED - 0.01, 10
"""Figures from which on a cell is drawn anew with so many times the replicates."""
MEASURED = 0.05
"""Share of the samples, of all, in which the change has to be defined for a cell to count."""
BATCH = 2000
WAYS: dict[str, tuple[float, float, float, float] | None] = {
    "right ones come": (1, 0, 0, 0),
    "wrong ones come": (0, 1, 0, 0),
    "wrong ones go": (0, 0, 0, 1),
    "right ones change places": (0.5, 0, 0.5, 0),
    "right ones come, wrong ones go": (0.5, 0, 0, 0.5),
    "each way alike": (0.25, 0.25, 0.25, 0.25),
    "as the rate says": None,
    "four in five that come are right": (0.8, 0.2, 0, 0),
}
"""Parts of the flips: right and wrong rows that come to be selected, and that go."""
FEW_WAYS = ("wrong ones go", "each way alike", "as the rate says")
UNEVEN = ((0.5, 0.5, "right ones come"), (0.5, 0.8, "wrong ones go"), (0.5, 0.8, "wrong ones come"),
          (0.3, 0.7, "right ones come, wrong ones go"), (0.8, 0.8, "each way alike"), (0.5, 0.8, "as the rate says"))  # fmt: skip
"""Selected, precision of the earlier decisions, and flips, where rows share units."""
HEAD = ("rows", "flips", "covers, least", "one-sided at .05 errs, most", "mean width")


class Law(NamedTuple):
    """Chances of the six cells and of the rest, and the change of precision that follows."""

    chances: np.ndarray
    truth: float


def find_law(selected: float, precision: float, way: str, flips: float) -> Law | None:
    """Chances of every cell; None where more rows would go than are selected, or more come than are left."""
    parts = WAYS[way] or (precision / 2, (1 - precision) / 2, precision / 2, (1 - precision) / 2)
    came_hit, came_miss, went_hit, went_miss = (flips * part for part in parts)
    kept = selected * precision - went_hit, selected * (1 - precision) - went_miss
    each = np.array([*kept, came_hit, came_miss, went_hit, went_miss, 1 - selected - came_hit - came_miss])
    if each.min() < 0:
        return None
    return Law(each, (kept[0] + came_hit) / (sum(kept) + came_hit + came_miss) - precision)


def list_laws(scale: Scale, flips: float) -> list[Law]:
    """All laws of independent rows at this share of flips."""
    shares = product(scale.some((0.2, 0.5, 0.8), (0.5,)), scale.some((0.5, 0.8, 0.95), (0.8,)))
    found = [find_law(*each, way, flips) for each in shares for way in scale.some(tuple(WAYS), FEW_WAYS)]
    return [law for law in found if law is not None]


def cover(bound: Callable[[float], Net], truth: float) -> Cover | None:
    """What an interval did in all samples in which the change is defined; None where these are few."""
    both, single = bound(TAIL), bound(ONE_SIDED)
    there = ~np.isnan(both.value)
    if there.mean() < MEASURED:
        return None
    inside = (both.low <= truth + BARE) & (truth - BARE <= both.high)
    errors = (single.low > truth + BARE)[there].mean(), (single.high < truth - BARE)[there].mean()
    width, few = (both.high - both.low)[there].mean(), both.few[there].mean()
    return Cover(float(inside[there].mean()), float(max(errors)), float(width), float(few))


def cover_surely(
    scale: Scale, once: Callable[[int, np.random.Generator], Cover | None], reps: int, *cell: int
) -> Cover | None:
    """The same of one cell, with more replicates where a figure lies near its bound."""
    found = once(reps, generator(*cell))
    if found is None or scale.fast or (found.covers >= NEAR_COVER and found.one_sided <= NEAR_ONE_SIDED):
        return found
    parts = [once(reps, generator(*cell, i)) for i in range(1, TIMES + 1)]
    return Cover(*np.mean([part for part in parts if part is not None], axis=0).tolist())


def draw(law: Law, n: int, reps: int, rng: np.random.Generator) -> Cells:
    """Counts of independent rows."""
    return Cells(rng.multinomial(n, law.chances, reps).T[:6, :, None].astype(float))


def describe(each: list[Cover]) -> tuple[float, float, float]:
    """The worst figures of some cells, and the mean width."""
    return min(c.covers for c in each), max(c.one_sided for c in each), float(np.mean([c.width for c in each]))


def demand(what: str, found: list[Cover], reps: int) -> list[Demand]:
    """What is asked of an interval."""
    return [
        at_least(f"{what}: coverage", min(c.covers for c in found), DEMANDED, reps),
        at_most(f"{what}: error of a one-sided bound at .05", max(c.one_sided for c in found), MOST_ONE_SIDED, reps),
    ]


def independent(scale: Scale) -> tuple[str, list[Demand]]:
    """Change of precision of independent rows."""
    reps, rows, found = scale.replicates(4000), [], []
    cells = list(product(scale.some(ROWS, (20, 100, 1000)), scale.some(FLIPS, (0.003, 0.1, 0.3))))
    for i, (n, flips) in enumerate(watched("change of precision", cells)):
        drawn = [
            cover_surely(scale, lambda r, g, law=law, n=n: _once(law, n, r, g), reps, 41, i, k)
            for k, law in enumerate(list_laws(scale, flips))
        ]
        each = [c for c in drawn if c is not None]
        found += each
        rows.append((n, flips, *describe(each)))
    text = (
        f"**How it does.** {reps:,} replicates, {TIMES} times as many where a figure lies near its bound. Of the rows .2, .5 or .8 are selected before, of these .5, .8 or .95 have the outcome; "
        f"{len(WAYS)} ways in which decisions change: {', '.join(WAYS)}. Samples in which a decision selects nobody are undefined, and left out.\n\n" + table(HEAD, rows)
    )  # fmt: skip
    return text, demand("change of precision, independent rows", found, reps)


def _once(law: Law, n: int, reps: int, rng: np.random.Generator) -> Cover | None:
    change = weigh_change(draw(law, n, reps, rng))
    return cover(change.bound, law.truth)


def gaps(scale: Scale) -> tuple[str, list[Demand]]:
    """Change of the gap of two independent groups, and of a group from everybody."""
    reps, rows, found = scale.replicates(4000), [], []
    sizes = scale.some(((20, 20), (20, 1000), (100, 100), (100, 1000), (1000, 1000)), ((100, 100),))
    for i, (pair, flips) in enumerate(watched("change of its gap", list(product(sizes, scale.some(FLIPS, (0.1,)))))):
        laws, each = list_laws(scale, flips), []
        for k, (one, other) in enumerate(zip(laws, [*laws[1:], laws[0]], strict=True)):
            for whole in (False, True):
                once = lambda r, g, a=one, b=other, w=whole, p=pair: _gap(a, b, p, r, g, whole=w)  # noqa: E731
                made = cover_surely(scale, once, reps, 42, i, k, int(whole))
                each += [] if made is None else [made]
        found += each
        rows.append((f"{pair[0]} and {pair[1]}", flips, *describe(each)))
    text = (
        f"**Change of a gap.** One group less another, and one group less both together, of whom it is part; {reps:,} replicates.\n\n"
        + table(HEAD, rows)
    )
    return text, demand("change of a gap of precision, independent rows", found, reps)


def _gap(
    one: Law, other: Law, sizes: tuple[int, int], reps: int, rng: np.random.Generator, *, whole: bool
) -> Cover | None:
    drawn = [draw(law, n, reps, rng).rows for law, n in zip((one, other), sizes, strict=True)]
    if not whole:
        change = weigh_change(Cells(np.concatenate(drawn, axis=1)))
        at = np.arange(reps)
        return cover(lambda tail: change.bound_gap(at, at + reps, tail), one.truth - other.truth)
    mixed = (one.chances * sizes[0] + other.chances * sizes[1]) / sum(sizes)
    apart = weigh_change(Cells(np.stack([drawn[0], drawn[0] + drawn[1]], axis=1)))
    return cover(lambda tail: apart.bound_to_whole(np.array([0]), tail), one.truth - _change_of(mixed))


def _change_of(chances: np.ndarray) -> float:
    now, before = chances[:4], chances[[0, 1, 4, 5]]
    return float((now[0] + now[2]) / now.sum() - (before[0] + before[2]) / before.sum())


def weighted(scale: Scale) -> tuple[str, list[Demand]]:
    """Change of precision of independent rows with weights."""
    reps, rows, found = scale.replicates(2000), [], []
    cells = list(product(scale.some((50, 200, 1000), (200,)), scale.some((0.01, 0.03, 0.1, 0.3), (0.1,))))
    for i, (n, flips) in enumerate(watched("change of precision with weights", cells)):
        laws = [find_law(*shape[:2], shape[2], flips) for shape in scale.some(UNEVEN, UNEVEN[3:5])]
        drawn = [
            cover_surely(scale, lambda r, g, law=law, n=n: _weigh(law, n, r, g), reps, 43, i, k)
            for k, law in enumerate(laws)
            if law is not None
        ]
        each = [c for c in drawn if c is not None]
        found += each
        rows.append((n, flips, *describe(each)))
    text = f"**With weights.** Lognormal (σ = 1) and independent of everything; {reps:,} replicates.\n\n" + table(HEAD, rows)  # fmt: skip
    return text, demand("change of precision with weights", found, reps)


def _weigh(law: Law, n: int, reps: int, rng: np.random.Generator) -> Cover | None:
    parts = []
    for start in range(0, reps, BATCH):
        size = min(BATCH, reps - start), n
        cell, weight = rng.choice(7, size, p=law.chances), rng.lognormal(size=size)
        parts.append(np.array([[(w * (cell == k)).sum(axis=1) for k in range(6)] for w in (weight, weight**2)]))
    rows, squares = np.concatenate(parts, axis=-1)[..., None]
    change = weigh_change(Cells(rows, squares))
    return cover(change.bound, law.truth)


class Units(NamedTuple):
    """How many units of which size, how alike their rows are, and whether sizes are uneven."""

    count: int
    size: int
    alike: float
    uneven: bool


def draw_units(
    law: Law, units: Units, reps: int, rng: np.random.Generator, folds: np.ndarray | None = None
) -> np.ndarray:
    """Cells (6, R, F) of units whose own chances follow a Dirichlet law."""
    rows = np.full((reps, units.count), units.size)
    if units.uneven:
        rows = np.maximum(rng.lognormal(np.log(units.size) - 0.5, 1, rows.shape).round(), 1).astype(int)
    own = np.broadcast_to(law.chances, (*rows.shape, 7))
    if units.alike:
        drawn = rng.gamma(np.maximum(law.chances * (1 - units.alike) / units.alike, 1e-300), size=own.shape)
        total = drawn.sum(axis=-1, keepdims=True)
        own = np.where(total > 1e-250, drawn / np.where(total > 1e-250, total, 1), np.eye(7)[6])
    cells = rng.multinomial(rows, own)[..., :6]
    where = rng.integers(FOLDS, size=rows.shape) if folds is None else folds
    at = (np.arange(reps)[:, None] * FOLDS + where).ravel()
    summed = [np.bincount(at, cells[..., k].ravel().astype(float), reps * FOLDS) for k in range(6)]
    return np.stack(summed).reshape(6, reps, FOLDS)


def list_shapes(scale: Scale, flips: float) -> list[tuple[Law, float, bool]]:
    """Laws, with how alike the rows of a unit are, and whether units are uneven."""
    laws = [find_law(*shape[:2], shape[2], flips) for shape in scale.some(UNEVEN, UNEVEN[4:5])]
    several = product(laws, scale.some((0.0, 0.3, 0.8), (0.3,)), scale.some((False, True), (True,)))
    return [(law, alike, uneven) for law, alike, uneven in several if law is not None]


def shared(scale: Scale) -> tuple[str, list[Demand]]:
    """Change of precision of rows that share units."""
    reps, rows, found = scale.replicates(2000), [], []
    cells = list(
        product(scale.some(UNITS, ((3, 12), (50, 20))), scale.some((0.001, 0.01, 0.05, 0.15, 0.3), (0.05, 0.3)))
    )
    for i, ((count, size), flips) in enumerate(watched("change of precision with units", cells)):
        drawn = []
        for k, (law, alike, uneven) in enumerate(list_shapes(scale, flips)):
            units = Units(count, size, alike, uneven)
            drawn.append(cover_surely(scale, lambda r, g, a=law, u=units: _by_units(a, u, r, g), reps, 44, i, k))
        each = [c for c in drawn if c is not None]
        found += each
        rows.append((f"{count} of {size}", flips, *describe(each), float(np.mean([c.few for c in each]))))
    text = (
        f"**With units.** {reps:,} replicates, {TIMES} times as many where a figure lies near its bound; correlation of the rows of one unit 0, .3 and .8; units of one size, and of lognormal sizes (σ = 1). "
        "“Marked”: fewer than six changed decisions, or fewer than eight effective folds.\n\n"
        + table(("units and rows of each", *HEAD[1:], "marked"), rows)
    )  # fmt: skip
    return text, demand("change of precision with units", found, reps)


def _by_units(law: Law, units: Units, reps: int, rng: np.random.Generator) -> Cover | None:
    change = weigh_change(Cells(draw_units(law, units, reps, rng), folds=True))
    return cover(change.bound, law.truth)


def shared_gaps(scale: Scale) -> tuple[str, list[Demand]]:
    """Change of the gap of two groups whose rows lie in the same units, or whose units lie in one group each."""
    reps, rows, found = scale.replicates(1000), [], []
    cells = list(
        product(
            scale.some(((5, 20), (25, 40), (200, 6)), ((25, 40),)), (True, False), scale.some((0.01, 0.05, 0.3), (0.3,))
        )
    )
    for i, ((count, size), crossed, flips) in enumerate(watched("change of its gap with units", cells)):
        drawn, shapes = [], list_shapes(scale, flips)
        for k, (law, alike, uneven) in enumerate(shapes):
            other, units = shapes[(k + 6) % len(shapes)][0], Units(count, size, alike, uneven)
            once = lambda r, g, a=law, b=other, u=units, c=crossed: _gap_by_units(a, b, u, r, g, crossed=c)  # noqa: E731
            drawn.append(cover_surely(scale, once, reps, 45, i, k))
        each = [c for c in drawn if c is not None]
        found += each
        rows.append((f"{count} of {size}", "in the same folds" if crossed else "apart", flips, *describe(each)))
    text = (
        f"**Change of a gap with units.** {reps:,} replicates; the units of both groups lie in the same folds, or apart.\n\n"
        + table(("units and rows of each, in each group", "units", *HEAD[1:]), rows)
    )
    return text, demand("change of a gap of precision with units", found, reps)


def _gap_by_units(
    one: Law, other: Law, units: Units, reps: int, rng: np.random.Generator, *, crossed: bool
) -> Cover | None:
    folds = rng.integers(FOLDS, size=(reps, units.count)) if crossed else None
    cells = [draw_units(law, units, reps, rng, folds) for law in (one, other)]
    change: Change = weigh_change(Cells(np.concatenate(cells, axis=1), folds=True))
    at = np.arange(reps)
    return cover(lambda tail: change.bound_gap(at, at + reps, tail), one.truth - other.truth)


def predictive_changes(scale: Scale) -> Section:
    """Everything about the change of a share whose rows the decision itself picks."""
    parts = [independent(scale), gaps(scale), weighted(scale), shared(scale), shared_gaps(scale)]
    head = (
        "The change of precision; that of the negative predictive value, false discovery and false omission rates is the same with outcomes or decisions turned round.\n\n"
        "**Method.** A difference of two ratios over six counts, whose variance is linearised. What decisions that changed add to it, and what they take away, are two weighted sums of counts with the limits of Fay and Feuer "
        "(1997); their distances and that of the rows which both decisions select are squared and added. With units, Student’s t over 100 folds where decisions changed in at least eight effective folds "
        "each way, else the wider one of both. Where fewer than six decisions changed, 0 is always inside.\n\n"
        "**Assumes** independent rows, or independent units.\n\n"
    )  # fmt: skip
    demands = [d for _, found in parts for d in found]
    return Section("Changes of predictive values", head + "\n".join(text for text, _ in parts), demands)
