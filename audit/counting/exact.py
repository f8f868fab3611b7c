"""Sums that are the same whatever the order of the rows: doubles as whole numbers on a common grid.

A value v becomes ``trunc(v * 2**shift)``. The shift is chosen from the largest possible value, so that 2**40 rows fit
into 127 bits and a value keeps all its bits unless it is 2**32 times smaller than the largest, or smaller than
2**-900. Whole numbers add up alike in any order; the sum is turned back into the nearest double once, at the end.

>>> grid_shift(1.0)
85
>>> nearest(3 * 2**85, 85)
3.0
"""

from __future__ import annotations

import math

BITS = 85
LARGEST_SHIFT = 1000
LIMBS = ((2.0**60, 60), (2.0**30, 30), (1.0, 0))
"""Pieces of at most 30 bits, for engines that only have 64-bit sums: the divisor, and the place of each."""


def grid_shift(bound: float) -> int:
    """Binary places by which values of at most this size are moved left."""
    if bound <= 0:
        return 0
    fraction, exponent = math.frexp(bound)
    power_of_two = fraction == 0.5
    return min(BITS - exponent + power_of_two, LARGEST_SHIFT)


def nearest(total: int, shift: int) -> float:
    """Double that is nearest to ``total * 2**-shift``; infinite where that is beyond all doubles."""
    try:
        return total / (1 << shift) if shift >= 0 else float(total << -shift)
    except OverflowError:
        return math.copysign(math.inf, total)
