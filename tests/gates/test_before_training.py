"""Gates on the data are judged before a single step of training; who trains all the same is on record."""

from __future__ import annotations

import datetime as dt
import json
import sys

import pandas as pd
import pytest
from commands import audit as run_command

from audit.cli import main

TRAIN = """
import pathlib, pandas as pd
pathlib.Path("trained").touch()
frame = pd.read_csv("d.csv")
frame.assign(p=frame.y).to_csv("p.csv", index=False)
"""


def pipeline(folder, gate, more=""):
    rows = pd.DataFrame({"g": ["a"] * 400 + ["b"] * 400, "y": [1] * 300 + [0] * 100 + [1] * 60 + [0] * 340})
    rows.to_csv(folder / "d.csv", index=False)
    (folder / "train.py").write_text(TRAIN)
    (folder / "audit.toml").write_text(
        f"""
[data]
source = "d.csv"
label = "y"
groups = ["g"]
[train]
command = ["{sys.executable}", "train.py"]
predictions = "p.csv"
[predictions]
prediction = "p"
{more}
[[gates]]
{gate}
[[gates]]
metric = "accuracy"
compare = "lowest"
min = 0.9
"""
    )
    return folder


UNFAIR = 'stage = "data"\nmetric = "base_rate"\ncompare = "ratio"\nmin = 0.8'


def run(folder, *options):
    store = folder / "store"
    ended = run_command("run", folder, "--store", store, "--json", *options)
    return ended, json.loads(ended.stdout), next(store.glob("2*"))


def test_training_does_not_start_when_a_gate_on_the_data_fails(tmp_path):
    ended, document, kept = run(pipeline(tmp_path, UNFAIR))
    assert ended.returncode == 1
    assert not (tmp_path / "trained").exists()
    assert document["verdict"] == "fail"
    assert document["run"]["stopped_by"] == ["data.base_rate.ratio.g"]
    assert document["run"]["exit_codes"] == {}
    verdicts = {g["name"]: (g["verdict"], g["estimate"]["reason"]) for g in document["gates"]}
    assert verdicts["model.accuracy.lowest.g"] == (
        "undefined",
        "nothing was trained, because data.base_rate.ratio.g failed",
    )
    said = "Training was not started because limit data.base_rate.ratio.g failed on the data"
    assert said in " ".join(ended.stderr.split())
    for name in ("card.html", "card.md"):
        assert said in " ".join((kept / name).read_text().replace("\\", "").split())


def test_who_trains_all_the_same_is_on_record(tmp_path):
    ended, document, kept = run(pipeline(tmp_path, UNFAIR), "--continue")
    assert ended.returncode == 1
    assert (tmp_path / "trained").exists()
    assert document["run"]["continued"] == ["data.base_rate.ratio.g"]
    assert document["run"]["stopped_by"] == []
    assert {g["name"]: g["verdict"] for g in document["gates"]} == {
        "data.base_rate.ratio.g": "fail",
        "model.accuracy.lowest.g": "pass",
    }
    assert (
        "Training was started with --continue although limit data.base_rate.ratio.g failed"
        in (kept / "card.html").read_text()
    )


WAIVED = (
    '[[waivers]]\ngate = "data.base_rate.ratio.g"\nowner = "b"\nreason = "r"\nmax_gap = 0.01\n'
    f"expires = {dt.datetime.now(dt.UTC).date() + dt.timedelta(days=60)}"
)


@pytest.mark.parametrize(
    ("gate", "more"),
    [
        (UNFAIR.replace("0.8", "0.1"), ""),
        ('metric = "selection_rate"\ncompare = "ratio"\nmin = 0.8', ""),
        (UNFAIR, WAIVED),
    ],
    ids=["passes", "on the model", "waived"],
)
def test_training_starts_otherwise(tmp_path, gate, more):
    _, document, _ = run(pipeline(tmp_path, gate, more))
    assert (tmp_path / "trained").exists()
    assert (document["run"]["stopped_by"], document["run"]["continued"]) == ([], [])


def test_a_stopped_run_is_judged_alike_from_its_document(tmp_path, capsys):
    _, document, kept = run(pipeline(tmp_path, UNFAIR))
    with pytest.raises(SystemExit) as ended:
        main(["gate", str(kept / "audit.json"), "--json"])
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["gates"] == document["gates"]
    with pytest.raises(SystemExit) as verified:
        main(["verify", str(kept / "audit.json")])
    assert verified.value.code == 0


LEAKS = 'stage = "checks"\nmetric = "DL001"\nmax = 0'


def with_held_out(folder, rows):
    """The pipeline with distinct rows, and some of them held out."""
    pipeline(folder, LEAKS)
    table = pd.DataFrame({"g": ["a", "b"] * 400, "y": [0, 1, 1, 0] * 200, "x": range(800)})
    table.to_csv(folder / "d.csv", index=False)
    rows(table).to_csv(folder / "t.csv", index=False)
    text = (folder / "audit.toml").read_text()
    (folder / "audit.toml").write_text(text.replace('source = "d.csv"', 'source = "d.csv"\ntest = "t.csv"'))
    return folder


def test_a_limit_on_one_check_keeps_training_from_starting(tmp_path):
    ended, document, _ = run(with_held_out(tmp_path, lambda table: table[:200]))
    assert ended.returncode == 1
    assert not (tmp_path / "trained").exists()
    assert document["run"]["stopped_by"] == ["checks.DL001"]
    assert document["gates"][0]["sentence"] == ("DL001 has findings in the one table where it was run (limit 0).")


def test_a_limit_on_one_check_lets_clean_data_pass(tmp_path):
    ended, document, _ = run(with_held_out(tmp_path, lambda table: table[:200].assign(x=range(1000, 1200))))
    assert ended.returncode == 0, ended.stderr
    assert document["gates"][0]["verdict"] == "pass"


def test_a_limit_on_a_check_that_does_not_exist_is_refused(tmp_path, capsys):
    rows = pd.DataFrame({"g": ["a", "b"] * 50, "y": [0, 1] * 50})
    rows.to_csv(tmp_path / "d.csv", index=False)
    command = ["data", str(tmp_path / "d.csv"), "--label", "y", "--groups", "g", "--store", str(tmp_path / "s")]
    for rule, said in (("DL099 <= 0", "no check 'DL099'; did you mean 'D"), ("leaks <= 0", "leaks")):
        with pytest.raises(SystemExit, match="2"):
            main([*command, "--gate", rule])
        assert said in capsys.readouterr().err
