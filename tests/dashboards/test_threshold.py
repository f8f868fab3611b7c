"""Other thresholds: what the counts say is what the rows say, and the page says that it is supposed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import audit
from audit.measurement.scores.thresholds import RATES
from audit.pipeline.drill.thresholds import find_scored, suppose
from audit.record.store import Store
from audit.report.dashboard.threshold import describe_start, explain_no_scores, make_threshold_view

pytest.importorskip("streamlit", reason="the extra evenhand[dashboard] is not installed")
from screens import open_screen, read_screen
from served_store import BOSTON, put


def draw_rows(seed, rows=900, weighted=False):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"race": rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1]), "y": rng.integers(0, 2, rows)})
    frame["score"] = np.round(np.clip(rng.normal(0.4 + 0.25 * frame.y, 0.2), 0, 1), 2)
    frame["w"] = rng.uniform(0.5, 3, rows) if weighted else 1.0
    return frame


def audit_rows(frame, *, weighted=False):
    return audit.measure(
        frame.y,
        score=frame.score,
        groups={"race": frame.race},
        gates=["selection_rate difference <= 0.1", "true_positive_rate difference <= 0.3"],
        **({"weight": frame.w} if weighted else {}),
    )


def rates_of_rows(part, cut):
    """The slow oracle: rates of some rows, one row at a time."""
    yes, w = part.score >= cut, part.w
    right = (yes == (part.y == 1)) * w
    shares = {"selection_rate": part.y >= 0, "true_positive_rate": part.y == 1, "false_positive_rate": part.y == 0}
    found = {name: (yes * w)[of].sum() / w[of].sum() for name, of in shares.items()}
    return found | {"accuracy": right.sum() / w.sum()}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_counts_say_of_every_threshold_what_the_rows_say(seed, weighted):
    frame = draw_rows(seed, weighted=weighted)
    scored = find_scored(audit_rows(frame, weighted=weighted), ("race",))
    found = scored.thresholds
    for at, cut in enumerate(found.at):
        for i, group in enumerate(found.groups):
            expected = rates_of_rows(frame[frame.race == group[0]], cut)
            assert [found.measure(name)[i, at] for name in RATES] == pytest.approx([expected[name] for name in RATES])
        assert found.measure_accuracy()[at] == pytest.approx(rates_of_rows(frame, cut)["accuracy"])
    cuts = {group: found.at[3 * (i + 5)] for i, group in enumerate(found.groups)}
    supposed = suppose(scored, cuts, 0.5)
    for e in supposed.rates:
        if e.by:
            (level,) = e.group
            assert e.value == pytest.approx(rates_of_rows(frame[frame.race == level], cuts[e.group])[e.metric])


def test_at_the_audited_threshold_rates_intervals_and_verdicts_are_those_of_the_run():
    result = audit_rows(draw_rows(7))
    scored = find_scored(result, ("race",))
    at = scored.thresholds.find_nearest(0.5)
    assert (scored.threshold, scored.thresholds.at[at]) == (0.5, 0.5)
    supposed = suppose(scored, {}, 0.5)
    known = {
        (e.metric, e.by, e.group): e
        for e in result.estimates
        if (e.stage, e.compare, e.reference) == ("model", None, None)
    }
    assert len(supposed.rates) == 16
    for e in supposed.rates:
        there = known[e.metric, e.by, e.group]
        assert (e.value, e.low, e.high) == pytest.approx((there.value, there.low, there.high))
    assert [(g.name, g.verdict) for g in supposed.gates] == [(g.name, g.verdict) for g in result.gates]


def test_the_cheapest_thresholds_are_those_of_the_rows():
    frame = draw_rows(11)
    found = find_scored(audit_rows(frame), ("race",)).thresholds

    def cost(part, cut):
        yes = part.score >= cut
        return 5 * (yes & (part.y == 0)).sum() + 2 * (~yes & (part.y == 1)).sum()

    every, each = found.choose_cheapest(5.0, 2.0)
    assert cost(frame, found.at[every]) == min(cost(frame, cut) for cut in found.at)
    for group, at in zip(found.groups, each, strict=True):
        part = frame[frame.race == group[0]]
        assert cost(part, found.at[at]) == min(cost(part, cut) for cut in found.at)


@pytest.mark.parametrize("rate", RATES)
def test_groups_are_made_alike_as_closely_as_their_scores_let_them(rate):
    frame = draw_rows(13)
    found = find_scored(audit_rows(frame), ("race",)).thresholds
    picked = found.find_nearest(0.5)
    target = rates_of_rows(frame, 0.5)[rate]
    for i, at in enumerate(found.choose_like_all(rate, picked)):
        off = np.abs(found.measure(rate)[i] - target)
        assert off[at] == pytest.approx(off.min())


@pytest.fixture(scope="module")
def scored_store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("scored"))
    put(store, BOSTON, audit_rows(draw_rows(3)))
    return store


def test_the_page_says_that_it_is_supposed_and_draws_the_frontier(scored_store, monkeypatch):
    at = open_screen(scored_store, monkeypatch, "threshold")
    assert not at.exception
    shown = read_screen(at)
    assert "Not the audited model: what these scores would give at other thresholds." in shown
    assert "Accuracy against the difference in selection rate between groups" in shown
    assert "The run was audited at threshold 0.5." in shown
    assert shown.index("Dot: the threshold of the slider") < shown.index("difference between groups, points")
    assert at.select_slider("threshold").value == "0.5"
    at.select_slider("threshold").set_value("0.6").run()
    rows = draw_rows(3)
    expected = rates_of_rows(rows[rows.race == "a"], 0.6)["selection_rate"]
    assert f"a {100 * expected:.1f}%" in read_screen(at)
    at.selectbox("way").set_value("same selection rate").run()
    assert not at.exception
    assert "Threshold of each group" in read_screen(at)


def test_a_run_without_scores_says_what_to_name(tmp_path, monkeypatch):
    import sample_results

    store = Store(tmp_path)
    put(store, BOSTON, sample_results.boston())
    at = open_screen(store, monkeypatch, "threshold")
    assert "Name their column in [predictions] score of audit.toml" in read_screen(at)


def view_at(frame, cut=0.5):
    scored = find_scored(audit_rows(frame), ("race",))
    supposed = suppose(scored, {}, cut)
    return make_threshold_view(scored.by, "selection_rate", supposed.rates, supposed.gates, {}), supposed


def test_a_limit_as_it_would_be_says_what_would_be_found():
    view, supposed = view_at(draw_rows(3), 0.6)
    values = [100 * g.estimate.value for g in supposed.gates]
    assert [row.cells[1].text for row in view.limits.rows] == [f"{v:.1f} points" for v in values]
    assert [row.cells[1].interval for row in view.limits.rows] == [
        f"[{100 * g.low:.1f}, {100 * g.high:.1f}]" for g in supposed.gates
    ]


def test_one_group_alone_is_said_not_to_be_compared():
    view, _ = view_at(draw_rows(3).assign(race="only"))
    assert "Selection rate by race cannot be compared: fewer than two groups have a value." in view.sentence
    assert "would be fewer" not in view.sentence


def test_a_group_of_few_rows_is_told_as_such_where_it_lies_furthest():
    frame = draw_rows(3)
    frame["race"] = np.where(np.arange(len(frame)) < 3, "tiny", "usual")
    view, _ = view_at(frame)
    assert re.search(r"(lowest|highest) tiny \d+\.\d% \(n 3, too few rows to judge alone\)", view.sentence)
    assert re.search(r"(lowest|highest) usual \d+\.\d% \(n 897\)", view.sentence)


def test_of_many_groups_those_with_most_rows_are_drawn_and_that_is_said():
    frame = draw_rows(5, rows=1200)
    frame["race"] = [f"g{i % 40:02}" for i in range(1000)] + ["g39"] * 200
    view, _ = view_at(frame)
    assert (len(view.chart.rows), len(view.rates.rows)) == (25, 41)
    assert "g39" in [row.name for row in view.chart.rows]
    assert "The 25 groups with most rows are drawn; the table has all 40." in view.notes


def test_a_run_that_has_no_threshold_says_why():
    rows = draw_rows(5)
    number = audit.measure(rows.score, rows.score + 0.1, groups={"race": rows.race}, task="regression")
    assert explain_no_scores(number, ("race",)).endswith("the task of this run is regression.")
    scored = audit_rows(rows)
    assert explain_no_scores(scored, ()).startswith("This run measured no groups.")
    assert explain_no_scores(scored, ("race", "sex", "age")).endswith("Choose an attribute of fewer columns.")
    assert describe_start(None, "0.5").startswith("The run gives no number as its threshold")
    assert describe_start(0.503, "0.5") == "The run was audited at threshold 0.503; the nearest one offered is 0.5."
