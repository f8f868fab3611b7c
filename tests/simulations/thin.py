"""Gates where a group holds few events: exact enumeration of two groups, and many tiny groups beside a large one."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.stats import binom
from simulations.gaps import verdicts
from simulations.page import TAIL, Scale, Section, at_least, at_most, generator, table, watched

from audit.measurement.inference.effective import plain
from audit.measurement.inference.intervals import Limits, difference, ratio
from audit.measurement.inference.pairs import Kind, guarded
from audit.measurement.inference.sample_size import needed

SMALL = (5, 6, 8, 10, 12, 15, 20, 30, 40, 60, 100, 150, 200, 300, 400, 600, 900)
LARGE = (100, 1_000, 10_000, 100_000)
RATES = (
    0.001,
    0.002,
    0.003,
    0.005,
    0.007,
    0.01,
    0.015,
    0.02,
    0.03,
    0.05,
    0.07,
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.35,
    0.4,
    0.45,
    0.5,
)
GATES: tuple[tuple[Kind, float], ...] = (
    ("ratio", 0.8), ("ratio", 0.9), ("difference", 0.0), ("difference", 0.01), ("difference", 0.05), ("difference", 0.1),
)  # fmt: skip
CROWDS: tuple[tuple[int, int, int], ...] = ((29, 10, 100_000), (5, 6, 10_000), (12, 40, 1_000), (60, 5, 20_000))
"""Number of small groups, rows of each, rows of the large one."""
CROWD_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5)
FAR = (0.025 / 10, 0.025 / 120, 1e-6)
"""Errors that a gate over 5 or 16 groups asks of a pair, and a far one."""
NEGLIGIBLE = 1e-10


class Chance(NamedTuple):
    """Of a verdict."""

    fails: float
    passes: float


def _support(n: int, p: float, negligible: float) -> tuple[int, int]:
    return int(binom.ppf(negligible, n, p)), int(binom.isf(negligible, n, p))


@lru_cache(maxsize=4096)
def _limits(n: int, low: int, high: int, tail: float) -> tuple[np.ndarray, Limits]:
    x = np.arange(low, high + 1.0)
    return x / n, guarded(plain(x, np.full(x.shape, float(n))), tail)


def chance(sizes: tuple[int, int], rates: tuple[float, float], kind: Kind, limit: float, tail: float = TAIL) -> Chance:
    """Exact chance of each verdict of a gate over two groups."""
    negligible = min(NEGLIGIBLE, tail * 1e-6)
    windows = [_support(n, p, negligible) for n, p in zip(sizes, rates, strict=True)]
    (p, a), (q, b) = (_limits(n, *w, tail) for n, w in zip(sizes, windows, strict=True))
    mass = [binom.pmf(np.arange(w[0], w[1] + 1), n, r) for n, w, r in zip(sizes, windows, rates, strict=True)]
    p, a = p[:, None], Limits(a.low[:, None], a.high[:, None])
    q, b = q[None, :], Limits(b.low[None, :], b.high[None, :])
    compare = difference if kind == "difference" else ratio
    one, other = compare(p, a, q, b), compare(q, b, p, a)
    if kind == "difference":
        fails, passes = (one.low > limit) | (other.low > limit), (one.high <= limit) & (other.high <= limit)
    else:
        fails, passes = (one.high < limit) | (other.high < limit), (one.low >= limit) & (other.low >= limit)
    return Chance(float(mass[0] @ fails @ mass[1]), float(mass[0] @ passes @ mass[1]))


def truths(p: float, kind: Kind, limit: float) -> list[tuple[str, tuple[float, float]]]:
    """Equal rates, near 0 and near 1, and the true gap at the limit either way."""
    other = p * limit if kind == "ratio" else p + limit
    apart = [] if limit == 0 else [("at the limit", (other, p)), ("at the limit", (p, other))]
    near_one = [("equal", (1 - p, 1 - p))] if kind == "ratio" else []
    return [("equal", (p, p)), *near_one, *apart]


def thin_groups(scale: Scale) -> Section:
    """All tables of the section."""
    _limits.cache_clear()
    small, large, rates = (
        scale.some(SMALL, (8, 12, 40, 200)), scale.some(LARGE, (100, 10_000, 100_000)),
        scale.some(RATES, (0.001, 0.003, 0.01, 0.1, 0.35)),
    )  # fmt: skip
    cells = list(product(GATES, small, large))
    worst: dict[tuple, list[float]] = {}
    for (kind, limit), n, m in watched("thin groups", cells):
        for p in rates:
            for where, truth in truths(p, kind, limit):
                found = chance((n, m), truth, kind, limit)
                seen = worst.setdefault((kind, limit, n), [0.0, 0.0, 0.0])
                seen[0 if where == "equal" else 1] = max(seen[0 if where == "equal" else 1], found.fails)
                seen[2] = max(seen[2], found.passes if where != "equal" else 0.0)
    allowed = {k: v for k, v in worst.items() if k[1] != 0}
    crowd, crowded = _crowds(scale)
    planned, least = _planned(scale)
    power = chance((200, 5_000), (0.2, 0.1), "ratio", 0.8).fails
    tails, furthest = _far(scale)
    span = "5 to 900 rows beside 100 to 100,000, rates .001 to .5"
    text = _intro(span, len(rates)) + _table(worst) + crowd + tails + planned
    return Section("Thin groups", text, [
        at_most(f"{span}: false fails, equal or at the limit", max(max(v[:2]) for v in allowed.values()), 0.05, None),
        at_most(f"{span}: false passes, at the limit", max(v[2] for v in allowed.values()), 0.05, None),
        at_most(f"{span}: false fails of a limit of 0, equal", max(v[0] for k, v in worst.items() if k[1] == 0), 0.06, None),
        at_most("5 to 60 groups of 5 to 40 rows beside a large one, rates .001 to .5: false fails, equal", crowded, 0.05, scale.replicates(4000)),
        at_most("a pair at an error of .0025 to .000001: false fails, in units of that error", furthest, 5.0, None),
        at_least("200 rows at .2 beside 5,000 at .1, ratio at least .8: fails", power, 0.8, None),
        at_least("power at the needed size where a group is thin (planned for .8)", least, 0.75, None),
    ])  # fmt: skip


def _intro(span: str, rates: int) -> str:
    return (
        "**Method.** As in [gaps over groups](#gaps-over-groups). Where a group holds few events or non-events, its limits in every comparison are "
        "those of Clopper and Pearson (1934), as far as they lie beyond Wilson’s: fewer than 20 at an error of .025, and more with the square of the normal "
        "quantile for the smaller errors that many pairs ask for. Wilson’s lower limit of one event among 12 promises .025 and errs in .113.\n\n"
        "**Assumes** independent groups of independent rows.\n\n"
        f"**How it does.** Exact, two groups: {span} ({rates} rates), equal rates also near 1; equal, or the true gap at the limit with either group the lower. "
        "The worst over all large groups and rates. A limit of 0 asks whether two rates are one: there the steps of whole counts add up on both sides, also "
        "for groups of hundreds, and the promise is .06.\n\n"
    )


def _table(worst: dict[tuple, list[float]]) -> str:
    rows = [(f"{k} {'at least' if k == 'ratio' else 'at most'} {v:g}", n, *w) for (k, v, n), w in worst.items()]
    return table(("gate", "small group", "false fail, equal", "false fail, at limit", "false pass, at limit"), rows)


def _crowds(scale: Scale) -> tuple[str, float]:
    reps, rows = scale.replicates(4000), []
    cells = list(
        product(
            scale.some(CROWDS, CROWDS[:2]),
            scale.some(CROWD_RATES, (0.003, 0.01, 0.1)),
            (("ratio", 0.8), ("difference", 0.01)),
        )
    )
    for i, ((groups, n, large), p, (kind, limit)) in enumerate(watched("thin crowds", cells)):
        sizes = (*[n] * groups, large)
        found = verdicts(np.full(groups + 1, p), sizes, kind, limit, reps, generator(31, i))
        rows.append((kind, limit, groups, n, f"{large:,}", p, found.fails))
    head = ("gate", "limit", "small groups", "rows each", "beside", "rate", "false fail, equal")
    return f"\nMany small groups beside a large one, {reps:,} replicates:\n\n" + table(head, rows), max(
        r[-1] for r in rows
    )


def _far(scale: Scale) -> tuple[str, float]:
    rows = []
    cells = list(product(FAR, scale.some((5, 12, 40, 100, 400, 900), (12, 100)), scale.some(LARGE, (1_000, 100_000))))
    for tail, n, m in watched("thin groups, small errors", cells):
        worst = max(
            chance((n, m), truth, kind, limit, tail).fails / tail
            for kind, limit in (("ratio", 0.8), ("difference", 0.01), ("difference", 0.1))
            for p in scale.some(RATES[::3], RATES[::6])
            for where, truth in truths(p, kind, limit)
            if where != "equal"
        )
        rows.append((f"{tail:.2g}", n, f"{m:,}", worst))
    text = "\nOne pair at the smaller errors that many pairs or a small p ask for, the true gap at the limit; false fails in units of the error:\n\n"
    return text + table(("error", "small group", "beside", "worst"), rows), max(r[-1] for r in rows)


def _planned(scale: Scale) -> tuple[str, float]:
    rows = []
    for n, m in watched("thin groups, needed", list(product((5, 12, 40, 200), scale.some((100, 10_000), (10_000,))))):
        found = [x for p in scale.some(RATES[::2], (0.01, 0.1)) for x in _settled(n, m, p)]
        if found:
            rows.append((n, f"{m:,}", len(found), min(found), float(np.median(found))))
    text = "\nPower at the size that is named, the present estimates being exact; limits ratio .8, difference .01 and .05:\n\n"
    return text + table(("small group", "beside", "gates", "least power", "median"), rows), min(r[3] for r in rows)


def _settled(n: int, m: int, p: float) -> list[float]:
    cases: list[tuple[Kind, float, tuple[float, float]]] = [
        *(("ratio", 0.8, pair) for pair in ((p, p * 0.3), (p * 0.3, p), (p * 0.6, p), (p, p * 0.95), (p, p))),
        *(("difference", limit, pair) for limit in (0.01, 0.05) for pair in ((p, p), (p + 0.15, p), (p, p + 0.15))),
    ]
    power = []
    for kind, limit, truth in cases:
        named = needed(np.array(truth), np.array([n, m], float), limit, kind)
        if named.verdict != "unsettleable":
            sizes = tuple(int(np.ceil(k * named.factor)) for k in (n, m))
            found = chance((sizes[0], sizes[1]), truth, kind, limit)
            power.append(found.fails if named.verdict == "fail" else found.passes)
    return power
