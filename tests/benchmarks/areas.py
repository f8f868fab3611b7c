"""Exact AUC of every group, beside scikit-learn called for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks import asked, people
from benchmarks.page import AGREE, Benchmark, Demand, Scale, Section, Sides, Within, timed

from audit.axes import NEGATIVE, POSITIVE, CubeKind
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.kinds.exact_auc import ExactAuc, count_ordered_pairs
from audit.counting.terms import Highest, Lowest, Number
from audit.cube import Cube
from audit.measurement.scores.bins import pairs_of
from audit.tables.open import open_frame

PLAN = asked.Plan(
    groups=people.GROUPS, intersections=3, label="label", score="score", kinds={CubeKind.ORDERED_PAIRS: ExactAuc()}
)
COLUMNS = (*people.GROUPS, "label", "score")


def _areas(table: Any) -> dict[Any, float]:
    """Exact AUC by grouping and group: every pair of rows is counted, and nothing else."""
    score = Number("score")
    with DuckEngine().scan(table, PLAN.columns) as scan:
        ends = scan.summary({"low": Lowest(score), "high": Highest(score)})
        extent = float(ends["low"] or 0.0), float(ends["high"] or 0.0)
        return _of(count_ordered_pairs(scan, PLAN, {0: NEGATIVE, 1: POSITIVE}, extent).pairs)


def _counted(table: Any) -> dict[Any, float]:
    """The same beside everything else that is counted of scores: bins, and sums of losses to their fourth powers."""
    return _of(asked.count(table, PLAN).by_kind[CubeKind.ORDERED_PAIRS])


def _of(cubes: Iterable[Cube]) -> dict[Any, float]:
    found = {}
    for cube in cubes:
        if by := cube.names[:-1]:
            groups = asked.grouping([cube], by, {}).groups
            found |= {(by, g): float(a) for g, a in zip(groups, pairs_of(cube, groups).auc, strict=True)}
    return found


def loop(frame: pd.DataFrame) -> dict[Any, float]:
    """roc_auc_score of every group: codes are made once, then each group's rows are picked."""
    from sklearn.metrics import roc_auc_score

    label, score, found = frame["label"].to_numpy(), frame["score"].to_numpy(), {}
    coded = {g: pd.factorize(frame[g]) for g in people.GROUPS}
    for by in asked.BYS:
        shape = [len(coded[g][1]) for g in by]
        cell = np.ravel_multi_index([coded[g][0] for g in by], shape)
        order = np.argsort(cell.astype(np.int16), kind="stable")
        ends = np.cumsum(np.bincount(cell, minlength=int(np.prod(shape))))
        for at, rows in zip(np.ndindex(*shape), np.split(order, ends[:-1]), strict=True):
            names = tuple(str(coded[g][1][i]) for g, i in zip(by, at, strict=True))
            found[by, names] = float(roc_auc_score(label[rows], score[rows]))
    return found


@contextmanager
def from_frame(scale: Scale, rows: int) -> Iterator[Sides]:
    """Both start from a frame in memory."""
    frame, same = _frame(scale, rows), _same(people.scored(scale.cache, rows))
    yield Sides(timed(lambda: _areas(open_frame(frame))), timed(lambda: loop(frame)), same)


@contextmanager
def from_parquet(scale: Scale, rows: int) -> Iterator[Sides]:
    """Both start from the file."""
    path, same = people.scored(scale.cache, rows), _same(people.scored(scale.cache, rows))
    yield Sides(timed(lambda: _areas(asked.open_table(path))), timed(lambda: loop(_frame(scale, rows))), same)


@contextmanager
def counted(scale: Scale, rows: int) -> Iterator[Sides]:
    """Ours counts all that other metrics of scores need, too."""
    path, same = people.scored(scale.cache, rows), _same(people.scored(scale.cache, rows))
    yield Sides(timed(lambda: _counted(asked.open_table(path))), timed(lambda: loop(_frame(scale, rows))), same)


def _frame(scale: Scale, rows: int) -> pd.DataFrame:
    return pd.read_parquet(people.scored(scale.cache, rows), columns=list(COLUMNS))


@cache
def _same(path: Path) -> str:
    """Hold ours to theirs, once for all benchmarks of a file."""
    frame = pd.read_parquet(path, columns=list(COLUMNS))
    return f"{asked.furthest(_areas(open_frame(frame)), loop(frame), AGREE)} (scikit-learn {version('scikit-learn')})"


def _benchmark(
    name: str, ours: str, theirs: str, sides: Callable[..., AbstractContextManager[Sides]], demand: Demand | None
) -> Benchmark:
    return Benchmark(
        name=name,
        ours=ours,
        theirs=f"{theirs}, scikit-learn's `roc_auc_score` for each group",
        rows=10_000_000,
        sides=sides,
        demand=demand,
        repeats=3,
    )


SECTION = Section(
    "Exact AUC",
    "A score of full double precision, no two alike; 209 groups of 7 groupings. Theirs picks the rows of all groups of a grouping by "
    "one stable sort of small numbers, which is faster than a mask a group. Three runs.",
    (
        _benchmark(
            "auc-frame", "take a pandas frame, exact AUC of each group", "a pandas frame", from_frame, Within(0.15)
        ),
        _benchmark("auc-parquet", "read Parquet, exact AUC of each group", "read Parquet", from_parquet, Within(0.15)),
        _benchmark(
            "auc-counted", "the same, and all that is counted of scores: bins, losses", "read Parquet", counted, None
        ),
    ),
)
