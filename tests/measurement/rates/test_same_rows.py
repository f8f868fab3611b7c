"""The correlation of a rate in two runs about the same rows: that of the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from audit.axes import AGAINST, FOLD, LABEL, PREDICTION
from audit.cube import Axis, Cube
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.rates.same_rows import correlate_rates

ROWS = 3000


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    label, old = rng.integers(0, 2, ROWS), np.zeros(ROWS, dtype=int)
    old = (rng.random(ROWS) < 0.3 + 0.4 * label).astype(int)
    new = np.where(rng.random(ROWS) < 0.7, old, rng.integers(0, 2, ROWS))
    return rng.integers(0, 2, ROWS), label, new, old, rng.integers(0, 100, ROWS)


def make_cube(rows, *, folds=False):
    axes = [Axis("race", ("a", "b")), *(Axis(name, ("0", "1")) for name in (LABEL, PREDICTION, AGAINST))]
    axes += [Axis(FOLD, tuple(map(str, range(100))))] if folds else []
    n = np.zeros([len(axis.levels) for axis in axes], dtype=np.int64)
    np.add.at(n, rows if folds else rows[:4], 1)
    return Cube(axes, {"n": n})


@pytest.mark.parametrize("group", [0, 1])
def test_of_selections_it_is_the_correlation_of_both_columns(rows, group):
    race, _, new, old, _ = rows
    found = correlate_rates(make_cube(rows), CATALOGUE["selection_rate"], ("race",))
    mine = race == group
    assert found["ab"[group],] == pytest.approx(np.corrcoef(new[mine], old[mine])[0, 1])


def test_of_a_true_positive_rate_it_is_that_of_rows_with_the_label(rows):
    race, label, new, old, _ = rows
    found = correlate_rates(make_cube(rows), CATALOGUE["true_positive_rate"], ("race",))
    mine = (race == 0) & (label == 1)
    assert found["a",] == pytest.approx(np.corrcoef(new[mine], old[mine])[0, 1])


def test_of_precision_it_is_that_of_what_each_row_adds(rows):
    """Denominators differ between the runs; the linearised ratio of each is computed row by row."""
    race, label, new, old, _ = rows
    found = correlate_rates(make_cube(rows), CATALOGUE["precision"], ("race",))
    mine = race == 1
    moves = [d[mine] * (label[mine] - label[mine][d[mine] == 1].mean()) for d in (new, old)]
    product = (moves[0] * moves[1]).sum() / np.sqrt((moves[0] ** 2).sum() * (moves[1] ** 2).sum())
    assert found["b",] == pytest.approx(product)


def test_folds_of_a_unit_are_correlated_in_place_of_rows_and_taken_for_less(rows):
    plain = correlate_rates(make_cube(rows), CATALOGUE["selection_rate"], ("race",))
    found = correlate_rates(make_cube(rows, folds=True), CATALOGUE["selection_rate"], ("race",))
    assert found["a",] == pytest.approx(plain["a",], abs=0.35)
    assert found["a",] < plain["a",]


def test_of_few_events_a_correlation_may_only_widen(rows):
    few = tuple(column[:30] for column in rows)
    found = correlate_rates(make_cube(few), CATALOGUE["selection_rate"], ("race",))
    assert all(r <= 0 for r in found.values())
    nobody = tuple(column[:0] for column in rows)
    assert correlate_rates(make_cube(nobody), CATALOGUE["selection_rate"], ("race",)) == {}
