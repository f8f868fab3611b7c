"""Many attributes: all their one-, two- and three-way groupings, beside one query of GROUPING SETS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import duckdb
from benchmarks import asked, people
from benchmarks.page import Benchmark, Faster, Scale, Section, Sides, timed

from audit.cube import Cube

PLAN = asked.Plan(groups=people.WIDE, intersections=3, label="label", prediction="prediction")
BYS = tuple(by for k in (1, 2, 3) for by in combinations(people.WIDE, k))


def query(path: Path) -> str:
    """All groupings with their four cells, in one query."""
    names, sets = ", ".join(people.WIDE), ", ".join(f"({', '.join(by)}, label, prediction)" for by in BYS)
    return f"SELECT {names}, label, prediction, count(*) FROM '{path}' GROUP BY GROUPING SETS ({sets})"


@contextmanager
def grouping_sets(scale: Scale, rows: int) -> Iterator[Sides]:
    """Ours holds the 56 crossings of three, of which every smaller one is a sum; both start from the file."""
    path = people.wide(scale.cache, rows)
    opened = asked.open_table(path)
    with duckdb.connect() as con:
        said = query(path)
        ours = cells(asked.count(opened, PLAN).cubes)
        theirs = {tuple(map(str, row[:-1])): float(row[-1]) for row in con.execute(said).fetchall()}
        same = asked.furthest({k: v for k, v in ours.items() if v}, theirs, 0.0)
        yield Sides(timed(lambda: asked.count(opened, PLAN)), timed(lambda: con.execute(said).fetchall()), same)


def cells(cubes: tuple[Cube, ...]) -> dict[tuple[str, ...], float]:
    """Counts of all cells of all groupings, keyed as a row of the query is."""
    found = {}
    for by in BYS:
        cube = min((c for c in cubes if set(by) <= set(c.names)), key=lambda c: c["n"].size).keep(
            *by, "label", "prediction"
        )
        levels = [c.levels for c in cube.axes]
        flat = cube["n"]
        for at, n in zip(_indices(flat.shape), flat.ravel(), strict=True):
            named = dict(zip(cube.names, at, strict=True))
            texts = [str(levels[cube.position(w)][named[w]]) if w in by else "None" for w in people.WIDE]
            found[*texts, str(named["label"]), str(named["prediction"])] = float(n)
    return found


def _indices(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    import numpy as np

    yield from np.ndindex(*shape)


SECTION = Section(
    "Many attributes",
    f"Eight attributes of {', '.join(map(str, people.EIGHT))} levels, label and prediction, in Parquet: {len(BYS)} groupings.",
    (
        Benchmark(
            name="crossings-sets",
            ours=f"count all {len(BYS)} groupings",
            theirs="DuckDB, one query of GROUPING SETS",
            rows=1_000_000,
            sides=grouping_sets,
            demand=Faster(8),
        ),
    ),
)
