"""What ten billion rows would take, from what was measured; no price of a core-hour is assumed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import people
from benchmarks.page import Result, Scale, Section, table

ROWS = 10_000_000_000
WORKERS, CORES = (1, 10, 50, 100), 8
HOUR_S = 3600.0
REAL_BYTES = 100
"""Of a row of a table with some forty columns, Parquet and compressed; the audit reads five of them."""


class Speed(NamedTuple):
    """Seconds of a count of few and of many rows, on so many cores."""

    engine: str
    few: tuple[int, float]
    many: tuple[int, float]
    cores: int

    @property
    def rows_per_core_s(self) -> float:
        """From what more rows take longer, so that starting is left out; from the whole where that is not measurable."""
        more_s = self.many[1] - self.few[1]
        return (
            (self.many[0] - self.few[0]) / more_s / self.cores
            if more_s > 0
            else self.many[0] / self.many[1] / self.cores
        )


def project(results: Sequence[Result], scale: Scale) -> str:
    """The section's text."""
    speeds = [*_speeds(results)]
    if not speeds:
        return "Needs the figures of `spark-1M` and `spark-10M`, which were not measured in this run."
    file = people.people(scale.cache, speeds[0].many[0])
    held_bytes = file.stat().st_size / speeds[0].many[0]
    rows = []
    for s in speeds:
        hours = ROWS / s.rows_per_core_s / HOUR_S
        rows.append(
            (s.engine, f"{s.rows_per_core_s / 1e6:.1f} million", f"{hours:.2f}", *(_wall(hours, w) for w in WORKERS))
        )
    return (
        f"Computed, not measured: {ROWS:,} rows at the marginal speed of the counts above (10 against 1 million rows, wall time × cores).\n\n"
        + table(("engine", "rows a second and core", "core-hours", *(f"{w} × {CORES} cores" for w in WORKERS)), rows)
        + "\n**Assumed.** "
        f"Every core of a worker counts as fast as one of this machine when all its {speeds[0].cores} are busy. Reading keeps up: the five "
        f"columns are {held_bytes:.2f} bytes a row here ({ROWS * held_bytes / 1e9:,.0f} GB in all), and a table of real people with "
        f"{REAL_BYTES} bytes a row would be {ROWS * REAL_BYTES / 1e12:.0f} TB, of which the audit reads only these columns. A worker "
        "starts in no time. Counts of workers are a few hundred cells each; adding them and all that follows is done once, in the time "
        "that measuring takes above. With p the price of a core-hour, the count costs core-hours × p.\n\n"
        "**Not assumed.** Stragglers, skewed parts, a slow store, queues: these come on top.\n"
    )


def _wall(core_hours: float, workers: int) -> str:
    seconds = core_hours * HOUR_S / (workers * CORES)
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def _speeds(results: Sequence[Result]) -> Sequence[Speed]:
    named = {r.benchmark.name: r for r in results if not r.absent}
    if not {"spark-1M", "spark-10M"} <= named.keys():
        return ()
    few, many = named["spark-1M"], named["spark-10M"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [
        Speed("DuckDB", (few.rows, few.least[1]), (many.rows, many.least[1]), cores),
        Speed("Spark", (few.rows, few.least[0]), (many.rows, many.least[0]), cores),
    ]


SECTION = Section("Ten billion rows", "", (), project)
