"""Where events are few: below it normal and Wilson limits do not hold, and exact ones are asked for.

Must not: import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

FEW_EVENTS = 20.0
"""Effective events or non-events under which a verdict asks for exact limits at an error of .025 a side.

Ten hold false fails at 5% with nothing to spare, forty cost a twentieth of the power of 200 rows: docs/decisions/0025.
"""
FEW_AT = 1.96
NEAR_FEW = 1.6
"""Times the events that are few, up to which a group that is planned for may be drawn with few."""


def enough_at(z: float) -> float:
    """Return events that are enough for Wilson's limits at a normal quantile."""
    return FEW_EVENTS * max(z / FEW_AT, 1.0) ** 2
