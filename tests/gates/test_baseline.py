"""Verdicts beside a baseline: worse fails, known warns until its day, new and undefined block as ever."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import pytest

import audit
from audit.config.read import build, read_question
from audit.gates.baseline import find_changed, find_refused, keep_gates, settle
from audit.gates.headline import list_baseline_notes
from audit.gates.judge import judge_again
from audit.gates.verdicts import exit_code, find_deciding_gate, worst_verdict
from audit.record.baseline import Baseline
from audit.record.result import Check
from audit.report.disclosure.gates import put_baseline_back, set_baseline_aside

TODAY = dt.date(2026, 11, 30)
PARITY = "selection_rate difference <= 0.1"


def measure(shares, rows=600, *gates, seed=1, **more):
    """Audit groups with exactly these selection rates; labels are drawn anew with every seed."""
    races = np.repeat(["a", "b", "c"][: len(shares)], rows)
    predicted = np.concatenate([np.arange(rows) < round(share * rows) for share in shares]).astype(int)
    label = np.random.default_rng(seed).integers(0, 2, len(races))
    return audit.measure(label, predicted, groups={"race": races}, gates=gates or (PARITY,), **more)


def beside(old, new, *, until=None, sampling="independent", today=TODAY, **policy):
    """Judge a result beside another one."""
    gates = tuple(replace(g, sampling=sampling) for g in keep_gates(old))
    baseline = Baseline(run=old.run.id, finished="2026-10-01T00:00:00Z", digest="", source="main.json", gates=gates)
    raw = dict(read_question(new).model_dump(mode="json", exclude_none=True))
    raw["policy"] = {**raw["policy"], **policy}
    raw["baseline"] = {"result": "main.json"} | ({"until": until} if until else {})
    config = build(raw, "test")
    judged = judge_again(replace(new, baseline=baseline), config, today)
    return judged, exit_code(judged.verdict, config.policy.insufficient)


def test_a_limit_that_failed_before_and_is_no_worse_is_known_and_does_not_block():
    judged, code = beside(measure([0.5, 0.7]), measure([0.49, 0.7]))
    (gate,) = judged.gates
    assert (judged.verdict, gate.verdict, gate.alone, code) == ("known", "known", "fail", 0)
    assert gate.sentence.startswith("By race, ")
    assert " above it. Known since 20" in gate.sentence
    assert "and is not worse beyond chance; it was 20.0 points (95% interval" in gate.sentence
    assert re.search(
        r"A fall of \d+\.\d points in the selection rate of 'a' would be found 9 times in 10\. "
        r"The limit warns and does not block\.$",
        gate.sentence,
    )
    assert not find_changed(judged.gates)


def test_a_limit_that_is_worse_beyond_chance_fails_and_says_both_numbers():
    judged, code = beside(measure([0.5, 0.7]), measure([0.35, 0.7]))
    (gate,) = judged.gates
    assert (gate.verdict, code, gate.change.moved) == ("fail", 1, "worse")
    assert gate.sentence.startswith("Worse than in the baseline of 2026-10-01: it was 20.0 points (95% interval ")
    assert " and is 35.0 points (p " in gate.sentence
    assert [*find_changed(judged.gates)] == find_refused(judged.gates) == [gate]


def test_a_limit_that_is_met_fails_where_it_is_worse():
    judged, code = beside(measure([0.70, 0.7], 4000), measure([0.64, 0.7], 4000))
    (gate,) = judged.gates
    assert (gate.alone, gate.verdict, code) == ("pass", "fail", 1)


def test_a_new_failure_blocks_although_its_change_is_not_beyond_chance():
    judged, code = beside(measure([0.65, 0.7], 3000), measure([0.61, 0.7], 300))
    (gate,) = judged.gates
    assert (gate.change.before, gate.alone, gate.verdict, code) == ("pass", "insufficient", "insufficient", 3)
    assert "It passed in the baseline of 2026-10-01" in gate.sentence
    assert "the change is not beyond chance" in gate.sentence
    assert find_refused(judged.gates) == [gate]


def test_a_limit_that_the_baseline_lacks_blocks_as_ever():
    old = measure([0.5, 0.7], 600, "selection_rate ratio >= 0.9")
    judged, code = beside(old, measure([0.5, 0.7]))
    assert (judged.gates[0].verdict, code) == ("fail", 1)
    assert judged.gates[0].sentence.endswith(" New: the baseline of 2026-10-01 has no such limit.")


@pytest.mark.parametrize(
    ("until", "verdict", "said"),
    [
        ("2026-12-31", "known", "The limit warns until 2026-12-31 (31 days left) and then blocks again."),
        ("2026-12-01", "known", "(1 day left)"),
        ("2026-11-30", "known", "(the last day)"),
        ("2026-11-29", "fail", "The limit blocks again, because [baseline] until = 2026-11-29 has passed."),
    ],
)
def test_what_is_known_warns_until_a_day(until, verdict, said):
    judged, _ = beside(measure([0.5, 0.7]), measure([0.5, 0.7]), until=until)
    assert judged.verdict == verdict
    assert said in judged.gates[0].sentence


def test_what_is_better_asks_for_a_new_baseline_and_stays_known_where_it_does_not_pass():
    judged, code = beside(measure([0.4, 0.7]), measure([0.69, 0.7], 3000))
    assert (judged.verdict, code) == ("pass", 0)
    assert "make this run the baseline (audit baseline update)" in judged.gates[0].sentence
    open_ = beside(measure([0.3, 0.7]), measure([0.6, 0.7]))[0].gates[0]
    assert open_.verdict == "known"
    assert "and is better now; it was" in open_.sentence
    assert open_.sentence.endswith("make this run the baseline (audit baseline update).")
    assert [g.change.moved for g in find_changed((*judged.gates, open_))] == ["better", "better"]


def test_a_rise_is_planned_where_a_highest_value_is_limited_and_a_gap_of_two_rates_names_which():
    old = measure([0.5, 0.7], 600, "selection_rate highest <= 0.6", "equalized_odds_difference <= 0.1")
    judged, _ = beside(
        old, measure([0.5, 0.7], 600, "selection_rate highest <= 0.6", "equalized_odds_difference <= 0.1")
    )
    said = [g.sentence for g in judged.gates]
    assert re.search(r"A rise of \d+\.\d points in the selection rate of 'b' would be found", said[0])
    assert re.search(r"A fall of \d+\.\d points in the (true|false) positive rate of 'a' would be found", said[1])


def test_a_page_to_be_published_plans_for_no_group_outside_the_pair_that_it_shows():
    """Of two rates, the lowest may be that of a group whose counts the page withholds."""
    races, label = np.repeat(["a", "b", "c"], 1200), np.tile(np.repeat([0, 1], 600), 3)
    rates = ((0.68, 0.45), (0.68, 0.75), (0.4, 0.6))
    predicted = np.concatenate([np.arange(600) < round(600 * rate) for pair in rates for rate in pair]).astype(int)
    made = audit.measure(label, predicted, groups={"race": races}, gates=["equalized_odds_difference <= 0.1"])
    judged, _ = beside(made, made)
    (gate,) = judged.gates
    assert {*gate.estimate.pair} == {("a",), ("b",)}
    assert "in the false positive rate of 'c' would be found" in gate.sentence
    seen = replace(judged.baseline, gates=tuple(replace(b, published=True) for b in judged.baseline.gates))
    shown = put_baseline_back(set_baseline_aside(gate), gate, seen)
    assert shown.sentence.endswith(
        f" Known since {gate.change.since}: the limit did not pass in the baseline either "
        "and is not worse beyond chance. The limit warns and does not block."
    )
    assert set_baseline_aside(gate).sentence == made.gates[0].sentence


def test_a_gain_that_the_headline_does_not_tell_asks_for_a_new_baseline_too():
    limits = (PARITY, "selection_rate lowest >= 0.2")
    judged, _ = beside(measure([0.2, 0.9], 600, *limits), measure([0.3, 0.9], 600, *limits))
    first = find_deciding_gate(judged.gates)
    (other,) = (g for g in judged.gates if g is not first)
    assert other.change.moved == "better"
    assert list_baseline_notes(judged)[-1] == (
        f"{other.name} is better than in the baseline. "
        "To hold what was gained, make this run the baseline (audit baseline update)."
    )
    same, _ = beside(measure([0.2, 0.9], 600, *limits), measure([0.2, 0.9], 600, *limits))
    assert not any("better" in said for said in list_baseline_notes(same))


def test_inconclusive_before_is_known_only_where_it_did_not_pass():
    old, new = measure([0.61, 0.7], 300), measure([0.55, 0.7], 2000)
    assert (old.verdict, new.verdict) == ("insufficient", "fail")
    assert beside(old, new)[0].verdict == "known"
    allowed, code = beside(old, new, insufficient="warn")
    assert (allowed.verdict, code) == ("fail", 1)


def test_undefined_is_known_only_where_it_was_undefined():
    whole = measure([0.5, 0.7], 100, "true_positive_rate difference <= 0.9")
    races = ["a", "b"] * 50
    empty = audit.measure(
        [0] * 100, [0, 1] * 50, groups={"race": races}, gates=["true_positive_rate difference <= 0.9"], positive=1
    )
    assert empty.verdict == "undefined"
    assert beside(empty, empty)[0].verdict == "known"
    assert beside(whole, empty)[0].verdict == "undefined"


def test_a_result_beside_itself_changes_nothing_and_exits_0():
    gates = (PARITY, "selection_rate ratio >= 0.9", "true_positive_rate lowest >= 0.9", "accuracy highest <= 0.2")
    made = measure([0.4, 0.55, 0.7], 200, *gates)
    judged, code = beside(made, made, sampling="dependent")
    assert code == 0
    assert not find_changed(judged.gates)
    assert {g.verdict for g in judged.gates} <= {"known", "pass"}


def test_worse_is_told_first_and_decides():
    gates = (PARITY, "true_positive_rate difference <= 0.01", "selection_rate lowest >= 0.6")
    judged, _ = beside(measure([0.5, 0.7], 2000, *gates), measure([0.3, 0.7], 2000, *gates))
    first = find_deciding_gate(judged.gates)
    assert first.change.moved == "worse"
    assert first.name.startswith("model.selection_rate")


def test_p_values_are_corrected_for_all_limits_that_are_compared():
    gates = (PARITY, "selection_rate ratio >= 0.8", "selection_rate lowest >= 0.5")
    judged, _ = beside(measure([0.5, 0.7], 300, *gates), measure([0.42, 0.7], 300, *gates))
    raw = sorted(g.change.p_worse for g in judged.gates)
    corrected = sorted(g.change.p_worse_holm for g in judged.gates)
    assert corrected[0] == pytest.approx(min(1, 3 * raw[0]))


def test_a_waiver_stands_and_an_old_waiver_makes_nothing_known():
    old, new = measure([0.5, 0.7]), measure([0.3, 0.7])
    waived = replace(old.gates[0], verdict="waived")
    judged, _ = beside(replace(old, gates=(waived,)), measure([0.5, 0.7]))
    assert judged.verdict == "fail"
    baseline = Baseline(run="r", finished="2026-10-01T00:00:00Z", digest="", source="", gates=keep_gates(old))
    (gate,) = settle([replace(new.gates[0], verdict="waived")], baseline, read_question(new), new.estimates, (), TODAY)
    assert (gate.verdict, gate.change.moved) == ("waived", "worse")


def test_the_day_since_when_goes_from_baseline_to_baseline():
    old, new = measure([0.5, 0.7]), measure([0.5, 0.7])
    (kept,) = keep_gates(replace(old, run=replace(old.run, finished="2026-09-01T00:00:00Z")))
    assert kept.since == "2026-09-01"
    baseline = Baseline(run="r", finished="2026-10-01T00:00:00Z", digest="", source="", gates=(kept,))
    judged = judge_again(replace(new, baseline=baseline), read_question(new), TODAY)
    (again,) = keep_gates(judged)
    assert (again.since, again.verdict) == ("2026-09-01", "fail")


def test_of_checks_what_fails_anew_blocks_and_what_failed_is_known():
    old = Check(code="DL003", title="", outcome="fail", answered_by="a suite", part="train")
    config = build(
        {
            "data": {"source": "t.csv", "label": "y", "groups": ["g"]},
            "gates": [{"stage": "checks", "metric": "failed", "max": 0}],
        },
        "test",
    )
    made = judge_checks(config, (old,))
    baseline = Baseline(run="r", finished="2026-10-01T00:00:00Z", digest="", source="", gates=keep_gates(made))
    same = judge_again(replace(made, baseline=baseline), config, TODAY)
    assert same.gates[0].verdict == "known"
    assert "1 there" in same.gates[0].sentence
    more = (old, replace(old, code="DL004"))
    worse = judge_again(replace(made, checks=more, baseline=baseline), config, TODAY)
    assert worse.gates[0].verdict == "fail"


def judge_checks(config, checks):
    made = measure([0.5, 0.5])
    return judge_again(replace(made, checks=checks, gates=()), config, TODAY)


@pytest.mark.parametrize(
    ("rule", "by_rates"),
    [
        (PARITY, True),
        ("selection_rate ratio >= 0.8", True),
        ("equalized_odds_difference <= 0.1", True),
        ("average_odds_difference <= 0.1", False),
        ("selection_rate difference_to_overall <= 0.1", False),
    ],
)
def test_rates_are_compared_as_the_limit_reads_them_and_all_else_by_intervals(rule, by_rates):
    old, new = measure([0.5, 0.7], 600, rule), measure([0.2, 0.7], 600, rule)
    assert bool(keep_gates(new)[0].rates) == by_rates
    judged, code = beside(old, new)
    assert (judged.gates[0].change.moved, code) == ("worse", 1)


def test_a_verdict_that_is_known_is_worse_than_a_pass():
    made = measure([0.5, 0.7])
    known = replace(made.gates[0], verdict="known")
    assert worst_verdict([known, replace(known, verdict="pass")]) == "known"
    assert worst_verdict([known, replace(known, verdict="insufficient")]) == "insufficient"


def test_of_what_is_known_a_failure_comes_before_what_cannot_be_decided():
    limits = ("selection_rate ratio >= 0.6", PARITY)
    old = measure([0.5, 0.8], 600, *limits)
    judged, code = beside(old, old)
    assert [gate.change.alone for gate in judged.gates] == ["insufficient", "fail"]
    assert ({gate.verdict for gate in judged.gates}, code) == ({"known"}, 0)
    assert find_deciding_gate(judged.gates) == judged.gates[1]
