"""The pages of energy and data: earlier runs of the same model, and the attribute that is chosen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import sample_results

from audit.record.store import Store

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import list_html, open_screen, read_screen
from served_store import BOSTON, PLAIN, put

OLDER, OLDEST = "20261123T050512Z-1a2b30", "20261122T050512Z-1a2b29"


def put_metered(store, run_id, kwh, version="<b>1</b>"):
    result = sample_results.boston()
    config = json.loads(json.dumps(result.question.config))
    config["model"]["version"] = version
    energy = None if kwh is None else replace(result.energy, energy_kwh=kwh)
    put(store, run_id, replace(result, energy=energy, question=replace(result.question, config=config)))


def test_earlier_runs_of_the_same_model_stand_beside_a_run(tmp_path, monkeypatch):
    store = Store(tmp_path)
    put_metered(store, OLDEST, None)
    put_metered(store, OLDER, 0.002)
    put(store, PLAIN, sample_results.unjudged())
    put_metered(store, BOSTON, 0.004)
    at = open_screen(store, monkeypatch, "energy", run=BOSTON)
    assert not at.exception
    shown = read_screen(at)
    assert "This run used 4.00 Wh; the newest earlier run that was metered used 2.00 Wh." in shown
    assert "Not drawn, because not metered: 1 of 2 earlier runs." in shown
    drawn = "".join(list_html(at))
    assert "<b>1" not in drawn
    assert "&lt;b&gt;1" in drawn


def test_the_first_run_of_a_model_has_nothing_beside_it(tmp_path, monkeypatch):
    store = Store(tmp_path)
    put(store, OLDEST, sample_results.unjudged())
    put_metered(store, OLDER, 0.002)
    assert "The store has no earlier run of this model." in read_screen(open_screen(store, monkeypatch, "energy"))


def test_runs_that_were_not_metered_are_not_compared(tmp_path, monkeypatch):
    store = Store(tmp_path)
    put_metered(store, OLDEST, None)
    put_metered(store, OLDER, 0.002)
    put_metered(store, BOSTON, None)
    assert "This run has no energy to compare." in read_screen(open_screen(store, monkeypatch, "energy", run=BOSTON))
    shown = read_screen(open_screen(store, monkeypatch, "energy", run=OLDER))
    assert "Earlier runs were not metered (newest looked at: 1)." in shown


def test_the_page_of_data_opens_on_the_attribute_that_is_chosen(tmp_path, monkeypatch):
    put(Store(tmp_path), BOSTON, sample_results.boston())
    for by in ("race", "sex"):
        drawn = "".join(list_html(open_screen(Store(tmp_path), monkeypatch, "data", by=by)))
        assert drawn.count("<details open>") == 1
        assert f"<details open><summary>By {by}</summary>" in drawn
