"""The flip test: held to loops over all pairs of rows, its interval to simulation, its refusals to their words."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from commands import audit as run_command
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples, some_now
from sklearn.neighbors import NearestNeighbors

import audit
from audit.counting.kinds import neighbours as counting
from audit.counting.kinds.neighbours import find_majorities
from audit.errors import QuestionError, SourceError, ValuesError
from audit.measurement.inference.contingency import contrast, shares
from audit.pipeline.verify import describe_differences
from audit.report.disclosure.publishable import publishable


def some(n=400, seed=0):
    rng = np.random.default_rng(seed)
    g = rng.choice(list("abc"), n, p=[0.5, 0.3, 0.2])
    x1, x2 = rng.normal(size=n), rng.integers(0, 4, n)
    y = (x1 + rng.normal(size=n) > 0).astype(int)
    d = (x1 + 0.3 * x2 - 0.6 * (g == "b") > 0.3).astype(int)
    colour = rng.choice(["red", "green", "blue"], n)
    return y, d, g, pd.DataFrame({"x1": x1, "x2": x2, "colour": colour, "old": x2 > 2})


def flip(y, d, g, features, **more):
    return audit.measure(y, d, groups={"g": g}, features=features, **more)


def one(result, metric, group):
    return result.find(metric, by=["g"], group=[group])[0]


def largest(result, metric="flip_test"):
    return result.find(metric, "largest", by=["g"])[0]


def points(features):
    """One list of coordinates a row, by loops."""
    columns = []
    for name in features.columns:
        values = features[name].tolist()
        if isinstance(values[0], (str, bool)):
            columns += [[float(v == level) for v in values] for level in sorted(set(values))]
            continue
        mean = math.fsum(values) / len(values)
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        columns.append([v / sd if sd else 0.0 for v in values])
    return list(zip(*columns, strict=True))


def vote(member, others, k):
    """Majority of the nearest, ties sharing the places that are left; by sorting all distances."""
    near = sorted((math.dist(member, x), p) for x, p in others)
    last = near[k - 1][0]
    inside = [p for dist, p in near if dist < last * (1 - 1e-9) - 1e-12]
    tied = [p for dist, p in near if abs(dist - last) <= last * 1e-9 + 1e-12]
    share = sum(inside) + (k - len(inside)) * sum(tied) / len(tied)
    return None if math.isclose(share, k / 2, abs_tol=1e-9) else int(share > k / 2)


def brute(d, g, features, reference, k=5, w=None):
    """Share of flips of each kind, for each group but the reference."""
    at, w = points(features), np.ones(len(d)) if w is None else w
    others = [(at[i], int(d[i])) for i in range(len(d)) if g[i] == reference]
    found = {}
    for group in sorted(set(g) - {reference, None}):
        plus = minus = total = 0.0
        for i in range(len(d)):
            if g[i] == group:
                majority = vote(at[i], others, k)
                plus += w[i] * (d[i] == 0 and majority == 1)
                minus += w[i] * (d[i] == 1 and majority == 0)
                total += w[i]
        found[group] = (plus / total, minus / total)
    return found


@pytest.mark.parametrize("columns", [["x1"], ["x2"], ["x1", "x2"], ["colour", "old"], ["x1", "x2", "colour", "old"]])
@pytest.mark.parametrize("k", [1, 5, 11])
def test_every_group_equals_the_loop_over_all_pairs(columns, k):
    y, d, g, features = some()
    result = flip(y, d, g, features[columns], neighbours=k)
    for group, (plus, minus) in brute(d, g, features[columns], "a", k).items():
        found, rate = one(result, "flip_test", group), one(result, "flip_rate", group)
        assert found.value == pytest.approx(plus - minus, abs=1e-12)
        assert rate.value == pytest.approx(plus + minus, abs=1e-12)
        assert found.reference == ("a",)
        assert found.n == (g == group).sum()
        assert -1 <= found.low <= found.value <= found.high <= 1
        assert 0 <= rate.low <= rate.value <= rate.high <= 1
        assert f"{k} neighbours taken as given" in found.method
    assert describe_differences(result) == ()


def test_without_ties_it_is_scikit_learns_neighbours():
    y, d, g, features = some(900, seed=4)
    x = features[["x1"]].assign(x3=np.random.default_rng(5).normal(size=900))
    at = x.to_numpy() / x.to_numpy().std(axis=0)
    near = NearestNeighbors(n_neighbors=5).fit(at[g == "a"]).kneighbors(at[g == "b"], return_distance=False)
    majority = d[g == "a"][near].mean(axis=1) > 0.5
    ours = d[g == "b"] == 1
    expected = np.mean(~ours & majority) - np.mean(ours & ~majority)
    assert one(flip(y, d, g, x), "flip_test", "b").value == pytest.approx(expected)


@given(st.data())
@settings(max_examples=count_examples(40), deadline=None)
def test_on_grids_full_of_ties_the_order_of_rows_decides_nothing(data):
    n = data.draw(st.integers(12, 40))
    draw = lambda values: np.array(data.draw(st.lists(st.sampled_from(values), min_size=n, max_size=n)))  # noqa: E731
    x, d, g = pd.DataFrame({"x": draw([0, 1, 2]), "z": draw([0, 1])}), draw([0, 1]), draw(["a", "b"])
    k = data.draw(st.sampled_from([1, 3, 5]))
    d[:2], g[:5], g[5] = [0, 1], "a", "b"
    order = np.array(data.draw(st.permutations(range(n))))
    first = flip(d, d, g, x, neighbours=k, reference="a")
    again = flip(d[order], d[order], g[order], x.iloc[order].reset_index(drop=True), neighbours=k, reference="a")
    plus, minus = brute(d, g, x, "a", k)["b"]
    for result in (first, again):
        assert one(result, "flip_test", "b").value == pytest.approx(plus - minus, abs=1e-12)
        assert one(result, "flip_rate", "b").value == pytest.approx(plus + minus, abs=1e-12)
    assert one(first, "flip_test", "b") == one(again, "flip_test", "b")


def test_neighbours_that_lie_equally_far_and_disagree_have_no_majority_and_it_is_said():
    x = pd.DataFrame({"x": [0.0, 2.0, 1.0, 1.0]})
    result = flip([0, 1, 0, 1], [0, 1, 0, 1], list("aabb"), x, neighbours=1, reference="a")
    assert one(result, "flip_rate", "b").value == 0
    assert "no majority there is no flip" in one(result, "flip_rate", "b").method
    assert find_majorities(np.array([[1.0]]), np.array([[0.0], [2.0]]), np.array([True, False]), 1).tolist() == [2]


def test_the_unit_of_a_number_and_a_constant_column_change_nothing():
    y, d, g, features = some()
    x = features[["x1", "x2"]]
    first = flip(y, d, g, x)
    other = flip(y, d, g, x.assign(x1=1e9 * x["x1"] + 3, same=7.0, word="same"))
    assert [e.value for e in first.find("flip_test")] == [e.value for e in other.find("flip_test")]


def test_a_model_blind_to_the_group_on_the_same_features_never_flips():
    x = np.repeat(np.arange(20.0), 20)
    g, d = np.tile(list("ab"), 200), (x > 9).astype(int)
    found = largest(flip(d, d, g, pd.DataFrame({"x": x})))
    assert found.value == 0
    assert found.low == 0
    assert found.high < 0.03


def test_weights_are_counted_and_equal_ones_change_no_value():
    y, d, g, features = some()
    w = np.random.default_rng(1).exponential(size=len(y))
    x, result = features[["x1", "x2"]], flip(y, d, g, features[["x1", "x2"]], weight=w)
    for group, (plus, minus) in brute(d, g, x, "a", w=w).items():
        assert one(result, "flip_test", group).value == pytest.approx(plus - minus)
        assert one(result, "flip_rate", group).value == pytest.approx(plus + minus)
        assert "effective n of the weights" in one(result, "flip_test", group).method
    plain, equal = flip(y, d, g, x), flip(y, d, g, x, weight=np.full(len(y), 2.0))
    a, b = one(plain, "flip_test", "b"), one(equal, "flip_test", "b")
    assert a.value == pytest.approx(b.value)
    assert a.high - a.low == pytest.approx(b.high - b.low, rel=0.03)
    assert describe_differences(result) == ()


def test_rows_that_share_a_unit_widen_the_interval():
    y, d, g, features = some(300)
    many = [np.repeat(v, 4) for v in (y, d, g)]
    x = features[["x1", "x2"]].loc[np.repeat(np.arange(300), 4)].reset_index(drop=True)
    naive = flip(*many, x)
    shared = flip(*many, x, unit=np.repeat(np.arange(300), 4))
    a, b = one(naive, "flip_test", "b"), one(shared, "flip_test", "b")
    assert a.value == pytest.approx(b.value)
    assert b.high - b.low > 1.5 * (a.high - a.low)
    assert "100 folds of the unit" in b.method
    assert describe_differences(shared) == ()


def test_rows_without_a_group_are_neither_members_nor_neighbours():
    y, d, g, features = some()
    x = features[["x1", "x2"]]
    g = np.where(np.arange(len(g)) % 7 == 0, None, g)
    result = flip(y, d, g, x)
    for group, (plus, minus) in brute(d, g, x, "a").items():
        assert one(result, "flip_test", group).value == pytest.approx(plus - minus)
    assert "rows_without_group" in largest(result).flags
    assert not [e for e in result.find("flip_test") if e.group == (None,)]


def test_a_reference_with_fewer_rows_than_neighbours_and_a_single_group_are_undefined():
    x = pd.DataFrame({"x": np.arange(8.0)})
    few = flip([0, 1] * 4, [0, 1] * 4, list("aaabbbbb"), x, reference="a")
    assert one(few, "flip_test", "b").reason == "a has fewer rows than the 5 neighbours that are asked for"
    assert largest(few).status == "undefined"
    assert "unmeasured_group" in largest(few).flags
    lonely = flip([0, 1] * 4, [0, 1] * 4, list("aaaaaaaa"), x)
    assert "only one group (a)" in largest(lonely).reason
    weightless = flip([0, 1] * 4, [0, 1] * 4, list("aaaaabbb"), x, weight=[1] * 5 + [0] * 3)
    assert one(weightless, "flip_test", "b").reason == "0/0: all weights are 0"
    assert all(describe_differences(r) == () for r in (few, lonely, weightless))


def judged(shift, limit, n=1500):
    rng = np.random.default_rng(7)
    g, x = np.where(np.arange(n) % 2, "a", "b"), rng.normal(size=n)
    d = (x - shift * (g == "b") > 0).astype(int)
    gate = {"metric": "flip_test", "max": limit}
    return flip(d, d, g, pd.DataFrame({"x": x}), gates=[gate])


@pytest.mark.parametrize(
    ("shift", "limit", "verdict"), [(0.5, 0.1, "fail"), (0.0, 0.1, "pass"), (0.28, 0.11, "insufficient")]
)
def test_a_limit_on_the_largest_flip_test_is_judged(shift, limit, verdict):
    result = judged(shift, limit)
    assert result.verdict == verdict
    gate = result.gates[0]
    assert gate.name == "model.flip_test.largest.g"
    assert (gate.low, gate.high) == (largest(result).low, largest(result).high)
    assert "By g, the largest flip test is " in gate.sentence
    assert describe_differences(result) == ()


def test_the_document_is_checked_against_its_own_flips():
    result = judged(0.5, 0.1)
    other = tuple(replace(e, value=0.0) if e.metric == "flip_test" and e.group else e for e in result.estimates)
    assert any("flip_test" in said for said in describe_differences(replace(result, estimates=other)))
    assert json.loads(result.to_json())


@pytest.mark.parametrize(
    ("features", "more", "error", "said"),
    [
        ({"x": [1.0, math.nan, 2, 3]}, {}, ValuesError, "feature 'x' is missing .* in 1 of 4 rows"),
        ({"x": ["u", None, "v", "u"]}, {}, ValuesError, "feature 'x' is missing"),
        ({"x": [1.0, math.inf, 2, 3]}, {}, ValuesError, "feature 'x' is infinite"),
        ({"x": pd.to_datetime(["2020-01-01"] * 4)}, {}, ValuesError, "feature 'x' is time.*make it a number"),
        ({"g": [1, 2, 3, 4]}, {}, QuestionError, "feature 'g' has the name"),
        ({"y_pred": [1, 2, 3, 4]}, {}, QuestionError, "feature 'y_pred' has the name"),
        ({}, {}, QuestionError, "features names no column"),
        ("x", {}, QuestionError, "features must be a frame"),
        ({"x": [1, 2, 3, 4]}, {"neighbours": 4}, QuestionError, "give an odd number"),
        ({"x": [1, 2, 3, 4]}, {"neighbours": 0}, QuestionError, "neighbours"),
        ({"x": [1, 2, 3]}, {}, ValuesError, "same length"),
        ({"x": [1, 2, 3, 4]}, {"task": "regression"}, QuestionError, "needs two classes"),
    ],
)
def test_features_without_an_honest_distance_are_refused_by_name(features, more, error, said):
    with pytest.raises(error, match=said):
        audit.measure([0, 1, 0, 1], [0, 1, 1, 1], groups={"g": list("aabb")}, features=features, **more)


def test_a_limit_or_neighbours_without_features_are_refused():
    common = {"groups": {"g": list("aabb")}}
    with pytest.raises(
        QuestionError, match=r"flip_test.largest\) needs the flip test; name the feature columns in features$"
    ):
        audit.measure([0, 1, 0, 1], [0, 1, 1, 1], gates=[{"metric": "flip_test", "max": 0.1}], **common)
    with pytest.raises(QuestionError, match="name the feature columns"):
        audit.measure([0, 1, 0, 1], [0, 1, 1, 1], neighbours=3, **common)
    judged_by = [{"metric": "flip_test", "compare": "difference", "max": 0.1}]
    with pytest.raises(
        QuestionError,
        match=r"'flip_test' has no difference; available: its largest absolute value over groups \(remove compare and give max\)$",
    ):
        audit.measure([0, 1, 0, 1], [0, 1, 1, 1], features={"x": [1, 2, 3, 4]}, gates=judged_by, **common)


def test_too_many_rows_columns_and_values_are_refused_and_never_sampled(monkeypatch):
    y, d, g, features = some()
    monkeypatch.setattr(counting, "MOST_ROWS", 399)
    with pytest.raises(ValuesError, match="400 rows, too many for a flip test"):
        flip(y, d, g, features)
    monkeypatch.setattr(counting, "MOST_ROWS", 400)
    monkeypatch.setattr(counting, "MOST_WORK", 10.0)
    assert flip(y, d, g, features).find("flip_test")
    with pytest.raises(ValuesError, match="11 columns of features"):
        flip(y, d, g, pd.DataFrame({f"x{i}": features["x1"] ** (i + 1) for i in range(11)}))
    with pytest.raises(ValuesError, match="text of 400 different values"):
        flip(y, d, g, {"name": [f"n{i}" for i in range(400)]})
    monkeypatch.setattr(counting, "MOST_COLUMNS", 5)
    with pytest.raises(ValuesError, match="make 7 columns"):
        flip(y, d, g, features)


def test_small_counts_of_flips_are_not_published():
    result = judged(0.0, 0.1)
    counts = next(c for c in result.cubes if c.name.startswith("predictions flips"))
    assert min(counts.measures["n"]) < 10
    shown = publishable(result)
    assert one(shown, "flip_test", "b").status == one(shown, "flip_rate", "b").status == "suppressed"
    assert largest(shown).status == "suppressed"
    assert one(shown, "selection_rate", "b").status == "ok"
    assert "are withheld to protect groups with counts under 10" in shown.gates[0].sentence
    assert one(publishable(judged(0.5, 0.1, 3000)), "flip_rate", "b").status in {"ok", "suppressed"}
    assert one(publishable(result, 1), "flip_test", "b").status == "ok"


def table(folder, rows=600):
    y, d, g, features = some(rows)
    frame = features.assign(y=y, d=d, g=g)
    frame.to_csv(folder / "p.csv", index=False)
    return frame


def command(folder, *words):
    return run_command(*words, cwd=folder)


def test_the_command_line_asks_for_it_and_writes_the_same_question(tmp_path):
    frame = table(tmp_path)
    asked = ("model", "p.csv", "--label", "y", "--prediction", "d", "--groups", "g", "--features", "x1,colour",
             "--neighbours", "7", "--gate", "flip_test <= 0.9", "--write-config", "audit.toml", "--json")  # fmt: skip
    done = command(tmp_path, *asked)
    assert done.returncode == 0, done.stderr
    found = {e["group"][0]: e["value"] for e in json.loads(done.stdout)["estimates"]
             if e["metric"] == "flip_test" and e["group"]}  # fmt: skip
    for group, (plus, minus) in brute(frame["d"], frame["g"], frame[["x1", "colour"]], "a", 7).items():
        assert found[group] == pytest.approx(plus - minus)
    text = (tmp_path / "audit.toml").read_text()
    assert 'features = ["x1", "colour"]' in text
    assert "neighbours = 7" in text
    again = command(tmp_path, "model", "p.csv", "--config", "audit.toml", "--json")
    assert [e["value"] for e in json.loads(again.stdout)["estimates"]] == [
        e["value"] for e in json.loads(done.stdout)["estimates"]
    ]
    card = next((tmp_path / "audit-runs").glob("*/card.md")).read_text()
    assert "Flip test by g" in card


def test_a_feature_that_is_no_column_or_the_label_is_refused(tmp_path):
    table(tmp_path)
    common = ("model", "p.csv", "--label", "y", "--prediction", "d", "--groups", "g", "--features")
    absent, label = command(tmp_path, *common, "x3"), command(tmp_path, *common, "y")
    assert absent.returncode == label.returncode == 2
    assert "no column 'x3'; did you mean 'x2'" in " ".join(absent.stderr.split())
    assert "feature 'y' is also the label; name another feature, or remove it" in " ".join(label.stderr.split())
    assert issubclass(SourceError, audit.AuditError)


def test_a_score_with_its_threshold_decides_and_bands_are_groups(tmp_path):
    rng = np.random.default_rng(3)
    age, x = rng.integers(18, 70, 500), rng.normal(size=500)
    score = 1 / (1 + np.exp(-x + 0.02 * (age - 40)))
    pd.DataFrame({"y": (x > 0).astype(int), "s": score, "age": age, "x": x}).to_parquet(tmp_path / "p.parquet")
    (tmp_path / "audit.toml").write_text(
        '[data]\nlabel = "y"\ngroups = ["age"]\n[data.bins]\nage = [40]\n'
        '[predictions]\nsource = "p.parquet"\nscore = "s"\nthreshold = 0.6\nfeatures = ["x"]\n'
    )
    done = command(tmp_path, "run", ".", "--json")
    assert done.returncode == 0, done.stderr
    band = np.where(age < 40, "[-inf, 40)", "[40, inf)")
    found = [e for e in json.loads(done.stdout)["estimates"] if e["metric"] == "flip_test" and e["group"]]
    (group, reference), value = (found[0][k][0] for k in ("group", "reference")), found[0]["value"]
    plus, minus = brute((score >= 0.6).astype(int), band, pd.DataFrame({"x": x}), reference)[group]
    assert value == pytest.approx(plus - minus)


def test_scores_that_are_cut_at_their_median_flip_by_that_cut():
    y, _, g, features = some(401)
    score = np.random.default_rng(9).normal(size=401) + features["x1"].to_numpy()
    result = audit.measure(y, score=score, threshold="median", groups={"g": g}, features=features[["x1"]])
    d = (score > np.median(score)).astype(int)
    for group, (plus, minus) in brute(d, g, features[["x1"]], "a").items():
        assert one(result, "flip_test", group).value == pytest.approx(plus - minus)
    assert describe_differences(result) == ()


@pytest.mark.parametrize("engine", some_now(["pandas", "polars"], 1))
def test_whatever_engine_counts_the_flips_are_the_same(tmp_path, engine):
    table(tmp_path)
    text = (
        '[data]\nlabel = "y"\ngroups = ["g"]\nengine = "ENGINE"\n'
        '[predictions]\nsource = "p.csv"\nprediction = "d"\nfeatures = ["x1", "old"]\n'
    )
    found = []
    for name in ("duckdb", engine):
        (tmp_path / "audit.toml").write_text(text.replace("ENGINE", name))
        done = command(tmp_path, "run", ".", "--json")
        assert done.returncode == 0, done.stderr
        found.append([e for e in json.loads(done.stdout)["estimates"] if e["metric"].startswith("flip_")])
    assert found[0]
    assert found[0] == found[1]


def covered(n, plus, minus, seed, draws=2000):
    """Share of draws whose interval holds the truth, and the worse of both one-sided errors."""
    rng = np.random.default_rng(seed)
    f, m, _ = rng.multinomial(n, [plus, minus, 1 - plus - minus], draws).T
    low, high, seen = np.empty(draws), np.empty(draws), {}
    for i, key in enumerate(zip(f.tolist(), m.tolist(), strict=True)):
        if key not in seen:
            hits, total = np.array(key, dtype=float)[:, None], np.array([float(n)])
            seen[key] = contrast(shares(hits, total, hits, total, folds=False, weights=False), 0.025)
        low[i], high[i] = seen[key].low, seen[key].high
    below, above = np.mean(high < plus - minus - 1e-12), np.mean(low > plus - minus + 1e-12)
    return 1 - below - above, max(below, above)


@pytest.mark.parametrize("n", [20, 50, 200, 1000])
@pytest.mark.parametrize(
    ("plus", "minus"), [(0.0, 0.01), (0.01, 0.01), (0.02, 0.0), (0.1, 0.02), (0.3, 0.1), (0.25, 0.25)]
)
def test_the_interval_covers_whatever_the_flips(n, plus, minus):
    coverage, side = covered(n, plus, minus, seed=n)
    assert coverage > 0.935
    assert side < 0.037


def test_the_interval_of_shared_units_covers():
    rng, held = np.random.default_rng(11), 0
    for _ in range(400):
        kind = rng.choice(3, 150, p=[0.15, 0.05, 0.8])
        rows = rng.integers(1, 6, 150)
        fold = rng.integers(0, 100, 150)
        hits = np.stack([np.bincount(fold, rows * (kind == i), 100) for i in (0, 1)])
        total = np.bincount(fold, rows, 100)
        found = contrast(shares(hits, total, hits, total, folds=True, weights=False), 0.025)
        held += found.low <= 0.1 <= found.high
    assert held / 400 > 0.92


def test_without_weights_the_correlation_is_that_of_a_multinomial():
    hits, total = np.array([[30.0], [20.0]]), np.array([200.0])
    r = shares(hits, total, hits, total, folds=False, weights=False).r[0, 1]
    assert r == pytest.approx(-math.sqrt(0.15 * 0.1 / (0.85 * 0.9)))
