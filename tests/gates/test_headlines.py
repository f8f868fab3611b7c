"""One golden sentence for every kind that a gate can say, made by real gates on real counts.

The counts by race are those of the mortgages of Boston that ship with the package (HMDA 1990).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

import audit
from audit.config.read import build
from audit.config.schema import GateRule
from audit.estimate import Estimate
from audit.gates.headline import describe_training, describe_unfinished, list_notes, suggest_next, write_headline
from audit.gates.judge import judge_again
from audit.gates.words.totals import describe_checks, describe_energy
from audit.record.result import Check, Run
from audit.report.disclosure.publishable import publishable
from audit.report.terminal.verdict import describe_verdict

TODAY = dt.date(2026, 11, 30)
BOSTON = {"black": (133, 197), "hispanic": (86, 111), "white": (1531, 1681)}
SEX = {"female": (300, 319), "male": (1322, 1411), None: (14, 15)}
EDUCATION = {"0": (0, 5), "1": (268, 3105), "2": (270, 2400), "3": (260, 1490)}
OPEN = {"0": (0, 5), "1": (168, 3105), "2": (342, 4271), "3": (100, 1490)}
SMALL = {"a": (0, 5), "b": (100, 1000), "c": (270, 1500), "d": (270, 1450), "e": (8, 8)}
WRONG, LITTLE = {"black": 4, "hispanic": 2, "white": 1}, {"black": 2, "hispanic": 1, "white": 1}
MUCH = {"black": 3, "hispanic": 1, "white": 0}
"""Of ten rows of a group, those whose label is not the prediction."""
D, R = "selection_rate difference <= 0.1", "selection_rate ratio >= 0.8"
TPR, FPR = "true_positive_rate difference <= 0.01", "false_positive_rate difference <= 0.01"
BASE = "base_rate difference <= 0.01"
WAIVER = {"gate": "model.selection_rate.difference.race", "owner": "risk@example.org", "reason": "retrained by then",
          "expires": "2027-03-01", "max_gap": 0.3}  # fmt: skip
WORDS = {
    "benefit": {"favourable": 1, "people": "applicants", "selected": "approved"},
    "harm": {"favourable": 0, "people": "defendants", "selected": "flagged"},
    "neutral": {},
}


def measured(counts, *gates, column="race", words="neutral", wrong=None, waivers=(), **more):
    """A result of so many selected of so many rows by group, judged by the whole question."""
    g = np.repeat(np.array(list(counts), dtype=object), [n for _, n in counts.values()])
    p = np.concatenate([np.arange(n) < k for k, n in counts.values()]).astype(int)
    each = [np.arange(n) % 10 < (wrong or {}).get(level, 0) for level, (_, n) in counts.items()]
    y = p ^ np.concatenate(each)
    said = WORDS[words]
    result = audit.measure(y, p, groups={column: g}, gates=list(gates), favourable=said.get("favourable"), **more)
    question = dict(result.question.config)
    question["data"] = {**question["data"], **said}
    return judge_again(result, build({**question, **({"waivers": list(waivers)} if waivers else {})}), TODAY)


def one(*asked, **more):
    (gate,) = measured(*asked, **more).gates
    return gate


def regression(gate):
    rng = np.random.default_rng(20261130)
    sex, y = np.repeat(["women", "men"], [400, 420]), rng.normal(20, 5, 820)
    guess = y + rng.normal(0, 0.3, 820) + np.where(sex == "women", -0.8, 0.4)
    return audit.measure(y, guess, groups={"sex": sex}, task="regression", gates=[gate]).gates[0]


def ranking(gate):
    rng, n = np.random.default_rng(20261130), 1000
    sex, query = rng.choice(["women", "men"], n, p=[0.4, 0.6]), np.arange(n) % 100
    score = rng.random(n) - np.where(sex == "women", 0.6, 0)
    result = audit.measure(None, groups={"sex": sex}, task="ranking", score=score, query=query, gates=[gate])
    return result.gates[0]


def classes(gate):
    rng, n, names = np.random.default_rng(20261130), 3000, ["denied", "granted", "later", "none"]
    race, y = rng.choice(["black", "white"], n, p=[0.2, 0.8]), rng.choice(names, n)
    right = rng.random(n) < np.where((race == "black") & (y == "denied"), 0.6, 0.85)
    p = np.where(right, y, rng.choice(names, n))
    return audit.measure(y, p, groups={"race": race}, task="multiclass", gates=[gate]).gates[0]


def of_data(gate):
    labels = np.r_[np.arange(400) < 270, np.arange(1600) < 1450].astype(int)
    rows = {"race": np.repeat(["black", "white"], [400, 1600]), "y": labels, "x": np.arange(2000)}
    return audit.check(rows, label="y", groups=["race"], gates=[gate]).gates[0]


SENTENCES = [
    ("difference, benefit", lambda: one(BOSTON, D, words="benefit"), "fail",
     "By race, black applicants are approved less often than white applicants: 67.5% (n 197) v. 91.1% (n 1,681), a difference of 23.6 points (95% interval 16 to 31 points). The limit is at most 10 points, and the whole interval is above it."),
    ("difference, harm", lambda: one(BOSTON, D, words="harm"), "fail",
     "By race, white defendants are flagged more often than black defendants: 91.1% (n 1,681) v. 67.5% (n 197), a difference of 23.6 points (95% interval 16 to 31 points). The limit is at most 10 points, and the whole interval is above it."),
    ("difference, nothing said of good", lambda: one(BOSTON, D), "fail",
     "By race, black has a lower selection rate than white: 67.5% (n 197) v. 91.1% (n 1,681), a difference of 23.6 points (95% interval 16 to 31 points). The limit is at most 10 points, and the whole interval is above it."),
    ("difference within its limit, rows without a value", lambda: one(SEX, D, column="sex", words="benefit"), "pass",
     "By sex, male applicants are approved less often than female applicants: 93.7% (n 1,411) v. 94.0% (n 319), a difference of 0.4 points (95% interval 0.0 to 3.1 points). The limit is at most 10 points, and the whole interval is within it. 15 rows without a value for sex are not compared."),
    ("difference open", lambda: one({"black": (133, 197), "white": (1260, 1681)}, D), "insufficient",
     "By race, black has a lower selection rate than white: 67.5% (n 197) v. 75.0% (n 1,681), a difference of 7.4 points (95% interval 1 to 15 points). The limit of 10 points lies inside the interval, so the data cannot decide; about 20 times as many rows would, if the rates stay as they are."),
    ("ratio, five people prove nothing", lambda: one(EDUCATION, R, column="EDUCATION"), "fail",
     "By EDUCATION, '1' has a lower selection rate than '3': 8.6% (n 3,105) v. 17.4% (n 1,490), ratio 0.49 (95% interval up to 0.61). The limit is at least 0.8. The lowest rate is that of '0', 0.0% (n 5): too few rows to decide anything."),
    ("ratio, five people keep it open", lambda: one(OPEN, R, column="EDUCATION"), "insufficient",
     "By EDUCATION, no pair is shown to be below the limit of 0.8. The closest is '1' 5.4% (n 3,105) v. '2' 8.0% (n 4,271), ratio 0.68 (95% interval up to 0.86). '0' (n 5) would keep this open by itself: its interval starts at 0. About 3.6 times as many rows would decide."),
    ("ratio open", lambda: one(BOSTON, R), "insufficient",
     "By race, black has a lower selection rate than white: 67.5% (n 197) v. 91.1% (n 1,681), ratio 0.74 (95% interval 0.67 to 0.82). The limit of 0.8 lies inside the interval, so the data cannot decide; about 3.9 times as many rows would, if the rates stay as they are."),
    ("true positive rate, benefit", lambda: one(BOSTON, TPR, words="benefit", wrong=WRONG), "fail",
     "By race, among applicants with label 1, black are approved less often than white: 75.7% (n 103) v. 98.9% (n 1,392), a difference of 23.2 points (95% interval 14 to 32 points). The limit is at most 1 point, and the whole interval is above it."),
    ("true positive rate, harm", lambda: one(BOSTON, TPR, words="harm", wrong=WRONG), "fail",
     "By race, among defendants with label 1, white are flagged more often than black: 98.9% (n 1,392) v. 75.7% (n 103), a difference of 23.2 points (95% interval 14 to 32 points). The limit is at most 1 point, and the whole interval is above it."),
    ("true positive rate", lambda: one(BOSTON, TPR, wrong=WRONG), "fail",
     "By race, black has a lower true positive rate than white: 75.7% (n 103) v. 98.9% (n 1,392), a difference of 23.2 points (95% interval 14 to 32 points). The limit is at most 1 point, and the whole interval is above it."),
    ("false positive rate, harm", lambda: one(BOSTON, FPR, words="harm", wrong=WRONG), "insufficient",
     "By race, among defendants with label 0, black are flagged more often than hispanic: 58.5% (n 94) v. 47.4% (n 38), a difference of 11.1 points (95% interval 0 to 30 points). The limit of 1 point lies inside the interval, so the data cannot decide; about 9.4 times as many rows would, if the rates stay as they are."),
    ("base rate, benefit", lambda: one(BOSTON, BASE, words="benefit", wrong=WRONG), "fail",
     "By race, black applicants are labelled approved less often than white: 52.3% (n 197) v. 82.8% (n 1,681), a difference of 30.5 points (95% interval 22 to 38 points). The limit is at most 1 point, and the whole interval is above it."),
    ("base rate", lambda: one(BOSTON, BASE, wrong=WRONG), "fail",
     "By race, black has a lower share of positive labels than white: 52.3% (n 197) v. 82.8% (n 1,681), a difference of 30.5 points (95% interval 22 to 38 points). The limit is at most 1 point, and the whole interval is above it."),
    ("error rate: the higher fares worse", lambda: one(BOSTON, "error_rate difference <= 0.01", wrong=WRONG), "fail",
     "By race, black has a higher error rate than white: 40.6% (n 197) v. 10.1% (n 1,681), a difference of 30.6 points (95% interval 22 to 38 points). The limit is at most 1 point, and the whole interval is above it."),
    ("criterion", lambda: one(BOSTON, "equalized_odds_difference <= 0.1", wrong=WRONG), "fail",
     "By race, black has a lower true positive rate than white: 75.7% (n 103) v. 98.9% (n 1,392), a difference of 23.2 points (95% interval 13 to 32 points). The limit on the equalized odds difference is at most 10 points, and the whole interval is above it."),
    ("lowest kept", lambda: one(BOSTON, "accuracy lowest >= 0.7", wrong=LITTLE), "pass",
     "By race, accuracy is at least 70% in every group: the lowest is black, 79.7% (n 197; 95% interval from 73.5%)."),
    ("lowest broken", lambda: one(BOSTON, "accuracy lowest >= 0.9", wrong=MUCH), "fail",
     "By race, black has an accuracy of 69.5% (n 197; 95% interval up to 76.7%). The limit for every group is at least 90%."),
    ("lowest open", lambda: one(BOSTON, "accuracy lowest >= 0.78", wrong=LITTLE), "insufficient",
     "By race, the lowest accuracy is 79.7% (black, n 197): its 95% interval starts at 73.5%, below the limit of 78%, so the data cannot decide. About 4,700 rows of black would decide (23 times as many), if its rate stays as it is."),
    ("highest broken", lambda: one(BOSTON, "error_rate highest <= 0.1", wrong=MUCH), "fail",
     "By race, black has an error rate of 30.5% (n 197; 95% interval from 23.3%). The limit for every group is at most 10%."),
    ("to overall", lambda: one(BOSTON, "selection_rate ratio_to_overall >= 0.8", words="benefit", compare_to=["overall"]), "insufficient",
     "By race, black applicants are approved less often than applicants overall: 67.5% (n 197) v. 88.0% (n 1,989), ratio 0.77 (95% interval 0.69 to 0.85). The limit of 0.8 lies inside the interval, so the data cannot decide."),
    ("to all others", lambda: one(BOSTON, "selection_rate difference_to_rest <= 0.1", words="benefit", compare_to=["rest"]), "fail",
     "By race, black applicants are approved less often than all other groups: 67.5% (n 197) v. 90.2% (n 1,792), a difference of 22.7 points (95% interval 15 to 30 points). The limit is at most 10 points, and the whole interval is above it."),
    ("overall alone", lambda: one(BOSTON, {"metric": "accuracy", "by": [], "min": 0.5}, wrong=LITTLE), "pass",
     "The accuracy is 88.9% (n 1,989; 95% interval 87.4% to 90.2%). The limit is at least 50%, and the whole interval is above it."),
    ("undefined", lambda: one({"black": (30, 60), "other": (20, 20)}, "false_positive_rate difference <= 0.1"), "undefined",
     "By race, the false positive rate of other is undefined: no rows with label 0. The limit is at most 10 points; an undefined limit never passes."),
    ("broken although one group is undefined", lambda: one({"black": (300, 600), "white": (150, 600), "other": (20, 20)}, "false_positive_rate difference <= 0.1", wrong={"black": 3, "white": 1, "other": 0}), "fail",
     "By race, white has a lower false positive rate than black: 3.6% (n 420) v. 30.0% (n 300), a difference of 26.4 points (95% interval from 19.9 points). The limit is at most 10 points. other has no value (no rows with label 0); the other groups alone are beyond the limit."),
    ("waived", lambda: one(BOSTON, D, waivers=[WAIVER]), "waived",
     "By race, black has a lower selection rate than white: 67.5% (n 197) v. 91.1% (n 1,681), a difference of 23.6 points (95% interval 16 to 31 points). The limit is at most 10 points, and the whole interval is above it. Waived by risk@example.org until 2027-03-01, as far as 30 points: retrained by then."),
    ("waiver expired", lambda: one(BOSTON, D, waivers=[WAIVER | {"expires": "2026-11-01"}]), "fail",
     "By race, black has a lower selection rate than white: 67.5% (n 197) v. 91.1% (n 1,681), a difference of 23.6 points (95% interval 16 to 31 points). The limit is at most 10 points, and the whole interval is above it. The waiver by risk@example.org does not apply: it expired on 2026-11-01."),
    ("waiver exceeded", lambda: one(BOSTON, D, waivers=[WAIVER | {"max_gap": 0.2}]), "fail",
     "By race, black has a lower selection rate than white: 67.5% (n 197) v. 91.1% (n 1,681), a difference of 23.6 points (95% interval 16 to 31 points). The limit is at most 10 points, and the whole interval is above it. The waiver by risk@example.org does not apply: 0.236 is worse than max_gap = 0.2."),
    ("regression", lambda: regression("mean_error difference <= 1"), "fail",
     "By sex, the mean error is −0.770 for women (n 400) and 0.416 for men (n 420), 1.19 apart (95% interval 1.14 to 1.23), in the unit of y_true. The limit is at most 1, and the whole interval is above it."),
    ("regression, highest", lambda: regression("mean_absolute_error highest <= 0.5"), "fail",
     "By sex, women has a mean absolute error of 0.771 (n 400; 95% interval from 0.738), in the unit of y_true. The limit for every group is at most 0.5."),
    ("ranking", lambda: ranking("exposure ratio >= 0.8"), "fail",
     "By sex, items of women get less exposure than items of men: 0.325 (n 363 items) v. 0.528 (n 637 items), ratio 0.61 (95% interval 0.61 to 0.62). The limit is at least 0.8, and the whole interval is below it."),
    ("worst class", lambda: classes("worst_class_true_positive_rate difference <= 0.1"), "fail",
     "By race, the largest gap among 4 classes is in class 'denied': true positive rate 72.4% for black (n 156) v. 91.1% for white (n 621), 18.7 points (95% interval 10.1 to 26.5 points, allowing for all classes and pairs). The limit is at most 10 points, and the whole interval is above it."),
    ("data", lambda: of_data("base_rate difference <= 0.1"), "fail",
     "By race, black has a lower share of positive labels than white in the training data: 67.5% (n 400) v. 90.6% (n 1,600), a difference of 23.1 points (95% interval 18 to 28 points). The limit is at most 10 points, and the whole interval is above it."),
    ("no check failed", lambda: of_data({"stage": "checks", "metric": "failed", "max": 0}), "pass",
     "No check failed (19 run; 2 not applicable; limit 0)."),
    ("checks that warned", lambda: of_data({"stage": "checks", "metric": "warned", "max": 0}), "fail",
     "3 of 19 checks warned or failed (DB003, DB005, DL003; 2 not applicable; limit 0)."),
    ("one check", lambda: of_data({"stage": "checks", "metric": "DB003", "max": 0}), "fail",
     "DB003 has findings in the one place where it was run (limit 0)."),
    ("withheld", lambda: publishable(measured(SMALL, R, column="g")).gates[0], "fail",
     "By g, the limit on the ratio of the selection rate, at least 0.8, is not met. The numbers that decide are withheld to protect groups with counts under 10; the internal report has them. Among the groups that are shown, the lowest is 'b' (10.0%, n 1,000) and the highest 'd' (18.6%, n 1,450)."),
]  # fmt: skip


@pytest.mark.parametrize(("made", "verdict", "sentence"), [s[1:] for s in SENTENCES], ids=[s[0] for s in SENTENCES])
def test_every_kind_of_gate_says_one_plain_sentence(made, verdict, sentence):
    gate = made()
    assert gate.sentence == sentence
    assert gate.verdict == verdict


# ----- what compares no groups


def energy(metric, value, bound, **more):
    rule = GateRule(stage="energy", metric=metric, **bound)
    return describe_energy(rule, Estimate(stage="energy", metric=metric, value=value, **more))


def test_the_footprint_is_said_in_units_that_are_short_numbers():
    none = {"method": "none of it measured"}
    assert energy("energy_kwh", 0.0000198, {"max": 0.01}, **none) == (
        "The run used 0.0198 Wh, all of it estimated; the limit is at most 10 Wh."
    )
    assert energy("energy_kwh", 0.010004, {"max": 0.01}, **none) == (
        "The run used 10.004 Wh, all of it estimated; the limit is at most 10 Wh."
    )
    assert energy("measured_share", 0.12, {"min": 0.5}) == (
        "12.0% of the energy was measured; the limit is at least 50%."
    )
    assert energy("carbon_g", 0.0073, {"max": 1.0}, method="measured: 40.0% by energy counters") == (
        "The run caused 7.30 mg CO2e, measured: 40.0% by energy counters; the limit is at most 1 g CO2e."
    )
    absent = {"status": "undefined", "reason": "the meter did not answer in time"}
    assert energy("energy_kwh", None, {"max": 0.01}, **absent) == (
        "No energy was measured (the meter did not answer in time). The limit is at most 10 Wh; an undefined limit never "
        "passes."
    )


def checks(metric, *outcomes, code="DL001"):
    from audit.gates.check_counts import count_checks

    asked = [Check(code=code, title=f"check {i}", outcome=outcome) for i, outcome in enumerate(outcomes)]
    estimate, rule = count_checks(asked, metric), GateRule(stage="checks", metric=metric, max=0.0)
    verdict = "undefined" if estimate.status != "ok" else "insufficient" if estimate.high else "pass"
    return describe_checks(rule, estimate, verdict, asked)


def test_checks_are_counted_with_their_codes_and_what_is_open_is_said():
    assert checks("failed", *["pass"] * 49) == "No check failed (49 run; limit 0)."
    assert checks("failed", "fail", *["pass"] * 48) == "1 of 49 checks failed (DL001; limit 0)."
    assert checks("DL001", "fail", "pass") == "DL001 has findings in 1 of 2 tables (limit 0)."
    assert checks("DV003", "fail", "pass", code="DV003") == "DV003 has findings in 1 of 2 places (limit 0)."
    assert checks("DV003", "pass", code="DV003") == "DV003 has no finding in 1 place (limit 0)."
    assert checks("failed", "error", *["pass"] * 48) == (
        "1 of 49 checks could not be answered (check 0), so 0 or 1 failed; the limit is 0."
    )
    assert checks("failed", "insufficient", "fail", "pass") == (
        "1 is inconclusive (check 0), so 1 or 2 failed; the limit is 0."
    )
    assert checks("failed", *["pass"] * 36, *["not applicable"] * 17) == (
        "No check failed (36 run; 17 not applicable; limit 0)."
    )
    assert checks("failed", "fail", "pass", "not applicable") == (
        "1 of 2 checks failed (DL001; 1 not applicable; limit 0)."
    )
    assert checks("failed", "not applicable") == "No check was run. The limit is 0; an undefined limit never passes."
    assert checks("failed") == "No check was run. The limit is 0; an undefined limit never passes."


# ----- the headline of a whole result


def test_a_headline_says_what_was_not_judged():
    assert write_headline(measured(BOSTON)) == "No limit was set. The numbers below are measurements, not passes."
    good = {"black": (900, 1000), "white": (1531, 1681)}
    two = audit.measure([1, 0] * 500, [1, 0] * 500, groups={"race": ["a", "a", "b", "b"] * 250, "age": ["x", "x", "y", "y"] * 250,
                        "sex": ["f", "f", "m", "m"] * 250}, gates=[{"metric": "selection_rate", "compare": "ratio", "by": ["sex"], "min": 0.8}])  # fmt: skip
    assert two.verdict == "pass"
    assert write_headline(two).endswith("No limit was set on race or age.")
    assert "No limit was set" not in write_headline(measured(good, R))
    overall = measured(BOSTON, {"metric": "accuracy", "by": [], "min": 0.5})
    assert overall.verdict == "not judged"
    assert write_headline(overall).endswith("No limit on groups was set, so no difference between groups was judged.")


@pytest.mark.parametrize(
    ("run", "tracked", "said"),
    [
        ({"exit_codes": {"train": 3}}, False, "Training ended with exit code 3, so nothing was judged. The record so far is kept."),
        ({"exit_codes": {"train": -9}}, False,
         "Training was killed (SIGKILL, often out of memory), so nothing was judged. The record so far is kept."),
        ({"exit_codes": {"train": -11}}, True,
         "The command was killed (SIGSEGV), so nothing was judged. The record so far is kept."),
        ({"interrupted": "SIGINT", "exit_codes": {"train": -2}}, False,
         "Stopped with Ctrl-C during training, so nothing was judged. The record so far is kept."),
        ({"interrupted": "SIGTERM"}, True, "Stopped with SIGTERM, so nothing was judged. The record so far is kept."),
        ({}, False, "The run is incomplete, so it was not judged. The record so far is kept."),
    ],
)  # fmt: skip
def test_a_run_that_did_not_finish_says_how(run, tracked, said):
    record = Run(id="r", started="2026-11-30T00:00:00Z", finished="2026-11-30T00:00:01Z", version="0", **run)
    assert describe_unfinished(record, tracked=tracked) == said


def test_what_limits_on_the_data_did_to_training():
    run = Run(
        id="r",
        started="s",
        finished="f",
        version="0",
        stopped_by=("data.base_rate.ratio.g",),
        ended="the disk is full.",
    )
    assert describe_training(run) == (
        "Training was not started because limit data.base_rate.ratio.g failed on the data; --continue trains anyway.",
        "The audit is incomplete: the disk is full.",
    )


def test_the_next_step_is_one_that_the_reader_can_take():
    assert suggest_next(measured(BOSTON, D)).startswith(
        "Find which step causes the difference (labels, features, threshold)"
    )
    assert suggest_next(measured(BOSTON, R)) == (
        'Audit about 3.9 times as many rows, or accept it on the record: a waiver, or insufficient = "warn".'
    )
    undefined = measured({"black": (30, 60), "other": (20, 20)}, "false_positive_rate difference <= 0.1")
    assert suggest_next(undefined) == "Add rows for the groups that have none, or set a limit on another metric."
    assert suggest_next(measured(BOSTON)) == 'To judge this, add --gate "selection_rate ratio >= 0.8".'


# ----- the four-fifths rule


def rule_of(words):
    return next(c for c in measured(BOSTON, words=words).checks if c.code == "FM001")


def test_the_four_fifths_rule_follows_the_favourable_outcome():
    good, harm = rule_of("benefit"), rule_of("harm")
    assert good.title == "Four-fifths rule, race: black is approved at 0.741 of the rate of white, below 0.8"
    assert good.detail.startswith(
        "black 67.5% (n 197) v. white 91.1% (n 1,681), ratio 0.741 (95% interval 0.67 to 0.81), below 0.8; the rates "
        "differ (corrected p-value < 0.001, 9.8 standard deviations); shortfall about 42 people"
    )
    assert good.detail.endswith(
        "Statistically significant means that the rates differ, not that the ratio is below 0.8; only a limit judges that"
    )
    assert good.mend == "Find out which step of the procedure causes the difference, and whether it is needed."
    assert harm.title == (
        "Four-fifths rule, race: the rate of not being flagged of white is 0.275 of that of black, below 0.8"
    )
    assert "The rule is applied to the rate of not being flagged." in harm.detail
    assert "white not flagged 8.9% (n 1,681) v. black not flagged 32.5% (n 197), ratio 0.275" in harm.detail


def test_a_passing_rule_says_that_no_group_is_below():
    result = audit.measure([1, 0] * 500, [1, 0] * 500, groups={"sex": ["f", "f", "m", "m"] * 250})
    found = next(c for c in result.checks if c.code == "FM001")
    assert found.title == "Four-fifths rule, sex: no group is below 0.8 of the highest selection rate"


def rate_of(**counts):
    """A result of groups with so many selected of so many rows, judged."""
    group = np.repeat(list(counts), [n for _, n in counts.values()])
    selected = np.concatenate([[1] * x + [0] * (n - x) for x, n in counts.values()])
    return group, selected


def test_no_rounding_reaches_the_limit_in_the_number_of_a_group_that_does_not_decide():
    group, selected = rate_of(alpha=(2_880, 300_000), bravo=(64, 7_000), charlie=(56, 7_000))
    close = audit.measure(y_pred=selected, groups={"race": group}, gates=["selection_rate highest <= 0.01"])
    assert "0.96%" in close.gates[0].sentence
    assert "1.0%" not in close.gates[0].sentence


def test_a_group_that_bears_a_word_of_sentences_is_quoted():
    group, selected = rate_of(overall=(300, 600), alpha=(120, 600), bravo=(200, 600))
    found = audit.measure(y_pred=selected, groups={"g": group}, gates=["selection_rate ratio >= 0.8"])
    assert "alpha has a lower selection rate than 'overall'" in found.gates[0].sentence


def test_whom_a_group_is_compared_with_is_counted_without_those_that_are_excluded():
    group, selected = rate_of(alpha=(200, 400), bravo=(120, 300), tiny=(1, 8))
    asked = {"gates": ["selection_rate difference_to_overall <= 0.01"], "least_rows": 30}
    found = audit.measure(y_pred=selected, groups={"g": group}, **asked)
    assert found.gates[0].sentence.endswith("Whom each group is compared with is counted without them.")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (31, None),
        (30, "ends in 30 days, on "),
        (2, "ends in 2 days, on "),
        (1, "ends tomorrow, on "),
        (0, "ends today: "),
        (-1, " ended on "),
    ],
)
def test_a_waiver_is_warned_of_from_30_days_before_its_end(days, said):
    result = measured(BOSTON, D, waivers=[WAIVER])
    end = dt.date.fromisoformat(WAIVER["expires"])
    warned = list_notes(result, end - dt.timedelta(days=days))
    assert len(warned) == (said is not None)
    assert all(said in line and WAIVER["owner"] in line and result.gates[0].name in line for line in warned)


def test_every_page_warns_of_a_waiver_that_ends_soon():
    from audit.report.card.render import render
    from audit.report.ci.registry import list_formats, load_format
    from reports import write as write_report

    result = measured(BOSTON, D, waivers=[WAIVER])
    near = dt.date.fromisoformat(WAIVER["expires"]) - dt.timedelta(days=3)
    ran = replace(result, run=replace(result.run, finished=f"{near}T09:00:00Z"))
    assert "ends in 3 days" in render(ran, "md")
    assert "ends in 3 days" in "".join(line.body for line in describe_verdict(ran))
    reports = {
        name: write_report(name, result, near) for name in list_formats() if not load_format(name).only_on_change
    }
    # A file for upload holds only what must be acted on; numbers have no place for a sentence.
    told = {name for name, text in reports.items() if "ends in 3 days" in text}
    assert told == {"github", "junit", "markdown"}
    assert '"waived": 1' in reports["metrics"]
    assert "evenhand_waived 1.0" in reports["prometheus"]
