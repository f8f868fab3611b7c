"""Every gate can fail, nothing undefined passes, and a waiver is somebody's decision with a date."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

import audit
from audit.config.read import build
from audit.errors import QuestionError
from audit.estimate import Estimate
from audit.gates.check_counts import count_checks
from audit.gates.judge import Evidence, judge, judge_again
from audit.gates.verdicts import exit_code, find_deciding_gate, worst_verdict
from audit.pipeline.verify import describe_differences
from audit.record.result import Check, Energy, Gate

TODAY = dt.date(2026, 11, 24)
BLACK, WHITE = ("black",), ("white",)


def config(*gates, **more):
    data = {"source": "rows.csv", "label": "y", "groups": ["race", "sex"]}
    return build({"data": data, "predictions": {"source": "p.csv", "prediction": "p"}, "gates": list(gates), **more})


def ratio(low, high, value=None, **more):
    return Estimate(
        stage="model",
        metric="selection_rate",
        compare="ratio",
        by=("race",),
        value=value,
        low=low,
        high=high,
        confidence=0.95,
        pair=(BLACK, WHITE),
        n=200.0,
        **more,
    )


def rate(group, value, n):
    return Estimate(
        stage="model",
        metric="selection_rate",
        by=("race",),
        group=group,
        value=value,
        low=value - 0.1,
        high=value + 0.1,
        n=float(n),
        numerator=value * n,
        denominator=float(n),
        effective_n=float(n),
    )


FOUR_FIFTHS = {"metric": "selection_rate", "compare": "ratio", "by": ["race"], "min": 0.8}
PARITY = {"metric": "selection_rate", "compare": "difference", "by": ["race"], "max": 0.1}


def verdict(gate, *estimates, **more):
    (found,) = judge(config(gate), Evidence(estimates=estimates, **more), TODAY)
    return found.verdict


@pytest.mark.parametrize(
    ("low", "high", "value", "expected"),
    [
        (0.5, 0.79, 0.6, "fail"),
        (0.8, 1.0, 0.9, "pass"),
        (0.7, 0.9, 0.8, "insufficient"),
        (0.5, 0.8, 0.6, "insufficient"),
        (0.9, None, 0.95, "pass"),
        (None, None, 0.95, "insufficient"),
    ],
)
def test_a_floor_is_judged_by_the_whole_interval(low, high, value, expected):
    assert verdict(FOUR_FIFTHS, ratio(low, high, value)) == expected


@pytest.mark.parametrize(
    ("low", "high", "value", "expected"),
    [
        (0.11, 0.4, 0.2, "fail"),
        (0.0, 0.1, 0.05, "pass"),
        (0.05, 0.2, 0.1, "insufficient"),
        (0.1, 0.2, 0.15, "insufficient"),
    ],
)
def test_a_ceiling_is_judged_by_the_whole_interval(low, high, value, expected):
    gap = Estimate(
        stage="model", metric="selection_rate", compare="difference", by=("race",), value=value, low=low, high=high
    )
    assert verdict(PARITY, gap) == expected


def test_what_is_undefined_or_absent_never_passes():
    undefined = ratio(None, None, status="undefined", reason="0/0: no rows")
    assert verdict(FOUR_FIFTHS, undefined) == "undefined"
    assert verdict(FOUR_FIFTHS) == "undefined"
    assert verdict(FOUR_FIFTHS, ratio(0.85, 1.0, status="suppressed", reason="small")) == "undefined"


def test_an_undefined_gap_fails_when_the_measured_groups_alone_break_the_limit():
    broken = ratio(0.0, 0.5, status="undefined", reason="not measured for asian")
    assert verdict(FOUR_FIFTHS, broken) == "fail"


def test_the_sentence_names_who_against_whom_with_both_n_and_the_limit():
    estimates = (ratio(0.4, 0.7, 0.5), rate(BLACK, 0.4, 197), rate(WHITE, 0.8, 1681))
    (gate,) = judge(config(FOUR_FIFTHS), Evidence(estimates=estimates), TODAY)
    assert gate.sentence == (
        "By race, black has a lower selection rate than white: 40.0% (n 197) v. 80.0% (n 1,681), ratio 0.50 (95% "
        "interval 0.40 to 0.70). The limit is at least 0.8, and the whole interval is below it."
    )


def test_insufficient_evidence_says_how_much_more_data_would_settle_it():
    estimates = (ratio(0.7, 1.0, 0.95), rate(BLACK, 0.57, 100), rate(WHITE, 0.6, 100))
    (gate,) = judge(config(FOUR_FIFTHS), Evidence(estimates=estimates), TODAY)
    assert gate.verdict == "insufficient"
    assert gate.needed_n > 1
    assert "times as many rows would, if the rates stay as they are" in gate.sentence


def test_a_gate_without_by_judges_every_group_column():
    rule = {k: v for k, v in FOUR_FIFTHS.items() if k != "by"}
    names = [g.name for g in judge(config(rule), Evidence(estimates=()), TODAY)]
    assert names == ["model.selection_rate.ratio.race", "model.selection_rate.ratio.sex"]


def test_a_floor_without_a_comparison_holds_for_the_lowest_group():
    (gate,) = judge(config({"metric": "accuracy", "by": ["race"], "min": 0.7}), Evidence(estimates=()), TODAY)
    assert gate.name == "model.accuracy.lowest.race"


def check(outcome):
    return Check(code="DV100", title="a check", outcome=outcome)


def test_a_suite_brings_the_gate_that_no_check_fails():
    asked = config(FOUR_FIFTHS, checks={"suite": "s.json"})
    evidence = Evidence(estimates=(ratio(0.9, 1.0, 0.95),), checks=(check("pass"), check("fail")))
    gates = judge(asked, evidence, TODAY)
    assert [g.verdict for g in gates] == ["pass", "fail"]
    assert worst_verdict(gates) == "fail"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [(["pass"], "pass"), (["pass", "warn"], "pass"), (["pass", "error"], "undefined"), (["pass", "undefined"], "undefined"),
     (["fail", "error"], "fail"), ([], "undefined")],
)  # fmt: skip
def test_checks_that_broke_are_no_passed_checks(outcomes, expected):
    gate = {"stage": "checks", "metric": "failed", "max": 0}
    assert verdict(gate, checks=tuple(map(check, outcomes))) == expected


def test_failed_checks_carry_their_bounds():
    found = count_checks((check("fail"), check("error"), check("pass")), "failed")
    assert (found.value, found.low, found.high) == (None, 1, 2)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [(["pass"], "pass"), (["pass", "warn"], "fail"), (["fail"], "fail"), (["pass", "error"], "undefined"),
     (["warn", "undefined"], "fail"), (["not applicable"], "undefined"), (["not applicable", "pass"], "pass"),
     ([], "undefined")],
)  # fmt: skip
def test_a_limit_on_one_check_fails_where_it_found_something_and_never_passes_unasked(outcomes, expected):
    gate = {"stage": "checks", "metric": "DL001", "max": 0}
    asked = tuple(Check(code="DL001", title="a check", outcome=o, severity="warning", detail="d") for o in outcomes)
    assert verdict(gate, checks=(*asked, check("fail"))) == expected


@pytest.mark.parametrize(("outcomes", "expected"), [(["pass"], "pass"), (["warn"], "fail"), (["fail"], "fail")])
def test_a_limit_on_warnings_counts_what_warned_or_failed(outcomes, expected):
    assert verdict({"stage": "checks", "metric": "warned", "max": 0}, checks=tuple(map(check, outcomes))) == expected


def test_energy_that_was_not_measured_is_undefined_and_too_much_fails():
    gate = {"stage": "energy", "metric": "carbon_g", "max": 10}
    assert verdict(gate) == "undefined"
    assert verdict(gate, energy=Energy(energy_kwh=1.0)) == "undefined"
    assert verdict(gate, energy=Energy(energy_kwh=1.0, carbon_g=11.0)) == "fail"
    assert verdict(gate, energy=Energy(energy_kwh=1.0, carbon_g=9.0)) == "pass"


def waiver(**more):
    return {
        "gate": "model.selection_rate.ratio.race",
        "owner": "ann",
        "reason": "a plan",
        "expires": dt.date(2027, 1, 1),
        "max_gap": 0.5,
        **more,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, "waived"), ({"expires": dt.date(2026, 11, 23)}, "fail"), ({"expires": TODAY}, "waived"),
     ({"max_gap": 0.55}, "waived"), ({"max_gap": 0.65}, "fail")],
)  # fmt: skip
def test_a_waiver_holds_until_its_day_and_up_to_its_gap(changes, expected):
    asked = config(FOUR_FIFTHS, waivers=[waiver(**changes)])
    (gate,) = judge(asked, Evidence(estimates=(ratio(0.5, 0.79, 0.6),)), TODAY)
    assert gate.verdict == expected
    assert gate.waiver.owner == "ann"
    assert "ann" in gate.sentence


def test_a_waiver_never_covers_what_is_undefined():
    (gate,) = judge(config(FOUR_FIFTHS, waivers=[waiver()]), Evidence(estimates=()), TODAY)
    assert gate.verdict == "undefined"


def test_a_waiver_for_no_gate_is_refused():
    with pytest.raises(QuestionError, match=r"no gate 'model\.selection_rate\.ratio\.rcae'; did you mean"):
        judge(
            config(FOUR_FIFTHS, waivers=[waiver(gate="model.selection_rate.ratio.rcae")]), Evidence(estimates=()), TODAY
        )


@pytest.mark.parametrize(
    ("verdict", "insufficient", "code"),
    [("pass", "fail", 0), ("not judged", "fail", 0), ("waived", "fail", 0), ("fail", "warn", 1), ("undefined", "warn", 3),
     ("insufficient", "fail", 3), ("insufficient", "warn", 0), ("incomplete", "warn", 5)],
)  # fmt: skip
def test_exit_codes_of_the_contract(verdict, insufficient, code):
    assert exit_code(verdict, insufficient) == code


def test_the_worst_verdict_wins_and_no_gate_is_not_judged():
    assert worst_verdict(()) == "not judged"


def test_a_policy_of_another_confidence_is_not_judged_by_the_intervals_there_are():
    from sample_results import boston

    result = boston()
    raw = {**result.question.config, "policy": {"confidence": 0.99}}
    with pytest.raises(QuestionError, match=r"confidence is 0\.99, but the result holds intervals of 0\.95"):
        judge_again(result, build(raw), TODAY)


def near(limit, unit):
    rng = np.random.default_rng(4)
    people = np.arange(1000) // 10
    y = rng.random(1000) < np.where(people % 2, 0.2, 0.5) + np.repeat(rng.uniform(-0.1, 0.1, 100), 10)
    rule = {"metric": "selection_rate", "compare": "difference", "max": limit}
    return audit.measure(y, y, groups={"g": people % 2}, unit=people if unit else None, gates=[rule])


def test_a_verdict_that_other_folds_could_turn_says_so():
    from audit.report.card.render import render

    found = near(0.5, unit=True).find("selection_rate", "difference", by=("g",))[0]
    half = found.value - found.low
    for limit, verdict, said in (
        (found.low - 0.1 * half, "fail", True), (found.low + 0.1 * half, "insufficient", True),
        (found.low - 0.3 * half, "fail", False), (found.value, "insufficient", False),
    ):  # fmt: skip
        result = near(limit, unit=True)
        gate = result.gates[0]
        assert gate.verdict == verdict
        assert ("folds_decide" in gate.estimate.flags) == said
        assert ("another random grouping of people could change the verdict" in gate.sentence) == said
        assert ('"folds_decide"' in result.to_json()) == said
        assert ("another random grouping of people could change the verdict" in render(result, "md")) == said
        assert not describe_differences(result)


def test_plain_rows_have_no_folds_that_could_turn_a_verdict():
    found = near(0.5, unit=False).find("selection_rate", "difference", by=("g",))[0]
    assert near(found.low - 1e-6, unit=False).gates[0].estimate.flags == ()


def test_the_same_people_in_other_folds_get_the_other_verdict_only_where_it_is_said():
    rng, people, rule = (
        np.random.default_rng(9),
        np.arange(2000) // 10,
        {"metric": "selection_rate", "compare": "difference", "max": 0.1},
    )
    y = rng.random(2000) < np.where(people % 2, 0.4, 0.25) + np.repeat(rng.uniform(-0.2, 0.2, 200), 10)
    verdicts = []
    for renamed in range(12):
        gate = audit.measure(
            y, y, groups={"g": people % 2}, unit=[f"{renamed}-{p}" for p in people], gates=[rule]
        ).gates[0]
        verdicts.append((gate.verdict, "folds_decide" in gate.estimate.flags))
    plainly = {v for v, said in verdicts if not said}
    assert len(plainly) <= 1


def test_what_would_settle_an_open_gate_is_taken_from_the_document_only_for_the_same_numbers():
    from sample_results import boston

    result = boston()
    (at, open_), *_ = [(i, g) for i, g in enumerate(result.gates) if g.verdict == "insufficient"]
    for change in ({"estimate": replace(open_.estimate, n=1.0)}, {"min": 0.123}):
        altered = replace(open_, sentence="somebody else's", needed_n=77.0, **change)
        gates = (*result.gates[:at], altered, *result.gates[at + 1 :])
        found = judge_again(replace(result, gates=gates), build(result.question.config), TODAY).gates[at]
        assert (found.sentence, found.needed_n) == (open_.sentence, open_.needed_n)


def test_of_one_limit_on_several_columns_the_column_furthest_beyond_is_the_headline():
    def failing(by, low, high, metric="selection_rate"):
        judged = Estimate(stage="model", metric=metric, compare="ratio", by=(by,), value=low, low=low, high=high)
        name = f"model.{metric}.ratio.{by}"
        return Gate(name=name, verdict="fail", sentence="", min=0.8, low=low, high=high, estimate=judged)

    race, age, other = failing("race", 0.4, 0.56), failing("age", 0.02, 0.06), failing("sex", 0.0, 0.01, "accuracy")
    assert find_deciding_gate([race, age, other]) is age
    hidden = replace(age, low=None, high=None)
    assert find_deciding_gate([hidden, race, other]) is race, "what is withheld does not choose"
