"""What a mistyped command is told: one line with the offender, the nearest valid choice, and what to do."""

from __future__ import annotations

import numpy as np
import pytest

import audit as product
from audit.cli.app import main
from audit.errors import QuestionError

ROWS = "race,y,p\n" + "black,0,1\nwhite,1,0\nwhite,1,1\nblack,1,0\nwhite,0,0\n" * 40
COLUMNS = ("--label", "y", "--prediction", "p")
BY_RACE = (*COLUMNS, "--groups", "race")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(ROWS)
    return tmp_path


def run(capsys, *words):
    """Exit code and the one line on stderr of a command that is refused."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return ended.value.code, capsys.readouterr().err.strip()


REFUSED = {
    "a column that does not exist": (
        ("model", "t.csv", *COLUMNS, "--groups", "rcae"),
        "t.csv: no column 'rcae'; did you mean 'race'?",
    ),
    "a group that does not exist": (
        ("model", "t.csv", *BY_RACE, "--reference", "race=red"),
        "reference: race has no group 'red'; available: black, white",
    ),
    "a file that does not exist": (
        ("model", "nofile.parquet", *BY_RACE),
        "no file 'nofile.parquet'; files here: t.csv",
    ),
    "the label as a group": (
        ("data", "t.csv", "--label", "y", "--groups", "y"),
        "'y' is both label and group column; name another group column",
    ),
    "options beside a file": (
        ("model", "t.csv", *BY_RACE, "--config", "audit.toml"),
        "--label cannot be combined with --config; remove one of them",
    ),
    "neighbours that are the default, without features": (
        ("model", "t.csv", *BY_RACE, "--neighbours", "5"),
        "--neighbours needs the flip test; name the feature columns (--features), or remove neighbours",
    ),
    "a metric of the training data": (
        ("model", "t.csv", *BY_RACE, "--gate", "representation >= 0.3"),
        ("--gate 'representation >= 0.3': 'representation' is a metric of the training data; use audit data, or set "
        'stage = "data" in audit.toml'),
    ),
    "a metric of predictions": (
        ("data", "t.csv", "--label", "y", "--groups", "race", "--gate", "accuracy >= 0.3"),
        ("--gate 'accuracy >= 0.3': 'accuracy' is a metric of predictions; use audit model, or set "
        'stage = "model" in audit.toml'),
    ),
    "a metric of another task": (
        ("model", "t.csv", *BY_RACE, "--gate", "skew_at_10 lowest >= -1"),
        "--gate 'skew_at_10 lowest >= -1': 'skew_at_10' needs task = \"ranking\", but --task is classification",
    ),
    "a metric of another task that has no interval": (
        ("model", "t.csv", *BY_RACE, "--gate", "ks_distance_of_predictions <= 0.1"),
        ("--gate 'ks_distance_of_predictions <= 0.1': metric 'ks_distance_of_predictions' (task = \"regression\") has "
        "no interval and cannot be judged; use the difference of mean_prediction"),
    ),
    "an abbreviation": (
        ("model", "t.csv", *BY_RACE, "--gate", "tpr ratio >= 0.3"),
        "--gate 'tpr ratio >= 0.3': no metric 'tpr'; did you mean 'true_positive_rate'?",
    ),
    "a turned operator": (
        ("model", "t.csv", *BY_RACE, "--gate", "selection_rate ratio => 0.8"),
        "--gate 'selection_rate ratio => 0.8' cannot be read; '=>' is not an operator; available: <=, >=",
    ),
    "a comparison that does not exist": (
        ("model", "t.csv", *BY_RACE, "--gate", "selection_rate rato >= 0.8"),
        "--gate 'selection_rate rato >= 0.8' cannot be read; no comparison 'rato'; did you mean 'ratio'?",
    ),
    "no limit at all": (
        ("model", "t.csv", *BY_RACE, "--gate", "selection_rate"),
        ("--gate 'selection_rate' cannot be read; write it as \"METRIC [COMPARISON] [by COLUMN*COLUMN] >= NUMBER\" (or "
        "<=), where COMPARISON is one of: difference, ratio, lowest, highest, largest, between_groups, "
        "difference_to_overall, ratio_to_overall, difference_to_rest, ratio_to_rest"),
    ),
    "the wrong side": (
        ("model", "t.csv", *BY_RACE, "--gate", "selection_rate difference >= 0.8"),
        ("--gate 'selection_rate difference >= 0.8': the difference of selection_rate needs max (<=), not min = 0.8: 0 "
        "means equal groups"),
    ),
    "no limit between the lowest and a max": (
        ("model", "t.csv", *BY_RACE, "--gate", "selection_rate lowest <= 0.8"),
        "--gate 'selection_rate lowest <= 0.8': the lowest of selection_rate needs min (>=), not max = 0.8",
    ),
    "a metric of the catalogue by an abbreviation": (
        ("metrics", "EO"),
        "no metric 'EO'; did you mean 'equal_opportunity_difference' or 'equalized_odds_difference'?",
    ),
    "a pipeline that does not exist": (
        ("run", "nowhere"),
        "no file or folder 'nowhere'; name an audit.toml or its folder",
    ),
}  # fmt: skip


def test_a_key_of_the_file_that_is_no_option_is_said_to_be_one(place, capsys):
    _, said = run(capsys, "model", "t.csv", *BY_RACE, "--people", "applicants")
    assert said.endswith("Error: No such option: --people; it is a key of audit.toml alone: [data] people")
    _, said = run(capsys, "model", "t.csv", *BY_RACE, "--grops", "race")
    assert "No such option: --grops" in said
    assert "--groups" in said
    assert "audit.toml" not in said


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_answered_by_what_to_do(name, place, capsys):
    words, said = REFUSED[name]
    assert run(capsys, *words) == (2, f"audit: {said}")


def test_a_configuration_is_written_only_after_the_audit_has_read_its_table(place, capsys):
    wrong = ("model", "t.csv", *COLUMNS, "--groups", "rcae", "--write-config", "new.toml")
    assert run(capsys, *wrong)[0] == 2
    assert not (place / "new.toml").exists()
    right = ("model", "t.csv", *BY_RACE, "--write-config", "new.toml")
    assert run(capsys, *right)[0] == 0
    assert 'groups = ["race"]' in (place / "new.toml").read_text()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("here.toml", "'here.toml' exists and is not overwritten; choose another name"),
        ("no/new.toml", "'no/new.toml' cannot be written: its folder does not exist; create it first"),
    ],
)
def test_a_configuration_that_cannot_be_written_is_refused_before_the_audit(path, why, place, capsys):
    (place / "here.toml").write_text("# mine")
    assert run(capsys, "model", "t.csv", *BY_RACE, "--write-config", path) == (2, f"audit: {why}")
    assert not (place / "audit-runs").exists()
    assert (place / "here.toml").read_text() == "# mine"


def test_neighbours_without_features_are_refused_at_every_door(place, capsys):
    toml = '[data]\nlabel = "y"\ngroups = ["race"]\n[predictions]\nsource = "t.csv"\nprediction = "p"\nneighbours = 5\n'
    (place / "audit.toml").write_text(toml)
    assert "predictions.neighbours needs the flip test" in run(capsys, "run", ".")[1]
    y, g = np.tile([0, 1], 50), ["a", "b"] * 50
    with pytest.raises(QuestionError, match="^neighbours needs the flip test"):
        product.measure(y, y, groups={"g": g}, neighbours=5)


def test_a_limit_on_an_own_metric_is_told_that_own_metrics_are_not_judged():
    y, g = np.tile([0, 1], 50), ["a", "b"] * 50
    with pytest.raises(QuestionError, match="^gates: 'mae2' is a metric of your own, which has no interval"):
        product.measure(y, y, groups={"g": g}, metrics={"mae2": lambda a, b: 0.0}, gates="mae2 difference <= 0.1")
