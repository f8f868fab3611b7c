"""Intervals: worked examples of their papers, an obvious oracle, and the properties a gap must have."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples

from audit.measurement.inference.effective import folded, plain, weighted
from audit.measurement.inference.intervals import (
    Limits,
    bound_mean,
    clopper_pearson,
    difference,
    quantile,
    ratio,
    wilson,
)
from audit.measurement.inference.pairs import against, correlations, extreme, gap, guarded, single
from audit.measurement.inference.sample_size import needed

Q = 1.959963984540054
INF = np.array([math.inf])


def one(p, n):
    lim = wilson(np.array([p]), np.array([float(n)]), Q)
    return lim.low[0], lim.high[0]


def test_the_mean_of_rows_that_are_their_own_units_has_the_plain_t_interval():
    values = np.array([0.2, 0.5, 0.9, 0.4])
    found = bound_mean(values, np.arange(4), 0.025)
    # t of three degrees of freedom is 3.182446305 (Student's table).
    assert found.high - found.value == pytest.approx(3.182446305 * values.std(ddof=1) / 2, abs=1e-8)
    assert (found.value, found.units) == (pytest.approx(0.5), 4)


@pytest.mark.parametrize(("values", "units", "alike"), [([0.1, 0.1, 0.1], 3, True), ([0.1], 1, False)])
def test_units_that_do_not_differ_or_are_one_have_no_interval(values, units, alike):
    found = bound_mean(np.array(values), np.arange(len(values)), 0.025)
    assert (found.low, found.high, found.units, found.alike) == (None, None, units, alike)


@pytest.mark.parametrize(
    ("x", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_worked_examples_of_newcombe_1998(x, n, low, high):
    assert one(x / n, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_difference_gives_the_worked_examples_of_newcombe_1998_method_10(a, m, b, n, low, high):
    s = plain(np.array([a, b], float), np.array([m, n], float))
    lim = single(s, 0.025)
    found = difference(s.p[0], type(lim)(lim.low[0], lim.high[0]), s.p[1], type(lim)(lim.low[1], lim.high[1]))
    assert (float(found.low), float(found.high)) == pytest.approx((low, high), abs=5e-5)


def test_clopper_pearson_equals_the_beta_quantiles():
    from scipy.stats import beta

    lim = clopper_pearson(np.array([0.1]), np.array([50.0]), 0.025)
    assert lim.low[0] == pytest.approx(beta.ppf(0.025, 5, 46))
    assert lim.high[0] == pytest.approx(beta.ppf(0.975, 6, 45))


def test_student_quantiles_where_degrees_of_freedom_are_finite():
    assert quantile(0.025, np.array([9.0]))[0] == pytest.approx(2.262157, abs=1e-6)
    assert quantile(0.025, INF)[0] == pytest.approx(Q)


groups = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 400)).map(lambda t: (min(t), max(t))), min_size=2, max_size=7
)


@given(groups, st.sampled_from(["difference", "ratio"]), st.randoms())
@settings(max_examples=count_examples(200), deadline=None)
def test_a_gap_does_not_depend_on_the_order_of_groups_and_lies_in_its_interval(cells, kind, random):
    def run(rows):
        x, n = np.array(rows, float).T
        return gap(plain(x, n), kind, 0.025)

    first = run(cells)
    shuffled = list(cells)
    random.shuffle(shuffled)
    again = run(shuffled)
    assert (first.low, first.high) == pytest.approx((again.low, again.high))
    assert 0 <= first.low <= first.high <= 1
    if first.value is not None:
        assert first.low - 1e-12 <= first.value <= first.high + 1e-12


@given(groups)
@settings(max_examples=count_examples(100), deadline=None)
def test_the_difference_is_found_by_looking_at_every_pair(cells):
    x, n = np.array(cells, float).T
    p = x / n
    found = gap(plain(x, n), "difference", 0.025)
    assert found.value == pytest.approx(max(a - b for a, b in permutations(p, 2)))
    assert p[found.pair[0]] == p.min()
    assert p[found.pair[1]] == p.max()


@given(groups, st.sampled_from(["difference", "ratio"]), st.integers(0, 6), st.floats(-0.9, 0.9))
@settings(max_examples=count_examples(200), deadline=None)
def test_gap_and_comparison_with_a_reference_are_those_of_two_rates_at_a_time(cells, kind, unmeasured, r):
    x, n = np.array(cells, float).T
    n[unmeasured : unmeasured + 1], x[unmeasured : unmeasured + 1] = 0, 0
    sample = replace(plain(x, n), r=np.full((len(n), len(n)), r))
    compare, groups = {"difference": difference, "ratio": ratio}[kind], range(len(n))

    def limits(i, j, tail):
        each = [guarded(replace(sample, r=None), tail) for _ in range(2)]
        (a, b) = (type(each[0])(e.low[k], e.high[k]) for e, k in zip(each, (i, j), strict=True))
        return [float(v) for v in compare(sample.p[i], a, sample.p[j], b, float(correlations(sample, tail)[i, j]))]

    inner = {(i, j): limits(i, j, 0.025) for i, j in permutations(groups, 2)}
    outer = {(i, j): limits(i, j, 0.025 / math.comb(len(n), 2)) for i, j in permutations(groups, 2)}
    found = gap(sample, kind, 0.025)
    if kind == "difference":
        expected = max(0, *(v[0] for v in outer.values())), min(1, max(v[1] for v in inner.values()))
    else:
        expected = min(1, *(v[0] for v in inner.values())), min(1, *(v[1] for v in outer.values()))
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)
    reference = against(sample, kind, 0, 0.025)
    for i in groups[1:]:
        assert (reference.low[i], reference.high[i]) == pytest.approx(tuple(inner[i, 0]), rel=1e-12)


def test_limits_that_every_comparison_reads_cannot_be_written_to():
    sample = plain(np.array([3.0, 5.0]), np.array([10.0, 10.0]))
    assert single(sample, 0.025) is single(sample, 0.025)
    with pytest.raises(ValueError, match="read-only"):
        single(sample, 0.025).low[0] = 0
    assert not np.array_equal(single(sample, 0.025).low, single(replace(sample, n=sample.n * 2), 0.025).low)


def test_an_unmeasured_group_blocks_a_pass_and_never_causes_a_fail():
    equal = gap(plain(np.array([50.0, 50.0, 0.0]), np.array([100.0, 100.0, 0.0])), "difference", 0.025)
    assert equal.value is None
    assert equal.low == 0
    assert equal.high == 1
    unequal = gap(plain(np.array([90.0, 10.0, 0.0]), np.array([100.0, 100.0, 0.0])), "difference", 0.025)
    assert unequal.value is None
    assert unequal.low > 0.5
    assert unequal.high == 1


def test_the_lowest_rate_of_thin_groups_has_exact_limits():
    found = extreme(plain(np.array([0.0, 500.0]), np.array([12.0, 1000.0])), "lowest", 0.025)
    assert found.exact
    assert found.value == 0
    assert found.high == pytest.approx(1 - (0.025 / 2) ** (1 / 12), rel=1e-6)


def test_weights_of_one_are_no_weights():
    x, n = np.array([30.0, 7.0]), np.array([100.0, 40.0])
    a, b = plain(x, n), weighted(x, n, x, n)
    assert np.allclose(a.p, b.p)
    assert np.allclose(a.n, b.n)


def test_weights_only_ever_lose_information():
    rng = np.random.default_rng(3)
    w = rng.exponential(size=500)
    y = rng.random(500) < 0.3
    s = weighted(*(np.array([v]) for v in ((w * y).sum(), w.sum(), (w**2 * y).sum(), (w**2).sum())))
    assert s.n[0] <= w.sum() ** 2 / (w**2).sum() + 1e-9 < 500


def test_ten_copies_of_each_row_carry_no_more_information_than_one():
    rng = np.random.default_rng(1)
    y = rng.random((100, 20)) < 0.4
    once = folded(y.sum(axis=1, keepdims=True), np.full((100, 1), 20.0), np.array([2000.0]))
    tenfold = folded(10 * y.sum(axis=1, keepdims=True), np.full((100, 1), 200.0), np.array([20000.0]))
    assert once.n[0] <= 2000
    assert tenfold.n[0] == pytest.approx(2000, rel=0.2)


def test_needed_is_more_data_for_an_unclear_gap_and_none_at_the_limit():
    unclear = needed(np.array([0.60, 0.52]), np.array([100.0, 100.0]), 0.2, "difference")
    assert unclear.verdict == "pass"
    assert 1 < unclear.factor < 10
    at_limit = needed(np.array([0.6, 0.4]), np.array([100.0, 100.0]), 0.2, "difference")
    assert at_limit.verdict == "unsettleable"


@pytest.fixture(scope="module")
def recipes(shared):
    spec = importlib.util.spec_from_file_location("inference_recipes", shared / "facts" / "inference_recipes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["difference", "ratio"])
def test_gaps_equal_the_reference_oracle(recipes, kind):
    rng, plainly = np.random.default_rng(11), 0
    for _ in range(300):
        g = int(rng.integers(2, 7))
        n = rng.integers(5, 500, g) * int(rng.choice([1, 40]))
        x = rng.binomial(n, rng.uniform(0.02, 0.9, g))
        short = "diff" if kind == "difference" else "ratio"
        theirs = recipes.gap(*recipes.plain(x, n), 0.1 if kind == "difference" else 0.8, short)
        sample = plain(x.astype(float), n.astype(float))
        ours = gap(sample, kind, 0.025)
        if ours.exact:  # the oracle has Wilson's limits everywhere
            assert ours.low <= theirs[1] + 1e-9
            assert ours.high >= theirs[2] - 1e-9
        else:
            plainly += 1
            assert (ours.low, ours.high) == pytest.approx((theirs[1], theirs[2]), abs=1e-9)
    assert plainly > 50


@pytest.mark.parametrize("lowest", [1e-309, 1e-311, 5e-324, 0.0])
def test_over_a_rate_that_may_be_next_to_nothing_a_ratio_has_no_upper_limit(lowest):
    """However near 0 a limit lies, a quotient beyond all numbers is no limit, and neither an error nor a warning."""
    first, second = Limits(np.array([0.4]), np.array([0.6])), Limits(np.array([lowest]), np.array([0.9]))
    with np.errstate(all="raise", under="ignore"):
        found = ratio(np.array([0.5]), first, np.array([0.1]), second)
    assert 0 < found.low[0] < 5
    assert found.high[0] > 1e307


def test_a_ratio_of_rates_covers_the_true_ratio_at_least_93_times_in_100():
    rng = np.random.default_rng(5)
    p1, p2, n = 0.12, 0.2, 60
    x, y = rng.binomial(n, p1, 4000), rng.binomial(n, p2, 4000)
    a, b = plain(x.astype(float), np.full(4000, float(n))), plain(y.astype(float), np.full(4000, float(n)))
    lim = ratio(a.p, single(a, 0.025), b.p, single(b, 0.025))
    assert np.mean((lim.low <= p1 / p2) & (p1 / p2 <= lim.high)) >= 0.93
