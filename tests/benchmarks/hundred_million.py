"""A hundred million rows on one machine: streamed as one glob, and counted in parts whose sum is the same document.

``python tests/benchmarks/hundred_million.py`` makes ten Parquet files, audits them both ways in processes of their own,
and prints time and memory of each; ``--weighted`` adds weights of full double precision. Exit code 1 means that the two
documents differ, or that a process held more than it may.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PARTS, ROWS, CHUNK = 10, 10_000_000, 1_000_000
MOST_MB = 2048
ASKED = ("--label", "label", "--prediction", "prediction", "--groups", "race,sex,age", "--intersections", "2")
LEVELS = {"race": ("asian", "black", "latin", "other", "white"), "sex": ("f", "m"),
          "age": ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")}  # fmt: skip
PERCENT = {"race": (6, 13, 19, 3, 59), "sex": (51, 49), "age": (12, 18, 17, 16, 16, 21)}
SAME = ("estimates", "cubes", "checks", "gates", "verdict")
"""Of the document: everything but the run, the question and the names of files."""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Result:
    """Figures of one size; ``same`` says whether the glob and the parts gave one document."""

    rows: int
    weighted: bool
    megabytes: float
    one_file: Cost
    glob: Cost
    largest_part: Cost
    counting_cpu_s: float
    measuring: Cost
    estimates: int
    same: bool

    @property
    def peak_mb(self):
        return max(c.peak_mb for c in (self.one_file, self.glob, self.largest_part, self.measuring))


def write_part(path: Path, seed: int, rows: int, *, weighted: bool) -> None:
    """One part, a chunk at a time; the decision depends a little on the group, so that there is something to find."""
    rng = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, CHUNK):
        columns = _chunk(rng, min(CHUNK, rows - start), weighted=weighted)
        writer = writer or pq.ParquetWriter(path, columns.schema, compression="zstd")
        writer.write_table(columns)
    writer.close()


def write_parts(folder: Path, names: list[str], rows: int, weighted: bool) -> None:
    """All parts, each from a seed of its own."""
    for seed, name in enumerate(names):
        write_part(folder / name, seed, rows, weighted=weighted)


def _chunk(rng: np.random.Generator, n: int, *, weighted: bool) -> pa.Table:
    # Percents are drawn by looking a byte up: `choice` with p takes ten times as long.
    codes = {g: np.repeat(np.arange(len(p), dtype=np.int8), p)[rng.integers(0, 100, n, dtype=np.uint8)]
             for g, p in PERCENT.items()}  # fmt: skip
    columns = {g: pa.DictionaryArray.from_arrays(c, list(LEVELS[g])) for g, c in codes.items()}
    label = (rng.integers(0, 256, n, dtype=np.uint8) < 90 + 6 * codes["race"]).astype(np.int8)
    columns["label"] = label
    columns["prediction"] = ((rng.integers(0, 256, n, dtype=np.uint8) < 40) ^ label).astype(np.int8)
    if weighted:
        columns["w"] = rng.exponential(size=n)
    return pa.table(columns)


def run(*arguments: str, cwd: Path) -> tuple[Cost, str]:
    """One command in a process of its own, with what the system says that it took."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([sys.executable, "-m", "audit", *arguments], stdout=out, stderr=err, cwd=cwd,
                                 env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "NO_COLOR": "1"})  # fmt: skip
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode != 0:
            raise SystemExit(f"audit {' '.join(arguments)} ended with {child.returncode}: {err.read().decode()}")
        text = out.read().decode()
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024), text


def hundred_million(folder: Path, *, rows: int = ROWS, parts: int = PARTS, weighted: bool = False) -> Result:
    """Figures of ``parts`` files of ``rows`` rows, which are made in a folder."""
    names = [f"part-{i:02}.parquet" for i in range(parts)]
    # In a process of its own: what the parent once held counts as the peak of every child that it starts.
    maker = multiprocessing.get_context("spawn").Process(target=write_parts, args=(folder, names, rows, weighted))
    maker.start()
    maker.join()
    asked = (*ASKED, *(("--weight", "w") if weighted else ()))
    one, _ = run("model", names[0], *asked, "--json", cwd=folder)
    glob, whole = run("model", "part-*.parquet", *asked, "--json", cwd=folder)
    counting = [run("count", n, "--into", "counts", *asked, cwd=folder)[0] for n in names]
    measuring, summed = run("measure", "counts", "--json", cwd=folder)
    documents = [{k: v for k, v in json.loads(t).items() if k in SAME} for t in (whole, summed)]
    return Result(
        rows=rows * parts,
        weighted=weighted,
        megabytes=sum((folder / n).stat().st_size for n in names) / 1e6,
        one_file=one,
        glob=glob,
        largest_part=max(counting, key=lambda c: c.peak_mb),
        counting_cpu_s=sum(c.cpu_s for c in counting),
        measuring=measuring,
        estimates=len(documents[0]["estimates"]),
        same=documents[0] == documents[1] and json.loads(whole)["data"][0]["rows_read"] == rows * parts,
    )


def main() -> int:
    """Print the figures; 1 where the documents differ or a process held more than 2 GiB."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--rows", type=int, default=ROWS, help="rows of each part")
    asked.add_argument("--parts", type=int, default=PARTS)
    asked.add_argument("--weighted", action="store_true")
    asked.add_argument("--json", action="store_true", help="the figures as JSON")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = hundred_million(Path(folder), rows=given.rows, parts=given.parts, weighted=given.weighted)
    sys.stdout.write(f"{json.dumps(asdict(found)) if given.json else told(found)}\n")
    return 0 if found.same and found.peak_mb < MOST_MB else 1


def told(found: Result) -> str:
    """The figures in lines for people."""
    costs = {"one part alone": found.one_file, "all parts as a glob": found.glob,
             "dearest `audit count`": found.largest_part, "`audit measure`": found.measuring}  # fmt: skip
    lines = [f"{found.rows:,} rows{' with weights' if found.weighted else ''}, {found.megabytes:,.0f} MB of Parquet"]
    lines += [f"{n:24}{c.wall_s:8.1f} s wall{c.cpu_s:8.1f} s CPU{c.peak_mb:8,.0f} MB" for n, c in costs.items()]
    grown = found.glob.peak_mb - found.one_file.peak_mb
    ratio = found.glob.cpu_s / found.one_file.cpu_s
    lines.append(f"the glob takes {ratio:.1f} times the CPU of one part and {grown:+,.0f} MB")
    lines.append(f"counting all parts takes {found.counting_cpu_s:.1f} s CPU")
    lines.append(f"{found.estimates:,} estimates: glob and parts are {'the same' if found.same else 'DIFFERENT'}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
