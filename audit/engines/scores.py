"""Scores, counted into bins with the sums that their losses need: one pass for each group column.

A bin is a single value where there are few, and an equal slice of the range otherwise; where the scores are
probabilities the range is 0 to 1. Must not: know a metric, or an engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from audit.cube import Cube, from_cells
from audit.engines.counting import Plan
from audit.engines.engine import Scan
from audit.engines.keys import fold_key, group_key, shifts, weights
from audit.engines.levels import band_texts, level_text
from audit.engines.tally import Tally
from audit.engines.terms import (
    Column,
    Constant,
    Extent,
    Key,
    Number,
    Rows,
    Slice,
    Sum,
    Surprise,
    Term,
    Test,
    Total,
    Value,
)
from audit.errors import ValuesError, printable
from audit.grouping import FOLD, LABEL, SCORE
from audit.value import Level

MOST_VALUES, SLICES, SLICES_WITH_FOLDS = 200, 200, 50
MOST_CELLS = 2_000_000
ONE = Constant(1.0)


class Bins(NamedTuple):
    """How scores are put into bins."""

    low: float
    width: float
    slices: int
    """0 where every value is a bin of its own."""

    def key(self, score: Term) -> Key:
        """Key of the bin of a score."""
        return Slice(score, self.low, 1 / self.width, self.slices) if self.slices else Value(score)

    def edge(self, raw: Any) -> float:
        """Lower edge of a bin."""
        return self.low + self.width * raw if self.slices else float(raw)


class Scored(NamedTuple):
    """Scores of one table as tallies, one for each group column."""

    bins: Bins
    tallies: Mapping[str, Tally]


def score_tallies(scan: Scan, plan: Plan, extents: Mapping[str, Extent]) -> Scored:
    """Rows and sums of losses by group, raw label and score bin (and fold).

    Parameters
    ----------
    scan
        Open rows.
    plan
        With a score and a label.
    extents
        Of weights and scores.
    """
    score = Number(plan.score or "")
    bins = _bins(scan, score, extents[score.name], plan)
    sums = _sums(plan, score)
    found = {}
    for name in plan.groups:
        keys = {name: group_key(name, plan), LABEL: Column(plan.label or ""), SCORE: bins.key(score), **fold_key(plan)}
        found[name] = scan.tally(keys, sums, shifts(sums, extents), MOST_CELLS).sorted()
    return Scored(bins, found)


def score_cubes(scored: Scored, plan: Plan, labels: Mapping[Any, str]) -> tuple[tuple[Cube, ...], tuple[Cube, ...]]:
    """Counts by group, label and score bin (and fold), and sums of losses by group and label.

    Parameters
    ----------
    scored
        Of the whole table.
    plan
        That it answers.
    labels
        Reading of each raw label.
    """
    binned, lost = [], []
    for name, tally in scored.tallies.items():
        levels, values = _levels(tally, plan, name, labels, scored.bins), tally.arrays()
        binned.append(_binned(name, levels, values))
        lost.append(_lost(name, levels, values))
    return tuple(binned), tuple(lost)


def _bins(scan: Scan, score: Term, extent: Extent, plan: Plan) -> Bins:
    slices, (low, high) = SLICES_WITH_FOLDS if plan.unit is not None else SLICES, extent
    if plan.of_parts and not 0 <= low <= high <= 1:
        raise ValuesError(
            f"score '{printable(plan.score)}' runs from {low:g} to {high:g}; parts are counted into the same bins only "
            "if scores lie between 0 and 1: give probabilities"
        )
    if not plan.of_parts and scan.few(score, MOST_VALUES):
        return Bins(0.0, 0.0, 0)
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    return Bins(low, (high - low) / slices, slices)


def _sums(plan: Plan, score: Term) -> dict[str, Sum]:
    """Rows, weights, and the first moments of each loss, for either label."""
    once, twice = _weights(plan)
    sums = weights(plan) | {
        "below": Rows(Test(score, "below", 0.0)),
        "above": Rows(Test(score, "above", 1.0)),
        "impossible0": Rows(Test(score, "at least", 1.0)),
        "impossible1": Rows(Test(score, "at most", 0.0)),
    }
    for name, losses in _losses(score).items():
        for at, loss in enumerate(losses):
            sums[f"{name}{at}"] = Total(once * loss if once is not None else loss)
            sums[f"{name}{at}_w2"] = Total(twice * loss if twice is not None else loss)
            sums[f"{name}{at}_w2x"] = Total(twice * loss * loss if twice is not None else loss * loss)
    return sums


def _weights(plan: Plan) -> tuple[Term | None, Term | None]:
    if plan.weight is None:
        return None, None
    weight = Number(plan.weight)
    return weight, weight * weight


def _losses(score: Term) -> dict[str, tuple[Term, Term]]:
    """Loss of a row with label 0, and with label 1; an infinite one counts 0 here, and as impossible elsewhere."""
    rest = ONE - score
    return {
        "score": (score, score),
        "squared_error": (score * score, rest * rest),
        "log_loss": (Surprise(rest), Surprise(score)),
    }


def _levels(tally: Tally, plan: Plan, name: str, labels: Mapping[Any, str], bins: Bins) -> dict[str, Sequence[Level]]:
    bands = band_texts(plan.bins[name]) if name in plan.bins else None
    levels: dict[str, Sequence[Level]] = {
        name: [level_text(v, bands) for v in tally.column(name)],
        LABEL: [labels[v] for v in tally.column(LABEL)],
        SCORE: [repr(bins.edge(v)) for v in tally.column(SCORE)],
    }
    if plan.unit is not None:
        levels[FOLD] = [str(v) for v in tally.column(FOLD)]
    return levels


def _binned(name: str, levels: Mapping[str, Sequence[Level]], values: Mapping[str, np.ndarray]) -> Cube:
    kept = {k: values[k] for k in ("n", "w", "w2") if k in values}
    kept["score"] = np.where(_positive(levels), values["score1"], values["score0"])
    names = [name, LABEL, SCORE, *([FOLD] if FOLD in levels else [])]
    return from_cells(names, list(zip(*(levels[k] for k in names), strict=True)), kept)


def _lost(name: str, levels: Mapping[str, Sequence[Level]], values: Mapping[str, np.ndarray]) -> Cube:
    kept = {k: values[k] for k in ("n", "w", "w2") if k in values}
    for loss in ("score", "squared_error", "log_loss"):
        for moment in ("", "_w2", "_w2x"):
            kept[f"{loss}{moment}"] = np.where(
                _positive(levels), values[f"{loss}1{moment}"], values[f"{loss}0{moment}"]
            )
    kept["outside"] = (values["below"] + values["above"]).astype(np.float64)
    kept["impossible"] = np.where(_positive(levels), values["impossible1"], values["impossible0"]).astype(np.float64)
    return from_cells([name, LABEL], list(zip(levels[name], levels[LABEL], strict=True)), kept)


def _positive(levels: Mapping[str, Sequence[Level]]) -> np.ndarray:
    return np.array([level == "1" for level in levels[LABEL]], dtype=bool)
