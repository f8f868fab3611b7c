"""The demo's card, were its data not public: what stays of it at k 10 and 5, and that it reveals no withheld count."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import replace

import pytest
import sample_results as samples
from attacker import Attacker

from audit.measurement.metrics.catalogue import CATALOGUE
from audit.report.disclosure.publishable import publishable

DEMO = {
    # race, sex: label 0 and prediction 0, 0 and 1, 1 and 0, 1 and 1; as `audit demo` counts them
    ("black", "female"): (16, 4, 6, 25),
    ("black", "male"): (26, 18, 16, 84),
    ("black", None): (0, 0, 0, 2),
    ("hispanic", "female"): (4, 1, 1, 16),
    ("hispanic", "male"): (13, 8, 7, 59),
    ("hispanic", None): (0, 0, 0, 2),
    ("white", "female"): (12, 13, 12, 259),
    ("white", "male"): (59, 70, 66, 1179),
    ("white", None): (0, 0, 0, 11),
}
RATES = ("true_positive_rate", "false_positive_rate", "true_negative_rate", "precision", "accuracy", "selection_rate")


@pytest.fixture(scope="module")
def limits(root):
    """Limits of the demo on groups."""
    asked = tomllib.loads((root / "pipelines/boston_mortgages/audit.toml").read_text())
    return [gate for gate in asked["gates"] if gate.get("stage", "model") == "model"]


def audited(limits, moved=()):
    """The demo; of some groups so many rows moved between right and wrong, their labels and predictions kept."""
    counts = dict(DEMO)
    for group, n in moved:
        counts[group] = tuple(count + sign * n for count, sign in zip(counts[group], (1, -1, -1, 1), strict=True))
    config = samples.plain_config(("race", "sex")) | {"gates": limits}
    config["data"] |= {"intersections": 2}
    return samples.result_of(("race", "sex"), counts, config=config, intersections=2, stages=("data", "model"))


def share_withheld(estimates):
    found = [e.status == "suppressed" for e in estimates]
    return sum(found) / len(found)


def test_of_the_groups_in_the_tables_at_most_three_in_ten_numbers_are_withheld_at_10_and_none_at_5(limits):
    """By single attributes. Of all that is recorded of them, comparisons and rows without a group included, more is."""
    for k, of_tables, of_record in ((10, 0.3, 0.6), (5, 0, 0.1)):
        single = [e for e in publishable(audited(limits), k).estimates if len(e.by) == 1]
        drawn = [e for e in single if e.compare is None and None not in e.group and CATALOGUE[e.metric].table]
        assert share_withheld(drawn) <= of_tables
        assert share_withheld(single) <= of_record
        assert len(drawn) > 30


def test_error_rates_of_black_and_white_and_the_limits_on_them_are_shown(limits):
    shown = publishable(audited(limits), 10)
    for group, metric in itertools.product(("black", "white"), RATES):
        (rate,) = shown.find(metric, by=["race"], group=[group])
        assert rate.status == "ok", (group, metric)
    by_name = {gate.name: gate for gate in shown.gates}
    for name in ("selection_rate.ratio.race", "selection_rate.difference.race", "selection_rate.ratio.sex"):
        assert by_name[f"model.{name}"].estimate.value is not None
    gap = by_name["model.true_positive_rate.difference.race"]
    assert (gap.estimate.pair, gap.low, gap.high) == ((("black",), ("white",)), *gap_of(audited(limits)))


def gap_of(result):
    (gate,) = (g for g in result.gates if g.name == "model.true_positive_rate.difference.race")
    return gate.low, gate.high


def test_with_all_four_shown_the_small_count_would_follow():
    """Why one of female, male, black and white has to go: 9 false positives of hispanic are what the others leave."""
    false_positives = {
        at: sum(four[1] for group, four in DEMO.items() if group[i] == at)
        for i, at in ((0, "black"), (0, "white"), (1, "female"), (1, "male"), (0, "hispanic"))
    }
    others = false_positives["female"] + false_positives["male"] - false_positives["black"] - false_positives["white"]
    assert others == false_positives["hispanic"] == 9


BM, BF, HM, HF = ("black", "male"), ("black", "female"), ("hispanic", "male"), ("hispanic", "female")


@pytest.mark.parametrize("moved", [
    [(HM, 1), (BM, -1), (BF, 1)],
    [(HM, 2), (BM, -2), (BF, 2)],
    [(HF, -1), (HM, 1), (BM, -1), (BF, 1)],
    [(HF, -2), (HM, 2), (BM, -2), (BF, 2)],
])  # fmt: skip
def test_other_tables_give_the_same_page(limits, moved):
    """Of every small count at least three values stand behind one card: of hispanic 7, 8 and 9 false positives."""
    true, other = audited(limits), audited(limits, moved)
    assert true.estimates != other.estimates
    assert publishable(true, 10) == replace(publishable(other, 10), cubes=())


@pytest.mark.parametrize("k", [5, 10])
def test_an_attack_with_whole_numbers_recovers_no_withheld_count(limits, k):
    result = audited(limits)
    gone = {family: {*keys} for family, keys in find_hidden_of(result, k).items()}
    assert Attacker(DEMO, ("race", "sex"), 2, k, gone=gone).told() == []


def find_hidden_of(result, k):
    """Who is withheld, as the published rates tell: one metric a family."""
    shown = publishable(result, k)
    metrics = {"rows": None, "labels": "base_rate", "selection": "selection_rate", "confusion": "accuracy"}
    return {
        family: {
            (e.by, e.group or ())
            for e in shown.estimates
            if metric and (e.stage, e.metric, e.compare, e.status) == ("model", metric, None, "suppressed")
        }
        for family, metric in metrics.items()
    }
