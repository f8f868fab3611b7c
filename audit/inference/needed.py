"""How many times the present data would settle an unsettled gate, if the present estimates were exact.

Both sides are searched: the factor at which the gap would be shown to break the limit with power 0.8, and the one at
which it would be shown to keep it. The first that settles is the answer; beyond 100 times the data the estimate sits
at the limit and no amount of data within reach settles it.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np

from audit.inference.intervals import Floats, Limits, few_at, moved_out, wilson
from audit.inference.pairs import Kind

LARGEST_FACTOR = 100.0
FACTORS = 400
POWER = 0.8
NEAR_FEW = 1.6
"""Times the events that are few, up to which a group that is planned for may be drawn with few."""


class Needed(NamedTuple):
    """Factor on every group's size, and the verdict it would bring; infinite when unsettleable."""

    factor: float
    verdict: Literal["fail", "pass", "unsettleable"]


def needed(p: Floats, n: Floats, limit: float, kind: Kind, tail: float = 0.025) -> Needed:
    """Smallest factor in [1/16, 100] on a geometric grid that settles ``gap <= limit`` or ``ratio >= limit``.

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
    pairs = len(p) * (len(p) - 1) / 2
    point = NormalDist().inv_cdf
    fail, keep = point(1 - tail / pairs), point(1 - tail)
    z_fail, z_pass = fail + point(POWER), keep + point(1 - (1 - POWER) / (2 * pairs))
    for factor in np.geomspace(1 / 16, LARGEST_FACTOR, FACTORS).tolist():
        rows = n * factor
        if _settles(_breaks, p, rows, limit, kind, (fail, z_fail)):
            return Needed(factor, "fail")
        if _settles(_keeps, p, rows, limit, kind, (keep, z_pass)):
            return Needed(factor, "pass")
    return Needed(float("inf"), "unsettleable")


Settles = Callable[[Limits, float, Kind], bool]


def _settles(settles: Settles, p: Floats, n: Floats, limit: float, kind: Kind, points: tuple[float, float]) -> bool:
    """Whether a gate settles at these rows; what Wilson's limits leave open, wider ones leave open too."""
    wilsons = wilson(p, n, points[1])
    if not settles(_over_pairs(p, wilsons, limit, kind), limit, kind):
        return False
    return settles(_over_pairs(p, _planned(p, n, wilsons, *points), limit, kind), limit, kind)


def _over_pairs(p: Floats, lim: Limits, limit: float, kind: Kind) -> Limits:
    """Limits of p_i - c p_j over ordered pairs, c the limit for ratios and 1 for differences; diagonal NaN."""
    c = limit if kind == "ratio" else 1.0
    below, above = p - lim.low, lim.high - p
    value = p[:, None] - c * p[None, :]
    low = value - np.sqrt(below[:, None] ** 2 + (c * above[None, :]) ** 2)
    high = value + np.sqrt(above[:, None] ** 2 + (c * below[None, :]) ** 2)
    np.fill_diagonal(low, np.nan)
    np.fill_diagonal(high, np.nan)
    return Limits(low, high)


def _planned(p: Floats, n: Floats, wilsons: Limits, rule: float, z: float) -> Limits:
    """Limits of each group; counts are whole, so one event more or less is granted where few are expected.

    Parameters
    ----------
    rule
        Quantile of the rule, which says where its limits are exact.
    z
        That of the rule with its power.
    """
    few, tail, one = few_at(p, n / NEAR_FEW, rule), NormalDist().cdf(-z), 1 / n
    low = moved_out(wilsons, few, np.maximum(p - one, 0.0), n, tail).low
    return Limits(low, moved_out(wilsons, few, np.minimum(p + one, 1.0), n, tail).high)


def _breaks(limits: Limits, limit: float, kind: Kind) -> bool:
    return bool(np.nanmax(limits.low) > limit if kind == "difference" else np.nanmin(limits.high) < 0)


def _keeps(limits: Limits, limit: float, kind: Kind) -> bool:
    return bool(np.nanmax(limits.high) <= limit if kind == "difference" else np.nanmin(limits.low) >= 0)
