"""How many times the present data would settle an unsettled gate, if the present estimates were exact.

Both sides are searched: the factor at which the gap would be shown to break the limit with power 0.8, and the one at
which it would be shown to keep it. The first that settles is the answer; beyond 100 times the data the estimate sits
at the limit and no amount of data within reach settles it. Must not: import numpy before few events ask for it;
``audit gate`` pays for this module.
"""

from __future__ import annotations

from math import ceil, floor, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

from audit.measurement.inference.few_events import NEAR_FEW, enough_at

if TYPE_CHECKING:
    import numpy as np

    from audit.measurement.inference.intervals import Floats, Limits
    from audit.measurement.inference.pairs import Kind

POWER = 0.8
"""How often planned rows settle a limit."""
LARGEST_FACTOR = 100.0
"""More than so many times the rows are out of reach."""
FINER = 1.02
"""Step of a search for rows, as a factor."""
FACTORS = 400
"""Steps of the grid."""


class Needed(NamedTuple):
    """Factor on every group's size, and the verdict it would bring; infinite when unsettleable."""

    factor: float
    verdict: Literal["fail", "pass", "unsettleable"]


def needed(p: Floats, n: Floats, limit: float, kind: Kind, tail: float = 0.025) -> Needed:
    """Return the smallest factor of a grid in [1/16, 100] that settles ``gap <= limit`` or ``ratio >= limit``.

    Parameters
    ----------
    p, n
        Rates and effective rows of all groups; every group measured.
    limit
        Largest difference, or smallest ratio, allowed.
    kind
        ``difference`` or ``ratio``.
    tail
        Error on each side.
    """
    import numpy as np

    from audit.measurement.inference.intervals import wilson
    from audit.measurement.inference.pairs import MOST_PAIRS

    pairs = len(p) * (len(p) - 1) / 2
    point = NormalDist().inv_cdf
    fail, keep = point(1 - tail / pairs), point(1 - tail)
    # A rule and its power add up as quantiles. To pass, both ends of every pair have to hold at once, so the miss is
    # shared among them (Bonferroni).
    z_fail, z_pass = fail + point(POWER), keep + point(1 - (1 - POWER) / (2 * pairs))
    rules = (_Rule("fail", fail, z_fail), _Rule("pass", keep, z_pass))
    every, step = np.geomspace(1 / 16, LARGEST_FACTOR, FACTORS), max(1, MOST_PAIRS // len(p) ** 2)
    for at in range(0, FACTORS, step):
        some = every[at : at + step]
        # What Wilson's limits leave open, wider ones leave open too: only at what is left are these asked for.
        left = np.stack([_settles(rule, p, wilson(p, some[:, None] * n, rule.power), limit, kind) for rule in rules])
        for i, which in zip(*left.T.nonzero(), strict=True):
            rule, rows = rules[which], n * some[i]
            if _settles(rule, p, _planned(p, rows, wilson(p, rows, rule.power), rule), limit, kind):
                return Needed(float(some[i]), rule.verdict)
    return Needed(float("inf"), "unsettleable")


def _shown_below(p: float, rows: int, limit: float, tail: float) -> float:
    """Return the chance that so many rows show a rate to lie below a limit."""
    import numpy as np
    from scipy.special import bdtr

    from audit.measurement.inference.intervals import few_at, moved_out, wilson

    z, n = NormalDist().inv_cdf(1 - tail), np.array([float(rows)])
    # Bisection over whole events: more of them move the limit up.
    none, too_many = -1, floor(rows * limit) + 1
    while too_many - none > 1:
        middle = (none + too_many) // 2
        share = np.array([middle / rows])
        high = moved_out(wilson(share, n, z), few_at(share, n, z), share, n, tail).high
        none, too_many = (middle, too_many) if high[0] < limit else (none, middle)
    return float(bdtr(none, rows, p)) if none >= 0 else 0.0


class _Rule(NamedTuple):
    """What a gate would be settled by."""

    verdict: Literal["fail", "pass"]
    point: float
    """Quantile of the rule, which says where its limits are exact."""
    power: float
    """That of the rule with its power."""


def _settles(rule: _Rule, p: Floats, lim: Limits, limit: float, kind: Kind) -> np.ndarray:
    """Return whether these limits of each group, over the last axis, break the limit or keep it."""
    import numpy as np

    breaks = rule.verdict == "fail"
    if kind == "difference":
        widest = _over_pairs(p, lim, 1.0, lower=breaks).max(axis=(-1, -2))
        return np.asarray(widest > limit if breaks else widest <= limit)
    smallest = _over_pairs(p, lim, limit, lower=not breaks).min(axis=(-1, -2))
    return np.asarray(smallest < 0 if breaks else smallest >= 0)


def _over_pairs(p: Floats, lim: Limits, c: float, *, lower: bool) -> Floats:
    """Return the lower or upper limits of p_i - c p_j over ordered pairs.

    Of a group with itself those of another pair.
    """
    import numpy as np

    i, j = np.s_[..., :, None], np.s_[..., None, :]
    below, above = p - lim.low, lim.high - p
    own, other, side = (below, above, -1) if lower else (above, below, 1)
    # MOVER of two independent groups: distances squared and added (see `intervals.least_difference`).
    found = p[i] - c * p[j] + side * np.sqrt(own[i] ** 2 + (c * other[j]) ** 2)
    itself = np.arange(len(p))
    found[..., itself, itself] = found[..., itself, itself - 1]
    return np.asarray(found)


def _planned(p: Floats, n: Floats, wilsons: Limits, rule: _Rule) -> Limits:
    """Return limits of each group; counts are whole, so one event more or less is granted where few are expected."""
    import numpy as np

    from audit.measurement.inference.intervals import Limits, few_at, moved_out

    few, tail, one = few_at(p, n / NEAR_FEW, rule.point), NormalDist().cdf(-rule.power), 1 / n
    low = moved_out(wilsons, few, np.maximum(p - one, 0.0), n, tail).low
    return Limits(low, moved_out(wilsons, few, np.minimum(p + one, 1.0), n, tail).high)


def rows_against(p: float, limit: float, tail: float, power: float) -> float:
    """Return how many effective rows show one rate to lie on its side of a limit, by the limits that verdicts rest on.

    Parameters
    ----------
    p
        The rate, taken for exact.
    limit
        Floor or ceiling between 0 and 1; not the rate.
    tail
        Error on each side.
    power
        How often so many rows show it. Where few events are expected, that is the exact chance; otherwise the normal
        sample size of one proportion.

    References
    ----------
    Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, equation 2.14.
    """
    if p > limit:
        p, limit = 1 - p, 1 - limit
    point = NormalDist().inv_cdf
    z = point(1 - tail)
    # Equation 2.14 of Fleiss, Levin and Paik, without the correction for continuity.
    rows = ((z * sqrt(limit * (1 - limit)) + point(power) * sqrt(p * (1 - p))) / (limit - p)) ** 2
    if rows * min(p, 1 - p) >= NEAR_FEW * enough_at(z):
        return rows

    whole = ceil(rows)
    while _shown_below(p, whole, limit, tail) < power:
        whole = ceil(whole * FINER)
    return float(whole)
