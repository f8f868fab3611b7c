"""Spark on this machine beside DuckDB: what its way of working costs where one machine would do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from benchmarks import asked, people
from benchmarks.page import Absent, Benchmark, Scale, Section, Sides, timed

MASTER = "local[2]"


@contextmanager
def spark(scale: Scale, rows: int) -> Iterator[Sides]:
    """Ours counted by Spark, beside ours counted by DuckDB; the session is started before, on a clock of its own."""
    if find_spec("pyspark") is None or shutil.which("java") is None:
        raise Absent("PySpark or Java is not installed (extra spark)")
    from audit.counting.backends.spark import session

    opened = asked.open_table(people.people(scale.cache, rows))
    start = time.perf_counter()
    with session(MASTER):
        started_s = time.perf_counter() - start

        def count(engine: str) -> asked.Counted:
            return asked.count(opened, asked.PLAN, engine, MASTER if engine == "spark" else None)

        by_spark, by_duck = (asked.named_points(count(engine).cubes) for engine in ("spark", "duckdb"))
        same = f"{asked.furthest(by_spark, by_duck, 0.0)}; the session took {started_s:.1f} s to start"
        yield Sides(timed(lambda: count("spark")), timed(lambda: count("duckdb")), same)


SECTION = Section(
    "Spark",
    f"`--engine spark --master '{MASTER}'` reading the same Parquet. Nothing is demanded: Spark is for rows that no one machine holds.",
    (
        Benchmark(
            name="spark-10M",
            ours=f"count by Spark {MASTER}",
            theirs="the same count by DuckDB",
            rows=10_000_000,
            sides=spark,
        ),
        Benchmark(
            name="spark-1M",
            ours=f"count by Spark {MASTER}",
            theirs="the same count by DuckDB",
            rows=1_000_000,
            sides=spark,
        ),
    ),
)
