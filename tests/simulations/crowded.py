"""AUC and average precision where scores crowd into a small part of their range: from bins, and of sorted rows."""

from __future__ import annotations

from itertools import product

import numpy as np
from simulations.page import DEMANDED, TAIL, Demand, Scale, Section, at_least, error, generator, table, watched

from audit.counting.kinds.score_bins import Bins
from audit.measurement.inference.auc import Placed, known, limits, placed
from audit.measurement.inference.calibration import average_precision

KINDS = ("fraud", "near 1", "beta", "around .1")
COUNTS = ((20, 1000), (50, 1000), (50, 5000), (300, 2000))
BINS = {"around .1": Bins(0.0, 1 / 200, 200)}
FINE = Bins(0.0, 1 / 200, 200).with_ends(31)
"""Near both ends, as a table of crowded scores gets them."""
TRUTH_ROWS, FEWER = 4_000_000, 400_000
"""Rows of the population that is the truth; a tenth of them leaves a twentieth of the error of a sample of 50."""


def draw(kind: str, m: int, n: int, reps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores of positives and of negatives."""
    if kind == "beta":
        return rng.beta(1.5, 150, (reps, m)), rng.beta(0.5, 500, (reps, n))
    pos, neg = rng.standard_normal((reps, m)) + 1.5, rng.standard_normal((reps, n))
    if kind == "around .1":
        return 0.1 + 0.01 * pos, 0.1 + 0.01 * neg
    if kind == "near 1":
        return 1 - np.exp(-9 - pos), 1 - np.exp(-9 - neg)
    return tuple(1 / (1 + np.exp(9 - v)) for v in (pos, neg))


def bins_of(kind: str) -> Bins:
    """Bins that the table gets; those around .1 are cut in the middle of the range."""
    return FINE if kind != "around .1" else BINS[kind].with_cut(dict.fromkeys(range(10, 32), 0.005))


def counted(bins: Bins, *scores: np.ndarray) -> list[np.ndarray]:
    """Counts by bin that any of the samples has, shape (samples, bins)."""
    numbers = []
    for x in scores:
        at = x * bins.slices
        number = np.minimum(np.floor(at), bins.slices - 1)
        for start, scale, first, last in bins.finer:
            number += np.clip(np.floor((at - start) * scale), first, last)
        numbers.append(number.astype(int))
    levels = np.unique(np.concatenate([np.unique(number) for number in numbers]))
    found = []
    for number in numbers:
        place = np.searchsorted(levels, number) + len(levels) * np.arange(len(number))[:, None]
        found.append(np.bincount(place.ravel(), minlength=len(levels) * len(number)).reshape(len(number), -1))
    return found


def exact(pos: np.ndarray, neg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUC and average precision of every sample, from its rows sorted by score."""
    both = np.concatenate([pos, neg], axis=1)
    order = np.argsort(-both, axis=1, kind="stable")
    hit = order < pos.shape[1]
    above = np.cumsum(hit, axis=1)
    misses = np.cumsum(~hit, axis=1)
    area = 1 - (hit * misses).sum(axis=1) / (pos.shape[1] * neg.shape[1])
    return area, (hit * above / (above + misses)).sum(axis=1) / pos.shape[1]


def truth(kind: str, m: int, n: int, cell: int, of_rows: int) -> tuple[float, float]:
    """AUC and average precision of the population at the samples' base rate: of very many rows."""
    rows = of_rows // (m + n)
    pos, neg = draw(kind, m * rows, n * rows, 1, generator(61, cell))
    area, precision = exact(pos, neg)
    return float(area[0]), float(precision[0])


def crowded(scale: Scale) -> Section:
    """Coverage from bins and of exact values, and how far bins are off."""
    reps, rows, of_rows = scale.replicates(2000), [], FEWER if scale.fast else TRUTH_ROWS
    cells = list(product(KINDS, scale.some(COUNTS, (COUNTS[1], COUNTS[3]))))
    for i, (kind, (m, n)) in enumerate(watched("crowded", cells)):
        pos, neg = draw(kind, m, n, reps, generator(60, i))
        counts = counted(bins_of(kind), pos, neg)
        values, truths = exact(pos, neg), truth(kind, m, n, i, of_rows)
        for name, find, value, true in zip(
            ("AUC", "average precision"), (placed, average_precision), values, truths, strict=True
        ):
            binned = find(*counts)
            rows.append((name, kind, m, n, true, float(np.max(np.abs(binned.mid - value))),
                         float(np.mean(binned.tie_high - binned.tie_low)), int(_outside(binned, value)),
                         *_covers(binned, true), *_covers(known(binned, value), true)))  # fmt: skip
    header = ("of", "scores", "positives", "negatives", "true", "bins off by at most", "bounds, width", "outside",
              "covers", "marked", "exact covers", "marked")  # fmt: skip
    return Section("Crowded scores", _intro(reps, of_rows) + table(header, rows), _demands(rows, reps))


def _outside(found: Placed, value: np.ndarray) -> int:
    """Samples whose exact value lies outside the bounds that are printed."""
    return int(((value < found.tie_low - 1e-12) | (value > found.tie_high + 1e-12)).sum())


def _covers(found: Placed, true: float) -> tuple[float, float]:
    each = limits(found, TAIL)
    return float(np.mean((each.low <= true) & (true <= each.high))), float(each.thin.mean())


def _demands(rows: list[tuple], reps: int) -> list[Demand]:
    areas = [r for r in rows if r[0] == "AUC"]
    plain = [(r[8], r[9]) for r in rows], [(r[10], r[11]) for r in rows]
    binned, sorted_ = (min((covers for covers, marked in of if marked < 0.7), default=1.0) for of in plain)
    outside = sum(r[7] for r in rows)
    furthest = max(r[5] for r in areas)
    return [
        Demand("crowded scores: exact value outside the printed bounds", "0", str(outside), outside == 0),
        Demand(
            "crowded scores: AUC of bins and of sorted rows apart", "at most 0.010", f"{furthest:.4f}", furthest <= 0.01
        ),
        at_least("crowded scores: coverage from bins, cells not marked", binned, DEMANDED, reps),
        at_least("crowded scores: coverage of exact values, cells not marked", sorted_, DEMANDED, reps),
    ]


def _intro(reps: int, of_rows: int) -> str:
    return (
        "**Method.** As for [AUC](#auc), and likewise for average precision; bins are those that a table of such scores gets. With "
        "`exact_auc` the value is that of the sorted rows, and its spread comes from the bins.\n\n"
        "**Assumes** independent rows.\n\n"
        "**How it does.** Scores of fraud or default (logistic of a normal around -9, positives 1.5 higher), the same near 1 (1 less an "
        "exponential of it), beta (.5, 500) beside beta (1.5, 150), and a normal of deviation .01 around .1; "
        f"{reps:,} replicates a cell, Monte-Carlo error at .95: {error(0.95, reps):.4f}. The truth is that of {of_rows:,} rows.\n\n"
    )
