"""The whole output of the demo, and of an audit of its predictions alone, at 80 columns: one page, the verdict first."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from commands import audit

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "screens"
UPDATE = "EVENHAND_UPDATE_GOLDEN"
MOST_LINES = 40
PLACE = "audit-runs/RUN"


def run(folder, *arguments):
    """Return what a command prints on stdout at 80 columns."""
    done = audit(*arguments, cwd=folder, env={"COLUMNS": "80"}, timeout=300)
    assert done.returncode in {0, 1, 3}, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder):
    return run(folder, "demo")


def mask(text):
    """Return the text without what differs from machine to machine: the run, and energy."""
    text = re.sub(r"audit-runs/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}", PLACE, text)
    text = re.sub(r"(?m)^(  PASS +energy ).*$", r"\1…", text)
    return re.sub(r"(?m)^(Energy  ).*$(\n {8}.*$)*", r"\1…", text)


def compare(name, text):
    file = GOLDEN / f"{name}.txt"
    if os.environ.get(UPDATE):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{file.name} differs; look at it, then set {UPDATE}=1 to accept"


def test_the_demo_fits_a_page_and_begins_with_the_verdict(demo):
    lines = demo.splitlines()
    assert lines[0].startswith("FAIL: ")
    assert len(lines) <= MOST_LINES
    assert max(map(len, (line for line in lines if "audit-runs/" not in line))) <= 80
    assert demo.count("Model results") == 1
    compare("demo", mask(demo))


@pytest.mark.parametrize("groups", [("race",), ("race", "sex")], ids=" ".join)
def test_an_audit_of_predictions_fits_a_page(demo, folder, groups):
    assert demo
    asked = ["--label", "approve", "--prediction", "prediction", "--score", "score", "--groups", ",".join(groups)]
    asked += ["--intersections", str(len(groups)), "--gate", "selection_rate ratio >= 0.8"]
    text = run(folder, "model", "boston_mortgages/predictions.parquet", *asked)
    lines = text.splitlines()
    assert lines[0].startswith("INCONCLUSIVE: ")
    assert len(lines) <= MOST_LINES
    assert lines[-1].startswith("Next    ")
    compare(f"demo-model-{'-'.join(groups)}", mask(text))


def test_everything_is_there_when_it_is_asked_for(demo, folder):
    assert demo
    (named,) = set(re.findall(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}", demo))
    text = run(folder, "show", named, "--all")
    assert len(text.splitlines()) > 5 * MOST_LINES
    for told in (
        "model.selection_rate.difference.race",
        "one-sided p-value",
        "Digest  ",
        "Training data by race × sex",
    ):
        assert told in text
