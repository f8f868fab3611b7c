"""[data] favourable: the outcome that is good for a person, by which adverse impact is that of not being selected."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import audit
from audit.config.read import build
from audit.errors import AuditError, QuestionError, ValuesError
from audit.pipeline.run import Job, run
from audit.pipeline.verify import describe_differences
from audit.record.store import Store

COUNTS = {"a": (1000, 400), "b": (1000, 200), "c": (50, 20)}


def flagged(counts=COUNTS, **more):
    g = np.repeat(list(counts), [n for n, _ in counts.values()])
    p = np.concatenate([np.arange(n) < k for n, k in counts.values()]).astype(int)
    return audit.measure(p, p, groups={"g": g}, **more)


def rows_of(result, metric, compare=None):
    return {e.group: e for e in result.find(metric, by=["g"], compare=compare) if e.group is not None}


@pytest.mark.parametrize(
    ("positive", "favourable", "benefit"),
    [
        (None, None, None), (None, 1, True), (None, "1", True), (None, True, True), (None, 0, False), (1, 1.0, True),
        ("yes", "yes", True), ("yes", "no", False), ("01", "1", False), (False, "false", True),
    ],
)  # fmt: skip
def test_it_is_a_benefit_where_it_is_the_positive_class(positive, favourable, benefit):
    data = {"label": "y", "groups": ["g"], "source": "t.csv"}
    said = {key: value for key, value in (("positive", positive), ("favourable", favourable)) if value is not None}
    assert build({"data": data | said}).data.is_benefit is benefit


def test_adverse_impact_of_a_harm_is_that_of_not_being_selected():
    plain, good, harm = flagged(), flagged(favourable=1), flagged(favourable=0)
    assert rows_of(plain, "adverse_impact_ratio") == rows_of(good, "adverse_impact_ratio")
    assert rows_of(plain, "selection_rate") == rows_of(harm, "selection_rate")
    ratios = rows_of(harm, "adverse_impact_ratio")
    assert {group: e.value for group, e in ratios.items()} == pytest.approx({("a",): 0.6 / 0.8, ("c",): 0.6 / 0.8})
    assert {e.reference for e in ratios.values()} == {("b",)}
    assert all("of_not_selected" in e.flags and "under_four_fifths" in e.flags for e in ratios.values())


def test_the_same_rows_with_the_classes_exchanged_have_the_same_adverse_impact():
    """A harm of being flagged is the benefit of not being flagged, to the last bit."""
    harm = flagged(favourable=0)
    turned = flagged({g: (n, n - k) for g, (n, k) in COUNTS.items()}, favourable=1)
    for metric, compare in (("adverse_impact_ratio", None), ("adverse_impact_p", None), ("selection_shortfall", None)):
        mine, theirs = rows_of(harm, metric, compare), rows_of(turned, metric, compare)
        assert {g: (e.value, e.low, e.high, e.reference) for g, e in mine.items()} == {
            g: (e.value, e.low, e.high, e.reference) for g, e in theirs.items()
        }
    assert [(c.outcome, c.code) for c in harm.checks] == [(c.outcome, c.code) for c in turned.checks]


def test_forty_eight_of_eighty_over_sixty_of_eighty_is_not_under_four_fifths():
    result = flagged({"a": (100, 40), "b": (100, 52)}, favourable=0)
    assert "under_four_fifths" not in rows_of(result, "adverse_impact_ratio")[("b",)].flags


def test_everybody_selected_leaves_no_ratio_and_says_why():
    result = flagged({"a": (30, 30), "b": (30, 30)}, favourable=0)
    assert rows_of(result, "adverse_impact_ratio")[("b",)].reason == "0/0: every row of every group was selected"


def test_such_a_document_verifies(tmp_path):
    g = np.repeat(["a", "b"], 200)
    frame = pd.DataFrame({"g": g, "y": np.tile([0, 1], 200), "p": (np.arange(400) % 5 == 0) | (g == "b")}).astype(
        {"p": int}
    )
    frame.to_parquet(tmp_path / "p.parquet")
    question = {
        "data": {"label": "y", "groups": ["g"], "favourable": 0, "people": "defendants", "selected": "flagged"},
        "predictions": {"source": "p.parquet", "prediction": "p"},
        "gates": [{"metric": "selection_rate", "compare": "ratio", "min": 0.8}],
    }
    kept = run(Job(config=build(question), folder=tmp_path, store=Store(tmp_path / "runs"), metered=False))
    assert describe_differences(kept.result) == ()


@pytest.mark.parametrize("favourable", ["yes", 2, "1.5"])
def test_a_class_that_no_row_has_is_refused_by_name(favourable):
    with pytest.raises(ValuesError, match=f"no favourable class '{favourable}'; "):
        flagged(favourable=favourable)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_question_without_a_positive_class_has_no_favourable_one(task):
    with pytest.raises(AuditError, match="favourable: it says what the positive class is"):
        audit.measure([0, 1, 2] * 4, [0, 1, 2] * 4, groups={"g": list("ab") * 6}, task=task, favourable=1)


def test_a_check_of_data_takes_it_and_asks_for_the_label():
    rows = {"g": ["a", "b"] * 10, "y": [0, 1] * 10}
    assert audit.check(rows, label="y", groups=["g"], favourable=0).question.config["data"]["favourable"] == 0
    with pytest.raises(QuestionError, match="favourable needs a label"):
        audit.check(rows, groups=["g"], favourable=0)
