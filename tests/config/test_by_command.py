"""One audit.toml is one question: what a command does not take of it is refused or named, and nothing is ignored."""

from __future__ import annotations

import datetime as dt
import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from commands import audit, only_run
from sklearn.linear_model import LogisticRegression

import audit as product
from audit.config.by_command import find_left_keys, require_judged, require_same
from audit.config.read import build, parse
from audit.errors import QuestionError
from audit.sklearn import Audited, DataGate, UndecidedWarning

BASE = '[data]\nlabel = "y"\ngroups = ["g"]\n'
PREDICTIONS = '[predictions]\nsource = "t.csv"\nprediction = "p"\n'
GATE = '[[gates]]\nmetric = "selection_rate"\ncompare = "ratio"\nmin = 0.8\n'
WAIVER = (
    '[[waivers]]\ngate = "model.selection_rate.ratio.g"\nowner = "ann"\nreason = "a plan"\nmax_gap = 0.4\n'
    f"expires = {dt.datetime.now(dt.UTC).date() + dt.timedelta(days=60)}\n"
)
ROWS = "g,y,p\n" + "a,0,0\na,1,1\n" * 200 + "b,0,0\nb,1,0\nb,0,0\nb,1,1\n" * 100


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.csv").write_text(ROWS)
    return tmp_path


def test_a_waiver_holds_for_every_command_that_takes_the_file(folder):
    (folder / "audit.toml").write_text(BASE + PREDICTIONS + GATE + WAIVER)
    whole = audit("run", cwd=folder)
    part = audit("model", "t.csv", "--config", "audit.toml", cwd=folder)
    again = audit("gate", only_run_of(folder), "--config", "audit.toml", cwd=folder)
    for done in (whole, part, again):
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith("WAIVED: ")
    (folder / "audit.toml").write_text(BASE + PREDICTIONS + GATE)
    assert audit("gate", only_run_of(folder), "--config", "audit.toml", cwd=folder).returncode == 1


def only_run_of(folder):
    return min(p for p in (folder / "audit-runs").iterdir() if p.is_dir() and not p.name.startswith("."))


FULL = {
    "data": {"source": "t.csv", "label": "y", "groups": ["g"]},
    "predictions": {"source": "p.csv", "prediction": "p"},
}
JUDGED = {
    "gate on the data": (
        {"gates": [{"stage": "data", "metric": "base_rate", "compare": "ratio", "min": 0.8}]},
        "model",
    ),
    "gate on energy": ({"gates": [{"stage": "energy", "metric": "energy_kwh", "max": 1}]}, "model"),
    "gate on checks": ({"gates": [{"stage": "checks", "metric": "DL001", "max": 0}]}, "model"),
    "gate on the model": ({"gates": [{"metric": "selection_rate", "compare": "ratio", "min": 0.8}]}, "data"),
    "suite": ({"checks": {"suite": "s.json"}}, "model"),
    "four fifths": ({"policy": {"four_fifths": True}}, "data"),
}


@pytest.mark.parametrize("name", JUDGED)
def test_a_limit_that_a_command_does_not_judge_is_refused_by_name(name):
    sections, stage = JUDGED[name]
    config = build({**FULL, **sections})
    stages = ("model",) if stage == "model" else ("data", "checks")
    with pytest.raises(
        QuestionError, match=r"cannot be judged by audit \w+; use audit run, which judges the whole file"
    ):
        require_judged(config, stages, f"audit {stage}", "audit.toml")


def test_what_changes_no_verdict_is_left_and_named(folder):
    (folder / "audit.toml").write_text(
        BASE.replace("[data]", '[data]\nsource = "d.csv"\nprepare = ["true"]') + PREDICTIONS + GATE
        + '[energy]\ncountry = "FRA"\n'
    )  # fmt: skip
    done = audit("model", "t.csv", "--config", "audit.toml", cwd=folder)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    for key in ("[data] prepare", "[data] source", "[energy]"):
        assert key in said
    plain = build({**FULL, "data": {**FULL["data"], "source": None}})
    assert find_left_keys(plain, "model", tests=False) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [("label", "z"), ("positive", "1"), ("weight", "w"), ("unit", "u"), ("groups", ["h"]), ("bins", {"g": [1.0]}),
     ("reference_group", {"g": "b"}), ("intersections", 3)],
)  # fmt: skip
def test_a_policy_of_another_question_is_refused_by_its_key(key, value):
    counted = build({**FULL, "data": {**FULL["data"], "groups": ["g", "k"]}}).model_dump(mode="json", exclude_none=True)
    asked = build({**FULL, "data": {**FULL["data"], key: value}})
    with pytest.raises(QuestionError, match=rf"\[data\] {key} = "):
        require_same(asked, counted, "policy.toml")


def test_a_policy_may_ask_of_fewer_groups_than_were_counted():
    counted = build({**FULL, "data": {**FULL["data"], "groups": ["g", "k"], "intersections": 2}})
    require_same(build(FULL), counted.model_dump(mode="json", exclude_none=True), "policy.toml")


def test_judging_again_asks_of_the_groups_that_the_policy_names(folder):
    (folder / "t.csv").write_text("g,h,y,p\n" + "a,u,0,0\na,v,1,1\n" * 200 + "b,u,0,0\nb,v,1,1\n" * 100)
    (folder / "audit.toml").write_text(BASE.replace('["g"]', '["g", "h"]') + PREDICTIONS)
    audit("run", cwd=folder)
    (folder / "policy.toml").write_text(BASE + PREDICTIONS + GATE)
    done = audit("gate", only_run(folder), "--config", "policy.toml", cwd=folder)
    assert done.returncode == 0, done.stdout
    assert "model.selection_rate.ratio.h" not in done.stdout
    (folder / "policy.toml").write_text(BASE.replace('"y"', '"p"') + PREDICTIONS.replace('"p"', '"y"') + GATE)
    other = audit("gate", only_run(folder), "--config", "policy.toml", cwd=folder)
    assert (other.returncode, "[data] label = p" in other.stderr) == (2, True)


def test_parts_are_judged_by_a_policy_of_the_same_question_alone(folder):
    count = audit("count", "t.csv", "--into", "c", "--label", "y", "--prediction", "p", "--groups", "g", cwd=folder)
    assert count.returncode == 0, count.stderr
    (folder / "policy.toml").write_text(BASE + PREDICTIONS + GATE + WAIVER)
    assert audit("measure", "c", "--config", "policy.toml", cwd=folder).stdout.startswith("WAIVED")
    (folder / "policy.toml").write_text(BASE.replace('"y"', '"y"\npositive = "0"') + PREDICTIONS + GATE)
    refused = audit("measure", "c", "--config", "policy.toml", cwd=folder)
    assert (refused.returncode, "[data] positive" in refused.stderr) == (2, True)


@pytest.mark.parametrize("threshold", ["0.3", "0.5", "median"])
def test_a_threshold_without_scores_is_refused(folder, threshold):
    arguments = ["model", "t.csv", "--label", "y", "--groups", "g", "--prediction", "p", "--threshold", threshold]
    done = audit(*arguments, cwd=folder)
    assert done.returncode == 2
    assert "score" in done.stderr


@pytest.mark.parametrize("threshold", [0.3, 0.7, "median"])
def test_a_threshold_without_scores_is_refused_in_python_and_in_a_file(threshold):
    with pytest.raises(QuestionError, match="threshold"):
        product.measure([0, 1] * 9, [0, 1] * 9, groups={"g": ["a", "b"] * 9}, threshold=threshold)
    with pytest.raises(QuestionError, match="threshold"):
        build({**FULL, "predictions": {**FULL["predictions"], "threshold": threshold}})


def test_a_comparison_of_no_groups_is_refused_whatever_is_compared():
    kinds = {
        "min": ("ratio", "lowest", "ratio_to_overall", "ratio_to_rest"),
        "max": ("difference", "highest", "difference_to_rest"),
    }
    for side, compares in kinds.items():
        for compare, metric in itertools.product(compares, ("selection_rate", "accuracy", "roc_auc")):
            gate = {"metric": metric, "compare": compare, "by": [], side: 0.5}
            with pytest.raises(QuestionError):
                build({**FULL, "gates": [gate]})
    assert parse(f'{BASE}{PREDICTIONS}[[gates]]\nmetric = "accuracy"\nby = []\nmin = 0.5\n').gates[0].compare is None


def undecided_rows(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(14, 30))
    rows = pd.DataFrame({"sex": ["f"] * n + ["m"] * n, "x": np.arange(2.0 * n)})
    return rows, np.concatenate([np.arange(n) % 2, (np.arange(n) % 3 > 0)]).astype(int)


BASE_RATE = {"stage": "data", "metric": "base_rate", "compare": "ratio", "min": 0.8}


@pytest.mark.parametrize("seed", range(4))
def test_no_training_starts_without_a_word_on_an_undecided_gate(seed):
    X, y = undecided_rows(seed)
    with pytest.warns(UndecidedWarning, match="inconclusive, which the policy counts as not passed"):
        DataGate(groups=["sex"], gates=[BASE_RATE]).fit(X, y)
    config = {"data": {"groups": ["sex"]}, "gates": [BASE_RATE]}
    with pytest.warns(UndecidedWarning, match="the data cannot decide"):
        Audited(LogisticRegression(), config, metered=False).fit(X[["x"]], y, sensitive_features=X[["sex"]])
    allowed = {**config, "policy": {"insufficient": "warn"}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Audited(LogisticRegression(), allowed, metered=False).fit(X[["x"]], y, sensitive_features=X[["sex"]])


def test_audit_run_says_so_before_it_trains(tmp_path):
    X, y = undecided_rows(0)
    X.assign(y=y).to_csv(tmp_path / "d.csv", index=False)
    (tmp_path / "train.py").write_text(
        "import csv\nprint('trained', flush=True)\nrows = list(csv.DictReader(open('d.csv')))\n"
        "out = csv.writer(open('p.csv', 'w'))\nout.writerow(['sex', 'y', 'p'])\n"
        "out.writerows([r['sex'], r['y'], r['y']] for r in rows)\n"
    )
    (tmp_path / "audit.toml").write_text(
        '[data]\nsource = "d.csv"\nlabel = "y"\ngroups = ["sex"]\n[train]\ncommand = ["python3", "train.py"]\n'
        'predictions = "p.csv"\n[predictions]\nprediction = "p"\n[[gates]]\nstage = "data"\nmetric = "base_rate"\n'
        'compare = "ratio"\nmin = 0.8\n'
    )
    done = audit("run", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "training starts, but the audit will not pass: limit data.base_rate.ratio.sex is inconclusive" in done.stderr
    allowed = (tmp_path / "audit.toml").read_text() + '[policy]\ninsufficient = "warn"\n'
    (tmp_path / "audit.toml").write_text(allowed)
    assert "training starts" not in audit("run", cwd=tmp_path).stderr
