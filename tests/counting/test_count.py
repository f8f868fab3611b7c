"""Counting, held to slow obvious masks: the same cells from every kind of table, for every kind of question."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import people
from pyarrow import feather

import audit
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.count import count_cubes
from audit.counting.plan import FOLDS, Plan
from audit.errors import InputError, SourceError, ValuesError
from audit.tables.open import open_frame, open_table

PLAN = Plan(groups=("race", "sex"), intersections=2, label="label", prediction="decision")


def cells(counted, measure="n"):
    """Every non-empty cell of every cube by its levels."""
    found = {}
    for cube in counted.cubes:
        for at, value in np.ndenumerate(cube[measure]):
            if cube["n"][at]:
                key = tuple(axis.levels[i] for axis, i in zip(cube.axes, at, strict=True))
                found[cube.names, key] = value
    return found


def by_masks(frame, names, columns, weight=None):
    """The same cells, one mask at a time."""
    found = {}
    for key, rows in frame.groupby(columns, dropna=False):
        levels = tuple(None if pd.isna(k) else str(k) for k in key)
        found[names, levels] = len(rows) if weight is None else rows[weight].sum()
    return found


def test_cells_equal_the_masks():
    frame = people()
    counted = count_cubes(open_frame(frame), PLAN, DuckEngine())
    names = ("race", "sex", "label", "prediction")
    assert cells(counted) == by_masks(frame, names, ["race", "sex", "label", "decision"])
    assert counted.rows_read == 2000
    assert counted.rows_without_group == {"race": int(frame.race.isna().sum())}


def test_weights_and_their_squares_equal_the_masks():
    frame = people()
    frame["w2"] = frame.w**2
    plan = Plan(groups=("race",), label="label", prediction="decision", weight="w")
    counted = count_cubes(open_frame(frame), plan, DuckEngine())
    names, columns = ("race", "label", "prediction"), ["race", "label", "decision"]
    assert cells(counted, "w") == pytest.approx(by_masks(frame, names, columns, "w"), rel=1e-12)
    assert cells(counted, "w2") == pytest.approx(by_masks(frame, names, columns, "w2"), rel=1e-12)


def test_every_crossing_is_counted_at_its_finest():
    plan = Plan(
        groups=("race", "sex", "age"), intersections=2, label="label", prediction="decision", bins={"age": (18, 40)}
    )
    counted = count_cubes(open_frame(people()), plan, DuckEngine())
    assert {cube.names[:2] for cube in counted.cubes} == {("race", "sex"), ("race", "age"), ("sex", "age")}
    assert all(int(cube["n"].sum()) == 2000 for cube in counted.cubes)


def test_bands_take_their_lower_edge():
    frame = pd.DataFrame({"age": [17, 18, 39, 40, None], "label": [0, 1, 0, 1, 1]})
    counted = count_cubes(open_frame(frame), Plan(groups=("age",), label="label", bins={"age": (18, 40)}), DuckEngine())
    rows = {k[0]: n for (_, k), n in cells(counted).items()}
    assert rows == {"[-inf, 18)": 1, "[18, 40)": 1, "[40, inf)": 1, None: 1}


def test_folds_are_a_hash_of_the_unit_that_anybody_can_compute():
    frame = people()
    plan = Plan(groups=("sex",), label="label", prediction="decision", unit="person")
    counted = count_cubes(open_frame(frame), plan, DuckEngine())
    fold = [str(int(hashlib.md5(str(p).encode()).hexdigest()[:8], 16) % FOLDS) for p in frame.person]
    expected = by_masks(
        frame.assign(fold=fold), ("sex", "label", "prediction", "fold"), ["sex", "label", "decision", "fold"]
    )
    assert cells(counted) == expected


def test_rows_of_one_person_are_worth_one_row():
    frame = {"g": ["a"] * 200 + ["b"] * 200, "y": [0, 1] * 200, "who": [7] * 400}
    result = audit.measure(frame["y"], frame["y"], groups={"g": frame["g"]}, unit=frame["who"])
    rate = result.find("selection_rate", by=["g"], group=["a"])[0]
    assert rate.effective_n <= 1
    assert "small_group" in rate.flags
    assert rate.high - rate.low > 0.7


def test_a_score_at_the_threshold_is_positive():
    frame = pd.DataFrame({"g": ["a"] * 4, "y": [0, 1, 0, 1], "s": [0.1, 0.5, 0.49999, 0.9]})
    counted = count_cubes(open_frame(frame), Plan(groups=("g",), label="y", score="s", threshold=0.5), DuckEngine())
    assert {k[1:]: n for (_, k), n in cells(counted).items()} == {("0", "0"): 2, ("1", "1"): 2}


def write(frame, folder, kind):
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "arrow":
        feather.write_feather(pa.Table.from_pandas(frame, preserve_index=False), path, compression="uncompressed")
    elif kind in {"csv", "csv.gz"}:
        frame.to_csv(path, index=False)
    elif kind == "tsv":
        frame.to_csv(path, index=False, sep="\t")
    else:
        frame.to_json(path, orient="records", lines=True)
    return path


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv", "csv.gz", "tsv", "jsonl"])
def test_every_file_gives_the_same_cells_as_the_frame(tmp_path, kind):
    frame = people(500)
    expected = cells(count_cubes(open_frame(frame), PLAN, DuckEngine()))
    assert cells(count_cubes(open_table(write(frame, tmp_path, kind)), PLAN, DuckEngine())) == expected


@pytest.mark.parametrize(
    "make",
    [pl.from_pandas, lambda f: pa.Table.from_pandas(f, preserve_index=False), dict],
    ids=["polars", "arrow", "mapping"],
)
def test_every_frame_gives_the_same_cells(make):
    frame = people(500)
    assert cells(count_cubes(open_frame(make(frame)), PLAN, DuckEngine())) == cells(
        count_cubes(open_frame(frame), PLAN, DuckEngine())
    )


@given(st.integers(1, 399), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_the_parts_add_up_to_the_whole_exactly(cut, seed):
    frame = people(400, seed)
    whole = count_cubes(open_frame(frame), PLAN, DuckEngine())
    parts = [count_cubes(open_frame(part), PLAN, DuckEngine()) for part in (frame[:cut], frame[cut:])]
    summed = {}
    for part in parts:
        for key, n in cells(part).items():
            summed[key] = summed.get(key, 0) + n
    assert summed == cells(whole)


def test_a_glob_of_parts_is_the_whole(tmp_path):
    frame = people(600)
    for i in range(3):
        pq.write_table(
            pa.Table.from_pandas(frame[i * 200 : (i + 1) * 200], preserve_index=False), tmp_path / f"part[{i}].parquet"
        )
    counted = count_cubes(open_table("part*.parquet", folder=tmp_path), PLAN, DuckEngine())
    assert cells(counted) == cells(count_cubes(open_frame(frame), PLAN, DuckEngine()))


def test_parts_that_differ_are_refused_by_name(tmp_path):
    people(20).to_parquet(tmp_path / "a.parquet")
    people(20).astype({"label": str}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(SourceError, match="label.*b.parquet|b.parquet.*label"):
        open_table("*.parquet", folder=tmp_path)


def test_a_parquet_file_that_breaks_while_it_is_read_is_named(tmp_path):
    path = write(people(200_000), tmp_path, "parquet")
    data = bytearray(path.read_bytes())
    data[1000:400_000] = bytes(399_000)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="rows.parquet"):
        count_cubes(open_table(path), PLAN, DuckEngine())


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(groups=("rcae",), label="label"), "rcae"),
        (Plan(groups=("label",), label="label"), "'label' is both label and group column; name another group column"),
        (Plan(groups=("w",), label="label"), "identifier"),
        (Plan(groups=("sex",), label="score"), "not classes"),
        (Plan(groups=("sex",), label="label", prediction="score"), "score"),
        (Plan(groups=("sex",), label="label", weight="race"), "not a number"),
        (Plan(groups=("sex",), label="label", unit="w"), "unit"),
        (Plan(groups=("sex", "sex"), label="label"), "twice"),
        (Plan(groups=("sex",), label="label", bins={"sex": (1,)}), "remove its bins"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_question_that_makes_no_sense_is_refused(plan, says):
    with pytest.raises(InputError, match=says):
        count_cubes(open_frame(people(200)), plan, DuckEngine())


def test_a_unit_that_is_missing_is_refused():
    frame = people(50).astype({"person": "Int64"})
    frame.loc[3, "person"] = pd.NA
    with pytest.raises(ValuesError, match="unit 'person' is missing.* in 1 of 50"):
        count_cubes(open_frame(frame), Plan(groups=("sex",), label="label", unit="person"), DuckEngine())


@pytest.mark.slow
def test_ten_million_rows_cost_at_most_half_more_than_the_group_by_alone(tmp_path):
    import time

    import duckdb

    rng = np.random.default_rng(0)
    n = 10_000_000

    def words(levels):
        return pa.DictionaryArray.from_arrays(rng.integers(0, len(levels), n).astype(np.int8), pa.array(levels)).cast(
            pa.string()
        )

    path = tmp_path / "ten.parquet"
    columns = {
        "race": words(["a", "b", "c", "d", "e"]),
        "sex": words(["f", "m"]),
        "age": words(["18", "26", "41", "56", "71"]),
    }
    columns |= {name: rng.integers(0, 2, n).astype(np.int8) for name in ("label", "prediction")}
    pq.write_table(pa.table(columns), path)
    del columns
    plan = Plan(groups=("race", "sex", "age"), intersections=3, label="label", prediction="prediction")
    query = f"SELECT race, sex, age, label, prediction, count(*) FROM read_parquet('{path}') GROUP BY ALL"
    con, bare, ours = duckdb.connect(), [], []
    for _ in range(7):
        start = time.perf_counter()
        con.execute(query).fetchall()
        middle = time.perf_counter()
        count_cubes(open_table(path), plan, DuckEngine())
        bare.append(middle - start)
        ours.append(time.perf_counter() - middle)
    assert min(ours) <= 1.5 * min(bare)
