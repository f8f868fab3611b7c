"""Whether a gap is worse than before: false alarms of equal models, power at the planned size, and both ways round."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from audit.measurement.inference.effective import folded, plain, weighted
from audit.measurement.inference.pairs import gap
from audit.measurement.rates.gap_changes import (
    FINEST,
    Before,
    Rates,
    bound_worsening,
    find_detectable,
    test_interval_worse,
    test_worse,
)

test_worse.__test__ = test_interval_worse.__test__ = False
READINGS = ("difference", "ratio", "lowest", "highest")
HARD = {
    "no gap, few rows": ([0.5] * 2, [30] * 2),
    "a gap of two groups": ([0.4, 0.6], [200] * 2),
    "a gap of two rare rates": ([0.02, 0.1], [100] * 2),
    "twelve equal groups": ([0.3] * 12, [40] * 12),
    "one far from five equal": ([0.2] + [0.6] * 5, [100] * 6),
    "twelve uneven groups": (np.linspace(0.2, 0.6, 12), np.linspace(20, 400, 12).astype(int)),
}


def rates(hits, rows, blocks=None):
    hits, rows = np.asarray(hits, dtype=float), np.asarray(rows, dtype=float)
    block = np.zeros(len(rows), dtype=int) if blocks is None else np.asarray(blocks)
    return Rates(hits / rows, rows, np.full(len(rows), np.inf), block)


def before(made, r=None, *, dependent=False):
    return Before(made, np.arange(len(made.p)), r, dependent)


def count_worse(p, rows, reading, pairs, seed=1, lost=0.0):
    rng, p, rows = np.random.default_rng(seed), np.asarray(p, dtype=float), np.asarray(rows)
    q = p.copy()
    q[p.argmax() if reading == "highest" else p.argmin()] += lost if reading == "highest" else -lost
    found = 0
    for _ in range(pairs):
        old, new = rng.binomial(rows, p), rng.binomial(rows, q)
        found += bound_worsening(rates(new, rows), before(rates(old, rows)), reading, 0.05) > 0
    return found / pairs


@pytest.mark.parametrize("reading", ["difference", "ratio"])
@pytest.mark.parametrize("case", ["a gap of two groups", "twelve equal groups"])
def test_equal_models_are_seldom_called_worse(case, reading):
    # Of 300, 23 or more would have a chance of 1 in 100 at an error of .05.
    assert count_worse(*HARD[case], reading, pairs=300) <= 23 / 300


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("case", HARD)
def test_a_thousand_pairs_of_equal_models_are_called_worse_in_five_of_a_hundred_at_most(case, reading):
    assert count_worse(*HARD[case], reading, pairs=4000) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 4000)


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("kind", ["units", "weights"])
def test_so_are_those_of_shared_units_and_of_weights(kind, reading):
    rng, found, pairs = np.random.default_rng(3), 0, 1000
    for _ in range(pairs):
        old, new = (draw_units(rng) if kind == "units" else draw_weights(rng) for _ in range(2))
        found += bound_worsening(new, before(old), reading, 0.05) > 0
    assert found / pairs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / pairs)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["a gap of two groups", "twelve equal groups", "one far from five equal"])
def test_gaps_that_are_compared_by_their_intervals_err_no_more(case):
    """As those of values that have no counts, such as areas under curves."""
    p, rows = map(np.asarray, HARD[case])
    rng, found, pairs = np.random.default_rng(4), 0, 1000
    for _ in range(pairs):
        old, new = (gap(plain(rng.binomial(rows, p), rows), "difference", 0.025) for _ in range(2))
        reach = (new.value, new.value - new.low), (old.value, old.high - old.value)
        found += test_interval_worse(*reach, 1.96, dependent=False) <= 0.05
    assert found / pairs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / pairs)


def draw_units(rng):
    """Three groups of 60 units of 1 to 9 rows that are decided alike; two of the groups are equal, one is lower."""
    hits, total = np.zeros((100, 3)), np.zeros((100, 3))
    for group, share in enumerate((0.4, 0.6, 0.6)):
        sizes, folds = rng.integers(1, 10, 60), rng.integers(0, 100, 60)
        np.add.at(total[:, group], folds, sizes)
        np.add.at(hits[:, group], folds, sizes * (rng.random(60) < share))
    found = folded(hits, total, total.sum(axis=0))
    return Rates(found.p, found.n, found.df, np.zeros(3, dtype=int))


def draw_weights(rng):
    """Three groups of 150 rows with lognormal weights."""
    weights = rng.lognormal(0, 0.8, (3, 150))
    event = rng.random((3, 150)) < np.array([0.4, 0.6, 0.6])[:, None]
    squares = weights**2
    found = weighted(
        (weights * event).sum(axis=1), weights.sum(axis=1), (squares * event).sum(axis=1), squares.sum(axis=1)
    )
    return Rates(found.p, found.n, found.df, np.zeros(3, dtype=int))


@pytest.mark.parametrize(("reading", "seed"), [("difference", 5), ("lowest", 6)])
def test_a_worsening_of_the_planned_size_is_found(reading, seed):
    p, rows = np.array([0.5, 0.6, 0.62]), np.array([400, 500, 600])
    planned = find_detectable(rates(p * rows, rows), before(rates(p * rows, rows)), reading, 0.05)
    assert 0.05 < planned < 0.3
    assert count_worse(p, rows, reading, pairs=300, seed=seed, lost=planned) >= 0.87
    assert count_worse(p, rows, reading, pairs=300, seed=seed, lost=planned / 3) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    ("p", "rows"),
    [
        ([0.5, 0.6], [500] * 2),
        ([0.5, 0.5], [500] * 2),
        ([0.675, 0.775, 0.911], [197, 111, 1681]),
        (np.linspace(0.3, 0.6, 12), [400] * 12),
    ],
)
def test_a_worsening_of_the_planned_size_is_found_in_nine_of_ten(p, rows, reading):
    hits = np.asarray(p) * np.asarray(rows)
    planned = find_detectable(rates(hits, rows), before(rates(hits, rows)), reading, 0.05)
    assert planned is not None
    assert count_worse(p, rows, reading, pairs=3000, seed=8, lost=planned) >= 0.9 - 2 * math.sqrt(0.09 / 3000)


def decide_again(rng, decided, lost):
    """The decisions of before, of which one in a hundred is made anew; some of the lowest group's are lost."""
    new = [np.where(rng.random(len(d)) < 0.01, rng.random(len(d)) < d.mean(), d).astype(int) for d in decided]
    new[0] = np.where(rng.random(len(new[0])) < lost / decided[0].mean(), 0, new[0])
    return new


def correlate(one, other):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)])


@pytest.mark.parametrize("reading", ["ratio", "lowest"])
def test_a_worsening_of_the_planned_size_is_found_among_the_same_people(reading):
    """Who loses makes the two decisions less alike; with their correlation of before, 5 in 100 were found."""
    rng, rows = np.random.default_rng(3), np.array([300, 300])
    decided = [np.repeat([1, 0], [120, 180]), np.repeat([1, 0], [180, 120])]
    old, found, pairs = rates([120, 180], rows), 0, 300
    planned = find_detectable(old, before(old, np.array([0.98, 0.98])), reading, 0.05)
    assert 0.03 < planned < 0.08
    for _ in range(pairs):
        new = decide_again(rng, decided, planned)
        made = rates([d.sum() for d in new], rows)
        found += bound_worsening(made, before(old, correlate(decided, new)), reading, 0.05) > 0
    assert found / pairs >= 0.9 - 2 * math.sqrt(0.09 / pairs)


def test_what_is_planned_beside_the_same_decisions_is_never_a_change_of_one_row():
    same = rates([120, 180], [300, 300])
    assert find_detectable(same, before(same, np.ones(2)), "ratio", 0.05) > 5 / 300


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("dependent", [False, True])
def test_a_result_beside_itself_is_not_worse(reading, dependent):
    made = rates([40, 90, 55], [100, 120, 110])
    assert test_worse(made, before(made, dependent=dependent), reading) == 1.0


def test_two_groups_of_many_rows_are_tested_as_four_shares_are():
    """Of one pair nothing is corrected; the z of four independent shares is the independent computation."""
    old, new, rows = np.array([0.6, 0.7]), np.array([0.58, 0.7]), np.array([20_000, 20_000])
    p = test_worse(rates(new * rows, rows), before(rates(old * rows, rows)), "difference")
    error = math.sqrt(sum(x * (1 - x) / 20_000 for x in (*old, *new)))
    assert p == pytest.approx(1 - NormalDist().cdf(0.02 / error), rel=0.02)


def test_rows_that_are_the_same_find_more_and_rows_that_may_be_find_less():
    old, new, rows = rates([120, 140], [200, 200]), rates([100, 140], [200, 200]), 2
    apart = test_worse(new, before(old), "difference")
    paired = test_worse(new, before(old, np.full(rows, 0.8)), "difference")
    perhaps = test_worse(new, before(old, dependent=True), "difference")
    assert paired < apart < perhaps
    # With opposite decisions the limits are those of any dependence, for a pair whose groups are the same.
    assert bound_worsening(new, before(old, np.full(rows, -1.0)), "difference", 0.05) >= bound_worsening(
        new, before(old, dependent=True), "difference", 0.05
    )


def test_an_earlier_gap_that_may_have_been_larger_hides_a_worsening():
    """Five rows of a third group: whether it was further away before, nobody knows."""
    old, new = rates([300, 350], [500, 500]), rates([200, 350], [500, 500])
    assert test_worse(new, before(old), "difference") < 0.001
    small = rates([300, 350, 2], [500, 500, 5]), rates([200, 350, 2], [500, 500, 5])
    assert test_worse(small[1], before(small[0]), "difference") > 0.05


def test_no_events_now_are_a_smaller_ratio_and_no_events_before_leave_nothing_to_lose():
    some, none = rates([60, 120], [200, 200]), rates([0, 120], [200, 200])
    assert test_worse(none, before(some), "ratio") < 0.001
    assert test_worse(some, before(none), "ratio") == 1.0


def test_only_rates_of_one_block_are_compared():
    """True and false positive rates lie far from each other in every group, which is no gap."""
    old = rates([80, 80, 10, 10], [100] * 4, [0, 0, 1, 1])
    new = rates([80, 80, 10, 40], [100] * 4, [0, 0, 1, 1])
    assert test_worse(new, before(old), "difference") < 0.01
    assert test_worse(old, before(new), "difference") == 1.0


def test_intervals_are_compared_by_how_far_they_reach_towards_each_other():
    z = 1.96
    apart = test_interval_worse((0.4, 0.1), (0.2, 0.1), z, dependent=False)
    assert apart == pytest.approx(1 - NormalDist().cdf(z * 0.2 / math.hypot(0.1, 0.1)))
    assert test_interval_worse((0.4, 0.1), (0.2, 0.1), z, dependent=True) > apart
    assert test_interval_worse((0.2, 0.1), (0.4, 0.1), z, dependent=False) == 1.0
    assert test_interval_worse((0.4, 0.0), (0.2, 0.0), z, dependent=False) == FINEST
    assert test_interval_worse((0.4, math.inf), (0.2, 0.1), z, dependent=False) == 1.0


def test_no_plan_without_room():
    nobody = rates([0, 10], [50, 50])
    assert find_detectable(nobody, before(nobody), "difference", 0.05) is None
    assert find_detectable(nobody, before(rates([5], [50])), "difference", 0.05) is None
