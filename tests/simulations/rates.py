"""One rate, and two rates compared: exact enumeration of the binomial distributions, no Monte-Carlo error."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.stats import binom
from simulations.page import DEMANDED, TAIL, Demand, Scale, Section, at_least, table, watched

from audit.measurement.inference.effective import plain
from audit.measurement.inference.intervals import Limits, clopper_pearson, difference, ratio
from audit.measurement.inference.pairs import guarded, single

SIZES = (20, 50, 100, 200, 500, 1000, 2000)
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
GAPS = (0.0, 0.02, 0.05, 0.1, 0.2)
NEGLIGIBLE = 1e-12
MARKED = 0.70
UNMARKED = 0.92
"""Promised of every single rate without a mark; counts are whole, so .93 is not held by each rate between round ones."""


def one_rate(scale: Scale) -> Section:
    """Coverage of Wilson's and of Clopper and Pearson's intervals over a fine grid of rates."""
    truths = np.concatenate([[0.001, 0.002, 0.005], np.linspace(0.01, 0.5, 99 if scale.fast else 491)])
    named, rows = truths >= RATES[0], []
    for n in (5, 10, *SIZES):
        outcomes = np.arange(n + 1)
        sample = plain(outcomes.astype(float), np.full(n + 1, float(n)))
        mass = binom.pmf(outcomes, n, truths[:, None])
        wilson, exact = (
            _covered(lim, truths, mass) for lim in (single(sample, TAIL), clopper_pearson(sample.p, sample.n, TAIL))
        )
        thin = mass @ sample.thin
        worst = int(wilson.argmin()), int(np.where(named, wilson, 1).argmin())
        each = [x for at in worst for x in (wilson[at], truths[at], thin[at])]
        rows.append((n, wilson.mean(), *each, f"{(wilson < DEMANDED).mean():.0%}", exact.mean(), exact.min()))
    text = (
        "**Method.** Wilson’s score interval (Wilson 1927). A floor or a ceiling on a rate is gated on Clopper and "
        "Pearson’s limits where fewer than 5 events or non-events were seen.\n\n"
        "**Assumes** that rows are independent draws: one row a person, equal weights. "
        "A denominator of 0 is not measured and gets [0, 1].\n\n"
        f"**How it does.** Exact, {len(truths)} true rates from .001 to .5; promised is .95. Coverage of a single rate swings "
        "with the rate because counts are whole numbers: its mean is right, its minimum is not. “Marked” is the share of samples at "
        "that worst rate that carry the mark for fewer than 5 events or non-events.\n\n"
    ) + table(
        (
            "rows",
            "mean",
            "least",
            "at rate",
            "marked there",
            "least, rates from .02",
            "at rate",
            "marked there",
            "rates under .93",
            "Clopper–Pearson: mean",
            "least",
        ),
        rows,
    )
    return Section("One rate", text, [_named_rates(scale)])


def _named_rates(scale: Scale) -> Demand:
    """Least coverage of a printed rate where the mark does not warn: all rates from .001 in steps of .001, or of .005."""
    truths = np.arange(1, 501, 5 if scale.fast else 1) / 1000
    cells = []
    for n in SIZES:
        outcomes = np.arange(n + 1)
        sample, mass = plain(outcomes.astype(float), np.full(n + 1, float(n))), binom.pmf(outcomes, n, truths[:, None])
        cells += zip(_covered(single(sample, TAIL), truths, mass), mass @ sample.thin, strict=True)
    least = float(min(c for c, m in cells if m < MARKED))
    what = (
        f"a rate of .001 to .5 on {SIZES[0]} to {SIZES[-1]:,} rows: coverage where fewer than 70% of samples are marked"
    )
    return at_least(what, least, UNMARKED, None)


def _marked(what: str, short: list[tuple[float, float]], cells: int, least: float) -> Demand:
    said = f"{least:.4f} ({len(short)} of {cells} cells short, least {min((c for c, _ in short), default=1.0):.3f})"
    return Demand(f"{what}: marked samples where coverage falls short", "at least 0.700", said, bool(least >= MARKED))


def _covered(lim: Limits, truths: np.ndarray, mass: np.ndarray) -> np.ndarray:
    inside = (lim.low - 1e-12 <= truths[:, None]) & (truths[:, None] <= lim.high + 1e-12)
    return (inside * mass).sum(axis=1)


def two_rates(scale: Scale) -> Section:
    """Coverage of Newcombe's difference and MOVER's ratio."""
    sizes, rates = scale.some(SIZES, (20, 50, 200, 2000)), scale.some(RATES, (0.02, 0.1, 0.3, 0.5))
    gaps = scale.some(GAPS, (0.0, 0.05, 0.2))
    cells = list(product(sizes, sizes, rates, gaps))
    found = {cell: coverage(*cell) for cell in watched("two rates", cells)}
    least = {k: min(found.items(), key=lambda item, k=k: item[1][k]) for k in range(3)}
    short = [(v[2], v[3]) for v in found.values() if v[2] < DEMANDED]
    least_marked = min((m for _, m in short), default=1.0)
    text = (
        "**Method.** Difference: Newcombe’s method 10, the distances of each rate to its own Wilson limits, squared and "
        "added (Newcombe 1998). Ratio: the same limits by Fieller’s argument, MOVER-R (Donner and Zou 2012). An upper limit of a "
        "ratio is absent where the lower rate’s own interval reaches 0; it is said to be absent and not cut.\n\n"
        "**Assumes** two independent groups of independent rows.\n\n"
        f"**How it does.** Exact, {len(cells):,} cells: both sizes in {_list(sizes)}, lower rate in {_list(rates)}, true "
        f"difference in {_list(gaps)}. The tables give the least coverage over the other group’s size and the difference.\n\n"
        "Difference:\n\n" + _grid(found, sizes, rates, 0) + "\nRatio:\n\n" + _grid(found, sizes, rates, 1) + "\n"
        f"The least of all: difference {least[0][1][0]:.3f} at {_name(least[0][0])}; ratio {least[1][1][1]:.3f} at "
        f"{_name(least[1][0])}. A ratio is undefined where the rate it divides by is 0; counting only samples in which that "
        f"rate is above 0, the least is {least[2][1][2]:.3f} at {_name(least[2][0])}; there {least[2][1][3]:.0%} of such samples are marked. "
        f"Of all cells in which such samples are covered less than 93%, at least {least_marked:.0%} are marked.\n"
    )
    return Section(
        "Differences and ratios",
        text,
        [
            at_least("coverage of a difference, every cell", least[0][1][0], DEMANDED, None),
            at_least("coverage of a ratio, every cell", least[1][1][1], DEMANDED, None),
            _marked("a ratio, of samples in which it is defined", short, len(found), least_marked),
        ],
    )


def coverage(m: int, n: int, low: float, gap: float) -> tuple[float, float, float, float]:
    """Coverage of difference, of ratio, of ratio where it is defined, and the marked share there; the first rate is the higher."""
    (x, px), (y, py) = _support(m, low + gap), _support(n, low)
    first, second = plain(x, np.full(x.shape, float(m))), plain(y, np.full(y.shape, float(n)))
    a, b = guarded(first, TAIL), guarded(second, TAIL)
    left = first.p[:, None], Limits(a.low[:, None], a.high[:, None])
    right = second.p[None, :], Limits(b.low[None, :], b.high[None, :])
    mass = px[:, None] * py[None, :]
    d, q = difference(*left, *right), ratio(*left, *right)
    inside = _inside(d, gap), _inside(q, (low + gap) / low)
    defined = (y > 0)[None, :] * mass
    return (
        float((inside[0] * mass).sum()),
        float((inside[1] * mass).sum()),
        float((inside[1] * defined).sum() / defined.sum()),
        float(((first.thin[:, None] | second.thin[None, :]) * defined).sum() / defined.sum()),
    )


def _inside(lim: Limits, truth: float) -> np.ndarray:
    return (lim.low <= truth + 1e-12) & (truth - 1e-12 <= lim.high)


def _support(n: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts that matter with their probabilities; the missing mass counts as not covered."""
    mass = binom.pmf(np.arange(n + 1), n, p)
    kept = np.flatnonzero(mass > NEGLIGIBLE)
    return kept.astype(float), mass[kept]


def _grid(found: dict[tuple, tuple], sizes: tuple, rates: tuple, at: int) -> str:
    rows = [
        (f"{m} rows", *(min(v[at] for c, v in found.items() if m in c[:2] and c[2] == p) for p in rates)) for m in sizes
    ]
    return table(("one group has", *(f"rate {p:g}" for p in rates)), rows)


def _list(values: tuple) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _name(cell: tuple) -> str:
    m, n, low, gap = cell
    return f"{low + gap:g} on {m} rows against {low:g} on {n}"
