"""Point estimates of a frame in memory, beside tools that give nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
from benchmarks import asked, people
from benchmarks.page import AGREE, Benchmark, Faster, Scale, Section, Sides, timed
from benchmarks.peer import peer

from audit.tables.open import open_frame


def _counted(frame: pd.DataFrame) -> asked.Counted:
    return asked.count(open_frame(frame), asked.PLAN)


def _points(frame: pd.DataFrame) -> object:
    return asked.points(_counted(frame).cubes)


def _intervals(frame: pd.DataFrame) -> object:
    return asked.numbers(asked.of_predictions("classification", _counted(frame).by_kind, asked.SCOPE), asked.RATE_NAMES)


def beside_aequitas(work: Callable[[pd.DataFrame], object]) -> Callable[..., object]:
    """Sides of some work of ours beside Aequitas on the same rows."""

    @contextmanager
    def sides(scale: Scale, rows: int) -> Iterator[Sides]:
        path = people.people(scale.cache, rows)
        frame = pd.read_parquet(path, columns=list(asked.PLAN.columns))
        ours = asked.named_points(_counted(frame).cubes)
        with peer(scale, "aequitas", path, ",".join(people.GROUPS)) as theirs:
            values = {(by, group, name): value for by, group, name, value in theirs.values}
            same = asked.furthest({k: v for k, v in ours.items() if k[2] != "error_rate"}, values, AGREE)
            yield Sides(timed(lambda: work(frame)), theirs.go, f"{same} ({theirs.versions})")

    return sides


@contextmanager
def beside_aif360(scale: Scale, rows: int) -> Iterator[Sides]:
    """Single attributes only: AIF360 passes over all rows for each rate of each group."""
    path = people.people(scale.cache, rows)
    frame = pd.read_parquet(path, columns=list(asked.PLAN.columns))
    ours = asked.named_points(_counted(frame).cubes)
    with peer(scale, "aif360", path, ",".join(people.GROUPS)) as theirs:
        values = {(by, group, name): value for by, group, name, value in theirs.values}
        same = asked.furthest({k: v for k, v in ours.items() if k in values}, values, AGREE)
        yield Sides(timed(lambda: _points(frame)), theirs.go, f"{same} ({theirs.versions})")


SECTION = Section(
    "Point estimates",
    "A pandas frame in memory, text columns as pandas reads them. All 12 rates of all groups of 7 groupings.",
    (
        Benchmark(
            name="points-aequitas",
            ours="take the frame, count, all rates of all groups",
            theirs="Aequitas, `Group.get_crosstabs`",
            rows=1_000_000,
            sides=beside_aequitas(_points),
            demand=Faster(4),
            note="Theirs in the form that favours it: without disparities (`Audit.audit` calls the same function and then works on), "
            "and with the four crossings pasted together as text columns outside the clock, because Aequitas crosses nothing itself.",
        ),
        Benchmark(
            name="points-aequitas-intervals",
            ours="the same, and every interval, difference, ratio and gap of the rates",
            theirs="Aequitas, `Group.get_crosstabs`: points alone",
            rows=1_000_000,
            sides=beside_aequitas(_intervals),
        ),
        Benchmark(
            name="points-aif360",
            ours="take the frame, count, all rates of all groups of 7 groupings",
            theirs="AIF360, `ClassificationMetric.performance_measures` of each group of the 3 attributes",
            rows=100_000,
            sides=beside_aif360,
            note="Theirs answers less: no crossings. Its data sets of numbers are made outside the clock.",
        ),
    ),
)
