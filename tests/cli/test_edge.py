"""`audit edge` as it is typed: columns, files of models, and what is missing."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from small_models import draw_labels, make_rows, need_onnx, quantise_static, write_network


def run_edge(folder, *words, code=0):
    command = [sys.executable, "-m", "audit", "edge", *words, "--store", "store"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    rows = make_rows(2000, seed=2)
    table = pd.DataFrame(rows, columns=[f"f{at}" for at in range(6)])
    table["y"] = draw_labels(rows)
    table["race"] = ["a", "b", "b", "b"] * 500
    table.to_parquet(folder / "rows.parquet")
    return folder


def test_two_files_are_run_and_compared(people):
    need_onnx()
    quantise_static(write_network(people / "full.onnx"), people / "int8.onnx", make_rows(seed=1))
    words = ["rows.parquet", "--against", "full.onnx", "--prediction", "int8.onnx", "--label", "y", "--groups", "race"]
    asked = ["--inputs", "f0,f1,f2,f3,f4,f5", "--seconds", "0", "--repetitions", "20", "--largest-loss", "0.05"]
    shown = run_edge(people, *words, *asked).stdout
    assert shown.startswith("PASS: ")
    assert "2/2 MatMul" in shown
    assert "Smallest model that passes: int8" in shown
    plain = json.loads(run_edge(people, *words, *asked, "--json").stdout)
    assert [m["name"] for m in plain["edge"]["models"]] == ["full", "int8"]
    assert plain["run"]["command"][:2] == ["audit", "edge"]


def test_what_is_missing_is_said(people):
    words = ["rows.parquet", "--against", "full.onnx", "--prediction", "int8.onnx", "--label", "y"]
    said = run_edge(people, *words, code=2).stderr
    assert "--inputs is missing; name the columns that the models see, in the order of training" in said
    said = run_edge(people, "rows.parquet", "--prediction", "y", code=2).stderr
    assert "--against is missing; name the full model with --against and candidates with --prediction" in said


@pytest.mark.parametrize("option", ["--cutoff", "--seconds", "--largest-loss"])
def test_an_option_of_zero_beside_a_file_is_refused_and_not_dropped(tmp_path, option):
    (tmp_path / "audit.toml").write_text('[data]\nlabel = "y"\n')
    words = ["audit", "edge", "rows.parquet", "--config", str(tmp_path / "audit.toml"), option, "0"]
    done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert f"{option} cannot be combined with --config" in done.stderr
