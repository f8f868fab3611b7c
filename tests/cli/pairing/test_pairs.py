"""`audit pairs`: its first sentence, its refusals, its parts, and that its record is verified."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from audit.cli import main
from audit.cli.named_runs import load_by_name
from audit.errors import SourceError
from audit.pipeline.two_runs.paired_runs import pair_runs

ASKED = ("--prediction", "new", "--against", "old", "--groups", "race", "--label", "y")


def audit(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.fixture
def place(tmp_path, monkeypatch):
    """600 people, of whom the new decisions are wrong about 40 of one group."""
    monkeypatch.chdir(tmp_path)
    y = np.arange(600) % 2
    new = y.copy()
    new[:40] = 1 - new[:40]
    frame = pd.DataFrame({"race": ["black"] * 200 + ["white"] * 400, "y": y, "old": y, "same": y, "new": new})
    frame.to_parquet("t.parquet")
    frame[::2].to_parquet("a.parquet")
    frame[1::2].to_parquet("b.parquet")
    return tmp_path


def test_the_first_sentence_says_who_lost_how_many_changed_the_net_and_how_sure(place, capsys):
    code, out, _ = audit(capsys, "pairs", "t.parquet", *ASKED, "--gate", "net_change <= 0.05")
    assert code == 1
    assert " ".join(out.split()).startswith(
        "FAIL: By race, black lost accuracy: 40 of 200 decisions changed (40 newly wrong, 0 newly right), a net loss of "
        "accuracy of 20.0 points (95% interval 15 to 26 points; p < 0.001). Overall, 40 of 600 decisions changed"
    )
    assert "net loss of accuracy" in out.split("Model results")[1].splitlines()[0]
    assert out.count("The interval of the highest value allows for all groups, not for one alone.") == 1


def test_pairs_are_verified_and_shown_again(place, capsys):
    audit(capsys, "pairs", "t.parquet", *ASKED, "--gate", "net_change difference <= 0.05")
    code, out, _ = audit(capsys, "verify", "latest", "--data", "t.parquet")
    assert code == 0, out
    document = json.loads(audit(capsys, "show", "latest", "--json")[1])
    kinds = {cube["kind"] for cube in document["cubes"]}
    assert kinds == {"", "pairs"}
    record = place / "audit-runs" / document["run"]["id"] / "audit.json"
    forged = json.loads(record.read_text())
    cube = next(cube for cube in forged["cubes"] if cube["kind"] == "pairs")
    cube["measures"]["n"][0] += 5
    record.write_text(json.dumps(forged))
    assert audit(capsys, "verify", "latest")[0] != 0


def test_parts_are_the_whole(place, capsys):
    for part in ("a.parquet", "b.parquet"):
        assert audit(capsys, "count", part, "--into", "counts", *ASKED)[0] == 0
    parts = json.loads(audit(capsys, "measure", "counts", "--json")[1])
    whole = json.loads(audit(capsys, "pairs", "t.parquet", *ASKED, "--json")[1])
    assert parts["cubes"] == whole["cubes"]
    assert parts["estimates"] == whole["estimates"]


def test_what_is_missing_is_named(place, capsys):
    code, _, err = audit(capsys, "pairs", "t.parquet", *ASKED[:2], *ASKED[4:])
    assert code == 2
    assert "--against is missing; name the column of the earlier decisions" in err
    code, _, err = audit(capsys, "pairs", "t.parquet", "--prediction", "new", "--against", "new", "--groups", "race")
    assert code == 2
    assert "'new' is both the new and the earlier decision; name two different columns" in err
    code, _, err = audit(capsys, "pairs", "t.parquet", "--prediction", "new", "--against", "odl", "--groups", "race")
    assert "did you mean 'old'" in err
    code, _, err = audit(capsys, "model", "t.parquet", "--prediction", "new", "--label", "y", "--groups", "race",
                         "--gate", "churn <= 0.1")  # fmt: skip
    assert code == 2
    assert "churn" in err
    assert "needs earlier decisions" in err


def test_a_file_asks_for_pairs_too(place, capsys):
    plain = '[data]\nlabel = "y"\ngroups = ["race"]\n[predictions]\nsource = "t.parquet"\nprediction = "new"\n'
    (place / "audit.toml").write_text(plain)
    code, _, err = audit(capsys, "pairs", "t.parquet", "--config", "audit.toml")
    assert (code, "has no [predictions] against" in err) == (2, True)
    (place / "audit.toml").write_text(plain + 'against = "old"\n')
    assert "By race, black lost accuracy" in " ".join(
        audit(capsys, "pairs", "t.parquet", "--config", "audit.toml")[1].split()
    )
    assert "By race, black lost accuracy" in " ".join(audit(capsys, "run", ".")[1].split())


def test_numbers_that_are_no_decisions_are_named(place, capsys):
    pd.read_parquet("t.parquet").assign(old=np.arange(600) / 600).to_parquet("s.parquet")
    code, _, err = audit(capsys, "pairs", "s.parquet", *ASKED)
    assert code == 2
    assert "earlier prediction 'old' has 600 different values, which are not classes" in err


def test_several_candidates_are_told_one_by_one_and_the_worst_decides(place, capsys):
    asked = ("--prediction", "same", "--prediction", "new", "--against", "old", "--label", "y", "--groups", "race")
    code, out, _ = audit(capsys, "pairs", "t.parquet", *asked, "--gate", "net_change <= 0.05")
    assert code == 1
    first, second = out.split("new against old")
    assert first.startswith("same against old\nPASS: No group by race is shown to have lost accuracy.")
    assert second.startswith("\nFAIL: By race, black lost accuracy: 40 of 200 decisions changed")
    assert len(list((place / "audit-runs").glob("2*"))) == 2
    code, _, err = audit(capsys, "pairs", "t.parquet", *asked, "--json")
    assert (code, "--json takes one --prediction, and 2 are given" in err) == (2, True)


@pytest.mark.parametrize(
    ("second", "says"), [("same", "--prediction names 'same' twice; name each candidate once"), ("nwe", "'nwe'")]
)
def test_a_stray_candidate_is_refused_before_any_is_audited(place, capsys, second, says):
    asked = ("--prediction", "same", "--prediction", second, "--against", "old", "--label", "y", "--groups", "race")
    code, _, err = audit(capsys, "pairs", "t.parquet", *asked)
    assert (code, says in err) == (2, True)
    assert not list(place.glob("audit-runs/2*"))


def test_without_groups_the_numbers_of_everybody_are_shown(place, capsys):
    code, out, _ = audit(capsys, "pairs", "t.parquet", *ASKED[:4], *ASKED[6:])
    assert code == 0
    row = next(line for line in out.splitlines() if line.strip().startswith("overall"))
    assert "6.7 points [4.8, 9.0]" in row
    assert "600" in row


@pytest.fixture
def runs(place, capsys):
    """Two runs about the same people in two files, whose rows stand in another order; one has ten more."""
    frame = pd.read_parquet("t.parquet").assign(id=np.arange(600))
    frame.drop(columns="new").rename(columns={"old": "p"}).to_parquet("before.parquet")
    frame.drop(columns="old").rename(columns={"new": "p"})[::-1][:590].to_parquet("after.parquet")

    def run(*tables, key="id"):
        made, there = [], place / "audit-runs"
        for table in tables:
            more, before = ("--key", key) if key else (), {path.name for path in there.glob("2*")}
            audit(capsys, "model", table, "--prediction", "p", "--label", "y", "--groups", "race", *more)
            made += [path.name for path in there.glob("2*") if path.name not in before]
        return made

    return run


def test_two_runs_with_a_key_are_compared_row_by_row(runs, capsys):
    code, out, _ = audit(capsys, "diff", *runs("before.parquet", "after.parquet"))
    assert code == 0
    assert (
        "Row by row, by id (590 rows in both runs; 10 only in the first): By race, black lost accuracy: 30 of 190 "
        "decisions changed (30 newly wrong, 0 newly right)"
    ) in out
    assert "independent samples" not in out


def test_labels_and_groups_that_differ_between_two_runs_are_counted(runs, capsys):
    """A net loss by the labels of the second run alone would hide that labels were corrected in between."""
    after = pd.read_parquet("after.parquet")
    after["y"] = after.y.where(after.id >= 7, 1 - after.y).astype(float)
    after["race"] = after.race.where(after.id != 300, None)
    after.to_parquet("after.parquet")
    said = " ".join(audit(capsys, "diff", *runs("before.parquet", "after.parquet"))[1].split())
    assert "(590 rows in both runs; race is another in 1 of them, and that of the second run is used; 10 only" in said
    after["y"] = 1 - after.y
    after.to_parquet("after.parquet")
    said = " ".join(audit(capsys, "diff", *runs("before.parquet", "after.parquet"))[1].split())
    assert "y is another in 590 of them, race is another in 1 of them, and that of the second run is used" in said


def test_runs_that_cannot_be_paired_say_why(runs, place, capsys):
    both = runs("before.parquet", "after.parquet")
    pd.read_parquet("after.parquet").assign(p=0).to_parquet("after.parquet")
    assert "Not compared row by row: after.parquet has changed since run" in audit(capsys, "diff", *both)[1]
    (place / "after.parquet").unlink()
    assert "Not compared row by row: " in audit(capsys, "diff", *both)[1]
    both = runs("before.parquet", "before.parquet", key="race")
    assert "key 'race' does not name one row: 598 rows repeat that of another row" in audit(capsys, "diff", *both)[1]
    code, _, err = audit(capsys, "model", "before.parquet", "--prediction", "p", "--groups", "race", "--key", "di")
    assert (code, "did you mean 'id'" in err) == (2, True)


def test_an_address_that_a_record_names_is_not_opened(runs, place, capsys):
    before, after = (load_by_name(name, place / "audit-runs")[0] for name in runs("before.parquet", "after.parquet"))
    told = dict(before.question.config)
    told["predictions"] = dict(told["predictions"]) | {"source": "https://127.0.0.1:1/before.parquet?key=secret"}
    elsewhere = replace(before, question=replace(before.question, config=told))
    with pytest.raises(SourceError, match="127.0.0.1:1/before.parquet is an address, and only files here are read"):
        pair_runs(elsewhere, after)


def test_runs_whose_threshold_is_the_median_say_why_they_are_not_compared(runs, place, capsys):
    table = pd.read_parquet("t.parquet").assign(id=np.arange(600), s=np.linspace(0, 1, 600))
    table.drop(columns=["old", "new"]).to_parquet("scores.parquet")
    asked = ["--score", "s", "--threshold", "median", "--label", "y", "--groups", "race", "--key", "id"]
    audit(capsys, "model", "scores.parquet", *asked)
    (name,) = (path.name for path in (place / "audit-runs").glob("2*"))
    code, out, _ = audit(capsys, "diff", name, name)
    assert code == 0
    assert "Not compared row by row: a median threshold is another one in every table" in out


def test_people_whose_labels_agree_to_the_row_are_not_taken_for_two_samples(runs, place, capsys):
    frame = pd.read_parquet("t.parquet")
    frame.drop(columns="old").rename(columns={"new": "p"}).to_parquet("after.parquet")
    out = audit(capsys, "diff", *runs("before.parquet", "after.parquet", key=""))[1]
    assert "the two runs may share rows; the intervals allow for any dependence" in out
    assert "Row by row" not in out
