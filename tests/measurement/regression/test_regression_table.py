"""Regression per group: held to scikit-learn and scipy, intervals and verdicts to simulation."""

from __future__ import annotations

import io
import json
import math
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import audit as run_command
from property_tests import some_now
from rich.console import Console
from scipy import stats
from sklearn import metrics as sk

import audit
from audit.config.read import build
from audit.errors import AuditError, QuestionError, ValuesError
from audit.estimate import cell_interval, cell_text
from audit.pipeline.verify import describe_differences

MEANS = ("mean_error", "mean_absolute_error", "root_mean_squared_error", "r2", "mean_prediction")


def regress(y, p, g, **more):
    groups = g if isinstance(g, dict) else {"g": np.asarray(g)}
    return audit.measure(
        np.asarray(y, dtype=float), np.asarray(p, dtype=float), groups=groups, task="regression", **more
    )


def one(result, metric, group, compare=None, by=("g",)):
    return result.find(metric, compare, by=by, group=group if isinstance(group, list) else [group])[0]


def gap(result, metric, by=("g",), compare="difference"):
    return next(e for e in result.find(metric, compare, by=by) if e.group is None)


def expected(y, p, w=None):
    return {
        "mean_error": np.average(p - y, weights=w),
        "mean_absolute_error": sk.mean_absolute_error(y, p, sample_weight=w),
        "root_mean_squared_error": sk.root_mean_squared_error(y, p, sample_weight=w),
        "r2": sk.r2_score(y, p, sample_weight=w),
        "mean_prediction": np.average(p, weights=w),
    }


def some(n=600, seed=0, centre=50.0):
    rng = np.random.default_rng(seed)
    y = rng.normal(centre, 10, n)
    g, s = rng.choice(list("abc"), n), rng.choice(["f", "m"], n)
    return y, y + rng.laplace(0, 3, n) + (g == "a"), g, s, rng.exponential(size=n)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("centre", [0.0, 50.0, 1e9])
def test_every_group_and_crossing_equals_sklearn(weighted, centre):
    y, p, g, s, w = some(centre=centre)
    w = w if weighted else None
    result = regress(y, p, {"g": g, "s": s}, weight=w, intersections=2)
    for by, group, rows in (
        ((), None, np.ones(len(y), dtype=bool)),
        (("g",), ["a"], g == "a"),
        (("s",), ["m"], s == "m"),
        (("g", "s"), ["c", "f"], (g == "c") & (s == "f")),
    ):
        for metric, value in expected(y[rows], p[rows], None if w is None else w[rows]).items():
            found = result.find(metric, by=by, group=group)[0]
            assert found.value == pytest.approx(value, rel=1e-9, abs=1e-6 if centre == 1e9 else 1e-9), (metric, by)
            assert found.low <= found.value <= found.high
            assert found.n == rows.sum()


def test_the_interval_of_a_mean_is_students():
    y, p, g, *_ = some()
    found, rows = one(regress(y, p, g), "mean_error", "b"), g == "b"
    low, high = stats.ttest_1samp((p - y)[rows], 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.degrees_of_freedom == rows.sum() - 1


def test_gaps_name_their_pair_and_the_reference_is_the_largest_group():
    y, p, g, *_ = some()
    result = regress(y, p, g)
    each = {k: np.mean((p - y)[g == k]) for k in "abc"}
    found = gap(result, "mean_error")
    assert found.value == pytest.approx(max(each.values()) - min(each.values()))
    assert found.pair == ((min(each, key=each.get),), (max(each, key=each.get),))
    largest = max("abc", key=lambda k: (g == k).sum())
    against = [e for e in result.find("mean_error", "difference") if e.group]
    assert {e.reference for e in against} == {(largest,)}
    assert against[0].value == pytest.approx(each[against[0].group[0]] - each[largest])
    named = regress(y, p, g, reference="c")
    assert {e.reference for e in named.find("r2", "difference") if e.group} == {("c",)}


@pytest.mark.parametrize("kind", ["smooth", "few values", "outlier", "weights"])
def test_distances_of_predictions_lie_within_their_printed_bounds_of_scipys(kind):
    y, p, g, _, w = some(900, seed=3)
    p = {"few values": np.round(p, -1), "outlier": np.append(p[:-1], 1e5)}.get(kind, p)
    w = w if kind == "weights" else None
    result = regress(y, p, g, weight=w, reference="a")
    theirs, w_a = p[g == "a"], None if w is None else w[g == "a"]
    for group in "bc":
        ours, w_g = p[g == group], None if w is None else w[g == group]
        exact = stats.wasserstein_distance(ours, theirs, w_g, w_a)
        within(one(result, "wasserstein_distance_of_predictions", group), exact)
        if w is None:
            within(one(result, "ks_distance_of_predictions", group), stats.ks_2samp(ours, theirs).statistic)
    assert one(result, "ks_distance_of_predictions", "b").method.startswith("exact") == (kind == "few values")


def within(found, exact):
    hidden = float(found.method.partition("at most ")[2].partition(" ")[0] or 0)
    assert found.value - 1e-9 <= exact <= found.value + 1.05 * hidden + 1e-9, (found, exact, found.method)


def test_the_correlation_ratio_is_the_between_share_of_the_errors():
    y, p, g, *_ = some()
    found = regress(y, p, g).find("residual_correlation_ratio", "between_groups")[0]
    e = pd.Series(p - y)
    between = sum(len(v) * (v.mean() - e.mean()) ** 2 for _, v in e.groupby(g))
    assert found.value == pytest.approx(between / ((e - e.mean()) ** 2).sum())
    assert "0.0033" in found.method


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("y", math.nan, "label 'y_true' is missing"), ("y", math.inf, "label 'y_true' is infinite"),
     ("p", math.nan, "prediction 'y_pred' is missing"), ("p", -math.inf, "prediction 'y_pred' is infinite"),
     ("p", 1e300, "give it in another unit"), ("w", math.nan, "weight 'weight' is missing"),
     ("w", -1.0, "weight 'weight' is negative"), ("w", 1e200, "rescale")],
)  # fmt: skip
def test_rows_without_an_honest_number_are_refused_by_name(column, value, said):
    columns = {"y": np.arange(6.0), "p": np.arange(6.0) + 0.5, "w": np.ones(6)}
    columns[column][2] = value
    with pytest.raises(ValuesError, match=said) as refused:
        regress(columns["y"], columns["p"], list("aabbab"), weight=columns["w"])
    if "missing" in said or "infinite" in said:
        assert "in 1 of 6 rows" in str(refused.value)


@pytest.mark.parametrize("bad", [["1", "2", "x", "4"], [True, False, True, False]])
def test_text_and_truth_values_are_no_numbers(bad):
    for y, p in ((bad, [1.0, 2, 3, 4]), ([1.0, 2, 3, 4], bad)):
        with pytest.raises(ValuesError, match="not a number"):
            audit.measure(y, p, groups={"g": list("aabb")}, task="regression")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"score": [0.1, 0.2]}, "no score and no threshold"),
        ({"threshold": 0.7}, "no score and no threshold"),
        ({"positive": 1}, "positive"),
    ],
)
def test_what_only_classes_have_is_refused(more, said):
    with pytest.raises(QuestionError, match=said):
        regress([1.0, 2.0], [1.0, 2.0], ["a", "b"], **more)
    with pytest.raises(QuestionError, match="prediction"):
        audit.measure([1.0, 2.0], groups={"g": ["a", "b"]}, task="regression")
    with pytest.raises(QuestionError, match="task"):
        audit.measure([1.0, 2.0], [1.0, 2.0], groups={"g": ["a", "b"]}, task="regresion")


def test_equal_labels_have_no_r2_and_the_rest_stays():
    y = [7.1, 7.1, 7.1, 1, 2, 3]
    result = regress(y, [7, 8, 6, 1, 2, 4], list("aaabbb"))
    found = one(result, "r2", "a")
    assert (found.status, found.reason) == ("undefined", "0/0: all labels are equal")
    assert one(result, "mean_absolute_error", "a").value == pytest.approx((0.1 + 0.9 + 1.1) / 3)
    assert gap(result, "r2").status == "undefined"
    assert "not measured for a" in gap(result, "r2").reason
    assert gap(result, "mean_absolute_error").status == "ok"


def test_a_perfect_or_lonely_row_says_nothing_of_rows_not_seen():
    result = regress([1, 2, 3, 5], [1, 2, 3, 4], list("aaab"), gates=[{"metric": "mean_absolute_error", "max": 10}])
    for group, why in (("a", "do not differ"), ("b", "fewer than two rows")):
        found = one(result, "mean_absolute_error", group)
        assert (found.low, found.high) == (None, None)
        assert why in found.method
    assert one(result, "r2", "a").value == 1.0
    assert one(result, "r2", "b").status == "undefined"
    assert result.gates[0].verdict == "insufficient"


def test_one_group_an_absent_crossing_and_rows_without_a_group():
    lonely = regress([1, 2, 3], [1, 2, 4], list("aaa"))
    assert "only one group" in gap(lonely, "mean_error").reason
    result = regress([1, 2, 3, 4.0, 5], [1, 2, 4, 4.5, 6],
                     {"g": ["a", "a", "b", None, "b"], "s": ["f", "m", "m", "m", "m"]}, intersections=2)  # fmt: skip
    absent = one(result, "mean_error", ["b", "f"], by=("g", "s"))
    assert absent.reason == "0/0: no rows in this group"
    assert "b x f" in gap(result, "mean_error", ("g", "s")).reason
    assert one(result, "mean_error", [None]).value == 0.5
    assert "rows_without_group" in gap(result, "mean_error").flags
    assert not describe_differences(result)
    assert (
        regress([1, 2, 3], [1, 2, 4], list("abb"), weight=[0, 1, 1])
        .find("mean_error", by=("g",), group=("a",))[0]
        .reason
        == "0/0: all weights are 0"
    )


@pytest.mark.parametrize("draw", ["normal", "laplace"])
@pytest.mark.parametrize("n", [50, 400])
def test_intervals_cover(draw, n):
    """Many groups are many samples; where an interval of this size falls short, most are marked."""
    rng = np.random.default_rng(n)
    groups = 400
    e = getattr(rng, draw)(0, 1, groups * n)
    y = rng.normal(0, 2, groups * n)
    result = regress(y, y + e, np.repeat([f"g{i}" for i in range(groups)], n))
    truth = {"normal": (math.sqrt(2 / math.pi), 1.0), "laplace": (1.0, math.sqrt(2))}[draw]
    expected = dict(zip(MEANS, (0.0, *truth, 1 - truth[1] ** 2 / 4, 0.0), strict=True))
    for metric, value in expected.items():
        found = [x for x in result.find(metric, by=("g",)) if x.group]
        assert np.mean([x.low <= value <= x.high for x in found]) >= 0.93 - 0.022, metric


@pytest.mark.slow
def test_rows_that_share_a_person_are_not_independent():
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(60):
        y = rng.normal(0, 2, 1200)
        e = np.repeat(rng.normal(0, 1, 120), 10) + 0.1 * rng.normal(size=1200)
        plain = one(regress(y, y + e, ["a"] * 1200), "mean_error", "a")
        result = regress(y, y + e, ["a"] * 1200, unit=np.arange(1200) // 10 + int(rng.integers(10**9)))
        found = one(result, "mean_error", "a")
        covered.append((found.low <= 0 <= found.high, plain.low <= 0 <= plain.high))
    together, alone = np.mean(covered, axis=0)
    assert together >= 0.88
    assert alone < 0.7


@pytest.mark.parametrize("groups", some_now([2, 8], 1))
def test_equal_groups_rarely_fail(groups):
    rng = np.random.default_rng(groups)
    failed, passed = [], []
    limits = [{"metric": m, "compare": "difference", "max": 1e-9} for m in MEANS]
    for _ in range(60):
        y = rng.normal(0, 2, groups * 50)
        g = np.repeat([f"g{i}" for i in range(groups)], 50)
        result = regress(y, y + rng.laplace(0, 1, len(y)), g, gates=limits)
        failed.append([gate.verdict == "fail" for gate in result.gates])
        passed.append([gate.verdict == "pass" for gate in result.gates])
    assert np.mean(failed, axis=0).max() <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 60)
    assert not np.any(passed)


def test_gates_judge_in_the_unit_of_the_label():
    rng = np.random.default_rng(2)
    y, g = rng.normal(30_000, 8_000, 4000), np.repeat(["a", "b"], 2000)
    p = y + rng.normal(0, 900, 4000) + np.where(g == "a", 2000, 0)
    rules = [
        {"metric": "mean_error", "max": 500},
        {"metric": "mean_absolute_error", "max": 3000},
        {"metric": "root_mean_squared_error", "compare": "difference", "max": 500},
        {"metric": "r2", "min": 0.97},
        {"metric": "mean_prediction", "max": 5000},
    ]
    result = regress(y, p, g, gates=rules)
    assert [gate.verdict for gate in result.gates] == ["fail", "pass", "fail", "fail", "pass"]
    assert result.gates[0].name == "model.mean_error.difference.g"
    assert re.search(r"(1,9|2,0)\d\d for 'a'", result.gates[0].sentence)
    assert not describe_differences(result)


@pytest.mark.parametrize(
    ("gate", "said"),
    [({"metric": "mean_error", "compare": "highest", "max": 3}, "difference"),
     ({"metric": "mean_absolute_error", "max": 0}, "above 0"), ({"metric": "r2", "min": 1}, "below 1"),
     ({"metric": "mean_absolute_error", "compare": "ratio", "min": 0.8}, "'mean_absolute_error' has no ratio; available: highest, difference, difference_to_overall, difference_to_rest$"),
     ({"metric": "selection_rate", "compare": "ratio", "min": 0.8}, "'selection_rate' needs task = \"classification\", but task is regression$"),
     ({"metric": "ks_distance_of_predictions", "max": 0.1}, "mean_prediction")],
)  # fmt: skip
def test_limits_that_make_no_sense_are_refused(gate, said):
    with pytest.raises(QuestionError, match=said):
        regress([1.0, 2.0], [1.0, 2.0], ["a", "b"], gates=[gate])


def test_a_classification_has_no_mean_error():
    with pytest.raises(QuestionError, match="'mean_error' needs task = \"regression\", but task is classification$"):
        audit.measure([1, 0], [1, 0], groups={"g": ["a", "b"]}, gates=[{"metric": "mean_error", "max": 0.1}])


@pytest.mark.parametrize("more", [{}, {"weight": True}, {"unit": True}, {"weight": True, "unit": True}])
def test_the_document_holds_what_the_numbers_need(more):
    y, p, g, s, w = some(300)
    columns = {"weight": w, "unit": np.arange(300) // 3}
    result = regress(y, p, {"g": g, "s": s}, intersections=2, **{k: columns[k] for k in more})
    assert not describe_differences(result)
    document = json.loads(result.to_json())
    document["estimates"] = [{**e, "value": e["value"] and e["value"] * 1.01} for e in document["estimates"]]
    from audit.record.reader import read_text

    assert describe_differences(read_text(json.dumps(document), "changed"))


def test_card_and_terminal_show_a_regression():
    from audit.report.card.render import render
    from audit.report.terminal.summary import print_summary

    y, p, g, s, _ = some(200)
    p[g == "b"] *= 1000
    result = regress(y, p, {"g": np.where(np.arange(200) < 4, "few", g), "s": s}, intersections=2,
                     gates=[{"metric": "mean_error", "by": ["g"], "max": 1}])  # fmt: skip
    for form in ("html", "md"):
        page = render(result, form)
        assert "Mean absolute error" in page
        assert "Wasserstein distance of predictions" in page
        assert "ithheld to protect groups under 10" in page
    console = Console(width=80, record=True, file=io.StringIO())
    print_summary(result, console)
    text = console.export_text()
    assert "mean absolute error" in text
    found = one(result, "mean_absolute_error", "b")
    assert f"{cell_text(found.value, 'amount')} {cell_interval(found.low, found.high, 'amount')}" in text


def test_the_dashboard_draws_a_regression(tmp_path, monkeypatch):
    testing = pytest.importorskip("streamlit.testing.v1")
    from audit.cli import dashboard
    from audit.record.store import Store

    y, p, g, *_ = some(200)
    result, store = regress(y, p - 100, g), Store(tmp_path)
    run_id = "20261124T050512Z-1a2b34"
    result = replace(result, run=replace(result.run, id=run_id))
    store.commit(run_id, {"audit.json": result.to_json(), "card.html": "<!doctype html><p>card", "card.md": "#"})
    monkeypatch.setenv(dashboard.STORE_VARIABLE, str(tmp_path))
    page = testing.AppTest.from_file(
        str(Path(__file__).resolve().parents[3] / "dashboards" / "app.py"), default_timeout=60
    )
    page.query_params["run"] = run_id
    page.run()
    assert not page.exception
    assert "Mean error" in page.sidebar.selectbox("metric").options


def test_a_file_asks_the_same(tmp_path):
    y, p, g, *_ = some(200)
    pd.DataFrame({"y": y, "p": p, "g": g}).to_csv(tmp_path / "p.csv", index=False)
    raw = {"data": {"source": "p.csv", "label": "y", "groups": ["g"]},
           "predictions": {"task": "regression", "source": "p.csv", "prediction": "p"}}  # fmt: skip
    config = build(raw, "here")
    from contextlib import nullcontext

    from audit.pipeline.stages import Findings, OpenTables, audit_predictions, check_data

    found, opened = Findings(), OpenTables(config, tmp_path)
    check_data(config, opened, found, lambda _: nullcontext())
    audit_predictions(config, opened, found, lambda _: nullcontext())
    assert {e.stage for e in found.estimates} == {"data", "model"}
    assert any(e.metric == "r2" for e in found.estimates)
    assert not any(e.metric == "base_rate" for e in found.estimates)


def test_the_command_audits_a_regression_and_keeps_the_question(tmp_path):
    y, p, g, *_ = some(200)
    pd.DataFrame({"y": y, "p": p, "g": g}).to_csv(tmp_path / "p.csv", index=False)
    rule = "mean_absolute_error highest by g <= 50"
    question = ["--task", "regression", "--label", "y", "--prediction", "p", "--groups", "g", "--gate", rule]
    first = command("model", "p.csv", *question, "--write-config", "audit.toml", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "mean absolute error" in first.stdout
    assert 'task = "regression"' in (tmp_path / "audit.toml").read_text()
    again = command("model", "p.csv", "--config", "audit.toml", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["verdict"] == "pass"
    document = next((tmp_path / "audit-runs").rglob("audit.json"))
    checked = command("verify", str(document.parent), cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    wrong = command("model", "p.csv", *question, "--task", "regresion", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "task" in wrong.stderr


def command(*words, cwd):
    return run_command(*words, cwd=cwd, env={"COLUMNS": "120"})


def test_hostile_sizes_warn_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y, p in (
            ([0.0, 0, 0, 0], [0.0, 0, 0, 0]),
            ([1e30, 2, 3, 4], [1, 2, 3, 4.5]),
            ([1, 2, 3, 4], [2, 3, 4, 5]),
            ([1e-20, 2e-20, 3e-20, 5e-20], [1e-20, 3e-20, 3e-20, 4e-20]),
        ):
            result = regress(y, p, list("aabb"))
            assert json.loads(result.to_json())
            assert not describe_differences(result)
    with pytest.raises(AuditError, match="no rows"):
        regress([], [], [])


def test_the_upper_limit_of_a_root_mean_square_reckons_with_one_row_not_seen():
    from audit.measurement.inference.means import limits, measured
    from audit.measurement.inference.scales import ROOT_MEAN_SQUARE

    e = np.random.default_rng(31).standard_t(3, 80)
    powers = {f"size{k}_w4": np.sum(np.abs(e) ** k) for k in (2, 4, 6, 8)}
    held = {"w": 80, "w2": 80, "w4": 80, "square": powers["size2_w4"], "square_w2": powers["size2_w4"],
            "square_w2x": powers["size4_w4"], **powers}  # fmt: skip
    found = limits(measured(ROOT_MEAN_SQUARE, {k: np.array([[float(v)]]) for k, v in held.items()}, folds=False), 0.025)

    def end(side, x):
        mean = x.sum() / 80
        deviations = x - mean
        square, fourth = (deviations**2).sum(), (deviations**4).sum()
        if side > 0:  # the row that was not seen adds to the sums, not to the number of rows
            square, fourth = square - mean**2, fourth - mean**4
        error = math.sqrt(square) / 80 / mean * math.sqrt(80 / 79)
        return math.exp((math.log(mean) + side * stats.t.ppf(0.975, min(79, square**2 / fourth)) * error) / 2)

    unseen = 2 * (e**8).sum() / (e**6).sum()
    assert 0.5 * (e**2).max() < unseen / 2 <= (e**2).max()
    assert found.low[0] == pytest.approx(end(-1, e**2))
    assert found.high[0] == pytest.approx(end(1, np.append(e**2, unseen)))


@pytest.mark.parametrize("metric", ["mean_absolute_error", "root_mean_squared_error"])
def test_errors_with_heavy_tails_are_covered_or_marked(metric):
    """Before, RMSE of errors with 3 degrees of freedom was covered in .84 to .86 of samples."""
    rng, groups, n = np.random.default_rng(41), 400, 200
    y, e = rng.normal(0, 2, groups * n), rng.standard_t(3, groups * n)
    found = [
        x for x in regress(y, y + e, np.repeat([f"g{i}" for i in range(groups)], n)).find(metric, by=("g",)) if x.group
    ]
    truth = {"mean_absolute_error": 2 * math.sqrt(3) / math.pi, "root_mean_squared_error": math.sqrt(3)}[metric]
    assert np.mean([x.low <= truth <= x.high for x in found]) >= 0.93


def test_a_mean_of_errors_that_few_rows_decide_is_marked():
    rng = np.random.default_rng(43)
    y, g = rng.normal(size=5000), np.repeat([f"g{i}" for i in range(100)], 50)
    for errors, share in ((rng.lognormal(size=5000), (0.7, 1)), (rng.normal(size=5000), (0, 0.05))):
        marked = np.mean(
            ["small_group" in x.flags for x in regress(y, y + errors, g).find("mean_error", by=("g",)) if x.group]
        )
        assert share[0] <= marked <= share[1]
