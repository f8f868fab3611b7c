"""All intervals in closed form, beside resampling."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from benchmarks import asked, bootstrap, people
from benchmarks.page import AGREE, Benchmark, Faster, Scale, Section, Sides, timed

from audit.measurement.metrics.rates import RATES
from audit.tables.open import open_frame

REPLICATES, FEW, MANY = 1000, 10, 100


def _frame(scale: Scale, rows: int) -> pd.DataFrame:
    return pd.read_parquet(people.people(scale.cache, rows), columns=list(asked.PLAN.columns))


def _estimates(frame: pd.DataFrame) -> Any:
    counted = asked.count(open_frame(frame), asked.PLAN)
    return asked.of_predictions("classification", counted.by_kind, asked.SCOPE)


def _worded(frame: pd.DataFrame) -> object:
    return asked.numbers(_estimates(frame), asked.RATE_NAMES)


def _arrays(frame: pd.DataFrame) -> object:
    return asked.figures(asked.count(open_frame(frame), asked.PLAN).cubes)


@contextmanager
def from_counts(scale: Scale, rows: int) -> Iterator[Sides]:
    """Both after the rows have been read: ours from the counts, the bootstrap from the cell of each row."""
    frame = _frame(scale, rows)
    codes, rng = _codes(frame), np.random.default_rng(people.SEED)
    cubes = asked.count(open_frame(frame), asked.PLAN).cubes
    seen = np.bincount(codes, minlength=bootstrap.CELLS)[None].astype(float)
    same = asked.furthest(*_both(_estimates(frame), bootstrap.each(seen)), AGREE)
    drawn = timed(lambda: bootstrap.bounds(bootstrap.of_rows(codes, REPLICATES, rng)))
    yield Sides(timed(lambda: asked.figures(cubes)), drawn, same)


def _codes(frame: pd.DataFrame) -> np.ndarray:
    columns = {g: pd.Categorical(frame[g], people.LEVELS[g]).codes for g in people.GROUPS}
    return bootstrap.codes_of(columns | {c: frame[c].to_numpy() for c in ("label", "prediction")})


def beside_bootstrap(
    work: Callable[[pd.DataFrame], object], draw: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
) -> Callable[..., Any]:
    """Sides of some work of ours beside a numpy bootstrap that draws in some way."""

    @contextmanager
    def sides(scale: Scale, rows: int) -> Iterator[Sides]:
        frame = _frame(scale, rows)
        codes, rng = _codes(frame), np.random.default_rng(people.SEED)
        seen = np.bincount(codes, minlength=bootstrap.CELLS)[None].astype(float)
        same = asked.furthest(*_both(_estimates(frame), bootstrap.each(seen)), AGREE)
        yield Sides(timed(lambda: work(frame)), timed(lambda: bootstrap.bounds(draw(codes, REPLICATES, rng))), same)

    return sides


def _both(
    estimates: Any, theirs: list[tuple[tuple[str, ...], bootstrap.Bounds]]
) -> tuple[dict[Any, float], dict[Any, float]]:
    """Rates of groups, and gaps over groups, of both sides."""
    mine = {
        (e.by, e.metric, e.group, e.compare): e.value
        for e in estimates
        if e.metric in asked.RATE_NAMES and e.by and e.value is not None and e.reference is None
    }
    other: dict[Any, float] = {}
    for by, found in theirs:
        groups = [(*levels,) for levels in _levels(by)]
        for m, rate in enumerate(RATES):
            other |= {(by, rate.name, g, None): float(found.rates[0, i, m]) for i, g in enumerate(groups)}
            other[by, rate.name, None, "difference"] = float(found.difference[0, m])
            other[by, rate.name, None, "ratio"] = float(found.ratio[0, m])
    known = {k: v for k, v in other.items() if math.isfinite(v)}
    return {k: mine[k] for k in known if k in mine}, known


def _levels(by: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    shape = [len(people.LEVELS[g]) for g in by]
    for at in np.ndindex(*shape):
        yield tuple(people.LEVELS[g][i] for g, i in zip(by, at, strict=True))


@contextmanager
def beside_fairlearn(scale: Scale, rows: int) -> Iterator[Sides]:
    """Fairlearn resamples the frame and groups it again in every replicate."""
    frame = _frame(scale, rows)
    few = 2 if scale.quick else FEW

    def theirs() -> float:
        start = time.perf_counter()
        _metric_frames(frame, None)
        alone = time.perf_counter() - start
        start = time.perf_counter()
        _metric_frames(frame, few)
        each = (time.perf_counter() - start - alone) / few
        return alone + MANY * each

    same = asked.furthest(*_rates(_estimates(frame), _metric_frames(frame, None)), AGREE)
    yield Sides(timed(lambda: _worded(frame)), theirs, f"{same} (fairlearn {version('fairlearn')})")


def _metric_frames(frame: pd.DataFrame, replicates: int | None) -> dict[tuple[str, ...], Any]:
    """One MetricFrame a grouping, with the limits of its groups, differences and ratios."""
    from fairlearn import metrics as fl
    from sklearn.metrics import accuracy_score

    asked_of = {name: getattr(fl, name) for name in FAIRLEARN} | {"accuracy": accuracy_score}
    more = (
        {} if replicates is None else {"n_boot": replicates, "ci_quantiles": list(bootstrap.TAILS), "random_state": 1}
    )
    found = {}
    for by in asked.BYS:
        made = fl.MetricFrame(
            metrics=asked_of,
            y_true=frame["label"],
            y_pred=frame["prediction"],
            sensitive_features=frame[list(by)],
            **more,
        )
        if replicates is not None:
            _ = made.by_group_ci, made.difference_ci(), made.ratio_ci()
        found[by] = made.by_group
    return found


FAIRLEARN = ("selection_rate", "true_positive_rate", "false_positive_rate", "true_negative_rate", "false_negative_rate")


def _rates(estimates: Any, theirs: dict[tuple[str, ...], Any]) -> tuple[dict[Any, float], dict[Any, float]]:
    other = {
        (by, metric, group if isinstance(group, tuple) else (group,)): float(value)
        for by, found in theirs.items()
        for metric in found
        for group, value in found[metric].items()
    }
    mine = {(e.by, e.metric, e.group): e.value for e in estimates if e.compare is None and e.value is not None}
    return {k: mine[k] for k in other if k in mine}, other


ARRAYS = "take the frame, count, every rate, difference, ratio and gap with its interval"
WORDED = "the same as estimates, each with method, counts and flags"
SECTION = Section(
    "Intervals",
    "A pandas frame in memory; 12 rates of 7 groupings with intervals for each group, for each against the largest, and for the "
    "largest gaps. But for the first, ours counts the rows on the clock; the bootstraps get the cell of each row beforehand.",
    (
        Benchmark(
            name="intervals-bootstrap",
            ours="every rate, difference, ratio and gap with its interval, from the counts",
            theirs=f"numpy bootstrap of rows, {REPLICATES:,} replicates, from the cell of each row",
            rows=100_000,
            sides=from_counts,
            demand=Faster(100),
            note="Both after the rows have been read: what an interval adds to a number.",
        ),
        Benchmark(
            name="intervals-bootstrap-rows",
            ours=ARRAYS,
            theirs=f"numpy bootstrap of rows, {REPLICATES:,} replicates, from the cell of each row",
            rows=100_000,
            sides=beside_bootstrap(_arrays, bootstrap.of_rows),
            note="Arrays on both sides. A replicate is one `rng.integers` of 32 bits and one `bincount` over 432 cells of two bytes; the "
            "rates and gaps of all replicates are made in one go.",
        ),
        Benchmark(
            name="intervals-worded",
            ours=WORDED,
            theirs=f"numpy bootstrap of rows, {REPLICATES:,} replicates: arrays",
            rows=100_000,
            sides=beside_bootstrap(_worded, bootstrap.of_rows),
        ),
        Benchmark(
            name="intervals-multinomial",
            ours=ARRAYS,
            theirs=f"the same bootstrap drawn from the counted cells, {REPLICATES:,} replicates",
            rows=100_000,
            sides=beside_bootstrap(_arrays, bootstrap.of_cells),
            note="What a bootstrap costs for one who counts first, too; it gets the counts for nothing. Nothing is demanded of it.",
        ),
        Benchmark(
            name="intervals-fairlearn",
            ours=WORDED,
            theirs=f"Fairlearn's MetricFrame, {MANY} replicates, extrapolated from {FEW}",
            rows=100_000,
            sides=beside_fairlearn,
            demand=Faster(1000),
            slow=True,
            note=f"Theirs is the time without replicates and {MANY} times that of one of {FEW} replicates, with 6 rates against our 12: "
            "running all would take an hour.",
        ),
    ),
)
