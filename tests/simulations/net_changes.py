"""Net changes of paired answers, and changes of a gap: coverage, one-sided bounds, false alarms and power."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, xlogy
from scipy.stats import norm
from simulations.page import DEMANDED, TAIL, Demand, Scale, Section, at_least, at_most, generator, table, watched

from audit.measurement.inference.intervals import Limits, wilson
from audit.measurement.inference.paired import net as paired
from audit.measurement.inference.paired.folds import Flips, Net

FOLDS = 100
ROWS = (20, 50, 100, 200, 500, 1000)
FLIPS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
ONE_WAY = (0.5, 0.8, 1.0)
"""Share of the flips that go the first way."""
ONE_SIDED = 0.05
MOST_ONE_SIDED = 0.07
BATCH = 500
MANY_AT_ONCE = 100
UNITS = ((3, 12), (5, 20), (10, 10), (25, 20), (25, 40), (50, 20), (200, 5))
FEW_UNITS = ((3, 12), (25, 20), (50, 20))
ALIKE = (0.0, 0.3, 0.8)
"""Correlation of the flips of one unit."""
BARE = 1e-12
UNDECIDED = "five times as many where a figure lies near its bound"


class Cover(NamedTuple):
    """What an interval does in one cell."""

    covers: float
    one_sided: float
    """The larger error of the two one-sided bounds at .05."""
    width: float
    few: float
    """Share of the samples that are marked."""


def independent(scale: Scale) -> tuple[str, list[Demand]]:
    """Net change of independent rows: every table is enumerated."""
    rows, found = [], []
    cells = list(product(scale.some(ROWS, (20, 100)), scale.some(FLIPS, (0.003, 0.1, 0.3))))
    for n, flips in watched("net change", cells):
        each = [enumerated(n, flips * s, flips * (1 - s)) for s in ONE_WAY]
        found += [c for c, _ in each]
        worst = min(each, key=lambda c: c[0].covers)[0]
        rows.append(
            (n, flips, worst.covers, max(c.one_sided for c, _ in each), min(m for _, m in each), each[-1][0].width)
        )
    head = (
        "rows",
        "flips",
        "covers, least",
        "one-sided at .05 errs, most",
        "Newcombe 10 covers, least",
        "width, all one way",
    )
    text = (
        "**Method.** The two shares of flips exclude each other: their limits (exact where fewer than 20 changed) are squared and added with the correlation that such shares have. "
        "The interval leaves 0 out only where the exact conditional test (McNemar) does.\n\n"
        "**Assumes** independent rows.\n\n"
        "**How it does.** Every table of three counts, weighted by its chance; flips all one way, four in five, or half. “Newcombe 10” is his method for paired proportions (1998), "
        "on margins of one half.\n\n" + table(head, rows)
    )  # fmt: skip
    what = "net change, independent rows"
    return text, [
        at_least(f"{what}: coverage", min(c.covers for c in found), DEMANDED, None),
        at_most(f"{what}: error of a one-sided bound at .05", max(c.one_sided for c in found), MOST_ONE_SIDED, None),
    ]


def enumerated(n: int, first: float, second: float) -> tuple[Cover, float]:
    """Exact coverage of one cell, and that of Newcombe's method for paired proportions."""
    reach = [min(n, int(n * p + 9 * np.sqrt(n * p + 1) + 9)) for p in (first, second)]
    b, c = (x.ravel().astype(float) for x in np.meshgrid(*(np.arange(r + 1) for r in reach), indexing="ij"))
    b, c = b[b + c <= n], c[b + c <= n]
    rest = n - b - c
    log = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(rest + 1)
    chance = np.exp(log + xlogy(b, first) + xlogy(c, second) + xlogy(rest, 1 - first - second))
    likely = chance > 1e-14
    b, c, chance = b[likely], c[likely], chance[likely]
    flips, truth = Flips(b[:, None], c[:, None], np.full((len(b), 1), float(n))), first - second
    both, single = paired.bound_net(flips, TAIL), paired.bound_net(flips, ONE_SIDED)
    errors = (chance[single.low > truth + BARE].sum(), chance[single.high < truth - BARE].sum())
    covers = 1 - chance[~_inside(both, truth)].sum()
    width = float((chance * (both.high - both.low)).sum())
    found = Cover(float(covers), float(max(errors)), width, float(chance[both.few].sum()))
    return found, 1 - float(chance[~_inside(newcombe(b, c, n), truth)].sum())


def newcombe(first: np.ndarray, second: np.ndarray, n: int, kept: np.ndarray | None = None) -> Limits:
    """Newcombe's method 10 (1998): score limits of both margins, with the correlation of the table.

    ``kept`` are the rows that both decisions get right; by default half of those that did not change.
    """
    both = (n - first - second) / 2 if kept is None else kept
    neither = n - first - second - both
    p1, p2 = (both + first) / n, (both + second) / n
    lim = [wilson(p, np.full(p.shape, float(n)), norm.isf(TAIL)) for p in (p1, p2)]
    crossed = both * neither - first * second
    # Its continuity correction of the correlation: n / 2 is taken off where that is above 0, down to 0.
    crossed = np.where(crossed > 0, np.maximum(crossed - n / 2, 0), crossed)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    phi = np.divide(crossed, np.sqrt(margins), out=np.zeros_like(crossed), where=margins > 0)
    below, above = (p1 - lim[0].low, lim[1].high - p2), (lim[0].high - p1, p2 - lim[1].low)
    reach = [np.sqrt(np.maximum(x**2 + y**2 - 2 * phi * x * y, 0)) for x, y in (below, above)]
    return Limits(p1 - p2 - reach[0], p1 - p2 + reach[1])


def _inside(found: Net | Limits, truth: float) -> np.ndarray:
    inside: np.ndarray = (found.low <= truth + BARE) & (truth - BARE <= found.high)
    return inside


def covered(bound: Callable[[float], Net], truth: float) -> Cover:
    """What an interval did in all samples."""
    both, single = bound(TAIL), bound(ONE_SIDED)
    errors = (single.low > truth + BARE).mean(), (single.high < truth - BARE).mean()
    return Cover(float(_inside(both, truth).mean()), float(max(errors)), float((both.high - both.low).mean()), float(both.few.mean()))  # fmt: skip


def gaps(scale: Scale) -> tuple[str, list[Demand]]:
    """Change of a gap between two independent groups."""
    reps, rows, found = scale.replicates(6000), [], []
    sizes = scale.some(((20, 20), (20, 1000), (100, 100), (100, 1000), (1000, 1000)), ((20, 1000), (100, 100)))
    for i, (pair, flips) in enumerate(
        watched("change of a gap", list(product(sizes, scale.some(FLIPS, (0.003, 0.1)))))
    ):
        each = []
        for k, shares in enumerate(product(scale.some(ONE_WAY, (0.5, 1.0)), (0.2, 1.0))):
            rng = generator(31, i, k)
            groups = [_drawn(n, flips * s, flips * (1 - s), reps, rng) for n, s in zip(pair, shares, strict=True)]
            truth = flips * (2 * shares[0] - 1) - flips * (2 * shares[1] - 1)
            each.append(covered(lambda t, g=groups: change_of_gap(*g, t, folds=False), truth))
        found += each
        rows.append((f"{pair[0]} and {pair[1]}", flips, *_worst(each)))
    text = (
        f"**Change of a gap.** The net change of one group less that of another, {reps:,} replicates. All combinations of how many flips go one way.\n\n"
        + table(("rows", "flips", "covers, least", "one-sided at .05 errs, most", "mean width"), rows)
    )
    return text, _demands("change of a gap, independent rows", found, reps)


def change_of_gap(one: Flips, other: Flips, tail: float, *, folds: bool) -> Net:
    """Every sample of one group beside one of another."""
    both, each = Flips(*(np.concatenate(x) for x in zip(one[:3], other[:3], strict=True))), np.arange(len(one.rows))
    return paired.bound_change_of_gap(both, each, each + len(each), tail, folds=folds)


def _drawn(n: int, first: float, second: float, reps: int, rng: np.random.Generator) -> Flips:
    counts = rng.multinomial(n, (first, second, 1 - first - second), reps).astype(float)
    return Flips(counts[:, :1], counts[:, 1:2], np.full((reps, 1), float(n)))


def _worst(each: list[Cover]) -> tuple[float, float, float]:
    return min(c.covers for c in each), max(c.one_sided for c in each), float(np.mean([c.width for c in each]))


def _demands(what: str, found: list[Cover], reps: int) -> list[Demand]:
    return [
        at_least(f"{what}: coverage", min(c.covers for c in found), DEMANDED, reps),
        at_most(f"{what}: error of a one-sided bound at .05", max(c.one_sided for c in found), MOST_ONE_SIDED, reps),
    ]


class Units(NamedTuple):
    """Flips of every unit, arrays (R, U)."""

    first: np.ndarray
    second: np.ndarray
    rows: np.ndarray


class Law(NamedTuple):
    """How units flip."""

    units: int
    size: int
    first: float
    second: float
    alike: float
    uneven: bool


def units_of(law: Law, reps: int, rng: np.random.Generator) -> Units:
    """Units whose own rates follow a Dirichlet law; of one size, or of lognormal sizes."""
    rows = np.full((reps, law.units), law.size)
    if law.uneven:
        drawn = rng.lognormal(np.log(law.size) - 0.5, 1, rows.shape)
        rows = np.maximum(drawn.round(), 1).astype(int)
    own = rates_of(law, rows.shape, rng)
    first = rng.binomial(rows, own[..., 0])
    return Units(first, rng.binomial(rows - first, _of_the_rest(own)), rows)


def rates_of(law: Law, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Rates of both flips and of none for every unit."""
    mean = np.array([law.first, law.second, 1 - law.first - law.second])
    if law.alike == 0:
        return np.broadcast_to(mean, (*shape, 3))
    drawn = rng.gamma(np.maximum(mean * (1 - law.alike) / law.alike, 1e-300), size=(*shape, 3))
    whole = drawn.sum(axis=-1, keepdims=True)
    return np.where(whole > 1e-250, drawn / np.where(whole > 1e-250, whole, 1), np.array([0.0, 0.0, 1.0]))


def _of_the_rest(own: np.ndarray) -> np.ndarray:
    return np.clip(own[..., 1] / np.maximum(1 - own[..., 0], BARE), 0, 1)


def into_folds(units: Units, rng: np.random.Generator, folds: np.ndarray | None = None) -> Flips:
    """Every sample counted into folds drawn anew."""
    reps, width = units.rows.shape
    drawn = rng.integers(FOLDS, size=(reps, width)) if folds is None else folds
    at = (np.arange(reps)[:, None] * FOLDS + drawn).ravel()
    return Flips(*(np.bincount(at, x.ravel().astype(float), reps * FOLDS).reshape(reps, FOLDS) for x in units))


def shared(scale: Scale) -> tuple[str, list[Demand]]:
    """Net change of rows that share units."""
    reps, rows, found = scale.replicates(2000), [], []
    cells = list(product(scale.some(UNITS, FEW_UNITS), scale.some((0.001, 0.01, 0.05, 0.15, 0.3), (0.001, 0.05, 0.3))))
    for i, ((count, size), flips) in enumerate(watched("net change with units", cells)):
        each = []
        rest = product(
            scale.some(ONE_WAY, (0.5, 1.0)), scale.some(ALIKE, (0.0, 0.3)), scale.some((False, True), (True,))
        )
        for k, (share, alike, uneven) in enumerate(rest):
            law = Law(count, size, flips * share, flips * (1 - share), alike, uneven)
            each.append(_by_units(law, reps, scale, (32, i, k)))
        found += each
        rows.append((f"{count} of {size}", flips, *_worst(each), float(np.mean([c.few for c in each]))))
    text = (
        "**With units.** Rows that share a unit are counted into 100 folds of the unit. Where answers changed in at least eight effective folds each way, Student’s t over folds; else the wider one "
        "of that and of the two shares.\n\n"
        f"**How it does.** {reps:,} replicates, {UNDECIDED}; correlation of the flips of one unit 0, .3 and .8; units of one size, and of lognormal sizes (σ = 1). "
        "“Marked”: fewer than six changed answers, or fewer than eight effective folds.\n\n"
        + table(("units and rows of each", "flips", "covers, least", "one-sided at .05 errs, most", "mean width", "marked"), rows)
    )  # fmt: skip
    return text, _demands("net change with units", found, reps)


def _by_units(law: Law, reps: int, scale: Scale, cell: tuple[int, ...]) -> Cover:
    found = _once(law, reps, generator(*cell))
    near = found.covers < DEMANDED + 0.01 or found.one_sided > MOST_ONE_SIDED - 0.01
    return _once(law, 5 * reps, generator(*cell, 1)) if near and not scale.fast else found


def _once(law: Law, reps: int, rng: np.random.Generator) -> Cover:
    flips = into_folds(units_of(law, reps, rng), rng)
    return covered(lambda t: paired.bound_net_by_units(flips, t), law.first - law.second)


def shared_gaps(scale: Scale) -> tuple[str, list[Demand]]:
    """Change of a gap of two groups whose rows share units, or whose units lie apart."""
    reps, rows, found = scale.replicates(2000), [], []
    cells = list(product(scale.some(((5, 20), (25, 40), (200, 6)), ((25, 40),)), (True, False), (0.01, 0.05, 0.3)))
    for i, ((count, size), crossed, flips) in enumerate(watched("change of a gap with units", cells)):
        each = []
        for k, (share, alike, uneven) in enumerate(product((0.5, 1.0), scale.some(ALIKE, (0.3,)), (False, True))):
            law, rng = Law(count, size, flips * share, flips * (1 - share), alike, uneven), generator(33, i, k)
            one, other, truth = (_crossed if crossed else _nested)(law, reps, rng)
            each.append(covered(lambda t, g=(one, other): change_of_gap(*g, t, folds=True), truth))
        found += each
        how = "rows in both groups" if crossed else "each in one group"
        rows.append((f"{count} of {size}", how, flips, *_worst(each)))
    text = (
        f"**Change of a gap with units.** {reps:,} replicates; units have half of their rows in each group and flip alike in both, or lie in one group each. The flips of the second group are "
        "half as many the first way.\n\n"
        + table(("units and rows of each", "units", "flips", "covers, least", "one-sided at .05 errs, most", "mean width"), rows)
    )  # fmt: skip
    return text, _demands("change of a gap with units", found, reps)


def _crossed(law: Law, reps: int, rng: np.random.Generator) -> tuple[Flips, Flips, float]:
    rows = units_of(law, reps, rng).rows
    half = rng.binomial(rows, 0.5)
    own = rates_of(law, rows.shape, rng)
    less = own * np.array([0.5, 1.0, 1.0])
    folds = rng.integers(FOLDS, size=rows.shape)
    groups = []
    for rate, n in ((own, half), (less, rows - half)):
        first = rng.binomial(n, rate[..., 0])
        groups.append(into_folds(Units(first, rng.binomial(n - first, _of_the_rest(rate)), n), rng, folds))
    return groups[0], groups[1], law.first / 2


def _nested(law: Law, reps: int, rng: np.random.Generator) -> tuple[Flips, Flips, float]:
    halved = law._replace(first=law.first / 2)
    one, other = (into_folds(units_of(each, reps, rng), rng) for each in (law, halved))
    return one, other, law.first / 2


PEOPLE = 10_000
RARE = {
    "none": (0.0, 0.0),
    "0.0002 one way": (0.0002, 0.0),
    "0.001 each way": (0.001, 0.001),
    "0.02 and 0.01": (0.02, 0.01),
    "0.2 each way": (0.2, 0.2),
}
LAWS = ("rows change", "people change as a whole", "rows with weights")


def many(scale: Scale) -> tuple[str, list[Demand]]:
    """Many people of few rows each: far more units than folds."""
    reps, rows, found = scale.replicates(1000), [], []
    cells = list(product(scale.some(tuple(RARE), ("none", "0.001 each way")), scale.some(LAWS, LAWS[1:2])))
    for i, (name, law) in enumerate(watched("many units", cells)):
        rng, (first, second), parts = generator(35, i), RARE[name], []
        for _ in range(0, reps, MANY_AT_ONCE):
            parts.append(_people(law, first, second, MANY_AT_ONCE, rng))
        squares = (
            None
            if parts[0].squares is None
            else np.concatenate([p.squares for p in parts if p.squares is not None], axis=1)
        )
        flips = Flips(*(np.concatenate(x) for x in zip(*(p[:3] for p in parts), strict=True)), squares)
        found.append(covered(lambda t, f=flips: paired.bound_net_by_units(f, t), first - second))
        rows.append((name, law, *found[-1][:2], f"{found[-1].width:.5f}", found[-1].few))
    head = ("flips", "how", "covers", "one-sided at .05 errs", "mean width", "marked")
    text = (
        f"**Many units.** {PEOPLE:,} people with one to three rows each, in 100 folds; {reps:,} replicates. Weights are lognormal (σ = 1). Where no answer changed, the spread of the sizes of folds tells how many "
        "people there are, so that the interval is not that of 100.\n\n" + table(head, rows)
    )  # fmt: skip
    widest = max((c.width for c, r in zip(found, rows, strict=True) if r[0] == "none"), default=0.0)
    what = f"{PEOPLE:,} people of one to three rows"
    return text, [
        *_demands(what, found, reps),
        Demand(f"{what}: width where nothing changed", "at most 0.005", f"{widest:.4f}", widest <= 0.005),
    ]


def _people(law: str, first: float, second: float, reps: int, rng: np.random.Generator) -> Flips:
    rows = rng.integers(1, 4, (reps, PEOPLE))
    folds = rng.integers(FOLDS, size=rows.shape)
    if law == "people change as a whole":
        drawn = rng.random(rows.shape)
        return into_folds(
            Units(rows * (drawn < first), rows * ((drawn >= first) & (drawn < first + second)), rows), rng, folds
        )
    if law == "rows change":
        lost = rng.binomial(rows, first)
        return into_folds(Units(lost, rng.binomial(rows - lost, second / (1 - first)), rows), rng, folds)
    weight, drawn = rng.lognormal(size=rows.shape), rng.random(rows.shape)
    one, other = drawn < first, (drawn >= first) & (drawn < first + second)
    sums = [into_folds(Units(w * one, w * other, w), rng, folds) for w in (weight, weight**2)]
    return sums[0]._replace(squares=np.stack(sums[1][:3]))


class Templates(NamedTuple):
    """25 templates of 20 items: how far items differ, how far the effect varies over templates, and its mean."""

    items: float
    spread: float
    effect: float


TEMPLATES = {
    "no effect": Templates(4.0, 0.0, 0.0),
    "varies over templates, mean 0": Templates(4.0, 6.0, 0.0),
    "small, the same for all": Templates(4.0, 0.0, 0.41),
}


def templates(scale: Scale) -> tuple[str, list[Demand]]:
    """False alarms and power of tests of 500 items that were made from 25 templates."""
    reps, rows, found = scale.replicates(8000), [], {}
    for i, (name, law) in enumerate(watched("templates", list(TEMPLATES.items()))):
        rng, parts = generator(34, i), []
        for start in range(0, reps, BATCH):
            parts.append(_tested(law, min(BATCH, reps - start), rng))
        found[name] = np.concatenate(parts).mean(axis=0)
        rows.append((name, *found[name]))
    head = (
        "effect on the share of one answer",
        "flips",
        "McNemar over items",
        "two proportions, unpaired",
        "folds of the template",
    )
    text = (
        "**Templates.** 25 templates of 20 items each, two models that answer the same items; how often each test says at .05 that they differ. Items differ in how likely an answer is, so that most "
        f"answers stay; {reps:,} replicates.\n\n" + table(head, rows)
    )  # fmt: skip
    what = "25 templates of 20 items"
    mean_0, common = found["varies over templates, mean 0"][3], found["small, the same for all"][3]
    return text, [
        at_most(f"{what}: false alarms where the effect varies with mean 0", float(mean_0), 0.06, reps),
        at_least(f"{what}: power at a small common effect", float(common), 0.65, reps),
    ]


def _tested(law: Templates, reps: int, rng: np.random.Generator) -> np.ndarray:
    """Flips, and whether each of three tests says that two models differ; shape (R, 4)."""
    shape = (reps, 25, 20)
    item = law.items * rng.normal(size=shape)
    effect = law.effect + law.spread * rng.normal(size=(reps, 25, 1))
    a, b = item + rng.normal(size=shape) > 0, item + effect + rng.normal(size=shape) > 0
    first, second = (b & ~a).sum(axis=2), (a & ~b).sum(axis=2)
    alone = Flips(*(x.sum(axis=1, keepdims=True).astype(float) for x in (first, second, np.full(first.shape, 20))))
    p = np.stack([x.mean(axis=(1, 2)) for x in (a, b)])
    z = (p[1] - p[0]) / np.sqrt((p * (1 - p)).sum(axis=0) / 500)
    mcnemar = [
        paired.test_discordant(int(x), int(y)).p_value
        for x, y in zip(alone.first[:, 0], alone.second[:, 0], strict=True)
    ]
    net = paired.bound_net_by_units(into_folds(Units(first, second, np.full(first.shape, 20)), rng), TAIL)
    flips = (alone.first + alone.second)[:, 0] / 500
    return np.stack(
        [flips, np.array(mcnemar) <= 0.05, np.abs(z) > norm.isf(TAIL), (net.low > 0) | (net.high < 0)], axis=1
    )


def net_changes(scale: Scale) -> Section:
    """All tables of the section."""
    parts = [part(scale) for part in (independent, gaps, shared, shared_gaps, many, templates)]
    return Section(
        "Net changes of paired answers", "\n".join(text for text, _ in parts), [d for _, own in parts for d in own]
    )
