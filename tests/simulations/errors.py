"""Errors of a numeric prediction: means, mean squares and R2 of skewed and heavy-tailed errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
from scipy.integrate import quad
from scipy.stats import t as student
from simulations.page import (
    DEMANDED,
    NEAR,
    TAIL,
    UNDECIDED,
    Demand,
    Scale,
    Section,
    at_most,
    error,
    generator,
    table,
    watched,
)
from simulations.tails import tails

from audit.measurement.inference.intervals import Limits, difference
from audit.measurement.inference.means import MeanSample, limits, mean_gap, measured
from audit.measurement.inference.scales import EXPLAINED, MEANS, ROOT_MEAN_SQUARE

SIZES = (20, 50, 200, 1000)
SPREAD_OF_LABELS = 3.0
SCALES = {"mean": MEANS["error"], "absolute": MEANS["absolute"], "RMSE": ROOT_MEAN_SQUARE, "R²": EXPLAINED}
MARKED, FOLDS, ROWS = 0.70, 100, 10
LARGER = 1.3
"""Errors of the group that differs, in units of the others'."""
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
DRAWS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "t with 3 df": lambda rng, shape: rng.standard_t(3, shape),
    "lognormal": lambda rng, shape: rng.lognormal(size=shape),
    "1% tenfold": lambda rng, shape: rng.standard_normal(shape) * np.where(rng.random(shape) < 0.01, 10, 1),
}
HALF_NORMAL = math.sqrt(2 / math.pi)
MOMENTS = {
    "normal": (0.0, HALF_NORMAL, 1.0),
    "Laplace": (0.0, 1.0, 2.0),
    "exponential": (1.0, 1.0, 2.0),
    "t with 3 df": (0.0, 2 * quad(lambda x: x * student.pdf(x, 3), 0, math.inf)[0], 3.0),
    "lognormal": (math.exp(0.5), math.exp(0.5), math.exp(2.0)),
    "1% tenfold": (0.0, 1.09 * HALF_NORMAL, 1.99),
}
"""Mean of the errors, of their sizes and of their squares."""


def truths(kind: str) -> tuple[float, ...]:
    mean, size, square = MOMENTS[kind]
    return mean, size, math.sqrt(square), 1 - square / SPREAD_OF_LABELS**2


def sums_of(e: np.ndarray, y: np.ndarray, folds: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """What an engine sums, of many samples (R, n) at once: (R, 1), or (R, 100) with the fold of each row."""
    size = np.abs(e)
    each = {"w": np.ones(e.shape), "error": e, "error_w2x": e**2, "absolute": size, "absolute_w2x": e**2, "square": e**2,
            "square_w2x": e**4, "y": y, "yy": y**2}  # fmt: skip
    each |= {f"size{k}_w4": size**k for k in (1, 2, 3, 4, 6, 8)} | {f"y{k}_w2": y**k for k in (1, 2, 3, 4)}
    each |= {f"square_y{k}_w2": e**2 * y**k for k in (1, 2)}
    summed = {k: _summed(v, folds) for k, v in each.items()}
    same = {"w2": "w", "w4": "w", "error_w2": "error", "absolute_w2": "absolute", "square_w2": "square"}
    return summed | {k: summed[v] for k, v in same.items()}


def _summed(values: np.ndarray, folds: np.ndarray | None) -> np.ndarray:
    if folds is None:
        return values.sum(axis=1, keepdims=True)
    at = np.arange(len(values))[:, None] * FOLDS + folds
    return np.bincount(at.ravel(), values.ravel(), len(values) * FOLDS).reshape(len(values), FOLDS)


def sample(kind: str, n: int, reps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return sums_of(DRAWS[kind](rng, (reps, n)), SPREAD_OF_LABELS * rng.standard_normal((reps, n)))


def covered(found: MeanSample, truth: float) -> tuple[float, float, float]:
    """Share of samples covered, share of pairs of samples whose difference is, share marked."""
    lim, half = limits(found, TAIL), len(found.value) // 2
    sides = [
        (found.value[part], Limits(lim.low[part], lim.high[part])) for part in (slice(half), slice(half, 2 * half))
    ]
    apart = difference(*sides[0], *sides[1])
    return (
        float(np.mean((lim.low <= truth) & (truth <= lim.high))),
        float(np.mean((apart.low <= 0) & (apart.high >= 0))),
        float(found.thin.mean()),
    )


def errors(scale: Scale) -> Section:
    """All tables of the section."""
    reps = scale.replicates(4000)
    kinds = scale.some(tuple(DRAWS), ("normal", "t with 3 df", "lognormal", "1% tenfold"))
    cells = list(product(kinds, scale.some(SIZES, (20, 50, 200))))
    rows, judged = [], []
    for i, (kind, n) in enumerate(watched("errors", cells)):
        each = _cell(kind, n, reps, 1, i)
        least = min((c for one, both, marked in each if marked < MARKED for c in (one, both)), default=1.0)
        batches = scale.more(1, near=least < DEMANDED + NEAR * error(DEMANDED, reps))
        each = each if batches == 1 else _cell(kind, n, reps, batches, i)
        judged += [(c, marked, reps * batches) for one, both, marked in each for c in (one, both)]
        rows.append((kind, n, *(x for one, both, marked in each for x in (one, both, marked))))
    people, of_people = _people(scale)
    verdicts, demands = _verdicts(scale)
    head = ("errors", "rows", *(f"{name}{what}" for name in SCALES for what in ("", ": difference", ": marked")))
    beside, of_beside = tails(scale)
    text = _intro(reps) + table(head, rows) + people + verdicts + beside
    return Section("Errors of a prediction", text, [
        *_demands("errors of a prediction", judged), *_demands("errors, 10 rows a person", of_people),
        *demands, *of_beside,
    ])  # fmt: skip


def _cell(kind: str, n: int, reps: int, batches: int, cell: int) -> list[tuple[float, float, float]]:
    """What is covered by the interval of every statistic, over several batches of samples."""
    found = []
    for batch in range(batches):
        sums = sample(kind, n, reps, generator(18, cell, batch))
        found.append(
            [covered(measured(s, sums, folds=False), t) for s, t in zip(SCALES.values(), truths(kind), strict=True)]
        )
    return [(float(one), float(both), float(marked)) for one, both, marked in np.mean(found, axis=0)]


def _intro(reps: int) -> str:
    return (
        "**Method.** Mean error: Student’s t. Mean absolute error, the log of the mean square and log(1 − R²): their linearised variance with Student’s t, whose "
        "degrees of freedom are the number of rows that carry the variance, (Σ d²)² / Σ d⁴. A sample that happens to lack the few largest errors falls short, "
        "and its variance with it; the limit on that side is therefore worked out with one more row, whose squared error is twice that of the largest seen. "
        "Fewer than 30 rows, or 9 that carry the variance, are marked. Beside a group of at least twice its rows a group’s limits are at least those that the other’s spread "
        "gives it, in proportion to its size (Fieller 1954): a group that lacks the few largest errors cannot tell that it does. Where it shows much less spread, it is marked.\n\n"
        "**Assumes** independent rows or people. What occurs in none of the rows is in no interval, unless a larger group shows it: where one error in a hundred is ten times as large, 50 rows say "
        "nothing of it.\n\n"
        f"**How it does.** {reps:,} replicates a cell (Monte-Carlo error at .95: {error(0.95, reps):.4f}), {UNDECIDED}. Errors independent of normal labels with deviation {SPREAD_OF_LABELS:g}; "
        "the difference is that of two groups of the same kind.\n\n"
    )


def _demands(name: str, cells: list[tuple[float, float, int]]) -> list[Demand]:
    """Every interval covers, or is marked in 70% of samples; of each its coverage, its marked share, its replicates."""
    unmarked, reps = min(((c, r) for c, m, r in cells if m < MARKED), default=(1.0, cells[0][2]))
    slack = 2 * error(DEMANDED, reps)
    short = [(c, m) for c, m, r in cells if c < DEMANDED - 2 * error(DEMANDED, r)]
    least = min((m for _, m in short), default=1.0)
    return [
        Demand(
            f"{name}: coverage where fewer than 70% of samples are marked", "at least 0.930",
            f"{unmarked:.4f} ± {error(unmarked, reps):.4f}", bool(unmarked >= DEMANDED - slack),
        ),
        Demand(
            f"{name}: marked samples where coverage falls short", "at least 0.700",
            f"{least:.4f} ({len(short)} of {len(cells)} intervals short, least {min(c for c, *_ in cells):.3f})", bool(least >= MARKED),
        ),
    ]  # fmt: skip


def _people(scale: Scale) -> tuple[str, list[tuple[float, float, int]]]:
    """Ten rows a person whose size of error is the person's own."""
    reps, rows, judged = scale.replicates(1000), [], []
    cells = list(product(("normal", "t with 3 df"), scale.some((50, 200), (50,))))
    for i, (kind, people) in enumerate(watched("errors of people", cells)):
        rng = generator(19, i)
        own, shape = DRAWS[kind](rng, (reps, people, 1)), (reps, people * ROWS)
        e = (0.8 * own + 0.6 * DRAWS[kind](rng, (reps, people, ROWS))).reshape(shape)
        y, fold = (
            SPREAD_OF_LABELS * rng.standard_normal(shape),
            np.repeat(rng.integers(FOLDS, size=(reps, people)), ROWS, axis=1),
        )
        sums, alone, each = sums_of(e, y, fold), sums_of(e, y), []
        for name, truth in (("mean", 0.0), ("RMSE", math.sqrt(MOMENTS[kind][2]))):
            one, _, marked = covered(measured(SCALES[name], sums, folds=True), truth)
            each += [one, marked, covered(measured(SCALES[name], alone, folds=False), truth)[0]]
            judged.append((one, marked, reps))
        rows.append((kind, people, *each))
    text = (
        f"\nTen rows a person, whose own error makes up .8² of the variance of each; 100 folds, {reps:,} replicates:\n\n"
        + table(("errors", "people", "mean", "marked", "taken for independent", "RMSE", "marked", "taken for independent"), rows)
    )  # fmt: skip
    return text, judged


def _verdicts(scale: Scale) -> tuple[str, list[Demand]]:
    """The pairs rule on four groups, equal or one of them with larger errors, the limit at the true gap."""
    reps, rows = scale.replicates(2000), []
    kinds = scale.some(("normal", "t with 3 df", "lognormal"), ("t with 3 df",))
    cells = list(product(kinds, scale.some((50, 200, 1000), (200,)), ("absolute", "RMSE"), (1.0, LARGER)))
    for i, (kind, n, name, larger) in enumerate(watched("gaps of errors", cells)):
        rng, groups = generator(20, i), 4
        e = DRAWS[kind](rng, (reps * groups, n)) * np.tile([larger, 1.0, 1.0, 1.0], reps)[:, None]
        sums = sums_of(e, rng.standard_normal(e.shape))
        true = truths(kind)[1 if name == "absolute" else 2] * (larger - 1)
        gaps = [mean_gap(measured(SCALES[name], {k: v[r : r + groups] for k, v in sums.items()}, folds=False), TAIL)
                for r in range(0, reps * groups, groups)]  # fmt: skip
        fails, passes = (
            float(np.mean(x)) for x in ([g.low > true + 1e-12 for g in gaps], [g.high <= true for g in gaps])
        )
        rows.append((kind, n, name, "equal" if larger == 1 else f"one {LARGER:g} times", fails, passes))
    text = (
        f"\nFour groups, all equal or one with larger errors, and a gate on the difference whose limit is the true gap; {reps:,} replicates:\n\n"
        + table(("errors", "rows each", "of", "truth", "false fail", "false pass"), rows)
    )
    return text, [
        at_most("gap of errors: false fails, limit at the true gap", max(r[4] for r in rows), 0.05, reps),
        at_most("gap of errors: false passes, limit at the true gap", max(r[5] for r in rows), 0.05, reps),
    ]
