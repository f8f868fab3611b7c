"""How many times the present data would settle an unsettled gate, if the present estimates were exact.

Both sides are searched: the factor at which the gap would be shown to break the limit with power 0.8, and the one at
which it would be shown to keep it. The first that settles is the answer; beyond 100 times the data the estimate sits
at the limit and no amount of data within reach settles it.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np

from audit.inference.intervals import Floats, Limits, wilson
from audit.inference.pairs import Kind

LARGEST_FACTOR = 100.0
POWER = 0.8


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
    z_fail = point(1 - tail / pairs) + point(POWER)
    z_pass = point(1 - tail) + point(1 - (1 - POWER) / (2 * pairs))
    for factor in np.geomspace(1 / 16, LARGEST_FACTOR, 400):
        if _breaks(_scaled(p, n * factor, limit, kind, z_fail), limit, kind):
            return Needed(float(factor), "fail")
        if _keeps(_scaled(p, n * factor, limit, kind, z_pass), limit, kind):
            return Needed(float(factor), "pass")
    return Needed(float("inf"), "unsettleable")


def _scaled(p: Floats, n: Floats, limit: float, kind: Kind, z: float) -> Limits:
    """Limits of p_i - c p_j over ordered pairs, c the limit for ratios and 1 for differences; diagonal NaN."""
    c = limit if kind == "ratio" else 1.0
    lim = wilson(p, n, z)
    below, above = p - lim.low, lim.high - p
    value = p[:, None] - c * p[None, :]
    low = value - np.sqrt(below[:, None] ** 2 + (c * above[None, :]) ** 2)
    high = value + np.sqrt(above[:, None] ** 2 + (c * below[None, :]) ** 2)
    np.fill_diagonal(low, np.nan)
    np.fill_diagonal(high, np.nan)
    return Limits(low, high)


def _breaks(limits: Limits, limit: float, kind: Kind) -> bool:
    return bool(np.nanmax(limits.low) > limit if kind == "difference" else np.nanmin(limits.high) < 0)


def _keeps(limits: Limits, limit: float, kind: Kind) -> bool:
    return bool(np.nanmax(limits.high) <= limit if kind == "difference" else np.nanmin(limits.low) >= 0)
