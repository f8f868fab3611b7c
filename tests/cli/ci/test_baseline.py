"""`--baseline`, [baseline] and `audit baseline update`: in files, in the record, on its pages, and refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.cli import main
from audit.record.reader import read_result

QUESTION = """
[model]
name = "loans"
[data]
label = "y"
groups = ["race"]
{data}
[predictions]
source = "{source}"
prediction = "p"
{more}
[[gates]]
metric = "selection_rate"
compare = "difference"
max = 0.1
"""
BASELINE = '[baseline]\nresult = "main.json"\n'


def audit(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    out, err = capsys.readouterr()
    return ended.value.code, " ".join(out.split()), " ".join(err.split())


def write_table(name, shares, seed=1, rows=400, noise=0.0):
    """Write decisions of the same people: their labels do not depend on the seed, some decisions do."""
    people = np.random.default_rng(7)
    races = np.repeat(["black", "white"], rows)
    chance = people.random(2 * rows)
    own = np.random.default_rng(seed)
    chance = np.where(own.random(2 * rows) < noise, own.random(2 * rows), chance)
    y = people.integers(0, 2, 2 * rows)
    predicted = (chance < np.repeat(shares, rows)).astype(int)
    pd.DataFrame({"id": np.arange(2 * rows), "race": races, "y": y, "p": predicted}).to_parquet(name)


def ask(source, more="", data=""):
    Path("audit.toml").write_text(QUESTION.format(source=source, more=more, data=data))


@pytest.fixture
def main_json(tmp_path, monkeypatch, capsys):
    """A baseline whose limit fails, of a model that favours one group."""
    monkeypatch.chdir(tmp_path)
    write_table("old.parquet", (0.5, 0.7))
    ask("old.parquet", data='key = "id"')
    assert audit(capsys, "run")[0] == 1
    code, out, _ = audit(capsys, "baseline", "update", "latest", "--to", "main.json", "--by", "Ada")
    assert code == 0
    assert "1 limit, 1 does not pass and is known" in out
    return tmp_path / "main.json"


def test_an_old_failure_is_known_row_by_row_and_its_record_is_verified(main_json, capsys):
    write_table("new.parquet", (0.5, 0.7), seed=2, noise=0.1)
    ask("new.parquet", BASELINE + "until = 2030-01-01", 'key = "id"')
    code, out, _ = audit(capsys, "run")
    assert code == 0
    assert out.startswith("KNOWN: By race, black has a lower selection rate than white")
    assert "Known since 20" in out
    assert "row by row (800 rows in both)" in out
    assert "Exit code 0: 1 of 1 limits did not pass in the baseline either" in out
    code, out, _ = audit(capsys, "verify", "latest")
    assert code == 0, out
    assert "baseline: what run" in out
    document = json.loads(audit(capsys, "show", "latest", "--json")[1])
    (gate,) = document["baseline"]["gates"]
    assert gate["sampling"] == "paired"
    assert all(0.5 < rate["r"] < 1 for rate in gate["rates"])
    page = next(Path("audit-runs").glob("*/card.md")).read_text()
    assert "Adopted" not in page


def test_what_is_worse_fails_and_judging_again_says_the_same_from_the_record_alone(main_json, capsys):
    write_table("new.parquet", (0.35, 0.7), seed=2, noise=0.1)
    ask("new.parquet", BASELINE, 'key = "id"')
    code, first, _ = audit(capsys, "run")
    assert code == 1
    assert first.startswith("FAIL: Worse than in the baseline of 20")
    for gone in ("main.json", "old.parquet", "new.parquet"):
        Path(gone).unlink()
    code, again, _ = audit(capsys, "gate", "latest")
    assert code == 1
    assert again.startswith(first.split(" 1 limit")[0][:120])
    assert audit(capsys, "verify", "latest")[0] == 0
    assert audit(capsys, "gate", "latest", "--baseline", "none")[1].startswith("FAIL: By race")


def test_a_forged_comparison_does_not_verify(main_json, capsys):
    ask("old.parquet", BASELINE, 'key = "id"')
    assert audit(capsys, "run")[0] == 0
    run = json.loads(audit(capsys, "show", "latest", "--json")[1])["run"]["id"]
    record = Path("audit-runs") / run / "audit.json"
    forged = json.loads(record.read_text())
    forged["gates"][0]["change"]["moved"] = "better"
    record.write_text(json.dumps(forged))
    code, out, _ = audit(capsys, "verify", run)
    assert code == 1
    assert "gates.0.change.moved" in out


def test_a_run_beside_itself_is_known_and_exits_0(main_json, capsys):
    assert audit(capsys, "gate", "latest")[0] == 1
    code, out, _ = audit(capsys, "gate", "latest", "--baseline", "main.json")
    assert (code, out.startswith("KNOWN: By race, ")) == (0, True)


@pytest.mark.parametrize("command", ["model", "pairs"])
def test_options_take_a_baseline_too(main_json, capsys, command):
    asked = ["--groups", "race", "--label", "y", "--prediction", "p", "--gate", "selection_rate difference <= 0.1"]
    if command == "pairs":
        frame = pd.read_parquet("old.parquet").assign(q=lambda rows: rows["p"])
        frame.to_parquet("old.parquet")
        asked += ["--against", "q"]
    assert audit(capsys, command, "old.parquet", *asked)[0] == 1
    run = json.loads(audit(capsys, "show", "latest", "--json")[1])["run"]["id"]
    code, out, err = audit(capsys, command, "old.parquet", *asked, "--baseline", run)
    assert code == 0, err
    assert out.count("Known since") == 1


def test_rows_that_only_one_run_has_are_not_paired_and_that_is_said(main_json, capsys):
    write_table("new.parquet", (0.5, 0.7), rows=390)
    ask("new.parquet", BASELINE, 'key = "id"')
    code, out, _ = audit(capsys, "run")
    assert "20 rows are in one of the two runs only" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.assign(id=[f"p{i}" for i in rows["id"]]), "the two runs have no row in common by 'id'"),
        (lambda rows: rows.assign(race=["white", *rows["race"][1:]]), "some rows have another race than there"),
        (lambda rows: rows.assign(y=[1 - rows["y"][0], *rows["y"][1:]]), "some rows have another y than there"),
        (lambda rows: rows[1:], "fewer than 10 rows are in one of the two runs only"),
    ],
)
def test_rows_that_are_not_the_same_are_not_paired_and_no_small_count_is_said(main_json, capsys, change, said):
    change(pd.read_parquet("old.parquet")).to_parquet("new.parquet")
    ask("new.parquet", BASELINE, 'key = "id"')
    code, out, err = audit(capsys, "run")
    assert code == 0, err
    assert f"any dependence is allowed for ({said})" in out


def test_rows_are_paired_wherever_the_configuration_lies(tmp_path, monkeypatch, capsys):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    write_table("old.parquet", (0.5, 0.7))
    ask("old.parquet", data='key = "id"')
    monkeypatch.chdir(tmp_path)
    audit(capsys, "run", "sub")
    audit(capsys, "baseline", "update", "latest", "--to", "sub/main.json")
    monkeypatch.chdir(tmp_path / "sub")
    ask("old.parquet", BASELINE, 'key = "id"')
    monkeypatch.chdir(tmp_path)
    for words in (("run", "sub"), ("gate", "latest", "--baseline", "sub/main.json")):
        assert "row by row (800 rows in both)" in audit(capsys, *words)[1]


def test_a_key_may_have_any_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_table("old.parquet", (0.5, 0.7))
    pd.read_parquet("old.parquet").rename(columns={"id": "new_run", "race": "against_run"}).to_parquet("old.parquet")
    for more in ("", BASELINE):
        ask("old.parquet", more, 'key = "new_run"')
        Path("audit.toml").write_text(Path("audit.toml").read_text().replace('"race"', '"against_run"'))
        code, out, err = audit(capsys, "run")
        assert code in {0, 1}, err
        audit(capsys, "baseline", "update", "latest", "--to", "main.json")
    assert "row by row (800 rows in both)" in out


def test_a_gap_is_not_better_because_the_group_that_was_worst_off_is_gone(main_json, capsys):
    frame = pd.read_parquet("old.parquet")
    frame["race"] = np.where((frame["race"] == "white") & (frame["id"] % 2 == 0), "asian", frame["race"])
    frame.to_parquet("three.parquet")
    ask("three.parquet")
    audit(capsys, "run")
    audit(capsys, "baseline", "update", "latest", "--to", "three.json")
    frame[frame["race"] != "black"].to_parquet("new.parquet")
    ask("new.parquet", BASELINE.replace("main", "three"))
    code, out, err = audit(capsys, "run")
    assert "By race" in out, err
    assert "etter" not in out


def test_what_stays_inconclusive_where_that_is_allowed_becomes_the_baseline_again(main_json, capsys):
    policy = '[policy]\ninsufficient = "warn"\n'
    ask("old.parquet", policy)
    asked = Path("audit.toml")
    asked.write_text(asked.read_text().replace("max = 0.1", "max = 0.24"))
    assert audit(capsys, "run")[1].startswith("INCONCLUSIVE")
    for _ in range(2):
        code, _, err = audit(capsys, "baseline", "update", "latest", "--to", "open.json")
        assert code == 0, err


def test_other_tables_are_two_samples(main_json, capsys):
    write_table("other.parquet", (0.5, 0.7), rows=500)
    ask("other.parquet", BASELINE)
    assert "as two independent samples" in audit(capsys, "run")[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "no json", "cannot be used: 'main.json' is not a record"),
        (lambda text: text.replace("audit-result/1", "audit-result/9", 1), "has schema 'audit-result/9'"),
        (lambda text: text.replace('"max": 0.1', '"max": 0.3', 1), "it was changed after the run"),
        (lambda text: text.replace('"verdict": "fail"', '"verdict": "pass"'), "it was changed after the run"),
    ],
)
def test_a_baseline_that_is_none_is_refused_by_name(main_json, capsys, change, said):
    before = main_json.read_text()
    main_json.write_text(change(before))
    assert main_json.read_text() != before
    ask("old.parquet", BASELINE, 'key = "id"')
    code, out, err = audit(capsys, "run")
    assert (code, out) == (2, "")
    assert "baseline 'main.json'" in err
    assert said in err
    assert "audit baseline update RUN" in err


def test_a_baseline_that_is_not_there_is_refused(main_json, capsys):
    ask("old.parquet", '[baseline]\nresult = "absent.json"\n')
    code, _, err = audit(capsys, "run")
    assert code == 2
    assert "baseline 'absent.json' cannot be used: no result at 'absent.json'" in err


@pytest.mark.parametrize("words", [("run",), ("gate", "latest", "--baseline", "latest")])
def test_a_baseline_never_moves_by_itself(main_json, capsys, words):
    ask("old.parquet", '[baseline]\nresult = "latest"\n', 'key = "id"')
    code, _, err = audit(capsys, *words)
    assert code == 2
    assert "would move by itself" in err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "loans"', 'name = "cards"', "[model] name was 'loans' there and is 'cards' here"),
        ('label = "y"', 'label = "y"\npositive = 0', "[data] positive was not set there and is"),
        ('metric = "selection_rate"', 'metric = "accuracy"', "has none of these limits"),
        ("[[gates]]", "[policy]\nconfidence = 0.9\n[[gates]]", "[policy] confidence was 0.95 there and is 0.9 here"),
    ],
)
def test_a_baseline_of_another_question_is_refused(main_json, capsys, old, new, said):
    ask("old.parquet", BASELINE, 'key = "id"')
    asked = Path("audit.toml")
    asked.write_text(asked.read_text().replace(old, new))
    code, _, err = audit(capsys, "run")
    assert code == 2
    assert said in err


def test_a_worse_run_becomes_the_baseline_only_with_a_reason_and_that_is_on_record(main_json, capsys):
    before = main_json.read_bytes()
    write_table("new.parquet", (0.3, 0.7), seed=3)
    ask("new.parquet", BASELINE, 'key = "id"')
    assert audit(capsys, "run")[0] == 1
    code, _, err = audit(capsys, "baseline", "update", "latest")
    assert code == 2
    assert "the run is worse than the baseline; correct that, or accept it: --accept-worse --reason TEXT." in err
    assert " model.selection_rate.difference.race: Worse than in the baseline of 20" in err
    assert err.endswith("(p < 0.001, corrected for all limits).")
    assert main_json.read_bytes() == before
    assert audit(capsys, "baseline", "update", "latest", "--accept-worse")[0] == 2
    code, out, _ = audit(capsys, "baseline", "update", "latest", "--accept-worse", "--reason", "new law", "--by", "Ada")
    assert code == 0
    adopted = read_result(main_json).adopted
    assert (adopted.by, adopted.reason, adopted.accepted) == (
        "Ada",
        "new law",
        ("model.selection_rate.difference.race",),
    )
    code, out, _ = audit(capsys, "verify", "main.json")
    assert code == 0, out
    assert "adopted: who made it the baseline" in out


def test_a_better_run_becomes_the_baseline_and_nothing_but_a_record_is_overwritten(main_json, capsys):
    write_table("new.parquet", (0.7, 0.7), seed=3, rows=3000)
    ask("new.parquet", BASELINE)
    code, out, _ = audit(capsys, "run")
    assert code == 0
    assert "make this run the baseline (audit baseline update)" in out
    code, out, _ = audit(capsys, "baseline", "update", "latest")
    assert (code, "1 limit, all pass" in out) == (0, True)
    Path("notes.txt").write_text("mine")
    assert audit(capsys, "baseline", "update", "latest", "--to", "notes.txt")[0] == 2
    assert Path("notes.txt").read_text() == "mine"
    ask("new.parquet")
    assert "has no [baseline] result" in audit(capsys, "baseline", "update", "latest")[2]
    assert "RUN is missing" in audit(capsys, "baseline", "update")[2]


def test_a_card_names_numbers_of_the_baseline_only_where_its_own_card_does(main_json, capsys):
    write_table("new.parquet", (0.35, 0.7), seed=2, noise=0.1)
    ask("new.parquet", BASELINE, 'key = "id"')
    audit(capsys, "run")
    run = json.loads(audit(capsys, "show", "latest", "--json")[1])["run"]["id"]
    assert "Worse than in the baseline" in audit(capsys, "card", run)[1]
    assert "it was 24.0 points" in audit(capsys, "card", run)[1]
    withheld = audit(capsys, "card", run, "--k", "100000")[1]
    assert "Worse than in the baseline" in withheld
    assert "it was 24.0 points" not in withheld


def test_a_training_whose_data_failed_before_is_started(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_table("old.parquet", (0.5, 0.7))
    frame = pd.read_parquet("old.parquet")
    frame["y"] = ((frame["race"] == "white") | (frame["id"] % 3 == 0)).astype(int)
    frame.to_parquet("train.parquet")
    Path("train.py").write_text("import shutil; shutil.copy('train.parquet', 'out.parquet')")
    text = """
[data]
source = "train.parquet"
label = "y"
groups = ["race"]
[train]
command = ["python", "train.py"]
predictions = "out.parquet"
[predictions]
prediction = "p"
{more}
[[gates]]
stage = "data"
metric = "base_rate"
compare = "difference"
max = 0.1
"""
    Path("audit.toml").write_text(text.format(more=""))
    assert audit(capsys, "run", "--continue")[0] == 1
    assert audit(capsys, "baseline", "update", "latest", "--to", "main.json")[0] == 0
    assert "Training was not started" in audit(capsys, "run")[1]
    Path("audit.toml").write_text(text.format(more=BASELINE))
    code, out, err = audit(capsys, "run")
    assert code == 0, out
    assert "Training was not started" not in out
    assert audit(capsys, "verify", "latest")[0] == 0


def test_a_wrapped_training_refuses_a_baseline(main_json):
    import audit as package
    from audit.errors import QuestionError

    ask("old.parquet", BASELINE)
    with pytest.raises(QuestionError, match=r"\[baseline\] is for audit run"), package.training("audit.toml"):
        pass
