"""What the folds of a unit leave open: another hash, and people with more rows who have other rates."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from simulations.gaps import limits_of
from simulations.page import DEMANDED, TAIL, Demand, Scale, Section, at_least, at_most, error, generator, table, watched

from audit.gates.judge import NEAR
from audit.measurement.inference.effective import folded
from audit.measurement.inference.intervals import Limits, difference, quantile, wilson

FOLDS, ROWS, GROUPS = 100, 10, 2
FEW, MANY, SHARE_OF_MANY = 2, 20, 0.2
MEAN_SIZE = FEW * (1 - SHARE_OF_MANY) + MANY * SHARE_OF_MANY
LIMIT, HIGHER, ICC = 0.1, 0.4, 0.3
SEEDS = 10
BATCH = 200
"""Samples handed to ``folded`` at once: it works out the correlation of all their columns."""


class Counts(NamedTuple):
    """Rows and events of every person: arrays (R, people); the group of a person is his number modulo 2."""

    rows: np.ndarray
    hits: np.ndarray


class Batch(NamedTuple):
    """Samples as arrays (R, 2), and the correlation of the two groups (R, 2, 2)."""

    p: np.ndarray
    n: np.ndarray
    df: np.ndarray
    thin: np.ndarray
    r: np.ndarray


def into_folds(counts: Counts, rng: np.random.Generator) -> Batch:
    """Every sample counted into folds drawn anew."""
    parts = [_folded(Counts(*(x[s : s + BATCH] for x in counts)), rng) for s in range(0, len(counts.rows), BATCH)]
    return Batch(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def _folded(counts: Counts, rng: np.random.Generator) -> Batch:
    reps, people = counts.rows.shape
    columns = reps * GROUPS
    column = np.arange(reps)[:, None] * GROUPS + np.arange(people) % GROUPS
    at = (rng.integers(FOLDS, size=counts.rows.shape) * columns + column).ravel()
    total, hits = (np.bincount(at, x.ravel(), FOLDS * columns).reshape(FOLDS, columns) for x in counts)
    sample, each = folded(hits, total, total.sum(axis=0)), np.arange(reps)
    whole = (reps, GROUPS)
    r = sample.r.reshape(*whole, *whole)[each, :, each, :]
    return Batch(*(x.reshape(whole) for x in (sample.p, sample.n, sample.df, sample.thin)), r)


def reseeded(scale: Scale) -> Section:
    """How often another assignment of the same people to folds turns a verdict."""
    reps, rows, silent = scale.replicates(2000), [], []
    cells = list(product(scale.some((50, 200, 1000), (200,)), (0.0, 0.1, 0.2)))
    for i, (people, gap) in enumerate(watched("another hash", cells)):
        counts, rng = _alike(people, gap, reps, generator(21, i)), generator(22, i)
        verdicts, reach, near = (np.stack(x) for x in zip(*(_verdict(counts, rng) for _ in range(SEEDS)), strict=True))
        usual = np.round(np.median(verdicts, axis=0))
        unusual = verdicts != usual
        silent.append(float((unusual & ~near).mean()))
        moved = float(np.median(reach.std(axis=0, ddof=1) / reach.mean(axis=0)))
        rows.append((people, gap, float((verdicts > 0).mean()), float((verdicts < 0).mean()), moved, float(unusual.any(axis=0).mean()),
                     float(unusual.mean()), float(near.mean()), silent[-1]))  # fmt: skip
    head = ("people", "true gap", "fails", "passes", "deviation of the end", f"{SEEDS} hashes do not agree", "verdict is not the usual one",
            "marked", "not the usual one and not marked")  # fmt: skip
    what = "another hash: verdicts that most hashes would not give, and that no mark says so of"
    return Section("Another hash", _intro(reps) + table(head, rows), [at_most(what, max(silent), 0.01, reps)])


def _intro(reps: int) -> str:
    return (
        "**Method.** The fold of a person is a hash of the name that the data give him, so the same data always give the same verdict. Another hash, or other names for "
        f"the same people, would give another. A verdict is marked where the limit lies within {NEAR:.0%} of the way from the estimate to the end of the interval that decides.\n\n"
        f"**How it does.** {ROWS} rows a person, correlation within a person {ICC:g}, two groups, gate “difference at most {LIMIT:g}”; {reps:,} data sets, each with {SEEDS} "
        "hashes. “Deviation of the end” is that of the upper end of the interval over hashes, in units of its distance from the estimate (median).\n\n"
    )


def _alike(people: int, gap: float, reps: int, rng: np.random.Generator) -> Counts:
    rates = np.where(np.arange(people) % GROUPS, HIGHER, HIGHER - gap)
    alike = (1 - ICC) / ICC
    own = rng.beta(rates * alike, (1 - rates) * alike, (reps, people))
    return Counts(np.full(own.shape, float(ROWS)), rng.binomial(ROWS, own).astype(float))


def _verdict(counts: Counts, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1 fail, -1 pass, 0 neither; how far the upper end lies from the estimate; whether the verdict is marked."""
    b = into_folds(counts, rng)
    lim, value = limits_of(b.p, b.n, "difference", TAIL, df=b.df, r=b.r), np.ptp(b.p, axis=1)
    verdict = np.where(lim.low > LIMIT, 1, np.where(lim.high <= LIMIT, -1, 0))
    ends = np.stack([lim.low, lim.high])
    near = (np.abs(ends - LIMIT) <= NEAR * np.abs(ends - value)).any(axis=0)
    return verdict, lim.high - value, near


def informative(scale: Scale) -> Section:
    """People with more rows have other rates: what is estimated, and whether its interval covers."""
    reps, rows, judged = scale.replicates(4000), [], []
    cells = list(product(scale.some((50, 200, 1000), (50, 200)), ((0.5, 0.2), (0.2, 0.5), (0.1, 0.02))))
    for i, (people, rates) in enumerate(watched("informative sizes", cells)):
        rng = generator(23, i)
        many = rng.random((reps, people)) < SHARE_OF_MANY
        size, own = np.where(many, MANY, FEW), np.where(many, rates[1], rates[0])
        own = own * np.where(np.arange(people) % GROUPS, 1.0, 0.75)
        b = into_folds(Counts(size.astype(float), rng.binomial(size, own).astype(float)), rng)
        of_rows = (FEW * (1 - SHARE_OF_MANY) * rates[0] + MANY * SHARE_OF_MANY * rates[1]) / MEAN_SIZE
        of_people = (1 - SHARE_OF_MANY) * rates[0] + SHARE_OF_MANY * rates[1]
        lim = wilson(b.p, b.n, quantile(TAIL, b.df))
        (p1, a), (p2, c) = ((b.p[:, g], Limits(lim.low[:, g], lim.high[:, g])) for g in (1, 0))
        apart = difference(p1, a, p2, c, b.r[:, 0, 1])
        covers, plainly = (float(np.mean((a.low <= t) & (t <= a.high))) for t in (of_rows, of_people))
        both = float(np.mean((apart.low <= of_rows / 4) & (of_rows / 4 <= apart.high)))
        judged += [(covers, float(b.thin[:, 1].mean())), (both, float(b.thin.any(axis=1).mean()))]
        rows.append(
            (people, f"{rates[0]:g} and {rates[1]:g}", of_rows, of_people, covers, both, judged[-2][1], plainly)
        )
    slack = 2 * error(DEMANDED, reps)
    short = [m for c, m in judged if c < DEMANDED - slack]
    text = (
        "**Method.** A rate is a share of rows, also where rows share a person: somebody with twenty rows counts twenty times. That is what is estimated, and what the "
        "interval is of. The mean over people of their own rates is another number where people with more rows have other rates; for that one, give every row the weight 1 / (rows of its person).\n\n"
        f"**How it does.** {1 - SHARE_OF_MANY:.0%} of people have {FEW} rows, the others {MANY}, at other rates; a second group at ¾ of the rates; {reps:,} replicates.\n\n"
        + table(("people", f"rates of people with {FEW} and with {MANY} rows", "rate of rows", "rate of people", "covers the rate of rows",
                 "difference covers", "marked", "covers the rate of people"), rows)
    )  # fmt: skip
    least = min((c for c, m in judged if m < 0.7), default=1.0)
    return Section("People with more rows", text, [
        at_least("people with more rows: coverage of the rate of rows, unmarked cells", least, DEMANDED, reps),
        Demand("people with more rows: marked samples where coverage falls short", "at least 0.700",
               f"{min(short, default=1.0):.4f} ({len(short)} of {len(judged)} intervals short)", min(short, default=1.0) >= 0.7),
    ])  # fmt: skip
