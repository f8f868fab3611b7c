"""The page of evidence: the drill of a run, and a record that changes while it is looked at."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import sample_results

import audit
from audit._version import __version__
from audit.faults.drill import DRILL, digest_document
from audit.faults.fault import choose_faults
from audit.pipeline.drill.run import DrillJob, drill
from audit.record.reader import read_result
from audit.record.store import Store

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import list_html, open_screen, read_screen
from served_store import BOSTON, PLAIN, put

HOSTILE = "<img src=x onerror=alert(1)>"


def measure():
    y = np.tile([0, 1, 1, 0], 60)
    groups = np.repeat(["north", HOSTILE], 120)
    return audit.measure(y, y, groups={"town": groups}, gates=["selection_rate difference <= 0.2"])


@pytest.fixture
def drilled(tmp_path):
    store = Store(tmp_path)
    folder = put(store, BOSTON, measure())
    result = read_result(folder)
    faults = choose_faults(("withheld",), (0.2, 0.6))
    found = drill(DrillJob(result=result, folder=folder, faults=faults, seeds=20))
    assert found.audit == digest_document(folder)
    (folder / DRILL).write_text(found.to_json())
    return store


def test_curves_of_a_drill_stand_on_the_page_as_on_the_report(drilled, monkeypatch):
    at = open_screen(drilled, monkeypatch, "evidence")
    assert not at.exception
    shown = read_screen(at)
    assert "Faults of rising size were planted in 20 copies of the counts of this run" in shown
    assert "Selections withheld from a group: copies in which the limit fails (dashed: 80%)" in shown
    drawn = "".join(list_html(at))
    assert '<desc id="d0withheld0d">' in drawn, "a drawing says in words what it shows"
    assert HOSTILE not in drawn
    assert "&lt;img" in drawn


def test_a_run_without_a_drill_says_how_to_make_one(tmp_path, monkeypatch):
    put(Store(tmp_path), BOSTON, measure())
    shown = read_screen(open_screen(Store(tmp_path), monkeypatch, "evidence"))
    assert f"These limits were not drilled. audit drill {BOSTON} says which faults they would find." in shown


def test_a_run_without_limits_has_nothing_to_drill(tmp_path, monkeypatch):
    put(Store(tmp_path), PLAIN, sample_results.unjudged())
    assert "This run has no limits to drill." in read_screen(open_screen(Store(tmp_path), monkeypatch, "evidence"))


def test_a_file_that_no_drill_wrote_is_named(tmp_path, monkeypatch):
    folder = put(Store(tmp_path), BOSTON, measure())
    (folder / DRILL).write_text("{")
    shown = read_screen(open_screen(Store(tmp_path), monkeypatch, "evidence"))
    assert "drill.json' is not a drill" in shown
    assert "run audit drill again" in shown


def test_a_record_that_changes_is_recomputed(tmp_path, monkeypatch):
    folder = put(Store(tmp_path), BOSTON, measure())
    at = open_screen(Store(tmp_path), monkeypatch, "evidence")
    assert "0.25" not in read_screen(at)
    document = folder / "audit.json"
    changed = re.sub(r'"value": ?0\.5\b', '"value": 0.25', document.read_text(), count=1)
    assert changed != document.read_text()
    document.write_text(changed)
    shown = read_screen(at.run())
    assert "1 finding: the record does not follow from its counts" in shown
    assert "0.25" in shown


@pytest.mark.parametrize(
    ("version", "said"), [("0.0.1", "recorded by evenhand 0.0.1"), (None, "Do not rely on this run.")]
)
def test_a_record_of_another_version_is_not_called_forged(tmp_path, monkeypatch, version, said):
    made = sample_results.boston()
    changed = replace(made, run=replace(made.run, version=version or __version__), verdict="pass")
    store = Store(tmp_path)
    put(store, BOSTON, changed)
    assert said in read_screen(open_screen(store, monkeypatch, "evidence"))
