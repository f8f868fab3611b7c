"""The reader as adversary: which hidden counts follow from everything that is published together.

Every total with its parts is one linear equation; what is published is known, what is hidden is unknown. One equation
at a time may say nothing while several together say all (two rows and two columns of a crossing, for example), so the
whole system is looked at. Rows, label, prediction and both together are four systems of one shape, because each adds up
by itself.

Must not: decide what to hide.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

LARGEST_SYSTEM = 20_000_000
"""Entries of the matrix; a larger system is not solved but refused."""
WHOLE = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Equation:
    """Unknowns whose sum is known, each once; ``free`` unknowns occur in no other equation."""

    total: Hashable | None
    parts: tuple[Hashable, ...]
    free: bool = False


def solved(equations: Sequence[Equation]) -> set[Hashable] | None:
    """Unknowns that the equations determine; None where the system is too large to say.

    An unknown is determined when its unit vector lies in the row space, which is when the projection on the row space
    keeps its length.
    """
    import numpy as np

    # An equation with an unknown of its own tells nothing about the others.
    telling = [e for e in equations if not e.free and (e.parts or e.total is not None)]
    unknowns = list(dict.fromkeys(u for e in telling for u in (e.total, *e.parts) if u is not None))
    if not unknowns:
        return set()
    if len(telling) * len(unknowns) > LARGEST_SYSTEM:
        return None
    at = {unknown: i for i, unknown in enumerate(unknowns)}
    matrix = np.zeros((len(telling), len(unknowns)))
    for row, equation in zip(matrix, telling, strict=True):
        for part in equation.parts:
            row[at[part]] = 1.0
        if equation.total is not None:
            row[at[equation.total]] = -1.0
    _, sizes, directions = np.linalg.svd(matrix, full_matrices=False)
    space = directions[sizes > sizes[0] * 1e-10]
    lengths = (space**2).sum(axis=0)
    return {unknown for unknown, length in zip(unknowns, lengths, strict=True) if length > WHOLE}
