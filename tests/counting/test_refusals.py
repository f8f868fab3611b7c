"""A question of too many cells is refused before it fills the memory, and the column to blame is named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from people import people

from audit.axes import CubeKind
from audit.counting import count
from audit.counting.backends.choose import choose_engine
from audit.counting.count import count_cubes
from audit.counting.kinds import ranking, regression, scores
from audit.counting.plan import Plan
from audit.counting.tally import TooManyCellsError
from audit.counting.terms import Column, Rows
from audit.errors import QuestionError, SourceError
from audit.tables.open import open_frame

ENGINES = ("duckdb", "pandas", "polars")
PLAN = Plan(groups=("race", "sex"), label="label", prediction="decision")


@pytest.fixture
def frame():
    return people(2000).assign(town=lambda f: f.person.map("town {:03}".format), answer=lambda f: f.person % 90)


def refused(monkeypatch, module, frame, plan, engine="duckdb", most=60):
    monkeypatch.setattr(module, "MOST_CELLS", most)
    with pytest.raises(SourceError) as error:
        count_cubes(open_frame(frame), plan, choose_engine(engine))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_blames_the_column_with_the_most_values(monkeypatch, frame, engine):
    says = refused(monkeypatch, count, frame, replace(PLAN, groups=("race", "town", "sex")), engine)
    assert "'town' has the most values: merge its values, or remove it" in says
    assert "more than 60 cells" in says


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (replace(PLAN, groups=("race", "age")), "'age' has the most values: put it into bins"),
        (replace(PLAN, groups=("sex", "age"), bins={"age": tuple(range(16, 78, 2))}), "'age' has .*: give it fewer bins"),
        (replace(PLAN, strata=("age", "town")), r"race \(\d\) x sex \(2\) x age \(\d+\) x town \(\d+\).* 'town' has"),
        (Plan(groups=("race",), label="answer", classes=True), "'answer' has the most values: merge classes"),
        (replace(PLAN, groups=("race", "sex"), unit="person"), r"fold \(\d+\) makes .* 'race' has the most values"),
    ],
    ids=["number", "bins", "stratum", "classes", "folds are nobody's fault"],
)  # fmt: skip
def test_the_mend_fits_the_axis(monkeypatch, frame, plan, says):
    assert re.search(says, refused(monkeypatch, count, frame, plan))


def test_scores_of_one_column_are_never_cut_off_without_a_word(monkeypatch, frame):
    frame["score"] = np.random.default_rng(0).random(len(frame))
    says = refused(monkeypatch, scores, frame, Plan(groups=("town",), label="label", score="score"))
    assert "'town' has the most values" in says
    monkeypatch.setattr(
        scores, "MOST_CROSSED", 0
    )  # crossings then give way to single columns, which are the ones refused
    says = refused(
        monkeypatch, scores, frame, Plan(groups=("town", "sex"), intersections=2, label="label", score="score")
    )
    assert "town (" in says
    assert "sex (" not in says


def test_regressions_and_rankings_name_the_table_and_the_column(monkeypatch, frame):
    frame["score"] = np.random.default_rng(0).random(len(frame))
    asked = Plan(groups=("race", "town"), intersections=2, label="w", prediction="score", task="regression")
    assert re.match(r"the table: race \(\d\) x town \(\d+\)", refused(monkeypatch, regression, frame, asked))
    asked = Plan(
        groups=("race", "town"),
        intersections=2,
        score="score",
        task="ranking",
        kinds={CubeKind.LISTS: ranking.Ranking(query="person")},
    )
    says = refused(monkeypatch, ranking, frame, asked)
    assert "'town' has the most values" in says
    assert "or ask for fewer intersections" in says


@pytest.mark.parametrize("engine", ENGINES)
def test_as_many_cells_as_may_be_are_counted_and_one_more_is_not(frame, engine):
    keys = {"town": Column("town"), "sex": Column("sex")}
    cells = len(frame.groupby(["town", "sex"]))
    with choose_engine(engine).scan(open_frame(frame), ["town", "sex"]) as scan:
        assert sum(scan.tally(keys, {"n": Rows()}, {}, cells).counts["n"]) == len(frame)
        with pytest.raises(TooManyCellsError) as error:
            scan.tally(keys, {"n": Rows()}, {}, cells - 1)
    assert error.value.levels == {"town": frame.town.nunique(), "sex": 2}


def test_empty_cells_count_where_a_cube_is_laid_out():
    rng = np.random.default_rng(0)
    n = 20_000
    frame = pd.DataFrame({c: rng.integers(0, 300, n) for c in ("zip", "job", "school")})
    frame["label"] = rng.integers(0, 2, n)
    with pytest.raises(
        SourceError, match=r"54,000,000 cells with the empty ones.*put it into bins.*fewer intersections"
    ):
        count_cubes(
            open_frame(frame),
            Plan(groups=("zip", "job", "school"), intersections=3, label="label"),
            choose_engine("duckdb"),
        )


def test_too_many_groups_may_be_mended_by_fewer_intersections():
    import audit

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"zip": rng.integers(0, 90, 9000), "job": rng.integers(0, 90, 9000), "y": rng.integers(0, 2, 9000)}
    )
    with pytest.raises(QuestionError, match="8,100 groups.*or lower intersections"):
        audit.check(frame, label="y", groups=["zip", "job"], intersections=2)
    assert audit.check(frame, label="y", groups=["zip", "job"]).estimates


CHILD = """
import json, sys
from pathlib import Path
from audit.counting.backends.choose import choose_engine
from audit.counting.count import count_cubes
from audit.counting.plan import Plan
from audit.tables.open import open_table
from audit.errors import SourceError
plan = Plan(
    groups=tuple(f"g{i}" for i in range(6)), intersections=6, label="label", prediction="prediction", weight="w"
)
try:
    count_cubes(open_table(sys.argv[1]), plan, choose_engine("duckdb"))
except SourceError as error:
    # Not ru_maxrss, which begins at what the parent held.
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps([str(error), int(held.split()[1]) / 1024]))
"""


def test_refusing_millions_of_cells_holds_few_of_them(tmp_path):
    rng, n = np.random.default_rng(0), 2_000_000
    words = [f"level {i}" for i in range(20)]
    columns = {f"g{i}": pa.DictionaryArray.from_arrays(rng.integers(0, 20, n, np.int8), words) for i in range(6)}
    columns |= {c: rng.integers(0, 2, n, np.int8) for c in ("label", "prediction")} | {"w": rng.random(n)}
    pq.write_table(pa.table(columns), tmp_path / "wide.parquet")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, tmp_path / "wide.parquet"], capture_output=True, text=True, check=True
    )
    says, peak_mb = json.loads(done.stdout)
    assert "g0 (20) x g1 (20) x g2 (20) x g3 (20) x g4 (20) x g5 (20)" in says
    assert peak_mb < 700
