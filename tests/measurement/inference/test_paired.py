"""The net change of paired answers: its exact test, its interval with and without units, and the change of a gap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.counting.plan import FOLDS
from audit.measurement.inference.contingency import contrast, shares
from audit.measurement.inference.paired import net as paired
from audit.measurement.inference.paired.folds import HASHED, Flips
from audit.measurement.inference.paired.net import bound_change_of_gap, bound_net, bound_net_by_units


def flips(*rows):
    """One entry a group: first, second, rows."""
    return Flips(*np.array(rows, dtype=float).T[..., None])


def by_units(first, second, rows):
    return Flips(*(np.array(x, dtype=float) for x in (first, second, rows)))


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(1, 7, 0.0703), (59, 86, 0.0305), (64, 73, 0.494), (63, 66, 0.860), (5, 0, 0.0625), (6, 0, 0.03125), (0, 0, 1.0)],
)
def test_published_discordant_pairs_have_their_exact_p(first, second, p):
    found = paired.test_discordant(first, second)
    assert found.p_value == pytest.approx(p, abs=6e-4)
    assert found.p_value == pytest.approx(stats.binomtest(first, first + second or 1, 0.5).pvalue if p < 1 else 1)
    turned = paired.test_discordant(second, first)
    assert (turned.p_more, turned.p_fewer) == (found.p_fewer, found.p_more)


def test_one_sided_p_values_are_binomial_tails():
    found = paired.test_discordant(9, 4)
    assert found.p_more == pytest.approx(stats.binom.sf(8, 13, 0.5))
    assert found.p_fewer == pytest.approx(stats.binom.cdf(9, 13, 0.5))


def test_the_interval_is_that_of_exclusive_shares_and_leaves_zero_out_only_where_the_test_does():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 30, (2, 400))
    rows = first + second + rng.integers(0, 200, 400) + 1
    found = bound_net(flips(*zip(first, second, rows, strict=True)), 0.025)
    for i, (b, c, n) in enumerate(zip(first, second, rows, strict=True)):
        hits, total = np.array([[b], [c]], dtype=float), np.array([n], dtype=float)
        alone = contrast(shares(hits, total, hits, total, folds=False, weights=False), 0.025)
        p = paired.test_discordant(int(b), int(c))
        assert found.value[i] == pytest.approx((b - c) / n)
        assert found.low[i] == pytest.approx(min(alone.low, 0) if p.p_more > 0.025 else alone.low)
        assert found.high[i] == pytest.approx(max(alone.high, 0) if p.p_fewer > 0.025 else alone.high)
    apart = (found.low > 0) | (found.high < 0)
    p = [paired.test_discordant(int(b), int(c)).p_value for b, c in zip(first, second, strict=True)]
    assert apart.sum() > 100
    assert max(np.array(p)[apart]) <= 0.05


def test_fewer_than_six_changed_answers_never_leave_zero_out():
    rows = [(b, 0, n) for b in range(6) for n in (5, 8, 20, 1000)]
    found = bound_net(flips(*rows), 0.025)
    assert (found.low <= 0).all()
    assert found.few.all()
    six = bound_net(flips((6, 0, 1000)), 0.025)
    assert six.low[0] > 0
    assert not six.few[0]


def test_no_changed_answer_among_a_few_is_not_taken_for_none_among_all():
    found = bound_net(flips((0, 0, 50)), 0.025)
    assert (found.low[0], found.high[0]) == pytest.approx((-0.0711, 0.0711), abs=5e-3)
    same = by_units(np.zeros(FOLDS), np.zeros(FOLDS), np.r_[np.full(25, 20), np.zeros(75)])
    folded = bound_net_by_units(same, 0.025)
    assert folded.low == -folded.high
    assert 0.1 < folded.high < 0.25
    assert folded.few


def test_without_rows_there_is_no_net_change_and_any_is_possible():
    empty = bound_net(flips((0, 0, 0)), 0.025)
    assert np.isnan(empty.value[0])
    assert (empty.low[0], empty.high[0]) == (-1, 1)
    nothing = by_units(np.zeros((2, 100)), np.zeros((2, 100)), np.r_[np.zeros((1, 100)), np.ones((1, 100))])
    folded = bound_net_by_units(nothing, 0.025)
    assert np.isnan(folded.value[0])
    assert (folded.low[0], folded.high[0]) == (-1, 1)
    gap = bound_change_of_gap(flips((0, 0, 0), (3, 1, 9)), np.array([0]), np.array([1]), 0.025, folds=False)
    assert np.isnan(gap.value[0])
    assert (gap.low[0], gap.high[0]) == (-2, 2)


def test_swapped_decisions_mirror_every_limit():
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 30, (40, FOLDS))
    first = rng.binomial(rows, 0.1)
    second = rng.binomial(rows - first, 0.05)
    for bound, data in ((bound_net_by_units, (first, second, rows)), (bound_net, _summed(first, second, rows))):
        found, turned = bound(Flips(*data), 0.025), bound(Flips(data[1], data[0], data[2]), 0.025)
        assert turned.low == pytest.approx(-found.high)
        assert turned.high == pytest.approx(-found.low)
        assert turned.df == pytest.approx(found.df)


def _summed(*counts):
    return tuple(c.sum(axis=-1, keepdims=True) for c in counts)


def test_equal_units_have_students_t_over_their_differences():
    rng = np.random.default_rng(3)
    first, second = rng.binomial(10, 0.3, 25).astype(float), rng.binomial(10, 0.25, 25).astype(float)
    found = bound_net_by_units(by_units(first, second, np.full(25, 20.0)), 0.025)
    each = (first - second) / 20
    t = stats.t.interval(0.95, 24, each.mean(), stats.sem(each))
    assert (found.low, found.high) == pytest.approx(t)
    assert found.df == pytest.approx(24)


def test_three_units_have_two_degrees_of_freedom():
    found = bound_net_by_units(by_units([9, 4, 5], [3, 4, 1], [26, 26, 26]), 0.025)
    assert found.df == pytest.approx(2)
    each = np.array([6, 0, 4]) / 26
    low, high = stats.t.interval(0.95, 2, each.mean(), stats.sem(each))
    assert found.low <= low + 1e-12
    assert found.high >= high - 1e-12
    assert found.few


def test_units_of_unequal_sizes_are_a_ratio():
    rng = np.random.default_rng(4)
    rows = np.r_[rng.integers(1, 60, 60), np.zeros(40)].astype(float)
    first = rng.binomial(rows.astype(int), 0.2).astype(float)
    second = rng.binomial((rows - first).astype(int), 0.2).astype(float)
    found = bound_net_by_units(by_units(first, second, rows), 0.025)
    net = (first - second).sum() / rows.sum()
    residual = first - second - net * rows
    linearised = np.sqrt((residual**2).sum()) / rows.sum()
    assert found.value == pytest.approx(net)
    assert (found.high - found.low) / 2 / stats.t.ppf(0.975, found.df) == pytest.approx(linearised, rel=0.1)


def test_the_p_value_of_units_is_that_of_t_and_agrees_with_the_interval():
    rng = np.random.default_rng(9)
    first, second = rng.binomial(10, [[0.3], [0.45], [0.02]], (3, 25)).astype(float), rng.binomial(10, 0.25, (3, 25))
    data = by_units(first, second, np.full((3, 25), 20.0))
    p = paired.test_net(data, folds=True)
    each = (first - second)[:2] / 20
    assert p[:2] == pytest.approx(stats.ttest_1samp(each, 0, axis=1).pvalue, rel=0.15)
    for k in range(3):
        beyond = bound_net_by_units(data, p[k] / 2 * 1.01)
        within = bound_net_by_units(data, p[k] / 2 * 0.99)
        assert beyond.low[k] > 0 or beyond.high[k] < 0
        assert within.low[k] <= 0 <= within.high[k]


def test_p_values_of_rows_are_exact_and_of_weighted_rows_inverted():
    found = paired.test_net(flips((1, 7, 21), (59, 86, 962), (0, 0, 9), (0, 0, 0)), folds=False)
    assert found == pytest.approx([0.0703, 0.0305, 1, 1], abs=1e-4)
    heavy = Flips(*(3 * x for x in flips((59, 86, 962))[:3]), 9 * np.stack(flips((59, 86, 962))[:3]))
    assert paired.test_net(heavy, folds=False) == pytest.approx([0.027], abs=0.006)
    nothing = by_units(np.zeros((1, 9)), np.zeros((1, 9)), np.ones((1, 9)))
    assert paired.test_net(nothing, folds=True) == [1.0]


def test_units_that_all_lost_alike_leave_some_doubt():
    alike = bound_net_by_units(by_units(np.full(25, 3.0), np.full(25, 1.0), np.full(25, 20.0)), 0.025)
    assert alike.low < 0.1 < alike.high


def test_folds_that_no_unit_fell_into_change_nothing():
    rng = np.random.default_rng(5)
    rows = np.full(30, 8.0)
    first, second = rng.binomial(8, 0.1, (2, 30)).astype(float)
    padded = (np.r_[x, np.zeros(70)] for x in (first, second, rows))
    short, full = bound_net_by_units(by_units(first, second, rows), 0.025), bound_net_by_units(Flips(*padded), 0.025)
    for a, b in zip(short, full, strict=True):
        assert a == pytest.approx(b)


def test_weights_of_one_size_are_no_weights():
    rng = np.random.default_rng(6)
    rows = rng.integers(5, 30, (7, FOLDS)).astype(float)
    first = rng.binomial(rows.astype(int), 0.1).astype(float)
    second = rng.binomial((rows - first).astype(int), 0.03).astype(float)
    plain = Flips(first, second, rows)
    heavy = Flips(3 * first, 3 * second, 3 * rows, 9 * np.stack([first, second, rows]))
    for a, b in zip(bound_net_by_units(plain, 0.025), bound_net_by_units(heavy, 0.025), strict=True):
        assert a == pytest.approx(b)
    alone = Flips(*_summed(first, second, rows))
    weighted = Flips(*(3 * x for x in alone[:3]), 9 * np.stack(alone[:3]))
    a, b = bound_net(alone, 0.025), bound_net(weighted, 0.025)
    assert a.value == pytest.approx(b.value)
    assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.05)
    assert np.isfinite(b.df).all()


def test_groups_without_units_are_independent_and_a_shared_unit_counts_once():
    one, other = np.array([0]), np.array([1])
    both = flips((40, 10, 400), (30, 20, 500))
    apart = bound_change_of_gap(both, one, other, 0.025, folds=False)
    assert apart.value[0] == pytest.approx(30 / 400 - 10 / 500)
    each = bound_net(both, 0.025)
    squares = (each.value - each.low)[0] ** 2 + (each.high - each.value)[1] ** 2
    assert apart.low[0] == pytest.approx(apart.value[0] - np.sqrt(squares))
    rng = np.random.default_rng(7)
    rows, shift = np.full((2, FOLDS), 20.0), rng.normal(0, 0.08, (1, FOLDS))
    drawn = [rng.binomial(20, np.clip(0.2 + s * np.repeat(shift, 2, axis=0), 0, 0.5)).astype(float) for s in (1, -1)]
    mixed = [np.stack([x[0], rng.permutation(x[1])]) for x in drawn]
    crossed = bound_change_of_gap(Flips(*drawn, rows), one, other, 0.025, folds=True)
    strangers = bound_change_of_gap(Flips(*mixed, rows), one, other, 0.025, folds=True)
    assert crossed.value == pytest.approx(strangers.value)
    assert crossed.high - crossed.low < 0.8 * (strangers.high - strangers.low)


def test_all_pairs_of_groups_are_compared_at_once():
    rng = np.random.default_rng(8)
    rows = rng.integers(1, 9, (70, FOLDS)).astype(float)
    drawn = [rng.binomial(rows.astype(int), rate).astype(float) for rate in (0.2, 0.1)]
    every = np.arange(70)
    i, j = np.meshgrid(every, every, indexing="ij")
    found = bound_change_of_gap(Flips(*drawn, rows), i, j, 0.025, folds=True)
    assert found.low.shape == (70, 70)
    broadcast = bound_change_of_gap(Flips(*drawn, rows), every[:, None], every[None, :], 0.025, folds=True)
    assert broadcast.low == pytest.approx(found.low)
    assert found.low == pytest.approx(-found.high.T)
    one = bound_change_of_gap(Flips(*drawn, rows), np.array([69]), np.array([3]), 0.025, folds=True)
    assert found.low[69, 3] == pytest.approx(one.low[0])


def test_the_number_of_folds_is_that_of_counting():
    assert HASHED == FOLDS
