"""Rows that share a person, weights, and people with rows in several groups."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from simulations.gaps import compare_with_the_package, limits_of
from simulations.page import DEMANDED, TAIL, Demand, Scale, Section, at_most, error, generator, table, watched

from audit.measurement.inference.effective import Sample, folded, plain, weighted
from audit.measurement.inference.intervals import Limits, difference, quantile, ratio, wilson
from audit.measurement.inference.pairs import correlations, guarded

FOLDS, ROWS = 100, 10
GROUPS = 4
NESTED = np.array([1.0, 1.0, 0.75, 0.75])
CROSSED = np.array([1.0, 1.0, 0.8, 0.6])
FIRST, SECOND = 0, 2
"""The two groups that are compared."""
STATISTICS = ("rate", "difference", "ratio", "gap")
MARKED = 0.70
CHUNK = 200_000
"""Rows drawn at once."""


class Design(NamedTuple):
    """One cell: who the rows belong to, how alike a person's rows are, and what they weigh."""

    people: int
    rate: float
    icc: float
    weights: str
    crossed: bool


class Batch(NamedTuple):
    """Samples of R replicates and 4 groups: arrays (R, 4), correlations (R, 4, 4)."""

    p: np.ndarray
    n: np.ndarray
    df: np.ndarray
    thin: np.ndarray
    r: np.ndarray
    rows: np.ndarray


class Found(NamedTuple):
    """Shares of samples: interval covers, is marked, covers if rows are taken for independent; false verdicts."""

    covers: np.ndarray
    marked: np.ndarray
    naive: np.ndarray
    wrong: np.ndarray
    """False fail and false pass of the difference gate, then of the ratio gate, the limit at the truth."""


def truth_of(design: Design) -> np.ndarray:
    return design.rate * (CROSSED if design.crossed else NESTED)


def draw(design: Design, reps: int, rng: np.random.Generator) -> Batch:
    """Samples counted into folds and handed to ``effective.folded``."""
    shape = (reps, design.people)
    alike = np.full(shape, design.rate)
    if design.icc > 0:
        scale = (1 - design.icc) / design.icc
        alike = rng.beta(design.rate * scale, (1 - design.rate) * scale, shape)
    group = rng.integers(GROUPS, size=(*shape, ROWS)) if design.crossed else _nested(shape)
    labels = rng.random((*shape, ROWS)) < alike[..., None] * (truth_of(design) / design.rate)[group]
    w = _weights(design.weights, shape, rng)
    fold = rng.integers(FOLDS, size=shape)[..., None]
    column = np.arange(reps)[:, None, None] * GROUPS + group
    columns = reps * GROUPS
    at = np.broadcast_to(fold * columns + column, labels.shape).ravel()
    total = np.bincount(at, w.ravel(), FOLDS * columns).reshape(FOLDS, columns)
    hits = np.bincount(at, (w * labels).ravel(), FOLDS * columns).reshape(FOLDS, columns)
    squares = np.bincount(np.broadcast_to(column, labels.shape).ravel(), (w**2).ravel(), columns)
    sample = folded(hits, total, squares)
    r = np.zeros((reps, GROUPS, GROUPS))
    if sample.r is not None:
        each = np.arange(reps)
        r = sample.r.reshape(reps, GROUPS, reps, GROUPS)[each, :, each, :]
    whole = (reps, GROUPS)
    rows = np.bincount(np.broadcast_to(column, labels.shape).ravel(), minlength=columns).reshape(whole)
    return Batch(*(x.reshape(whole) for x in (sample.p, sample.n, sample.df, sample.thin)), r, rows)


def _nested(shape: tuple[int, int]) -> np.ndarray:
    """Each person belongs to one group."""
    return np.broadcast_to((np.arange(shape[1]) % GROUPS)[None, :, None], (*shape, ROWS))


def _weights(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Weights of rows, lognormal with sigma 1 unless equal."""
    w = np.ones((*shape, ROWS))
    if kind == "of persons":
        w = w * rng.lognormal(size=(*shape, 1))
    if kind == "of rows":
        w = rng.lognormal(size=w.shape)
    return w


def simulate(design: Design, reps: int, rng: np.random.Generator) -> Found:
    """Coverage of rate, difference, ratio and gap."""
    step = max(1, min(250, CHUNK // (design.people * ROWS)))
    parts = [_one_batch(design, draw(design, min(step, reps - s), rng)) for s in range(0, reps, step)]
    weights = np.array([len(p[0]) for p in parts])
    means = [np.average([p[k].mean(axis=0) for p in parts], axis=0, weights=weights) for k in range(4)]
    return Found(*means)


def _one_batch(design: Design, batch: Batch) -> list[np.ndarray]:
    truth = truth_of(design)
    gap = limits_of(batch.p, batch.n, "difference", TAIL, df=batch.df, r=batch.r)
    whole = float(truth.max() - truth.min())
    naive = batch._replace(n=batch.rows.astype(float), df=np.full(batch.p.shape, np.inf), r=np.zeros_like(batch.r))
    naive_gap = limits_of(naive.p, naive.n, "difference", TAIL)
    thin = batch.thin
    marked = [thin[:, SECOND], thin[:, FIRST] | thin[:, SECOND], thin[:, FIRST] | thin[:, SECOND], thin.any(axis=1)]
    least, quotient = (
        float(truth.min() / truth.max()),
        limits_of(batch.p, batch.n, "ratio", TAIL, df=batch.df, r=batch.r),
    )
    for kind, lim in (("difference", gap), ("ratio", quotient)):
        compare_with_the_package(batch.p, batch.n, kind, lim, df=batch.df, r=batch.r)
    wrong = gap.low > whole + 1e-12, gap.high <= whole, quotient.high < least - 1e-12, quotient.low >= least
    return [
        _covers(batch, gap, truth),
        np.stack(marked, axis=1),
        _covers(naive, naive_gap, truth),
        np.stack(wrong, axis=1),
    ]


def _covers(batch: Batch, gap: Limits, truth: np.ndarray) -> np.ndarray:
    """Whether rate (of the second group), difference, ratio and gap are covered: (R, 4)."""
    lim = wilson(batch.p, batch.n, quantile(TAIL, batch.df))
    sample = Sample(batch.p, batch.n, batch.df, batch.p * batch.n, batch.n, batch.r)
    wide = guarded(sample, TAIL)
    (p1, a), (p2, b) = ((batch.p[:, g], Limits(wide.low[:, g], wide.high[:, g])) for g in (FIRST, SECOND))
    r = correlations(sample, TAIL)[:, FIRST, SECOND]
    t1, t2 = truth[FIRST], truth[SECOND]
    each = (
        (Limits(lim.low[:, SECOND], lim.high[:, SECOND]), t2),
        (difference(p1, a, p2, b, r), t1 - t2),
        (ratio(p1, a, p2, b, r), t1 / t2),
        (gap, truth.max() - truth.min()),
    )
    return np.stack([(lim.low <= t + 1e-12) & (t - 1e-12 <= lim.high) for lim, t in each], axis=1)


def shared(scale: Scale) -> Section:
    """People with ten rows each in one group; weights of people or of rows."""
    people = scale.some((50, 200, 1000), (50, 200))
    designs = [
        Design(u, p, icc, w, crossed=False)
        for p, u, icc, w in product((0.3, 0.06), people, (0.0, 0.3, 0.8), ("equal", "of persons", "of rows"))
    ]
    found = _all("shared", designs, scale, 5)
    reps = _replicates(scale)
    alone, demand = _weights_alone(scale)
    text = (
        "**Method.** Rows are counted into 100 folds by a hash of the person; leaving out one fold at a time gives the variance of each "
        "rate (delete-one jackknife) and with it the number of independent rows that the data are worth, at most Kish’s (1965). "
        "All intervals above are then used with that number and Student’s t. Its degrees of freedom "
        "are Satterthwaite’s, few where few folds make up the variance, and at most the effective folds less one.\n\n"
        "**Assumes** that people are independent of each other and that the column that names them is complete. Weights are "
        "taken as fixed.\n\n"
        "**How it does.** 10 rows a person, people spread over 4 groups whose rates are p, p, ¾p, ¾p; correlation within a person (icc) 0, .3, "
        "and .8; weights equal, lognormal (σ = 1) of persons, or of rows. "
        + _how(reps)
        + _table(designs, found, reps)
        + _shortfalls(found, reps)
        + alone
    )
    return Section(
        "Rows that share a person, and weights", text, [*_demands("10 rows a person", designs, found, reps), demand]
    )


def crossed(scale: Scale) -> Section:
    """People whose rows are spread over all groups."""
    designs = [
        Design(u, p, icc, w, crossed=True)
        for p, u, icc, w in product(
            (0.3, 0.06), scale.some((12, 50, 200), (50,)), (0.3, 0.8), ("equal", "of persons", "of rows")
        )
    ]
    found = _all("crossed", designs, scale, 6)
    reps = _replicates(scale)
    text = (
        "**Method.** As above; the folds also give the correlation of two groups’ rates, which enters the limits of their difference "
        "and ratio (Zou 2007). Positive correlation narrows them.\n\n"
        "**Assumes** that people are independent of each other.\n\n"
        "**How it does.** 10 rows a person, each in one of 4 groups at random; rates p, p, .8p, .6p times the person’s own level. "
        + _how(reps)
        + _table(designs, found, reps)
        + _shortfalls(found, reps)
    )
    return Section("Crossed units", text, _demands("crossed units", designs, found, reps))


def _replicates(scale: Scale) -> int:
    return 400 if scale.fast else 10_000


def _all(name: str, designs: list[Design], scale: Scale, seed: int) -> list[Found]:
    reps = _replicates(scale)
    return [simulate(d, reps, generator(seed, i)) for i, d in enumerate(watched(name, designs))]


def _how(reps: int) -> str:
    return (
        f"{reps:,} replicates a cell, Monte-Carlo error of a coverage of .95: {error(0.95, reps):.4f}. “Marked” is the share of samples in which "
        "the interval carries the mark for fewer than 5 effective events or 8 effective folds. “Taken for independent” is what the "
        "interval of plain rows would cover. An asterisk: under .93 by more than two Monte-Carlo errors. False fail and false pass are those of "
        "a gate whose limit is the true gap, or the true ratio of the lowest to the highest rate.\n\n"
    )


def _table(designs: list[Design], found: list[Found], reps: int) -> str:
    head = (
        "p",
        "people",
        "icc",
        "weights",
        *STATISTICS,
        "marked: rate",
        "difference",
        "gap",
        "taken for independent: rate",
        "gap",
        "difference: false fail",
        "false pass",
        "ratio: false fail",
        "false pass",
    )
    rows = []
    for d, f in zip(designs, found, strict=True):
        shown = [
            f"{c:.3f}{'*' if m else ''}"
            for c, m in zip(f.covers, f.covers < DEMANDED - 2 * error(DEMANDED, reps), strict=True)
        ]
        rows.append(
            (
                d.rate,
                d.people,
                f"{d.icc:g}",
                d.weights,
                *shown,
                f.marked[0],
                f.marked[1],
                f.marked[3],
                f.naive[0],
                f.naive[3],
                *f.wrong,
            )
        )
    return table(head, rows)


def _shortfalls(found: list[Found], reps: int) -> str:
    """What the asterisks amount to, in words."""
    cells = [(f.covers[k], f.marked[k]) for f in found for k in range(len(STATISTICS))]
    short = [(c, m) for c, m in cells if c < DEMANDED - 2 * error(DEMANDED, reps)]
    least = min(c for c, _ in cells)
    if not short:
        return f"\nNone of {len(cells)} intervals falls short of .93; the least covers {least:.3f}.\n"
    return (
        f"\n{len(short)} of {len(cells)} intervals fall short of .93, the least covers {least:.3f}; "
        f"{sum(m >= MARKED for _, m in short)} of them are marked in at least 70% of samples.\n"
    )


def _demands(name: str, designs: list[Design], found: list[Found], reps: int) -> list[Demand]:
    """Every interval covers, or is marked in 70% of samples; verdicts err in at most 5%."""
    cells = [(f.covers[k], f.marked[k]) for f in found for k in range(len(STATISTICS))]
    slack = 2 * error(DEMANDED, reps)
    unmarked = min(c for c, m in cells if m < MARKED)
    short = [(c, m) for c, m in cells if c < DEMANDED - slack]
    least_marked = min((m for _, m in short), default=1.0)
    return [
        Demand(
            f"{name}: coverage where fewer than 70% of samples are marked", "at least 0.930",
            f"{unmarked:.4f} ± {error(unmarked, reps):.4f}", bool(unmarked >= DEMANDED - slack),
        ),
        Demand(
            f"{name}: marked samples where coverage falls short", "at least 0.700",
            f"{least_marked:.4f} ({len(short)} of {len(cells)} intervals short, least {min(c for c, _ in cells):.3f})",
            bool(least_marked >= MARKED),
        ),
        at_most(f"{name}: false fails, limit at the true gap", max(f.wrong[[0, 2]].max() for f in found), 0.05, reps),
        at_most(f"{name}: false passes, limit at the true gap", max(f.wrong[[1, 3]].max() for f in found), 0.05, reps),
    ]  # fmt: skip


def _weights_alone(scale: Scale) -> tuple[str, Demand]:
    """Independent rows with weights: ``effective.weighted``."""
    reps, cells = scale.replicates(4000), list(product((20, 50, 200, 1000), (0.02, 0.1, 0.3, 0.5)))
    rows, worst = [], []
    for i, (n, p) in enumerate(watched("weights", cells)):
        rng = generator(7, i)
        w = rng.lognormal(size=(reps, n))
        y = rng.random((reps, n)) < p
        s = weighted((w * y).sum(axis=1), w.sum(axis=1), (w**2 * y).sum(axis=1), (w**2).sum(axis=1))
        lim, bare = wilson(s.p, s.n, quantile(TAIL, s.df)), plain(s.p * n, np.full(reps, float(n)))
        naive = wilson(bare.p, bare.n, quantile(TAIL, bare.df))
        covers, plainly = (float(np.mean((x.low <= p) & (p <= x.high))) for x in (lim, naive))
        rows.append((n, p, covers, float(s.thin.mean()), plainly))
        worst.append((covers, float(s.thin.mean())))
    slack = 2 * error(DEMANDED, reps)
    short = [(c, m) for c, m in worst if c < DEMANDED - slack]
    held = all(m >= MARKED for _, m in short)
    text = f"\nIndependent rows with lognormal weights (σ = 1), no person column, {reps:,} replicates:\n\n" + table(
        ("rows", "rate", "covers", "marked", "taken for equal weights"), rows
    )
    least = min((m for _, m in short), default=1.0)
    return text, Demand(
        "weights alone: marked samples where coverage falls short", "at least 0.700",
        f"{least:.4f} ({len(short)} of {len(worst)} cells short, least {min(c for c, _ in worst):.3f})", held,
    )  # fmt: skip
