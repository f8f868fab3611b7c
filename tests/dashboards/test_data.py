"""The page of data: who is in it beside a population."""

from __future__ import annotations

import pandas as pd
import pytest
import sample_results

import audit
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


def admit():
    """Applicants of six departments as published (Bickel, Hammel and O'Connell 1975): men and women, admitted or not."""
    counts = {
        "A": ((512, 313), (89, 19)),
        "B": ((353, 207), (17, 8)),
        "C": ((120, 205), (202, 391)),
        "D": ((138, 279), (131, 244)),
        "E": ((53, 138), (94, 299)),
        "F": ((22, 351), (24, 317)),
    }
    rows = []
    for department, each in counts.items():
        for sex, (yes, no) in zip(("male", "female"), each, strict=True):
            rows += [(sex, department, 1)] * yes + [(sex, department, 0)] * no
    return pd.DataFrame(rows, columns=["sex", "department", "admitted"])


def test_gaps_within_strata_are_drawn_as_slopes(tmp_path, monkeypatch):
    frame = admit()
    result = audit.check(frame, label="admitted", groups=["sex"], strata=["department"])
    store = Store(tmp_path)
    put(store, BOSTON, result)
    at = open_screen(store, monkeypatch, "data")
    assert not at.exception
    shown = read_screen(at)
    assert "The gap to male changes its sign within department." in shown
    # Wachter, Mittelstadt and Russell (2021), section 5: share among the rejected less share among the admitted.
    within, women = 0.0, frame.sex == "female"
    for _, part in frame.groupby("department"):
        gap = women[part.index][part.admitted == 0].mean() - women[part.index][part.admitted == 1].mean()
        within += len(part) / len(frame) * gap
    overall = women[frame.admitted == 0].mean() - women[frame.admitted == 1].mean()
    assert overall > 0 > within
    assert f"female {100 * overall:.1f} points −{abs(100 * within):.1f} points" in shown
    assert "Proxies of a group" in shown
