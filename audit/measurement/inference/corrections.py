"""Many gates at once: how sure each failure is when several were looked at.

The p-value of a gate is the smallest error per side at which its rule would say FAIL, so it cannot contradict the
verdict: a gate with tail .025 fails exactly where p is at most .025. It is one-sided; compare it with the tail.

Must not: know a gate's name; drop an undefined member, which counts in the family and stays undefined.

References
----------
Holm (1979), Scandinavian Journal of Statistics 6:65. Benjamini and Hochberg (1995), JRSS B 57:289.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log

import numpy as np

from audit.measurement.inference.effective import Sample
from audit.measurement.inference.pairs import Kind, breaks

SMALLEST_TAIL = 1e-12
FINEST_PAIR_TAIL = 1e-14
"""Below it ``1 - tail`` has too few digits for a normal quantile."""
LARGEST_TAIL = 0.5
HALVINGS = 50


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return adjusted p-values that control the family-wise error, however the gates depend on each other.

    An undefined member (None) counts in the family, can never be rejected and stays undefined.
    """
    order, size = _ascending(p_values), len(p_values)
    adjusted: list[float | None] = [None] * size
    largest = 0.0
    # Holm (1979), step down: of m values the smallest counts m times, the next m - 1 times, and none less than one
    # before it.
    for rank, (value, at) in enumerate(order):
        largest = max(largest, min(1.0, (size - rank) * value))
        adjusted[at] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Return adjusted p-values that control the false discovery rate of independent or positively dependent gates.

    An undefined member (None) counts in the family, can never be discovered and stays undefined.
    """
    order, size = _ascending(p_values), len(p_values)
    adjusted: list[float | None] = [None] * size
    smallest = 1.0
    # Benjamini and Hochberg (1995), step up: the r-th smallest of m counts m / r times, and none more than one after
    # it.
    for rank, (value, at) in reversed(list(enumerate(order, start=1))):
        smallest = min(smallest, max(value, value * size / rank))
        adjusted[at] = smallest
    return adjusted


def gap_p_value(sample: Sample, kind: Kind, limit: float, looks: int = 1) -> float | None:
    """Return the smallest tail at which the pairs rule would fail the gate ``gap <= limit`` or ``ratio >= limit``.

    1 where it would fail at no tail up to .5; None where fewer than two groups are measured.
    """
    if int(sample.measured.sum()) < 2:
        return None
    pairs = len(sample.p) * (len(sample.p) - 1) / 2
    finest = max(SMALLEST_TAIL, FINEST_PAIR_TAIL * looks * pairs)
    return smallest_tail(lambda tail: breaks(sample, kind, limit, tail, looks), finest)


def smallest_tail(fails: Callable[[float], bool], finest: float = SMALLEST_TAIL) -> float:
    """Return the smallest error per side in [finest, .5] at which a rule fails, by bisection; 1 where it fails at none.

    Parameters
    ----------
    fails
        Whether the rule fails at a tail; once it does, it has to at every larger one.
    finest
        Where the search ends; a rule that still fails there gets this value, an upper bound.
    """
    if not fails(LARGEST_TAIL):
        return 1.0
    if fails(finest):
        return finest
    low, high = log(finest), log(LARGEST_TAIL)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fails(exp(middle)) else (middle, high)
    return exp(high)


def _ascending(p_values: Sequence[float | None]) -> list[tuple[float, int]]:
    """Return defined p-values with their positions, smallest first."""
    defined = [(float(value), at) for at, value in enumerate(p_values) if value is not None]
    if any(np.isnan(value) or not 0 <= value <= 1 for value, _ in defined):
        raise ValueError("p-values lie in [0, 1]; an undefined one is None")
    return sorted(defined)
