"""What equal groups show by chance, and the spread that is left without it."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from simulations.page import Demand, Scale, Section, generator, table, watched
from simulations.units import GROUPS, Design, draw, truth_of

from audit.measurement.inference.pairs import between_variance, noise_floor, spread

SIZES: tuple[tuple[int, ...], ...] = ((20,), (50,), (200,), (1000,), (20, 1000, 50, 200))
TRUTHS = ("equal", "evenly spread", "one low")
FLOORED = 300
"""Samples whose own floor is computed: a quadrature each."""
ALLOWED_Z = 4.0
"""Standard errors granted to the largest of about sixty standardised biases (chance alone: 3.2 on average at most)."""


def rates(shape: str, groups: int) -> np.ndarray:
    """Rates with a largest difference of 0 or .2."""
    if shape == "equal":
        return np.full(groups, 0.3)
    return np.linspace(0.2, 0.4, groups) if shape == "evenly spread" else np.r_[0.2, np.full(groups - 1, 0.4)]


def noise(scale: Scale) -> Section:
    """All tables of the section."""
    reps = scale.replicates(20_000)
    groups = scale.some((2, 4, 8, 16), (2, 8))
    cells = list(product(groups, scale.some(SIZES, (SIZES[1], SIZES[4])), TRUTHS))
    rows, scores = [], []
    for i, (g, sizes, shape) in enumerate(watched("noise floor", cells)):
        truth, n = rates(shape, g), np.resize(np.array(sizes, dtype=float), g)
        p = generator(8, i).binomial(n.astype(int), truth, (reps, g)) / n
        signed = between_variance(p, n)
        bias = float(signed.mean() - truth.var(ddof=1))
        scores.append(bias / float(signed.std() / math.sqrt(reps)))
        few = [spread(x, n) for x in p[: min(FLOORED, reps)]]
        raw = p.max(axis=1) - p.min(axis=1)
        at_truth = noise_floor(truth * (1 - truth) / n) if shape == "equal" else math.nan
        rows.append((
            g, "mixed" if len(sizes) > 1 else sizes[0], shape, truth.max() - truth.min(), raw.mean(), at_truth,
            np.mean([s.floor for s in few]), np.mean([s.corrected for s in few]),
            f"{bias:+.6f}", f"{float(signed.std() / math.sqrt(reps)):.6f}", f"{np.mean(signed < 0):.0%}",
        ))  # fmt: skip
    worst = max(abs(z) for z in scores)
    floors_off = max(abs(r[4] - r[5]) / r[4] for r in rows if r[2] == "equal")
    shared, shared_bias = _shared(scale)
    text = (
        _intro(reps, len(cells))
        + table(
            (
                "groups",
                "rows each",
                "truth",
                "true gap",
                "raw gap",
                "floor at the true rate",
                "floor printed",
                "corrected gap",
                "variance: bias",
                "±",
                "below 0",
            ),
            rows,
        )
        + shared
    )
    demands = [
        Demand(
            "signed between-group variance: largest bias in standard errors",
            f"at most {ALLOWED_Z:g}",
            f"{worst:.2f} of {len(scores)} cells",
            worst <= ALLOWED_Z,
        ),
        Demand(
            "noise floor: largest relative distance from the simulated gap of equal groups",
            "at most 0.060",
            f"{floors_off:.3f}",
            bool(floors_off <= 0.06),
        ),
        Demand(
            "signed variance with people of 10 rows: largest bias, in units of the noise taken out",
            "at most 0.150",
            f"{shared_bias:.3f}",
            bool(shared_bias <= 0.15),
        ),
    ]
    return Section("Noise floor", text, demands)


def _intro(reps: int, cells: int) -> str:
    return (
        "**Method.** The floor is the mean of the largest difference of independent normal estimates around the pooled rate, by "
        "quadrature: what equal groups of these sizes show on average. The corrected gap is √max(0, gap² − floor²). The signed variance "
        "is the sample variance of the rates less the mean of p(1 − p)/(n − 1) (idea: Lum, Zhang and Bower 2022). None of them enters a verdict.\n\n"
        "**Assumes** independent groups; the floor, rates that are about normal.\n\n"
        f"**How it does.** {cells} cells, {reps:,} replicates each (the printed floor and the corrected gap on the first {FLOORED}). The corrected gap is "
        "not unbiased: no estimator of a largest difference is, both for equal and for unequal groups. The signed variance is, within Monte-Carlo error.\n\n"
    )


def _shared(scale: Scale) -> tuple[str, float]:
    """Bias of the signed variance, and floor against raw gap, where ten rows share a person."""
    reps, rows, relative = scale.replicates(4000), [], []
    designs = [
        Design(u, 0.3, icc, "equal", crossed) for u, icc, crossed in product((50, 200), (0.3, 0.8), (False, True))
    ]
    for i, d in enumerate(watched("floor, shared", designs)):
        batches = [draw(d, 200, generator(9, i, k)) for k in range(math.ceil(reps / 200))]
        p, n, r = (np.concatenate([getattr(b, name) for b in batches]) for name in ("p", "n", "r"))
        variances = p * (1 - p) / n
        signed = between_variance(p, n, variances, r if d.crossed else None)
        bias, taken = float(signed.mean() - truth_of(d).var(ddof=1)), float(variances.mean())
        relative.append(abs(bias) / taken)
        rows.append(
            (
                d.people,
                f"{d.icc:g}",
                "all groups" if d.crossed else "one group",
                f"{bias:+.6f}",
                f"{signed.std() / math.sqrt(len(signed)):.6f}",
                f"{taken:.6f}",
            )
        )
    text = (
        f"\nTen rows a person, {GROUPS} groups, {reps:,} replicates; the noise is the jackknife’s, and where people have rows in all groups the mean "
        "covariance is given back. The jackknife overstates the noise of few people a little, which lowers the signed variance:\n\n"
        + table(("people", "icc", "a person’s rows in", "bias", "±", "noise taken out"), rows)
    )
    return text, max(relative)
