"""What score bins say of order: average precision, AUCs against the other groups, ROC curves; and exact pairs."""

from __future__ import annotations

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
from commands import audit as run_command
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from scipy.special import ndtr
from scipy.stats import norm
from sklearn import metrics as sk

import audit
from audit.axes import CubeKind
from audit.counting.backends.choose import choose_engine
from audit.counting.count import count_cubes, count_tallies, make_cubes
from audit.counting.kinds import exact_auc
from audit.counting.kinds import scores as engine
from audit.counting.plan import Plan
from audit.cube import area_between, curve
from audit.errors import QuestionError
from audit.measurement.inference.auc import chance_area, limits
from audit.measurement.inference.calibration import average_precision, folded_precision
from audit.pipeline.verify import describe_differences
from audit.record.reader import read_text
from audit.report.card.render import render
from audit.report.disclosure.publishable import publishable
from audit.tables.open import open_frame

AGAINST = ("bpsn_auc", "bnsp_auc", "positive_average_equality_gap", "negative_average_equality_gap")


def scored(y, s, g, **more):
    groups = g if isinstance(g, dict) else {"g": np.asarray(g)}
    return audit.measure(np.asarray(y), score=np.asarray(s, dtype=float), groups=groups, **more)


def one(result, metric, group, by=("g",), compare=None):
    found = result.find(metric, compare, by=by)
    return next(e for e in found if e.group == (group if isinstance(group, tuple) else (group,)))


def whole(result, metric, compare, by=("g",)):
    return next(e for e in result.find(metric, compare, by=by) if e.group is None)


def printed(estimate):
    """Bounds that the method prints for what the bins hide."""
    between = re.search(r"lies between ([\d.e-]+) and ([\d.e-]+)", estimate.method)
    within = re.search(r"within ±([\d.e-]+)", estimate.method)
    if between:
        return float(between[1]) - 1e-12, float(between[2]) + 1e-12
    width = float(within[1]) if within else 0.0
    return estimate.value - width - 1e-12, estimate.value + width + 1e-12


def some(n=900, seed=0, *, values=None):
    rng = np.random.default_rng(seed)
    s = rng.random(n) if values is None else rng.integers(1, values, n) / values
    y = (rng.random(n) < s).astype(int)
    return y, s, rng.choice(list("abc"), n, p=[0.5, 0.3, 0.2]), rng.choice(["f", "m"], n), rng.exponential(size=n)


def binned(y, s, w, bins):
    at = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], s, side="right")
    return [np.bincount(at[y == k], weights=v[y == k], minlength=bins)[None] for v in (w, w * w) for k in (1, 0)]


def order(high, low, high_w=None, low_w=None):
    """Share of pairs in the right order, ties half, by a loop over all pairs."""
    high_w = np.ones(len(high)) if high_w is None else high_w
    low_w = np.ones(len(low)) if low_w is None else low_w
    right = 0.0
    for (a, wa), (b, wb) in itertools.product(zip(high, high_w, strict=True), zip(low, low_w, strict=True)):
        right += wa * wb * ((a > b) + (a == b) / 2)
    return right / (high_w.sum() * low_w.sum())


tied = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.5 + 1e-12, 0.7, 1.0]))


@given(
    st.lists(st.tuples(st.booleans(), tied, st.floats(0.1, 9)), min_size=2, max_size=60),
    st.sampled_from([1, 3, 10, 50]),
    st.booleans(),
)
@settings(max_examples=count_examples(200), deadline=None)
def test_average_precision_lies_within_its_bounds_of_sklearns(rows, bins, weighted):
    y, s, w = (np.array(v) for v in zip(*rows, strict=True))
    y[:2] = True, False
    w = w if weighted else np.ones(len(w))
    pos, neg, pos2, neg2 = binned(y, s, w, bins)
    found = average_precision(pos, neg, pos2, neg2)
    exact = sk.average_precision_score(y, s, sample_weight=w)
    assert found.tie_low[0] - 1e-9 <= exact <= found.tie_high[0] + 1e-9
    assert found.tie_low[0] <= found.mid[0] <= found.tie_high[0]


@pytest.mark.parametrize("sets", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_average_precision_of_random_data_lies_within_its_bounds(sets):
    outside = 0
    for i in range(sets):
        rng = np.random.default_rng([5, i])
        n, bins = int(rng.integers(20, 1500)), int(rng.choice([5, 20, 50, 100]))
        y = (rng.random(n) < rng.uniform(0.05, 0.6)).astype(int)
        y[:2] = 1, 0
        s = rng.beta(1 + 3 * y * rng.random(), rng.uniform(0.5, 4), n)
        s = np.where(rng.random(n) < rng.choice([0, 0.3, 0.9]), rng.choice(s, 3)[rng.integers(0, 3, n)], s)
        s, w = np.round(s, int(rng.choice([1, 2, 16]))), rng.exponential(size=n) if i % 2 else np.ones(n)
        pos, neg, pos2, neg2 = binned(y, s, w, bins)
        found, exact = average_precision(pos, neg, pos2, neg2), sk.average_precision_score(y, s, sample_weight=w)
        outside += not found.tie_low[0] - 1e-12 <= exact <= found.tie_high[0] + 1e-12
    assert outside == 0


def test_the_bounds_of_one_bin_are_reached_by_some_order():
    pos, neg = np.array([[2.0]]), np.array([[3.0]])
    found = average_precision(pos, neg)
    y = np.array([1, 1, 0, 0, 0])
    assert found.tie_high[0] == sk.average_precision_score(y, [1, 1, 0, 0, 0])
    assert found.tie_low[0] == pytest.approx(sk.average_precision_score(y, [1, 2, 3, 3, 3]))
    assert found.mid[0] == sk.average_precision_score(y, [1, 1, 1, 1, 1])


@pytest.mark.parametrize("values", [None, 10])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_group_and_crossing_is_held_to_sklearn(values, weighted):
    y, s, g, h, w = some(values=values)
    w = w if weighted else None
    result = scored(y, s, {"g": g, "h": h}, weight=w, intersections=2)
    cases = (((), (), y >= 0), (("g",), ("b",), g == "b"), (("g", "h"), ("c", "m"), (g == "c") & (h == "m")))
    for by, group, rows in cases:
        for metric, oracle in (("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
            found = one(result, metric, group, by)
            exact = oracle(y[rows], s[rows], sample_weight=None if w is None else w[rows])
            low, high = printed(found)
            assert low <= exact <= high, (metric, by)
            assert found.low <= exact <= found.high
            if values:
                assert found.method.endswith("; exact")
                assert found.value == pytest.approx(exact, abs=1e-12)
    assert not describe_differences(result)


@pytest.mark.parametrize("values", [None, 12])
@pytest.mark.parametrize("weighted", [False, True])
def test_areas_against_the_others_equal_a_loop_over_pairs(values, weighted):
    y, s, g, _, w = some(240, values=values)
    w = w if weighted else np.ones(len(y))
    result = scored(y, s, g, weight=w if weighted else None)
    for group in "abc":
        own = g == group
        parts = {(k, mine): (s[(y == k) & (own == mine)], w[(y == k) & (own == mine)]) for k in (0, 1) for mine in (True, False)}  # fmt: skip
        expected = dict(zip(AGAINST, (
            order(parts[1, False][0], parts[0, True][0], parts[1, False][1], parts[0, True][1]),
            order(parts[1, True][0], parts[0, False][0], parts[1, True][1], parts[0, False][1]),
            order(parts[1, True][0], parts[1, False][0], parts[1, True][1], parts[1, False][1]) - 0.5,
            order(parts[0, True][0], parts[0, False][0], parts[0, True][1], parts[0, False][1]) - 0.5,
        ), strict=True))  # fmt: skip
        for metric, value in expected.items():
            found = one(result, metric, group)
            low, high = printed(found)
            assert low <= value <= high, metric
            assert found.low <= found.value <= found.high
            assert values is None or found.value == pytest.approx(value, abs=1e-12)


def between(y, s, rows, others, steps=200_001):
    """Area between two ROC curves of scikit-learn's, on a fine grid."""
    t = (np.arange(steps) + 0.5) / steps
    heights = []
    for part in (rows, others):
        across, up, _ = sk.roc_curve(y[part], s[part], drop_intermediate=False)
        heights.append(np.interp(t, across, up))
    return np.abs(heights[0] - heights[1]).mean()


@pytest.mark.parametrize("values", [None, 15])
def test_the_area_between_roc_curves_is_that_of_sklearns_curves(values):
    y, s, g, _, _ = some(values=values)
    s = np.where(g == "b", np.round(0.5 * s + 0.25, 2), s)
    result = scored(y, s, g, reference="a")
    areas = {pair: between(y, s, g == pair[0], g == pair[1]) for pair in ("ab", "ac", "bc")}
    for group in "bc":
        found = one(result, "abroca", group)
        low, high = printed(found)
        assert low - 1e-4 <= areas[f"a{group}"] <= high + 1e-4
        assert found.reference == ("a",)
        assert (found.low, found.high) == (None, None)
    largest = whole(result, "abroca", "largest")
    assert set(largest.pair) == {(k,) for k in max(areas, key=areas.get)}
    assert "the largest of 3 pairs" in largest.method


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=8), st.integers(0, 2**31))
@settings(max_examples=count_examples(60), deadline=None)
def test_an_area_between_curves_is_a_distance(rows, seed):
    rng = np.random.default_rng(seed)
    pos, neg = (np.array(v, dtype=float) for v in zip(*rows, strict=True))
    pos[0], neg[-1] = pos[0] + 1, neg[-1] + 1
    first = curve(pos, neg, pos.sum(), neg.sum(), exact=True)
    second = curve(rng.permutation(pos), rng.permutation(neg), pos.sum(), neg.sum(), exact=True)
    assert area_between(first, first) == 0
    assert area_between(first, second) == pytest.approx(area_between(second, first))
    assert 0 <= area_between(first, second) <= 1
    assert area_between(first, second) >= abs(area(pos, neg) - area(*(second_counts(second)))) - 1e-9


def area(pos, neg):
    return sum(p * (neg[:i].sum() + neg[i] / 2) for i, p in enumerate(pos)) / (pos.sum() * neg.sum())


def second_counts(c):
    """Counts that a curve of straight lines may come from."""
    across = np.concatenate([[0.0], *([[x, x]] for x in c.x)], axis=None)
    up = np.concatenate([[0.0], *([[a, b]] for a, b in zip(c.left, c.right, strict=True))], axis=None)
    return np.diff(up)[::-1], np.diff(across)[::-1]


@pytest.mark.parametrize(("m", "n"), [(50, 50), (50, 400), (400, 1600)])
@pytest.mark.parametrize("auc", [0.5, 0.7, 0.9])
def test_what_equal_groups_show_by_chance_is_what_is_printed(m, n, auc):
    rng, edges = np.random.default_rng(3), np.linspace(-4, 6, 201)
    shown, said = [], []
    for _ in range(120):
        curves = []
        for _ in range(2):
            pos, neg = rng.normal(norm.ppf(auc) * 2**0.5, 1, m), rng.normal(0, 1, n)
            counts = (np.histogram(v, edges)[0].astype(float) for v in (pos, neg))
            curves.append(curve(*counts, m, n, exact=False))
        shown.append(area_between(*curves))
        said.append(chance_area(*curves))
    assert np.mean(said) == pytest.approx(np.mean(shown), rel=0.12)


@pytest.mark.parametrize("kind", ["plain", "weights", "missing", "ties", "one value"])
@pytest.mark.parametrize("batch", [70, 500_000])
def test_exact_auc_equals_sklearns(monkeypatch, kind, batch):
    monkeypatch.setattr(exact_auc, "HELD_ROWS", batch)
    y, s, g, h, w = some(700)
    g = g.astype(object)
    s = {"ties": np.round(s, 1), "one value": np.full(len(s), 0.25)}.get(kind, s - 3)
    if kind == "missing":
        g[:60] = None
    w = w if kind == "weights" else None
    result = scored(y, s, {"g": g, "h": h}, weight=w, intersections=2, exact_auc=True, threshold=0.0)
    cases = [((), (), y >= 0), (("g",), ("b",), g == "b"), (("h",), ("f",), h == "f"), (("g", "h"), ("c", "m"), (g == "c") & (h == "m"))]  # fmt: skip
    cases += [(("g",), (None,), np.equal(g, None))] if kind == "missing" else []
    for by, group, rows in cases:
        found = one(result, "roc_auc", group, by)
        exact = sk.roc_auc_score(y[rows], s[rows], sample_weight=None if w is None else w[rows])
        assert found.value == pytest.approx(exact, abs=1e-12)
        assert found.method.endswith("exact: every pair of rows was looked at")
    assert not describe_differences(result)


def test_pairs_that_the_score_bins_rule_out_are_found():
    y, s, g, *_ = some(300)
    document = json.loads(scored(y, s, g, exact_auc=True).to_json())
    pairs = next(c for c in document["cubes"] if c["name"].startswith("predictions ordered pairs: g"))
    pairs["measures"]["below"] = [0.9 * v for v in pairs["measures"]["below"]]
    said = describe_differences(read_text(json.dumps(document), "changed"))
    assert any("its ordered pairs say" in line and "score bins allow" in line for line in said)
    pairs["measures"]["n"] = [v + 1 for v in pairs["measures"]["n"]]
    assert any("different rows" in line for line in describe_differences(read_text(json.dumps(document), "changed")))


def test_exact_pairs_need_scores():
    with pytest.raises(QuestionError, match="exact_auc needs scores"):
        audit.measure([1, 0], [1, 0], groups={"g": ["a", "b"]}, exact_auc=True)
    with pytest.raises(QuestionError, match="exact_auc needs scores"):
        audit.measure([1, 0], groups={"g": ["a", "b"]}, exact_auc=True)


def test_exact_pairs_need_an_engine_that_sorts_and_all_rows(tmp_path):
    y, s, g, *_ = some(60)
    table = open_frame({"y": y, "s": s, "g": g})
    asked = Plan(groups=("g",), label="y", score="s", kinds={CubeKind.ORDERED_PAIRS: exact_auc.ExactAuc()})
    with pytest.raises(QuestionError, match="exact_auc needs engine duckdb"):
        count_cubes(table, asked, choose_engine("polars", None))
    with pytest.raises(QuestionError, match="remove it, or count all parts as a glob"):
        count_tallies(table, asked, choose_engine("duckdb", None))


def test_crossings_of_parts_add_up(monkeypatch):
    y, s, g, h, _ = some(600)
    asked = Plan(groups=("g", "h"), intersections=2, label="y", score="s", of_parts=True)
    tables = [open_frame({"y": y[k], "s": s[k], "g": g[k], "h": h[k]}) for k in (slice(250), slice(250, None), slice(None))]  # fmt: skip
    for most, names in ((60_000, ("g", "h", "label", "score")), (300, ("g", "label", "score"))):
        monkeypatch.setattr(engine, "MOST_CROSSED", most)
        first, second, whole = (count_tallies(t, asked, choose_engine("duckdb", None)) for t in tables)
        summed, once = (make_cubes(t, asked).by_kind["scores"][0] for t in (first + second, whole))
        assert summed.names == once.names == names
        assert np.array_equal(summed["n"], once["n"])


def test_the_command_asks_for_exact_pairs(tmp_path):
    y, s, g, *_ = some(200)
    pd.DataFrame({"y": y, "s": s, "g": g}).to_csv(tmp_path / "p.csv", index=False)
    words = ["model", "p.csv", "--label", "y", "--score", "s", "--groups", "g", "--exact-auc", "--json"]
    done = run_command(*words, "--write-config", "audit.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "exact_auc = true" in (tmp_path / "audit.toml").read_text()
    found = next(e for e in json.loads(done.stdout)["estimates"] if e["metric"] == "roc_auc" and e["group"] == ["b"])
    assert found["value"] == pytest.approx(sk.roc_auc_score(y[g == "b"], s[g == "b"]), abs=1e-12)


def separated(n=4000, seed=2):
    """Group a is ordered well, group b not at all."""
    rng = np.random.default_rng(seed)
    y, g = rng.integers(0, 2, n), np.repeat(["a", "b"], n // 2)
    return y, np.where(g == "a", np.clip(0.5 * y + 0.5 * rng.random(n), 0, 1), rng.random(n)), g


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "bpsn_auc", "bnsp_auc"])
def test_a_floor_on_every_group_fails_passes_and_waits(metric):
    y, s, g = separated()
    for rows, limit, verdict in ((slice(None), 0.97, "fail"), (slice(None), 0.4, "pass"), (slice(1960, 2040), 0.6, "insufficient")):  # fmt: skip
        result = scored(y[rows], s[rows], g[rows], gates=[{"metric": metric, "min": limit}])
        assert [x.verdict for x in result.gates] == [verdict], result.gates[0].sentence
        assert result.gates[0].name == f"model.{metric}.lowest.g"


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_a_gap_fails_and_passes(metric):
    y, s, g = separated()
    rule = {"metric": metric, "compare": "difference", "max": 0.1}
    assert scored(y, s, g, gates=[rule]).gates[0].verdict == "fail"
    rng = np.random.default_rng(0)
    assert scored(y, s, rng.permutation(g), gates=[rule]).gates[0].verdict == "pass"


@pytest.mark.parametrize(
    ("gate", "said"),
    [({"metric": "roc_auc", "compare": "ratio", "min": 0.8}, "'roc_auc' has no ratio; available: lowest, difference, difference_to_rest$"),
     ({"metric": "bpsn_auc", "compare": "difference", "max": 0.1}, "'bpsn_auc' has no difference; available: lowest$"),
     ({"metric": "abroca", "max": 0.1}, "the difference of roc_auc"),
     ({"metric": "positive_average_equality_gap", "max": 0.1}, "the lowest of bnsp_auc")],
)  # fmt: skip
def test_limits_without_an_interval_behind_them_are_refused(gate, said):
    with pytest.raises(QuestionError, match=said):
        scored([1, 0], [0.2, 0.3], ["a", "b"], gates=[gate])


def test_what_cannot_be_measured_says_why():
    result = scored([1, 1, 1, 0, 1, 0], [0.2, 0.4, 0.9, 0.1, 0.3, 0.2], list("aabbcc"), gates=[{"metric": "roc_auc", "min": 0.1}])  # fmt: skip
    assert "label = 0" in one(result, "roc_auc", "a").reason
    assert "label = 0" in one(result, "average_precision", "a").reason
    assert "no rows with label = 0 here" in one(result, "bpsn_auc", "a").reason
    assert one(result, "bnsp_auc", "a").status == "ok"
    assert "not measured for a" in one(result, "abroca", "b").reason
    assert "not measured for a" in whole(result, "abroca", "largest").reason
    assert whole(result, "roc_auc", "lowest").status == "undefined"
    assert result.gates[0].verdict == "undefined"
    assert not describe_differences(result)
    lonely = scored([1, 0], [0.2, 0.1], ["a", "a"])
    assert "only one group" in one(lonely, "bpsn_auc", "a").reason
    assert "only one group" in whole(lonely, "abroca", "largest").reason
    assert "only one group" in whole(lonely, "roc_auc", "difference").reason


def test_an_absent_crossing_is_listed_and_blocks_a_pass():
    y, s, g, h, _ = some(400)
    h = np.where(g == "a", "f", h)
    result = scored(
        y, s, {"g": g, "h": h}, intersections=2, gates=[{"metric": "roc_auc", "by": ["g", "h"], "min": 0.1}]
    )
    assert one(result, "roc_auc", ("a", "m"), ("g", "h")).reason == "0/0: no rows in this group"
    assert one(result, "brier_score", ("a", "m"), ("g", "h")).reason == "0/0: no rows in this group"
    assert "not measured for a x m" in whole(result, "roc_auc", "lowest", ("g", "h")).reason
    assert result.gates[0].verdict == "undefined"


def test_a_crossing_of_too_many_cells_is_said_to_be_uncounted(monkeypatch):
    monkeypatch.setattr(engine, "MOST_CROSSED", 50)
    y, s, g, h, _ = some(400)
    result = scored(
        y, s, {"g": g, "h": h}, intersections=2, gates=[{"metric": "roc_auc", "by": ["g", "h"], "min": 0.1}]
    )
    assert "too many cells" in whole(result, "roc_auc", "lowest", ("g", "h")).reason
    assert result.gates[0].verdict == "undefined"
    assert one(result, "roc_auc", "a").status == "ok"
    assert not describe_differences(result)


@pytest.mark.parametrize("more", [{}, {"weight": True}, {"unit": True}, {"weight": True, "unit": True}])
def test_the_document_holds_what_the_numbers_need(more):
    y, s, g, h, w = some(300)
    columns = {"weight": w, "unit": np.arange(300) // 3}
    asked = {k: columns[k] for k in more}
    result = scored(y, s, {"g": g, "h": h}, intersections=2, exact_auc=True, **asked)
    assert not describe_differences(result)
    document = json.loads(result.to_json())
    for metric in ("average_precision", "abroca"):
        changed = json.loads(json.dumps(document))
        for e in changed["estimates"]:
            if e["metric"] == metric and e["value"]:
                e["value"] *= 1.01
        assert describe_differences(read_text(json.dumps(changed), "changed")), metric


def test_small_groups_stay_small_secrets():
    y, s, g, h, _ = some(400)
    g = np.where(np.arange(400) < 4, "few", g)
    result = scored(y, s, {"g": g, "h": h}, intersections=2, exact_auc=True, reference={"g": "few", "h": "f"})
    shown = publishable(result)
    assert shown.cubes == ()
    for metric in ("average_precision", *AGAINST, "calibration_error_square", "brier_score", "roc_auc"):
        assert one(shown, metric, "few").status == "suppressed", metric
    # The area between curves is a number of two groups: neither may be hidden.
    assert {e.status for e in shown.find("abroca", by=("g",))} == {"suppressed"}
    assert {e.status for e in shown.find("abroca", by=("h",))} == {"ok"}
    assert whole(shown, "roc_auc", "lowest").status == "suppressed"
    for form in ("html", "md"):
        page = render(result, form)
        assert "Scores compared with the other groups by g" in page
        assert "Average precision" in page


def draw(rng, area, spread, base, n, reps):
    """Counts by 200 bins of binormal scores with random labels, and the average precision of the population."""
    shift = norm.ppf(area) * np.sqrt(1 + spread**2)
    y = rng.random((reps, n)) < base
    x = np.where(y, spread * rng.standard_normal((reps, n)) + shift / 2, rng.standard_normal((reps, n)) - shift / 2)
    at = (np.arange(reps)[:, None] * 200 + np.minimum((ndtr(x / 1.5) * 200).astype(int), 199)).ravel()
    pos, neg = (np.bincount(at, k.ravel().astype(float), reps * 200).reshape(reps, 200) for k in (y, ~y))
    t = np.linspace(-12, 12, 40_001)
    hits, misses = base * norm.sf((t - shift / 2) / spread), (1 - base) * norm.sf(t + shift / 2)
    density = norm.pdf((t - shift / 2) / spread) / spread
    return pos, neg, float(np.trapezoid(hits / np.maximum(hits + misses, 1e-300) * density, t))


@pytest.mark.parametrize("base", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("area_", [0.6, 0.8, 0.95])
def test_intervals_of_average_precision_cover(base, area_):
    rng, reps = np.random.default_rng(1), 800
    for spread, n in itertools.product((0.5, 1.0, 2.0), (200, 1000)):
        pos, neg, truth = draw(rng, area_, spread, base, n, reps)
        found = limits(average_precision(pos, neg), 0.025)
        covers = np.mean((found.low <= truth) & (truth <= found.high))
        # Two Monte-Carlo errors; the worst cell of the full run covers .936.
        assert covers >= 0.93 - 0.018 or found.thin.mean() >= 0.7, (spread, n, covers)


def test_average_precision_of_people_with_many_rows_covers():
    rng, reps, covered, naive = np.random.default_rng(4), 150, 0, 0
    shift, t = norm.ppf(0.8) * 2**0.5, np.linspace(-12, 12, 40_001)
    hits, misses = norm.sf(t - shift / 2) / 3, norm.sf(t + shift / 2) * 2 / 3
    truth = float(np.trapezoid(hits / np.maximum(hits + misses, 1e-300) * norm.pdf(t - shift / 2), t))
    for _ in range(reps):
        label = rng.random(200) < 1 / 3
        x = np.sqrt(0.9) * rng.standard_normal((200, 1)) + np.sqrt(0.1) * rng.standard_normal((200, 10))
        x += np.where(label, shift / 2, -shift / 2)[:, None]
        at, fold = np.minimum((ndtr(x / 1.5) * 50).astype(int), 49), rng.integers(100, size=200)
        parts = []
        for which in (label, ~label):
            held = np.zeros((100, 1, 50))
            np.add.at(held[:, 0], (fold[which, None], at[which]), 1.0)
            parts.append(held)
        found = limits(folded_precision(*parts), 0.025)
        alone = limits(average_precision(*(p.sum(axis=0) for p in parts)), 0.025)
        covered += bool(found.low[0] <= truth <= found.high[0])
        naive += bool(alone.low[0] <= truth <= alone.high[0])
    assert covered / reps >= 0.93 - 0.04
    assert naive / reps < 0.8


@pytest.mark.parametrize("metric", ["bpsn_auc", "positive_average_equality_gap", "average_precision"])
def test_intervals_of_equal_groups_cover_the_truth_of_all(metric):
    """Groups of one population: the AUC against the others is that of the population."""
    rng = np.random.default_rng(8)
    groups, n = 150, 120
    y = (rng.random(groups * n) < 0.4).astype(int)
    s = ndtr(rng.standard_normal(groups * n) + 0.9 * y)
    found = [e for e in scored(y, s, np.repeat([f"g{i}" for i in range(groups)], n)).find(metric, by=("g",)) if e.group]
    truth = {"bpsn_auc": norm.cdf(0.9 / 2**0.5), "positive_average_equality_gap": 0.0}.get(metric)
    truth = sk.average_precision_score(y, s) if truth is None else truth
    assert np.mean([e.low <= truth <= e.high for e in found]) >= 0.93 - 0.045


def test_a_bound_that_says_nothing_is_said_to_say_nothing():
    rng = np.random.default_rng(7)
    y = (rng.random(4000) < 0.05).astype(int)
    # Most rows have one score, of which bins cannot tell that it is one.
    crowded, groups = np.where(rng.random(4000) < 0.9, 0.2, rng.random(4000)), {"g": np.resize(["a", "b"], 4000)}
    gate = {"metric": "roc_auc", "compare": "difference", "max": 0.1}
    result = audit.measure(y, score=crowded, groups=groups, gates=[gate])
    (auc,) = result.find("roc_auc", by=["g"], group=["a"])[:1]
    assert auc.method.endswith(
        "so many scores share a bin that this says next to nothing, and exact_auc makes it exact"
    )
    assert "the bins say next to nothing" in result.gates[0].sentence
    (precision,) = result.find("average_precision", by=["g"], group=["a"])[:1]
    assert "binned: the exact value lies" in precision.method
    spread = audit.measure(y, score=rng.random(4000), groups=groups, gates=[gate])
    assert "next to nothing" not in spread.to_json()
    exact = audit.measure(y, score=crowded, groups=groups, exact_auc=True, gates=[gate])
    assert "next to nothing" not in exact.gates[0].sentence
