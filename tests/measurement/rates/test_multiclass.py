"""Several classes: held to scikit-learn, Fairlearn and masks; intervals and verdicts to simulation."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from sklearn import metrics as sk

import audit
from audit.errors import QuestionError, ValuesError
from audit.measurement.inference.effective import plain
from audit.measurement.inference.pairs import gap as pairs_gap
from audit.measurement.metrics.multiclass import MACRO, WORST
from audit.pipeline.verify import describe_differences

CLASSES = list("abcd")


def decide(y, p, g, **more):
    groups = g if isinstance(g, dict) else {"g": np.asarray(g)}
    return audit.measure(y, p, groups=groups, task="multiclass", **more)


def some(n=900, seed=0, right=0.6):
    rng = np.random.default_rng(seed)
    y = rng.choice(CLASSES, n, p=[0.4, 0.3, 0.2, 0.1])
    p = np.where(rng.random(n) < right, y, rng.choice(CLASSES, n))
    return y, p, rng.choice(list("xyz"), n), rng.choice(["f", "m"], n), rng.exponential(size=n)


def one(result, metric, group, outcome=None, by=("g",)):
    found = [e for e in result.find(metric, by=by, group=group) if e.outcome == outcome and e.reference is None]
    assert len(found) == 1, (metric, group, outcome, found)
    return found[0]


def gap(result, metric, compare="difference", outcome=None, by=("g",)):
    return next(e for e in result.find(metric, compare, by=by, outcome=outcome) if e.group is None)


def by_sklearn(y, p, w):
    """Every macro metric and every rate of every class."""
    y, p = np.asarray(y), np.asarray(p)
    w = np.ones(len(y)) if w is None else w
    precision, recall, f1, _ = sk.precision_recall_fscore_support(y, p, labels=CLASSES, sample_weight=w)
    found = {
        ("accuracy", None): sk.accuracy_score(y, p, sample_weight=w),
        ("macro_true_positive_rate", None): sk.balanced_accuracy_score(y, p, sample_weight=w),
        ("macro_precision", None): sk.precision_score(y, p, average="macro", sample_weight=w),
        ("macro_f1", None): sk.f1_score(y, p, average="macro", sample_weight=w),
        ("multiclass_matthews_correlation", None): sk.matthews_corrcoef(y, p, sample_weight=w),
    }
    for i, c in enumerate(CLASSES):
        found |= {("precision", c): precision[i], ("true_positive_rate", c): recall[i], ("f1", c): f1[i],
                  ("selection_rate", c): np.average(p == c, weights=w), ("base_rate", c): np.average(y == c, weights=w),
                  ("false_positive_rate", c): np.average((p == c)[y != c], weights=w[y != c]),
                  ("false_omission_rate", c): np.average((y == c)[p != c], weights=w[p != c])}  # fmt: skip
    return found


@pytest.mark.parametrize("weighted", [False, True])
def test_every_group_and_crossing_equals_sklearn(weighted):
    y, p, g, s, w = some()
    w = w if weighted else None
    result = decide(y, p, {"g": g, "s": s}, weight=w, intersections=2)
    for by, group, rows in (
        ((), None, np.ones(len(y), dtype=bool)),
        (("g",), ["x"], g == "x"),
        (("g", "s"), ["z", "f"], (g == "z") & (s == "f")),
    ):
        for (metric, outcome), value in by_sklearn(y[rows], p[rows], None if w is None else w[rows]).items():
            found = one(result, metric, group, outcome, by)
            assert found.value == pytest.approx(value, abs=1e-12), (metric, outcome, by)
            assert found.low <= found.value <= found.high
            assert found.n == rows.sum()
    assert not describe_differences(result)


def test_gaps_of_a_class_equal_fairlearns():
    y, p, g, *_ = some()
    result = decide(y, p, g)
    for c in CLASSES:
        frame = MetricFrame(metrics=sk.recall_score, y_true=y == c, y_pred=p == c, sensitive_features=g)
        assert gap(result, "true_positive_rate", outcome=c).value == pytest.approx(frame.difference())
        assert gap(result, "true_positive_rate", "ratio", outcome=c).value == pytest.approx(frame.ratio())
    accuracy = MetricFrame(metrics=sk.accuracy_score, y_true=y, y_pred=p, sensitive_features=g)
    assert gap(result, "accuracy").value == pytest.approx(accuracy.difference())
    assert gap(result, "accuracy_difference").value == pytest.approx(accuracy.difference())


@pytest.mark.parametrize("more", [{}, {"weight": True}, {"unit": True}, {"weight": True, "unit": True}])
def test_two_classes_are_the_binary_audit(more):
    y, p, g, _, w = some(500)
    y, p = (np.isin(x, ["a", "b"]).astype(int) for x in (y, p))
    columns = {"weight": w, "unit": np.arange(500) // 4}
    asked = {k: columns[k] for k in more}
    several, binary = decide(y, p, g, **asked), audit.measure(y, p, groups={"g": g}, **asked)
    for group in "xyz":
        for ours, theirs, outcome in (
            ("macro_true_positive_rate", "balanced_accuracy", None),
            ("multiclass_matthews_correlation", "matthews_correlation", None),
            ("accuracy", "accuracy", None),
            ("true_positive_rate", "true_positive_rate", "1"),
            ("true_negative_rate", "true_negative_rate", "1"),
            ("f1", "f1", "1"),
        ):
            a, b = one(several, ours, [group], outcome), one(binary, theirs, [group])
            tolerance = 1e-9 if theirs not in {"balanced_accuracy", "matthews_correlation"} else 1e-6
            for field in ("value", "low", "high"):
                assert getattr(a, field) == pytest.approx(getattr(b, field), abs=tolerance), (ours, field)
            assert a.flags == b.flags


@pytest.mark.parametrize("metric", MACRO, ids=lambda m: m.name)
@given(cells=st.lists(st.integers(1, 30), min_size=9, max_size=9))
@settings(max_examples=count_examples(40), deadline=None)
def test_slopes_are_those_of_small_steps(metric, cells):
    x, every, step = np.array(cells, dtype=float).reshape(1, 3, 3), np.ones(3, dtype=bool), 1e-5
    slope = metric.slope(x, every)[0]
    for i in range(3):
        for j in range(3):
            up, down = x.copy(), x.copy()
            up[0, i, j] += step
            down[0, i, j] -= step
            expected = (metric.of(up, every) - metric.of(down, every))[0] / (2 * step)
            assert slope[i, j] == pytest.approx(expected, abs=1e-6)


@given(cells=st.lists(st.integers(0, 12), min_size=18, max_size=18), scale=st.integers(2, 5))
@settings(max_examples=count_examples(40), deadline=None)
def test_values_ignore_scale_and_the_order_of_groups_and_classes(cells, scale):
    def rows(names, times=1):
        return [(g, y, p) for k, (g, y, p) in zip(cells, [(g, y, p) for g in "xy" for y in names for p in names],
                                                  strict=True) for _ in range(k * times)]  # fmt: skip

    if len({r[1] for r in rows("abc")} | {r[2] for r in rows("abc")}) < 2:
        return
    first, scaled, renamed = (
        decide(*(np.array([r[i] for r in table]) for i in (1, 2)), np.array([r[0] for r in table]))
        for table in (rows("abc"), rows("abc", scale), rows("zyx"))
    )
    names = dict(zip("abc", "zyx", strict=True))
    other = {(e.metric, e.compare, e.by, e.group, e.outcome): e for e in renamed.estimates if e.reference is None}
    for a, b in zip(first.estimates, scaled.estimates, strict=True):
        if a.compare in {None, "difference", "ratio"} and a.reference is None:
            assert b.value == (None if a.value is None else pytest.approx(a.value)), a
            if not a.metric.startswith("worst_class"):
                c = other[a.metric, a.compare, a.by, a.group, names.get(a.outcome)]
                assert c.value == (None if a.value is None else pytest.approx(a.value)), a


def test_the_worst_class_is_the_worst_of_all_gaps_and_looks_at_all_of_them():
    y, p, g, *_ = some()
    result = decide(y, p, g)
    for worst in WORST:
        each = {c: gap(result, worst.rate, outcome=c) for c in CLASSES}
        found = gap(result, worst.name)
        at = max(each, key=lambda c: each[c].value)
        assert (found.value, found.outcome, found.pair) == (each[at].value, at, each[at].pair)
        assert found.high == max(e.high for e in each.values())
        ratios = {c: gap(result, worst.rate, "ratio", outcome=c) for c in CLASSES}
        found = gap(result, worst.name, "ratio")
        assert (found.value, found.outcome) == min((e.value, c) for c, e in ratios.items())
        assert found.low == min(e.low for e in ratios.values())
    hits = np.array([[((y == c) & (p == c) & (g == k)).sum() for k in "xyz"] for c in CLASSES])
    rows = np.array([[((y == c) & (g == k)).sum() for k in "xyz"] for c in CLASSES])
    low = max(pairs_gap(plain(h, n), "difference", 0.025, looks=4).low for h, n in zip(hits, rows, strict=True))
    assert gap(result, "worst_class_true_positive_rate").low == pytest.approx(low)
    lowest = gap(result, "worst_class_true_positive_rate", "lowest")
    at = np.unravel_index(np.argmin(hits / rows), hits.shape)
    assert (lowest.value, lowest.outcome, lowest.pair[0]) == (
        pytest.approx((hits / rows).min()), CLASSES[at[0]], ("xyz"[at[1]],))  # fmt: skip
    assert "12 groups" not in lowest.method
    assert "3 groups in 4 classes" in lowest.method


def test_gates_fail_pass_and_name_class_and_groups():
    rng = np.random.default_rng(3)
    y, g = rng.choice(list("abc"), 6000), rng.choice(["x", "y"], 6000)
    wrong = rng.random(6000) < np.where((g == "x") & (y == "c"), 0.5, 0.1)
    p = np.where(wrong, "a", y)
    rules = [
        {"metric": "worst_class_true_positive_rate", "compare": "difference", "max": 0.2},
        {"metric": "worst_class_true_positive_rate", "min": 0.7},
        {"metric": "worst_class_base_rate", "compare": "difference", "max": 0.1},
        {"metric": "macro_true_positive_rate", "min": 0.7},
        {"metric": "macro_f1", "compare": "difference", "max": 0.02},
        {"metric": "accuracy", "compare": "ratio", "min": 0.7},
        {"metric": "multiclass_matthews_correlation", "min": 0.3},
    ]
    result = decide(y, p, g, gates=rules)
    assert [gate.verdict for gate in result.gates] == ["fail", "fail", "pass", "pass", "fail", "pass", "pass"]
    first = result.gates[0]
    assert (first.estimate.outcome, first.estimate.pair) == ("c", (("x",), ("y",)))
    assert re.search(r"the largest gap among 3 classes is in class 'c': [a-z ]+ [45]\d\.\d% for 'x'", first.sentence)
    assert first.p_value < 1e-6
    assert not describe_differences(result)


def test_a_class_that_nobody_in_a_group_has_makes_its_mean_undefined_and_blocks_a_pass():
    y = np.array(list("aabbcc") * 20 + list("aabb") * 20)
    g = np.array(["x"] * 120 + ["y"] * 80)
    rules = [{"metric": "macro_true_positive_rate", "min": 0.1},
             {"metric": "worst_class_true_positive_rate", "compare": "difference", "max": 0.9}]  # fmt: skip
    result = decide(y, y, g, gates=rules)
    rows = g == "y"
    assert sk.recall_score(y[rows], y[rows], labels=list("abc"), average="macro", zero_division=0) < 0.7
    found = one(result, "macro_true_positive_rate", ["y"])
    assert (found.status, found.reason) == ("undefined", "0/0: no rows with label = c")
    assert one(result, "macro_f1", ["y"]).reason == "0/0: no rows with label = c or prediction = c"
    assert one(result, "macro_true_positive_rate", ["x"]).value == 1
    assert "not measured for y (0/0: no rows with label = c)" in gap(result, "macro_true_positive_rate").reason
    assert one(result, "true_positive_rate", ["y"], "c").reason == "0/0: no rows with label = c"
    assert one(result, "false_positive_rate", ["y"], "a").value == 0
    assert [gate.verdict for gate in result.gates] == ["undefined", "undefined"]
    assert "is undefined: class c: not measured for y (no rows with label c). " in result.gates[1].sentence
    assert json.loads(result.to_json())


def test_a_prediction_that_no_label_is_is_a_class_and_said():
    y, p = np.array(list("aabb") * 30), np.array(list("aabz") * 30)
    result = decide(y, p, np.tile(["x", "y"], 60))
    check = next(c for c in result.checks if c.code == "DV011")
    assert (check.outcome, check.title) == ("warn", "30 predictions are 'z', which is no row's label")
    assert one(result, "selection_rate", ["y"], "z").value == 0.5
    assert one(result, "true_positive_rate", ["y"], "z").status == "undefined"
    assert one(result, "macro_true_positive_rate", None, by=()).value == pytest.approx(0.75)
    assert one(result, "macro_precision", None, by=()).value == pytest.approx(2 / 3)
    assert gap(result, "worst_class_true_positive_rate").status == "undefined"


@pytest.mark.parametrize(
    ("y", "p"),
    [([1, 2, 3, 1], ["1", "2", "3", "2"]), ([1.0, 2.0, 3.0, 1.0], [1, 2, 3, 2]), (["1", "2", "3", "1"], [1, 2, 3, 2])],
)
def test_one_and_the_text_one_are_one_class(y, p):
    result = decide(y, p, list("aabb"))
    assert {e.outcome for e in result.estimates} == {None, "1", "2", "3"}
    assert one(result, "accuracy", None, by=()).value == 0.75


@pytest.mark.parametrize(
    ("y", "p", "said"),
    [(["a", "b", None, "a"], ["a", "b", "a", "a"], "label 'y_true' is missing .* in 1 of 4 rows"),
     (["a", "b", "b", "a"], ["a", "b", None, "a"], "prediction 'y_pred' is missing"),
     ([1, 2, 3, 1], ["a", "b", "c", "a"], "write both with the same classes"),
     (["01", "1", "2", "1"], [1, 1, 2, 1], "label 'y_true' is text, and its '01' and '1' mean the same class among"),
     ([1, 1, 2, 1], ["1", "1.0", "2", "1"], "prediction 'y_pred' is text, and its '1' and '1.0' mean the same class"),
     ([True, False, True, True], ["True", "true", "False", "True"], "its 'True' and 'true' mean the same class among"),
     ([True, False, True, True], [0, 1, 2, 1], "label 'y_true' holds truth values and prediction 'y_pred' the number 2"),
     ([1, 2, 3, 1], [" 1", "2", "3", "2"], "' 1', which is not how the number 1 of label 'y_true' is written"),
     ([0, 1, 2, 0], [0.1, 0.9, 1.7, 0.2], "is not a class"),
     (["9007199254740993", "2", "3", "2"], [2.0**53, 2.0, 2.0, 2.0], "too large to be exact")],
)  # fmt: skip
def test_classes_without_an_honest_reading_are_refused(y, p, said):
    with pytest.raises(ValuesError, match=said):
        decide(y, p, list("xyxy"))


def test_more_than_a_hundred_classes_and_too_many_groups_are_refused():
    y = np.arange(404) % 101
    with pytest.raises(ValuesError, match="101 different values"):
        decide(y, y, ["x", "y"] * 202)
    with pytest.raises(ValuesError, match="102 classes"):
        decide(np.arange(408) % 51, np.arange(408) % 51 + 51, ["x", "y"] * 204)
    y = np.arange(3000) % 60
    with pytest.raises(QuestionError, match="merge classes"):
        decide(y, y, [f"g{i // 60}" for i in range(3000)])


@pytest.mark.parametrize(
    ("more", "said"),
    [({"score": [0.1] * 4}, "no score and no threshold"), ({"threshold": 0.7}, "no score and no threshold"), ({"positive": "a"}, "positive"),
     ({"gates": [{"metric": "selection_rate", "compare": "ratio", "min": 0.8}]}, 'needs task = "classification", but task is multiclass; use worst_class_selection_rate'),
     ({"gates": [{"metric": "f1", "min": 0.8}]}, 'needs task = "classification", but task is multiclass; use macro_f1$'),
     ({"gates": [{"metric": "equalized_odds_difference", "max": 0.1}]},
      "worst_class_true_positive_rate and worst_class_false_positive_rate"),
     ({"gates": [{"metric": "roc_auc", "compare": "difference", "max": 0.1}]}, "but task is multiclass"),
     ({"gates": [{"metric": "worst_class_selection_rate", "min": 0.8}]}, "'worst_class_selection_rate' has no lowest; available: difference, ratio$")],
)  # fmt: skip
def test_what_only_two_classes_have_is_refused(more, said):
    with pytest.raises(QuestionError, match=said):
        decide(list("abca"), list("abcb"), list("xyxy"), **more)


def test_two_classes_have_no_worst_one():
    with pytest.raises(QuestionError, match="'macro_f1' needs task = \"multiclass\", but task is classification$"):
        audit.measure([1, 0], [1, 0], groups={"g": ["a", "b"]}, gates=[{"metric": "macro_f1", "min": 0.5}])


def test_names_that_look_alike_are_warned_about_and_stay_apart():
    result = decide(["Cat", "cat ", "dog", "dog"] * 5, ["Cat", "cat ", "dog", "Cat"] * 5, ["x", "y"] * 10)
    check = next(c for c in result.checks if c.code == "DV010")
    assert (check.outcome, "'Cat'" in check.title) == ("warn", True)
    assert {e.outcome for e in result.estimates} >= {"Cat", "cat ", "dog"}


def test_a_group_that_says_the_label_is_flagged():
    result = decide(list("aabbcc") * 5, list("abbbcc") * 5, list("xxyyzz") * 5)
    assert next(c for c in result.checks if c.code == "DV003").outcome == "warn"
    assert "group_equals_label" in gap(result, "accuracy").flags
    mixed = decide(list("aabbca") * 5, list("abbbcc") * 5, list("xxyyzz") * 5)
    assert "group_equals_label" not in gap(mixed, "base_rate", outcome="b").flags


def test_missing_groups_stand_apart_and_one_group_is_nothing_to_compare():
    y, p, g, *_ = some(300)
    g = np.where(np.arange(300) < 40, None, g)
    result = decide(y, p, g)
    rows = np.array([v is None for v in g])
    assert one(result, "accuracy", [None]).value == pytest.approx(np.mean((y == p)[rows]))
    assert one(result, "selection_rate", [None], "b").value == pytest.approx(np.mean((p == "b")[rows]))
    assert "rows_without_group" in gap(result, "worst_class_selection_rate").flags
    assert not describe_differences(result)
    lonely = decide(y, p, ["x"] * 300)
    assert "nothing to compare" in gap(lonely, "worst_class_selection_rate").reason


@pytest.mark.parametrize("more", [{}, {"weight": True}, {"unit": True}, {"weight": True, "unit": True}])
def test_the_document_holds_what_the_numbers_need(more):
    from audit.record.reader import read_text

    y, p, g, s, w = some(400)
    columns = {"weight": w, "unit": np.arange(400) // 3}
    result = decide(y, p, {"g": g, "s": s}, intersections=2, **{k: columns[k] for k in more})
    assert not describe_differences(result)
    assert not describe_differences(read_text(result.to_json(), "kept"))
    document = json.loads(result.to_json())
    for e in document["estimates"]:
        e["outcome"] = {"a": "b", "b": "a"}.get(e["outcome"], e["outcome"])
    assert describe_differences(read_text(json.dumps(document), "changed"))
    frame = result.to_frame()
    assert set(frame.outcome.dropna()) == set(CLASSES)


def test_an_old_result_is_not_judged_by_a_number_of_one_class():
    from audit.config.read import build
    from audit.gates.judge import Evidence, judge

    y, p, g, *_ = some(300)
    config = build({"data": {"groups": ["g"], "label": "y"}, "predictions": {"source": "m", "prediction": "p"},
                    "gates": [{"metric": "selection_rate", "compare": "ratio", "min": 0.1}]})  # fmt: skip
    gates = judge(config, Evidence(estimates=decide(y, p, g).estimates), pd.Timestamp("2026-11-24").date())
    assert gates[0].verdict == "undefined"


def labels_only(counts):
    """Rows of {group: {label: n}}."""
    rows = [(g, y) for g, each in counts.items() for y, n in each.items() for _ in range(n)]
    return {"g": [g for g, _ in rows], "y": [y for _, y in rows]}


@given(st.lists(st.integers(0, 20), min_size=8, max_size=8))
@settings(max_examples=count_examples(40), deadline=None)
def test_distances_of_labels_are_those_of_scipy_and_of_loops(cells):
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import entropy

    a, d = np.array(cells[:4], dtype=float), np.array(cells[4:], dtype=float)
    if a.sum() == 0 or d.sum() == 0 or ((a + d) > 0).sum() < 2:
        return
    counts = {"a": dict(zip("wxyz", cells[:4], strict=True)), "d": dict(zip("wxyz", cells[4:], strict=True))}
    result = audit.check(labels_only(counts), label="y", groups="g", classes=True, reference="a")
    p, q = a / a.sum(), d / d.sum()
    found = {m: result.find(m, by=["g"], group=["d"])[0] for m in
             ("kl_divergence", "js_divergence", "lp_norm", "total_variation_distance", "ks_distance")}  # fmt: skip
    assert found["js_divergence"].value == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-9)
    assert found["lp_norm"].value == pytest.approx(math.sqrt(sum((x - z) ** 2 for x, z in zip(p, q, strict=True))))
    assert found["total_variation_distance"].value == pytest.approx(np.abs(p - q).sum() / 2)
    assert found["ks_distance"].value == pytest.approx(np.abs(p - q).max())
    assert found["ks_distance"].low <= found["ks_distance"].value <= found["ks_distance"].high
    if np.isinf(entropy(p, q)):
        assert found["kl_divergence"].reason.startswith("infinite: label = ")
    else:
        assert found["kl_divergence"].value == pytest.approx(entropy(p, q), abs=1e-9)
    worst = gap(result, "worst_class_base_rate")
    assert worst.value == pytest.approx(np.abs(p - q).max())
    assert not describe_differences(result)


def test_a_label_that_one_group_lacks_is_the_largest_difference_there_is():
    """smclarify 0.5 drops it from both and finds 0 (METRICS, part 6); with three labels the rest is renormalised."""
    result = audit.check(labels_only({"a": {"x": 20, "y": 20}, "d": {"x": 20, "y": 10, "z": 10}}),
                         label="y", groups="g", classes=True, reference="a")  # fmt: skip
    values = {m: result.find(m, by=["g"], group=["d"])[0].value for m in
              ("total_variation_distance", "ks_distance", "lp_norm", "kl_divergence")}  # fmt: skip
    assert values["total_variation_distance"] == pytest.approx(0.25)
    assert values["ks_distance"] == pytest.approx(0.25)
    assert values["lp_norm"] == pytest.approx(math.sqrt(0.125))
    assert values["kl_divergence"] == pytest.approx(0.5 * math.log(0.5 / 0.25))
    turned = audit.check(labels_only({"a": {"x": 20, "y": 20}, "d": {"x": 20, "y": 10, "z": 10}}),
                         label="y", groups="g", classes=True, reference="d")  # fmt: skip
    kl = turned.find("kl_divergence", by=["g"], group=["a"])[0]
    assert (kl.status, "label = z" in kl.reason) == ("undefined", True)
    assert result.find("base_rate", by=["g"], group=["d"], outcome="z")[0].value == 0.25


def test_two_labels_as_classes_have_the_distances_of_a_positive_one():
    counts = {"a": {"0": 260, "1": 608}, "d": {"0": 4, "1": 28}}
    several = audit.check(labels_only(counts), label="y", groups="g", classes=True)
    binary = audit.check(labels_only(counts), label="y", positive="1", groups="g")
    for metric in ("class_imbalance", "kl_divergence", "js_divergence", "lp_norm", "total_variation_distance"):
        ours, theirs = (r.find(metric, by=["g"], group=["d"])[0].value for r in (several, binary))
        assert ours == pytest.approx(theirs)
    assert several.find("base_rate", by=["g"], group=["d"], outcome="1")[0].low == pytest.approx(
        binary.find("base_rate", by=["g"], group=["d"])[0].low)  # fmt: skip


def test_gates_on_labels_of_several_classes():
    table = labels_only({"a": {"x": 500, "y": 300, "z": 200}, "d": {"x": 200, "y": 300, "z": 500}})
    rule = {"stage": "data", "metric": "worst_class_base_rate", "compare": "difference"}
    found = audit.check(table, label="y", groups="g", classes=True, gates=[rule | {"max": 0.2}, rule | {"max": 0.4}])
    assert [g.verdict for g in found.gates] == ["fail", "pass"]
    for more, said in (
        ({"classes": True, "positive": "x"}, "has no positive class"),
        ({"classes": True, "strata": "g"}, "strata"),
        ({"classes": True, "gates": [{"stage": "data", "metric": "base_rate", "compare": "ratio", "min": 0.8}]},
         "use worst_class_base_rate"),
        ({"positive": "x", "gates": [rule | {"max": 0.2}]}, "set classes=True"),
    ):  # fmt: skip
        with pytest.raises(QuestionError, match=said):
            audit.check(table, label="y", groups="g", **more)
