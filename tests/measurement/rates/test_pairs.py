"""Two decisions about the same rows: worked examples, identities on random tables, published data, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import ttest_1samp

import audit
from audit.errors import InputError, QuestionError, ValuesError
from audit.estimate import FEWEST_CHANGED
from audit.gates.headline import write_headline
from audit.gates.words.changed import describe_change
from audit.measurement.inference.paired.folds import Flips
from audit.measurement.inference.paired.net import bound_net, bound_net_by_units
from audit.measurement.inference.paired.net import test_discordant as discordant
from audit.measurement.metrics.pairs import NEGATIVE_FLIPS, NET_CHANGE, POSITIVE_FLIPS
from audit.measurement.rates.flips import count_flips
from audit.report.disclosure.publishable import publishable

SHARES = ("churn", "negative_flips", "positive_flips", "flips_up", "flips_down")
CHANGES = ("selection_rate_change", "true_positive_rate_change", "false_positive_rate_change",
           "true_negative_rate_change", "false_negative_rate_change", "precision_change",
           "negative_predictive_value_change", "false_discovery_rate_change", "false_omission_rate_change")  # fmt: skip
PICKED = CHANGES[5:]
"""Of rows that each decision picks."""
PAIRS = (*SHARES, "net_change", *CHANGES)


def compare(new, earlier, y=None, g=None, **more):
    return audit.pairs(new, earlier, y, groups={"g": ["a"] * len(new) if g is None else g}, **more)


def value(result, metric, *group, compare=None):
    by = ["g"] if group else []
    return next(e for e in result.find(metric, compare, by=by) if e.group == group)


def random_rows(n=4000, seed=0, groups="abc", wrong=0.2, flips=0.05):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    earlier = np.where(rng.random(n) < wrong, 1 - y, y)
    new = np.where(rng.random(n) < flips, 1 - earlier, earlier)
    return y, new, earlier, rng.choice(list(groups), n)


@pytest.mark.parametrize(
    ("y", "earlier", "new", "churn", "negative", "positive"),
    [("101010", "101011", "101000", 2, 1, 1), ("1010", "1011", "0011", 1, 1, 0)],
)
def test_worked_examples_to_the_integer(y, earlier, new, churn, negative, positive):
    result = compare(list(map(int, new)), list(map(int, earlier)), list(map(int, y)))
    counted = {"churn": churn, "negative_flips": negative, "positive_flips": positive}
    assert {m: value(result, m).numerator for m in counted} == counted
    assert {value(result, m).denominator for m in counted} == {len(y)}
    assert value(result, "net_change").value * len(y) == pytest.approx(negative - positive, abs=1e-12)


def test_the_exact_test_is_that_of_bentur():
    """Fagerland, Lydersen and Laake (2013): 1 and 7 discordant of 21."""
    y, earlier, new = np.ones(21, dtype=int), np.ones(21, dtype=int), np.ones(21, dtype=int)
    new[:7], earlier[7] = 0, 0
    found = value(compare(new, earlier, y), "net_change", compare="p_value")
    assert found.value == pytest.approx(0.0703, abs=5e-5)
    assert discordant(0, FEWEST_CHANGED - 1).p_value > 0.05 > discordant(0, FEWEST_CHANGED).p_value


def test_what_is_lost_is_the_difference_of_accuracies_in_500_tables():
    """Counts of label, new and earlier decision, drawn at random, empty cells among them."""
    counts = np.random.default_rng(1).integers(0, 9, (500, 2, 2, 2, 1)) * np.random.default_rng(2).integers(
        0, 2, (500, 2, 2, 2, 1)
    )
    counts[0] = 0
    net, lost, gained = (
        count_flips(metric, {"n": counts}, folds=False).value for metric in (NET_CHANGE, NEGATIVE_FLIPS, POSITIVE_FLIPS)
    )
    y, new, earlier = np.indices((2, 2, 2))
    with np.errstate(invalid="ignore"):
        was, now = (
            (counts[..., 0] * (decision == y)).sum(axis=(1, 2, 3)) / counts.sum(axis=(1, 2, 3, 4))
            for decision in (earlier, new)
        )
    np.testing.assert_allclose(net, was - now, atol=1e-12)
    np.testing.assert_allclose(net, lost - gained, atol=1e-12)
    assert np.isnan(net[0])


def test_the_change_of_a_rate_is_that_rate_less_the_earlier_one_and_so_is_that_of_a_gap():
    y, new, earlier, g = random_rows()
    result, before = compare(new, earlier, y, g), audit.measure(y, earlier, groups={"g": g})
    for metric in CHANGES:
        rate = metric.removesuffix("_change")
        for group in "abc":
            changed = value(result, rate, group).value - value(before, rate, group).value
            assert value(result, metric, group).value == pytest.approx(changed, abs=1e-12)
        gaps = [{e.group: e.value for e in r.find(rate, "difference", by=["g"]) if e.group} for r in (result, before)]
        for e in result.find(metric, "difference", by=["g"]):
            if e.group is not None:
                assert e.value == pytest.approx(gaps[0][e.group] - gaps[1][e.group], abs=1e-12)


def test_the_same_decisions_twice_change_nothing_and_pass():
    y, new, _, g = random_rows()
    limits = ["net_change <= 0.01", "net_change difference <= 0.01", "churn <= 0.01", "selection_rate_change <= 0.01"]
    result = compare(new, new, y, g, gates=limits)
    assert {e.value for m in PAIRS for e in result.find(m)} == {0.0}
    assert [gate.verdict for gate in result.gates] == ["pass"] * 4
    assert result.verdict == "pass"
    assert value(result, "net_change", compare="p_value").value == 1.0


@pytest.mark.parametrize("more", [{}, {"weight": "w"}, {"unit": "who"}], ids=["rows", "weights", "units"])
def test_turned_round_everything_is_mirrored(more):
    y, new, earlier, g = random_rows()
    rng = np.random.default_rng(5)
    given = {"w": rng.exponential(size=len(y)), "who": rng.integers(0, 700, len(y))}
    asked = {key: given[name] for key, name in more.items()}
    one, other = compare(new, earlier, y, g, **asked), compare(earlier, new, y, g, **asked)
    twins = {"negative_flips": "positive_flips", "positive_flips": "negative_flips", "flips_up": "flips_down",
             "flips_down": "flips_up", "churn": "churn"}  # fmt: skip
    for metric, twin in twins.items():
        for a, b in zip(one.find(metric, by=["g"]), other.find(twin, by=["g"]), strict=True):
            assert a.group == b.group
            assert [a.value, a.low, a.high] == pytest.approx([b.value, b.low, b.high], abs=1e-12)
    for metric in ("net_change", *CHANGES):
        for compared in (None, "difference"):
            pairs = zip(one.find(metric, compared, by=["g"]), other.find(metric, compared, by=["g"]), strict=True)
            for a, b in pairs:
                if a.group is not None:
                    assert [a.value, a.low, a.high] == pytest.approx([-b.value, -b.high, -b.low], abs=1e-12)
                else:
                    assert [a.value, a.low, a.high] == pytest.approx([b.value, b.low, b.high], abs=1e-12)


def test_a_weight_of_two_is_two_rows_for_every_value():
    y, new, earlier, g = random_rows(600)
    w = np.random.default_rng(2).integers(1, 4, len(y))
    twice = [np.repeat(column, w) for column in (new, earlier, y, g)]
    one, other = compare(new, earlier, y, g, weight=w), compare(*twice)
    for metric in PAIRS:
        for a, b in zip(one.find(metric, by=["g"]), other.find(metric, by=["g"]), strict=True):
            assert a.value == pytest.approx(b.value, abs=1e-12)
    shown = value(one, "churn", "a")
    assert shown.rows == (g == "a").sum()
    assert shown.denominator == w[g == "a"].sum()


def test_rows_that_share_a_unit_are_not_independent():
    """Every row doubled, with its twin as its unit: values stay, and intervals do not shrink."""
    y, new, earlier, g = random_rows(1500)
    who = np.arange(len(y))
    doubled = [np.tile(column, 2) for column in (new, earlier, y, g)]
    one, blind = compare(new, earlier, y, g, unit=who), compare(*doubled)
    twins = compare(*doubled, unit=np.tile(who, 2))
    for metric in PAIRS:
        a, b, c = (value(r, metric, "b") for r in (one, twins, blind))
        assert a.value == pytest.approx(b.value, abs=1e-12)
        assert b.high - b.low > 1.2 * (c.high - c.low)
        assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.05)
        if metric not in SHARES:
            p, exact = (value(r, metric, "b", compare="p_value") for r in (twins, blind))
            tested = "inverted mover on fay-feuer" if metric in PICKED else "exact McNemar"
            assert ("student's t over 100 folds" in p.method, tested in exact.method) == (True, True)
            assert p.value == pytest.approx(value(one, metric, "b", compare="p_value").value, rel=0.35, abs=0.02)
            assert (p.value < 0.05) == (b.low > 0 or b.high < 0)


def test_the_change_of_a_gap_of_three_groups_with_units_is_that_of_its_pair():
    """Groups that share every unit: the gap over all is made of the limits of each pair."""
    y, new, earlier, g = random_rows(3000, flips=0.1)
    result = compare(new, earlier, y, g, unit=np.arange(3000) % 60)
    gap = next(e for e in result.find("net_change", "difference", by=["g"]) if e.group is None)
    by_reference = [compare(new, earlier, y, g, unit=np.arange(3000) % 60, reference=r) for r in "abc"]
    each = [e for r in by_reference for e in r.find("net_change", "difference", by=["g"]) if e.group is not None]
    assert len(each) == 6
    assert gap.high == pytest.approx(max(e.high for e in each), abs=1e-9)
    assert gap.low <= max(0.0, *(e.low for e in each)) + 1e-12


@pytest.mark.parametrize("more", ["rows", "weights", "units"])
def test_a_share_whose_rows_a_decision_picks_is_what_pandas_and_a_jackknife_say(more):
    """Each rate from its own rows, and the error from leaving out every unit: folds of 700 people are less sure."""
    y, new, earlier, g = random_rows(6000, flips=0.08)
    rng = np.random.default_rng(8)
    who = rng.integers(0, 700, len(y)) if more == "units" else np.arange(len(y))
    w = rng.exponential(size=len(y)) if more == "weights" else np.ones(len(y))
    asked = {"weights": {"weight": w}, "units": {"unit": who}}.get(more, {})
    result = compare(new, earlier, y, g, **asked)
    frame = pd.DataFrame({"y": y, "new": new, "old": earlier, "g": g, "w": w, "who": who})
    for metric, label, picked in zip(PICKED, (1, 0, 0, 1), (1, 0, 1, 0), strict=True):
        changed = []
        for group in "abc":
            own = frame[frame["g"] == group]
            parts = [own["w"] * (own[d] == picked) * hit for d in ("new", "old") for hit in (own["y"] == label, 1)]
            each = pd.concat(parts, axis=1).groupby(own["who"]).sum().to_numpy()
            left = each.sum(axis=0) - each
            apart = left[:, 0] / left[:, 1] - left[:, 2] / left[:, 3]
            reach = 1.96 * np.sqrt((len(each) - 1) / len(each) * ((apart - apart.mean()) ** 2).sum())
            found = value(result, metric, group)
            total = each.sum(axis=0)
            changed.append(total[0] / total[1] - total[2] / total[3])
            assert found.value == pytest.approx(changed[-1], abs=1e-12)
            assert (found.high - found.low) / 2 == pytest.approx(reach, rel=0.3 if more == "units" else 0.1)
            assert found.rows is None or found.rows == ((own["new"] == picked) | (own["old"] == picked)).sum()
        largest = result.find(metric, "largest", by=["g"])[0]
        assert largest.value == pytest.approx(max(map(abs, changed)), abs=1e-12)
        gap = next(e for e in result.find(metric, "difference", by=["g"]) if e.group is None)
        assert gap.value == pytest.approx(max(changed) - min(changed), abs=1e-12)


@pytest.mark.parametrize("metric", ["precision_change", "true_positive_rate_change"])
def test_a_small_group_that_keeps_the_largest_change_open_is_not_compared_with_all_others(metric):
    """The sentence said "v. all other groups – ()", a comparison that the limit does not make."""
    y, new, earlier, _ = random_rows(3000, flips=0.02)
    g = np.where(np.arange(3000) < 12, "few", np.where(np.arange(3000) % 2, "odd", "even"))
    gate = compare(new, earlier, y, g, gates=f"{metric} <= 0.05").gates[0]
    assert gate.verdict == "insufficient"
    assert gate.sentence.startswith("By g, no group is shown to be above the limit of 5 points. The closest is ")
    assert (
        f", with a change of {'precision' if 'precision' in metric else 'the true positive rate'} of −" in gate.sentence
    )
    assert "all other groups" not in gate.sentence
    assert "few (n " in gate.sentence


def test_a_share_of_no_picked_rows_says_which_decision_picks_none():
    y, new, earlier = np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])
    result = compare(new, earlier, y, list("aabb"))
    assert value(result, "precision_change", "a").reason == "0/0: no rows with prediction = 1"
    assert value(result, "precision_change", "b").reason == "0/0: no rows with earlier prediction = 1"
    assert value(result, "false_omission_rate_change", "b").reason == "0/0: no rows with prediction = 0"
    assert value(result, "negative_predictive_value_change", "a").reason == "0/0: no rows with earlier prediction = 0"
    assert value(result, "precision_change").status == "ok"
    gates = [gate.verdict for gate in compare(new, earlier, y, list("aabb"), gates="precision_change <= 0.1").gates]
    assert gates == ["undefined"]


def test_a_group_whose_precision_changed_is_held_to_everybody_and_to_all_others():
    y, new, earlier, g = random_rows(flips=0.1)
    for more in ({}, {"unit": np.arange(4000) % 900}):
        result = compare(new, earlier, y, g, compare_to=["overall", "rest"], **more)
        change = {who: y[rows & (new == 1)].mean() - y[rows & (earlier == 1)].mean()
                  for who, rows in (("own", g == "a"), ("rest", g != "a"), ("overall", g != ""))}  # fmt: skip
        for who in ("rest", "overall"):
            found = value(result, "precision_change", "a", compare=f"difference_to_{who}")
            assert found.value == pytest.approx(change["own"] - change[who], abs=1e-12)
            assert found.low < found.value < found.high
        wide, narrow = (
            value(result, "precision_change", "a", compare=f"difference_to_{w}") for w in ("rest", "overall")
        )
        assert narrow.high - narrow.low < 0.8 * (wide.high - wide.low)


@pytest.mark.parametrize("rule", ["precision_change <= 0.01", "precision_change difference <= 0.01",
                                  "false_discovery_rate_change <= 0.01", "precision_change difference_to_rest <= 0.01",
                                  "precision_change difference_to_overall <= 0.01"])  # fmt: skip
def test_a_precision_that_fell_fails_from_six_changed_decisions_on(rule):
    """Of 40 that were all right, so many wrong ones are selected besides."""
    y = np.repeat([1, 0], [640, 200])
    earlier = y.copy()
    g = np.array(["a"] * 40 + ["b"] * 600 + ["a"] * 200)
    for wrong, verdict in ((5, "insufficient"), (30, "fail")):
        new = earlier.copy()
        new[640 : 640 + wrong] = 1
        found = compare(new, earlier, y, g, gates=rule)
        assert found.verdict == verdict, found.gates[0].sentence
        assert ("few_changed" in value(found, "precision_change", "a").flags) == (wrong < FEWEST_CHANGED)


@pytest.mark.parametrize("lost", [3, 5])
@pytest.mark.parametrize("rule", ["net_change <= 0.01", "churn <= 0.01", "negative_flips <= 0.01",
                                  "selection_rate_change <= 0.01", "net_change difference <= 0.01",
                                  "churn ratio >= 0.9", "churn difference <= 0.01",
                                  "net_change difference_to_rest <= 0.01"])  # fmt: skip
def test_fewer_than_six_changed_decisions_never_fail(lost, rule):
    """Five of six people lost: whatever the share, the exact test cannot tell."""
    y = np.ones(606, dtype=int)
    new, g = y.copy(), np.array(["a"] * 6 + ["b"] * 600)
    new[:lost] = 0
    result = compare(new, y, y, g, gates=rule)
    assert result.verdict == "insufficient", result.gates[0].sentence
    assert "too few changes to show a direction" in describe_change(result)
    assert "Fewer than 6 decisions of " in result.gates[0].sentence
    assert "few_changed" in value(result, "net_change", "a").flags


def test_six_changed_decisions_can_fail():
    y = np.ones(20, dtype=int)
    new = y.copy()
    new[:12] = 0
    assert compare(new, y, y, gates="net_change <= 0.01").verdict == "fail"


def test_a_group_is_held_to_overall_and_to_all_other_groups():
    y, new, earlier, g = random_rows()
    result = compare(new, earlier, y, g, compare_to=["overall", "rest"])
    lost = (earlier == y).astype(int) - (new == y)
    for group in "abc":
        own = g == group
        rest, overall = (
            value(result, "net_change", group, compare=f"difference_to_{who}") for who in ("rest", "overall")
        )
        assert rest.value == pytest.approx(lost[own].mean() - lost[~own].mean(), abs=1e-12)
        assert overall.value == pytest.approx(lost[own].mean() - lost.mean(), abs=1e-12)
        assert rest.low < rest.value < rest.high


def test_crossings_are_sums_and_rows_without_a_group_are_shown():
    y, new, earlier, g = random_rows(3000)
    g = g.astype(object)
    g[:40] = None
    h = np.where(np.arange(len(y)) % 3 == 0, "x", "z")
    result = audit.pairs(new, earlier, y, groups={"g": g, "h": h}, intersections=2)
    both = {e.group: e.numerator for e in result.find("churn", by=["g", "h"]) if e.group}
    for (a, b), counted in both.items():
        own = (h == b) & ((g == a) if a else np.array([v is None for v in g]))
        assert counted == (new != earlier)[own].sum()
    assert value(result, "churn").numerator == (new != earlier).sum()


def test_without_labels_it_is_told_who_is_selected_more_or_less_often_than_before():
    _, new, earlier, g = random_rows()
    result = compare(new, earlier, g=g)
    told = {e.metric for e in result.estimates}
    assert {"churn", "flips_up", "flips_down", "selection_rate_change"} <= told
    assert not {"net_change", "negative_flips", "true_positive_rate_change"} & told
    up, down = ((new > earlier).sum(), (new < earlier).sum())
    assert f"{up + down:,} of 4,000 decisions changed ({up} up, {down} down)" in describe_change(result)


@pytest.mark.parametrize("text", [False, True], ids=["numbers", "text"])
def test_a_class_that_only_one_of_both_decisions_gives_is_read(text):
    new, earlier = np.array([1, 1, 1, 1]), np.array([1, 0, 1, 0])
    words = np.array(["no", "yes"])
    more = {"positive": "yes"} if text else {}
    result = compare(words[new] if text else new, words[earlier] if text else earlier, **more)
    assert value(result, "flips_up").numerator == 2


@pytest.mark.parametrize(
    ("new", "earlier", "says"),
    [
        (["no", "yes", "yes"], ["NO", "YES", "NO"], "'no' of one is written 'NO' in the other"),
        (["no", "yes", "yes"], ["no", "Yes", "no"], "differ only in case or white space: 'Yes' and 'yes'"),
        (["no", "yes", "yes"], ["no", "yes ", "no"], "differ only in white space: 'yes' and 'yes '"),
        (
            ["no", "yes", "yes"],
            ["no", "yes", "maybe"],
            "earlier prediction 'against' holds 'maybe', which is not a value",
        ),
        (
            ["no", "yes", "maybe"],
            ["no", "yes", "no"],
            "prediction 'y_pred' holds 'maybe', which is not a value of earlier",
        ),
        ([0, 1, 1], [0, 2, 0], "earlier prediction 'against' holds 2, which is not a value of prediction 'y_pred'"),
    ],
)
def test_an_earlier_decision_in_another_coding_is_no_change(new, earlier, says):
    with pytest.raises(ValuesError, match=says):
        compare(new, earlier, positive="yes" if isinstance(new[0], str) else None)


@pytest.mark.parametrize("turned", [False, True])
def test_a_candidate_that_never_gives_the_positive_class_is_compared(turned):
    never, often = ["no"] * 4, ["yes", "no", "yes", "no"]
    result = (
        compare(often, never, positive="yes") if turned else compare(never, often, positive="yes", favourable="yes")
    )
    assert value(result, "flips_up" if turned else "flips_down").numerator == 2
    assert value(result, "selection_rate_change").value == (0.5 if turned else -0.5)


@pytest.mark.parametrize("truths", ["new", "earlier"])
def test_truth_values_and_numbers_are_the_same_decisions(truths):
    numbers, same = np.array([0, 0, 0, 0]), np.array([False, True, False, True])
    result = compare(*((same, numbers) if truths == "new" else (numbers, same)))
    assert value(result, "churn").numerator == 2


@pytest.mark.parametrize("labelled", [False, True])
def test_a_group_column_without_any_value_leaves_nothing_to_compare(labelled):
    y, new, earlier, _ = random_rows(200)
    groups = {"g": [None] * 200, "sex": ["f", "m"] * 100}
    result = audit.pairs(new, earlier, y if labelled else None, groups=groups, gates=["churn <= 0.9"], intersections=2)
    assert value(result, "churn").denominator == 200
    assert {gate.verdict for gate in result.gates if gate.estimate.by == ("g",)} == {"undefined"}


def move(n, up, down):
    """New and earlier decisions of n rows, half of them positive before, of which so many rise and fall."""
    earlier = np.arange(n) < n // 2
    new = earlier.copy()
    new[:down], new[n // 2 : n // 2 + up] = False, True
    return new.astype(int), earlier.astype(int)


def test_the_bound_of_the_largest_change_is_told_with_the_group_that_set_it():
    """40 rows have the largest change and show none; 2,000 show theirs."""
    few, many = move(40, 4, 10), move(2000, 40, 120)
    new, earlier = (np.concatenate(each) for each in zip(few, many, strict=True))
    limits = [f"selection_rate_change <= {limit}" for limit in (0.01, 0.03)]
    result = compare(new, earlier, g=["small"] * 40 + ["big"] * 2000, gates=limits)
    fails, is_open = (gate.sentence for gate in result.gates)
    assert "the change of the selection rate that decides is 4.0 points (big, n 2,000; 95% interval from 2.6" in fails
    assert "the largest change of the selection rate is 15.0 points (small, n 40; 95% interval up to 34" in is_open
    found = result.gates[0].estimate
    assert (found.pair, found.low_pair, found.high_pair) == ((("small",),) * 2, (("big",),) * 2, None)


def test_the_first_sentence_names_the_largest_sure_loss_and_counts_the_others():
    """Each group loses surely; the one of fewest rows loses most, and has not the highest lower limit."""
    lost, rows = {"asian": 10, "black": 200, "white": 316}, {"asian": 30, "black": 900, "white": 2000}
    g = np.repeat(list(rows), list(rows.values()))
    new = np.concatenate([np.arange(rows[name]) >= lost[name] for name in rows]).astype(int)
    ones = np.ones(len(g), dtype=int)
    said = describe_change(compare(new, ones, ones, g))
    assert said.startswith("By g, asian lost accuracy: 10 of 30 decisions changed")
    assert "; 2 other groups lost accuracy too. Overall" in said


def test_without_labels_a_group_that_changed_most_is_not_named_where_that_is_not_shown():
    few, many = move(40, 4, 10), move(2000, 40, 120)
    new, earlier = (np.concatenate(each) for each in zip(few, many, strict=True))
    said = describe_change(compare(new, earlier, g=["small"] * 40 + ["big"] * 2000))
    assert said.startswith("By g, the selection rate of big changed: 160 of 2,000 decisions changed (40 up, 120 down)")


def test_several_candidates_have_a_result_each():
    y, new, earlier, g = random_rows(300)
    found = audit.pairs({"v2": new, "v3": earlier}, earlier, y, groups={"g": g}, gates=["churn <= 0.9"])
    assert list(found) == ["v2", "v3"]
    assert value(found["v2"], "churn").numerator == (new != earlier).sum()
    assert (value(found["v3"], "churn").value, found["v3"].verdict) == (0.0, "pass")
    for candidates, said in (
        ({}, "holds no candidate by name"),
        ({1: new}, "holds no candidate by name"),
        ({"v2": None}, "candidate 'v2' has no decisions"),
        ({"v2": new, "v3": new[:-1]}, "y_pred, candidate 'v3': "),
    ):
        with pytest.raises(InputError, match=said):
            audit.pairs(candidates, earlier, y, groups={"g": g})


@pytest.mark.parametrize("labelled", [True, False])
def test_three_classes_are_refused_because_a_change_between_two_of_them_would_not_count(labelled):
    """With one positive class, a change from b to c was no change, and both were right where the label is either."""
    classes = np.array(list("abc") * 100)
    y = classes if labelled else None
    with pytest.raises(ValuesError, match=r"has 3 classes \('a', 'b', 'c'\).* compare one class at a time"):
        audit.pairs(classes, np.roll(classes, 1), y, groups={"g": ["x", "z"] * 150}, positive="a")
    with pytest.raises(ValuesError, match="earlier prediction 'against' has 3 classes"):
        audit.measure(
            None, None, score=np.linspace(0, 1, 300), against=classes, groups={"g": ["x", "z"] * 150}, positive="a"
        )
    with pytest.raises(QuestionError, match="the task is multiclass; compare one class at a time"):
        audit.pairs(classes, classes, classes, groups={"g": ["x", "z"] * 150}, task="multiclass")


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("f1_score_change", "the change of f1_score between two decisions is not measured; measured: net_change, "),
        ("precision_score_change", "no metric 'precision_score_change'; did you mean 'precision_change'"),
        ("ppv_change", "no metric 'ppv_change'; did you mean 'precision_change'"),
        ("for_change", "no metric 'for_change'; did you mean 'false_omission_rate_change'"),
        ("error_rate_change", "no metric 'error_rate_change'; did you mean 'net_change'"),
        ("tpr_change", "no metric 'tpr_change'; did you mean 'true_positive_rate_change'"),
        ("accuracy_change", "no metric 'accuracy_change'; did you mean 'net_change'"),
        ("net_chnge", "no metric 'net_chnge'; did you mean 'net_change'"),
        ("colour_change", "no metric 'colour_change'; "),
    ],
)
def test_a_change_that_is_not_measured_says_why_and_what_is(metric, said):
    y, new, earlier, g = random_rows(100)
    with pytest.raises(QuestionError, match=said):
        compare(new, earlier, y, g, gates=[f"{metric} <= 0.1"])


def test_of_groups_that_cannot_be_measured_nothing_is_said():
    """Of rows without weight there is no loss and no lack of one."""
    y, new, earlier, g = random_rows(100)
    assert describe_change(compare(new, earlier, y, g, weight=np.zeros(100))) == ""
    assert "No group" not in describe_change(compare(new, earlier, y, [None] * 100))


def test_where_every_decision_changed_the_coding_may_be_turned_round():
    y, new, _, g = random_rows(100)
    assert "Every decision changed: check that both columns write the classes alike." in describe_change(
        compare(1 - new, new, y, g)
    )
    assert "Every decision" not in describe_change(compare([1, 0], [0, 1], [1, 0], ["a", "b"]))


def tell_moves(**moves):
    """Return what is told of groups of so many rows, of which so many rise and fall."""
    each = [move(*counts) for counts in moves.values()]
    new, earlier = (np.concatenate(some) for some in zip(*each, strict=True))
    g = np.repeat(list(moves), [counts[0] for counts in moves.values()])
    return describe_change(compare(new, earlier, g=g))


@pytest.mark.parametrize(
    ("moves", "said"),
    [
        (
            {"small": (40, 4, 10), "big": (2000, 40, 120)},
            "By g, decisions changed most for small: 35.0% of 40 (95% interval 21% to 52%).",
        ),
        # As many rise as fall: no selection rate changed, and nobody would be named by it.
        (
            {"a": (400, 30, 30), "b": (400, 5, 5)},
            "By g, decisions changed most for 'a': 15.0% of 400 (95% interval 12% to 19%). Overall",
        ),
        (
            {"a": (400, 5, 5), "b": (400, 4, 4)},
            "for 'a': 2.5% of 400 (95% interval 1.2% to 4.5%); that groups differ is not shown. Overall",
        ),
        (
            {"a": (400, 5, 5), "b": (400, 5, 5), "c": (400, 0, 0)},
            "By g, decisions changed most for 'a' and 'b': 2.5% of 400",
        ),
        ({"a": (400, 1, 1), "b": (400, 0, 0)}, "By g, too few decisions changed to say whose changed most. Overall"),
        (
            {"a": (400, 5, 5), "b": (10, 2, 3)},
            "differ is not shown; groups with fewer than 6 changed decisions are not ranked. Overall",
        ),
    ],
)
def test_without_labels_the_group_whose_decisions_changed_most_is_named(moves, said):
    assert said in tell_moves(**moves)


def test_where_no_decision_changed_no_group_is_named():
    assert "most" not in tell_moves(a=(40, 0, 0), b=(40, 0, 0))
    assert "most" not in tell_moves(a=(400, 30, 30))


def test_whose_decisions_changed_most_is_withheld_where_a_page_hides_a_group():
    new, earlier = (np.concatenate(each) for each in zip(move(400, 30, 30), move(400, 1, 1), strict=True))
    result = compare(new, earlier, g=["a"] * 400 + ["b"] * 400)
    assert "whose decisions changed most is withheld" in describe_change(publishable(result, 10))


def test_where_a_page_hides_one_group_the_others_are_ranked_and_nothing_is_said_of_it():
    moves = {"a": (400, 40, 40), "b": (400, 60, 60), "c": (400, 4, 3)}
    new, earlier = (np.concatenate(each) for each in zip(*(move(*each) for each in moves.values()), strict=True))
    result = compare(new, earlier, g=np.repeat(list(moves), 400).tolist())
    said = describe_change(publishable(result, 10))
    shown = "By g, among the groups that are shown, decisions changed most for 'b': 30.0% of 400"
    assert said == f"{shown} (95% interval 26% to 35%); 1 group by g is withheld."
    assert "By g, decisions changed most for 'b': 30.0% of 400 (95% interval 26% to 35%)." in describe_change(
        publishable(result, 5)
    )


def test_where_a_page_shows_only_groups_of_few_changes_it_says_so():
    moves = {"a": (4000, 0, 0), "b": (3000, 0, 0), "c": (300, 4, 3)}
    new, earlier = (np.concatenate(each) for each in zip(*(move(*each) for each in moves.values()), strict=True))
    result = compare(new, earlier, g=np.repeat(list(moves), [4000, 3000, 300]).tolist())
    few = "By g, too few decisions changed among the groups that are shown to say whose changed most"
    assert describe_change(publishable(result, 10)).startswith(f"{few}; 1 group by g is withheld.")


def limit_loss(lost, gained, rows, limit):
    """Return the gate on the net loss of one group of so many rows."""
    ones = np.ones(rows, dtype=int)
    y = ones - (np.arange(rows) >= rows - gained)
    new = ones - (np.arange(rows) < lost) - (np.arange(rows) >= rows - gained)
    return compare(new, ones, y, gates=[f"net_change highest <= {limit}"]).gates[0]


def test_rows_that_would_decide_a_net_loss_are_given_and_named():
    gate = limit_loss(40, 20, 1000, 0.01)
    assert (gate.verdict, gate.needed_n) == ("insufficient", pytest.approx(4.72, abs=0.01))
    assert "About 4,800 rows of 'a' would decide (4.7 times as many), if its value stays as it is." in gate.sentence


def test_of_fewer_than_six_changed_decisions_it_is_said_that_none_can_be_planned():
    gate = limit_loss(4, 1, 1000, 0.001)
    assert (gate.verdict, gate.needed_n) == ("insufficient", None)
    assert (
        "More rows of 'a' would help; how many cannot be planned from fewer than 6 changed decisions." in gate.sentence
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "gained", "rows", "limit"),
    [(40, 20, 1000, 0.01), (40, 20, 1000, 0.03), (30, 10, 300, 0.1), (12, 8, 500, 0.02), (6, 1, 300, 0.005),
     (8, 4, 2000, 0.001), (100, 100, 2000, 0.005), (4, 4, 500, 0.01)],
)  # fmt: skip
def test_as_many_rows_as_are_promised_decide_four_times_of_five_or_more_often(lost, gained, rows, limit):
    more = int(np.ceil(rows * limit_loss(lost, gained, rows, limit).needed_n))
    drawn = np.random.default_rng(5).multinomial(more, [lost / rows, gained / rows, 1 - (lost + gained) / rows], 4000)
    flips = Flips(*(column[:, None].astype(float) for column in (drawn[:, 0], drawn[:, 1], np.full(4000, more))))
    net = bound_net(flips, 0.025)
    decides = net.low > limit if (lost - gained) / rows > limit else net.high <= limit
    assert 0.77 <= decides.mean() <= 0.95


@pytest.mark.parametrize("rule", ["churn <= 0.001", "net_change <= 0.001", "churn difference <= 0.02"])
def test_no_number_of_rows_is_promised_to_decide_a_limit_on_what_changed(rule):
    """3 of 300 decisions changed: by the rule of six changes, and the exact test, no usual plan of rows holds."""
    ones = np.ones(300, dtype=int)
    (gate,) = compare((np.arange(300) > 2).astype(int), ones, ones, list("abc") * 100, gates=[rule]).gates
    assert (gate.verdict, gate.needed_n) == ("insufficient", None)
    assert "would decide" not in gate.sentence
    assert "times as many" not in gate.sentence


def test_a_limit_may_ask_for_a_net_gain():
    y, new, _, _ = random_rows(900)
    worse = np.where(np.arange(900) % 5 == 0, 1 - new, new)
    (gate,) = compare(y, worse, y, gates=["net_change <= -0.05"]).gates
    assert gate.verdict == "pass"
    assert "at most −5 points" in gate.sentence
    with pytest.raises(QuestionError, match=r"max = -1.5 is outside the range \[-1, 1\)"):
        compare(y, worse, y, gates=["net_change <= -1.5"])


def test_the_ratio_of_no_changes_to_none_says_so():
    y, new, _, g = random_rows(900)
    (gate,) = compare(new, new, y, g, gates=["churn ratio >= 0.8"]).gates
    assert gate.estimate.reason == "0/0: no decision changed in any group"
    changed = np.where((g == "a") & (np.arange(900) % 3 == 0), 1 - new, new)
    result = compare(changed, new, y, g, reference={"g": "a"})
    assert [e.value for e in result.find("churn", "ratio", by=["g"])] == [0.0] * 3
    other = compare(changed, new, y, g, reference={"g": "b"}).find("churn", "ratio", by=["g"])
    assert {e.reason for e in other if e.group} == {"the value of b is 0: there is no ratio to it"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"against": [0, 1, 2, 1]}, "earlier prediction 'against' holds 2, which is not a value of the label"),
        ({"against": [0, 1, None, 1]}, "earlier prediction 'against' is missing .* in 1 of 4 rows"),
        ({"against": None}, "y_pred or against is missing"),
        ({"task": "multiclass"}, "against.* needs decisions of two classes, and the task is multiclass"),
        ({"against": [0, 1, 1]}, "against"),
    ],
)
def test_what_is_no_pair_is_refused(asked, says):
    given = {"against": [0, 1, 0, 1], **asked}
    with pytest.raises((QuestionError, ValuesError), match=says):
        audit.pairs([0, 1, 1, 1], given.pop("against"), [0, 1, 0, 1], groups={"g": list("aabb")}, **given)


def test_a_limit_on_what_changed_needs_earlier_decisions():
    with pytest.raises(QuestionError, match="needs earlier decisions"):
        audit.measure([0, 1], [0, 1], groups={"g": ["a", "b"]}, gates="net_change <= 0.1")


def test_small_counts_of_what_changed_are_secret():
    """One group of a column has few changes: it is withheld, and overall with it, as the total would tell it."""
    y, new, earlier, _ = random_rows(8000, flips=0.05)
    result = compare(new, earlier, y, np.where(np.arange(8000) < 300, "few", "many"))
    assert 0 < value(result, "positive_flips", "few").numerator < 10
    shown = publishable(result, 10)
    for metric in ("net_change", "negative_flips", "positive_flips"):
        alone = {e.group: e.status for e in shown.find(metric, by=["g"]) if e.compare is None}
        assert alone == {("few",): "suppressed", ("many",): "ok"}
        assert {e.status for e in shown.find(metric, "difference", by=["g"])} == {"suppressed"}
        assert {e.status for e in shown.find(metric, by=[])} == {"suppressed"}
    said = describe_change(shown)
    assert said.startswith("By g, many lost accuracy: 359 of 7,700 decisions changed")
    assert said.endswith("; 1 group by g is withheld.")
    assert {e.status for e in publishable(result, 1).find("churn", by=["g"])} == {"ok"}


# Published data.


@pytest.mark.parametrize(
    ("earlier", "new", "down", "up", "p", "by_target"),
    [
        ("gpt2", "gpt2-large", 59, 86, 0.0305, 0.051),
        ("bert-base-cased", "bert-large-cased", 64, 73, 0.494, 0.430),
        ("roberta-base", "roberta-large", 63, 66, 0.860, 0.795),
    ],
)
def test_pairs_of_language_models_are_those_of_stereoset(shared, earlier, new, down, up, p, by_target):
    """Which of two sentences a model prefers, 962 items on race with 36 target terms."""
    items = pq.read_table(shared / "data" / "stereoset" / "intrasentence_race_religion.parquet").to_pandas()
    wide = items[items["domain"] == "race"].pivot(
        index=["cluster_id", "target"], columns="label", values=[f"score_{earlier}", f"score_{new}"]
    )
    chosen = {
        model: (wide[f"score_{model}"]["stereotype"] > wide[f"score_{model}"]["anti-stereotype"]).to_numpy().astype(int)
        for model in (earlier, new)
    }
    target = wide.index.get_level_values("target").to_numpy()
    result = compare(chosen[new], chosen[earlier])
    assert [value(result, m).numerator for m in ("flips_down", "flips_up")] == [down, up]
    assert value(result, "churn").denominator == 962
    assert value(result, "selection_rate_change", compare="p_value").value == pytest.approx(p, abs=5e-4)
    each = pd.Series(chosen[new] - chosen[earlier]).groupby(target).mean()
    assert ttest_1samp(each, 0).pvalue == pytest.approx(by_target, abs=5e-4)
    # Each target counts once: the interval over targets leaves 0 out at the error of that test, and at no smaller one.
    apart = pd.DataFrame({"up": chosen[new] > chosen[earlier], "down": chosen[new] < chosen[earlier]})
    shares = apart.groupby(target).mean()
    once = Flips(shares["up"].to_numpy(), shares["down"].to_numpy(), np.ones(len(shares)))
    for error, leaves_out in ((1.05 * by_target, True), (0.95 * by_target, False)):
        net = bound_net_by_units(once, error / 2)
        assert (float(net.low) > 0) == leaves_out


EDGE = {
    "int8_dynamic": [(134, 118), (100, 99), (12, 9), (11, 5), (4, 2), (6, 2)],
    "int8_static": [(184, 173), (149, 138), (12, 17), (11, 10), (4, 4), (6, 3)],
    "distilled": [(1166, 912), (914, 716), (102, 98), (80, 42), (29, 23), (28, 20)],
    "seed1": [(1435, 1529), (1124, 1181), (132, 161), (78, 81), (52, 53), (37, 34)],
    "seed2": [(2270, 2198), (1929, 1826), (132, 176), (98, 95), (56, 56), (44, 29)],
    "seed3": [(1622, 1705), (1319, 1371), (142, 168), (83, 80), (35, 45), (32, 27)],
}
"""Negative and positive flips against the full model: all, then groups 0, 1, 5, 7 and 8."""


@pytest.fixture(scope="module")
def edge(shared):
    frame = pq.read_table(shared / "data" / "edge_acs" / "predictions.parquet").to_pandas()
    models = {}
    for model in EDGE:
        models[model] = audit.pairs(frame[model], frame["full"], frame["y"], groups=frame[["race"]])
    return models


def test_every_cell_of_the_compressed_models(edge):
    groups = [(), ("0",), ("1",), ("5",), ("7",), ("8",)]
    for model, result in edge.items():
        found = []
        for group in groups:
            by = ["race"] if group else []
            each = [{e.group: e.numerator for e in result.find(m, by=by)} for m in ("negative_flips", "positive_flips")]
            found.append(tuple(counts[group] for counts in each))
        assert found == EDGE[model], model


def test_who_lost_by_compression(edge):
    """int8 accuses no group; the distilled model lost over all and for group 5, though it changed less than a seed."""
    p = {m: {e.group: e.value for e in r.find("net_change", "p_value")} for m, r in edge.items()}
    assert (
        min(v for group, v in p["int8_dynamic"].items() if group in {(), ("0",), ("1",), ("5",), ("7",), ("8",)}) > 0.2
    )
    assert p["distilled"][()] == pytest.approx(3e-8, rel=0.2)
    assert p["distilled"][("5",)] == pytest.approx(0.0007, rel=0.2)
    assert "No group by race is shown to have lost accuracy" in describe_change(edge["int8_dynamic"])
    assert describe_change(edge["distilled"]).startswith(
        "By race, '5' lost accuracy: 122 of 3,498 decisions changed (80 newly wrong, 42 newly right), "
        "a net loss of accuracy of 1.1 points (95% interval 0.5 to 1.7 points; p < 0.001); 1 other group lost accuracy too. Overall, 2,078 of 60,000"
    )
    assert write_headline(edge["distilled"]).startswith(describe_change(edge["distilled"]))


def test_a_card_that_withholds_who_lost_does_not_say_that_nobody_did():
    g, n = np.repeat(["white", "black"], [2000, 1000]), 3000
    y = np.ones(n, dtype=int)
    old, new = y.copy(), y.copy()
    new[:60] = 0
    new[2000:2004] = 0
    rule = {"metric": "net_change", "compare": "highest", "max": 0.001, "by": ["race"]}
    result = audit.pairs(new, old, y, groups={"race": g}, gates=[rule])
    assert "white lost accuracy" in write_headline(result)
    said = write_headline(publishable(result, 10))
    assert "is shown to have lost" not in said
    assert said.startswith(
        "By race, white lost accuracy: 60 of 2,000 decisions changed (60 newly wrong, 0 newly right)"
    )
    assert "; 1 group by race is withheld. " in said
    assert "Whether a group by race lost accuracy is withheld." in write_headline(publishable(result, 100))


def test_a_card_says_of_each_column_whether_it_is_withheld():
    n = 3000
    y = np.ones(n, dtype=int)
    old, new = y.copy(), y.copy()
    new[:60], old[60:120] = 0, 0
    new[2000:2004] = 0
    groups = {"race": np.repeat(["white", "black"], [2000, 1000]), "half": np.tile(["a", "b"], n // 2)}
    said = write_headline(publishable(audit.pairs(new, old, y, groups=groups), 10))
    assert "No group by half is shown to have lost accuracy. Whether a group by race lost accuracy is withheld." in said
