"""A whole audit against what merely decoding or grouping the same columns costs; its growth in time and in memory."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import duckdb
from benchmarks import asked, people
from benchmarks.page import QUICK_ROWS, AtMost, Benchmark, Scale, Section, Sides, Within, table, timed

DECODE = "SELECT sum(strlen(race) + strlen(sex) + strlen(age) + label + prediction) FROM '{}'"
GROUP = "SELECT race, sex, age, label, prediction, count(*) FROM '{}' GROUP BY ALL"
OVERHEAD_S, MOST_MB = 0.05, 64.0
MB = 1024 * 1024
LAZY = (
    "audit.counting.backends.duckdb",
    "audit.tables.formats.parquet",
    "audit.gates.p_values",
    "audit.measurement.inference.sample_size",
    "scipy.special",
)
"""What an audit imports on its way."""


@contextmanager
def decode(scale: Scale, rows: int) -> Iterator[Sides]:
    """Beside DuckDB's decoding of the five columns."""
    path, seconds = people.people(scale.cache, rows), []

    def whole() -> None:
        seconds.append(asked.audit_of(path).seconds)

    with duckdb.connect() as con:
        query = DECODE.format(path)
        agreed = _same_rows(con, path)
        yield Sides(timed(whole), timed(lambda: con.execute(query).fetchall()), agreed, lambda: _stages(seconds, rows))


@contextmanager
def group(scale: Scale, rows: int) -> Iterator[Sides]:
    """Beside a bare GROUP BY."""
    path = people.people(scale.cache, rows)
    with duckdb.connect() as con:
        query = GROUP.format(path)
        agreed = _same_rows(con, path)
        yield Sides(timed(lambda: asked.audit_of(path)), timed(lambda: con.execute(query).fetchall()), agreed)


@contextmanager
def count_alone(scale: Scale, rows: int) -> Iterator[Sides]:
    """The counting alone, beside a bare GROUP BY."""
    path = people.people(scale.cache, rows)
    opened = asked.open_table(path)
    with duckdb.connect() as con:
        query = GROUP.format(path)
        yield Sides(
            timed(lambda: asked.count(opened, asked.PLAN)),
            timed(lambda: con.execute(query).fetchall()),
            _same_rows(con, path),
        )


@contextmanager
def everything(scale: Scale, rows: int) -> Iterator[Sides]:
    """With every number of every metric made, beside decoding."""
    path = people.people(scale.cache, rows)
    with duckdb.connect() as con:
        query = DECODE.format(path)
        found = asked.audit_of(path).estimates
        told = f"{asked.numbers(found):,} numbers, of which {asked.numbers(found, asked.RATE_NAMES):,} of rates"
        yield Sides(
            timed(lambda: asked.numbers(asked.audit_of(path).estimates)),
            timed(lambda: con.execute(query).fetchall()),
            told,
        )


@contextmanager
def records(scale: Scale, rows: int) -> Iterator[Sides]:
    """With every number of the rates put into a record of its own, beside decoding."""
    path = people.people(scale.cache, rows)
    with duckdb.connect() as con:
        query = DECODE.format(path)
        told = f"{asked.numbers(asked.audit_of(path).estimates, asked.RATE_NAMES):,} numbers of rates"
        yield Sides(timed(lambda: asked.audit_of(path, "records")), timed(lambda: con.execute(query).fetchall()), told)


@contextmanager
def gates(scale: Scale, rows: int) -> Iterator[Sides]:
    """Only the numbers that the gates ask for, beside decoding."""
    path = people.people(scale.cache, rows)
    with duckdb.connect() as con:
        query = DECODE.format(path)
        yield Sides(timed(lambda: asked.audit_of(path, "none")), timed(lambda: con.execute(query).fetchall()))


@contextmanager
def linear(scale: Scale, rows: int) -> Iterator[Sides]:
    """Beside ourselves on a tenth of the rows."""
    large, small = (people.people(scale.cache, n) for n in (rows, rows // 10))
    yield Sides(timed(lambda: asked.audit_of(large)), timed(lambda: asked.audit_of(small)))


@contextmanager
def memory(scale: Scale, rows: int) -> Iterator[Sides]:
    """Peak of a process of its own above what it held once all was imported."""
    path, least = people.people(scale.cache, rows), people.people(scale.cache, QUICK_ROWS)
    few = grown(least)
    beside = f"an audit of {QUICK_ROWS:,} rows grows by {few.mb:.0f} MB, of which {few.library_mb:.0f} MB are code of libraries"
    yield Sides(lambda: grown(path).mb, agreed=beside)


class Grown(NamedTuple):
    """How much a process grew, and what of it are pages of DuckDB's library that were first touched."""

    mb: float
    library_mb: float


def grown(path: Path) -> Grown:
    """Growth of a child that audits a table. VmHWM, because a child's ru_maxrss starts at what its parent held."""
    places = os.pathsep.join(str(Path(__file__).resolve().parents[n]) for n in (1, 2))
    command = [sys.executable, "-m", "benchmarks.whole", str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": places})
    found = json.loads(done.stdout)
    return Grown((found["peak"] - found["imported"]) / MB, found["library_pages"] / MB)


def _child(path: Path) -> None:
    """Print what this process held before an audit, and at most during it."""
    for name in LAZY:
        importlib.import_module(name)
    before, pages = _status("VmRSS"), _status("RssFile")
    asked.audit_of(path)
    found = {"imported": before, "peak": _status("VmHWM"), "library_pages": _status("RssFile") - pages}
    sys.stdout.write(json.dumps(found))


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _same_rows(con: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Hold the counts of every cell to those of a GROUP BY."""
    counted = asked.audit_of(path).counted
    cube = counted.cubes[0]
    axes = [[str(x) for x in cube.axis(n).levels] for n in cube.names]
    total, theirs = 0, con.execute(GROUP.format(path)).fetchall()
    for *levels, n in theirs:
        named = dict(zip((*people.GROUPS, "label", "prediction"), levels, strict=True))
        at = tuple(
            axes[i].index(str(named[name])) if name in people.GROUPS else int(named[name])
            for i, name in enumerate(cube.names)
        )
        if cube["n"][at] != n:
            raise ArithmeticError(f"{levels}: ours counts {cube['n'][at]}, GROUP BY {n}")
        total += n
    if total != counted.rows_used:
        raise ArithmeticError(f"ours used {counted.rows_used} rows, GROUP BY {total}")
    return f"{len(theirs)} cells of {total:,} rows, the same"


def _stages(seconds: list[tuple[float, ...]], rows: int) -> str:
    """Where the time of a whole audit goes."""
    each = list(zip(*seconds[1:] or seconds, strict=True))
    lines = [(name, 1000 * min(s), 1000 * median(s)) for name, s in zip(asked.STAGES, each, strict=True)]
    text = f"Stages of the whole audit of {rows:,} rows, in milliseconds. Opening is a look at the schema and a SHA-256 of the file.\n\n"
    return text + table(("stage", "best", "median"), lines)


FORM = "whole audit: open, count, all rates, differences, ratios and gaps with intervals, judge 4 gates"
SECTION = Section(
    "Whole audits",
    "Five columns of Parquet: three of text that make 7 groupings and 108 finest groups, label and prediction. The decoding beside "
    "it is `SELECT sum(strlen(race) + strlen(sex) + strlen(age) + label + prediction)`, because a bare `count(*)` is answered from the "
    "file's metadata. Its connection is opened outside the clock; the file is in the page cache for both.",
    (
        Benchmark(
            name="whole-decode",
            ours=FORM,
            theirs="DuckDB decoding the same columns",
            rows=10_000_000,
            sides=decode,
            demand=Within(1.5, OVERHEAD_S),
        ),
        Benchmark(
            name="whole-group",
            ours=FORM,
            theirs="DuckDB's bare GROUP BY over the five columns",
            rows=10_000_000,
            sides=group,
        ),
        Benchmark(
            name="count-group",
            ours="the count alone",
            theirs="DuckDB's bare GROUP BY",
            rows=10_000_000,
            sides=count_alone,
        ),
        Benchmark(
            name="whole-gates",
            ours="open, count, judge 4 gates: no number is made but theirs",
            theirs="DuckDB decoding the same columns",
            rows=10_000_000,
            sides=gates,
        ),
        Benchmark(
            name="whole-records",
            ours="the same, each number of a rate in its record, with its method, groups and reasons",
            theirs="DuckDB decoding the same columns",
            rows=10_000_000,
            sides=records,
            note="What a document holds. The whole audit above makes the numbers as arrays, and records for its gates.",
        ),
        Benchmark(
            name="whole-everything",
            ours="the same, with every number of every metric",
            theirs="DuckDB decoding the same columns",
            rows=10_000_000,
            sides=everything,
            note="Statistics, benefits, subgroups and adverse impact too.",
        ),
        Benchmark(
            name="whole-linear",
            ours=FORM,
            theirs="the same of a tenth of the rows",
            rows=10_000_000,
            sides=linear,
            demand=Within(10.0, OVERHEAD_S),
        ),
        *(
            Benchmark(
                name=f"memory-{name}",
                ours="whole audit in a process of its own: peak above what imports hold",
                theirs="nothing",
                rows=rows,
                sides=memory,
                demand=AtMost(MOST_MB, "MB"),
                unit="MB",
                repeats=2,
            )
            for name, rows in (("1M", 1_000_000), ("10M", 10_000_000), ("100M", 100_000_000))
        ),
    ),
)

if __name__ == "__main__":
    _child(Path(sys.argv[1]))
