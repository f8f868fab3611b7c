"""Joules and kilowatt-hours: 1 kWh is 3.6e6 J by definition.

A quotient of two floats is rounded, and two neighbouring floats of joules may fall on one float of kilowatt-hours,
so no inverse is exact for every float. Both roundings together stay under half a unit in the 15th significant digit;
hence a figure of at most 15 significant digits, such as whole microjoules below 1e9 J, comes back exactly.
"""

from __future__ import annotations

J_PER_KWH = 3.6e6
EXACT_DIGITS = 15
"""Significant digits that survive the way to kilowatt-hours and back."""


def to_kwh(energy_j: float) -> float:
    """Return kilowatt-hours of joules, correctly rounded.

    >>> to_kwh(7_200_000)
    2.0
    """
    return energy_j / J_PER_KWH


def to_joules(energy_kwh: float) -> float:
    """Return joules of kilowatt-hours to 15 significant digits: exactly what `to_kwh` was given if that had no more.

    >>> to_joules(to_kwh(8347.123456))
    8347.123456
    """
    return float(f"{energy_kwh * J_PER_KWH:.{EXACT_DIGITS}g}")
