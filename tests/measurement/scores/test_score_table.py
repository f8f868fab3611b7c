"""Scores per group: held to scikit-learn on the unbinned scores, and their intervals to simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from sklearn import metrics as sk

import audit


def one(result, metric, group):
    return result.find(metric, by=["g"], group=[group])[0]


def scored(y, s, g, **more):
    return audit.measure(np.asarray(y), score=np.asarray(s, dtype=float), groups={"g": np.asarray(g)}, **more)


def bounds(estimate):
    """Bounds that the method prints for what the bins hide."""
    said = estimate.method.partition("within ±")[2].partition(";")[0]
    return float(said or 0) * 1.01 + 1e-12


kinds = {
    "smooth": lambda rng, n: rng.random(n),
    "spikes": lambda rng, n: np.where(rng.random(n) < 0.4, 0.5, rng.random(n)),
    "few values": lambda rng, n: rng.integers(1, 11, n).astype(float),
    "log odds": lambda rng, n: rng.normal(size=n) * 3,
    "outlier": lambda rng, n: np.append(rng.random(n - 1), 1e6),
    "tiny": lambda rng, n: rng.random(n) * 1e-7,
    "all the same": lambda _, n: np.full(n, 0.3),
}


@pytest.mark.parametrize("kind", kinds)
@pytest.mark.parametrize("n", [60, 3000])
def test_auc_lies_within_its_printed_bound_of_sklearns(kind, n):
    rng = np.random.default_rng(n)
    s = kinds[kind](rng, n)
    y = (rng.random(n) < 0.2 + 0.6 * (np.argsort(np.argsort(s)) / n)).astype(int)
    g = rng.choice(["a", "b"], n)
    result = scored(y, s, g, threshold=float(np.median(s)))
    for group in "ab":
        rows = g == group
        found = one(result, "roc_auc", group)
        assert abs(found.value - sk.roc_auc_score(y[rows], s[rows])) <= bounds(found), found.method
        assert found.low <= found.value <= found.high
    if kind in {"few values", "all the same"}:
        assert "exact" in found.method


def test_auc_of_real_scores(shared):
    frame = pd.read_parquet(shared / "data" / "compas" / "compas_two_years_deidentified.parquet")
    result = scored(frame.two_year_recid, frame.decile_score, frame.race, threshold=5)
    for race, rows in frame.groupby("race"):
        found = one(result, "roc_auc", race)
        assert found.value == pytest.approx(sk.roc_auc_score(rows.two_year_recid, rows.decile_score), abs=1e-12)
    assert "no probabilities" in one(result, "brier_score", "Caucasian").reason


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1), st.floats(0.01, 0.99)), min_size=8, max_size=50))
@settings(max_examples=count_examples(30), deadline=None)
def test_losses_equal_sklearns(found):
    g, y, s = (np.array(v) for v in zip(*found, strict=True))
    result = scored(y, s, g)
    for group in set(g):
        rows = g == group
        assert one(result, "brier_score", group).value == pytest.approx(np.mean((y[rows] - s[rows]) ** 2), abs=1e-9)
        assert one(result, "log_loss", group).value == pytest.approx(
            sk.log_loss(y[rows], s[rows], labels=[0, 1]), rel=1e-9
        )
        assert one(result, "calibration_in_the_large", group).value == pytest.approx(
            np.mean(y[rows] - s[rows]), abs=1e-9
        )


def test_weighted_losses_equal_sklearns():
    rng = np.random.default_rng(4)
    y, s, w, g = rng.integers(0, 2, 400), rng.random(400), rng.exponential(size=400), rng.choice(["a", "b"], 400)
    result = scored(y, s, g, weight=w)
    for group in "ab":
        rows = g == group
        assert one(result, "brier_score", group).value == pytest.approx(np.average((y - s)[rows] ** 2, weights=w[rows]))
        expected = sk.roc_auc_score(y[rows], s[rows], sample_weight=w[rows])
        assert abs(one(result, "roc_auc", group).value - expected) <= bounds(one(result, "roc_auc", group))


def test_calibration_error_comes_with_what_chance_alone_shows():
    rng = np.random.default_rng(6)
    s = rng.random(20_000)
    y = (rng.random(20_000) < s).astype(int)
    g = np.where(np.arange(20_000) < 100, "few", "many")
    result = scored(y, s, g)
    assert one(result, "expected_calibration_error", "many").value < 0.02
    assert one(result, "expected_calibration_error", "few").value > 0.05
    assert "a calibrated model of these rows shows 0.09" in one(result, "expected_calibration_error", "few").method
    by_hand = 0.0
    rows = g == "many"
    for k in range(10):
        at = rows & (np.floor(s * 10) == k)
        by_hand += at.sum() / rows.sum() * abs(y[at].mean() - s[at].mean())
    assert one(result, "expected_calibration_error", "many").value == pytest.approx(by_hand, abs=1e-9)


def test_what_was_called_impossible_and_happened_has_no_finite_log_loss():
    result = scored([1, 0, 1, 0], [0.0, 0.2, 0.9, 0.1], list("aabb"))
    assert "infinite" in one(result, "log_loss", "a").reason
    assert one(result, "log_loss", "b").status == "ok"
    assert one(result, "brier_score", "a").value == pytest.approx(0.52)


def test_a_group_without_both_labels_has_no_auc_and_no_gap():
    result = scored([1, 1, 1, 0], [0.2, 0.4, 0.9, 0.1], list("aabb"))
    assert one(result, "roc_auc", "a").status == "undefined"
    gap = next(e for e in result.find("roc_auc", "difference"))
    assert gap.status == "undefined"
    assert "a" in gap.reason


def test_a_gap_of_auc_can_be_judged():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 4000)
    g = np.where(np.arange(4000) < 2000, "a", "b")
    s = np.where(g == "a", np.clip(0.5 * y + 0.5 * rng.random(4000), 0, 1), rng.random(4000))
    result = scored(y, s, g, gates=[{"metric": "roc_auc", "compare": "difference", "max": 0.1}])
    assert result.gates[0].verdict == "fail"
    assert result.gates[0].estimate.pair == (("b",), ("a",))


@pytest.mark.parametrize(
    ("metric", "truth"),
    [
        pytest.param("brier_score", 1 / 6, marks=pytest.mark.slow),
        pytest.param("calibration_in_the_large", 0.0, marks=pytest.mark.slow),
        pytest.param("log_loss", 0.5, marks=pytest.mark.slow),
    ],
)
def test_intervals_of_mean_losses_cover(metric, truth):
    rng = np.random.default_rng(12)
    covered, replicates = 0, 200
    for _ in range(replicates):
        s = rng.random(100)
        y = (rng.random(100) < s).astype(int)
        found = one(scored(y, s, ["a"] * 100), metric, "a")
        covered += found.low <= truth <= found.high
    assert covered / replicates >= 0.93 - 0.035


def test_rows_that_share_a_unit_widen_the_interval_of_the_auc():
    rng = np.random.default_rng(9)
    people = rng.random((200, 1)) * np.ones((1, 10))
    s = np.clip(people + 0.01 * rng.random((200, 10)), 0, 1).ravel()
    y = (np.repeat(rng.random(200) < people[:, 0], 10)).astype(int)
    who, g = np.repeat(np.arange(200), 10), np.array(["a"] * 2000)
    alone, shared = scored(y, s, g), scored(y, s, g, unit=who)
    width = [one(r, "roc_auc", "a").high - one(r, "roc_auc", "a").low for r in (alone, shared)]
    assert width[1] > 2 * width[0]
    brier = [one(r, "brier_score", "a") for r in (alone, shared)]
    assert brier[1].high - brier[1].low > 2 * (brier[0].high - brier[0].low)


def test_the_document_holds_what_the_scores_need():
    from audit.pipeline.verify import describe_differences

    rng = np.random.default_rng(1)
    y, s, g = rng.integers(0, 2, 300), rng.random(300), rng.choice(["a", "b"], 300)
    assert not describe_differences(scored(y, s, g))
    assert not describe_differences(scored(y, s, g, unit=np.arange(300) // 3))


def test_what_chance_alone_shows_is_worked_out_from_effective_rows_or_left_out():
    rng = np.random.default_rng(3)
    s, g = rng.random(500), np.array(["a"] * 500)
    y = (rng.random(500) < s).astype(int)
    heavy = np.where(np.arange(500) % 10 == 0, 100.0, 0.01)

    def floor(**more):
        return float(
            one(scored(y, s, g, **more), "expected_calibration_error", "a").method.split("shows ")[1].split()[0]
        )

    assert floor(weight=np.full(500, 3.0)) == floor()
    assert floor(weight=heavy) > 2.5 * floor()
    # Everybody's rows are one row five times over: a fifth of the rows, and so the floor, less its folds' noise.
    same = [np.repeat(v[:100], 5) for v in (y, s)]
    units = one(scored(*same, g, unit=np.arange(500) // 5), "expected_calibration_error", "a")
    once = one(scored(y[:100], s[:100], g[:100]), "expected_calibration_error", "a")
    said = [float(e.method.split("shows ")[1].split()[0]) for e in (units, once)]
    assert said[0] == pytest.approx(said[1], rel=0.15)
    assert "rows that share units" in units.method


def test_a_loss_that_few_rows_of_a_label_decide_is_marked():
    rng = np.random.default_rng(2)
    s = rng.uniform(0.05, 0.95, 400)
    y = np.r_[np.arange(200) < 5, rng.random(200) < s[200:]].astype(int)
    result = audit.measure(y, (s > 0.5).astype(int), groups={"g": np.repeat(["rare", "usual"], 200)}, score=s)
    for metric in ("brier_score", "log_loss", "calibration_in_the_large"):
        flags = {e.group: e.flags for e in result.find(metric, by=("g",))}
        assert flags["rare",] == ("small_group",)
        assert flags["usual",] == ()
