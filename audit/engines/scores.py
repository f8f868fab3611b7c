"""Scores, counted into bins with the sums that their losses need: one pass for each group column.

A bin is a single value where there are few, and an equal slice of the range otherwise; where the scores are
probabilities the range is 0 to 1. Must not: know a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from audit.cube import Cube, from_cells
from audit.engines.counting import Plan
from audit.engines.levels import band_texts, level_text
from audit.engines.sql import fold, group, number, quoted
from audit.grouping import FOLD, LABEL, SCORE
from audit.value import Level

MOST_VALUES, SLICES, SLICES_WITH_FOLDS = 200, 200, 50
LOSSES = ("score", "squared_error", "log_loss")
"""What is summed: the score itself, (s - y)^2, and -ln of the probability given to what happened."""


class Bins(NamedTuple):
    """How scores are put into bins."""

    low: float
    high: float
    slices: int
    """0 where every value is a bin of its own."""

    def sql(self, score: str) -> str:
        """Lower edge of the bin of a score."""
        if not self.slices:
            return score
        width = (self.high - self.low) / self.slices
        at = f"least(floor(({score} - {self.low!r}) / {width!r}), {self.slices - 1})"
        return f"{self.low!r} + {width!r} * {at}"


def score_cubes(
    con: Any, source: str, plan: Plan, labels: Mapping[Any, str]
) -> tuple[tuple[Cube, ...], tuple[Cube, ...]]:
    """Counts by group, label and score bin (and fold), and sums of losses by group and label.

    Parameters
    ----------
    con, source
        Connection, and what to put after FROM.
    plan
        With a score and a label.
    labels
        Reading of each raw label.
    """
    score = number(plan.score or "")
    bins = _bins(con, source, score, folds=plan.unit is not None)
    binned, lost = [], []
    for name in plan.groups:
        keys = [
            group(name, plan),
            quoted(plan.label or ""),
            bins.sql(score),
        ]
        keys += [fold(plan.unit)] if plan.unit is not None else []
        sums = _sums(plan, score)
        select = ", ".join([*(f"{k} AS k{i}" for i, k in enumerate(keys)), *sums.values()])
        by = ", ".join(f"k{i}" for i in range(len(keys)))
        rows = con.execute(f"SELECT {select} FROM {source} GROUP BY {by}").fetchall()  # noqa: S608
        levels = _levels(rows, plan, name, labels)
        columns = list(zip(*rows, strict=True))[len(keys) :]
        values = dict(zip(sums, (np.array(c, dtype=np.float64) for c in columns), strict=True))
        binned.append(_binned(name, levels, values))
        lost.append(_lost(name, levels, values))
    return tuple(binned), tuple(lost)


def _bins(con: Any, source: str, score: str, *, folds: bool) -> Bins:
    found = con.execute(f"SELECT min({score}), max({score}) FROM {source}").fetchone()  # noqa: S608
    low, high = float(found[0]), float(found[1])
    few = f"SELECT DISTINCT {score} FROM {source} LIMIT {MOST_VALUES + 1}"  # noqa: S608
    if len(con.execute(few).fetchall()) <= MOST_VALUES:
        return Bins(low, high, 0)
    slices = SLICES_WITH_FOLDS if folds else SLICES
    return Bins(0.0, 1.0, slices) if low >= 0 and high <= 1 else Bins(low, high, slices)


def _sums(plan: Plan, score: str) -> dict[str, str]:
    """SQL of every sum: rows, weights, and the first moments of each loss, for either label."""
    weight = number(plan.weight) if plan.weight is not None else None
    sums = {"n": "count(*)"}
    if weight is not None:
        sums |= {"w": f"fsum({weight})", "w2": f"fsum({weight} * {weight})"}
    sums["outside"] = f"count(*) FILTER ({score} < 0 OR {score} > 1)"
    sums |= {"impossible0": f"count(*) FILTER ({score} >= 1)", "impossible1": f"count(*) FILTER ({score} <= 0)"}
    for name, losses in _losses(score).items():
        for at, loss in enumerate(losses):
            once, twice = (f"{weight} * ", f"{weight} * {weight} * ") if weight is not None else ("", "")
            sums[f"{name}{at}"] = f"fsum({once}{loss})"
            sums[f"{name}{at}_w2"] = f"fsum({twice}{loss})"
            sums[f"{name}{at}_w2x"] = f"fsum({twice}{loss} * {loss})"
    return sums


def _losses(score: str) -> dict[str, tuple[str, str]]:
    """Loss of a row with label 0, and with label 1; an infinite one counts 0 here, and as impossible elsewhere."""
    return {
        "score": (score, score),
        "squared_error": (f"({score}) * ({score})", f"(1 - {score}) * (1 - {score})"),
        "log_loss": (
            f"CASE WHEN {score} < 1 THEN -ln(1 - {score}) ELSE 0 END",
            f"CASE WHEN {score} > 0 THEN -ln({score}) ELSE 0 END",
        ),
    }


def _levels(
    rows: Sequence[tuple[Any, ...]], plan: Plan, name: str, labels: Mapping[Any, str]
) -> dict[str, list[Level]]:
    bands = band_texts(plan.bins[name]) if name in plan.bins else None
    levels: dict[str, list[Level]] = {
        name: [level_text(row[0], bands) for row in rows],
        LABEL: [labels[row[1]] for row in rows],
        SCORE: [repr(float(row[2])) for row in rows],
    }
    if plan.unit is not None:
        levels[FOLD] = [str(row[3]) for row in rows]
    return levels


def _binned(name: str, levels: Mapping[str, list[Level]], values: Mapping[str, np.ndarray]) -> Cube:
    kept = {k: values[k] for k in ("w", "w2") if k in values}
    kept |= {
        "n": values["n"].astype(np.int64),
        "score": np.where(_positive(levels), values["score1"], values["score0"]),
    }
    names = [name, LABEL, SCORE, *([FOLD] if FOLD in levels else [])]
    return from_cells(names, list(zip(*(levels[k] for k in names), strict=True)), kept)


def _lost(name: str, levels: Mapping[str, list[Level]], values: Mapping[str, np.ndarray]) -> Cube:
    kept = {k: values[k] for k in ("w", "w2") if k in values} | {"n": values["n"].astype(np.int64)}
    for loss in LOSSES:
        for moment in ("", "_w2", "_w2x"):
            kept[f"{loss}{moment}"] = np.where(
                _positive(levels), values[f"{loss}1{moment}"], values[f"{loss}0{moment}"]
            )
    kept["outside"] = values["outside"]
    kept["impossible"] = np.where(_positive(levels), values["impossible1"], values["impossible0"])
    return from_cells([name, LABEL], list(zip(levels[name], levels[LABEL], strict=True)), kept)


def _positive(levels: Mapping[str, list[Level]]) -> np.ndarray:
    return np.array([level == "1" for level in levels[LABEL]], dtype=bool)
