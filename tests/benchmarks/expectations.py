"""Twenty expectations on sixteen columns: this package beside Great Expectations on pandas and one scan of polars.

Run ``python tests/benchmarks/expectations.py ROWS``. Each way runs in a process of its own, in turns, three times; the
least CPU time counts, because the machine may be shared, and the growth of the process's largest resident memory.
Importing the libraries is not counted. Must not: be imported by a test of correctness.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

STATES = [f"S{i:02d}" for i in range(50)]
NOT_NULL = ("id", "hours", "score", "income", "sex", "state")
BETWEEN = {"age": (17, 90), "hours": (1, 99), "income": (1, 1_000_000), "score": (0, 1), "loan": (0, 450_000)}
IN_SET = {
    "sex": ["female", "male"],
    "race": ["a", "b", "c", "d"],
    "state": STATES[:-1],
    "married": ["no", "yes"],
}
MATCHES = {"zip": "^[0-9]{5}$", "code": "^C[0-9]{7}-[XY]$"}
MEAN = (30_000, 40_000)
BATCH = 1_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way of answering costs."""

    cpu_s: float
    wall_s: float
    memory_mb: float
    """Growth of the largest resident memory while it answers."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The same questions, answered in three ways; a way that was left out is None."""

    rows: int
    evenhand: Cost
    polars: Cost | None
    great_expectations: Cost | None

    @property
    def over_polars(self) -> float | None:
        """CPU time, as a multiple of one polars scan's."""
        return None if self.polars is None else self.evenhand.cpu_s / self.polars.cpu_s

    @property
    def faster_than_great_expectations(self) -> float | None:
        """CPU time of Great Expectations, as a multiple of ours."""
        return None if self.great_expectations is None else self.great_expectations.cpu_s / self.evenhand.cpu_s


def suite() -> dict:
    """The twenty expectations."""

    def each(kind: str, **kwargs: object) -> dict:
        return {"type": kind, "kwargs": kwargs, "severity": "critical", "meta": {}}

    found = [each("expect_table_row_count_to_be_between", min_value=1)]
    found += [each("expect_column_values_to_not_be_null", column=c, mostly=0.9) for c in NOT_NULL]
    found += [
        each("expect_column_values_to_be_between", column=c, min_value=low, max_value=high)
        for c, (low, high) in BETWEEN.items()
    ]
    found += [each("expect_column_values_to_be_in_set", column=c, value_set=v, mostly=0.5) for c, v in IN_SET.items()]
    found += [each("expect_column_values_to_match_regex", column=c, regex=r) for c, r in MATCHES.items()]
    found += [each("expect_column_values_to_be_unique", column="id")]
    found += [each("expect_column_mean_to_be_between", column="income", min_value=MEAN[0], max_value=MEAN[1])]
    return {"name": "twenty", "expectations": found, "meta": {}}


def write_rows(path: Path, rows: int) -> None:
    """Write the table: whole and other numbers, categories of few levels, codes of many, some values missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = np.random.default_rng(1).permutation(rows) + 1
    writer = None
    for start in range(0, rows, BATCH):
        table = pa.table(_columns(ids[start : start + BATCH], np.random.default_rng(start)))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _columns(ids, dice) -> dict:
    import numpy as np
    import pyarrow as pa

    rows = len(ids)

    def level(levels: list[str]) -> pa.Array:
        return pa.array(levels).take(pa.array(dice.choice(len(levels), rows)))

    def text(values) -> pa.Array:
        return pa.array(values.astype(object), pa.string())

    digits = np.char.zfill(dice.integers(0, 10**7, rows).astype(str), 7)
    return {
        "id": ids,
        "age": dice.integers(17, 91, rows),
        "hours": pa.array(dice.integers(1, 100, rows), mask=dice.random(rows) < 0.01),
        "income": dice.lognormal(10, 1, rows).round(2),
        "score": pa.array(dice.random(rows), mask=dice.random(rows) < 0.02),
        "balance": dice.normal(0, 10_000, rows),
        "rate": dice.random(rows).round(4),
        "loan": dice.integers(0, 500_000, rows),
        "label": dice.integers(0, 2, rows),
        "sex": level(["female", "male"]),
        "race": level(["a", "b", "c", "d", "e"]),
        "state": level(STATES),
        "job": level([f"job {i}" for i in range(14)]),
        "married": level(["no", "widowed", "yes"]),
        "zip": text(np.char.zfill(dice.integers(1000, 99_999, rows).astype(str), 5)),
        "code": text(np.char.add(np.char.add("C", digits), "-X")),
    }


def by_evenhand(path: Path, questions: Path):
    """Answer with this package, from a file on disk."""
    import audit.checks.expectations.run  # noqa: F401 - loaded now, because loading is not measured
    from audit.checks.expectations.checks import answer_suite, read_suite
    from audit.tables.open import open_table

    asked, table = read_suite(questions), open_table(path, digested=False)
    return lambda: [check.outcome for check in answer_suite(asked, table)]


def by_polars(path: Path, questions: Path):
    """Sum up the same in one scan of polars, without a verdict."""
    import polars as pl

    del questions
    sums = [pl.len().alias("rows")]
    sums += [pl.col(c).null_count().alias(f"null {c}") for c in NOT_NULL]
    sums += [(~pl.col(c).is_between(*ends)).sum().alias(f"between {c}") for c, ends in BETWEEN.items()]
    sums += [(~pl.col(c).is_in(v)).sum().alias(f"set {c}") for c, v in IN_SET.items()]
    sums += [(~pl.col(c).str.contains(r)).sum().alias(f"regex {c}") for c, r in MATCHES.items()]
    sums += [pl.col("id").n_unique().alias("unique"), pl.col("income").mean().alias("mean")]
    return lambda: pl.scan_parquet(path).select(sums).collect().row(0)


def by_great_expectations(path: Path, questions: Path):
    """Load the rows into pandas and let Great Expectations answer; loading is part of it, as it is of a scan."""
    from audit.checks.expectations.checks import read_suite, run_suite
    from audit.tables.open import open_table

    asked, table = read_suite(questions), open_table(path, digested=False)
    return lambda: [check.outcome for check in run_suite(asked, table.to_pandas())]


WAYS = {"evenhand": by_evenhand, "polars": by_polars, "great-expectations": by_great_expectations}


def cost_here(way: str, path: Path, questions: Path) -> Cost:
    """Cost of one way in this process."""
    ask = WAYS[way](path, questions)
    Path("/proc/self/clear_refs").write_text("5")  # forget the largest memory so far
    memory = _resident_kb("VmRSS")
    cpu, wall = time.process_time(), time.monotonic()
    ask()
    grown = _resident_kb("VmHWM") - memory
    return Cost(time.process_time() - cpu, time.monotonic() - wall, grown / 1024)


def _resident_kb(line: str) -> int:
    """A line of this process's status; Linux only."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in status if each.startswith(f"{line}:"))


def cost_apart(way: str, path: Path, questions: Path) -> Cost:
    command = [sys.executable, "-W", "ignore", __file__, "--one", way, str(path), str(questions)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def compare(rows: int, *, ways: tuple[str, ...] = tuple(WAYS), times: int = 3, folder: Path | None = None) -> Compared:
    """Write the table, and answer in each way in turn.

    Parameters
    ----------
    rows
        Rows of the table.
    ways
        Of ``WAYS``; ``evenhand`` is always among them.
    times
        Great Expectations, which takes long, is asked once.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path, questions = Path(place, "rows.parquet"), Path(place, "suite.json")
        write_rows(path, rows)
        questions.write_text(json.dumps(suite()))
        found: dict[str, list[Cost]] = {way: [] for way in ways}
        for turn in range(times):
            for way in ways:
                if turn == 0 or way != "great-expectations":
                    found[way].append(cost_apart(way, path, questions))
    least = {way: min(costs, key=lambda cost: cost.cpu_s) for way, costs in found.items()}
    return Compared(rows, least["evenhand"], least.get("polars"), least.get("great-expectations"))


def main(arguments: list[str]) -> None:
    """Print one cost, as the processes of `compare` are asked, or the comparison."""
    if arguments[0] == "--one":
        costs = cost_here(arguments[1], Path(arguments[2]), Path(arguments[3]))
        sys.stdout.write(f"{json.dumps(asdict(costs))}\n")
        return
    found = compare(int(float(arguments[0])), ways=tuple(arguments[1:]) or tuple(WAYS))
    times = (
        f"{found.over_polars or 0:.2f} x polars; Great Expectations {found.faster_than_great_expectations or 0:.1f} x"
    )
    sys.stdout.write(f"{json.dumps(asdict(found), indent=2)}\n{times}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
