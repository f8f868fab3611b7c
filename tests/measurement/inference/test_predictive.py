"""The change of precision and of what is like it: against fractions, a jackknife and exact limits, and where it is wide."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from simulations import predictive
from simulations.page import Scale

from audit.measurement.inference.paired.predictive import (
    Cells,
    weigh_change,
)

TURNED_ROUND = [0, 1, 4, 5, 2, 3]
"""Cells when the new decision and the earlier one change places."""
OUTCOME_TURNED = [1, 0, 3, 2, 5, 4]
"""Cells when the other outcome is looked for."""


def cells(*groups, **more):
    """One entry a group: kept, came, went, each with and without the outcome."""
    return Cells(np.array(groups, dtype=float).T[..., None], **more)


def draw(groups, seed, folds=100, most=12):
    rows = np.random.default_rng(seed).integers(0, [[most], [most], [3], [3], [3], [3]], (groups, 6, folds))
    return np.moveaxis(rows, 1, 0).astype(float)


def ratio(hits, rows):
    return Fraction(int(hits), int(rows)) if rows else None


def test_the_change_is_the_difference_of_two_fractions():
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 9, (400, 6)) * rng.integers(0, 2, (400, 6))
    found = weigh_change(cells(*drawn)).value
    undefined = 0
    for value, (a, b, c, d, e, f) in zip(found, drawn, strict=True):
        now, before = ratio(a + c, a + b + c + d), ratio(a + e, a + b + e + f)
        if now is None or before is None:
            undefined += 1
            assert np.isnan(value)
        else:
            assert value == pytest.approx(float(now - before), abs=1e-15)
    assert 20 < undefined < 200


def test_where_nothing_changed_the_change_is_exactly_0_and_rows_bound_it():
    """Of 100 rows that both select, half right, up to 3.69 may have come (exact Poisson limit), each worth .5 / 100."""
    found = weigh_change(cells((50, 50, 0, 0, 0, 0))).bound(0.025)
    most = stats.gamma.isf(0.025, 1) * 0.5 / 100
    assert found.value == 0
    assert found.high == pytest.approx(most)
    assert found.low == pytest.approx(-most)
    folds = np.zeros((6, 1, 100))
    folds[:2, :, :25] = 10
    shared = weigh_change(Cells(folds, folds=True)).bound(0.025)
    assert shared.high == -shared.low > found.high / 5 * 2
    assert shared.few


def test_one_kind_of_change_has_its_exact_limits():
    """Eight wrong rows went, of so many that what both select has next to no error: Poisson limits of 8 and of 0."""
    kept = 200_000
    found = weigh_change(cells((kept, kept, 0, 0, 0, 8))).bound(0.025)
    each = 0.5 / (2 * kept)
    low, high = stats.gamma.ppf(0.025, 8), stats.gamma.isf(0.025, 9)
    none = stats.gamma.isf(0.025, 1)
    assert found.value == pytest.approx(8 * each, rel=1e-3)
    assert found.low == pytest.approx((8 - np.hypot(8 - low, none)) * each, rel=0.01)
    assert found.high == pytest.approx((8 + (high - 8)) * each, rel=0.01)


@pytest.mark.parametrize("weights", [False, True])
def test_swapped_decisions_and_the_other_outcome_mirror_every_limit(weights):
    for folds in (False, True):
        rows = draw(30, 2)
        rows = rows if folds else rows.sum(axis=-1, keepdims=True)
        squares = rows * 1.7 if weights else None
        found = weigh_change(Cells(rows, squares, folds))
        for order in (TURNED_ROUND, OUTCOME_TURNED):
            other = weigh_change(Cells(rows[order], None if squares is None else squares[order], folds))
            one, two = found.bound(0.025), other.bound(0.025)
            assert two.value == pytest.approx(-one.value, abs=1e-14)
            assert two.low == pytest.approx(-one.high, abs=1e-12)
            assert two.high == pytest.approx(-one.low, abs=1e-12)
            assert other.find_p_values() == pytest.approx(found.find_p_values(), abs=1e-9)


def test_fewer_than_six_changed_decisions_never_leave_0_out():
    rng = np.random.default_rng(3)
    changed = [np.bincount(rng.integers(0, 4, rng.integers(0, 6)), minlength=4) for _ in range(300)]
    rows = [(*rng.integers(0, 4, 2), *each) for each in changed]
    found = weigh_change(cells(*rows)).bound(0.2)
    assert ((found.low <= 0) & (found.high >= 0)).all()
    assert found.few.all()
    six = weigh_change(cells((500, 500, 0, 0, 0, 6))).bound(0.025)
    assert six.low > 0
    assert not six.few


def delete_one(change_of, units):
    """Variance of a number by leaving out each row or unit in turn."""
    left = np.array([change_of(np.delete(units, i, axis=-1).sum(axis=-1)) for i in range(units.shape[-1])])
    n = units.shape[-1]
    return (n - 1) / n * ((left - left.mean()) ** 2).sum()


def change_of(total):
    a, b, c, d, e, f = total
    return (a + c) / (a + b + c + d) - (a + e) / (a + b + e + f)


def test_the_interval_of_many_changes_is_that_of_the_jackknife():
    """Every row left out in turn, by cells: a row of a cell leaves the same change."""
    total = np.array([300.0, 150.0, 90.0, 70.0, 80.0, 60.0])
    each = np.repeat(np.eye(6), total.astype(int), axis=0).T
    reach = 1.96 * np.sqrt(delete_one(change_of, each))
    found = weigh_change(cells(total)).bound(0.025)
    assert (found.low[0], found.high[0]) == pytest.approx(
        (change_of(total) - reach, change_of(total) + reach), abs=0.05 * reach
    )


def test_weights_count_by_their_squares():
    rng = np.random.default_rng(4)
    cell, weight = rng.choice(6, 1500, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1]), rng.lognormal(sigma=0.7, size=1500)
    rows, squares = (np.array([(w * (cell == k)).sum() for k in range(6)])[:, None, None] for w in (weight, weight**2))
    found = weigh_change(Cells(rows, squares)).bound(0.025)
    reach = 1.96 * np.sqrt(delete_one(change_of, np.eye(6)[:, cell] * weight))
    assert (found.high - found.low)[0] / 2 == pytest.approx(reach, rel=0.06)
    plain = weigh_change(Cells(np.bincount(cell, minlength=6)[:, None, None])).bound(0.025)
    assert (found.high - found.low)[0] > 1.1 * (plain.high - plain.low)[0]


def test_units_have_students_t_over_folds():
    units = draw(1, 5)[:, 0]
    found = weigh_change(Cells(units[:, None], folds=True)).bound(0.025)
    reach = stats.t.isf(0.025, found.df[0]) * np.sqrt(delete_one(change_of, units))
    assert (found.low[0], found.high[0]) == pytest.approx(
        (found.value[0] - reach, found.value[0] + reach), abs=0.02 * reach
    )
    assert 20 < found.df[0] < 100
    assert not found.few[0]


def test_few_units_have_few_degrees_of_freedom_and_are_marked():
    found = weigh_change(Cells(draw(1, 6, folds=3, most=30), folds=True)).bound(0.025)
    assert found.df[0] <= 2
    assert found.few[0]
    assert found.high - found.low > 0.5


def test_rows_counted_four_times_under_their_unit_are_no_more_rows():
    rows = draw(4, 7)
    once, again = (weigh_change(Cells(x, folds=True)).bound(0.025) for x in (rows, 4 * rows))
    assert again.low == pytest.approx(once.low, abs=1e-9)
    blind = weigh_change(Cells(4 * rows.sum(axis=-1, keepdims=True))).bound(0.025)
    assert (again.high - again.low > 1.2 * (blind.high - blind.low)).all()


def test_where_a_decision_selects_nobody_any_change_is_possible():
    found = weigh_change(cells((0, 0, 3, 1, 0, 0), (0, 0, 0, 0, 0, 0), (9, 5, 3, 1, 1, 2)))
    alone = found.bound(0.025)
    assert np.isnan(alone.value[:2]).all()
    assert alone.low.tolist()[:2] == [-1, -1]
    assert alone.high.tolist()[:2] == [1, 1]
    gap = found.bound_gap(np.array([0]), np.array([2]), 0.025)
    assert (gap.low[0], gap.high[0]) == (-2, 2)
    shared = weigh_change(Cells(np.repeat(found.influence[..., None] * 0, 100, axis=-1), folds=True))
    alone, gap = shared.bound(0.025), shared.bound_gap(np.array([0]), np.array([1]), 0.025)
    assert (alone.low[0], alone.high[0], gap.low[0], gap.high[0]) == (-1, 1, -2, 2)


def test_a_p_value_is_the_error_at_which_the_interval_leaves_0_out():
    for made in (Cells(draw(20, 8).sum(axis=-1, keepdims=True)), Cells(draw(20, 8, most=4), folds=True)):
        change = weigh_change(made)
        for i, p in enumerate(change.find_p_values()):
            if p == 1:
                continue
            for error, out in ((1.01 * p, True), (0.99 * p, False)):
                net = change.bound(error / 2)
                assert bool((net.low[i] > 0) | (net.high[i] < 0)) == out


def test_the_gap_of_independent_groups_is_that_of_their_limits():
    found = weigh_change(cells((60, 30, 9, 7, 8, 4), (300, 150, 30, 40, 20, 10)))
    one, other = (weigh_change(cells(each)).bound(0.025) for each in ((60, 30, 9, 7, 8, 4), (300, 150, 30, 40, 20, 10)))
    gap = found.bound_gap(np.array([0]), np.array([1]), 0.025)
    below = np.hypot(one.value - one.low, other.high - other.value)
    assert gap.low == pytest.approx(one.value - other.value - below)
    pairs = found.bound_gap(np.arange(2)[:, None], np.arange(2)[None, :], 0.025)
    assert pairs.low[0, 1] == pytest.approx(gap.low[0])
    assert pairs.low == pytest.approx(-pairs.high.T)


def test_a_group_is_held_to_everybody_with_what_both_share():
    """The group's rows move everybody's change too: the limits are those of the jackknife of the difference."""
    own, rest = np.array([300.0, 150, 50, 60, 40, 30]), np.array([500.0, 300, 80, 50, 70, 90])
    both = weigh_change(cells(own, own + rest))
    found = both.bound_to_whole(np.array([0]), 0.025)
    each = np.hstack([np.repeat(np.eye(6), x.astype(int), axis=0).T for x in (own, rest)])
    part = np.r_[np.ones(int(own.sum())), np.zeros(int(rest.sum()))]

    def apart(total):
        return change_of(total[:6]) - change_of(total[6:])

    reach = 1.96 * np.sqrt(delete_one(apart, np.vstack([each * part, each])))
    assert found.value[0] == pytest.approx(change_of(own) - change_of(own + rest))
    assert (found.high - found.low)[0] / 2 == pytest.approx(reach, rel=0.05)
    few = weigh_change(cells((300, 150, 2, 3, 2, 1), (800, 450, 50, 60, 70, 90)))
    blind = few.bound_gap(np.array([0]), np.array([1]), 0.025)
    assert few.bound_to_whole(np.array([0]), 0.025).low == pytest.approx(blind.low)


@pytest.mark.slow
@pytest.mark.parametrize("simulate", [predictive.independent, predictive.gaps, predictive.weighted])
def test_every_bound_holds_at_full_size(simulate):
    _, demands = simulate(Scale(fast=False))
    assert [d for d in demands if not d.held] == []
