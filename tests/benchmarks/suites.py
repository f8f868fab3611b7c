"""A suite of 20 expectations over 16 columns of a file, beside Great Expectations and one scan of polars."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import expectations
from benchmarks.page import QUICK_ROWS, AtMost, Benchmark, Faster, Scale, Section, Sides, Within

MILLION = 1_000_000
OURS = "`answer_suite` on the file: CPU seconds of its process, after imports"
POLARS = "polars, one lazy scan that sums up the same, without a verdict"
GREAT = "Great Expectations on pandas, with the loading of the rows"


@contextmanager
def _tables(rows: int) -> Iterator[tuple[Path, Path, str]]:
    """The rows, the suite, and what was compared before the clock starts."""
    with tempfile.TemporaryDirectory() as place:
        few, path, questions = (Path(place, name) for name in ("few.parquet", "rows.parquet", "suite.json"))
        questions.write_text(json.dumps(expectations.suite()))
        expectations.write_rows(few, QUICK_ROWS)
        ours, theirs = (expectations.WAYS[way](few, questions)() for way in ("evenhand", "great-expectations"))
        if ours != theirs:
            raise RuntimeError(f"verdicts differ from those of Great Expectations: {ours} against {theirs}")
        expectations.write_rows(path, rows)
        yield path, questions, f"{len(ours)} verdicts with Great Expectations, on {QUICK_ROWS:,} rows"


def _beside(way: str, measure: str = "cpu_s"):
    """Both sides by one measure of their costs, every go in a process of its own."""

    @contextmanager
    def sides(scale: Scale, rows: int) -> Iterator[Sides]:
        del scale
        with _tables(rows) as (path, questions, agreed):
            both = (
                lambda way=way: getattr(expectations.cost_apart(way, path, questions), measure)
                for way in ("evenhand", way)
            )
            yield Sides(*both, agreed=agreed)

    return sides


SECTION = Section(
    "Suites of expectations",
    "Row count, 6 not null, 5 between, 4 in a set, 2 patterns, 1 unique and 1 mean, of a Parquet file of 16 columns. CPU seconds of all "
    "threads, because what runs beside moves them less than wall time; memory is the growth of the largest resident memory.",
    (
        Benchmark(
            name="expectations-polars",
            ours=OURS,
            theirs=POLARS,
            rows=MILLION,
            sides=_beside("polars"),
            demand=Within(1.2),
        ),
        Benchmark(
            name="expectations-polars-10m",
            ours=OURS,
            theirs=POLARS,
            rows=10 * MILLION,
            sides=_beside("polars"),
            demand=Within(1.2),
        ),
        Benchmark(
            name="expectations-great",
            ours=OURS,
            theirs=GREAT,
            rows=MILLION,
            sides=_beside("great-expectations"),
            demand=Faster(5),
            slow=True,
        ),
        Benchmark(
            name="expectations-great-10m",
            ours=OURS,
            theirs=GREAT,
            rows=10 * MILLION,
            sides=_beside("great-expectations"),
            demand=Faster(3),
            slow=True,
        ),
        Benchmark(
            name="expectations-memory",
            ours="the same: growth of memory",
            theirs=GREAT,
            rows=10 * MILLION,
            sides=_beside("great-expectations", "memory_mb"),
            demand=AtMost(100, "MB"),
            unit="MB",
            slow=True,
        ),
    ),
)
