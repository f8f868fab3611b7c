"""The page of data: who is in it beside a population."""

from __future__ import annotations

import pytest
import sample_results

from audit.estimate import cell_text
from audit.record.store import Store
from audit.report.dashboard.data import compare_with_population

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import open_screen, read_screen
from served_store import BOSTON, PLAIN, put


def test_shares_stand_beside_those_of_the_population(tmp_path, monkeypatch):
    result = sample_results.boston()
    put(Store(tmp_path), BOSTON, result)
    at = open_screen(Store(tmp_path), monkeypatch, "data")
    assert not at.exception
    shown = read_screen(at)
    ratios = [
        e for e in result.estimates if e.reference == ("population",) and e.metric == "representation" and e.group
    ]
    assert len(ratios) == 3
    assert all(cell_text(e.value, "ratio") in shown for e in ratios)
    assert (
        "Of the groups in the data, black has the lowest ratio of its share of rows to its share of the population: 0.990"
        in shown
    )
    whole = next(e for e in result.estimates if e.reference == ("population",) and e.compare == "ratio" and not e.group)
    assert f"All groups together are not judged: {whole.reason}" in shown
    assert "as in the population" in shown


def test_a_ratio_above_1_lies_beyond_the_line_of_the_population():
    (view,) = compare_with_population(sample_results.boston())
    (line,) = view.chart.limits
    black, white, hispanic = (row.place for row in view.chart.rows)
    assert black.x < line.x < white.x < hispanic.x < hispanic.high < 100


def test_without_a_population_nothing_is_said_of_one(tmp_path, monkeypatch):
    put(Store(tmp_path), PLAIN, sample_results.unjudged())
    assert "beside the population" not in read_screen(open_screen(Store(tmp_path), monkeypatch, "data"))
