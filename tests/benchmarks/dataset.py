"""Bias of the data before any model, beside SageMaker Clarify's library."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from benchmarks import asked, people
from benchmarks.page import AGREE, Benchmark, Faster, Scale, Section, Sides, timed
from benchmarks.peer import peer

import audit
from audit.counting.plan import Plan
from audit.measurement.measure import Scope, of_data
from audit.tables.open import open_frame

CLARIFY = {
    "CI": "class_imbalance", "DPL": "difference_in_proportions_of_labels", "KL": "kl_divergence", "JS": "js_divergence",
    "LP": "lp_norm", "TVD": "total_variation_distance", "KS": "ks_distance", "CDDL": "conditional_demographic_disparity",
}  # fmt: skip
COLUMNS = (*people.GROUPS, "office", "label")


def _check(frame: pd.DataFrame) -> Any:
    return audit.check(frame, label="label", groups=people.GROUPS, strata=["office"])


PLAN = Plan(groups=people.GROUPS, label="label", strata=("office",))
SCOPE = Scope(groups=people.GROUPS)


def _measured(frame: pd.DataFrame) -> int:
    """The metrics alone, as Clarify makes them, with their intervals: how many numbers."""
    counted = asked.count(open_frame(frame), PLAN)
    return asked.numbers(of_data(counted.by_kind, SCOPE))


def _values(result: Any) -> dict[tuple[str, str, str], float]:
    """What ours and theirs both compute: all eight of two levels, and within strata of every level."""
    found = {}
    for short, name in CLARIFY.items():
        for e in (e for by in people.GROUPS for e in result.find(name, by=[by], stage="data")):
            if short == "CDDL" or len(people.LEVELS[e.by[0]]) == 2:
                found[e.by[0], e.group[0], short] = e.value
    return found


@contextmanager
def clarify(scale: Scale, rows: int) -> Iterator[Sides]:
    """The report of each of three facets, by all eight metrics before training."""
    path = people.scored(scale.cache, rows)
    frame = pd.read_parquet(path, columns=list(COLUMNS))
    ours = _values(_check(frame))
    with peer(scale, "smclarify", path, ",".join(people.GROUPS)) as theirs:
        values = {(by, group, name): value for by, group, name, value in theirs.values}
        same = asked.furthest(ours, {k: values[k] for k in ours}, AGREE)
        told = f"{same} ({theirs.versions})"
        yield Sides(timed(lambda: _measured(frame)), theirs.go, told, lambda: _whole(frame))


def _whole(frame: pd.DataFrame) -> str:
    """What the checks of the rows cost beside."""
    start = time.perf_counter()
    found = _check(frame)
    seconds = time.perf_counter() - start
    return f"The whole of `audit.check` on it, with {len(found.checks)} checks of the rows, took {seconds:.2f} s."


SECTION = Section(
    "Bias of data before training",
    "A pandas frame in memory: race, sex and age as facets, an office of 5 levels as Clarify's group variable and as our stratum.",
    (
        Benchmark(
            name="dataset-clarify",
            ours="take the frame, count, the eight metrics, representation and base rates with intervals, every number made",
            theirs="smclarify, `bias_report` of each facet, all metrics before training",
            rows=100_000,
            sides=clarify,
            demand=Faster(200),
            note="Clarify sets each level against all others, ours against the largest group: all eight metrics are the same number for an "
            "attribute of two levels, and the one within strata for every level; these were compared.",
        ),
    ),
)
