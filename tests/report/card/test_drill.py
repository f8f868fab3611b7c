"""The drill of a page: what is drawn, and what a published card withholds."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sample_results import boston

import audit
from audit.config.read import read_question
from audit.faults.drill import Drill
from audit.faults.fault import FAULTS
from audit.faults.found import Tally, make_curve, make_drilled
from audit.gates.judge import expand_rules
from audit.record.result import AuditResult
from audit.report.card.render import render
from audit.report.disclosure.drilled import WITHHELD, hide_drilled
from audit.report.disclosure.publishable import publishable


def drill_of(result: AuditResult) -> Drill:
    gates = []
    for rule in expand_rules(read_question(result)):
        if rule.stage == "model" and rule.by:
            group = ("black", "female")[: len(rule.by)]
            points = [(0.1, Tally(0.2, (30, 0, 70, 0, 0))), (0.5, Tally(0.4, (95, 0, 5, 0, 0)))]
            curve = make_curve(rule, FAULTS["withheld"], rule.by, group, points)
            gates.append(make_drilled(rule, "pass", Tally(0.1, (1, 99, 0, 0, 0)), (curve,)))
    return Drill(run=result.run.id, audit="sha256:0", version="0", seeds=100, seed=0, faults=(), gates=tuple(gates))


RESULT = boston()
DRILL = drill_of(RESULT)


def test_report_draws_a_line_for_each_fault():
    page = render(RESULT, "report", None, DRILL)
    assert page.count("Selections withheld from a group: copies in which the limit fails") == len(DRILL.gates)
    first = re.search(r'<desc id="d0withheld0d">(.*?)</desc>', page)
    assert first is not None
    assert "fails in 1% at no fault, 30% at 10% of its selections, 95% at 50% of its selections" in first[1]


@pytest.mark.parametrize("style", ["report", "html"])
def test_the_section_stands_between_checks_and_energy_and_is_in_the_contents(style):
    page = render(RESULT, style, 1, DRILL)
    places = [page.index(f'<h2 id="{name}">') for name in ("limits", "model", "checks", "drill", "energy", "method")]
    assert places == sorted(places)
    assert '<a href="#drill">Drill</a>' in page


def test_in_markdown_the_section_stands_between_checks_and_energy():
    page = render(RESULT, "md", 1, DRILL)
    places = [
        page.index(f"## {name}") for name in ("Limits", "Checks of the data", "Drill: what these", "Energy and carbon")
    ]
    assert places == sorted(places)


def test_a_blind_spot_is_marked_outside_of_the_fold():
    rule = next(rule for rule in expand_rules(read_question(RESULT)) if rule.stage == "model" and rule.by == ("race",))
    blind = make_curve(rule, FAULTS["renamed"], ("race",), ("black",), [(1.0, Tally(0.1, (0, 100, 0, 0, 0)))])
    gate = make_drilled(rule, "pass", Tally(0.1, (0, 100, 0, 0, 0)), (blind, *DRILL.gates[0].curves))
    page = render(RESULT, "report", None, replace(DRILL, gates=(gate,)))
    row = page.split('<h2 id="drill">')[1].split("</summary>")[0]
    assert "1 blind spot</span>" in row
    assert "It passes in most copies with black renamed." not in row
    assert "△ 1 blind spot:" in render(RESULT, "md", 1, replace(DRILL, gates=(gate,)))


def test_two_limits_of_one_metric_have_other_titles():
    page = render(RESULT, "report", None, DRILL).split('<h2 id="drill">')[1].split('<h2 id="energy">')[0]
    titles = re.findall(r'<span class="what"><strong>(.*?)</strong>', page)
    assert len(set(titles)) == len(titles) == len(DRILL.gates)


def test_a_page_without_a_drill_has_no_section():
    assert "Drill" not in render(RESULT, "report")


def test_a_card_shows_a_curve_only_where_nothing_of_its_grouping_is_withheld():
    for k in (1, 10):
        shown = publishable(RESULT, k)
        hidden = {e.by for e in shown.estimates if e.status == "suppressed" and e.stage == "model"}
        for gate in hide_drilled(DRILL, shown).gates:
            told = any(set(by) <= set(gate.by) for by in hidden)
            assert told is (k == 10)
            assert bool(gate.curves) is not told
            assert (gate.sentence == WITHHELD) is told


@pytest.mark.parametrize("style", ["html", "md"])
def test_no_size_and_no_share_of_a_withheld_limit_stands_on_a_card(style):
    page = render(RESULT, style, 10, DRILL)
    assert "black × female" not in page.split("Drill: what these limits can find")[1].split("Results by group")[0]
    assert "Withheld: a curve would reveal counts" in page


def test_a_name_of_a_group_is_text(tmp_path):
    rows = {"g": ["<b>x</b>", "y"] * 50}
    result = audit.measure([1, 0] * 50, [1, 0, 1, 1] * 25, groups=rows, gates=["selection_rate difference <= 0.9"])
    (rule,) = expand_rules(read_question(result))
    curve = make_curve(rule, FAULTS["withheld"], ("g",), ("<b>x</b>",), [(0.5, Tally(0.4, (95, 0, 5, 0, 0)))])
    drilled = make_drilled(rule, "pass", Tally(0.1, (0, 100, 0, 0, 0)), (curve,))
    drill = Drill(run=result.run.id, audit="sha256:0", version="0", seeds=100, seed=0, faults=(), gates=(drilled,))
    assert "<b>x</b>" not in render(result, "report", None, drill)
