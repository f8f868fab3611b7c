"""Crossings of many groups: a few small tables hold them all, and give to the last digit what one table of all would."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import prod

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples, some_now
from same_cubes import same

from audit.counting import crossings as tables
from audit.counting.backends import dense
from audit.counting.backends.choose import choose_engine, count
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.count import count_cubes, count_tallies, make_cubes
from audit.counting.parts import open_counts, save_part
from audit.counting.plan import Plan
from audit.tables.open import open_frame, open_table

ENGINES = ("duckdb", "pandas", "polars")
FIVE = ("race", "sex", "age", "insured", "town")
ASKED = {"groups": FIVE, "intersections": 2, "label": "label", "prediction": "decision"}
QUESTIONS = {
    "decisions": Plan(**ASKED),
    "bands": Plan(**ASKED, bins={"age": (18, 40.5)}),
    "weights": Plan(**ASKED, weight="w"),
    "units": Plan(**ASKED, unit="person"),
    "strata": Plan(**ASKED | {"groups": FIVE[:4]}, strata=("town", "label2")),
    "threshold": Plan(groups=FIVE, intersections=2, label="label", score="score", threshold=0.25),
    "both": Plan(**ASKED, score="score", threshold=0.5),
    "classes": Plan(**ASKED | {"label": "label2", "prediction": "decision2"}, task="multiclass", classes=True),
    "data alone": Plan(groups=FIVE, intersections=3, label="label"),
    "nobody labelled": Plan(groups=FIVE, intersections=2),
    "regression": Plan(groups=FIVE, intersections=2, label="w", prediction="score", task="regression", weight="score"),
}


def crowd(n, seed=0):
    """People with five attributes, of which some are unknown, and all at once for a few."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "race": rng.choice(["black", "white", "asian", None], n, p=[0.3, 0.4, 0.2, 0.1]),
            "sex": pd.array(rng.integers(0, 2, n), dtype="Int64"),
            "age": rng.choice([17.5, 18.0, 40.0, 40.5, 77.0, np.nan], n),
            "insured": pd.array(rng.integers(0, 2, n) == 1, dtype="boolean"),
            "town": rng.choice([f"town {i}" for i in range(9)], n),
            "label": rng.integers(0, 2, n),
            "label2": rng.choice(["low", "middle", "high"], n),
            "decision": rng.integers(0, 2, n),
            "decision2": rng.choice(["low", "middle", "high"], n),
            "score": np.round(rng.random(n), 2),
            "w": rng.lognormal(0, 2, n),
            "person": rng.integers(0, n // 3 + 1, n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "sex"] = pd.NA
    frame.loc[rng.random(n) < 0.02, list(FIVE)] = None
    return frame


@pytest.fixture
def small(monkeypatch):
    """So few cells that several tables are needed for any question."""

    def shrink():
        monkeypatch.setattr(tables, "FEW_ROWS", 0)
        monkeypatch.setattr(tables, "MOST_IN_BLOCK", 250)

    return shrink


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("engine", some_now(ENGINES, 1))
def test_several_tables_give_the_cubes_of_one(tmp_path, small, engine, question):
    crowd(2000).to_parquet(tmp_path / "crowd.parquet")
    table = open_table(tmp_path / "crowd.parquet")
    once = count_cubes(table, question, DuckEngine())
    assert len(tables.plan_blocks(question, {}, 2000)) == 1
    small()
    assert len(tables.plan_blocks(question, {}, 2000)) > 1
    several = count_cubes(table, question, choose_engine(engine))
    same(several, once)
    assert several.rows_excluded == {
        f"no value in {' or '.join(question.groups)}": several.rows_read - several.rows_used
    }
    assert several.rows_read > several.rows_used


def test_cubes_are_what_pandas_counts(tmp_path, small):
    frame = crowd(3000, seed=4).astype({"age": str}).replace({"age": {"nan": None, "77.0": "77"}})
    frame.to_parquet(tmp_path / "crowd.parquet")
    small()
    plan = Plan(**ASKED | {"intersections": 3, "groups": ("race", "age", "town", "label2")}, positive=1)
    found = count_cubes(open_table(tmp_path / "crowd.parquet"), plan, DuckEngine())
    assert [cube.names[:3] for cube in found.cubes] == list(combinations(plan.groups, 3))
    for cube in found.cubes:
        slow = frame.groupby([*cube.names[:3], "label", "decision"], dropna=False).size()
        for (*levels, label, decision), n in slow.items():
            raw = [None if pd.isna(level) else level for level in levels]
            places = [cube.axis(name).levels.index(level) for name, level in zip(cube.names, raw, strict=False)]
            assert cube["n"][(*places, label, decision)] == n
        assert cube["n"].sum() == len(frame)


@pytest.mark.parametrize("name", ["decisions", "weights", "units", "both", "threshold"])
def test_parts_of_several_tables_add_up_and_survive_a_file(tmp_path, small, name):
    small()
    plan, frame = replace(QUESTIONS[name], of_parts=True), crowd(1500, seed=2)
    for part, rows in (("whole", frame), ("one", frame[:400]), ("other", frame[400:])):
        rows.to_parquet(tmp_path / f"{part}.parquet")
    whole = make_cubes(count_tallies(open_table(tmp_path / "whole.parquet"), plan, DuckEngine()), plan)
    folder = tmp_path / "counts"
    folder.mkdir()
    for part, engine in (("one", "duckdb"), ("other", "polars")):
        table = open_table(tmp_path / f"{part}.parquet")
        save_part(folder, table, (table.digest,), plan, count_tallies(table, plan, choose_engine(engine)))
    same(count(open_counts("counts", folder), replace(plan, of_parts=False)), whole)
    assert whole.rows_excluded


def test_tables_of_a_part_do_not_depend_on_what_it_holds():
    plan = Plan(groups=tuple("abcdefgh"), intersections=3, label="y", prediction="p", of_parts=True)
    assert tables.plan_blocks(plan, {"a": 2, "b": 500}, 10) == tables.plan_blocks(plan, {}, None)
    assert len(tables.plan_blocks(plan, {}, None)) > 1


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=12),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([None, "person"]),
)
@settings(max_examples=count_examples(100), deadline=None)
def test_tables_hold_every_crossing_and_stay_small(levels, order, labelled, unit):
    named = {f"g{i}": n for i, n in enumerate(levels)}
    plan = Plan(groups=tuple(named), intersections=order, label="y" if labelled else None, unit=unit)
    found = tables.plan_blocks(plan, named, None)
    beside = (2 if labelled else 1) * (100 if unit else 1)
    for by in plan.crossings:
        assert any({*by} <= {*block} for block in found)
    for block in found:
        assert list(block) == [c for c in named if c in block]
        cells = prod(named[c] for c in block) * beside
        assert cells <= tables.MOST_IN_BLOCK or block in plan.crossings


def test_three_of_eight_attributes_take_nine_tables_at_most():
    levels = dict(zip("abcdefgh", (2, 3, 4, 5, 6, 6, 8, 9), strict=True)) | {"y": 2, "p": 2}
    plan = Plan(groups=tuple("abcdefgh"), intersections=3, label="y", prediction="p")
    assert 2 <= len(tables.plan_blocks(plan, levels, 1_000_000)) <= 9
    assert tables.plan_blocks(replace(plan, groups=("a", "b", "c"), intersections=2), levels, None) == (
        ("a", "b", "c"),
    )


@pytest.mark.parametrize("why", ["too many levels", "too many cells", "a level that was not there before"])
def test_what_fits_no_array_is_grouped_instead(small, monkeypatch, why):
    frame, question = crowd(1000, seed=9), QUESTIONS["both"]
    expected = count_cubes(open_frame(frame), question, DuckEngine())
    small()
    answers, dense_tallies = [], dense.count_densely
    if why == "too many levels":
        monkeypatch.setattr(dense, "MOST_LEVELS", 8)
    elif why == "too many cells":
        monkeypatch.setattr(dense, "MOST_CELLS", 1000)
    else:
        different = dense._levels

        def older(con, source, keys):
            found = different(con, source, keys)
            con.execute(f"SET VARIABLE {dense.LEVELS}0 = ['black', 'white']")
            return found

        monkeypatch.setattr(dense, "_levels", older)
    monkeypatch.setattr(
        "audit.counting.backends.dense.count_densely", lambda *asked: answers.append(dense_tallies(*asked))
    )
    same(count_cubes(open_frame(frame), question, DuckEngine()), expected)
    assert answers == [None]


def test_counts_of_few_levels_are_made_in_arrays(small, monkeypatch):
    small()
    answers, dense_tallies = [], dense.count_densely

    def kept(*asked):
        answers.append(dense_tallies(*asked))
        return answers[-1]

    monkeypatch.setattr("audit.counting.backends.dense.count_densely", kept)
    for name in ("decisions", "both", "units", "bands"):
        count_cubes(open_frame(crowd(500)), QUESTIONS[name], DuckEngine())
    assert all(answers)
    assert len(answers) == 4
