"""Rows at which one rate is shown to lie on its side of a limit, and the events that are enough for Wilson's limits.

Must not: import numpy before few events ask for it; ``audit gate`` pays for this module.
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

FEW_EVENTS = 20.0
"""Effective events or non-events under which a verdict asks for exact limits at an error of .025 a side.

Ten hold false fails at 5% with nothing to spare, forty cost a twentieth of the power of 200 rows: docs/decisions/0025.
"""
FEW_AT = 1.96
POWER = 0.8
"""How often planned rows settle a limit."""
LARGEST_FACTOR = 100.0
"""More than so many times the rows are out of reach."""
FINER = 1.02
"""Step of a search for rows, as a factor."""
NEAR_FEW = 1.6
"""Times the events that are few, up to which a group that is planned for may be drawn with few."""


def enough_at(z: float) -> float:
    """Events that are enough for Wilson's limits at a normal quantile."""
    return FEW_EVENTS * max(z / FEW_AT, 1.0) ** 2


def rows_against(p: float, limit: float, tail: float, power: float) -> float:
    """Effective rows at which one rate is shown to lie on its side of a limit, by the limits that verdicts rest on.

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
    rows = ((z * sqrt(limit * (1 - limit)) + point(power) * sqrt(p * (1 - p))) / (limit - p)) ** 2
    if rows * min(p, 1 - p) >= NEAR_FEW * enough_at(z):
        return rows
    from audit.measurement.inference.sample_size import shown_below

    whole = ceil(rows)
    while shown_below(p, whole, limit, tail) < power:
        whole = ceil(whole * FINER)
    return float(whole)
