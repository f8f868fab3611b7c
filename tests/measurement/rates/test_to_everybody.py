"""Each group against everybody and against everybody else: Fairlearn, slow loops, and how often intervals cover."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
import sample_results as samples
from fairlearn import metrics as fl
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples, crossed_now, some_now
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef, roc_auc_score

import audit
from audit.config.limits import check_limits
from audit.errors import QuestionError
from audit.measurement.grouping import Grouping
from audit.measurement.inference.confusion import smooth, with_whole
from audit.measurement.inference.effective import plain
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.mixtures import GroupAndOthers, furthest, pair_with_others, to_other, to_whole
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.confusion import STATISTICS
from audit.measurement.metrics.kinds import EVERYBODY, Compare, split_comparison
from audit.measurement.metrics.rates import RATES
from audit.pipeline.verify import describe_differences
from audit.report.disclosure.publishable import publishable

TAIL = 0.025
BASE = next(m for m in RATES if m.name == "base_rate")
BOTH = ("overall", "rest")
SLOW = {
    "selection_rate": lambda y, p, w: np.average(p, weights=w),
    "base_rate": lambda y, p, w: np.average(y, weights=w),
    "accuracy": lambda y, p, w: np.average(y == p, weights=w),
    "true_positive_rate": lambda y, p, w: np.average(p[y == 1], weights=w[y == 1]),
    "false_positive_rate": lambda y, p, w: np.average(p[y == 0], weights=w[y == 0]),
    "precision": lambda y, p, w: np.average(y[p == 1], weights=w[p == 1]),
    "f1": lambda y, p, w: f1_score(y, p, sample_weight=w),
    "balanced_accuracy": lambda y, p, w: balanced_accuracy_score(y, p, sample_weight=w),
    "matthews_correlation": lambda y, p, w: matthews_corrcoef(y, p, sample_weight=w),
}


def drawn(seed=0, n=1500, missing=0.0):
    rng = np.random.default_rng(seed)
    g = rng.choice(list("abcd"), n, p=[0.5, 0.3, 0.15, 0.05]).astype(object)
    y = rng.integers(0, 2, n)
    p = (rng.random(n) < np.where(y, 0.7, 0.3) + 0.15 * (g == "b")).astype(int)
    g[rng.random(n) < missing] = None
    return rng, g, y, p


def find(result, metric, compare, group=None, by=("g",)):
    return next(
        e for e in result.estimates if (e.metric, e.compare, e.group, e.by) == (metric, compare, group, tuple(by))
    )


# --- values


@pytest.mark.parametrize("weights", [False, True])
def test_every_comparison_equals_the_slow_obvious_loop(weights):
    rng, g, y, p = drawn(missing=0.1)
    w = rng.lognormal(size=len(y)) if weights else np.ones(len(y))
    result = audit.measure(y, p, groups={"g": g}, weight=w if weights else None, compare_to=BOTH)
    known = np.array([x is not None for x in g])
    for metric, of in SLOW.items():
        away = {"difference": {}, "ratio": {}}
        for level, who in product("abcd", BOTH):
            own, other = known & (g == level), known & ((g != level) if who == "rest" else True)
            a, b = (of(y[rows], p[rows], w[rows]) for rows in (own, other))
            for kind, value in (("difference", a - b), ("ratio", a / b)):
                if metric == "matthews_correlation" and kind == "ratio":
                    continue
                e = find(result, metric, f"{kind}_to_{who}", (level,))
                assert e.value == pytest.approx(value, abs=1e-12)
                assert e.low <= e.value <= e.high
                assert (e.reference, e.n, e.flags[0]) == (None, known.sum(), "rows_without_group")
                away[kind].setdefault(who, {})[level] = value
        for who in BOTH:
            e = find(result, metric, f"difference_to_{who}")
            worst = max(away["difference"][who], key=lambda k: abs(away["difference"][who][k]))
            assert e.value == pytest.approx(abs(away["difference"][who][worst]))
            assert e.pair == ((worst,), (worst,))
            if metric != "matthews_correlation":
                e = find(result, metric, f"ratio_to_{who}")
                assert e.value == pytest.approx(min(min(v, 1 / v) for v in away["ratio"][who].values()))
                assert e.low <= e.value <= e.high <= 1


@pytest.mark.parametrize("name", ["selection_rate", "true_positive_rate", "false_positive_rate"])
def test_comparisons_with_everybody_equal_fairlearn(name, shared):
    frame = pd.read_parquet(shared / "data" / "compas" / "compas_two_years_deidentified.parquet")
    y, p = frame.two_year_recid.to_numpy(), (frame.decile_score >= 5).astype(int).to_numpy()
    theirs = fl.MetricFrame(metrics=getattr(fl, name), y_true=y, y_pred=p, sensitive_features=frame.race.to_numpy())
    result = audit.measure(y, p, groups={"g": frame.race}, compare_to="overall")
    ours = [find(result, name, f"{kind}_to_overall").value for kind in ("difference", "ratio")]
    assert ours == pytest.approx([theirs.difference(method="to_overall"), theirs.ratio(method="to_overall")], abs=1e-12)


def test_the_auc_is_compared_with_that_of_the_rest():
    rng, g, y, p = drawn(1)
    score = np.round(np.clip(0.3 + 0.3 * y + 0.2 * rng.normal(size=len(y)), 0, 1), 2)
    result = audit.measure(y, p, groups={"g": g}, score=score, compare_to=BOTH)
    gaps = {}
    for level in "abcd":
        own = g == level
        gaps[level] = roc_auc_score(y[own], score[own]) - roc_auc_score(y[~own], score[~own])
        e = find(result, "roc_auc", "difference_to_rest", (level,))
        assert e.value == pytest.approx(gaps[level], abs=1e-9)
        assert e.low < e.value < e.high
    e = find(result, "roc_auc", "difference_to_rest")
    assert e.value == pytest.approx(max(map(abs, gaps.values())))
    assert not result.find("roc_auc", "difference_to_overall")
    assert not describe_differences(result)


@pytest.mark.parametrize("design", ["rows", "weights", "units"])
def test_errors_of_a_regression_equal_the_slow_loop(design):
    rng, g, _, _ = drawn(2, missing=0.05)
    y = rng.normal(50, 10, len(g))
    z = y + rng.normal(0, 5, len(g)) + 2.0 * (g == "c")
    w = rng.lognormal(size=len(g)) if design == "weights" else np.ones(len(g))
    more = {"weights": {"weight": w}, "units": {"unit": rng.integers(0, 400, len(g))}}.get(design, {})
    result = audit.measure(y, z, groups={"g": g}, task="regression", compare_to=BOTH, **more)
    known = np.array([x is not None for x in g])
    slow = {
        "mean_error": lambda r: np.average(z[r] - y[r], weights=w[r]),
        "mean_absolute_error": lambda r: np.average(np.abs(z[r] - y[r]), weights=w[r]),
        "mean_prediction": lambda r: np.average(z[r], weights=w[r]),
        "root_mean_squared_error": lambda r: np.sqrt(np.average((z[r] - y[r]) ** 2, weights=w[r])),
    }
    for (metric, of), level, who in product(slow.items(), "abcd", BOTH):
        if metric == "root_mean_squared_error" and who == "overall":
            assert not result.find(metric, "difference_to_overall")
            continue
        own, other = known & (g == level), known & ((g != level) if who == "rest" else True)
        e = find(result, metric, f"difference_to_{who}", (level,))
        assert e.value == pytest.approx(of(own) - of(other), abs=1e-9)
        assert e.low < e.value < e.high
    worst = find(result, "mean_error", "difference_to_rest")
    each = {x: find(result, "mean_error", "difference_to_rest", (x,)) for x in "abcd"}
    furthest_of = max(each, key=lambda x: abs(each[x].value))
    assert worst.pair == ((furthest_of,), (furthest_of,))
    assert worst.value == pytest.approx(abs(each[furthest_of].value))
    assert worst.low <= worst.value <= worst.high
    assert not describe_differences(result)


cells = st.lists(st.tuples(*[st.integers(0, 40)] * 4), min_size=2, max_size=6)


@given(cells, st.sampled_from(["selection_rate", "true_positive_rate", "precision", "f1"]))
@settings(max_examples=count_examples(60), deadline=None)
def test_what_a_comparison_must_be(fours, metric):
    names = [f"g{i}" for i in range(len(fours))]
    measured = samples.result_of(
        ("g",),
        {(n,): four for n, four in zip(names, fours, strict=True)},
        compare_to=BOTH,
    )
    found = {e.group: {} for e in measured.estimates if e.metric == metric and e.group and e.compare is None}
    for e in measured.estimates:
        if e.metric == metric and split_comparison(e.compare)[1]:
            assert (e.value is None) == (e.status == "undefined") == bool(e.reason)
            if e.value is not None and e.low is not None:
                assert e.low - 1e-12 <= e.value <= (np.inf if e.high is None else e.high) + 1e-12
            if e.group:
                found[e.group][e.compare] = e
    for of in found.values() if len(found) > 1 else ():
        overall, rest = of["difference_to_overall"], of["difference_to_rest"]
        assert overall.status == rest.status
        if overall.value is not None and metric != "f1":
            assert abs(overall.value) <= abs(rest.value) + 1e-12
            assert overall.value * rest.value >= 0
            assert (rest.low > 0) <= (overall.low >= 0)
            assert (rest.high < 0) <= (overall.high <= 0)


def test_with_two_groups_the_rest_is_the_other_group():
    _, g, y, p = drawn(3)
    g = np.where(g == "a", "a", "b")
    result = audit.measure(y, p, groups={"g": g}, compare_to="rest")
    for metric in ("selection_rate", "true_positive_rate", "f1"):
        for kind in ("difference", "ratio"):
            ours, gap = find(result, metric, f"{kind}_to_rest"), find(result, metric, kind)
            assert (ours.value, ours.low, ours.high) == pytest.approx((gap.value, gap.low, gap.high), abs=1e-12)


def test_a_group_without_events_that_may_be_nearly_everybody_has_a_ratio_of_0():
    y, p = [1, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1]
    result = audit.measure(y, p, groups={"g": list("aabbccd")}, weight=[1, 10, 1, 1, 1, 1, 1], compare_to="overall")
    ratio = find(result, "precision", "ratio_to_overall", ("b",))
    assert (ratio.value, ratio.low, ratio.high) == (0.0, 0.0, 7.5)  # at most 1 over its share of 2 in 15
    json.loads(result.to_json())


# --- what cannot be known


def test_an_unmeasured_group_is_named_and_blocks_a_pass_but_not_a_fail():
    y = np.array([1, 0] * 200 + [0] * 40)
    p = np.array([1, 0] * 200 + [0] * 40)
    g = np.array(["a"] * 200 + ["b"] * 200 + ["c"] * 40)
    gate = {"metric": "true_positive_rate", "compare": "difference_to_rest", "max": 0.1}
    result = audit.measure(y, p, groups={"g": g}, gates=[gate])
    assert result.verdict == "undefined"
    assert "the true positive rate of 'c' is undefined: no rows with label 1" in result.gates[0].sentence
    e = find(result, "true_positive_rate", "difference_to_rest")
    assert "unmeasured_group" in e.flags
    p[200:400] = 0
    failing = audit.measure(y, p, groups={"g": g}, gates=[gate])
    assert find(failing, "true_positive_rate", "difference_to_rest").value is None
    assert failing.verdict == "fail"


def test_a_group_that_alone_has_positives_has_no_rest():
    y, p = np.array([1] * 20 + [0] * 40), np.array([1] * 10 + [0] * 50)
    result = audit.measure(y, p, groups={"g": ["a"] * 30 + ["b"] * 30}, compare_to=BOTH)
    for who in BOTH:
        e = find(result, "true_positive_rate", f"difference_to_{who}", ("a",))
        assert e.status == "undefined"
        assert e.reason == "not measured for all but a (0/0: no rows with label = 1)"


def test_nobody_selected_is_no_ratio_and_a_selected_group_among_none_is_as_far_from_1_as_can_be():
    y = np.array([0, 1] * 60)
    nobody = audit.measure(y, np.zeros(120, int), groups={"g": list("ab") * 60}, compare_to=BOTH)
    assert find(nobody, "selection_rate", "ratio_to_rest").status == "undefined"
    assert find(nobody, "selection_rate", "difference_to_rest").value == 0
    p = np.array([1, 0, 0] * 40)
    alone = audit.measure(y, p, groups={"g": list("abc") * 40}, compare_to=BOTH)
    assert find(alone, "selection_rate", "ratio_to_rest", ("a",)).reason.startswith("x/0")
    assert find(alone, "selection_rate", "ratio_to_overall", ("a",)).value == pytest.approx(3)
    assert find(alone, "selection_rate", "ratio_to_rest").value == 0


def test_one_group_has_nobody_to_be_compared_with():
    result = audit.measure([1, 0, 1], [1, 0, 0], groups={"g": list("aaa")}, compare_to=BOTH)
    assert "nothing to compare" in find(result, "selection_rate", "ratio_to_rest").reason


# --- asking


def test_nothing_of_it_is_measured_unless_it_is_asked_for():
    _, g, y, p = drawn()
    result = audit.measure(y, p, groups={"g": g})
    assert not [e for e in result.estimates if split_comparison(e.compare)[1]]
    implied = audit.measure(
        y, p, groups={"g": g}, gates=[{"metric": "accuracy", "compare": "ratio_to_overall", "min": 0.5}]
    )
    assert {split_comparison(e.compare)[1] for e in implied.estimates} == {None, "overall"}
    assert not describe_differences(implied)


@pytest.mark.parametrize(
    ("gate", "verdict"),
    [
        ({"metric": "selection_rate", "compare": "ratio_to_overall", "min": 0.8}, "fail"),
        ({"metric": "selection_rate", "compare": "ratio_to_overall", "min": 0.2}, "pass"),
        ({"metric": "selection_rate", "compare": "difference_to_rest", "max": 0.05}, "fail"),
        ({"metric": "selection_rate", "compare": "difference_to_rest", "max": 0.9}, "pass"),
        ({"metric": "f1", "compare": "difference_to_overall", "max": 0.9}, "pass"),
        ({"metric": "base_rate", "compare": "ratio_to_rest", "min": 0.97}, "insufficient"),
    ],
)
def test_limits_are_judged(gate, verdict):
    rng = np.random.default_rng(4)
    g = np.repeat(list("abc"), [600, 600, 200])
    y = np.tile([0, 1], 700)
    p = (rng.random(1400) < np.where(g == "c", 0.3, 0.6)).astype(int)
    result = audit.measure(y, p, groups={"g": g}, gates=[gate])
    assert result.verdict == verdict
    if verdict == "fail":
        assert "By g, 'c' has a " in result.gates[0].sentence
    assert result.gates[0].name == f"model.{gate['metric']}.{gate['compare']}.g"


def test_the_data_stage_compares_base_rates():
    frame = pd.DataFrame({"g": ["a"] * 300 + ["b"] * 300, "y": [1, 0] * 150 + [1, 0, 0] * 100})
    result = audit.check(frame, label="y", groups="g", compare_to=["rest"])
    assert find(result, "base_rate", "difference_to_rest", ("a",)).value == pytest.approx(1 / 6)
    assert not result.find("representation", "ratio_to_rest")


def test_the_command_line_and_the_file_say_the_same(tmp_path, monkeypatch):
    from audit.cli import main

    monkeypatch.chdir(tmp_path)
    _, g, y, p = drawn()
    pd.DataFrame({"g": g, "y": y, "p": p}).to_csv("t.csv", index=False)
    common = ["model", "t.csv", "--label", "y", "--prediction", "p", "--groups", "g"]
    written = ["--compare-to", "overall,rest", "--gate", "selection_rate difference_to_rest <= 0.5"]
    with pytest.raises(SystemExit, match="0"):
        main([*common, *written, "--write-config", "audit.toml"])
    assert 'compare_to = ["overall", "rest"]' in (tmp_path / "audit.toml").read_text()
    with pytest.raises(SystemExit, match="0"):
        main(["run", "audit.toml"])
    kept = [json.loads(f.read_text()) for f in (tmp_path / "audit-runs").glob("*/audit.json")]
    found = [[(e["metric"], e["compare"], e["value"]) for e in r["estimates"]] for r in kept]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (
            {"metric": "roc_auc", "compare": "difference_to_overall", "max": 0.1},
            "'roc_auc' has no difference_to_overall; available: lowest, difference, difference_to_rest$",
        ),
        ({"metric": "selection_rate", "compare": "ratio_to_rest", "max": 0.9}, "needs min"),
        (
            {"metric": "selection_rate", "compare": "difference_to_rest", "min": 0.1},
            "the difference_to_rest of selection_rate needs max \\(<=\\), not min = 0.1: 0 means equal groups$",
        ),
        ({"metric": "equalized_odds_difference", "compare": "difference_to_rest", "max": 0.1}, "already"),
        ({"metric": "selection_rate", "compare": "difference_to_mean", "max": 0.1}, "difference_to_rest"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_mend(gate, message):
    with pytest.raises(QuestionError, match=message):
        audit.measure([1, 0], [1, 0], groups={"g": list("ab")}, gates=[gate])


def test_an_unknown_everybody_is_refused():
    with pytest.raises(QuestionError, match=r"compare_to\[0\]: 'others' is not allowed; available: overall, rest"):
        audit.measure([1, 0], [1, 0], groups={"g": list("ab")}, compare_to="others")


def test_every_name_is_one_of_the_catalogue():
    from typing import get_args

    assert {split_comparison(c)[1] for c in get_args(Compare)} == {None, *EVERYBODY}
    for metric in CATALOGUE.values():
        assert set(metric.limits) <= set(get_args(Compare))
    assert check_limits("model", "f1", "ratio_to_rest", 0.8, None, ("g",)) == "ratio_to_rest"


# --- what is published


def counted_everybody(result, who, metric="selection_rate"):
    return {e.group: e for e in result.estimates if e.metric == metric and e.compare == f"difference_to_{who}"}


@pytest.mark.parametrize("who", BOTH)
def test_comparisons_of_a_hidden_group_are_left_out(who):
    four = {("a",): (40, 20, 20, 60), ("b",): (40, 30, 20, 60), ("c",): (20, 20, 20, 20), ("few",): (1, 2, 1, 2)}
    private = samples.result_of(("g",), four, compare_to=BOTH)
    public = counted_everybody(publishable(private), who)
    gone = {g for g, e in public.items() if e.status == "suppressed"}
    assert {("few",), None} < gone
    assert len(gone) == 3
    assert {e.status for e in counted_everybody(publishable(private, 1), who).values()} == {"ok"}


@pytest.mark.parametrize("who", BOTH)
def test_the_total_over_groups_is_not_given_away_where_rows_without_a_group_protect_a_hidden_one(who):
    """Everybody with a group less the groups that are shown would be the hidden ones, to the last row."""
    four = {("a",): (40, 20, 20, 60), ("b",): (40, 30, 20, 60), ("few",): (1, 2, 1, 2), (None,): (30, 20, 20, 30)}
    public = counted_everybody(publishable(samples.result_of(("g",), four, compare_to=BOTH)), who)
    assert {e.status for e in public.values()} == {"suppressed"}
    shown = {k: v for k, v in four.items() if k != ("few",)}
    public = counted_everybody(publishable(samples.result_of(("g",), shown, compare_to=BOTH)), who)
    assert {e.status for e in public.values()} == {"ok"}


# --- how sure


def of_rows(x, n):
    """Samples of many replicates at once: groups beside their rests, and their shares; arrays (R,) a group."""
    for i in range(n.shape[1]):
        rest = plain(x.sum(axis=1) - x[:, i], n.sum(axis=1) - n[:, i])
        yield i, GroupAndOthers(plain(x[:, i], n[:, i]), rest), plain(n[:, i], n.sum(axis=1))


def all_limits(x, n, kind, who, tail):
    """Values and limits of every group, arrays (R, G)."""
    found = []
    for _, sides, share in of_rows(x, n):
        lim = to_other(sides, kind, tail) if who == "rest" else to_whole(sides, share, kind, tail)
        found.append((sides.value(kind), lim.low, lim.high, sides.thin, sides.measured))
    return [np.stack(part, axis=1) for part in zip(*found, strict=True)]


def truths(p, f, kind, who):
    everybody = (f * p).sum()
    other = everybody if who == "overall" else (everybody - f * p) / (1 - f)
    return p - other if kind == "difference" else p / other


SIZES = {"20": [20] * 8, "50": [50] * 8, "200": [200] * 8, "2000": [2000] * 8, "mixed": [20, 2000, 50, 200] * 2}


@pytest.mark.parametrize("fixed", some_now([False, True], 1))
@pytest.mark.parametrize("who", BOTH)
@pytest.mark.parametrize("kind", ["difference", "ratio"])
def test_intervals_cover_93_times_in_100_or_are_marked(kind, who, fixed):
    rng = np.random.default_rng(7)
    for groups, (size, base), low in product((2, 4, 8), product(SIZES, (0.02, 0.1, 0.3, 0.5)), (1.0, 0.5)):
        n = np.array(SIZES[size][:groups])
        p = np.r_[base * low, np.full(groups - 1, base)]
        rows = np.tile(n, (2000, 1)) if fixed else rng.multinomial(n.sum(), n / n.sum(), 2000)
        x = rng.binomial(rows, p).astype(float)
        value, bottom, top, thin, measured = all_limits(x, rows.astype(float), kind, who, TAIL)
        truth, known = truths(p, n / n.sum(), kind, who), measured & ~np.isnan(value)
        covered = ((bottom <= truth) & (truth <= top) & known).sum(axis=0) / known.sum(axis=0)
        marked = (thin & known).sum(axis=0) / known.sum(axis=0)
        assert np.all((covered >= 0.93 - 0.012) | (marked >= 0.4)), (groups, size, base, low, covered, marked)
        assert covered.min() >= 0.90


@pytest.mark.parametrize("who", [BOTH[0], pytest.param(BOTH[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["difference", pytest.param("ratio", marks=pytest.mark.slow)])
def test_verdicts_at_the_limit_are_wrong_at_most_5_times_in_100(kind, who):
    """One group is away from equal others exactly by the limit; and all are equal, the limit being a narrow one.

    A limit of no difference at all is broken by equal groups a little oftener, as for gaps between groups.
    """
    rng = np.random.default_rng(8)
    for groups, size, base in product((2, 4, 8), SIZES, (0.1, 0.3, 0.5)):
        n = np.array(SIZES[size][:groups], dtype=float)
        for away in (1.0, 0.6):
            p = np.r_[base * away, np.full(groups - 1, base)]
            truth = truths(p, n / n.sum(), kind, who)
            limit = np.abs(truth).max() if kind == "difference" else np.minimum(truth, 1 / truth).min()
            x = rng.binomial(n.astype(int), p, (2000, groups)).astype(float)
            rows = np.tile(n, (2000, 1))
            looks = 1 if groups == 2 and who == "rest" else groups
            value, low, high, _, _ = all_limits(x, rows, kind, who, TAIL)
            _, low_all, high_all, _, _ = all_limits(x, rows, kind, who, TAIL / looks)
            judged = [
                furthest(kind, value[i], Limits(low[i], high[i]), Limits(low_all[i], high_all[i])) for i in range(2000)
            ]
            bottom, top = (np.array([getattr(f, side) for f in judged]) for side in ("low", "high"))
            if kind == "difference":
                fails, passes = (bottom > limit + 1e-12).mean(), (top <= limit).mean()
            else:
                fails, passes = (top < limit - 1e-12).mean(), (bottom >= limit).mean()
            where = (groups, size, base, away)
            if away == 1.0:
                narrow = (bottom > 0.02).mean() if kind == "difference" else (top < 0.95).mean()
                assert narrow <= 0.05 + 0.012, where
                assert fails <= 0.08, where
            else:
                assert fails <= 0.05 + 0.012, where
                assert passes <= 0.05 + 0.012, where


@pytest.mark.parametrize("who", BOTH)
@pytest.mark.parametrize("design", ["weights", "people of one group", "people of several groups"])
def test_weights_and_shared_people_cover_93_times_in_100(design, who):
    """The groups of Grouping itself, so that stacking, shares and correlations are those of an audit."""
    rng, replicates, people, each = np.random.default_rng(9), 250, 240, 8
    true_p, missed = np.array([0.2, 0.35, 0.35]), {"difference": 0, "ratio": 0}
    mix = np.array([0.25, 0.35, 0.4])
    for _ in range(replicates):
        home = rng.choice(3, people, p=mix)
        unit = np.repeat(np.arange(people), each)
        of_rows_ = rng.choice(3, people * each, p=mix) if design == "people of several groups" else home[unit]
        alike = 0.6 + 0.8 * rng.random(people)
        y = (rng.random(people * each) < (true_p[of_rows_] * alike[unit])).astype(int)
        w = rng.lognormal(size=len(y)) if design == "weights" else np.ones(len(y))
        if design == "weights":
            y = (rng.random(len(y)) < true_p[of_rows_]).astype(int)
        grouped = grouping_of(of_rows_, y, w, None if design == "weights" else unit % 100)
        stacked = grouped.with_others().sample(BASE)
        rest = pair_with_others(stacked, 3, 3)
        for kind in missed:
            lim = to_other(rest, kind, TAIL)
            if who == "overall":
                lim = to_whole(rest, grouped.shares(BASE.given.mask()), kind, TAIL)
            truth = truths(true_p, mix, kind, who)
            missed[kind] += int(((truth < lim.low) | (truth > lim.high)).sum())
    for kind, count in missed.items():
        assert 1 - count / (3 * replicates) >= 0.93 - 0.015, kind


def grouping_of(group, y, w, fold):
    folds = 100 if fold is not None else 1
    fold = np.zeros(len(y), int) if fold is None else fold
    counts = {k: np.zeros((3, 2, 2, folds)) for k in ("n", "w", "w2")}
    for key, values in (("n", np.ones(len(y))), ("w", w), ("w2", w**2)):
        np.add.at(counts[key], (group, y, 0, fold), values)
    return Grouping(("g",), (("a",), ("b",), ("c",)), counts, 0, 0.0, folded=folds > 1)


@pytest.mark.parametrize(("metric", "n"), crossed_now(STATISTICS, [60, 300, 2000]))
def test_a_statistic_covers_its_distance_from_everybody_or_is_marked(metric, n):
    rng, reps, groups = np.random.default_rng(10), 600, 3
    tables = np.array([(0.4, 0.1, 0.1, 0.4), (0.5, 0.1, 0.2, 0.2), (0.3, 0.2, 0.1, 0.4)])
    sizes = np.array([n, 3 * n, n])
    low, high = metric.range

    def of(*four):
        return (metric.of(*four) - low) / (high - low)

    whole = (tables * (sizes / sizes.sum())[:, None]).sum(axis=0)
    truth = of(*tables.T) - of(*whole[:, None])
    covered, marked, known = 0, 0, 0
    for _ in range(reps):
        cells = np.stack([rng.multinomial(k, t) for k, t in zip(sizes, tables, strict=True)]).astype(float)[..., None]
        sample = smooth(of, metric.support, *[np.concatenate([cells, cells.sum(axis=0)[None]])] * 2, folds=False)
        sides = pair_with_others(sample, groups, groups)._replace(r=with_whole(metric.of, cells, cells))
        lim = to_other(sides, "difference", TAIL)
        ok = sides.measured
        covered += int(((lim.low <= truth) & (truth <= lim.high))[ok].sum())
        marked, known = marked + int(sides.thin[ok].sum()), known + int(ok.sum())
    assert covered / known >= 0.93 - 0.012 or marked / known >= 0.7


def test_a_correlation_with_everybody_is_that_of_many_samples():
    rng = np.random.default_rng(11)
    tables, sizes = [(0.4, 0.1, 0.1, 0.4), (0.3, 0.2, 0.2, 0.3)], (300, 500)
    f1 = next(m for m in STATISTICS if m.name == "f1")
    draws = np.stack([rng.multinomial(k, t, 4000) for k, t in zip(sizes, tables, strict=True)], axis=1).astype(float)
    own, whole = f1.of(*np.moveaxis(draws, 2, 0)), f1.of(*draws.sum(axis=1).T)
    seen = [np.corrcoef(own[:, i], whole)[0, 1] for i in range(2)]
    cells = (np.array(tables) * np.array(sizes)[:, None])[..., None]
    assert with_whole(f1.of, cells, cells) == pytest.approx(seen, abs=0.04)


@pytest.mark.parametrize("who", BOTH)
@pytest.mark.parametrize("design", ["rows", "weights"])
@pytest.mark.parametrize("replicates", [25, pytest.param(200, marks=pytest.mark.slow)])
def test_a_mean_covers_its_distance_from_everybody(who, design, replicates):
    rng, missed, mix = np.random.default_rng(12), 0, np.array([0.2, 0.3, 0.5])
    means = np.array([2.0, 0.0, 0.0])
    truth = truths(means, mix, "difference", who)
    for _ in range(replicates):
        g = rng.choice(3, 300, p=mix)
        error = means[g] + rng.exponential(2.0, 300) - 2.0
        y, w = rng.normal(50, 5, 300), rng.lognormal(sigma=0.5, size=300) if design == "weights" else None
        result = audit.measure(
            y, y + error, groups={"g": g.astype(str)}, task="regression", weight=w, compare_to=who
        )  # fmt: skip
        each = [find(result, "mean_error", f"difference_to_{who}", (str(i),)) for i in range(3)]
        missed += sum(not e.low <= t <= e.high for e, t in zip(each, truth, strict=True))
    assert 1 - missed / (3 * replicates) >= 0.93 - 3 * np.sqrt(0.05 * 0.95 / (3 * replicates))


@pytest.mark.parametrize(("limit", "verdict"), [(0.5, "fail"), (6.0, "pass"), (2.5, "insufficient")])
@pytest.mark.parametrize("who", BOTH)
def test_limits_on_errors_are_judged(limit, verdict, who):
    rng, g = np.random.default_rng(13), np.repeat(list("abc"), 200)
    y, error = rng.normal(50, 5, 600), rng.normal(size=600) * 2 + np.where(g == "a", 2.5 if who == "rest" else 3.75, 0)
    gate = {"metric": "mean_error", "compare": f"difference_to_{who}", "max": limit}
    result = audit.measure(y, y + error, groups={"g": g}, task="regression", gates=[gate])
    assert result.verdict == verdict
    assert result.gates[0].estimate.pair == (("a",), ("a",))


@pytest.mark.parametrize(("limit", "verdict"), [(0.05, "fail"), (0.5, "pass")])
def test_limits_on_the_auc_are_judged(limit, verdict):
    rng, g = np.random.default_rng(14), np.repeat(list("abc"), 400)
    y = rng.integers(0, 2, 1200)
    score = np.clip(0.5 + np.where(g == "c", 0.02, 0.3) * (y - 0.5) + 0.15 * rng.normal(size=1200), 0, 1)
    gate = {"metric": "roc_auc", "compare": "difference_to_rest", "max": limit}
    result = audit.measure(y, groups={"g": g}, score=score, gates=[gate])
    assert result.verdict == verdict
    assert result.gates[0].estimate.pair == (("c",), ("c",))


def test_a_group_without_positives_has_no_auc_to_compare():
    y, score = np.array([0, 1] * 50 + [0] * 20), np.linspace(0, 1, 120)
    result = audit.measure(y, groups={"g": ["a"] * 50 + ["b"] * 50 + ["c"] * 20}, score=score, compare_to="rest")
    assert "not measured for c" in find(result, "roc_auc", "difference_to_rest").reason
    assert find(result, "roc_auc", "difference_to_rest", ("a",)).status == "ok"


@pytest.mark.parametrize("style", ["html", "md"])
def test_the_card_has_a_table_of_it_only_where_it_was_asked_for(style):
    from audit.report.card.render import render

    _, g, y, p = drawn(5)
    asked = render(audit.measure(y, p, groups={"g": g}, compare_to=BOTH), style)
    assert "Compared with overall by g" in asked
    assert "Compared with all other groups by g" in asked
    assert "Compared with" not in render(audit.measure(y, p, groups={"g": g}), style)


def test_the_sentence_shows_both_sides_of_a_ratio():
    _, g, y, p = drawn(6)
    gate = {"metric": "selection_rate", "compare": "ratio_to_rest", "min": 0.99}
    result = audit.measure(y, p, groups={"g": g}, gates=[gate])
    e = result.gates[0].estimate
    assert e.numerator < e.denominator
    assert all(f"{share:.1%} (n " in result.gates[0].sentence for share in (e.numerator, e.denominator))
