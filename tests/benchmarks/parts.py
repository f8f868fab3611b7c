"""A hundred million rows as a glob and in parts, by `benchmarks.hundred_million`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from benchmarks.page import Absent, AtMost, Benchmark, Scale, Section, Sides

PARTS, ROWS, MOST_MB = 10, 100_000_000, 2048


@contextmanager
def peak(scale: Scale, rows: int) -> Iterator[Sides]:
    """Highest memory of any of its processes, once the glob and the parts have given one document."""
    if find_spec("benchmarks.hundred_million") is None:
        raise Absent("tests/benchmarks/hundred_million.py is not here")
    from benchmarks.hundred_million import hundred_million, told

    with tempfile.TemporaryDirectory() as folder:
        found = hundred_million(Path(folder), rows=rows // PARTS, parts=PARTS)
    if not found.same:
        raise ArithmeticError("the glob and the parts gave different documents")
    agreed = f"{found.estimates:,} estimates of the glob and of the parts, the same"
    yield Sides(lambda: found.peak_mb, agreed=agreed, told=lambda: f"```\n{told(found)}\n```")


SECTION = Section(
    "A hundred million rows in parts",
    "Ten Parquet files, audited by the command as one glob, and counted one by one and measured together.",
    (
        Benchmark(
            name="parts-100M",
            ours="highest memory of any process",
            theirs="nothing",
            rows=ROWS,
            sides=peak,
            demand=AtMost(MOST_MB, "MB"),
            unit="MB",
            repeats=1,
        ),
    ),
)
