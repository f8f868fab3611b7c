"""Score bins and ordered pairs of a grouping as arrays, one row a group.

Must not: know a metric, or a limit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audit.axes import FOLD, LABEL, POSITIVE, SCORE
from audit.cube import Cube, of_others
from audit.errors import printable
from audit.estimate import Group, Level, band_text
from audit.measurement.inference.auc import placed
from audit.measurement.inference.calibration import average_precision
from audit.measurement.scope import Scope

SLACK = 1e-9
"""Of an AUC: what is rounding, when exact pairs and bins are compared."""
LEAST_REST = 1e-9
"""Share of the weight of all rows under which pairs of the rest, being what is left of all pairs, are not exact."""


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
    """Exact AUC and average precision of each group with the rows that they were counted from.

    NaN where a group lacks a label, or where a document was written before the rest was counted.
    """

    groups: Sequence[Group]
    auc: np.ndarray
    precision: np.ndarray
    rows: np.ndarray
    """Shape (G, 2): rows, or their weights, by label."""
    above: np.ndarray
    """Shape (G, 2, 2): weight of pairs of a row of the group, by its label, and one of everybody above it, by its."""

    def against(self, higher: tuple[bool, int], lower: tuple[bool, int]) -> np.ndarray:
        """Exact AUC between rows of the group and rows of the others; parameters as in `scores.auc`."""
        mine, theirs = (higher[1], lower[1]) if higher[0] else (lower[1], higher[1])
        others = of_others(self.rows)[:, theirs]
        own = self.above[:, mine, theirs] - self._within(mine, theirs)
        return self._share(self.rows[:, mine] * others - own if higher[0] else own, mine, others)

    def of_rest(self) -> np.ndarray:
        """Exact AUC of everybody else of each group."""
        others = of_others(self.rows)
        every = of_others(self.above[:, 0, 1])
        # Their negatives below the positives of the group are pairs with the group, no pairs of the rest.
        right = every - (self.rows[:, 1] * others[:, 0] - (self.above[:, 1, 0] - self._within(1, 0)))
        return self._share(right, None, others)

    def _within(self, mine: int, theirs: int) -> np.ndarray:
        """Pairs of one group only; of one label each pair is once in the right order and once in the wrong one."""
        every: np.ndarray = self.rows[:, mine] * self.rows[:, theirs]
        if mine == theirs:
            return 0.5 * every
        right: np.ndarray = np.where(np.isnan(self.auc), 0.0, self.auc) * every
        return right if theirs == 1 else every - right

    def _share(self, right: np.ndarray, mine: int | None, others: np.ndarray) -> np.ndarray:
        """Pairs in the right order as a share; NaN where they are too few beside what they are the rest of."""
        every = others[:, 0] * others[:, 1] if mine is None else self.rows[:, mine] * others
        rest = others if mine is None else others[:, None]
        held = (rest.sum(axis=-1) > LEAST_REST * self.rows.sum()) & (every > 0)
        return np.where(held, np.clip(right / np.where(held, every, 1.0), 0.0, 1.0), np.nan)

    def unlike(self, bins: Bins, scope: Scope) -> Iterator[str]:
        """Sentences for what the bins of the same rows rule out."""
        del scope  # the bounds are exact
        total = bins.total
        found = placed(total[:, 1], total[:, 0], exact=bins.exact)
        weights = (None, None) if not bins.weighted else (bins.w2[:, 1], bins.w2[:, 0])
        precise = average_precision(total[:, 1], total[:, 0], *weights, exact=bins.exact)
        sides = (("roc_auc", found, self.auc, "pairs"), ("average_precision", precise, self.precision, "precisions"))
        for i, group in enumerate(self.groups):
            where = " x ".join(printable(band_text(level)) for level in group)
            if not np.allclose(self.rows[i], total[i].sum(axis=-1), rtol=SLACK):
                yield f"{f'roc_auc {where}'.strip()}: its ordered pairs and its score bins are counts of different rows"
                continue
            for metric, allowed, values, what in sides:
                value = values[i]
                low, high = allowed.tie_low[i], allowed.tie_high[i]
                if value < low - SLACK or value > high + SLACK:
                    said = f"its ordered {what} say {value:.9g}, its score bins allow {low:.9g} to {high:.9g}"
                    yield f"{metric} {where}".strip() + f": {said}"


@dataclass(frozen=True, slots=True)
class Areas:
    """Exact areas between the ROC curves of pairs of groups; NaN, of no rows, where there is no pair."""

    area: np.ndarray
    """Shape (G, G), the same both ways round."""
    rows: np.ndarray
    """Of both groups of each pair."""


def areas_of(cube: Cube, groups: Sequence[Group]) -> Areas:
    """Areas between the curves of all pairs of the named groups."""
    at = {group: i for i, group in enumerate(groups)}
    area, rows = np.full((len(at), len(at)), np.nan), np.zeros((len(at), len(at)), dtype=np.int64)
    for cell in map(tuple, np.argwhere(cube["n"] > 0)):
        levels = [axis.levels[j] for axis, j in zip(cube.axes, cell, strict=True)]
        i, j = at.get(tuple(levels[:-1])), at.get(tuple(json.loads(levels[-1] or "[]")))
        if i is not None and j is not None:
            area[i, j] = area[j, i] = cube["area"][cell]
            rows[i, j] = rows[j, i] = cube["n"][cell]
    return Areas(area, rows)


def bins_of(cubes: Sequence[Cube], by: tuple[str, ...], groups: Sequence[Group]) -> Bins:
    """Bins of the named groups, from the smallest cube that holds the grouping; absent ones have no rows."""
    cube = min((c for c in cubes if set(by) <= set(c.names)), key=lambda c: c["n"].size)
    folded, weighted = FOLD in cube.names, cube.weighted
    kept = cube.keep(*by, LABEL, SCORE, *((FOLD,) if folded else ()))
    edges = [edges_of(level) for level in kept.axis(SCORE).levels]
    order = np.argsort([low for low, _ in edges], kind="stable")
    w = _lay_out(kept, "w" if weighted else "n", by, groups, folded=folded)[:, :, order]
    w2 = _lay_out(kept, "w2" if weighted else "n", by, groups, folded=folded)[:, :, order]
    # Scores that are no probabilities are not summed.
    scored = "score" in kept.measures
    score = _lay_out(kept, "score", by, groups, folded=folded)[:, :, order] if scored else np.zeros_like(w)
    exact = all(low == high for low, high in edges)
    return Bins(w, w2.sum(axis=-1), score, np.array([edges[i][0] for i in order]), exact, folded, weighted)


def pairs_of(cube: Cube, groups: Sequence[Group]) -> Pairs:
    """What was counted of all pairs, for the named groups."""
    by = cube.names[:-1]

    def of(measure: str) -> np.ndarray:
        if measure not in cube.measures:
            return np.full((len(groups), 2), np.nan)
        return _lay_out(cube, measure, by, groups, folded=False)[..., 0]

    rows, below, precision = of("w" if cube.weighted else "n"), of("below"), of("precision")
    every = rows[:, 0] * rows[:, 1]
    value = np.where(every > 0, below[:, 1] / np.where(every > 0, every, 1.0), np.nan)
    mean = np.where(every > 0, precision[:, 1] / np.where(every > 0, rows[:, 1], 1.0), np.nan)
    above = np.stack([of("negatives_above"), of("positives_above")], axis=-1)
    return Pairs(groups, value, mean, rows, above)


def _lay_out(cube: Cube, measure: str, by: tuple[str, ...], groups: Sequence[Group], *, folded: bool) -> np.ndarray:
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
