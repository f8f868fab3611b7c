"""Scores, counted into bins with the sums that their losses need: one pass for each crossing of group columns.

A bin is a single value where there are few, and an equal slice of the range otherwise; where the scores are
probabilities the range is 0 to 1. Must not: know a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from audit.cube import Cube, from_cells
from audit.engines.counting import Plan
from audit.engines.levels import band_texts, level_text
from audit.engines.sql import banded, fold, quoted
from audit.errors import ValuesError, printable
from audit.grouping import FOLD, LABEL, NEGATIVE, POSITIVE, SCORE
from audit.value import Level

MOST_VALUES, SLICES, SLICES_WITH_FOLDS = 200, 200, 50
MOST_CROSSED = 60_000
"""Cells of a crossing beyond which only smaller crossings are counted; a document must stay one that can be read."""
SKEWED = ("squared_error", "log_loss")
"""Losses whose fourth powers are summed too: a few rows may carry most of their variance."""
POWERS = (1, 2, 3, 4)


class Bins(NamedTuple):
    """How scores are put into bins."""

    low: float
    high: float
    slices: int
    """0 where every value is a bin of its own."""

    @property
    def width(self) -> float:
        """Of one slice."""
        return (self.high - self.low) / max(self.slices, 1)

    def sql(self) -> str:
        """Value of the bin of a score, or its number among the slices."""
        if not self.slices:
            return "s"
        return f"least(floor((s - {self.low!r}) / {self.width!r}), {self.slices - 1})"

    def text(self, found: float) -> str:
        """Name of a bin: its value, or its edges."""
        if not self.slices:
            return repr(float(found))
        return f"[{self.low + found * self.width!r}, {self.low + (found + 1) * self.width!r})"


def score_cubes(
    con: Any, source: str, plan: Plan, labels: Mapping[Any, str]
) -> tuple[tuple[Cube, ...], tuple[Cube, ...]]:
    """Counts by group, label and score bin (and fold), and sums of losses by group and label (and fold).

    Parameters
    ----------
    con, source
        Connection, and what to put after FROM.
    plan
        With a score and a label. Crossings that make too many cells are left to smaller ones.
    labels
        Reading of each raw label.
    """
    bins = _bins(con, source, f"CAST({quoted(plan.score or '')} AS DOUBLE)", folds=plan.unit is not None)
    for size in range(min(plan.intersections, len(plan.groups)), 0, -1):
        found = []
        for by in combinations(plan.groups, size):
            cubes = _crossed(con, source, plan, labels, bins, by)
            if cubes is None:
                break
            found.append(cubes)
        else:
            break
    return tuple(binned for binned, _ in found), tuple(lost for _, lost in found)


def _scored(source: str, plan: Plan, labels: Mapping[Any, str], by: Sequence[str]) -> tuple[str, list[Any]]:
    """Rows as keys k0, k1, ..., label y, score s, weight w, fold f and what was given to the truth; with parameters."""
    positive = [raw for raw, text in labels.items() if text == POSITIVE]
    label = " OR ".join([f"{quoted(plan.label or '')} = ?"] * len(positive)) or "FALSE"
    columns = [
        *(f"{banded(c, plan.bins[c]) if c in plan.bins else quoted(c)} AS k{i}" for i, c in enumerate(by)),
        f"({label}) AS y",
        f"CAST({quoted(plan.score or '')} AS DOUBLE) AS s",
    ]
    columns += [f"CAST({quoted(plan.weight)} AS DOUBLE) AS w"] if plan.weight is not None else []
    columns += [f"{fold(plan.unit)} AS f"] if plan.unit is not None else []
    bounded = f"(SELECT *, greatest(0.0, least(1.0, s)) AS p FROM (SELECT {', '.join(columns)} FROM {source}))"  # noqa: S608
    given = f"(SELECT *, CASE WHEN y THEN p ELSE 1 - p END AS given FROM {bounded})"  # noqa: S608
    return f"(SELECT *, CASE WHEN given > 0 THEN -ln(given) ELSE 0 END AS unlikely FROM {given})", positive  # noqa: S608


def group_levels(values: Sequence[Any], name: str, plan: Plan) -> list[Level]:
    """Names of the raw values of a group column."""
    bands = band_texts(plan.bins[name]) if name in plan.bins else None
    return [level_text(v, bands) for v in values]


def _bins(con: Any, source: str, score: str, *, folds: bool) -> Bins:
    found = con.execute(f"SELECT min({score}), max({score}) FROM {source}").fetchone()  # noqa: S608
    low, high = float(found[0]), float(found[1])
    few = f"SELECT DISTINCT {score} FROM {source} LIMIT {MOST_VALUES + 1}"  # noqa: S608
    if len(con.execute(few).fetchall()) <= MOST_VALUES:
        return Bins(low, high, 0)
    slices = SLICES_WITH_FOLDS if folds else SLICES
    return Bins(0.0, 1.0, slices) if low >= 0 and high <= 1 else Bins(low, high, slices)


def _crossed(
    con: Any, source: str, plan: Plan, labels: Mapping[Any, str], bins: Bins, by: Sequence[str]
) -> tuple[Cube, Cube] | None:
    """Both cubes of one crossing; None where it makes too many cells."""
    rows, parameters = _scored(source, plan, labels, by)
    keys = [*(f"k{i}" for i in range(len(by))), "y", bins.sql(), *(["f"] if plan.unit is not None else [])]
    sums = _sums(weighted=plan.weight is not None)
    select = ", ".join([*(f"{k} AS a{i}" for i, k in enumerate(keys)), *sums.values()])
    grouped = ", ".join(f"a{i}" for i in range(len(keys)))
    result = con.execute(f"SELECT {select} FROM {rows} GROUP BY {grouped}", parameters)  # noqa: S608
    found = result.fetchall() if len(by) == 1 else result.fetchmany(MOST_CROSSED + 1)
    if len(by) > 1 and len(found) > MOST_CROSSED:
        return None
    columns = list(zip(*found, strict=True))
    levels = {name: group_levels(columns[i], name, plan) for i, name in enumerate(by)}
    levels[LABEL] = [POSITIVE if y else NEGATIVE for y in columns[len(by)]]
    levels[SCORE] = [bins.text(b) for b in columns[len(by) + 1]]
    if plan.unit is not None:
        levels[FOLD] = [str(f) for f in columns[len(by) + 2]]
    values = {k: np.array(c, dtype=np.float64) for k, c in zip(sums, columns[len(keys) :], strict=True)}
    _refuse_powers(values, plan)
    values["n"] = values["n"].astype(np.int64)
    last = [FOLD] if FOLD in levels else []
    counts = {k: v for k, v in values.items() if k in {"n", "w", "w2", "score"}}
    losses = {k: v for k, v in values.items() if k != "score"}
    return _cube([*by, LABEL, SCORE, *last], levels, counts), _cube([*by, LABEL, *last], levels, losses)


def _sums(*, weighted: bool) -> dict[str, str]:
    """SQL of every sum: rows, weights, and the moments of each loss.

    A loss is that of the score moved into 0 to 1, and an infinite one counts 0; how many rows that are is counted.
    """
    once, twice, four = ("w * ", "w * w * ", "w * w * w * w * ") if weighted else ("", "", "")
    sums = {"n": "count(*)", "score": f"fsum({once}s)"}
    sums |= {"w": "fsum(w)", "w2": "fsum(w * w)", "w4": "fsum(w * w * w * w)"} if weighted else {}
    sums["outside"] = "count(*) FILTER (s < 0 OR s > 1)"
    sums["impossible"] = "count(*) FILTER (CASE WHEN y THEN s <= 0 ELSE s >= 1 END)"
    losses = {"probability": "p", "squared_error": "(1 - given) * (1 - given)", "log_loss": "unlikely"}
    for name, loss in losses.items():
        sums[name] = f"fsum({once}{loss})"
        sums[f"{name}_w2"] = f"fsum({twice}{loss})"
        sums[f"{name}_w2x"] = f"fsum({twice}{loss} * {loss})"
        if name in SKEWED:
            sums |= {f"{name}{k}_w4": f"fsum({four}{' * '.join([loss] * k)})" for k in POWERS}
    # The even powers of label less probability are those of the squared error.
    return sums | {f"missing{k}_w4": f"fsum({four}{' * '.join(['(1 - given)'] * k)})" for k in (1, 3)}


def _refuse_powers(values: Mapping[str, np.ndarray], plan: Plan) -> None:
    if plan.weight is not None and not all(np.isfinite(v).all() for k, v in values.items() if k != "score"):
        raise ValuesError(
            f"weights '{printable(plan.weight)}' are so large that their powers cannot be summed; rescale them"
        )


def _cube(names: Sequence[str], levels: Mapping[str, list[Level]], values: Mapping[str, np.ndarray]) -> Cube:
    return from_cells(names, list(zip(*(levels[k] for k in names), strict=True)), values)
