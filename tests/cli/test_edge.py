"""`audit edge` as it is typed: columns, files of models, the question written as a file, and what is missing."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from small_models import draw_labels, make_rows, need_onnx, quantise_static, write_network

from audit.cli import main
from audit.record.store import Store

INPUTS = ["--inputs", "f0,f1,f2,f3,f4,f5", "--seconds", "0", "--repetitions", "20", "--largest-loss", "0.05"]
FILES = ["rows.parquet", "--against", "full.onnx", "--prediction", "int8.onnx", "--label", "y", "--groups", "race"]


@pytest.fixture
def run_edge(capsys):
    def run(*words, code=0, command="edge"):
        with pytest.raises(SystemExit) as ended:
            main([command, *words, "--store", "store"])
        out, err = capsys.readouterr()
        assert ended.value.code == code, err
        return out, err

    return run


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    rows = make_rows(2000, seed=2)
    table = pd.DataFrame(rows, columns=[f"f{at}" for at in range(6)])
    table["y"] = draw_labels(rows)
    table["race"] = ["a", "b", "b", "b"] * 500
    table.to_parquet(folder / "rows.parquet")
    return folder


@pytest.fixture
def models(people, monkeypatch):
    need_onnx()
    monkeypatch.chdir(people)
    quantise_static(write_network(people / "full.onnx"), people / "int8.onnx", make_rows(seed=1))
    return people


def test_two_files_are_run_and_compared(models, run_edge):
    shown = run_edge(*FILES, *INPUTS)[0]
    assert shown.startswith("PASS: ")
    assert "2/2 MatMul" in shown
    assert "Smallest model that passes: int8" in shown
    assert "Next    To use this limit in CI, add --write-config audit.toml" in shown
    plain = json.loads(run_edge(*FILES, *INPUTS, "--json")[0])
    assert [m["name"] for m in plain["edge"]["models"]] == ["full", "int8"]
    assert plain["run"]["command"][:2] == ["audit", "edge"]


def test_the_question_is_written_as_a_file_that_a_run_answers_alike(models, run_edge):
    """From another folder: the files of tables and models are named from where the question lies."""
    (models / "ci").mkdir()
    said = run_edge(*FILES, *INPUTS, "--write-config", "ci/audit.toml")[1]
    assert "Wrote ci/audit.toml. The same audit: audit run ci/audit.toml" in said
    first = Store(models / "store").load()
    run_edge("ci/audit.toml", command="run")
    again = Store(models / "store").load()
    assert again.run.id != first.run.id
    assert again.edge.candidates == first.edge.candidates
    assert again.estimates == first.estimates
    assert [g.sentence for g in again.gates] == [g.sentence for g in first.gates]
    assert [m.digest for m in again.edge.models] == [m.digest for m in first.edge.models]
    said = run_edge(*FILES, *INPUTS, "--write-config", "ci/audit.toml", code=2)[1]
    assert "ci/audit.toml" in said


def test_what_is_missing_is_said(people, monkeypatch, run_edge):
    monkeypatch.chdir(people)
    words = ["rows.parquet", "--against", "full.onnx", "--prediction", "int8.onnx", "--label", "y"]
    said = run_edge(*words, code=2)[1]
    assert "--inputs is missing; name the columns that the models see, in the order of training" in said
    said = run_edge("rows.parquet", "--prediction", "y", code=2)[1]
    assert "--against is missing; name the full model with --against and candidates with --prediction" in said


@pytest.mark.parametrize("option", ["--cutoff", "--seconds", "--largest-loss"])
def test_an_option_of_zero_beside_a_file_is_refused_and_not_dropped(tmp_path, monkeypatch, option, run_edge):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.toml").write_text('[data]\nlabel = "y"\n')
    said = run_edge("rows.parquet", "--config", str(tmp_path / "audit.toml"), option, "0", code=2)[1]
    assert f"{option} cannot be combined with --config" in said


def test_a_name_is_of_one_file_only(models, run_edge):
    for folder in ("a", "b"):
        (models / folder).mkdir(exist_ok=True)
        write_network(models / folder / "int8.onnx")
    words = ["rows.parquet", "--against", "full.onnx", "--label", "y", *INPUTS]
    both = "'int8.onnx' and 'a/int8.onnx' would both be called 'int8'; name one of them otherwise: --model-file NAME=a/int8"
    assert both in run_edge(*words, "--prediction", "a/int8.onnx", "--model-file", "int8=int8.onnx", code=2)[1]
    assert "both be called 'int8'" in run_edge(*words, "--prediction", "a/int8.onnx,b/int8.onnx", code=2)[1]
    named = ["--prediction", "int8.onnx,other", "--model-file", "other=a/int8.onnx", "--retrained", "./int8.onnx"]
    plain = json.loads(run_edge(*words, *named, "--json")[0])
    assert [m["file"] for m in plain["edge"]["models"]] == ["full.onnx", "int8.onnx", "int8.onnx"]


def test_an_ending_in_capitals_is_a_file_too(models, run_edge):
    (models / "BIG.ONNX").write_bytes((models / "full.onnx").read_bytes())
    words = ["rows.parquet", "--against", "BIG.ONNX", "--prediction", "int8.onnx", "--label", "y", *INPUTS, "--json"]
    assert json.loads(run_edge(*words)[0])["edge"]["full"] == "BIG"


def test_no_model_is_shown_the_label(models, run_edge):
    said = run_edge(*FILES, "--inputs", "f0,f1,f2,f3,f4,y", code=2)[1]
    assert "edge.inputs: 'y' is the label, which no model may see; remove it" in said


def test_a_run_is_verified_beside_its_table_which_lacks_what_models_answered(models, run_edge):
    run_edge(*FILES, *INPUTS)
    said = run_edge("latest", "--data", "rows.parquet", command="verify")[0]
    assert "data.columns of full, int8: answers that models gave here: that needs the models" in " ".join(said.split())
    record = models / "store" / Store(models / "store").load().run.id / "audit.json"
    plain = json.loads(record.read_text())
    column = next(c for c in plain["data"][0]["columns"] if c["name"] == "y")
    column["kind"] = "text" if column["kind"] != "text" else "number"
    record.write_text(json.dumps(plain))
    assert "data.0.columns" in run_edge("latest", "--data", "rows.parquet", command="verify", code=1)[0]
