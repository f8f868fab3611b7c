"""Runs side by side on a page: what changed beyond chance, row by row where both are about the same people, and limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sample_results

from audit.config.read import build
from audit.pipeline.run import Job, run
from audit.record.heads import read_entry
from audit.record.store import Store
from audit.report.dashboard.runs import name_run

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import list_html, open_screen, read_screen
from served_store import BOSTON, PLAIN, put

ASKED = "Show what changed row by row (reads the tables)"


@pytest.fixture
def made(tmp_path):
    """Two runs of 600 people, the second of which decides 40 of the 200 black ones wrongly, and is held to two limits."""
    y = np.resize([0, 1], 600)
    people = pd.DataFrame({"id": np.arange(600), "y": y, "race": np.repeat(["black", "white"], [200, 400])})
    people.assign(p=y).to_parquet(tmp_path / "before.parquet")
    people.assign(p=np.where(np.arange(600) < 40, 1 - y, y))[::-1][:590].to_parquet(tmp_path / "after.parquet")
    store = Store(tmp_path / "audit-runs")
    for name in ("before", "after"):
        asked = {
            "data": {"label": "y", "groups": ["race"], "key": "id"},
            "predictions": {"source": f"{name}.parquet", "prediction": "p"},
            "gates": [
                {"metric": metric, "compare": "difference", "max": most, "by": ["race"]}
                for metric, most in (("selection_rate", 0.3), ("accuracy", 0.08))
            ],
        }
        run(Job(config=build(asked, "a test"), folder=tmp_path, store=store, metered=False))
    return store


def test_who_lost_is_said_first_where_the_reader_asks(made, monkeypatch):
    at = open_screen(made, monkeypatch, "compare")
    assert not at.exception
    assert "Row by row" not in read_screen(at), "tables are not read before somebody asks"
    at.toggle("rows").set_value(True).run()
    assert not at.exception
    shown = read_screen(at)
    lost, joined = shown.index("By race, black lost accuracy: 30 of 190"), shown.index("Row by row, by id (590 rows")
    assert lost < joined < shown.index("Changed decisions by race") < shown.index("rates changed beyond chance")
    assert "590 rows in both runs; 10 only in the first" in shown
    assert shown == read_screen(open_screen(made, monkeypatch, "compare", rows="true")), "the address leads to it"


def test_why_rows_cannot_be_compared_is_said(made, monkeypatch):
    (made.folder.parent / "before.parquet").unlink()
    at = open_screen(made, monkeypatch, "compare", rows="true")
    assert not at.exception
    assert "Not compared row by row: " in read_screen(at)
    assert "before.parquet" in read_screen(at)


def test_limits_are_told_in_words_those_that_changed_first(made, monkeypatch):
    at = open_screen(made, monkeypatch, "compare")
    shown = read_screen(at)
    beside = shown[shown.index("Limits side by side") :]
    assert "The verdict differs between these runs for 1 of 2 limits." in beside
    first, second = beside.index("model.accuracy.difference.race"), beside.index("model.selection_rate.difference.race")
    assert beside.index("Accuracy by race changed") < first < second
    assert beside.index("Fail") < beside.index("Pass") < second
    assert "limit at most 8 points" in beside


def test_runs_of_no_key_are_not_asked_for_their_rows(tmp_path, monkeypatch):
    store = Store(tmp_path)
    put(store, PLAIN, sample_results.boston())
    put(store, BOSTON, replace(sample_results.boston(), gates=()))
    at = open_screen(store, monkeypatch, "compare", rows="true")
    assert not at.exception
    assert not at.toggle
    assert "no such limit" in read_screen(at)
    assert ASKED not in "".join(list_html(at))


def test_a_run_older_than_those_that_are_offered_is_compared_too(tmp_path, monkeypatch):
    store = Store(tmp_path)
    ids = [f"20261101T{i // 60:02d}{i % 60:02d}12Z-{i:06x}" for i in range(230)]
    known = sample_results.boston().run.id
    text = sample_results.boston().to_json()
    for one in ids:
        store.commit(one, {"audit.json": text.replace(known, one, 1)})
    at = open_screen(store, monkeypatch, "compare", run=ids[5])
    assert not at.exception
    assert at.multiselect("with").value == [ids[4]]
    at = open_screen(store, monkeypatch, "compare", **{"with": name_run(read_entry(store.folder / ids[2]))})
    assert at.multiselect("with").value == [ids[2]]
