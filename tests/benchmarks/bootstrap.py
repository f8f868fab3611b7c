"""A competent bootstrap of rows in numpy, to time closed forms against.

Codes of cells are worked out once; a replicate draws rows and counts their cells; all rates and gaps of all replicates
are then made at once. `of_cells` draws the counts of the cells themselves, which has the same distribution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from benchmarks.asked import BYS
from benchmarks.people import GROUPS, LEVELS

from audit.measurement.metrics.rates import RATES

SHAPE = (*(len(LEVELS[g]) for g in GROUPS), 2, 2)
CELLS = int(np.prod(SHAPE))
HITS = np.stack([r.hits for r in RATES]).astype(float)
GIVEN = np.stack([r.given.mask() for r in RATES]).astype(float)
TAILS = (0.025, 0.975)
PERCENT = [100 * t for t in TAILS]


class Bounds(NamedTuple):
    """Value, low and high of one grouping: rates (G, 12); differences and ratios over groups (12,); to the largest (G, 12)."""

    rates: np.ndarray
    difference: np.ndarray
    ratio: np.ndarray
    difference_to: np.ndarray
    ratio_to: np.ndarray


def codes_of(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Cell of each row, from codes of levels, labels and predictions."""
    return np.ravel_multi_index(tuple(columns[c] for c in (*GROUPS, "label", "prediction")), SHAPE).astype(np.int16)


def of_rows(codes: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Counts of cells of as many draws of rows, shape (B, cells)."""
    found = np.empty((replicates, CELLS))
    for b in range(replicates):
        found[b] = np.bincount(codes[rng.integers(0, codes.size, codes.size, dtype=np.uint32)], minlength=CELLS)
    return found


def of_cells(codes: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """The same in distribution, drawn as multinomials."""
    return rng.multinomial(codes.size, np.bincount(codes, minlength=CELLS) / codes.size, size=replicates).astype(float)


def bounds(cells: np.ndarray) -> dict[tuple[str, ...], Bounds]:
    """Percentile limits of everything, from the replicates' counts."""
    with np.errstate(invalid="ignore"):  # a small group may have drawn nobody, or a ratio to nothing
        return {by: Bounds(*(np.percentile(x, PERCENT, axis=0) for x in numbers)) for by, numbers in each(cells)}


def each(cells: np.ndarray) -> list[tuple[tuple[str, ...], Bounds]]:
    """Rates and comparisons of every replicate, by grouping."""
    counts = cells.reshape(-1, *SHAPE)
    found = []
    for by in BYS:
        out = tuple(1 + i for i, g in enumerate(GROUPS) if g not in by)
        grouped = counts.sum(axis=out).reshape(len(counts), -1, 4)
        with np.errstate(invalid="ignore", divide="ignore"):
            p = (grouped @ HITS.reshape(-1, 4).T) / (grouped @ GIVEN.reshape(-1, 4).T)
            low, high = p.min(axis=1), p.max(axis=1)
            to = p[:, [int(grouped[0].sum(axis=1).argmax())]]
            found.append((by, Bounds(p, high - low, low / high, p - to, p / to)))
    return found
