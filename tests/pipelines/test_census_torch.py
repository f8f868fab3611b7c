"""The reference pipeline of a PyTorch loop: on a sample that the tests make and, slow, on the real table."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.pipeline.verify import describe_differences
from audit.record.cubes import to_cube
from audit.record.store import Store

N = 6000


def sample(seed=0, n=N, zero_based=True):
    """A table with the columns and codes of ACSIncome."""
    rng = np.random.default_rng(seed)
    age, hours, schooling = rng.integers(17, 90, n), rng.integers(1, 99, n), rng.integers(1, 25, n)
    race = rng.choice(9, n, p=[0.6, 0.15, 0.02, 0.01, 0.02, 0.1, 0.02, 0.05, 0.03]) + (not zero_based)
    sex = rng.integers(1, 3, n)
    chance = 1 / (1 + np.exp(-(schooling - 16) / 4 - (hours - 40) / 20 - 0.5 * (sex == 1)))
    return pd.DataFrame({
        "PINCP": (rng.random(n) < chance).astype("int64"), "RAC1P": race, "SCHL": schooling.astype(float),
        "POBP": rng.integers(1, 400, n), "SEX": sex.astype(float), "OCCP": rng.integers(10, 9800, n).astype(float),
        "RELP": 0.0, "COW": rng.integers(1, 9, n).astype(float), "MAR": rng.integers(1, 6, n), "WKHP": hours, "AGEP": age,
    })  # fmt: skip


def copied(root, folder):
    made = shutil.ignore_patterns("*.parquet", "*.pt", "*.tmp", "__pycache__")
    return Path(shutil.copytree(root / "pipelines" / "census_torch", folder / "census_torch", ignore=made))


def audit_run(pipeline, data, *words, timeout=600):
    env = os.environ | {"EVENHAND_CENSUS": str(data), "PYTHONWARNINGS": "error::UserWarning:__main__"}
    command = [
        sys.executable,
        "-m",
        "audit",
        "run",
        str(pipeline),
        "--store",
        str(pipeline.parent / "store"),
        "--exit-zero",
        *words,
    ]
    began = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr[-2000:]
    return Store(pipeline.parent / "store").load(), time.monotonic() - began


def script(pipeline, name, *words, data=None):
    env = {k: v for k, v in os.environ.items() if k not in {"EVENHAND_CENSUS", "EVENHAND_RUN"}}
    env |= {} if data is None else {"EVENHAND_CENSUS": str(data)}
    command = [sys.executable, "-W", "error", name, *words]
    return subprocess.run(command, cwd=pipeline, env=env, capture_output=True, text=True, timeout=300)


def assert_the_last_epoch_is_the_audit_of_the_predictions(result, pipeline, epochs=6):
    assert [e.number for e in result.epochs] == list(range(1, epochs + 1))
    assert result.epoch_notes == ()
    last = to_cube(result.epochs[-1].counts)
    theirs = next(to_cube(c) for c in result.cubes if c.name == "predictions: sex x race x label x prediction")
    for name in ("sex", "race"):
        for level in set(last.axis(name).levels) - set(theirs.axis(name).levels):
            assert last.at(name, level)["n"].sum() == 0
            last = last.drop(name, level)
    assert last.axes == theirs.axes
    assert (last["n"] == theirs["n"]).all()
    for e in result.epochs[-1].measured():
        there = result.find(e.metric, by=e.by) if not e.by else result.find(e.metric, by=e.by, group=e.group)
        assert e in there, e
    rows = pd.read_parquet(pipeline / "predictions.parquet")
    table = rows.groupby(["sex", "race", "over_50k", "prediction"]).size()
    for (sex, race, label, prediction), n in table.items():
        cell = last.at("sex", sex).at("race", race).at("label", str(label)).at("prediction", str(prediction))
        assert int(cell["n"]) == n
    assert int(last["n"].sum()) == len(rows) == table.sum()
    assert describe_differences(result) == ()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("census")
    sample().to_parquet(folder / "sample.parquet")
    return copied(root, folder)


@pytest.fixture(scope="module")
def audited(pipeline):
    return audit_run(pipeline, pipeline.parent / "sample.parquet")[0]


def test_the_last_epoch_is_the_audit_of_the_predictions_exactly(audited, pipeline):
    assert_the_last_epoch_is_the_audit_of_the_predictions(audited, pipeline)
    assert audited.run.exit_codes == {"train": 0}
    assert audited.energy is not None
    assert audited.verdict != "not judged"


def test_the_card_has_the_curves(audited, pipeline):
    card = (pipeline.parent / "store" / audited.run.id / "card.html").read_text()
    assert "<summary>Results by group during training</summary>" in card
    assert card.count('<svg class="plot panel"') >= 8


def test_the_model_learns_and_the_groups_are_no_feature(audited, pipeline):
    accuracy = [
        next(e.value for e in epoch.measured() if e.metric == "accuracy" and not e.by) for epoch in audited.epochs
    ]
    base = audited.find("base_rate", by=(), stage="model")[0].value
    assert accuracy[-1] > max(base, 1 - base) + 0.03
    text = (pipeline / "train.py").read_text()
    features = text[text.index("NUMBERS = ") : text.index("WIDTH, HIDDEN")]
    assert "sex" not in features
    assert "race" not in features


@pytest.mark.slow
def test_the_same_seed_gives_the_same_and_a_restart_ends_alike(audited, pipeline):
    whole = pd.read_parquet(pipeline / "predictions.parquet")
    assert script(pipeline, "train.py", "--epochs", "2").returncode == 0
    done = script(pipeline, "train.py", "--resume")
    assert (done.returncode, done.stdout) == (0, "")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [
        "Epoch 3",
        "Epoch 4",
        "Epoch 5",
        "Epoch 6",
        done.stderr.splitlines()[-1].split(":")[0],
    ]
    pd.testing.assert_frame_equal(pd.read_parquet(pipeline / "predictions.parquet"), whole)


def test_the_table_is_the_source_row_by_row(audited, pipeline):
    source = sample()
    parts = [pd.read_parquet(pipeline / f"{part}.parquet") for part in ("train", "validation")]
    assert sum(map(len, parts)) == N
    assert 0.17 < len(parts[1]) / N < 0.23
    both = pd.concat(parts)
    assert both["over_50k"].mean() == source["PINCP"].mean()
    assert both["race"].value_counts().to_dict()["white"] == int((source["RAC1P"] == 0).sum())
    assert both["sex"].value_counts().to_dict() == {
        "male": int((source["SEX"] == 1).sum()),
        "female": int((source["SEX"] == 2).sum()),
    }
    names = (pipeline / "README.md").read_text()
    assert not [c for c in both.columns if f"`{c}`" not in names]


def test_codes_from_one_and_dollars_read_alike(pipeline, tmp_path, root):
    other = copied(root, tmp_path)
    dollars = sample(zero_based=False).assign(PINCP=lambda t: t["PINCP"] * 50_000 + 25_000)
    dollars.to_csv(tmp_path / "dollars.csv", index=False)
    assert script(other, "prepare.py", "--data", str(tmp_path / "dollars.csv")).returncode == 0
    assert script(pipeline, "prepare.py", data=pipeline.parent / "sample.parquet").returncode == 0
    for part in ("train", "validation"):
        mine, theirs = (pd.read_parquet(p / f"{part}.parquet") for p in (pipeline, other))
        pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)


def test_what_cannot_be_prepared_is_refused_in_one_line(pipeline, tmp_path):
    both = sample().assign(RAC1P=lambda t: t["RAC1P"].where(t.index > 0, 9))
    both.to_parquet(tmp_path / "both.parquet")
    sample().drop(columns="SCHL").to_parquet(tmp_path / "short.parquet")
    for words, said in (
        ((), "no table is named; set EVENHAND_CENSUS"),
        (("--data", str(tmp_path / "nowhere.parquet")), "there is no file"),
        (("--data", str(tmp_path / "both.parquet")), "whether white is 0 or 1"),
        (("--data", str(tmp_path / "short.parquet")), "has no column SCHL"),
    ):
        done = script(pipeline, "prepare.py", *words)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert said in done.stderr


def test_the_shipped_pipeline_is_copied_and_run_by_a_command(tmp_path):
    sample(n=3000).to_parquet(tmp_path / "sample.parquet")
    env = os.environ | {"EVENHAND_CENSUS": str(tmp_path / "sample.parquet")}
    command = [sys.executable, "-m", "audit", "demo", "--pipeline", "census_torch", "--store", "store"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(Store(tmp_path / "store").load().epochs) == 6
    assert (tmp_path / "census_torch" / "predictions.parquet").is_file()
    wrong = subprocess.run(
        [sys.executable, "-m", "audit", "demo", "--pipeline", "census_troch"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 2
    assert "did you mean 'census_torch'?" in wrong.stderr.replace("\n", " ")


@pytest.mark.slow
def test_on_the_real_table_in_under_three_minutes(tmp_path, root, shared):
    pipeline = copied(root, tmp_path)
    result, took_s = audit_run(pipeline, shared / "data" / "acs_income" / "ACSIncome_test.parquet")
    assert_the_last_epoch_is_the_audit_of_the_predictions(result, pipeline)
    assert sum(p.rows_read for p in result.data if p.part in {"train", "test"}) == 332_900
    gap = result.find("true_positive_rate", "difference", by=["sex"])[0]
    assert gap.pair == (("female",), ("male",))
    assert gap.high < 0.1
    right = {e.group[0]: e.value for e in result.find("accuracy", by=["sex"]) if e.group}
    assert right["female"] > right["male"]
    assert took_s < 180
