"""Brier score, log loss and calibration in the large: means of skewed losses of rows."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from scipy.integrate import quad
from scipy.stats import beta
from simulations.page import DEMANDED, Demand, Scale, Section, error, generator, table, watched

from audit.axes import LABEL, SCORE
from audit.cube import Axis, Cube
from audit.measurement.scope import SMALL, Scope
from audit.measurement.scores.scores import score_estimates

KINDS = {"middling": (2.0, 2.0), "sure": (0.5, 0.5), "rare positives": (1.0, 20.0)}
"""Beta distributions of the true probabilities, which are the scores."""
SIZES = (20, 50, 200, 1000)
AT_ONCE = 500
NAMES = ("brier_score", "log_loss", "calibration_in_the_large")
MARKED = 0.70


def expected(kind: str) -> tuple[float, float, float]:
    """True values of a calibrated model: E s(1 - s), the mean entropy, and 0."""
    density = beta(*KINDS[kind]).pdf
    entropy = quad(lambda s: (-s * math.log(s) - (1 - s) * math.log1p(-s)) * density(s), 1e-12, 1 - 1e-12, limit=400)[0]
    a, b = KINDS[kind]
    return a * b / (a + b) / (a + b + 1), entropy, 0.0


def sample(kind: str, n: int, groups: int, rng: np.random.Generator) -> tuple[Cube, Cube]:
    """Every group is a sample: the two cubes that an engine would count, all scores in one bin."""
    s = np.clip(rng.beta(*KINDS[kind], (groups, n)), 1e-12, 1 - 1e-12)
    y = rng.random(s.shape) < s
    each = {"score": s, "squared_error": (y - s) ** 2, "log_loss": -np.log(np.where(y, s, 1 - s))}
    sums = {"n": _by_label(y, np.ones(s.shape)).astype(np.int64)}
    for name, x in each.items():
        once, twice = _by_label(y, x), _by_label(y, x**2)
        sums |= {name: once, f"{name}_w2": once, f"{name}_w2x": twice}
        if name != "score":
            sums |= {f"{name}_{k}_w4": _by_label(y, x**k) for k in (1, 2, 3, 4)}
    sums |= {f"missing_{k}_w4": _by_label(y, np.abs(y - s) ** k) for k in (1, 3)}
    sums |= {"outside": np.zeros((groups, 2)), "impossible": np.zeros((groups, 2))}
    axes = [Axis("g", tuple(f"{i:04d}" for i in range(groups))), Axis(LABEL, ("0", "1"))]
    bins = Cube([*axes, Axis(SCORE, ("0.0",))], {k: sums[k][..., None] for k in ("n", "score")})
    return bins, Cube(axes, sums)


def _by_label(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.stack([(x * ~y).sum(axis=1), (x * y).sum(axis=1)], axis=1)


def losses(scale: Scale) -> Section:
    """All tables of the section."""
    reps, rows, judged = scale.replicates(4000), [], []
    cells = list(product(KINDS, scale.some(SIZES, (50, 200))))
    for i, (kind, n) in enumerate(watched("losses", cells)):
        rng, found = generator(26, i), []
        for start in range(0, reps, AT_ONCE):
            bins, lost = sample(kind, n, min(AT_ONCE, reps - start), rng)
            found += score_estimates([bins], [lost], Scope(groups=("g",)))
        row: list[object] = [kind, n]
        for name, truth in zip(NAMES, expected(kind), strict=True):
            each = [e for e in found if e.metric == name and e.by and e.compare is None]
            covers = float(np.mean([e.low is not None and e.low <= truth <= e.high for e in each]))
            marked = float(np.mean([SMALL in e.flags for e in each]))
            judged.append((covers, marked))
            row += [covers, marked]
        rows.append(row)
    slack = 2 * error(DEMANDED, reps)
    unmarked = min((c for c, m in judged if m < MARKED), default=1.0)
    short = [m for c, m in judged if c < DEMANDED - slack]
    text = (
        "**Method.** Student’s t on the losses of the rows, from their sums and sums of squares. Fewer than 60 rows, or 15 of the rarer label, are marked. A loss whose variance rests on few "
        "rows has few degrees of freedom.\n\n"
        "**Assumes** independent rows.\n\n"
        f"**How it does.** A calibrated model whose scores follow a beta distribution: (2, 2), (½, ½), and (1, 20) with one positive in 21; {reps:,} replicates.\n\n"
        + table(
            ("scores", "rows", *(x for n in ("Brier score", "log loss", "in the large") for x in (n, "marked"))), rows
        )
    )
    return Section("Losses of scores", text, [
        Demand("losses of scores: coverage where fewer than 70% of samples are marked", "at least 0.930",
               f"{unmarked:.4f} ± {error(unmarked, reps):.4f}", bool(unmarked >= DEMANDED - slack)),
        Demand("losses of scores: marked samples where coverage falls short", "at least 0.700",
               f"{min(short, default=1.0):.4f} ({len(short)} of {len(judged)} intervals short, least {min(c for c, _ in judged):.3f})",
               min(short, default=1.0) >= MARKED),
    ])  # fmt: skip
