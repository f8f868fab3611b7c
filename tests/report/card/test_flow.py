"""Changed decisions as a picture: bars either way on one scale, their words, and nothing of a group that is withheld."""

from __future__ import annotations

import numpy as np
import pytest

import audit
from audit.gates.headline import suggest_next
from audit.report.card.accounts import collect_owner_words
from audit.report.card.groups import make_model_groupings
from audit.report.card.render import render
from audit.report.card.results import make_front
from audit.report.disclosure.publishable import publishable


def changed(*, labels=True, weight=None):
    """900 rows: 20 of group a are newly wrong and 10 newly right, 30 and 60 of group b."""
    y = np.ones(900, dtype=int)
    earlier, new = y.copy(), y.copy()
    g = np.array(["a"] * 300 + ["b"] * 600)
    new[:20], earlier[20:30], new[300:330], earlier[330:390] = 0, 0, 0, 0
    y[899], earlier[899], new[899] = 0, 0, 0
    return audit.pairs(new, earlier, y if labels else None, groups={"g": g}, weight=weight)


def test_bars_are_on_one_scale_and_say_how_many_changed():
    (view,) = make_model_groupings(changed())
    flow = view.flow
    assert flow.title == "Changed decisions by g"
    assert flow.sides == ("newly wrong", "newly right")
    told = {row.name: row for row in flow.rows}
    assert told["a"].said == "20 newly wrong, 10 newly right of 300"
    assert told["b"].said == "30 newly wrong, 60 newly right of 600"
    assert told["a"].lost == pytest.approx(2 * told["a"].gained, abs=0.02)
    assert told["b"].gained == 48.5  # the largest share of all, at the end of the axis
    assert told["a"].start == pytest.approx(50 - told["a"].lost)
    assert [tick.text for tick in flow.ticks] == ["10%", "5%", "0%", "5%", "10%"]
    assert [tick.x for tick in flow.ticks] == [1.5, 25.75, 50.0, 74.25, 98.5]
    assert told["b"].net == "−5.0 points"
    assert [row.overall for row in flow.rows] == [False, False, True]


@pytest.mark.parametrize(
    ("changes", "words"), [(3, ["1.0%", "0.5%", "0.0%", "0.5%", "1.0%"]), (0, ["100%", "50%", "0%", "50%", "100%"])]
)
def test_the_axis_is_round_and_holds_every_bar(changes, words):
    y = np.resize([0, 1], 300)
    (view,) = make_model_groupings(
        audit.pairs(np.where(np.arange(300) < changes, 1 - y, y), y, y, groups={"g": ["a"] * 300})
    )
    assert [tick.text for tick in view.flow.ticks] == words
    assert all(row.start >= 1.5 and row.gained <= 48.5 for row in view.flow.rows)
    assert [row.lost for row in view.flow.rows] == [pytest.approx(48.5 if changes else 0)] * len(view.flow.rows)


def test_without_labels_it_is_up_and_down_and_with_weights_shares():
    (view,) = make_model_groupings(changed(labels=False))
    assert view.flow.rows[0].said == "20 down, 10 up of 300"
    (view,) = make_model_groupings(changed(weight=np.full(900, 2.0)))
    assert view.flow.rows[0].said == "6.7% newly wrong, 3.3% newly right of 300"


def test_there_is_no_picture_without_two_decisions_or_where_groups_are_withheld():
    y = np.resize([0, 1], 200)
    (view,) = make_model_groupings(audit.measure(y, y, groups={"g": np.resize(list("ab"), 200)}))
    assert view.flow is None
    assert make_model_groupings(publishable(changed(), 25))[0].flow is None


def test_page_and_notebook_show_it_before_the_rates():
    result = changed()
    page = render(result, "html", 1)
    assert page.index("Changed decisions by g") < page.index("Model results by g")
    assert "30 newly wrong, 60 newly right of 600; net loss −5.0 points" in page
    assert '<text class="tick" x="25.75%" y="11" text-anchor="middle">5%</text>' in page
    assert "30 newly wrong, 60 newly right of 600" in result._repr_html_()
    assert "newly wrong, 60" not in render(result, "html", 100)


def test_the_picture_on_top_and_the_next_step_are_about_what_changed():
    result = changed()
    assert suggest_next(result) == 'To judge this, add --gate "net_change highest <= 0.01".'
    assert suggest_next(changed(labels=False)) == 'To judge this, add --gate "selection_rate_change largest <= 0.01".'
    assert draw_top(result).title == "Net loss of accuracy by g"
    assert draw_top(publishable(result, 25)) is None


def draw_top(result):
    return make_front(result, collect_owner_words(result), 10).picture
