"""Some estimates that stand together: their names are known, and they are made when they are asked for.

Whoever measures makes blocks; `Estimates`, which stands above every measurement, asks them. Must not: make anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.estimate import Estimate, Stage


@dataclass(slots=True, eq=False)
class Block:
    """Estimates of one stage and grouping, by the names of their metrics."""

    stage: Stage
    metrics: frozenset[str]
    by: tuple[str, ...]
    make: Callable[[], Sequence[Estimate]] | None
    """None once they are made, so that what they were made from is let go."""
    made: Sequence[Estimate] = ()
