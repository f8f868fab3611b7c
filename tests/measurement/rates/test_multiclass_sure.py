"""How sure averages over classes and the worst class are: coverage and false verdicts, by seeded simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audit.measurement.inference.pairs import single
from audit.measurement.measure import Scope
from audit.measurement.metrics.multiclass import MACRO, WORST
from audit.measurement.metrics.rates import RATES
from audit.measurement.rates.multiclass import ClassGrouping, class_tables, worst_class


def confusion(base, right):
    """Share of every cell: labels by ``base``, right with one probability, wrong ones evenly."""
    base = np.array(base, dtype=float) / sum(base)
    width = len(base)
    given = np.full((width, width), (1 - right) / (width - 1))
    np.fill_diagonal(given, right)
    return base[:, None] * given


def grouped(counts, folded=False):
    groups, width = counts.shape[:2]
    names = tuple(f"c{i}" for i in range(width))
    return ClassGrouping(("g",), tuple((f"g{i}",) for i in range(groups)), {"n": counts}, 0, 0.0, folded,
                         names, (True,) * width)  # fmt: skip


def coverage(found, metric, shares):
    low, high = metric.range
    sample = found.sample(metric)
    truth = (metric.of(shares[None] * 1e6, np.ones(len(shares), dtype=bool))[0] - low) / (high - low)
    limits = single(sample, 0.025)
    kept = (limits.low <= truth) & (truth <= limits.high)
    return kept[sample.measured].mean(), sample.thin[sample.measured].mean()


@pytest.mark.parametrize("right", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [50, 200, 1000])
@pytest.mark.parametrize("base", [(1, 1, 1), (6, 3, 1), (10, 5, 3, 1, 1), (1,) * 10], ids=str)
def test_intervals_cover_or_are_marked(base, n, right):
    """Many groups are many samples; where an interval of this size falls short, nearly all are marked."""
    width, shares, reps = len(base), confusion(base, right), 1500
    drawn = np.random.default_rng(n + width).multinomial(n, shares.ravel(), reps).reshape(reps, width, width, 1)
    for metric in MACRO:
        kept, marked = coverage(grouped(drawn), metric, shares)
        assert kept >= 0.93 - 2.5 * math.sqrt(0.93 * 0.07 / reps) or marked > 0.9, (metric.name, kept, marked)


def test_rows_that_share_a_person_are_not_independent():
    """Ten rows a person, whose chance of being right differs: plain rows cover far less than they say."""
    rng, reps, right, base = np.random.default_rng(4), 200, 0.8, np.array([0.6, 0.3, 0.1])
    drawn = np.zeros((reps, 3, 3, 100), dtype=np.int64)
    for i in range(reps):
        person = np.repeat(np.arange(60), 10)
        y = rng.choice(3, 600, p=base)
        good = rng.random(600) < rng.beta(right * 1.5, (1 - right) * 1.5, 60)[person]
        p = np.where(good, y, (y + rng.integers(1, 3, 600)) % 3)
        np.add.at(drawn, (i, y, p, rng.integers(0, 100, 60)[person]), 1)
    for metric in MACRO:
        together, _ = coverage(grouped(drawn, folded=True), metric, confusion(base, right))
        alone, _ = coverage(grouped(drawn.sum(axis=3, keepdims=True)), metric, confusion(base, right))
        assert together >= 0.89, metric.name
        # The correlation of several classes is bounded at no more than its rows, which is wide.
        assert alone < 0.85, metric.name


def test_a_class_that_lives_in_one_fold_is_worth_one_row():
    counts = np.zeros((1, 3, 3, 20), dtype=np.int64)
    for fold in range(20):
        counts[0, :2, :2, fold] = [[8 + fold % 3, 2], [1 + fold % 2, 9]]
    counts[0, 2, 2, 3] = 12
    sample = grouped(counts, folded=True).sample(MACRO[0])
    assert sample.n[0] <= 1
    assert sample.thin[0]
    spread = counts.copy()
    spread[0, 2, 2, :] = 1
    assert grouped(spread, folded=True).sample(MACRO[0]).n[0] > 10


def verdicts(shares, n, limit, reps, seed):
    """Share of samples in which the largest gap of true positive rates fails a limit, and passes it."""
    rng, width, failed, passed = np.random.default_rng(seed), len(shares[0]), 0, 0
    worst = next(m for m in WORST if m.rate == "true_positive_rate")
    rate = next(m for m in RATES if m.name == worst.rate)
    for _ in range(reps):
        drawn = np.stack([rng.multinomial(n, s.ravel()).reshape(width, width, 1) for s in shares])
        found = worst_class(worst, rate, class_tables(grouped(drawn), Scope(groups=("g",)), "model"))[0]
        failed += found.low is not None and found.low > limit
        passed += found.value is not None and found.high is not None and found.high <= limit
    return failed / reps, passed / reps


@pytest.mark.parametrize("n", [100, 1000])
def test_equal_groups_rarely_fail_in_any_class(n):
    shares = [confusion((4, 3, 2, 1), 0.7)] * 3
    failed, _ = verdicts(shares, n, 0.02, 200, n)
    assert failed <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 200)


def test_a_class_beyond_the_limit_rarely_passes_and_fails_once_there_are_rows():
    fair, unfair = confusion((1, 1, 1), 0.8), confusion((1, 1, 1), 0.8)
    unfair[2] = np.array([0.2, 0.2, 0.6]) / 3
    assert verdicts([fair, unfair], 300, 0.2, 200, 1)[1] <= 0.05
    failed, passed = verdicts([fair, unfair], 6000, 0.1, 50, 2)
    assert (failed, passed) == (1.0, 0.0)
    assert verdicts([fair, unfair], 6000, 0.3, 50, 3) == (0.0, 1.0)
