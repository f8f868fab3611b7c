"""False and missed verdicts of the gate on a gap over G groups."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from simulations.page import TAIL, Scale, Section, at_least, at_most, error, generator, table, watched

from audit.measurement.inference.effective import Sample, plain
from audit.measurement.inference.intervals import Limits, difference, ratio
from audit.measurement.inference.pairs import Kind, correlations, gap, guarded

GROUPS = (2, 4, 8, 16)
SIZES: tuple[tuple[int, ...], ...] = ((20,), (50,), (200,), (1000,), (20, 1000, 50, 200))
BASES = (0.02, 0.1, 0.3, 0.5)
SHAPES = ("one low", "one high", "halves", "midway")
LIMITS: dict[Kind, float] = {"difference": 0.1, "ratio": 0.8}
SPAN: dict[Kind, str] = {
    "difference": "difference at most .1, 2 to 16 groups of 20 to 1,000 rows, rates .02 to .65",
    "ratio": "ratio at least .8, 2 to 16 groups of 20 to 1,000 rows, rates .014 to .5",
}
"""What the cells cover; smaller groups beside larger ones and rarer events: `simulations.thin`."""
BEYOND: dict[Kind, float] = {"difference": 0.15, "ratio": 0.7}
COMPARED = 10
CHUNK = 60_000
"""Ordered pairs handled at once: what fits into a processor's cache."""


class Verdicts(NamedTuple):
    """Shares of samples."""

    fails: float
    passes: float
    point_fails: float


def rates_of(shape: str, groups: int, base: float, kind: Kind, size: float) -> np.ndarray:
    """True rates whose largest difference, or smallest ratio, is ``size``."""
    low, high = (base, base + size) if kind == "difference" else (base * size, base)
    if shape == "one low":
        return np.r_[low, np.full(groups - 1, high)]
    if shape == "one high":
        return np.r_[np.full(groups - 1, low), high]
    if shape == "halves":
        return np.where(np.arange(groups) % 2, high, low)
    return np.r_[low, high, np.full(groups - 2, (low + high) / 2)]


def limits_of(p: np.ndarray, n: np.ndarray, kind: Kind, tail: float, **more: np.ndarray) -> Limits:
    """Printed interval of many samples at once, (R, G) rates: ``pairs.gap`` with one more axis.

    ``more`` may hold df (R, G) and r (R, G, G).
    """
    groups = p.shape[1]
    compare, off = (difference if kind == "difference" else ratio), ~np.eye(groups, dtype=bool)
    df, r = more.get("df", np.full(p.shape, np.inf)), more.get("r")
    pairs = []
    for each in (tail, tail / (groups * (groups - 1) / 2)):
        sample = Sample(p, n, df, p * n, n, r)
        lim = guarded(sample, each) if r is not None or np.isfinite(df).any() else of_counts(p, n, each)
        a, b = Limits(lim.low[:, :, None], lim.high[:, :, None]), Limits(lim.low[:, None, :], lim.high[:, None, :])
        shared = 0.0 if r is None else correlations(sample, each)
        pairs.append(compare(p[:, :, None], a, p[:, None, :], b, shared))
    inner, outer = pairs
    if kind == "difference":
        return Limits(np.maximum(0, outer.low[:, off].max(axis=1)), np.minimum(1, inner.high[:, off].max(axis=1)))
    return Limits(np.minimum(1, inner.low[:, off].min(axis=1)), np.minimum(1, outer.high[:, off].min(axis=1)))


def of_counts(p: np.ndarray, n: np.ndarray, tail: float) -> Limits:
    """Limits of plain rows, each count of each size worked out once: the same few come up in all samples."""
    low, high = np.empty(p.shape), np.empty(p.shape)
    for size in np.unique(n):
        at = n == size
        x = np.rint(p[at] * size).astype(int)
        counts = np.arange(x.min(), x.max() + 1.0)
        known = guarded(plain(counts, np.full(counts.shape, size)), tail)
        low[at], high[at] = known.low[x - x.min()], known.high[x - x.min()]
    return Limits(low, high)


def verdicts(
    truth: np.ndarray, sizes: tuple[int, ...], kind: Kind, limit: float, reps: int, rng: np.random.Generator
) -> Verdicts:
    """Verdicts of ``reps`` samples; the first few are held against ``pairs.gap`` itself."""
    n = np.resize(np.array(sizes), len(truth))
    counted = np.zeros(3)
    step = max(COMPARED, CHUNK // len(truth) ** 2)
    for start in range(0, reps, step):
        x = rng.binomial(n, truth, (min(step, reps - start), len(truth))).astype(float)
        p = x / n
        lim = limits_of(p, np.broadcast_to(n.astype(float), p.shape), kind, TAIL)
        if start == 0:
            compare_with_the_package(p, np.broadcast_to(n.astype(float), p.shape), kind, lim)
        if kind == "difference":
            point = p.max(axis=1) - p.min(axis=1) > limit
            verdict = lim.low > limit, lim.high <= limit, point
        else:
            verdict = lim.high < limit, lim.low >= limit, p.min(axis=1) < limit * p.max(axis=1)
        counted += [v.sum() for v in verdict]
    return Verdicts(*(counted / reps))


def compare_with_the_package(p: np.ndarray, n: np.ndarray, kind: Kind, lim: Limits, **sample: np.ndarray) -> None:
    """The vectorised limits are those that the package prints, or nothing here means anything."""
    df, r = sample.get("df", np.full(p.shape, np.inf)), sample.get("r")
    for i in range(min(COMPARED, len(p))):
        one = gap(Sample(p[i], n[i], df[i], p[i] * n[i], n[i], None if r is None else r[i]), kind, TAIL)
        if not np.allclose((one.low, one.high), (lim.low[i], lim.high[i]), atol=1e-12):
            raise ArithmeticError(f"vectorised limits differ from pairs.gap: {one} {lim.low[i]} {lim.high[i]}")


def gates(scale: Scale) -> Section:
    """All tables of the section."""
    reps = {g: scale.replicates(10_000 if g == 16 else 20_000) for g in GROUPS}
    found = _all_cells(scale, reps)
    fewest, demands, parts = min(reps.values()), [], []
    for kind in LIMITS:
        parts.append(
            f"\nGate “{kind} {'at most .1' if kind == 'difference' else 'at least .8'}”, worst of all cells:\n\n"
        )
        parts.append(_worst_table(found, kind))
        cells = {c: v for c, v in found.items() if c[0] == kind}
        for where in ("equal", "limit"):
            worst = max(v.fails for c, v in cells.items() if c[1] == where)
            name = "equal groups" if where == "equal" else "the true gap at the limit"
            demands.append(at_most(f"{SPAN[kind]}: false fails, {name}", worst, 0.05, fewest))
        for where in ("limit", "beyond"):
            worst = max(v.passes for c, v in cells.items() if c[1] == where)
            demands.append(
                at_most(
                    f"{SPAN[kind]}: false passes, the true gap {'at' if where == 'limit' else 'beyond'} the limit",
                    worst,
                    0.05,
                    fewest,
                )
            )
    power, demand = _power(scale)
    return Section("Gaps over groups", _intro(reps, len(found)) + "".join(parts) + power, [*demands, demand])


def _intro(reps: dict[int, int], cells: int) -> str:
    return (
        "**Method.** Every ordered pair of groups gets the limits of [differences and ratios](#differences-and-ratios). The gate "
        "fails if one pair breaks the limit at an error corrected for all pairs (Bonferroni), passes if every pair keeps it "
        "at the uncorrected error (Berger 1982), and is unsettled otherwise. The printed interval consists of those two limits.\n\n"
        "**Assumes** independent groups of independent rows. An unmeasured group blocks a pass and never causes a fail.\n\n"
        f"**How it does.** {cells:,} cells: 2, 4, 8, 16 groups; 20, 50, 200, 1000 rows a group and 20/1000/50/200 mixed; base rates .02, .1, "
        ".3, .5; all groups equal, and the true gap at the limit or beyond it (.15, .7) with one low, one high, half and half, or two "
        f"extremes and the rest midway. {reps[2]:,} replicates a cell ({reps[16]:,} for 16 groups; Monte-Carlo error at .05: "
        f"{error(0.05, reps[2]):.4f}, {error(0.05, reps[16]):.4f}); a maximum over many cells lies a little above the truth. “Point” is "
        "the share of samples of equal groups that a gate on the bare estimate fails (at base rates .1 to .5).\n"
    )


def _all_cells(scale: Scale, reps: dict[int, int]) -> dict[tuple, Verdicts]:
    bases, groups = scale.some(BASES, (0.1, 0.5)), scale.some(GROUPS, (2, 8))
    cells = []
    for kind, g, sizes, base in product(LIMITS, groups, scale.some(SIZES, (SIZES[1], SIZES[4])), bases):
        cells.append((kind, "equal", g, sizes, base, "equal"))
        shapes = ("one low",) if g == 2 else SHAPES
        cells += [(kind, where, g, sizes, base, shape) for where in ("limit", "beyond") for shape in shapes]
    found = {}
    for i, cell in enumerate(watched("gates", cells)):
        kind, where, g, sizes, base, shape = cell
        size = {"limit": LIMITS, "beyond": BEYOND}.get(where, LIMITS)[kind]
        truth = np.full(g, base) if where == "equal" else rates_of(shape, g, base, kind, size)
        found[cell] = verdicts(truth, sizes, kind, LIMITS[kind], reps[g], generator(3, i))
    return found


def _worst_table(found: dict[tuple, Verdicts], kind: Kind) -> str:
    groups = sorted({c[2] for c in found})
    sizes = list(dict.fromkeys(c[3] for c in found))
    rows = []
    for g, n in product(groups, sizes):
        cells = {c: v for c, v in found.items() if c[0] == kind and c[2:4] == (g, n)}
        of = {where: [v for c, v in cells.items() if c[1] == where] for where in ("equal", "limit", "beyond")}
        point = max(v.point_fails for c, v in cells.items() if c[1] == "equal" and c[4] >= 0.1)
        rows.append((
            g, "mixed" if len(n) > 1 else n[0], point, max(v.fails for v in of["equal"]), max(v.fails for v in of["limit"]),
            max(v.passes for v in of["limit"]), max(v.passes for v in of["beyond"]),
        ))  # fmt: skip
    head = (
        "groups",
        "rows each",
        "point: false fail, equal",
        "false fail, equal",
        "false fail, at limit",
        "false pass, at limit",
        "false pass, beyond",
    )
    return table(head, rows)


def _power(scale: Scale) -> tuple[str, object]:
    reps, rows = scale.replicates(10_000), []
    for i, g in enumerate(GROUPS):
        shapes = ("one low",) if g == 2 else SHAPES
        shares = [
            verdicts(rates_of(s, g, 0.5, "ratio", 0.72), (5000,), "ratio", 0.8, reps, generator(4, i, j)).fails
            for j, s in enumerate(shapes)
        ]
        rows.append((g, min(shares)))
    text = (
        f"\nA true ratio of .72 (rates .36 and .50) with 5,000 rows a group, gate “ratio at least .8”; least over the shapes above, {reps:,} "
        "replicates. The bound is demanded of two groups; with more, one low group among many or one pair of extremes has to stand out from "
        "all pairs, which costs power:\n\n" + table(("groups", "fails"), rows)
    )
    return text, at_least("a true ratio of .72 (.36 against .50) with 5,000 a group fails", rows[0][1], 0.95, reps)


def many(scale: Scale) -> Section:
    """Family-wise error of Holm's adjustment: some gate at its limit is rejected exactly if one fails at tail / gates."""
    reps, rows = scale.replicates(40_000), []
    for i, (gates_, n) in enumerate(watched("many gates", list(product((2, 5, 10), (50, 200, 1000))))):
        rng = generator(16, i)
        truth = rates_of("halves", 2, 0.3, "difference", 0.1)
        any_bare, any_holm = np.zeros(reps, dtype=bool), np.zeros(reps, dtype=bool)
        for _ in range(gates_):
            p = rng.binomial(n, truth, (reps, 2)) / n
            size = np.full(p.shape, float(n))
            any_bare |= limits_of(p, size, "difference", TAIL).low > 0.1
            any_holm |= limits_of(p, size, "difference", TAIL / gates_).low > 0.1
        rows.append((gates_, n, float(any_bare.mean()), float(any_holm.mean())))
    text = (
        "**Method.** A gate’s p-value is the smallest error per side at which its rule says fail; a gate with error .025 fails exactly where p is at most "
        ".025. Holm’s adjustment (1979) bounds the chance of any false fail over the family whatever the gates share; Benjamini and Hochberg’s (1995) the share of "
        "false fails among fails for independent or positively dependent gates. A gate without a p-value counts in the family.\n\n"
        f"**How it does.** Independent gates on two groups, each with its true gap at the limit of .1; share of {reps:,} families with any false fail (promised: .025):\n\n"
        + table(("gates", "rows each", "unadjusted", "Holm"), rows)
    )
    return Section(
        "Many gates", text, [at_most("Holm: any false fail in the family", max(r[3] for r in rows), 0.05, reps)]
    )
