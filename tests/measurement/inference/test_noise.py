"""Spread, many gates, AUC and calibration from counts: worked by hand, against an oracle, and against scikit-learn."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from audit.measurement.inference.auc import auc, auc_gap, folded, known, limits, placed
from audit.measurement.inference.calibration import calibration
from audit.measurement.inference.corrections import benjamini_hochberg, gap_p_value, holm, smallest_tail
from audit.measurement.inference.effective import plain, together
from audit.measurement.inference.intervals import few_at, moved_out, wilson
from audit.measurement.inference.pairs import between_variance, gap, gaps, noise_floor, spread
from audit.measurement.inference.sample_size import needed

TAIL = 0.025


@pytest.fixture(scope="module")
def recipes(shared):
    spec = importlib.util.spec_from_file_location("inference_recipes", shared / "facts" / "inference_recipes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same(ours, theirs, **how):
    assert ours == pytest.approx(theirs, **({"rel": 1e-9, "abs": 1e-12} | how))


# --- spread


def test_the_variance_between_two_groups_worked_by_hand():
    found = spread(np.array([0.2, 0.4]), np.array([101.0, 51.0]))
    same(found.variance, 0.02 - (0.16 / 100 + 0.24 / 50) / 2)


def test_the_floor_of_two_groups_is_the_mean_of_a_half_normal():
    found = spread(np.array([0.3, 0.3]), np.array([50.0, 200.0]))
    same(found.floor, math.sqrt(0.21 / 50 + 0.21 / 200) * math.sqrt(2 / math.pi), rel=1e-6)
    assert found.corrected == 0
    assert found.variance < 0


@pytest.mark.parametrize(("groups", "expected"), [(3, 1.692569), (4, 2.058751), (8, 2.847201), (16, 3.531983)])
def test_the_floor_of_equal_groups_is_the_tabled_mean_range_of_normals(groups, expected):
    same(noise_floor(np.ones(groups)), expected, abs=2e-6)


def test_the_floor_of_unequal_groups_is_the_integral_by_adaptive_quadrature():
    from scipy.integrate import quad
    from scipy.special import ndtr

    rng = np.random.default_rng(23)
    for spread_of_sizes in (0, 1, 3, 6):
        for groups in (2, 5, 50):
            deviations = np.exp(rng.normal(0, spread_of_sizes / 2, groups))

            def between(x, d=deviations):
                return 1 - ndtr(x / d).prod() - ndtr(-x / d).prod()

            ends = np.concatenate([[0.0], np.geomspace(deviations.min() / 4, 9 * deviations.max(), 24)])
            exact = 2 * sum(
                quad(between, a, b, epsabs=1e-13, epsrel=1e-13)[0] for a, b in zip(ends, ends[1:], strict=False)
            )
            same(noise_floor(deviations**2), exact, rel=1e-9 if spread_of_sizes < 6 else 1e-4)


def test_the_corrected_gap_takes_the_floor_out_in_quadrature():
    p, n = np.array([0.1, 0.3, 0.5]), np.array([80.0, 90.0, 100.0])
    found = spread(p, n)
    same(found.corrected**2 + found.floor**2, 0.16)


def test_a_spread_over_an_unmeasured_group_or_over_one_is_undefined():
    assert spread(np.array([0.1, np.nan]), np.array([10.0, 0.0])) == (None, None, None)
    assert spread(np.array([0.1]), np.array([10.0])) == (None, None, None)


def test_rates_that_are_all_zero_have_no_floor():
    found = spread(np.zeros(3), np.full(3, 20.0))
    assert found.variance == 0
    same(found.floor, 0.0, abs=1e-12)


def test_two_perfectly_correlated_estimates_show_no_gap_by_chance():
    one = np.ones((2, 2))
    assert noise_floor(np.array([0.01, 0.01]), one) < 1e-6
    independent, half = noise_floor(np.array([0.01, 0.01])), np.array([[1, 0.5], [0.5, 1]])
    same(noise_floor(np.array([0.01, 0.01]), half), independent * math.sqrt(0.5), rel=1e-6)


def test_correlation_is_given_back_to_the_variance_between_groups():
    p, v = np.array([0.2, 0.4]), np.array([0.01, 0.02])
    r = np.array([[1, 0.5], [0.5, 1]])
    plain_one = between_variance(p, p, v)
    same(float(between_variance(p, p, v, r) - plain_one), 0.5 * math.sqrt(0.0002))


def test_spreads_equal_the_reference_oracle(recipes):
    rng = np.random.default_rng(21)
    for _ in range(500):
        g = int(rng.integers(2, 9))
        n = rng.integers(2, 2000, g).astype(float)
        p = rng.binomial(n.astype(int), rng.uniform(0, 1, g)) / n
        same(tuple(spread(p, n)), tuple(recipes.spread(p, n)), rel=1e-7, abs=1e-10)


# --- many gates


def test_holm_worked_by_hand():
    same(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_worked_by_hand():
    same(benjamini_hochberg([0.01, 0.04, 0.03, 0.005]), [0.02, 0.04, 0.04, 0.02])


def test_an_undefined_gate_counts_and_stays_undefined():
    assert holm([0.01, None, 0.02]) == [pytest.approx(0.03), None, pytest.approx(0.04)]
    assert benjamini_hochberg([0.01, None, 0.02]) == [pytest.approx(0.03), None, pytest.approx(0.03)]
    assert holm([None, None]) == [None, None]
    assert holm([]) == benjamini_hochberg([]) == []


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_what_is_no_p_value_is_refused(bad):
    with pytest.raises(ValueError, match="undefined one is None"):
        holm([0.2, bad])


p_values = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12)


@given(p_values)
@settings(max_examples=count_examples(300), deadline=None)
def test_holm_rejects_exactly_what_its_step_down_definition_rejects(values):
    adjusted = holm(values)
    for level in (0.01, 0.025, 0.05, 0.2):
        rejected = set()
        for k, (p, at) in enumerate(sorted((p, i) for i, p in enumerate(values) if p is not None)):
            if p * (len(values) - k) > level:
                break
            rejected.add(at)
        assert {i for i, p in enumerate(adjusted) if p is not None and p <= level} == rejected


@given(p_values)
@settings(max_examples=count_examples(300), deadline=None)
def test_adjusted_values_are_ordered_like_the_raw_ones_and_between_them_and_bonferroni(values):
    a, b = holm(values), benjamini_hochberg(values)
    for i, p in enumerate(values):
        if p is None:
            assert a[i] is None
            assert b[i] is None
            continue
        assert p <= b[i] <= a[i] + 1e-12
        assert a[i] <= min(1.0, p * len(values)) + 1e-12
        for j, other in enumerate(values):
            if other is not None and other > p:
                assert a[j] >= a[i]
                assert b[j] >= b[i] - 1e-12


def test_adjusted_values_equal_scipy_and_fall_back_to_the_definition():
    from scipy.stats import false_discovery_control

    rng = np.random.default_rng(2)
    for _ in range(300):
        values = rng.random(rng.integers(1, 15)).tolist()
        same(benjamini_hochberg(values), false_discovery_control(values).tolist())


@pytest.mark.parametrize(("kind", "limit"), [("difference", 0.1), ("ratio", 0.8)])
def test_a_gate_fails_exactly_where_its_p_value_is_at_most_its_tail(kind, limit):
    rng = np.random.default_rng(7)
    failed = 0
    for _ in range(150):
        g = int(rng.integers(2, 6))
        n = rng.integers(20, 600, g).astype(float)
        sample = plain(rng.binomial(n.astype(int), rng.uniform(0.1, 0.6, g)).astype(float), n)
        p = gap_p_value(sample, kind, limit)
        for tail in (0.001, 0.025, 0.05, 0.2):
            found = gap(sample, kind, tail)
            fails = found.low > limit if kind == "difference" else found.high < limit
            failed += fails
            assert fails == (p <= tail)
    assert failed > 30


def test_the_p_value_of_two_rates_is_the_tail_of_the_newcombe_interval():
    sample = plain(np.array([30.0, 60.0]), np.array([100.0, 100.0]))
    p = gap_p_value(sample, "difference", 0.1)
    assert gap(sample, "difference", p * 1.0001).low > 0.1 >= gap(sample, "difference", p * 0.9999).low


def test_p_values_at_the_edges():
    equal = plain(np.array([30.0, 30.0]), np.array([100.0, 100.0]))
    assert gap_p_value(equal, "difference", 0.1) == 1
    far = plain(np.array([100.0, 99_000.0]), np.array([1e5, 1e5]))
    assert gap_p_value(far, "difference", 0.1) <= 1e-12
    assert gap_p_value(plain(np.array([3.0, 0.0]), np.array([9.0, 0.0])), "difference", 0.1) is None
    many = plain(np.linspace(1, 999, 60), np.full(60, 1000.0))
    assert 0 < gap_p_value(many, "ratio", 0.8, looks=50) < 1e-8
    assert smallest_tail(lambda tail: tail >= 0.03) == pytest.approx(0.03, rel=1e-9)


@given(st.lists(st.tuples(st.integers(2, 400), st.floats(0, 1)), min_size=2, max_size=7), st.floats(0.02, 0.9))
@settings(max_examples=count_examples(60), deadline=None)
def test_needed_data_is_the_first_factor_of_a_slow_loop(cells, limit):
    n = np.array([float(rows) for rows, _ in cells])
    p = np.array([round(rows * rate) / rows for rows, rate in cells])
    for kind in ("difference", "ratio"):
        assert needed(p, n, limit, kind) == one_by_one(p, n, limit, kind)


def one_by_one(p, n, limit, kind):
    """Needed data, one factor and one pair after the other."""
    pairs, c, g = len(p) * (len(p) - 1) / 2, limit if kind == "ratio" else 1.0, range(len(p))
    power = norm.ppf(0.8)
    sides = {"fail": norm.isf(TAIL / pairs), "pass": norm.isf(TAIL)}
    more = {"fail": power, "pass": norm.isf(0.2 / (2 * pairs))}
    for factor in np.geomspace(1 / 16, 100, 400):
        rows = n * factor
        for verdict, z in sides.items():
            own = wilson(p, rows, z + more[verdict])
            few = few_at(p, rows / 1.6, float(z))
            tail = norm.sf(z + more[verdict])
            low = moved_out(own, few, np.maximum(p - 1 / rows, 0), rows, tail).low
            high = moved_out(own, few, np.minimum(p + 1 / rows, 1), rows, tail).high
            at = [(i, j) for i in g for j in g if i != j]
            least = [p[i] - c * p[j] - math.hypot(p[i] - low[i], c * (high[j] - p[j])) for i, j in at]
            most = [p[i] - c * p[j] + math.hypot(high[i] - p[i], c * (p[j] - low[j])) for i, j in at]
            if kind == "difference":
                settled = max(least) > limit if verdict == "fail" else max(most) <= limit
            else:
                settled = min(most) < 0 if verdict == "fail" else min(least) >= 0
            if settled:
                return pytest.approx(factor), verdict
    return math.inf, "unsettleable"


@pytest.mark.parametrize("kind", ["difference", "ratio"])
def test_gaps_of_many_rates_at_once_are_those_of_each_rate(kind):
    rng = np.random.default_rng(11)
    n = rng.integers(5, 4000, 90).astype(float)
    each = [plain(rng.binomial(n.astype(int), rng.uniform(0.05, 0.9)).astype(float), n) for _ in range(12)]
    assert gaps(together(each), kind, TAIL) == [gap(s, kind, TAIL) for s in each]


# --- AUC


def counts(y, scores, edges):
    at = np.searchsorted(edges, scores, side="right")
    return np.bincount(at[y], minlength=len(edges) + 1), np.bincount(at[~y], minlength=len(edges) + 1)


def test_an_auc_worked_by_hand():
    found = auc(np.array([[0, 1, 2]]), np.array([[2, 1, 1]]))
    # positives 1 in the middle bin and 2 in the top one: right 2 + 2*3 = 8, tied 1 + 2 = 3, of 12 pairs
    same((found.tie_low[0], found.tie_high[0], found.mid[0]), (8 / 12, 11 / 12, 9.5 / 12))
    assert found.low[0] <= 8 / 12
    assert found.high[0] >= 11 / 12
    assert found.thin[0]


def test_bins_of_one_value_each_give_scikit_learns_auc():
    rng = np.random.default_rng(4)
    y, scores = rng.random(500) < 0.4, rng.integers(0, 8, 500)
    pos, neg = np.bincount(scores[y], minlength=8), np.bincount(scores[~y], minlength=8)
    same(float(auc(pos, neg).mid), float(roc_auc_score(y, scores)))


score = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.5 + 1e-12, 0.7, 1.0]))


@given(
    st.lists(st.tuples(st.booleans(), score), min_size=2, max_size=60),
    st.lists(st.floats(0, 1), max_size=12),
)
@settings(max_examples=count_examples(400), deadline=None)
def test_the_bounds_contain_scikit_learns_auc_of_the_unbinned_rows(rows, edges):
    y, s = np.array([a for a, _ in rows]), np.array([b for _, b in rows])
    assume(0 < y.sum() < len(y))
    pos, neg = counts(y, s, np.sort(edges))
    found, exact = auc(pos, neg), roc_auc_score(y, s)
    assert found.tie_low - 1e-12 <= exact <= found.tie_high + 1e-12
    assert 0 <= found.low <= found.tie_low <= found.mid <= found.tie_high <= found.high <= 1
    assert abs(found.mid - exact) <= (found.tie_high - found.tie_low) / 2 + 1e-12


@pytest.mark.parametrize("spike", [0.0, 0.3, 0.9])
def test_the_bounds_hold_on_large_data_with_spikes(spike):
    rng = np.random.default_rng(8)
    for bins in (10, 50, 100):
        y = rng.random(20_000) < 0.1
        s = np.where(rng.random(20_000) < spike, 0.5, rng.beta(2 + 2 * y, 3))
        found = auc(*counts(y, s, np.linspace(0, 1, bins + 1)[1:-1]))
        assert found.tie_low <= roc_auc_score(y, s) <= found.tie_high


def test_labels_turned_round_turn_the_auc_round():
    rng = np.random.default_rng(3)
    pos, neg = rng.integers(0, 9, (6, 20)), rng.integers(0, 9, (6, 20))
    a, b = auc(pos, neg), auc(neg, pos)
    for ours, theirs in ((a.mid, 1 - b.mid), (a.low, 1 - b.high), (a.high, 1 - b.low)):
        assert np.allclose(ours, theirs, atol=1e-9)


def test_a_group_without_positives_is_unmeasured_and_blocks_a_pass():
    pos, neg = np.array([[5, 40], [0, 0]]), np.array([[40, 5], [20, 20]])
    found = auc(pos, neg)
    assert np.isnan(found.mid[1])
    assert (found.low[1], found.high[1], found.thin[1]) == (0, 1, False)
    whole = auc_gap(placed(pos, neg), 0.025)
    assert whole.value is None
    assert (whole.low, whole.high) == (0, 1)


def test_one_positive_alone_leaves_the_auc_open():
    found = auc(np.array([0, 0, 1]), np.array([30, 30, 0]))
    assert found.low < 0.2
    assert found.high == 1
    assert found.thin


def test_aucs_equal_the_reference_oracle(recipes):
    rng = np.random.default_rng(13)
    for _ in range(150):
        bins = int(rng.integers(3, 60))
        shift = rng.uniform(0, 3)
        pos = rng.multinomial(rng.integers(2, 300), _weights(bins, shift))
        neg = rng.multinomial(rng.integers(2, 300), _weights(bins, -shift))
        ours, theirs = auc(pos, neg), recipes.auc(pos, neg)
        same([float(x) for x in ours[:3]], list(theirs[:3]))
        same([float(ours.low), float(ours.high)], list(theirs[3:5]), abs=6e-5)  # the oracle's grid is 5e-5 wide
        assert bool(ours.thin) == theirs[5]


def _weights(bins, shift):
    weights = np.exp(shift * np.linspace(-1, 1, bins))
    return weights / weights.sum()


def test_thousands_of_aucs_at_once_equal_each_alone():
    rng = np.random.default_rng(5)
    pos, neg = rng.poisson(1.5, (2000, 12)), rng.poisson(1.5, (2000, 12))
    together = auc(pos, neg)
    for i in range(0, 2000, 50):
        alone = auc(pos[i], neg[i])
        for a, b in zip(together, alone, strict=True):
            assert np.allclose(a[i], b, equal_nan=True)


def test_weights_of_one_are_no_weights_and_unequal_ones_widen():
    rng = np.random.default_rng(6)
    pos, neg = rng.integers(1, 9, (3, 10)).astype(float), rng.integers(1, 9, (3, 10)).astype(float)
    plain_one, doubled = auc(pos, neg), auc(2 * pos, 2 * neg, 0.025, 4 * pos, 4 * neg)
    for a, b in zip(plain_one, doubled, strict=True):
        assert np.allclose(a, b)
    heavy = auc(pos, neg, 0.025, 3 * pos, 3 * neg)
    assert (heavy.high - heavy.low > plain_one.high - plain_one.low).all()


def test_ten_copies_of_each_row_make_an_auc_no_surer():
    rng = np.random.default_rng(9)
    pos, neg = rng.multinomial(3, _weights(20, 1), (100, 1)), rng.multinomial(5, _weights(20, -1), (100, 1))
    once, tenfold = (limits(folded(k * pos, k * neg), 0.025) for k in (1, 10))
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=0.05)
    naive = auc(10 * pos.sum(axis=0), 10 * neg.sum(axis=0))
    hidden = naive.tie_high - naive.tie_low
    assert tenfold.high - tenfold.low - hidden > 2.5 * (naive.high - naive.low - hidden)
    one_each = auc(pos.sum(axis=0), neg.sum(axis=0))
    assert once.high - once.low == pytest.approx(one_each.high - one_each.low, rel=0.2)


def test_the_gap_of_two_aucs_is_a_square_and_add_of_their_distances():
    pos, neg = np.array([[5, 20, 90], [30, 30, 40]]), np.array([[90, 20, 5], [40, 30, 30]])
    found, each = auc_gap(placed(pos, neg), 0.025), auc(pos, neg)
    value = each.mid[0] - each.mid[1]
    same(found.value, value)
    same(found.low, value - math.hypot(each.mid[0] - each.low[0], each.high[1] - each.mid[1]))
    same(found.high, value + math.hypot(each.high[0] - each.mid[0], each.mid[1] - each.low[1]))
    assert found.pair == (1, 0)


# --- calibration


def test_calibration_worked_by_hand():
    found = calibration(np.array([10, 0, 40]), np.array([2, 0, 30]), np.array([1.0, 0, 24.0]))
    same(float(found.ece), 0.2 * 0.1 + 0.8 * 0.15)
    same(float(found.floor), 0.2 * math.sqrt(0.18 / (10 * math.pi)) + 0.8 * math.sqrt(0.48 / (40 * math.pi)))
    same(float(found.square), 0.2 * (0.01 - 0.16 / 9) + 0.8 * (0.0225 - 0.1875 / 39))
    same(float(found.in_the_large), (32 - 25) / 50)


def test_calibration_without_rows_is_undefined():
    found = calibration(np.zeros((2, 4)), np.zeros((2, 4)), np.zeros((2, 4)))
    assert all(np.isnan(x).all() for x in found)
    single = calibration(np.ones(4), np.ones(4), np.full(4, 0.5))
    assert np.isnan(single.square)
    same(float(single.ece), 0.5)


def test_a_calibrated_model_shows_its_floor_and_no_miscalibration():
    rng = np.random.default_rng(17)
    s = rng.random((4000, 200))
    y, at = rng.random(s.shape) < s, np.minimum((10 * s).astype(int), 9)
    n, labels, scores = (
        np.stack([np.where(at == b, x, 0.0).sum(axis=1) for b in range(10)], axis=1) for x in (np.ones(s.shape), y, s)
    )
    found = calibration(n, labels, scores)
    assert found.ece.mean() == pytest.approx(found.floor.mean(), rel=0.03)
    assert abs(found.square.mean()) < 4 * found.square.std() / math.sqrt(4000)
    assert abs(found.in_the_large.mean()) < 4 * found.in_the_large.std() / math.sqrt(4000)


def test_calibration_equals_the_reference_oracle(recipes):
    rng = np.random.default_rng(19)
    for _ in range(1000):
        n = rng.integers(0, 30, rng.integers(2, 20))
        n[0] = 5
        labels = rng.binomial(n, rng.random(len(n)))
        scores = n * rng.random(len(n))
        ours = calibration(n, labels, scores)
        same([float(x) for x in ours[:3]], [float(x) for x in recipes.calibration(n, labels, scores)])
        same(float(ours.in_the_large), (labels.sum() - scores.sum()) / n.sum())


def test_effective_rows_weigh_the_noise_and_nothing_else():
    n, y, s = np.array([20.0, 30.0]), np.array([8.0, 20.0]), np.array([9.0, 18.0])
    plain_one, fewer = calibration(n, y, s), calibration(n, y, s, n / 2)
    same(float(plain_one.ece), float(fewer.ece))
    same(float(fewer.floor), float(plain_one.floor) * math.sqrt(2))
    assert fewer.square < plain_one.square


def test_limits_of_an_auc_at_a_rate_are_wilsons_where_nothing_is_tied():
    found = placed(np.array([1, 0, 40, 60]), np.array([70, 30, 0, 0]))
    n = found.mid * (1 - found.mid) / found.variance
    assert limits(found, 0.025).low <= wilson(found.tie_low, n, 1.96).low


@pytest.mark.parametrize("centre", [0, -6, -9, -12])
def test_the_interval_of_an_exact_auc_covers_where_bins_hide_the_order_of_rows(centre):
    """Log-odds around ``centre``: from -6 on, most rows share the first of 200 bins, whose variance is that of ties."""
    rng, truth, covered, reps = np.random.default_rng(1957), norm.cdf(2 / np.sqrt(2)), 0, 200
    for _ in range(reps):
        y = rng.random(3000) < 0.2
        odds = centre + 1.5 * (rng.normal(size=3000) + 2 * y)
        bins = np.minimum(200 / (1 + np.exp(-odds)), 199).astype(int)
        pos, neg = (np.bincount(bins[rows], minlength=200)[None].astype(float) for rows in (y, ~y))
        found = limits(known(placed(pos, neg), np.array([roc_auc_score(y, odds)])), 0.025)
        covered += found.low[0] <= truth <= found.high[0]
    assert covered / reps >= 0.93 - 2 * 0.017  # two Monte-Carlo errors
