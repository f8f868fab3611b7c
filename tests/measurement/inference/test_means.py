"""Rare large errors and losses: a small group that happens to have none of them is not better than a large one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from simulations.tails import SCALES, _pair, drawn, of_the_large, stacked, summed, tails

import audit
from audit.measurement.inference.means import between, highest, limits, lowest, mean_gap, measured, seen_by_all, unlike
from audit.measurement.inference.scales import EXPLAINED, MEANS, ROOT_MEAN_SQUARE
from audit.pipeline.verify import describe_differences

SAMPLES = 120
ERRORS = ("mean_error", "mean_absolute_error", "root_mean_squared_error")


def against_large(law, rows, seed, times=1.0, **more):
    """Small groups of one law, all in one audit, each beside the same large one."""
    rng = np.random.default_rng(seed)
    small, large = drawn(law, rng, (SAMPLES, rows)) * times, drawn(law, rng, (20_000,))
    names = np.r_[np.repeat([f"{i:03}" for i in range(SAMPLES)], rows), np.repeat("large", 20_000)]
    e = np.r_[small.ravel(), large]
    y = rng.normal(0, 3, e.size)
    return audit.measure(y, y + e, groups={"g": names}, task="regression", reference="large", **more)


def missed(result, metric, truth=0.0, compare="difference"):
    """Shares of the comparisons with the large group that miss the truth: all, and those without a mark."""
    found = [
        e for e in result.estimates if e.metric == metric and e.compare == compare and e.group not in {None, ("large",)}
    ]
    assert len(found) == SAMPLES
    out = np.array([not (e.low is None or e.low <= truth) or not (e.high is None or truth <= e.high) for e in found])
    return out.mean(), np.mean([o and not e.flags for o, e in zip(out, found, strict=True)])


def most(share):
    return share + 2.5 * math.sqrt(share * (1 - share) / SAMPLES)


@pytest.mark.parametrize("law", ["2% twentyfold", "lognormal, s 1.5", "t with 3 df"])
@pytest.mark.parametrize("rows", [40, 90])
def test_a_small_group_without_the_rare_errors_is_not_better(law, rows):
    result = against_large(law, rows, [rows, len(law)])
    for metric in (*ERRORS, "r2"):
        assert missed(result, metric)[0] <= most(0.05), metric
    assert not describe_differences(result)


def test_what_is_said_against_everybody_else_borrows_too():
    result = against_large("1% fiftyfold", 60, 7, compare_to=["rest", "overall"])
    for who in ("difference_to_rest", "difference_to_overall"):
        assert missed(result, "mean_absolute_error", compare=who)[0] <= most(0.05)


def test_larger_errors_do_not_pass_because_their_tail_was_not_seen():
    result = against_large("2% twentyfold", 60, 11, times=2.0)
    truth = (0.98 + 0.02 * 20) * math.sqrt(2 / math.pi)
    found = [e for e in result.estimates if e.metric == "mean_absolute_error" and e.reference == ("large",)]
    assert np.mean([e.high is not None and e.high < truth for e in found]) <= most(0.05)


@pytest.mark.parametrize(("law", "rows"), [("exponential", 30), ("lognormal", 30)])
def test_a_mean_error_of_few_skewed_rows_seldom_passes_at_the_true_gap(law, rows):
    """Mean and proportion fall short together, in the same few rows; 5.7% and 5.4% passed while the latter was taken for known."""
    rng, passed = np.random.default_rng(78), []
    large = of_the_large(law, 100, rng)
    for _ in range(8):
        e = drawn(law, rng, (2_500, rows))
        passed.append(_pair("mean", law, e, large)[2])
    assert np.mean(passed) <= 0.052


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_errors_that_are_clearly_different_still_fail(times):
    rng = np.random.default_rng(5)
    verdicts = []
    for _ in range(8):
        g = np.repeat(["small", "large"], [400, 20_000])
        e = rng.normal(size=g.size) * np.where(g == "small", times, 1.0)
        rules = [{"metric": m, "compare": "difference", "max": 0.1} for m in ERRORS[1:]]
        result = audit.measure(np.zeros(g.size), e, groups={"g": g}, task="regression", gates=rules)
        verdicts += [gate.verdict for gate in result.gates]
        assert not any("small_group" in x.flags for x in result.find("mean_absolute_error", by=("g",)))
    assert set(verdicts) == {"fail"}


def test_a_small_group_is_marked_where_a_larger_one_shows_what_it_lacks():
    rng = np.random.default_rng(3)
    quiet, large = rng.normal(size=60), drawn("2% twentyfold", rng, (20_000,))
    for few, marked in ((quiet, True), (rng.normal(size=6_000), False)):
        g = np.repeat(["few", "many"], [few.size, large.size])
        e = np.r_[few, large]
        found = audit.measure(np.zeros(e.size), e, groups={"g": g}, task="regression").find(
            "mean_absolute_error", by=("g",)
        )
        flags = {x.group: x.flags for x in found if x.compare is None}
        assert ("small_group" in flags["few",]) is marked
        assert not flags["many",]


def test_persons_of_a_small_group_borrow_the_spread_of_persons():
    """Errors of all five rows of a person in fifty are large: rows are not what could be missing."""
    rng, rows, wrong = np.random.default_rng(17), 60, []
    g = np.repeat(["small", "large"], [5 * rows, 20_000])
    for sample in range(60):
        person = np.arange(g.size) // 5
        e = rng.normal(size=g.size) * np.where(rng.random(person[-1] + 1) < 0.02, 20.0, 1.0)[person]
        result = audit.measure(np.zeros(g.size), e, groups={"g": g}, unit=person + 10**6 * sample, task="regression",
                               gates=[{"metric": m, "compare": "difference", "max": 0.001} for m in ERRORS])  # fmt: skip
        wrong.append([gate.verdict == "fail" for gate in result.gates])
    assert np.mean(wrong, axis=0).max() <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 60)


@pytest.mark.parametrize("kind", ["rare positives", "rarely wrong"])
def test_losses_of_scores_borrow_as_errors_do(kind):
    rng, rows = np.random.default_rng(len(kind)), 70
    names = np.r_[np.repeat([f"{i:03}" for i in range(SAMPLES)], rows), np.repeat("large", 20_000)]
    if kind == "rare positives":
        s = rng.beta(1, 99, names.size)
        y = rng.random(names.size) < s
    else:
        s = np.where(rng.random(names.size) < 0.5, 0.01, 0.99)
        y = rng.random(names.size) < np.where(rng.random(names.size) < 0.02, 1 - s, s)
    result = audit.measure(y.astype(int), score=s, groups={"g": names}, reference="large")
    for metric in ("brier_score", "log_loss", "calibration_in_the_large"):
        assert missed(result, metric)[0] <= most(0.05), metric


def pair(scale, few, many, tail=0.025):
    found = measured(scale, stacked(summed(few[None]), summed(many[None])), folds=False)
    return found, between(found, np.array([0]), np.array([1]), tail)


def test_the_limit_of_a_size_by_hand():
    rng = np.random.default_rng(9)
    few, many = np.abs(rng.normal(size=60)), np.abs(drawn("2% twentyfold", rng, (5_000,)))
    _, apart = pair(MEANS["absolute"], few, many)
    d = many - many.mean()
    df = min(4999, (d**2).sum() ** 2 / (d**4).sum())
    own = 1 - stats.t.ppf(0.975, df) * many.std(ddof=1) / many.mean() / math.sqrt(60)
    found = measured(MEANS["absolute"], summed(many[None]), folds=False)
    lower = many.mean() - stats.t.ppf(0.975, df) * float(found.error[0])
    reach = math.hypot(few.mean() / own - few.mean(), many.mean() - lower)
    assert apart.high[0] == pytest.approx(few.mean() - many.mean() + reach)


def test_as_few_rows_as_may_lack_all_of_the_spread_have_no_limit():
    rng = np.random.default_rng(10)
    _, apart = pair(ROOT_MEAN_SQUARE, rng.normal(size=60), drawn("2% twentyfold", rng, (20_000,)))
    assert apart.high[0] == np.inf
    assert np.isfinite(apart.low[0])


@pytest.mark.parametrize("name", list(SCALES))
def test_comparisons_are_turned_round_exactly_and_groups_alike_lend_nothing(name):
    rng = np.random.default_rng(12)
    found = measured(
        SCALES[name], stacked(summed(rng.lognormal(size=(6, 50))), summed(rng.lognormal(size=(3, 90)))), folds=False
    )
    i, j = np.divmod(np.arange(81), 9)
    one, other = between(found, i, j, 0.025), between(found, j, i, 0.025)
    assert np.array_equal(one.low, -other.high)
    alone = found._replace(scale=found.scale._replace(lends=None))
    assert np.array_equal(one.low, between(alone, i, j, 0.025).low)
    assert not unlike(found).any()


@pytest.mark.parametrize("scale", [*SCALES.values(), EXPLAINED], ids=[*SCALES, "R2"])
def test_a_smaller_error_never_narrows_and_the_lender_is_the_one_with_the_largest_spread(scale):
    rng = np.random.default_rng(13)
    parts = [
        summed(rng.lognormal(sigma=s, size=(1, n)))
        for s, n in ((0.5, 40), (1.5, 90), (1.0, 300), (0.7, 1000), (1.3, 5000), (0.2, 39))
    ]
    sums = stacked(*parts)
    n = sums["w"]
    sums |= {"y": 0 * n, "yy": 9 * n, "y1_w2": 0 * n, "y2_w2": 9 * n, "y3_w2": 0 * n, "y4_w2": 243 * n,
             "square_y1_w2": 0 * n, "square_y2_w2": 9 * sums["square"]}  # fmt: skip
    found = measured(scale, sums, folds=False)
    gaps = [mean_gap(found, tail) for tail in (0.25, 0.1, 0.025, 0.001)]
    assert all(a.low >= b.low and a.high <= b.high for a, b in zip(gaps, gaps[1:], strict=False))
    own = limits(found, 0.1)
    every, some = np.arange(len(n))[:, None], np.arange(len(n))[None, :]
    furthest = lowest(found, own, every, some, 0.1), highest(found, own, every, some, 0.1)
    by_all = seen_by_all(found, own, 0.1)
    np.testing.assert_allclose(by_all.low, np.broadcast_to(furthest[0], (len(n), len(n))).min(axis=1))
    np.testing.assert_allclose(by_all.high, np.broadcast_to(furthest[1], (len(n), len(n))).max(axis=1))


def test_without_borrowing_the_bounds_of_the_page_are_missed(monkeypatch):
    from simulations import tails as page
    from simulations.page import Scale

    alone = {k: v._replace(lends=None) for k, v in SCALES.items()}
    monkeypatch.setattr(page, "SCALES", alone)
    _, demands = tails(Scale(fast=True))
    broken = [d.what for d in demands if not d.held]
    assert "a small group beside a large one: false fails, equal laws of errors" in broken
    assert "a small group beside a large one: intervals that miss without a mark" in broken
    assert "a small group beside a large one: false passes, limit at the true gap" in broken
    assert "ten small groups beside a large one: false fails, equal laws of errors" in broken
