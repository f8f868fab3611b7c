"""Statistics that are no conditional probability: their intervals cover, or say that they may not."""

from __future__ import annotations

import numpy as np
import pytest

import audit
from audit.measurement.inference.confusion import smooth
from audit.measurement.inference.pairs import single
from audit.measurement.metrics.confusion import STATISTICS

TABLES = [(0.4, 0.1, 0.1, 0.4), (0.7, 0.1, 0.1, 0.1), (0.88, 0.04, 0.04, 0.04), (0.05, 0.05, 0.2, 0.7)]


def unit(metric):
    low, high = metric.range
    return lambda *cells: (metric.of(*cells) - low) / (high - low)


@pytest.mark.parametrize("metric", STATISTICS, ids=lambda m: m.name)
@pytest.mark.parametrize("table", TABLES, ids=str)
@pytest.mark.parametrize("n", [30, 100, 400, 2000])
def test_intervals_cover_or_are_marked(metric, table, n):
    rng = np.random.default_rng(17)
    cells = rng.multinomial(n, table, size=3000).astype(float)[:, :, None]
    truth = float(unit(metric)(*(np.array([p]) for p in table))[0])
    sample = smooth(unit(metric), metric.support, cells, cells, folds=False)
    limits, measured = single(sample, 0.025), sample.measured
    covered = np.mean(((limits.low <= truth) & (truth <= limits.high))[measured])
    marked = np.mean(sample.thin[measured])
    assert covered >= 0.93 - 0.012 or marked >= 0.7, (covered, marked)


@pytest.mark.parametrize("metric", STATISTICS, ids=lambda m: m.name)
def test_ten_rows_a_person_are_not_ten_people(metric):
    """Delete-one-fold jackknife: coverage with units in folds, and how far plain rows would fall short."""
    rng = np.random.default_rng(3)
    replicates, units = 300, 300
    people = rng.dirichlet(np.array(TABLES[0]) * 2, size=(replicates, units))
    rows = np.stack([rng.multinomial(10, p) for p in people]).astype(float)
    fold = rng.integers(0, 100, units)
    cells = np.zeros((replicates, 4, 100))
    for u in range(units):
        cells[:, :, fold[u]] += rows[:, u]
    truth = float(unit(metric)(*(np.array([p]) for p in TABLES[0]))[0])

    def coverage(sample):
        limits = single(sample, 0.025)
        return np.mean((limits.low <= truth) & (truth <= limits.high))

    assert coverage(smooth(unit(metric), metric.support, cells, cells, folds=True)) >= 0.93 - 0.03
    whole = cells.sum(axis=2, keepdims=True)
    assert coverage(smooth(unit(metric), metric.support, whole, whole, folds=False)) < 0.85


def test_the_correlation_has_its_own_scale_and_no_ratio():
    y = np.array([1, 0] * 100)
    worse = np.where(np.arange(200) % 10 < 2, 1 - y, y)
    result = audit.measure(y, np.where(np.arange(200) < 100, y, 1 - worse), groups={"g": ["a"] * 100 + ["b"] * 100})
    rates = {e.group[0]: e for e in result.find("matthews_correlation", by=["g"])}
    assert rates["a"].value == pytest.approx(1.0)
    assert rates["b"].value == pytest.approx(-0.6)
    assert rates["b"].low < -0.6 < rates["b"].high < 0
    gap = next(e for e in result.find("matthews_correlation", "difference") if e.group is None)
    assert gap.value == pytest.approx(1.6)
    assert not result.find("matthews_correlation", "ratio")


def test_a_statistic_without_its_denominator_is_undefined():
    result = audit.measure([1, 1, 0, 1], [1, 1, 0, 1], groups={"g": list("aabb")})
    assert result.find("balanced_accuracy", by=["g"], group=["a"])[0].status == "undefined"
    assert result.find("f1", by=["g"], group=["a"])[0].value == 1.0
