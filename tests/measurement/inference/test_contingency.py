"""Two samples and two rates, beside scipy; clustered rows, beside a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2_contingency, fisher_exact

from audit.measurement.inference.contingency import at_least, rates_apart, shift


def column(*counts):
    return np.array(counts, dtype=float)[:, None]


def test_shift_is_pearson_and_half_the_distance():
    first, second = (60, 30, 110), (90, 45, 65)
    found = shift(column(*first), column(*second))
    assert found.p_value == pytest.approx(chi2_contingency([first, second], correction=False).pvalue, rel=1e-10)
    expected = sum(abs(a / 200 - b / 200) for a, b in zip(first, second, strict=True)) / 2
    assert found.variation == pytest.approx(expected)


def test_small_categories_are_taken_together():
    found = shift(column(100, 100, 1, 2, 1), column(100, 100, 0, 0, 3))
    whole = chi2_contingency([[100, 100, 4], [100, 100, 3]], correction=False).pvalue
    assert found.p_value == pytest.approx(whole, rel=1e-10)
    assert found.variation > 0


def test_nobody_and_one_category():
    assert shift(column(0, 0), column(3, 4)) is None
    assert shift(column(5), column(9)).p_value == 1


def test_rates_are_fishers():
    hits, rows = np.array([[7.0], [1.0]]), np.array([[20.0], [30.0]])
    assert rates_apart(hits, rows) == pytest.approx(fisher_exact([[7, 13], [1, 29]]).pvalue, rel=1e-6)
    assert rates_apart(hits, np.array([[20.0], [0.0]])) is None


def test_at_least_is_the_binomial_tail():
    assert at_least(7, 20, 0.2) == pytest.approx(binom.sf(6, 20, 0.2))
    assert at_least(0, 20, 0.2) == 1


def test_clusters_raise_no_more_false_alarms_than_promised():
    """Two samples of 120 people with 10 rows each, every row of one person alike; 100 folds."""
    rng, alarms, naive = np.random.default_rng(0), 0, 0
    for _ in range(400):
        samples = []
        for _ in range(2):
            table = np.zeros((3, 100))
            np.add.at(table, (rng.choice(3, 120, p=[0.5, 0.3, 0.2]), rng.integers(0, 100, 120)), 10)
            samples.append(table)
        alarms += shift(*samples).p_value <= 0.05
        naive += shift(*(s.sum(axis=1, keepdims=True) for s in samples)).p_value <= 0.05
    assert alarms / 400 < 0.09
    assert naive / 400 > 0.3
