"""Errors with rare large values: small groups beside a large one that shows the tail which theirs may lack."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import numpy as np
from scipy.stats import norm
from simulations.page import (
    NEAR,
    TAIL,
    UNDECIDED,
    Demand,
    Scale,
    at_least,
    at_most,
    error,
    generator,
    table,
    watched,
)

from audit.measurement.inference.means import between, mean_gap, measured
from audit.measurement.inference.scales import MEANS, ROOT_MEAN_SQUARE
from audit.measurement.inference.scales import Scale as Statistic

SCALES: Mapping[str, Statistic] = {
    "mean": MEANS["error"],
    "absolute": MEANS["absolute"],
    "RMSE": ROOT_MEAN_SQUARE,
}
SIZES, LARGE = (30, 60, 120, 200, 400), 20_000
LAWS = ("normal", "exponential", "t with 3 df", "lognormal", "lognormal, s 1.5", "2% twentyfold", "1% fiftyfold")
BORROWED = 20
"""Small groups that share one draw of the large one, which takes by far the most time."""
LARGER = 2.0
MISSED = 0.07
MOST_FAILS = 0.05
Sums = Mapping[str, np.ndarray]


def drawn(law: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if law.endswith("fold"):
        share, times = {"2% twentyfold": (0.02, 20.0), "1% fiftyfold": (0.01, 50.0)}[law]
        return rng.standard_normal(shape) * np.where(rng.random(shape) < share, times, 1.0)
    if law.startswith("lognormal"):
        return rng.lognormal(sigma=1.5 if "1.5" in law else 1.0, size=shape)
    if law == "t with 3 df":
        return rng.standard_t(3, shape)
    return rng.exponential(size=shape) if law == "exponential" else rng.standard_normal(shape)


def truths(law: str) -> dict[str, float]:
    """Mean of the errors and of their sizes, and root of the mean of their squares."""
    half = 2 * norm.pdf(0.0)
    if law.endswith("fold"):
        share, times = {"2% twentyfold": (0.02, 20.0), "1% fiftyfold": (0.01, 50.0)}[law]
        size, square, mean = half * (1 - share + share * times), 1 - share + share * times**2, 0.0
    elif law.startswith("lognormal"):
        s = 1.5 if "1.5" in law else 1.0
        mean = size = math.exp(s**2 / 2)
        square = math.exp(2 * s**2)
    else:
        mean, size, square = {"normal": (0.0, half, 1.0), "exponential": (1.0, 1.0, 2.0),
                              "t with 3 df": (0.0, 2 * math.sqrt(3) / math.pi, 3.0)}[law]  # fmt: skip
    return {"mean": mean, "absolute": size, "RMSE": math.sqrt(square)}


def summed(e: np.ndarray) -> dict[str, np.ndarray]:
    """What an engine sums of errors, a sample a row."""
    size = np.abs(e)
    square = size * size
    powers = {1: size, 2: square, 3: square * size, 4: square * square}
    powers |= {6: powers[4] * square, 8: powers[4] * powers[4]}
    sums = {f"size{k}_w4": v.sum(axis=1, keepdims=True) for k, v in powers.items()}
    n, first = np.full((len(e), 1), float(e.shape[1])), e.sum(axis=1, keepdims=True)
    sums |= {"w": n, "w2": n, "w4": n, "error": first, "error_w2": first, "error_w2x": sums["size2_w4"]}
    sums |= {"absolute": sums["size1_w4"], "absolute_w2": sums["size1_w4"], "absolute_w2x": sums["size2_w4"]}
    return sums | {"square": sums["size2_w4"], "square_w2": sums["size2_w4"], "square_w2x": sums["size4_w4"]}


def of_the_large(law: str, count: int, rng: np.random.Generator) -> Sums:
    parts = [summed(drawn(law, rng, (1, LARGE))) for _ in range(count)]
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def stacked(*parts: Sums) -> dict[str, np.ndarray]:
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def tails(scale: Scale) -> tuple[str, list[Demand]]:
    """A small group, or ten of them, beside a large one."""
    text, pairs = _pairs(scale)
    more, crowds = _crowds(scale)
    return text + more, [*pairs, *crowds]


def _pairs(scale: Scale) -> tuple[str, list[Demand]]:
    reps, rows, drew = scale.replicates(2000), [], []
    cells = list(product(scale.some(LAWS, LAWS[2:]), scale.some(SIZES, (30, 60, 200, 400))))
    for i, (law, n) in enumerate(watched("tails", cells)):
        found = _of_batches(law, n, reps, 1, i)
        near = max(*found[0::5], np.nanmax(found[2::5])) > MOST_FAILS - NEAR * error(MOST_FAILS, reps)
        batches = scale.more(1, near=bool(near))
        rows.append((law, n, *(found if batches == 1 else _of_batches(law, n, reps, batches, i))))
        drew.append(reps * batches)
    head = ("errors", "rows", *(f"{name}: {what}" for name in SCALES
                                for what in ("false fail", "missed, unmarked", "false pass", "twice fails", "half fails")))  # fmt: skip
    fails, missed, passes, _twice, _half = (np.array([r[2 + k :: 5] for r in rows]) for k in range(5))
    light = [r[2 + 5 + 3] for r in rows if r[0] in {"normal", "exponential", "t with 3 df"} and r[1] >= 200]
    text = (
        f"\nOne group of 30 to 400 rows beside one of {LARGE:,}, whose spread it borrows; {reps:,} replicates, {UNDECIDED}; {BORROWED} of them share a large group. "
        "False fails of equal laws at a limit of 0; intervals of the difference to the large group that miss the true one without a mark; false passes "
        f"where the small group’s errors are {LARGER:g} times as large and the limit is the true gap; and how often {LARGER:g} times, or half, the errors fail:\n\n"
        + table(head, rows)
    )  # fmt: skip
    return text, [
        _worst("a small group beside a large one: false fails, equal laws of errors", fails, MOST_FAILS, drew),
        _worst("a small group beside a large one: intervals that miss without a mark", missed, MISSED, drew),
        _worst("a small group beside a large one: false passes, limit at the true gap", passes, MOST_FAILS, drew),
        at_least("200 rows and more beside a large group, no rare errors: twice the absolute error fails", min(light), 0.90, reps),
    ]  # fmt: skip


def _worst(what: str, shares: np.ndarray, bound: float, drew: list[int]) -> Demand:
    """Bound on the largest share of all cells, with the replicates of its own cell."""
    at = int(np.nanargmax(np.nanmax(np.where(np.isnan(shares), -1.0, shares), axis=1)))
    return at_most(what, float(np.nanmax(shares)), bound, drew[at])


def _of_batches(law: str, n: int, reps: int, batches: int, cell: int) -> list[float]:
    """Shares of every statistic over several batches of samples, each batch with large groups of its own."""
    found = []
    for batch in range(batches):
        large = of_the_large(law, reps // BORROWED, generator(31, LAWS.index(law), batch))
        e = drawn(law, generator(32, cell, batch), (reps, n))
        found.append([x for name in SCALES for x in _pair(name, law, e, large)])
    return list(map(float, np.mean(found, axis=0)))


def _pair(name: str, law: str, e: np.ndarray, large: Sums) -> tuple[float, ...]:
    """Shares of samples; the mean error of larger errors is no question of their size, and left out where it is 0."""
    reps, count = len(e), len(large["w"])
    i, j = np.arange(reps), reps + np.arange(reps) % count
    truth, marked = truths(law)[name], np.zeros(reps, dtype=bool)
    found = {c: measured(SCALES[name], stacked(summed(c * e), large), folds=False) for c in (1.0, LARGER, 1 / LARGER)}
    apart = {c: between(f, i, j, TAIL) for c, f in found.items()}
    marked = found[1.0].thin[i] | found[1.0].thin[j]
    fails = {c: np.mean((lim.low > 1e-12) | (lim.high < -1e-12)) for c, lim in apart.items()}
    missed = np.mean(((apart[1.0].low > 0) | (apart[1.0].high < 0)) & ~marked)
    gap = (LARGER - 1) * truth
    passes = np.mean(np.maximum(apart[LARGER].high, -apart[LARGER].low) <= gap) if truth else math.nan
    power = (fails[LARGER], fails[1 / LARGER]) if truth else (math.nan, math.nan)
    return float(fails[1.0]), float(missed), float(passes), *map(float, power)


def _crowds(scale: Scale) -> tuple[str, list[Demand]]:
    """Ten groups of 30 to 60 rows beside a large one: 55 pairs."""
    reps, rows = scale.replicates(1000), []
    sizes = np.linspace(30, 60, 10).astype(int)
    for at, law in enumerate(watched("tails of many", scale.some(LAWS, LAWS[4:]))):
        rng = generator(33, at)
        large = of_the_large(law, reps // BORROWED, rng)
        small = [summed(drawn(law, rng, (reps, int(n)))) for n in sizes]
        each = []
        for statistic in SCALES.values():
            gaps = [mean_gap(measured(statistic, stacked(*({k: v[r : r + 1] for k, v in s.items()} for s in small),
                                                         {k: v[[r % len(v)]] for k, v in large.items()}), folds=False), TAIL)
                    for r in range(reps)]  # fmt: skip
            each.append(float(np.mean([g.low > 1e-12 for g in gaps])))
        rows.append((law, *each))
    text = f"\nTen groups of 30 to 60 rows beside one of {LARGE:,}, all of one law; false fails at a limit of 0, {reps:,} replicates (Monte-Carlo error at .05: {error(0.05, reps):.4f}):\n\n"
    worst = max(x for row in rows for x in row[1:])
    return text + table(("errors", *SCALES), rows), [
        at_most("ten small groups beside a large one: false fails, equal laws of errors", worst, MOST_FAILS, reps)
    ]
