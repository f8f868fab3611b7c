"""Decisions of which nobody knows the outcome: a filter, a refusal, an answer. Who is selected needs no label."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from commands import audit as run_command

import audit
from audit.config.read import parse
from audit.errors import QuestionError, SourceError
from audit.measurement.metrics.catalogue import CATALOGUE

RNG = np.random.default_rng(4)
N = 600
G, H = RNG.choice(["a", "b"], N), RNG.choice(["u", "v", "w"], N)
P = (RNG.random(N) < np.where(G == "a", 0.5, 0.3)).astype(int)
S = RNG.random(N)
Y = RNG.integers(0, 2, N)
FREE = {m.name for m in CATALOGUE.values() if m.stage == "model" and "label" not in m.needs}


def run(*words, cwd):
    return run_command(*words, cwd=cwd, env={"COLUMNS": "80"})


def free(result):
    return [e for e in result.estimates if e.metric in FREE]


def test_the_same_limit_is_refused_in_the_words_of_each_door():
    toml = '[data]\ngroups = ["g"]\n[predictions]\nsource = "t.csv"\nprediction = "p"\n'
    beside = "or use selection_rate"
    with pytest.raises(QuestionError, match=rf"name its column \(\[data\] label\), {beside}"):
        parse(toml + '[[gates]]\nmetric = "accuracy"\nmin = 0.5\n')
    with pytest.raises(QuestionError, match=rf"name its column \(y_true\), {beside}"):
        audit.measure(y_pred=P, groups={"g": G}, gates="accuracy >= 0.5")
    with pytest.raises(QuestionError, match=r"name its column \(label\)$"):
        audit.check({"g": G, "p": P}, groups="g", gates="base_rate ratio >= 0.5")


def test_words_of_arguments_leave_names_of_columns_alone():
    with pytest.raises(SourceError, match=r"no column 'data\.labe'; did you mean 'data\.label'"):
        audit.check({"y": P, "data.label": G}, groups="data.labe", label="y")
    with pytest.raises(QuestionError, match=r"column of predictions \(y_pred\)$"):
        audit.measure(P, score=P, groups={"g": G}, task="regression")


@pytest.mark.parametrize(
    "more", [{}, {"weight": S + 0.5}, {"unit": np.arange(N) // 2}], ids=["plain", "weight", "unit"]
)
@pytest.mark.parametrize("decided", [{"y_pred": P}, {"score": S, "threshold": 0.7}, {"score": S, "threshold": "median"}],
                         ids=["prediction", "score", "median"])  # fmt: skip
def test_what_is_measured_is_what_it_would_be_beside_a_label_and_nothing_else_is(decided, more):
    if decided.get("threshold") == "median" and "weight" in more:
        return
    asked = {"groups": {"g": G, "h": H}, "intersections": 2, "compare_to": ["overall", "rest"], **decided, **more}
    without = audit.measure(**asked, positive=1)
    assert list(without.estimates) == free(without)
    beside = free(audit.measure(Y, **asked))
    assert [(e.name, e.group, e.status, e.flags) for e in without.estimates] == [
        (e.name, e.group, e.status, e.flags) for e in beside
    ]
    for field in ("value", "low", "high", "n", "rows"):
        ours, theirs = ([getattr(e, field) for e in es] for es in (without.estimates, beside))
        assert [v is None for v in ours] == [v is None for v in theirs]
        assert [v or 0.0 for v in ours] == pytest.approx([v or 0.0 for v in theirs], rel=1e-9, abs=1e-12), field


def test_gates_judge_it_and_one_that_needs_a_label_is_refused():
    result = audit.measure(y_pred=P, groups={"g": G}, gates=["selection_rate ratio >= 0.9"], four_fifths=True)
    assert result.verdict == "fail"
    for gate in ("accuracy >= 0.5", "equalized_odds_difference <= 0.1", "true_positive_rate ratio >= 0.8"):
        with pytest.raises(QuestionError, match="needs a label"):
            audit.measure(y_pred=P, groups={"g": G}, gates=gate)


@pytest.mark.parametrize(("asked", "said"), [
    ({}, "y_true is missing"), ({"y_pred": P, "task": "multiclass"}, "y_true is missing"), ({"y_pred": P, "task": "regression"}, "y_true"),
    ({"score": S, "exact_auc": True}, "label"), ({"y_pred": P, "features": {"x": S}}, "label"),
    ({"y_pred": P, "metrics": {"mine": len}}, "y_true"), ({"y_pred": P + 1}, "positive"),
])  # fmt: skip
def test_what_needs_a_label_says_so(asked, said):
    with pytest.raises(audit.AuditError) as error:
        audit.measure(groups={"g": G}, **asked)
    assert said in str(error.value)


def test_the_command_audits_it_within_strata_and_the_record_follows_from_its_counts(tmp_path):
    pd.DataFrame({"g": G, "h": H, "p": np.where(P == 1, "answered", "refused")}).to_csv(tmp_path / "t.csv", index=False)
    asked = ("model", "t.csv", "--prediction", "p", "--groups", "g", "--positive", "answered", "--strata", "h")
    said = run(*asked, "--gate", "selection_rate ratio >= 0.9", "--json", "--write-config", "audit.toml", cwd=tmp_path)
    assert said.returncode == 1, said.stderr
    found = json.loads(said.stdout)
    assert "conditional_demographic_disparity_in_predicted_labels" in {e["metric"] for e in found["estimates"]}
    assert {axis["name"] for cube in found["cubes"] for axis in cube["axes"]} == {"g", "prediction", "stratum"}
    folder = next((tmp_path / "audit-runs").glob("2*"))
    assert run("verify", str(folder), cwd=tmp_path).returncode == 0
    assert "selection rate" in (folder / "card.md").read_text().lower()
    assert run("run", "audit.toml", cwd=tmp_path).returncode == 1


def test_a_training_is_audited_without_a_label(tmp_path):
    question = {
        "data": {"groups": ["g"], "positive": 1},
        "predictions": {"prediction": "p"},
        "gates": "selection_rate ratio >= 0.9",
    }
    with audit.training(question, store=tmp_path, metered=False, quiet=True) as run_:
        run_.predictions({"g": G, "p": P})
    assert run_.result.verdict == "fail"


UNGROUPED = {
    "plain": {"g": G, "p": P},
    "no number": {"g": G, "h": H},
    "one column": {"p": P},
    "one row": {"g": ["a"], "s": [0.5]},
    "nothing but missing values": {"g": [None] * 5, "p": [None] * 5},
}


@pytest.mark.parametrize("rows", UNGROUPED.values(), ids=UNGROUPED)
def test_a_table_is_checked_without_a_label_and_without_groups(rows):
    table = pd.DataFrame(rows)
    checked = audit.check(table, test=table)
    assert checked.verdict == "not judged"
    assert not checked.estimates
    assert [cube.cells for cube in checked.cubes] == [((),)] * len(checked.cubes)
    assert all(cube.measures["n"] == (float(len(table)),) for cube in checked.cubes)
    assert checked.checks


def test_the_command_checks_a_bare_table_and_its_record_follows_from_its_counts(tmp_path):
    pd.DataFrame({"g": G, "p": P}).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "audit.toml").write_text('[data]\nsource = "t.csv"\n')
    for words in (("data", "t.csv"), ("run", ".")):
        done = run(*words, "--store", "kept", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        verified = run("verify", "latest", "--store", "kept", cwd=tmp_path)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    assert len(list((tmp_path / "kept").glob("[!.]*"))) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Next    To compare groups, add --label COLUMN --groups COLUMN"),
        (("--groups", "g"), "Next    To compare groups, add --label COLUMN\n"),
        (("--label", "y"), "Next    To compare groups, add --groups COLUMN\n"),
        (("--label", "y", "--groups", "g"), "base_rate ratio >= 0.8"),
    ],
)
def test_what_is_recommended_next_would_work(tmp_path, options, said):
    (tmp_path / "t.csv").write_text("g,y\n" + "a,1\nb,0\na,0\nb,1\n" * 20)
    done = run("data", "t.csv", *options, cwd=tmp_path)
    assert done.returncode == 0
    assert said in done.stdout


def test_a_limit_on_labels_without_a_label_names_the_option(tmp_path):
    (tmp_path / "t.csv").write_text("g,y\na,1\nb,0\n")
    asked = ("data", "t.csv", "--groups", "g", "--gate", "base_rate ratio >= 0.8")
    done = run(*asked, cwd=tmp_path)
    assert done.returncode == 2
    assert "'base_rate' needs a label; name its column (--label)" in done.stderr
