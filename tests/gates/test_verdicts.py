"""No verdict that nobody earned: PASS needs a limit on groups, a waiver an end and a worst value, and one file one verdict."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from dataclasses import replace

import numpy as np
import pytest
from commands import audit, only_run

import audit as product
from audit.config.read import build
from audit.errors import QuestionError
from audit.estimate import Estimate
from audit.gates.judge import Evidence, judge, judge_again
from audit.gates.verdicts import exit_code, worst_verdict
from audit.record.result import Check, Energy
from audit.report.card.render import render
from audit.report.disclosure.publishable import publishable

TODAY = dt.date(2026, 11, 24)
RATIO = {"metric": "selection_rate", "compare": "ratio", "by": ["g"], "min": 0.8}
UNGROUPED = (
    {"metric": "accuracy", "by": [], "min": 0.2},
    {"metric": "selection_rate", "by": [], "min": 0.01},
    {"stage": "data", "metric": "base_rate", "by": [], "min": 0.01},
    {"stage": "energy", "metric": "energy_kwh", "max": 5.0},
    {"stage": "energy", "metric": "carbon_g", "max": 5.0},
    {"stage": "checks", "metric": "failed", "max": 0},
    {"stage": "checks", "metric": "warned", "max": 3},
    {"stage": "checks", "metric": "DL001", "max": 0},
)
GROUPED = (
    RATIO,
    {"metric": "accuracy", "by": ["g"], "min": 0.2},
    {"stage": "data", "metric": "representation", "by": ["g"], "compare": "lowest", "min": 0.01},
    {"stage": "checks", "metric": "FM001", "max": 0},
)


def asked(*gates, **more):
    data = {"source": "rows.csv", "label": "y", "groups": ["g"]}
    return build({"data": data, "predictions": {"source": "p.csv", "prediction": "p"}, "gates": list(gates), **more})


def kept(config):
    """Evidence that keeps every limit of a configuration."""
    estimates = [
        Estimate(
            stage=g.stage, metric=g.metric, compare=g.compare, by=g.by or (), value=0.9, low=0.85, high=0.95, n=99.0
        )
        for g in config.gates
        if g.stage in {"model", "data"}
    ]
    checks = [Check(code=code, title=code, outcome="pass") for code in ("DL001", "FM001", "DV100")]
    return Evidence(estimates=estimates, checks=checks, energy=Energy(energy_kwh=0.1, carbon_g=0.1))


def test_limits_that_compare_no_groups_never_pass_however_they_are_mixed():
    for size in (1, 2, 3):
        for gates in itertools.combinations(UNGROUPED, size):
            config = asked(*gates)
            judged = judge(config, kept(config), TODAY)
            assert {g.verdict for g in judged} == {"pass"}
            assert worst_verdict(judged) == "not judged"
            assert exit_code(worst_verdict(judged)) == 0
    assert worst_verdict(()) == "not judged"


@pytest.mark.parametrize("grouped", GROUPED, ids=lambda g: g["metric"])
def test_one_limit_on_groups_makes_it_a_pass(grouped):
    config = asked(*UNGROUPED, grouped)
    assert worst_verdict(judge(config, kept(config), TODAY)) == "pass"


def test_the_four_fifths_rule_is_a_limit_on_groups():
    config = build({
        "data": {"source": "rows.csv", "label": "y", "groups": ["g"]}, "policy": {"four_fifths": True},
        "predictions": {"source": "p.csv", "prediction": "p"},
    })  # fmt: skip
    judged = judge(config, Evidence(estimates=(), checks=[Check(code="FM001", title="t", outcome="pass")]), TODAY)
    assert worst_verdict(judged, four_fifths=True) == "pass"
    assert worst_verdict(judged) == "not judged"


@pytest.mark.parametrize(("outcome", "code"), [("pass", 0), ("fail", 1), ("error", 3)])
def test_a_suite_alone_can_fail_an_audit_and_never_pass_one(tmp_path, outcome, code):
    (tmp_path / "t.csv").write_text("g,y\n" + "a,0\na,1\n" * 90 + "b,0\nb,1\nb,0\n" * 40)
    column = {"pass": "g", "fail": "g", "error": "nowhere"}[outcome]
    kwargs = {"column": column} if outcome != "fail" else {"column": "g", "value_set": ["a"]}
    kind = "expect_column_values_to_be_in_set" if outcome == "fail" else "expect_column_values_to_not_be_null"
    (tmp_path / "s.json").write_text(json.dumps({"name": "s", "expectations": [{"type": kind, "kwargs": kwargs}]}))
    done = audit("data", "t.csv", "--label", "y", "--groups", "g", "--suite", "s.json", cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    first = " ".join(done.stdout.split())
    assert first.startswith("NOT JUDGED: No limit on groups was set") == (outcome == "pass")
    assert "every gate passed" not in first
    card = (only_run(tmp_path) / "card.md").read_text()
    assert ("No limit on groups was set. The one expectation of s.json holds." in card) == (outcome == "pass")


def waived_config(*waivers, gates=(RATIO,)):
    return asked(*gates, waivers=list(waivers))


def waiver(**changes):
    made = {"gate": "model.selection_rate.ratio.g", "owner": "ann", "reason": "a plan",
            "expires": TODAY + dt.timedelta(days=40), "max_gap": 0.5}  # fmt: skip
    return {k: v for k, v in {**made, **changes}.items() if v is not None}


def ratio(value, low, high):
    return Estimate(stage="model", metric="selection_rate", compare="ratio", by=("g",), value=value, low=low, high=high)


@pytest.mark.parametrize(
    ("waivers", "said"),
    [
        ([waiver(max_gap=None)], "'model.selection_rate.ratio.g' has no max_gap; give the worst value that is accepted"),
        ([waiver(expires=TODAY + dt.timedelta(days=367))], "expires on 2027-11-26, more than a year away"),
        ([waiver(expires=dt.date(2999, 1, 1))], "2999-01-01"),
        ([waiver(), waiver(owner="bob")], "'model.selection_rate.ratio.g' has two waivers; remove one of them"),
        ([waiver(gate="model.selection_rate.ratio.h")], "no gate 'model.selection_rate.ratio.h'"),
        ([waiver(owner=None)], "waivers[0].owner is missing"),
        ([waiver(reason="  ")], "waivers[0].reason"),
        ([waiver(expires=None)], "waivers[0].expires is missing"),
        ([waiver(max_gap=0.0)], "max_gap = 0, which bounds nothing"),
        ([waiver(max_gap=-3.0)], "bounds nothing"),
        ([waiver(max_gap=float("nan"))], "finite"),
        ([waiver(max_gap=True)], "must be a number"),
    ],
    ids=str,
)  # fmt: skip
def test_a_waiver_that_bounds_nothing_is_refused_by_name(waivers, said):
    with pytest.raises(QuestionError) as refused:
        judge(waived_config(*waivers), Evidence(estimates=[ratio(0.9, 0.85, 0.95)]), TODAY)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("gate", "worst"),
    [
        ({"metric": "selection_rate", "compare": "difference", "by": ["g"], "max": 0.1}, 1.0),
        ({"metric": "accuracy", "by": ["g"], "min": 0.7}, 0.0),
        ({"metric": "false_positive_rate", "by": ["g"], "max": 0.1}, 1.5),
        ({"metric": "equalized_odds_difference", "by": ["g"], "max": 0.1}, 1.0),
        ({"stage": "checks", "metric": "failed", "max": 0}, -1),
    ],
    ids=lambda g: str(g["metric"]) if isinstance(g, dict) else str(g),
)
def test_a_worst_value_is_a_limit_that_could_be_broken_in_every_direction(gate, worst):
    name = asked(gate).gates[0].name
    with pytest.raises(QuestionError, match="bounds nothing"):
        judge(waived_config(waiver(gate=name, max_gap=worst), gates=(gate,)), Evidence(estimates=()), TODAY)


def test_a_waiver_is_for_one_limit_where_two_have_one_name():
    """The wider of two limits would otherwise be waived by what was accepted for the narrower one."""
    two = (RATIO, {**RATIO, "min": 0.5})
    with pytest.raises(QuestionError, match="is the name of 2 limits, and a waiver is for one"):
        judge(waived_config(waiver(), gates=two), Evidence(estimates=[ratio(0.9, 0.85, 0.95)]), TODAY)


@pytest.mark.parametrize("key", ["by", "k", "min", "max", "limit", "groups", "metric"])
def test_a_waiver_widens_nothing(key):
    """It names one limit whole; who is compared, what is published and the limit itself are no part of it."""
    with pytest.raises(QuestionError, match=rf"waivers\[0\]\.{key}"):
        waived_config(waiver(**{key: 0.1}))


def test_a_waiver_covers_no_other_columns():
    gates = ({**RATIO, "by": ["g"]}, {**RATIO, "by": ["h"]})
    data = {"source": "rows.csv", "label": "y", "groups": ["g", "h"]}
    config = asked(*gates, waivers=[waiver()], data=data)
    of_h = replace(ratio(0.6, 0.55, 0.7), by=("h",))
    judged = judge(config, Evidence(estimates=[ratio(0.6, 0.55, 0.7), of_h]), TODAY)
    assert [gate.verdict for gate in judged] == ["waived", "fail"]
    assert [(gate.min, gate.estimate.value) for gate in judged] == [(RATIO["min"], 0.6)] * 2


def test_waivers_drawn_at_random_hold_exactly_while_they_may():
    draw = random.Random(20261130)
    for _ in range(400):
        value = draw.choice([0.3, 0.5, 0.6, 0.7])
        days, worst, low_side = draw.randint(-400, 366), round(draw.uniform(0.05, 0.95), 2), draw.random() < 0.5
        gate = RATIO if low_side else {"metric": "selection_rate", "compare": "difference", "by": ["g"], "max": 0.1}
        name = asked(gate).gates[0].name
        found = Estimate(stage="model", metric="selection_rate", compare=gate["compare"], by=("g",), value=value,
                         low=value - 0.1, high=value + 0.05)  # fmt: skip
        given = waiver(gate=name, expires=TODAY + dt.timedelta(days=days), max_gap=worst)
        (judged,) = judge(waived_config(given, gates=(gate,)), Evidence(estimates=[found]), TODAY)
        holds = days >= 0 and (value >= worst if low_side else value <= worst)
        assert judged.verdict == ("waived" if holds else "fail")
        if holds:
            assert f"Waived by ann until {TODAY + dt.timedelta(days=days)}, as far as " in judged.sentence
        else:
            assert "does not apply" in judged.sentence


def test_a_waiver_of_what_is_undefined_says_that_it_does_not_apply():
    (judged,) = judge(waived_config(waiver()), Evidence(estimates=()), TODAY)
    assert judged.verdict == "undefined"
    assert "does not apply: an undefined limit is never waived" in judged.sentence


def test_a_waived_gate_is_shown_with_its_end_where_its_numbers_are_withheld():
    g = np.repeat(["a", "b", "c"], [300, 300, 6])
    p = np.repeat([1, 0, 1, 0, 1, 0], [180, 120, 90, 210, 2, 4])
    result = product.measure(p, p, groups={"g": g}, gates=[RATIO])
    today = dt.datetime.fromisoformat(result.run.finished).date()
    given = waiver(max_gap=0.01, expires=today + dt.timedelta(days=40))
    judged = judge_again(result, build({**result.question.config, "waivers": [given]}), today)
    assert judged.verdict == "waived"
    shown = publishable(judged).gates[0].sentence
    assert f"Waived by ann until {today + dt.timedelta(days=40)}, as far as 0.01: a plan." in shown
    assert "every gate passed" not in render(judged, "md")
