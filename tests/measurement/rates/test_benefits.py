"""Errors against errors and the spread of benefits: slow loops, published numbers, gates, and simulated intervals."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples, some_now
from scipy.special import rel_entr
from typer.testing import CliRunner

import audit
from audit.cli.app import app
from audit.errors import QuestionError
from audit.measurement.grouping import Grouping
from audit.measurement.inference.rising import against, gap, limits, risen
from audit.measurement.metrics.benefits import BENEFITS, BETWEEN
from audit.measurement.metrics.catalogue import CATALOGUE, metric_names
from audit.measurement.metrics.other_names import OTHER_NAMES
from audit.pipeline.verify import describe_differences

NAMES = [m.name for m in BENEFITS]
BY_NAME = {m.name: m for m in BENEFITS}
CLARIFY_GROUP = list("MFFMFMFFMMFF")
CLARIFY_LABEL = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0]
CLARIFY_PREDICTION = [1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0]


def gap_of(result, metric, compare="difference", by=("g",)):
    return next(e for e in result.find(metric, compare, by=by) if e.group is None)


def one(result, metric, *group, compare=None):
    return result.find(metric, compare, by=["g"] if group else [], group=list(group))[0]


def slow(y, p, w=None):
    """Every value from the vector of persons; None where there is no number."""
    w = np.ones(len(y)) if w is None else w
    fn, fp = (w[(y == 1) & (p == 0)].sum(), w[(y == 0) & (p == 1)].sum())
    ratios = {
        "treatment_equality": (fn, fp),
        "conditional_acceptance": (w[y == 1].sum(), w[p == 1].sum()),
        "conditional_rejection": (w[y == 0].sum(), w[p == 0].sum()),
    }
    found = {k: over / under if under else None for k, (over, under) in ratios.items()}
    b = np.array([float(pi - yi + 1) for yi, pi in zip(y, p, strict=True)])
    if not len(b) or not (w * b).sum():
        return found | dict.fromkeys(NAMES[3:])
    mean = np.average(b, weights=w)
    found["generalized_entropy_index"] = np.average((b / mean) ** 2 - 1, weights=w) / 2
    found["theil_index"] = np.average([x / mean * math.log(x / mean) if x else 0.0 for x in b], weights=w)
    any_without = (w[b == 0]).sum() > 0
    found["mean_log_deviation"] = (
        None if any_without else -np.average([math.log(x / mean) for x in b[w > 0]], weights=w[w > 0])
    )
    found["atkinson_index"] = 1 - np.average(np.sqrt(b), weights=w) ** 2 / mean
    found["coefficient_of_variation"] = math.sqrt(np.average((b - mean) ** 2, weights=w)) / mean
    return found


def some(n=400, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    p = np.where(rng.random(n) < 0.75, y, 1 - y)
    return y, p, rng.choice(list("abc"), n), rng.exponential(size=n)


pairs = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("ab")), min_size=1, max_size=40)


@given(pairs)
@settings(max_examples=count_examples(80), deadline=None)
def test_every_value_equals_the_loop_over_persons_and_is_undefined_where_it_has_none(rows):
    y, p, g = (np.array(x) for x in zip(*rows, strict=True))
    result = audit.measure(y, p, groups={"g": g})
    assert not describe_differences(result)
    for group in sorted(set(g)):
        for metric, value in slow(y[g == group], p[g == group]).items():
            found = one(result, metric, group)
            assert (found.value is None) == (value is None), metric
            if value is None:
                assert found.reason
            else:
                assert found.value == pytest.approx(value, abs=1e-9), metric
                assert found.low is None or found.low <= found.value <= (found.high or math.inf)


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_groups_everybody_and_the_group_of_missing_rows_are_the_loops(weighted):
    y, p, g, w = some()
    g = g.astype(object)
    g[:40] = None
    result = audit.measure(y, p, groups={"g": g}, weight=w if weighted else None)
    for group, rows in (((), np.ones(len(y), bool)), (("a",), g == "a"), ((None,), np.array([x is None for x in g]))):
        for metric, value in slow(y[rows], p[rows], w[rows] if weighted else None).items():
            found = one(result, metric, *group)
            assert (found.value is None) == (value is None)
            if value is not None:
                assert found.value == pytest.approx(value, rel=1e-9)
    assert not describe_differences(result)


def test_clarifys_own_test_vector_comes_out():
    """smclarify, tests/unit/bias/metrics/test_metrics.py: DCA 1/4, DCR 1/3, TE -1/2 for F against M."""
    result = audit.measure(CLARIFY_LABEL, CLARIFY_PREDICTION, groups={"g": CLARIFY_GROUP}, reference="M")
    signed = {
        m: next(e for e in result.find(m, "difference") if e.group == ("F",)).value
        for m in ("conditional_acceptance", "conditional_rejection", "treatment_equality")
    }
    assert -signed["conditional_acceptance"] == pytest.approx(1 / 4)
    assert signed["conditional_rejection"] == pytest.approx(1 / 3)
    assert signed["treatment_equality"] == pytest.approx(-1 / 2)
    assert gap_of(result, "difference_in_conditional_acceptance").value == pytest.approx(1 / 4)
    assert gap_of(result, "difference_in_conditional_rejection").value == pytest.approx(1 / 3)
    te = gap_of(result, "treatment_equality_difference")
    assert (te.value, te.pair) == (pytest.approx(1 / 2), (("F",), ("M",)))


def aif360(b, alpha):
    """Published formula of ClassificationMetric.generalized_entropy_index for alpha 1 and 2."""
    if alpha == 1:
        return np.mean(np.log((b / np.mean(b)) ** b) / np.mean(b))
    return np.mean((b / np.mean(b)) ** alpha - 1) / (alpha * (alpha - 1))


def test_entropies_and_their_term_between_groups_are_aif360s():
    y, p, g, _ = some()
    result, b = audit.measure(y, p, groups={"g": g}), 1.0 + p - y
    means = np.array([b[g == k].mean() for k in g])
    for alpha, name in ((2, "generalized_entropy_index"), (1, "theil_index")):
        assert one(result, name).value == pytest.approx(aif360(b, alpha), rel=1e-12)
        between = result.find(f"between_group_{name}", "between_groups", by=["g"])[0]
        assert between.value == pytest.approx(aif360(means, alpha), rel=1e-9)
        within = sum(
            (g == k).mean() * (b[g == k].mean() / b.mean()) ** alpha * one(result, name, k).value
            for k in sorted(set(g))
        )
        assert between.value + within == pytest.approx(one(result, name).value, rel=1e-9)
    theil = rel_entr(b / b.sum(), np.full(len(b), 1 / len(b))).sum()
    assert one(result, "theil_index").value == pytest.approx(theil, rel=1e-9)


@pytest.mark.slow
def test_what_chance_alone_shows_between_groups_is_about_what_is_printed():
    rng, sizes = np.random.default_rng(4), (50, 80, 200)
    g = np.repeat(list("abc"), sizes)
    values, printed = [], []
    for _ in range(150):
        y = rng.integers(0, 2, len(g))
        p = np.where(rng.random(len(g)) < 0.8, y, 1 - y)
        e = audit.measure(y, p, groups={"g": g}).find("between_group_theil_index", "between_groups", by=["g"])[0]
        values.append(e.value)
        printed.append(float(e.method.split("about ")[1].split()[0]))
    assert np.mean(values) == pytest.approx(np.mean(printed), rel=0.2)


def test_a_perfect_model_is_equal_and_its_errors_have_no_ratio():
    y = np.tile([0, 0, 1, 1], 25)
    result = audit.measure(y, y, groups={"g": list("abab") * 25})
    for metric in NAMES[3:]:
        assert one(result, metric, "a").value == 0
    assert one(result, "conditional_acceptance", "a").value == 1
    assert one(result, "conditional_acceptance", "a").low < 0.95
    assert one(result, "generalized_entropy_index", "a").high > 0.02
    assert one(result, "treatment_equality", "a").reason == "0/0: no rows with prediction ≠ label"
    assert "no interval" in one(result, "mean_log_deviation", "a").method


def test_what_is_infinite_has_a_lower_limit_and_blocks_a_pass_but_not_a_fail():
    """Group a: 40 false negatives and no false positive."""
    y = np.array([1] * 40 + [0] * 60 + [1, 0] * 50)
    p = np.array([0] * 40 + [0] * 60 + [0, 1] * 20 + [1, 0] * 30)
    result = audit.measure(y, p, groups={"g": ["a"] * 100 + ["b"] * 100},
                           gates=[{"metric": "treatment_equality", "compare": "difference", "max": limit}
                                  for limit in (2.0, 50.0)])  # fmt: skip
    found = one(result, "treatment_equality", "a")
    assert (found.status, found.value, found.high) == ("undefined", None, None)
    assert found.low > 5
    assert "but no false positives" in found.reason
    assert [g.verdict for g in result.gates] == ["fail", "undefined"]
    found = gap_of(result, "treatment_equality")
    assert found.value is None
    assert found.high is None
    assert "not measured for a" in found.reason
    assert "Infinity" not in result.to_json()
    assert not describe_differences(result)


def test_gates_fail_pass_and_stay_open():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 8000)
    g = np.where(rng.random(8000) < 0.5, "a", "b")
    wrong = rng.random(8000) < np.where((g == "b") & (y == 1), 0.4, 0.2)
    p = np.where(wrong, 1 - y, y)

    def verdicts(*rules):
        return [x.verdict for x in audit.measure(y, p, groups={"g": g}, gates=list(rules)).gates]

    assert verdicts(
        {"metric": "treatment_equality_difference", "max": 0.3},
        {"metric": "treatment_equality", "max": 1.5},
        {"metric": "treatment_equality", "compare": "ratio", "min": 0.8},
        {"metric": "generalized_entropy_index", "max": 0.1},
        {"metric": "generalized_entropy_index", "max": 0.3},
        {"metric": "difference_in_conditional_acceptance", "max": 0.02},
        {"metric": "atkinson_index", "compare": "difference", "max": 0.3},
        {"metric": "theil_index", "max": 0.2},
        {"metric": "conditional_rejection", "compare": "ratio", "min": 0.5},
        {"metric": "theil_index", "by": [], "max": 0.4},
    ) == ["fail", "fail", "fail", "fail", "pass", "fail", "pass", "fail", "pass", "pass"]
    few = audit.measure(y[:60], p[:60], groups={"g": g[:60]}, gates=[{"metric": "theil_index", "max": 0.3}])
    assert few.gates[0].verdict == "insufficient"
    assert "highest" in few.gates[0].sentence


@pytest.mark.parametrize(
    ("rule", "said"),
    [({"metric": "mean_log_deviation", "max": 1}, "has no interval and cannot be judged; use theil_index"),
     ({"metric": "between_group_theil_index", "max": 1}, "no interval"),
     ({"metric": "treatment_equality", "min": 1}, "needs max"),
     ({"metric": "treatment_equality", "compare": "ratio", "min": 2}, "outside the range"),
     ({"metric": "theil_index", "max": 0}, "above 0, so that the limit can pass"),
     ({"metric": "theil_index", "compare": "ratio", "min": 0.8}, "has no ratio; available: highest, difference"),
     ({"metric": "statistical_parity_difference", "compare": "ratio", "min": 0.8}, "remove compare"),
     ({"metric": "statistical_parity_differenc", "max": 0.1}, "did you mean 'statistical_parity_difference'")],
)  # fmt: skip
def test_limits_that_make_no_sense_are_refused(rule, said):
    with pytest.raises(QuestionError, match=said):
        audit.measure([0, 1], [0, 1], groups={"g": ["a", "b"]}, gates=[rule])


def test_ten_rows_a_person_are_not_ten_people_and_nothing_is_too_sure():
    rng = np.random.default_rng(3)
    y = np.repeat(rng.integers(0, 2, 200), 10)
    p = np.where(np.repeat(rng.random(200) < 0.7, 10), y, 1 - y)
    g, unit = np.repeat(rng.choice(["a", "b"], 200), 10), np.repeat(np.arange(200), 10)
    shared, plain = (audit.measure(y, p, groups={"g": g}, unit=u) for u in (unit, None))
    for metric in NAMES:
        if not CATALOGUE[metric].judged:
            continue
        wide, short = one(shared, metric, "a"), one(plain, metric, "a")
        assert wide.value == pytest.approx(short.value)
        assert wide.high - wide.low > 1.8 * (short.high - short.low), metric
        assert "100 folds" in wide.method
    assert "rows share units" in shared.find("between_group_theil_index", "between_groups")[0].method
    assert not describe_differences(shared)


def test_one_group_and_absent_crossings_are_said():
    lonely = audit.measure([0, 1, 1], [1, 0, 1], groups={"g": list("aaa")})
    assert "only one group" in gap_of(lonely, "treatment_equality").reason
    assert "at least two groups" in lonely.find("between_group_theil_index", "between_groups")[0].reason
    result = audit.measure([0, 1, 1, 0], [1, 1, 1, 0], groups={"g": list("aabb"), "s": list("xyxx")}, intersections=2)
    absent = result.find("theil_index", by=["g", "s"], group=["b", "y"])[0]
    assert absent.reason == "0/0: no rows in this group"
    assert "not measured for b x y" in gap_of(result, "theil_index", by=("g", "s")).reason


def test_nobody_has_a_benefit_where_everybody_is_a_false_negative():
    result = audit.measure([1, 1, 1, 1], [0, 0, 0, 0], groups={"g": list("aabb")})
    assert "there is no benefit" in one(result, "theil_index", "a").reason
    assert "there is no benefit" in result.find("between_group_theil_index", "between_groups")[0].reason
    assert one(result, "conditional_acceptance", "a").reason.startswith("x/0: no rows with prediction = 1")


TABLES = [(0.4, 0.1, 0.1, 0.4), (0.85, 0.05, 0.05, 0.05), (0.6, 0.05, 0.2, 0.15), (0.3, 0.2, 0.05, 0.45)]


def values_of(metric, counts):
    """Values of many tables at once, each a group of its own."""
    names = tuple((str(i),) for i in range(len(counts)))
    grouped = Grouping(("g",), names, {"n": np.asarray(counts).reshape(-1, 2, 2, 1)}, 0, 0.0)
    return risen(grouped.sample(metric.below), metric.rises)


def truth_of(metric, table):
    return float(values_of(metric, [np.array(table) * 1e9]).value[0])


@pytest.mark.parametrize("metric", [m for m in BENEFITS if m.judged], ids=lambda m: m.name)
@pytest.mark.parametrize("table", TABLES, ids=str)
@pytest.mark.parametrize("n", some_now([30, 100, 1000], 2))
def test_intervals_cover_or_are_marked(metric, table, n):
    counts = np.random.default_rng(17).multinomial(n, table, size=3000)
    found, truth = values_of(metric, counts), truth_of(metric, table)
    low, high = limits(found, 0.025)
    known = found.sample.measured
    covered = np.mean(((low <= truth) & (truth <= high))[known])
    assert covered >= 0.93 - 0.012 or np.mean(found.sample.thin[known]) >= 0.7, covered


@pytest.mark.parametrize("metric", [m for m in BENEFITS if m.judged], ids=lambda m: m.name)
def test_intervals_cover_with_people_of_ten_rows_and_with_weights(metric):
    rng, replicates, table = np.random.default_rng(11), 400, TABLES[0]
    cells = np.zeros((replicates, 4, 100))
    for sums in cells:
        rows = np.stack([rng.multinomial(10, p) for p in rng.dirichlet(np.array(table) * 2, size=100)])
        np.add.at(sums.T, rng.integers(0, 100, 100), rows)
    which, weight = rng.choice(4, (replicates, 300), p=table), rng.lognormal(0, 0.7, (replicates, 300))
    n, w, w2 = (np.stack([(x * (which == k)).sum(1) for k in range(4)], 1) for x in (weight**0, weight, weight**2))
    names, truth = tuple((str(i),) for i in range(replicates)), truth_of(metric, table)
    for counts, folded in (({"n": cells}, True), ({"n": n, "w": w, "w2": w2}, False)):
        shaped = {k: v.reshape(replicates, 2, 2, -1) for k, v in counts.items()}
        sample = Grouping(("g",), names, shaped, 0, 0.0, folded).sample(metric.below)
        low, high = limits(risen(sample, metric.rises), 0.025)
        assert np.mean((low <= truth) & (truth <= high)) >= 0.93 - 0.03


@pytest.mark.parametrize("metric", [m for m in BENEFITS if m.judged], ids=lambda m: m.name)
@pytest.mark.parametrize("n", some_now([(60, 60), (30, 400), (1000, 1000)], 1), ids=str)
def test_differences_cover_and_gaps_are_not_failed_at_their_own_size(metric, n):
    rng = np.random.default_rng(5)
    for first, second in ((0, 0), (0, 2), (2, 3)):
        truth = truth_of(metric, TABLES[first]) - truth_of(metric, TABLES[second])
        covered, failed, known, replicates = 0, 0, 0, 400
        for _ in range(replicates):
            counts = [rng.multinomial(k, TABLES[t]) for k, t in zip(n, (first, second), strict=True)]
            found = values_of(metric, counts)
            failed += gap(found, "difference", 0.025).low > abs(truth) + 1e-12
            if found.known.all():
                low, high = against(found, "difference", 1, 0.025)
                known, covered = known + 1, covered + (low[0] <= truth <= high[0])
        assert covered >= (0.93 - 0.03) * known, (first, second, covered / known)
        assert failed <= (0.05 + 0.02) * replicates, (first, second)


def test_more_rows_bring_shorter_intervals_and_groups_may_change_places():
    for metric in (m for m in BENEFITS if m.judged):
        few = values_of(metric, [(30, 10, 5, 55), (50, 5, 10, 35)])
        many = values_of(metric, [(300, 100, 50, 550), (500, 50, 100, 350)])
        a, b = limits(few, 0.025), limits(many, 0.025)
        assert np.all(b.high - b.low < a.high - a.low)
        turned = values_of(metric, [(50, 5, 10, 35), (30, 10, 5, 55)])
        for kind in ("difference", "ratio"):
            assert gap(few, kind, 0.025)[:3] == pytest.approx(gap(turned, kind, 0.025)[:3])
        assert many.value == pytest.approx(few.value)


def test_groups_that_share_people_are_compared_with_their_correlation():
    found = values_of(BY_NAME["conditional_acceptance"], [(30, 10, 5, 55), (50, 5, 10, 35)])
    together = found._replace(sample=replace(found.sample, r=np.array([[1.0, 0.7], [0.7, 1.0]])))
    apart = [against(f, "difference", 1, 0.025) for f in (found, together)]
    assert apart[1].high[0] - apart[1].low[0] < apart[0].high[0] - apart[0].low[0]


@pytest.mark.parametrize("other", OTHER_NAMES.values(), ids=OTHER_NAMES)
def test_every_other_name_means_something_that_can_be_judged(other):
    assert other.name not in CATALOGUE
    assert other.metric in metric_names("model")
    assert other.compare is None or other.compare in CATALOGUE[other.metric].judged


@pytest.mark.parametrize("name", [o.name for o in OTHER_NAMES.values() if "Fairlearn" in o.source])
def test_fairlearns_names_are_fairlearns_numbers(name):
    import fairlearn.metrics as theirs

    y, p, g, _ = some(seed=8)
    other, result = OTHER_NAMES[name], audit.measure(*some(seed=8)[:2], groups={"g": g})
    assert gap_of(result, name, other.compare).value == pytest.approx(
        getattr(theirs, name)(y, p, sensitive_features=g), rel=1e-12
    )


def test_a_gate_in_another_librarys_words_is_recorded_in_ours():
    y, p, g, _ = some()
    result = audit.measure(y, p, groups={"g": g}, gates=[{"metric": "statistical_parity_difference", "max": 0.9},
                                                         {"metric": "recall", "min": 0.1},
                                                         {"metric": "accuracy_score_group_min", "min": 0.1}])  # fmt: skip
    assert [x.name for x in result.gates] == ["model.selection_rate.difference.g",
                                              "model.true_positive_rate.lowest.g", "model.accuracy.lowest.g"]  # fmt: skip
    assert [x.verdict for x in result.gates] == ["pass"] * 3
    assert result.find("recall", by=["g"]) == result.find("true_positive_rate", by=["g"])


def test_a_limit_in_the_words_of_scikit_learn_and_xgboost():
    y, p, g, _ = some()
    rules = ["auc >= 0.01", "roc_auc_score difference <= 0.99", "f1_score >= 0.01"]
    result = audit.measure(y, p, score=p * 0.5 + 0.25, groups={"g": g}, gates=rules)
    assert [x.name for x in result.gates] == ["model.roc_auc.lowest.g", "model.roc_auc.difference.g",
                                              "model.f1.lowest.g"]  # fmt: skip


@pytest.mark.parametrize("name", [o.name for o in OTHER_NAMES.values() if o.source == "scikit-learn"])
def test_scikit_learns_names_are_scikit_learns_numbers(name):
    import sklearn.metrics as theirs

    rng = np.random.default_rng(5)
    score = rng.integers(0, 9, 400) / 8
    y = rng.random(400) < score
    if name == "r2_score":
        seen, ours = score, audit.measure(y * 1.0, score, groups={"g": ["a"] * 400}, task="regression")
    else:
        seen = score if name in {"roc_auc_score", "average_precision_score", "brier_score_loss"} else score >= 0.5
        ours = audit.measure(y, score=score, exact_auc=True, groups={"g": ["a"] * 400}, positive=True)
    (found,) = ours.find(name, by=["g"], group=["a"])
    assert found.value == pytest.approx(getattr(theirs, name)(y, seen), rel=1e-9)


def test_a_metric_of_the_users_own_is_found_by_the_name_that_it_was_given():
    y, p, g, _ = some()
    result = audit.measure(y, p, groups={"g": g}, metrics={"f1_score": lambda y_true, y_pred: 0.25})
    assert [e.value for e in result.find("f1_score", by=["g"])] == [0.25] * len(set(g))


def test_the_catalogue_lists_them_and_is_strict_json():
    run = CliRunner().invoke(app, ["metrics", "--json"])
    rows = {r["name"]: r for r in json.loads(run.stdout, parse_constant=pytest.fail)}
    assert {*NAMES, *(m.name for m in BETWEEN), *OTHER_NAMES} <= set(rows)
    assert (rows["recall"]["metric"], rows["recall"]["compare"]) == ("true_positive_rate", None)
    assert rows["theil_index"]["range"] == [0, None]
    assert "FN / FP" in CliRunner().invoke(app, ["metrics", "treatment_equality"]).stdout


def test_the_note_of_each_conditional_ratio_says_what_below_1_means():
    """Twelve of b are rejected, three by their labels: conditional rejection 0.25 is rejected more often."""
    from audit.measurement.metrics.catalogue import CATALOGUE

    y, d = np.r_[np.zeros(3), np.ones(12)].astype(int), np.r_[np.zeros(12), np.ones(3)].astype(int)
    found = audit.measure(y, d, groups={"g": ["b"] * 15})
    rejection, acceptance = (
        found.find(f"conditional_{x}", by=["g"], group=["b"])[0] for x in ("rejection", "acceptance")
    )
    assert (rejection.value, acceptance.value) == pytest.approx((0.25, 4.0))
    assert CATALOGUE["conditional_rejection"].caveat == "below 1: predicted negative more often than labelled negative"
    assert CATALOGUE["conditional_acceptance"].caveat == "below 1: predicted positive more often than labelled positive"
