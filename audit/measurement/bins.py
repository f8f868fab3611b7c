"""Score bins and ordered pairs of a grouping as arrays, one row a group.

Must not: know a metric, or a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audit.cube import Cube
from audit.errors import printable
from audit.grouping import FOLD, LABEL, POSITIVE, SCORE
from audit.inference.auc import placed
from audit.measurement.scope import Scope
from audit.value import Group, Level

SLACK = 1e-9
"""Of an AUC: what is rounding, when exact pairs and bins are compared."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Rows of each group by label and rising score bin; shape (G, 2, B, F), F being 1 where rows are independent."""

    w: np.ndarray
    """Rows, or their weights."""
    w2: np.ndarray
    """Squared weights, shape (G, 2, B)."""
    score: np.ndarray
    """Sum of scores."""
    low: np.ndarray
    """Lower edge of each bin."""
    exact: bool
    """Whether every bin holds one value."""
    folded: bool
    weighted: bool

    @property
    def total(self) -> np.ndarray:
        """Rows over all folds, shape (G, 2, B)."""
        total: np.ndarray = self.w.sum(axis=-1)
        return total


@dataclass(frozen=True, slots=True)
class Pairs:
    """Exact AUC of each group with the rows that it was counted from."""

    groups: Sequence[Group]
    auc: np.ndarray
    """NaN where a group lacks a label."""
    rows: np.ndarray
    """Shape (G, 2): rows, or their weights, by label."""

    def unlike(self, bins: Bins, scope: Scope) -> Iterator[str]:
        """Sentences for what the bins of the same rows rule out."""
        del scope  # the bounds are exact
        total = bins.total
        found = placed(total[:, 1], total[:, 0], exact=bins.exact)
        for i, group in enumerate(self.groups):
            where = f"roc_auc {' x '.join(printable(level) for level in group)}".strip()
            if not np.allclose(self.rows[i], total[i].sum(axis=-1), rtol=SLACK):
                yield f"{where}: its ordered pairs and its score bins are counts of different rows"
            elif self.auc[i] < found.tie_low[i] - SLACK or self.auc[i] > found.tie_high[i] + SLACK:
                yield (
                    f"{where}: its ordered pairs say {self.auc[i]:.9g}, its score bins allow {found.tie_low[i]:.9g} "
                    f"to {found.tie_high[i]:.9g}"
                )


def bins_of(cubes: Sequence[Cube], by: tuple[str, ...], groups: Sequence[Group]) -> Bins:
    """Bins of the named groups, from the smallest cube that holds the grouping; absent ones have no rows."""
    cube = min((c for c in cubes if set(by) <= set(c.names)), key=lambda c: c["n"].size)
    folded, weighted = FOLD in cube.names, cube.weighted
    kept = cube.keep(*by, LABEL, SCORE, *((FOLD,) if folded else ()))
    edges = [edges_of(level) for level in kept.axis(SCORE).levels]
    order = np.argsort([low for low, _ in edges], kind="stable")
    measures = ("w", "w2") if weighted else ("n", "n")
    w, w2 = (_laid_out(kept, m, by, groups, folded=folded)[:, :, order] for m in measures)
    # Scores that are no probabilities are not summed.
    scored = "score" in kept.measures
    score = _laid_out(kept, "score", by, groups, folded=folded)[:, :, order] if scored else np.zeros_like(w)
    exact = all(low == high for low, high in edges)
    return Bins(w, w2.sum(axis=-1), score, np.array([edges[i][0] for i in order]), exact, folded, weighted)


def pairs_of(cube: Cube, groups: Sequence[Group]) -> Pairs:
    """Exact AUC of the named groups."""
    by = cube.names[:-1]
    rows, below = (
        _laid_out(cube, m, by, groups, folded=False)[..., 0] for m in ("w" if cube.weighted else "n", "below")
    )
    every = rows[:, 0] * rows[:, 1]
    value = np.where(every > 0, below[:, 1] / np.where(every > 0, every, 1.0), np.nan)
    return Pairs(groups, value, rows)


def _laid_out(cube: Cube, measure: str, by: tuple[str, ...], groups: Sequence[Group], *, folded: bool) -> np.ndarray:
    """Measure as (G, 2, ..., F): groups in the order asked for, labels negative and positive."""
    values = cube[measure].astype(float)
    values = values if folded else values[..., None]
    out = np.zeros((len(groups), 2, *values.shape[len(by) + 1 :]))
    levels = [cube.axis(name).levels for name in by]
    labels = [int(level == POSITIVE) for level in cube.axis(LABEL).levels]
    for i, group in enumerate(groups):
        if all(level in known for level, known in zip(group, levels, strict=True)):
            at = tuple(known.index(level) for level, known in zip(group, levels, strict=True))
            out[i, labels] = values[at]
    return out


def edges_of(level: Level) -> tuple[float, float]:
    """Ends of a bin; equal where it holds one value."""
    text = str(level)
    if not text.startswith("["):
        return float(text), float(text)
    low, high = text[1:-1].split(", ")
    return float(low), float(high)
