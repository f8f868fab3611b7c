"""`audit.compressed`: the same answers as the command, from frames, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from small_models import draw_labels, make_rows, need_onnx, quantise_static, write_network

import audit
from audit.cli import main
from audit.errors import QuestionError, SourceError
from audit.record.store import Store


@pytest.fixture
def decided():
    """4,000 people: int8 changes 12 answers either way, and distilled loses 150 right answers of group b."""
    y = np.resize([0, 1], 4000)
    table = pd.DataFrame({"race": np.repeat(["a", "b"], 2000), "y": y, "full": y})
    table.loc[:11, "full"] = 1 - y[:12]
    for name, changed in {"int8": range(12, 24), "distilled": range(3000, 3150)}.items():
        table[name] = y
        table.loc[list(changed), name] = 1 - y[list(changed)]
    for seed in range(5):
        table[f"seed{seed}"] = np.where(np.arange(4000) % 20 == seed, 1 - y, y)
    return table


def test_it_answers_as_the_command_does(decided, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    decided.to_parquet("p.parquet")
    seeds = [f"seed{at}" for at in range(5)]
    asked = {"retrained": "distilled", "largest_loss": 0.02, "groups": "race", "label": "y", "against": "full"}
    result = audit.compressed(decided, candidates=["int8", "distilled"], seeds=seeds, gates="churn <= 0.1", **asked)
    words = [
        "edge",
        "p.parquet",
        "--prediction",
        "int8,distilled",
        "--seeds",
        ",".join(seeds),
        "--gate",
        "churn <= 0.1",
    ]
    with pytest.raises(SystemExit):
        main([*words, *(f"--{key.replace('_', '-')}={value}" for key, value in asked.items())])
    capsys.readouterr()
    of_command = Store(tmp_path / "audit-runs").load()
    assert (result.edge, result.gates, result.estimates) == (of_command.edge, of_command.gates, of_command.estimates)
    assert {c.name: c.verdict for c in result.edge.candidates} == {"int8": "pass", "distilled": "fail"}
    assert result.question.config["predictions"]["prediction"] == "int8"
    assert result.edge.smallest_reason == ""


def test_models_are_run_where_their_inputs_are_named(tmp_path):
    need_onnx()
    rows = make_rows(1000, seed=3)
    files = {"full": write_network(tmp_path / "full.onnx")}
    files["int8"] = quantise_static(files["full"], tmp_path / "int8.onnx", make_rows(seed=1))
    names = [f"f{at}" for at in range(rows.shape[1])]
    table = pd.DataFrame(rows, columns=names).assign(y=draw_labels(rows))
    asked = {"against": "full", "candidates": "int8", "label": "y", "models": files, "seconds": 0, "repetitions": 20}
    result = audit.compressed(table, inputs=names, largest_loss=0.1, **asked)
    assert [m.file for m in result.edge.models] == ["full.onnx", "int8.onnx"]
    assert all(m.latency.repetitions == 20 for m in result.edge.models)
    assert result.edge.candidates[0].rows == 1000


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"candidates": []}, QuestionError, "candidates is empty; name the compressed models"),
        ({"candidates": "int9"}, SourceError, "no column 'int9'"),
        ({"models": ["a.onnx"]}, QuestionError, "models must be a mapping of names to ONNX files, not a list"),
        ({"models": {"int8": "none.onnx"}}, SourceError, "no file 'none.onnx'"),
        ({"inputs": "race"}, QuestionError, "inputs are for models that are run; name their files"),
        ({"batch": 0}, QuestionError, "edge.batch: must be at least 1"),
        ({"label": None}, QuestionError, "edge: needs a label"),
        ({"gates": "nothing <= 1"}, QuestionError, "no metric 'nothing'"),
    ],
)
def test_what_cannot_be_asked_is_refused(decided, asked, error, said):
    with pytest.raises(error, match=said):
        audit.compressed(decided, **{"against": "full", "candidates": "int8", "label": "y"} | asked)


def test_it_is_a_function_whatever_was_imported_before():
    code = "import audit.edge.timing, audit.compression, audit; assert callable(audit.compressed)"
    subprocess.run([sys.executable, "-c", code], check=True)
