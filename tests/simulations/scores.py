"""AUC from score bins, per group and over groups, and calibration."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm
from simulations.page import DEMANDED, TAIL, Demand, Scale, Section, at_least, at_most, error, generator, table, watched
from sklearn.metrics import roc_auc_score

from audit.measurement.inference.auc import auc, auc_gap, folded, limits, placed
from audit.measurement.inference.calibration import calibration
from audit.measurement.inference.intervals import Limits, difference

BINS = 100
COUNTS = ((10, 200), (20, 20), (50, 50), (50, 1000), (200, 200))
AUCS = (0.6, 0.8, 0.95)
SPREADS = (0.5, 1.0, 2.0)


def binned(x: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Counts per bin of equal width on the probability scale, along the last axis."""
    at = np.minimum((ndtr(x / 1.5) * bins).astype(int), bins - 1)
    rows = at.reshape(-1, at.shape[-1])
    flat = (np.arange(len(rows))[:, None] * bins + rows).ravel()
    return np.bincount(flat, minlength=len(rows) * bins).reshape(*at.shape[:-1], bins)


def shift(area: float, spread: float) -> float:
    """Distance of two normals of deviations ``spread`` and 1 that gives an AUC."""
    return float(norm.ppf(area) * math.sqrt(1 + spread**2))


def draw(
    area: float, spread: float, m: int, n: int, reps: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    distance = shift(area, spread)
    pos, neg = spread * rng.standard_normal((reps, m)) + distance / 2, rng.standard_normal((reps, n)) - distance / 2
    return binned(pos), binned(neg)


def areas(scale: Scale) -> Section:
    """All tables on AUC."""
    reps = scale.replicates(2000)
    rows = []
    cells = list(product(scale.some(COUNTS, (COUNTS[0], COUNTS[2])), AUCS, SPREADS))
    for i, ((m, n), area, spread) in enumerate(watched("auc", cells)):
        rng = generator(11, i)
        first, second = (auc(*draw(area, spread, m, n, reps, rng)) for _ in range(2))
        lim = difference(first.mid, Limits(first.low, first.high), second.mid, Limits(second.low, second.high))
        rows.append((
            m, n, area, f"{spread:g}", float(np.mean((first.low <= area) & (area <= first.high))), float(first.thin.mean()),
            float(np.mean((lim.low <= 0) & (lim.high >= 0))), float(np.mean(first.tie_high - first.tie_low)), float(np.mean(first.high - first.low)),
        ))  # fmt: skip
    bounds, held = _bounds(scale)
    people, least_people = _people(scale)
    gaps, gap_demands = _gaps(scale)
    short = [r for r in rows if min(r[4], r[6]) < DEMANDED - 2 * error(DEMANDED, reps)]
    text = (
        _intro(reps)
        + table(
            (
                "positives",
                "negatives",
                "AUC",
                "deviation of positives",
                "covers",
                "marked",
                "difference covers",
                "tie bounds, width",
                "interval, width",
            ),
            rows,
        )
        + bounds
        + people
        + gaps
    )
    demands = [
        held,
        at_least("coverage of an AUC, every cell", min(r[4] for r in rows), DEMANDED, reps),
        at_least("coverage of a difference of two AUCs, every cell", min(r[6] for r in rows), DEMANDED, reps),
        at_least(
            "coverage of an AUC with 10 rows a person, unmarked cells", least_people, DEMANDED, scale.replicates(1000)
        ),
        *gap_demands,
    ]
    return Section(
        "AUC",
        text + ("" if not short else f"\n{len(short)} cells lie under .93 by more than two Monte-Carlo errors.\n"),
        demands,
    )


def _intro(reps: int) -> str:
    return (
        "**Method.** Scores are counted into bins. Rows of one bin are ties, so the AUC of the scores themselves lies between two exact "
        "bounds (ties all wrong, ties all right); ties count half in the printed value. DeLong’s variance (1988) on the bin counts becomes an effective "
        "number of rows; Wilson’s limits with Student’s t (fewer of positives and negatives, less one) start from the bounds. With fewer than 5 "
        "effective rows of the rarer label times the rarer order the interval is widened to Newcombe’s method 5 (2006) and marked.\n\n"
        "**Assumes** independent rows, or people counted into folds.\n\n"
        f"**How it does.** Normal scores, {BINS} bins, {reps:,} replicates a cell, Monte-Carlo error at .95: {error(0.95, reps):.4f}. Differences are of two independent "
        "groups of the same kind.\n\n"
    )


def _bounds(scale: Scale) -> tuple[str, Demand]:
    """Printed bounds against scikit-learn on the scores themselves, with spikes and ties."""
    sets, outside, widths = scale.replicates(3000), 0, []
    for i in watched("auc bounds", range(sets)):
        rng = generator(12, i)
        n, bins = int(rng.integers(20, 3000)), int(rng.choice([5, 20, 50, 100]))
        y = rng.random(n) < rng.uniform(0.05, 0.6)
        y[:2] = True, False
        s = rng.beta(1 + 3 * y * rng.random(), rng.uniform(0.5, 4), n)
        s = np.where(rng.random(n) < rng.choice([0, 0.3, 0.9]), rng.choice(s, 3)[rng.integers(0, 3, n)], s)
        s = np.round(s, int(rng.choice([1, 2, 16])))
        at = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], s, side="right")
        found = auc(np.bincount(at[y], minlength=bins), np.bincount(at[~y], minlength=bins))
        exact = roc_auc_score(y, s)
        outside += not found.tie_low - 1e-12 <= exact <= found.tie_high + 1e-12
        widths.append(found.tie_high - found.tie_low)
    text = (
        f"\nAgainst scikit-learn’s `roc_auc_score` on the unbinned scores of {sets:,} random data sets (20 to 3,000 rows, 5 to 100 bins, rounded scores, "
        f"spikes of up to 90% of the rows on three values): {outside} outside the printed bounds (mean width {np.mean(widths):.3f}).\n"
    )
    return text, Demand("AUC of scikit-learn outside the printed bounds", "0", f"{outside} of {sets:,}", outside == 0)


def _people(scale: Scale) -> tuple[str, float]:
    """Ten rows a person who share a score level and a label tendency."""
    reps, rows = scale.replicates(1000), []
    for i, (people, share) in enumerate(
        watched("auc, people", list(product(scale.some((50, 200), (200,)), scale.some((0.0, 0.5, 0.9), (0.9,)))))
    ):
        rng, covered, naive, marked = generator(13, i), 0, 0, 0
        for _ in range(reps):
            found, alone = _person_sample(people, share, rng)
            covered += bool(found.low[0] <= 0.8 <= found.high[0])
            naive += bool(alone.low[0] <= 0.8 <= alone.high[0])
            marked += bool(found.thin[0])
        rows.append((people, f"{share:g}", covered / reps, marked / reps, naive / reps))
    text = (
        f"\nTen rows a person of one label, true AUC .8, a third of people positive; a share of the score’s variance belongs to the person; 100 "
        f"folds, {reps:,} replicates:\n\n"
        + table(("people", "share", "covers", "marked", "taken for independent"), rows)
    )
    return text, min((r[2] for r in rows if r[3] < 0.7), default=1.0)


def _person_sample(people: int, share: float, rng: np.random.Generator):
    label = rng.random(people) < 1 / 3
    distance = shift(0.8, 1.0)
    score = math.sqrt(share) * rng.standard_normal((people, 1)) + math.sqrt(1 - share) * rng.standard_normal(
        (people, 10)
    )
    counts = binned(score + np.where(label, distance / 2, -distance / 2)[:, None])
    fold, parts = rng.integers(100, size=people), []
    for which in (label, ~label):
        held = np.zeros((100, 1, BINS))
        np.add.at(held[:, 0], fold[which], counts[which])
        parts.append(held)
    return limits(folded(*parts), TAIL), auc(parts[0].sum(axis=0), parts[1].sum(axis=0))


def _gaps(scale: Scale) -> tuple[str, list[Demand]]:
    """The pairs rule on AUC: equal groups, and the true gap at a limit of .05."""
    reps, rows = scale.replicates(1000), []
    for i, (g, (m, n), low) in enumerate(
        watched(
            "auc gaps", list(product(scale.some((2, 4, 8), (4,)), ((20, 80), (100, 400), (400, 1600)), (0.8, 0.75)))
        )
    ):
        rng = generator(14, i)
        truth = np.r_[low, np.full(g - 1, 0.8)]
        samples = [draw(a, 1.0, m, n, reps, rng) for a in truth]
        pos, neg = (np.stack([s[k] for s in samples], axis=1) for k in range(2))
        found = [auc_gap(placed(pos[k], neg[k]), TAIL) for k in range(reps)]
        gap = 0.8 - low
        fails, passes = np.mean([f.low > 0.05 for f in found]), np.mean([f.high <= 0.05 for f in found])
        rows.append(
            (
                g,
                m,
                n,
                f"{gap:.2f}",
                float(fails),
                float(passes),
                float(np.mean([f.low <= gap + 1e-12 <= f.high + 2e-12 for f in found])),
            )
        )
    text = (
        f"\nThe gate “difference of AUC at most .05” by the rule of [gaps over groups](#gaps-over-groups), all groups at .8 or one lower, {reps:,} replicates:\n\n"
        + table(("groups", "positives", "negatives", "true gap", "fails", "passes", "interval covers"), rows)
    )
    return text, [
        at_most("gap of AUC: false fails, equal groups and gap at the limit", max(r[4] for r in rows), 0.05, reps),
        at_most("gap of AUC: false passes, gap at the limit", max(r[5] for r in rows if r[3] == "0.05"), 0.05, reps),
    ]


def calibrated(scale: Scale) -> Section:
    """ECE of a calibrated and of a miscalibrated model, with floor and signed square."""
    reps, rows, scores = scale.replicates(4000), [], []
    for i, (n, off) in enumerate(watched("calibration", list(product((50, 200, 1000, 5000), (0.0, 0.05, 0.1))))):
        rng = generator(15, i)
        parts = [_calibration_sample(min(200, reps), n, off, rng) for _ in range(math.ceil(reps / 200))]
        ece, floor, square, large = (np.concatenate([p[k] for p in parts]) for k in range(4))
        truth = off**2
        mark = float(np.mean(square) - truth) / float(np.std(square) / math.sqrt(len(square)))
        scores.append(mark if n >= 200 else 0.0)
        rows.append(
            (
                n,
                off,
                float(ece.mean()),
                float(floor.mean()),
                f"{square.mean():.5f}",
                f"{truth:.5f}",
                f"{square.std() / math.sqrt(len(square)):.5f}",
                float(large.mean()),
            )
        )
    worst = max(abs(s) for s in scores)
    floors = [abs(r[2] - r[3]) for r in rows if r[1] == 0]
    text = (
        "**Method.** Expected calibration error over 10 bins, beside its mean for a calibrated model of the same counts, Σ w √(2 s(1 − s)/(π n)); the mean "
        "squared distance less its noise, signed (idea: Kumar, Liang and Ma 2019); label rate less mean score.\n\n"
        "**Assumes** independent rows. The calibration error and the square have no interval, and say so; label rate less mean score has one, see "
        "[losses of scores](#losses-of-scores). A bin with one row adds nothing to the square, which understates it for very few rows.\n\n"
        f"**How it does.** Scores uniform between .1 and .9, true rates higher by a constant; {reps:,} replicates.\n\n"
        + table(("rows", "true distance", "ECE", "floor", "square", "true square", "±", "in the large"), rows)
    )
    return Section("Calibration", text, [
        Demand("calibration floor: distance from the simulated ECE of a calibrated model", "at most 0.003", f"{max(floors):.4f}", max(floors) <= 0.003),
        Demand("signed calibration square, 200 rows and more: largest bias in standard errors", "at most 4", f"{worst:.2f}", worst <= 4),
    ])  # fmt: skip


def _calibration_sample(reps: int, n: int, off: float, rng: np.random.Generator):
    s = rng.uniform(0.1, 0.9, (reps, n))
    y = rng.random((reps, n)) < s + off
    at = (np.arange(reps)[:, None] * 10 + np.minimum((10 * s).astype(int), 9)).ravel()
    return calibration(*(np.bincount(at, w.ravel(), reps * 10).reshape(reps, 10) for w in (np.ones(s.shape), y, s)))
