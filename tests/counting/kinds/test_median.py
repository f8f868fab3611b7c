"""Scores cut at their median, as NYC Local Law 144 cuts them: exact at ties, recorded, refused where it has no meaning."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples

import audit
from audit.config.read import build
from audit.counting.count import count_cubes
from audit.errors import AuditError, QuestionError, ValuesError
from audit.pipeline.verify import describe_differences
from audit.record.reader import read_text


def cut(scores, groups=None, **more):
    scores = np.asarray(scores)
    y = np.arange(len(scores)) % 2
    g = ["a"] * len(scores) if groups is None else groups
    return audit.measure(y, score=scores, threshold="median", groups={"g": g}, **more)


def above(result, group=None):
    by, group = ([], []) if group is None else (["g"], [group])
    return result.find("selection_rate", by=by, group=group)[0].numerator


numbers = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-1e6, 1e6), st.sampled_from([0.1, np.nextafter(0.1, 1), 5e-324, 0.0])
)


@given(st.lists(st.tuples(st.sampled_from("ab"), numbers), min_size=2, max_size=40))
@settings(max_examples=count_examples(150), deadline=None)
def test_positive_is_what_lies_above_the_middle_of_the_sorted_scores(found):
    groups, scores = zip(*found, strict=True)
    result = cut(scores, groups)
    # In sorted order, what is larger than the lower middle one is larger than any median.
    lower = sorted(scores)[(len(scores) - 1) // 2]
    for g in set(groups):
        assert above(result, g) == sum(s > lower for h, s in found if h == g)
    recorded = result.data[0].score_median
    assert sum(s > recorded for s in scores) == sum(s > lower for s in scores) <= len(scores) / 2
    assert recorded == pytest.approx(np.median(scores), rel=1e-12, abs=1e-300)
    assert not describe_differences(result)


def test_neighbouring_numbers_have_no_room_between_them():
    low, high = 0.1, np.nextafter(0.1, 1)
    assert above(cut([low, low, high, high])) == 2
    assert above(cut([low, high])) == 1


def test_all_scores_the_same_are_above_nothing():
    result = cut([3, 3, 3, 3], list("abab"))
    assert above(result) == 0
    assert "no row of any group was selected" in result.find("adverse_impact_ratio", by=["g"])[0].reason


def test_the_median_is_of_all_scored_rows_those_without_a_group_too():
    result = cut([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], ["a", "a", "b", "b", None, None])
    assert result.data[0].score_median == 3.5
    assert above(result, "b") == 1


def test_the_document_keeps_the_number_and_the_question():
    result = cut([0.2, 0.4, 0.6, 0.8])
    assert result.question.config["predictions"]["threshold"] == "median"
    again = read_text(result.to_json(), "x")
    assert again.data[0].score_median == 0.5
    assert not describe_differences(again)
    bare = replace(result, data=tuple(replace(p, score_median=None) for p in result.data))
    assert any("lacks the median" in line for line in describe_differences(bare))
    assert json.loads(cut([1, 2], unit=["u", "v"]).to_json())["data"][0]["score_median"] == 1.5
    fixed = audit.measure([0, 1], score=[0.1, 0.9], groups={"g": ["a", "b"]})
    assert fixed.data[0].score_median is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused(bad):
    with pytest.raises(ValuesError, match="score"):
        cut([0.1, 0.2, bad, 0.4])
    with pytest.raises(AuditError):
        cut([bad, bad])


def test_weights_and_given_predictions_are_refused():
    with pytest.raises(QuestionError, match="cannot be combined with weight; remove one of them"):
        cut([1, 2, 3], weight=[1, 1, 2])
    with pytest.raises(QuestionError, match="remove prediction"):
        audit.measure([0, 1], [0, 1], score=[0.1, 0.2], threshold="median", groups={"g": ["a", "b"]})
    with pytest.raises(QuestionError, match="threshold"):
        build({"data": {"label": "y"}, "predictions": {"source": "x", "score": "s", "threshold": "mean"}})


def test_a_file_is_cut_as_rows_in_memory_are(tmp_path):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 999), "s": rng.normal(size=999), "g": rng.choice(["a", "b"], 999)})
    frame.to_parquet(tmp_path / "p.parquet")
    from audit.cli.options import Given
    from audit.cli.question import ask
    from audit.pipeline.stages import Findings, OpenTables, audit_predictions

    asked = {"label": "y", "score": "s", "groups": ["g"]}
    config = ask(Given("model", str(tmp_path / "p.parquet"), asked | {"threshold": "median"}), None)
    found = Findings()
    audit_predictions(config, OpenTables(config, tmp_path), found, lambda _: __import__("contextlib").nullcontext())
    assert found.data[0].score_median == np.median(frame.s)
    rate = next(e for e in found.estimates if e.metric == "selection_rate" and not e.by)
    assert rate.numerator == (frame.s > np.median(frame.s)).sum() == 499
    with pytest.raises(QuestionError, match="'mean' is not a number"):
        ask(Given("model", str(tmp_path), asked | {"threshold": "mean"}), None)


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
@pytest.mark.parametrize("most", [500_000, 5])
def test_every_engine_finds_it_listed_or_searched(engine, most, monkeypatch):
    from audit.counting.backends.choose import choose_engine
    from audit.counting.kinds import median as module
    from audit.counting.plan import Plan
    from audit.tables.open import open_frame

    monkeypatch.setattr(module, "MOST_VALUES", most)
    rng = np.random.default_rng(3)
    for scores in (
        rng.normal(size=60),
        rng.normal(size=61) * 1e-300,
        rng.integers(-4, 5, 80) * 1.0,
        -rng.random(9) * 1e70,
    ):
        frame = pd.DataFrame({"y": np.arange(len(scores)) % 2, "s": scores, "g": "a"})
        plan = Plan(groups=("g",), label="y", score="s", threshold="median")
        found = count_cubes(open_frame(frame), plan, choose_engine(engine, None))
        assert found.median == pytest.approx(np.median(scores), rel=1e-12)
        cube = found.cubes[0].keep("prediction")
        assert cube.at("prediction", "1")["n"] == sum(scores > np.median(scores))


def test_no_rows_are_refused_by_name_and_parts_do_not_know_the_whole(tmp_path):
    frame = pd.DataFrame({"y": [0, 1], "s": [0.1, 0.2], "g": ["a", "b"]})
    with pytest.raises(AuditError):
        audit.measure(frame.y[:0], score=frame.s[:0], threshold="median", groups={"g": frame.g[:0]})
    frame.to_parquet(tmp_path / "p.parquet")
    from audit.pipeline.parts import add_part

    raw = {"data": {"label": "y", "groups": ["g"]}, "predictions": {"source": "x", "score": "s", "threshold": "median"}}
    with pytest.raises(QuestionError, match="the median cannot be counted in parts"):
        add_part(
            tmp_path / "p.parquet",
            tmp_path / "counts",
            build(raw),
            None,
            None,
            lambda _: __import__("contextlib").nullcontext(),
        )
    assert not (tmp_path / "counts").exists()
