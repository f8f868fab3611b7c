"""Groups with too few rows are excluded from verdicts by name, and the others are measured as if they were all."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

import audit
from audit.config.read import build
from audit.gates.judge import judge_again
from audit.gates.small_groups import describe_excluded
from audit.pipeline.records import remeasure_from
from audit.pipeline.verify import describe_differences
from audit.record.result import ExcludedGroup
from audit.report.disclosure.publishable import publishable

TODAY = dt.date(2026, 11, 30)
SIZES = {"white": 900, "black": 300, "other": 12, "0": 5}
SAID = "Groups with fewer than 30 rows are excluded by [policy] least_rows: other (n 12), '0' (n 5)."


@pytest.fixture(scope="module")
def rows():
    """Decisions, scores and labels of four groups, two of them small."""
    chance = np.random.default_rng(20261130)
    race = np.repeat(list(SIZES), list(SIZES.values()))
    sex = np.where(np.arange(len(race)) % 2, "f", "m")
    label = chance.integers(0, 2, len(race))
    score = np.clip(0.3 * label + chance.random(len(race)) * 0.7 - 0.1 * (race == "black"), 0, 1)
    return {"race": race, "sex": sex, "y_true": label, "score": score, "y_pred": (score > 0.45).astype(int)}


def measure(rows, where=None, *, columns=("race",), scores=False, **more):
    kept = slice(None) if where is None else where
    given = {"y_true": rows["y_true"][kept], "y_pred": rows["y_pred"][kept]}
    given |= {"score": rows["score"][kept]} if scores else {}
    groups = {c: rows[c][kept] for c in columns}
    return audit.measure(**given, groups=groups, intersections=len(columns), **more)


RULES = ["selection_rate ratio >= 0.8", "selection_rate difference <= 0.1", "accuracy lowest >= 0.5",
         "true_positive_rate highest <= 0.9", "selection_rate difference_to_overall <= 0.1"]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_others_are_measured_as_if_they_were_all(rows, rule):
    large = np.isin(rows["race"], ["white", "black"])
    (found,) = measure(rows, gates=rule, least_rows=30).gates
    (alone,) = measure(rows, large, gates=rule).gates
    assert replace(found, sentence="", excluded=()) == replace(alone, sentence="")
    assert found.excluded[0].group == ("other",)
    assert found.sentence.startswith(alone.sentence)


def test_crossings_are_excluded_one_by_one(rows):
    rule = "selection_rate ratio by race*sex >= 0.8"
    (found,) = measure(rows, columns=("race", "sex"), gates=rule, least_rows=30).gates
    large = np.isin(rows["race"], ["white", "black"])
    (alone,) = measure(rows, large, columns=("race", "sex"), gates=rule).gates
    assert (found.estimate, found.p_value) == (alone.estimate, alone.p_value)
    assert {e.group for e in found.excluded} == {(r, s) for r in ("other", "0") for s in "fm"}
    assert "least_rows: other × 'f' (n 6), other × 'm' (n 6), '0' × 'm' (n 3), '0' × 'f' (n 2)." in found.sentence


@pytest.mark.parametrize(
    "rule", ["roc_auc difference <= 0.1", "bpsn_auc lowest >= 0.5", "brier_score difference <= 0.1"]
)
@pytest.mark.parametrize("exact", [False, True])
def test_scores_are_measured_again_too(rows, rule, exact):
    large = np.isin(rows["race"], ["white", "black"])
    (found,) = measure(rows, scores=True, gates=rule, exact_auc=exact, least_rows=30).gates
    (alone,) = measure(rows, large, scores=True, gates=rule, exact_auc=exact).gates
    assert found.estimate.value == pytest.approx(alone.estimate.value, abs=2e-3)
    assert (found.estimate.pair, found.verdict) == (alone.estimate.pair, alone.verdict)


def test_regressions_are_measured_again_too(rows):
    def gate(where, **more):
        kept = rows["score"][where]
        groups = {"race": rows["race"][where]}
        rule = "mean_error difference <= 0.1"
        return audit.measure(kept * 10, kept * 9 + 1, groups=groups, task="regression", gates=rule, **more).gates[0]

    large = np.isin(rows["race"], ["white", "black"])
    assert gate(slice(None), least_rows=30).estimate == gate(large).estimate


def test_it_is_the_rows_of_the_rate_that_count(rows):
    """Of black 300 rows there are fewer of each label: a true positive rate rests on those alone."""
    positives = int(rows["y_true"][rows["race"] == "black"].sum())
    result = measure(rows, gates=["true_positive_rate difference <= 0.5", "accuracy difference <= 0.5"], least_rows=200)
    of_labels, of_rows = result.gates
    assert ExcludedGroup(group=("black",), n=positives) in of_labels.excluded
    assert [e.group for e in of_rows.excluded] == [("other",), ("0",)]


def test_a_criterion_needs_the_rows_of_each_of_its_rates(rows):
    (gate,) = measure(rows, gates="equalized_odds_difference difference <= 0.2", least_rows=30).gates
    fewest = {g: min(int((rows["y_true"][rows["race"] == g] == y).sum()) for y in (0, 1)) for g in ("other", "0")}
    assert {e.group[0]: e.n for e in gate.excluded} == fewest


def test_one_group_alone_is_undefined_and_never_passes(rows):
    result = measure(rows, gates="selection_rate ratio >= 0.1", least_rows=400)
    (gate,) = result.gates
    assert (gate.verdict, result.verdict) == ("undefined", "undefined")
    assert gate.estimate.reason == (
        "only one group has at least 400 rows ([policy] least_rows), and two are needed to compare"
    )
    assert "black (n 300)" in gate.sentence


def test_nobody_is_excluded_unless_it_is_asked(rows):
    (gate,) = measure(rows, gates="selection_rate ratio >= 0.8").gates
    assert gate.excluded == ()
    assert gate.estimate.n == sum(SIZES.values())


def test_small_groups_stay_in_the_tables(rows):
    result = measure(rows, gates="selection_rate ratio >= 0.8", least_rows=30)
    assert result.find("selection_rate", by="race", group="0")[0].n == 5


def test_the_four_fifths_rule_leaves_them_out_too(rows):
    large = np.isin(rows["race"], ["white", "black"])
    (found,) = (c for c in measure(rows, four_fifths=True, least_rows=30).checks if c.code == "FM001")
    (alone,) = (c for c in measure(rows, large, four_fifths=True).checks if c.code == "FM001")
    assert (found.outcome, found.detail) == (alone.outcome, f"{alone.detail}. {SAID.removesuffix('.')}")


def test_the_four_fifths_rule_needs_two_groups(rows):
    (found,) = (c for c in measure(rows, four_fifths=True, least_rows=400).checks if c.code == "FM001")
    assert found.outcome == "undefined"


def test_a_document_says_it_again_and_can_be_judged_by_another_policy(rows):
    result = measure(rows, gates=["selection_rate ratio >= 0.8"], four_fifths=True, least_rows=30)
    assert describe_differences(result) == ()
    plain = measure(rows, gates=["selection_rate ratio >= 0.8"], four_fifths=True)
    asked = dict(plain.question.config)
    config = build(asked | {"policy": {**asked["policy"], "least_rows": 30}})
    again = judge_again(plain, config, TODAY, remeasure_from(config, plain.cubes))
    assert again.gates == result.gates
    assert [c for c in again.checks if c.code == "FM001"] == [c for c in result.checks if c.code == "FM001"]


def test_without_counts_it_is_undefined(rows):
    plain = measure(rows, gates=["selection_rate ratio >= 0.8"])
    asked = dict(plain.question.config)
    config = build(asked | {"policy": {**asked["policy"], "least_rows": 30}})
    (gate,) = judge_again(plain, config, TODAY).gates
    assert gate.verdict == "undefined"
    assert "there are no counts to measure the others again" in gate.sentence


def test_a_forged_exclusion_is_found(rows):
    result = measure(rows, gates=["selection_rate ratio >= 0.8"], least_rows=30)
    forged = replace(result, gates=(replace(result.gates[0], excluded=(ExcludedGroup(group=("black",), n=4),)),))
    assert describe_differences(forged)


def test_what_is_published_names_them_without_their_rows(rows):
    result = measure(rows, gates=["selection_rate ratio >= 0.8"], least_rows=30)
    (gate,) = publishable(result, 10).gates
    assert gate.sentence.endswith("are excluded by [policy] least_rows: other, '0'.")
    assert [e.n for e in gate.excluded] == [None, None]
    assert SAID in publishable(result, 1).gates[0].sentence


def test_a_limit_on_groups_that_are_all_shown_is_shown(rows):
    result = measure(rows, gates=["selection_rate ratio >= 0.8"], least_rows=30)
    (gate,) = publishable(result, 10).gates
    assert gate.estimate == result.gates[0].estimate


def test_many_groups_are_named_up_to_eight():
    excluded = [ExcludedGroup(group=(f"group {i}",), n=29 - i) for i in range(11)]
    said = describe_excluded(excluded, 30)
    assert said.endswith("group 7 (n 22) and 3 more.")


def test_a_terminal_and_a_card_say_who_is_excluded_and_what_is_joined(rows):
    from io import StringIO

    from audit.cli.console import PlainConsole
    from audit.report.card.render import render
    from audit.report.terminal.summary import Ending, print_summary

    merge = {"race": {"rest": ["other", "0"]}}
    result = measure(rows, gates=["accuracy lowest >= 0.2"], least_rows=30, merge=merge)
    console = PlainConsole(file=StringIO(), width=100)
    print_summary(result, console, Ending())
    shown = console.file.getvalue()
    assert "Excluded, fewer than 30 rows: rest from accuracy by race ([policy] least_rows)" in shown
    assert "race: 'rest' joins other, '0' ([data.merge])" in shown
    assert "race: 'rest' joins other, '0' ([data.merge])" in render(result, "md")


def test_a_page_names_every_excluded_group():
    from audit.report.card.limits import make_limit_views

    groups = ["big"] * 200 + ["other"] * 200 + [f"few {i}" for i in range(12) for _ in range(4)]
    chosen = [i % 2 for i in range(len(groups))]
    result = audit.measure(chosen, chosen, groups={"g": groups}, gates="selection_rate ratio >= 0.5", least_rows=30)
    (view,) = make_limit_views(result)
    assert "and 4 more" in result.gates[0].sentence
    assert all(f"few {i} (n 4)" in view.sentence for i in range(12))
    assert "more" not in view.sentence.partition("excluded by")[2]


def test_the_title_of_the_four_fifths_rule_names_groups_of_enough_rows():
    """Three people, all of them selected, came out highest, and the title was about them."""
    groups = ["few"] * 3 + ["white"] * 200 + ["black"] * 200
    chosen = [1] * 3 + [1] * 150 + [0] * 50 + [1] * 90 + [0] * 110
    (check,) = [c for c in audit.measure(chosen, chosen, groups={"g": groups}).checks if c.code == "FM001"]
    assert check.title == (
        "Four-fifths rule, g: of groups of at least 30 rows, black is selected at 0.600 of the rate of white, below 0.8; "
        "of all groups, black at 0.450 of few (n 3)"
    )
    small = ["few"] * 3 + ["less"] * 9
    (check,) = [
        c for c in audit.measure([1] * 3 + [0] * 9, [1] * 3 + [0] * 9, groups={"g": small}).checks if c.code == "FM001"
    ]
    assert "less (n 9) is selected at 0.000 of the rate of few (n 3)" in check.title
