"""More than sixteen groups: the gate on a gap, and the amount of data that would settle it."""

from __future__ import annotations

from itertools import product

import numpy as np
from simulations.gaps import LIMITS, rates_of, verdicts
from simulations.page import Scale, Section, at_least, at_most, generator, table, watched

from audit.measurement.inference.sample_size import needed

GROUPS = (32, 64)
SIZES: tuple[tuple[int, ...], ...] = ((50,), (1000,), (20, 1000, 50, 200))
SHAPES = ("equal", "one low", "halves")
PRESENT, POWER = 100, 0.78


def crowds(scale: Scale) -> Section:
    """All tables of the section."""
    reps, rows = scale.replicates(2000), []
    cells = list(
        product(LIMITS, scale.some(GROUPS, (32,)), scale.some(SIZES, SIZES[1:]), scale.some((0.1, 0.5), (0.5,)), SHAPES)
    )
    for i, (kind, g, sizes, base, shape) in enumerate(watched("crowds", cells)):
        truth = np.full(g, base) if shape == "equal" else rates_of(shape, g, base, kind, LIMITS[kind])
        found = verdicts(truth, sizes, kind, LIMITS[kind], reps, generator(24, i))
        rows.append((kind, g, "mixed" if len(sizes) > 1 else sizes[0], base, shape, found.fails, found.passes))
    planned, power = _needed(scale)
    at_limit = [r[6] for r in rows if r[4] != "equal"]
    text = (
        "**Method.** As in [gaps over groups](#gaps-over-groups) and [needed data](#needed-data); 32 groups make 496 pairs, 64 make 2,016.\n\n"
        f"**How it does.** {reps:,} replicates a cell; all groups equal, or the true gap at the limit (difference .1, ratio .8). Passes of equal groups are right.\n\n"
        + table(("gate", "groups", "rows each", "base rate", "truth", "fails", "passes"), rows)
        + f"\n{PRESENT} rows a group at present, the share settled at the size that is named:\n\n"
        + table(("gate", "groups", "truth", "settles as", "rows each", "power", "opposite verdict"), planned)
    )
    return Section("More than sixteen groups", text, [
        at_most("32 and 64 groups of 20 to 1,000 rows, rates .08 to .6: false fails, equal groups and gap at the limit", max(r[5] for r in rows), 0.05, reps),
        at_most("32 and 64 groups of 20 to 1,000 rows, rates .08 to .6: false passes, gap at the limit", max(at_limit), 0.05, reps),
        at_least("32 and 64 groups: power at the needed size (planned for .8)", power, POWER, scale.replicates(1000)),
    ])  # fmt: skip


def _needed(scale: Scale) -> tuple[list[tuple], float]:
    reps, rows = scale.replicates(1000), []
    truths = (("one pair apart", "midway", {"difference": 0.2, "ratio": 0.6}), ("equal", "", {}))
    for i, (kind, g, (name, shape, size)) in enumerate(
        watched("crowds, needed", list(product(LIMITS, scale.some(GROUPS, (32,)), truths)))
    ):
        base = 0.3 if kind == "difference" else 0.5
        truth = rates_of(shape, g, base, kind, size[kind]) if shape else np.full(g, base)
        named = needed(truth, np.full(g, float(PRESENT)), LIMITS[kind], kind)
        n = int(np.ceil(PRESENT * named.factor))
        found = verdicts(truth, (n,), kind, LIMITS[kind], reps, generator(25, i))
        right, wrong = (found.fails, found.passes) if named.verdict == "fail" else (found.passes, found.fails)
        rows.append((kind, g, name, named.verdict, n, right, wrong))
    return rows, min(r[5] for r in rows)
