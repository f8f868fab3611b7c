"""Numbers of others: Fairlearn, scikit-learn and slow obvious masks, on real data and on data made up at random.

Where a peer is wrong (METRICS, part 6), the test says what it returns and that ours differs.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fl
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from sklearn import metrics as sk

import audit

SKLEARN = {
    "accuracy": sk.accuracy_score,
    "precision": sk.precision_score,
    "true_positive_rate": sk.recall_score,
    "negative_predictive_value": lambda y, p: sk.precision_score(y, p, pos_label=0),
    "true_negative_rate": lambda y, p: sk.recall_score(y, p, pos_label=0),
    "error_rate": sk.zero_one_loss,
    "f1": sk.f1_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "matthews_correlation": sk.matthews_corrcoef,
}
FAIRLEARN = {
    "selection_rate": fl.selection_rate,
    "true_positive_rate": fl.true_positive_rate,
    "false_positive_rate": fl.false_positive_rate,
    "true_negative_rate": fl.true_negative_rate,
    "false_negative_rate": fl.false_negative_rate,
}
CRITERIA = {
    "demographic_parity_difference": fl.demographic_parity_difference,
    "demographic_parity_ratio": fl.demographic_parity_ratio,
    "equal_opportunity_difference": fl.equal_opportunity_difference,
    "equalized_odds_difference": fl.equalized_odds_difference,
    "equalized_odds_ratio": fl.equalized_odds_ratio,
}


def compas(shared):
    frame = pd.read_parquet(shared / "data" / "compas" / "compas_two_years_deidentified.parquet")
    return frame.two_year_recid.to_numpy(), (frame.decile_score >= 5).astype(int).to_numpy(), frame.race.to_numpy()


def adult(shared):
    frame = pd.read_parquet(shared / "data" / "adult" / "adult_test.parquet")
    y = frame.income.str.contains(">50K").astype(int).to_numpy()
    return y, (frame["education-num"] >= 13).astype(int).to_numpy(), frame.race.to_numpy()


def census(shared):
    frame = pd.read_parquet(shared / "data" / "acs_income" / "ACSIncome_test.parquet")
    y = (frame.PINCP > 50_000).astype(int).to_numpy()
    return y, (frame.SCHL >= 21).astype(int).to_numpy(), frame.RAC1P.to_numpy()


@pytest.mark.parametrize("load", [compas, adult, census], ids=lambda f: f.__name__)
def test_rates_and_criteria_equal_fairlearn_and_sklearn_on_real_data(shared, load):
    y, p, g = load(shared)
    result = audit.measure(y, p, groups={"g": g})
    for level in np.unique(g):
        rows = g == level
        for name, of in (SKLEARN | FAIRLEARN).items():
            found = result.find(name, by=["g"], group=[str(level)])[0]
            if found.status == "undefined":
                margins = {*map(int, (y[rows].sum(), (1 - y[rows]).sum(), p[rows].sum(), (1 - p[rows]).sum()))}
                assert 0 in margins  # the peers say 0
                continue
            assert found.value == pytest.approx(of(y[rows], p[rows]), abs=1e-12), (name, level)
            assert found.n == rows.sum()
    for name, of in CRITERIA.items():
        found = next(e for e in result.estimates if e.metric == name and e.by == ("g",))
        if found.status == "ok":
            assert found.value == pytest.approx(of(y, p, sensitive_features=g), abs=1e-12), name


def test_weighted_rates_equal_fairlearn(shared):
    frame = pd.read_parquet(shared / "data" / "adult" / "adult_test.parquet")
    y, p, g = adult(shared)
    result = audit.measure(y, p, groups={"g": g}, weight=frame.fnlwgt)
    theirs = fl.MetricFrame(
        metrics=fl.selection_rate,
        y_true=y,
        y_pred=p,
        sensitive_features=g,
        sample_params={"sample_weight": frame.fnlwgt.astype(float)},
    )
    for level, value in theirs.by_group.items():
        assert result.find("selection_rate", by=["g"], group=[level])[0].value == pytest.approx(value, abs=1e-12)


rows = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


@given(rows)
@settings(max_examples=count_examples(40), deadline=None)
def test_every_rate_equals_the_slow_obvious_masks(found):
    g, y, p = (np.array(v) for v in zip(*found, strict=True))
    result = audit.measure(y, p, groups={"g": g})
    slow = {
        "selection_rate": (p == 1, y >= 0),
        "base_rate": (y == 1, y >= 0),
        "true_positive_rate": (p == 1, y == 1),
        "false_positive_rate": (p == 1, y == 0),
        "precision": (y == 1, p == 1),
        "false_omission_rate": (y == 1, p == 0),
        "accuracy": (y == p, y >= 0),
    }
    for level in set(g):
        for name, (event, given_) in slow.items():
            estimate = result.find(name, by=["g"], group=[str(level)])[0]
            chosen = given_ & (g == level)
            if chosen.any():
                assert estimate.value == pytest.approx(event[chosen].mean())
            else:
                assert estimate.value is None
                assert estimate.reason


# --- where peers are wrong


def test_fairlearn_calls_a_group_without_positives_zero_and_a_perfect_model_unfair():
    y, g = np.array([1, 1, 0, 0, 0, 0]), np.array(list("aaaabb"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fl.equalized_odds_difference(y, y, sensitive_features=g) == 1.0
    result = audit.measure(y, y, groups={"g": g})
    found = next(e for e in result.estimates if e.metric == "equalized_odds_difference" and e.by)
    assert found.status == "undefined"
    assert "b" in found.reason


@pytest.mark.parametrize(
    "bad", [np.array([0.9, 0.2, 0.8, 0.1]), np.array([1, np.nan, 0, 1])], ids=["probabilities", "NaN"]
)
def test_fairlearn_gives_a_number_for_what_we_refuse(bad):
    y, g = np.array([1, 0, 1, 0]), np.array(list("aabb"))
    assert np.isfinite(fl.demographic_parity_difference(y, bad, sensitive_features=g))
    with pytest.raises(audit.ValuesError):
        audit.measure(y, bad, groups={"g": g})


def test_fairlearn_skips_an_absent_crossing_and_we_list_it():
    y, sex, race = np.array([1, 0, 1, 0]), np.array(list("ffmm")), np.array(list("xyxx"))
    theirs = fl.MetricFrame(
        metrics=fl.selection_rate, y_true=y, y_pred=y, sensitive_features={"sex": sex, "race": race}
    )
    assert theirs.difference() == pytest.approx(1.0)
    result = audit.measure(y, y, groups={"sex": sex, "race": race}, intersections=2)
    absent = result.find("selection_rate", by=["sex", "race"], group=["m", "y"])[0]
    assert absent.reason == "0/0: no rows in this group"


def test_an_overflow_of_int32_weights_cannot_happen_here():
    y = np.array([1, 0] * 100)
    g = np.array(["a"] * 100 + ["b"] * 100)
    p = np.where(np.arange(200) % 4 == 0, 1, 0)
    w = np.full(200, 50_000_000, dtype=np.int32)
    plain, weighted = (audit.measure(y, p, groups={"g": g}, weight=v) for v in (None, w))
    assert weighted.find("selection_rate", "ratio")[0].value == plain.find("selection_rate", "ratio")[0].value


def test_a_missing_group_is_no_unprivileged_group():
    """AIF360's scikit-learn API counts it as one."""
    g = np.array(["a"] * 50 + ["b"] * 50 + [None] * 20, dtype=object)
    p = np.array([1] * 40 + [0] * 10 + [1] * 40 + [0] * 10 + [0] * 20)
    result = audit.measure(p, p, groups={"g": g}, reference="a")
    assert result.find("selection_rate", "difference", group=["b"])[0].value == 0
    assert result.find("selection_rate", by=["g"], group=[None])[0].value == 0
    assert result.find("selection_rate", by=["g"], group=[None])[0].n == 20


def test_an_infinite_disparity_is_no_ten():
    """Aequitas reports 10.0."""
    result = audit.measure([1, 1, 0, 0], [0, 0, 1, 1], groups={"g": list("aabb")}, reference="a")
    found = result.find("selection_rate", "ratio", group=["b"])[0]
    assert found.status == "undefined"
    assert found.reason


# --- the mean of two gaps


@pytest.mark.parametrize("load", [compas, adult], ids=lambda f: f.__name__)
def test_the_mean_of_the_two_gaps_of_equalized_odds_equals_fairlearn(shared, load):
    y, p, g = load(shared)
    keep = np.isin(g, [level for level in np.unique(g) if {0, 1} <= set(y[g == level])])
    result = audit.measure(y[keep], p[keep], groups={"g": g[keep]})
    found = result.find("equalized_odds_difference_mean", "difference", by=["g"])[0]
    theirs = fl.equalized_odds_difference(y[keep], p[keep], sensitive_features=g[keep], agg="mean")
    assert found.value == pytest.approx(theirs, abs=1e-12)
    assert found.low <= found.value <= found.high


def test_average_odds_difference_is_the_mean_of_both_differences_from_the_reference(shared):
    y, p, g = compas(shared)
    result = audit.measure(y, p, groups={"g": g}, reference="Caucasian")

    def odds(level):
        rows = g == level
        return (p[rows & (y == 1)].mean() + p[rows & (y == 0)].mean()) / 2

    for level in ("African-American", "Hispanic"):
        found = result.find("average_odds", "difference", group=[level])[0]
        assert found.value == pytest.approx(odds(level) - odds("Caucasian"), abs=1e-12)
    every = [odds(level) for level in np.unique(g)]
    found = result.find("average_odds_difference", "difference", by=["g"])[0]
    assert found.value == pytest.approx(max(every) - min(every), abs=1e-12)
    assert not result.find("average_odds", "ratio")


def test_gates_on_the_mean_of_two_gaps():
    rng = np.random.default_rng(2)
    g, y = np.repeat(list("ab"), 2000), np.tile([0, 1], 2000)
    p = (rng.random(4000) < np.where(y, 0.8, 0.2) - 0.3 * (g == "b") * y).astype(int)
    for limit, verdict in ((0.05, "fail"), (0.3, "pass"), (0.15, "insufficient")):
        gate = {"metric": "equalized_odds_difference_mean", "max": limit}
        result = audit.measure(y, p, groups={"g": g}, gates=[gate])
        assert result.verdict == verdict
        assert result.gates[0].p_value is None


@pytest.mark.parametrize("groups", [2, 4, 8])
def test_the_interval_of_the_mean_of_two_gaps_covers(groups):
    from audit.measurement.inference.effective import plain
    from audit.measurement.inference.pairs import gap

    rng = np.random.default_rng(3)
    for n, base, away in ((50, 0.3, 1.0), (200, 0.3, 0.5), (20, 0.1, 1.0), (1000, 0.5, 0.7)):
        p = np.r_[base * away, np.full(groups - 1, base)]
        truth, fails, covered = base * (1 - away), 0, 0
        for _ in range(1000):
            found = [
                gap(plain(rng.binomial(n, p).astype(float), np.full(groups, float(n))), "difference", 0.025, looks=2)
                for _ in range(2)
            ]
            low, high = (sum(getattr(f, s) for f in found) / 2 for s in ("low", "high"))
            covered += low <= truth <= high
            fails += low > truth
        assert covered / 1000 >= 0.93
        assert fails / 1000 <= 0.05 + 0.014
