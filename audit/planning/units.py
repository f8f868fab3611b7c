"""Joules and kilowatt-hours: 1 kWh is 3,600,000 J exactly (SI brochure, 9th edition, table 8)."""

from __future__ import annotations

from audit.energy.ledger import J_PER_KWH

DIGITS = 15
"""Decimal digits that a double always keeps."""


def kwh_of(joules: float) -> float:
    """Kilowatt-hours of an energy in joules."""
    return joules / J_PER_KWH


def joules_of(kwh: float) -> float:
    """Joules of an energy in kilowatt-hours; the way back is exact for joules of up to 15 digits.

    Two roundings to a double may end one unit in the last place away, which 15 decimal digits do not see.
    """
    return float(f"{kwh * J_PER_KWH:.{DIGITS}g}")
