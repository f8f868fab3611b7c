"""`audit drill` in one process: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from audit.cli.app import app
from audit.errors import QuestionError, StoreError
from audit.faults.drill import DRILL
from audit.record.reader import read_result
from audit.report.card.render import FILES

TOML = """
[data]
groups = ["race"]
[predictions]
source = "p.csv"
label = "y"
prediction = "p"
[[gates]]
metric = "selection_rate"
compare = "difference"
max = 0.4
[publish]
k = {k}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with one run, and the audit.toml that it was made by."""
    folder, rng = tmp_path_factory.mktemp("drilled"), np.random.default_rng(3)
    race = np.repeat(["black", "white"], [150, 400])
    pd.DataFrame({"race": race, "y": rng.integers(0, 2, 550), "p": (rng.random(550) < 0.6).astype(int)}).to_csv(
        folder / "p.csv", index=False
    )
    (folder / "audit.toml").write_text(TOML.format(k=1))
    done = CliRunner().invoke(app, ["run", str(folder), "--store", str(folder / "store"), "--exit-zero"])
    assert done.exit_code == 0, done.output
    return folder


def run(made, *words, name="latest"):
    quick = ("--faults", "withheld", "--sizes", "0.2,0.5,0.9", "--seeds", "10")
    return CliRunner().invoke(app, ["drill", name, "--store", str(made / "store"), *(words or quick)])


def run_folder(made):
    return next(path for path in (made / "store").iterdir() if path.is_dir())


def test_it_prints_each_limit_and_writes_the_drill_beside_the_record(made):
    done = run(made)
    assert done.exit_code == 0, done.output
    assert "selection rate by race, difference at most 40 points" in done.stdout
    assert "model.selection_rate.difference.race" not in done.stdout
    every = "Selections withheld from black: found from 90% of its selections"
    assert every not in " ".join(done.stdout.split())
    whole = run(made, "--faults", "withheld", "--sizes", "0.2,0.5,0.9", "--seeds", "10", "--all")
    assert every in " ".join(whole.stdout.split())
    # Another command would drill anew with other copies, and replace what this one found.
    assert "every fault: the same command with --all" in " ".join(done.stdout.split())
    assert "--all" not in whole.stdout
    assert "name: model.selection_rate.difference.race" in whole.stdout
    assert json.loads((run_folder(made) / DRILL).read_text())["schema"] == "audit-drill/1"


def test_all_after_a_drill_reads_what_it_found(made):
    words = ("--faults", "withheld", "--sizes", "0.7", "--seeds", "10")
    first, second = run(made, *words), run(made, *words, "--all")
    assert "was read; nothing was drilled anew" not in first.stderr
    assert "was read; nothing was drilled anew" in second.stderr
    assert "Selections withheld from black: " in " ".join(second.stdout.split())


def test_the_json_is_the_file(made):
    done = run(made, "--faults", "withheld", "--sizes", "0.9", "--seeds", "10", "--json")
    assert done.stdout.rstrip("\n") == (run_folder(made) / DRILL).read_text()


def test_report_and_cards_show_it_and_still_belong_to_the_record(made):
    assert run(made).exit_code == 0
    folder = run_folder(made)
    for name in FILES.values():
        assert "Drill: what these limits can find" in (folder / name).read_text()
    verified = CliRunner().invoke(app, ["verify", str(folder)])
    assert verified.exit_code == 0, verified.output
    card = CliRunner().invoke(app, ["card", str(folder), "--format", "html"])
    assert card.stdout == (folder / "card.html").read_text()


def test_an_audit_toml_names_the_latest_run_of_it(made):
    done = run(made, "--faults", "dropped", "--sizes", "1", "--seeds", "5", name=str(made / "audit.toml"))
    assert done.exit_code == 0, done.output
    assert f"run {read_result(run_folder(made)).run.id}, the latest of this configuration" in done.stderr


def test_an_audit_toml_that_was_never_run_is_refused(made, tmp_path):
    (tmp_path / "audit.toml").write_text(TOML.format(k=2))
    done = run(made, name=str(tmp_path / "audit.toml"))
    assert isinstance(done.exception, QuestionError)
    assert "make one with audit run" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--faults", "witheld"), "did you mean 'withheld'"),
        (("--sizes", "some"), "no number"),
        (("--seeds", "1"), "--seeds is 1"),
    ],
)
def test_what_cannot_be_drilled_is_refused(made, words, said):
    done = run(made, *words)
    assert isinstance(done.exception, QuestionError)
    assert said in str(done.exception)


def test_a_run_that_is_not_there_is_named(made):
    assert isinstance(run(made, name="nowhere").exception, StoreError)
