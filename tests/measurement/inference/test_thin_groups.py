"""Few events prove little: false fails and passes of the gate where a group is thin, exactly, and what agrees with it."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples, some_now
from scipy.stats import binom, fisher_exact

import audit
from audit.measurement.inference.contingency import inverted_p
from audit.measurement.inference.corrections import gap_p_value
from audit.measurement.inference.effective import folded, plain, weighted
from audit.measurement.inference.intervals import clopper_pearson
from audit.measurement.inference.pairs import against, extreme, gap, guarded, shown_against, single
from audit.measurement.inference.sample_size import rows_against

LIMITS = (("ratio", 0.8), ("ratio", 0.9), ("difference", 0.01), ("difference", 0.05), ("difference", 0.1))
TAIL = 0.025


def events(n, p):
    """Counts that matter, and how likely each is."""
    x = np.arange(binom.ppf(1e-9, n, p), binom.isf(1e-9, n, p) + 1)
    return x, binom.pmf(x, n, p)


def verdicts(sizes, rates, kind, limit, tail=TAIL):
    """Chance that two groups fail, and that they pass, by the comparisons with a reference: all outcomes at once."""
    (x, px), (y, py) = (events(n, p) for n, p in zip(sizes, rates, strict=True))
    first = np.repeat(x, len(y)), np.full(len(x) * len(y), float(sizes[0]))
    second = np.tile(y, len(x)), np.full(len(x) * len(y), float(sizes[1]))
    sample = plain(np.stack([first[0], second[0]], axis=1), np.stack([first[1], second[1]], axis=1))
    one, other = (against(sample, kind, at, tail) for at in (1, 0))
    low, high = np.stack([one.low[:, 0], other.low[:, 1]]), np.stack([one.high[:, 0], other.high[:, 1]])
    if kind == "difference":
        fails, passes = (low > limit).any(axis=0), (high <= limit).all(axis=0)
    else:
        fails, passes = (high < limit).any(axis=0), (low >= limit).all(axis=0)
    mass = np.outer(px, py).ravel()
    return float(mass @ fails), float(mass @ passes)


def truths(p, kind, limit):
    """Equal rates, and rates whose true gap stands at the limit either way."""
    apart = (p * limit if kind == "ratio" else p + limit, p)
    return (p, p), apart, apart[::-1]


@pytest.mark.parametrize("other", some_now([100, 10_000, 100_000], 2))
@pytest.mark.parametrize("n", [5, 8, 12, 40, 100, 900])
def test_equal_groups_and_gaps_at_the_limit_fail_or_pass_falsely_in_at_most_one_of_twenty(n, other):
    for p, (kind, limit) in product((0.001, 0.01, 0.03, 0.1, 0.5), LIMITS):
        for rates in truths(p, kind, limit):
            for turned in (False, True):
                fails, passes = verdicts((n, other), [1 - r if turned else r for r in rates], kind, limit)
                at_limit = not turned or kind == "difference"
                equal = rates[0] == rates[1]
                assert fails <= 0.05 or not (at_limit or equal), (rates, kind, limit, turned)
                assert passes <= 0.05 or equal or not at_limit, (rates, kind, limit, turned)


@pytest.mark.parametrize(("groups", "n", "large", "rate"), [(29, 10, 100_000, 0.003), (5, 6, 10_000, 0.01),
                                                          (8, 30, 1_000, 0.02), (60, 5, 20_000, 0.05)])  # fmt: skip
@pytest.mark.parametrize(("kind", "limit"), [("ratio", 0.8), ("difference", 0.01)])
def test_many_tiny_groups_beside_a_large_one_seldom_fail_when_all_are_equal(groups, n, large, rate, kind, limit):
    rng, sizes = np.random.default_rng(20260101), np.array([n] * groups + [large])
    found = [gap(plain(x, sizes.astype(float)), kind, TAIL) for x in rng.binomial(sizes, rate, (400, groups + 1)) * 1.0]
    assert np.mean([f.low > limit if kind == "difference" else f.high < limit for f in found]) <= 0.05


@pytest.mark.parametrize(
    ("sizes", "rates", "least"),
    [((200, 5_000), (0.2, 0.1), 0.8), ((5_000, 5_000), (0.36, 0.5), 0.93), ((400, 4_000), (0.1, 0.2), 0.9)],
)
def test_clear_gaps_still_fail(sizes, rates, least):
    assert verdicts(sizes, rates, "ratio", 0.8)[0] >= least


counts = st.integers(1, 900).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(counts, min_size=2, max_size=6), st.floats(-9, -0.31))
@settings(max_examples=count_examples(200), deadline=None)
def test_limits_of_verdicts_never_lie_inside_wilsons_and_widen_with_sureness(cells, power):
    x, n = np.array(cells, float).T
    sample, tail = plain(x, n), 10.0**power
    inner, outer, wider = single(sample, tail), guarded(sample, tail), guarded(sample, tail / 3)
    assert (outer.low <= inner.low).all()
    assert (outer.high >= inner.high).all()
    assert (wider.low <= outer.low + 1e-12).all()
    assert (wider.high >= outer.high - 1e-12).all()
    exact = clopper_pearson(sample.p, sample.n, tail)
    thin = sample.thin
    assert (outer.low[thin] <= exact.low[thin] + 1e-9).all()
    assert (outer.high[thin] >= exact.high[thin] - 1e-9).all()


@given(st.lists(counts, min_size=2, max_size=5), st.sampled_from(LIMITS), st.sampled_from([1e-9, 1e-4, 0.025, 0.3]))
@settings(max_examples=count_examples(60), deadline=None)
def test_p_is_at_most_an_error_exactly_where_the_gate_fails_at_it(cells, gate, tail):
    x, n = np.array(cells, float).T
    sample, (kind, limit) = plain(x, n), gate
    p = gap_p_value(sample, kind, limit)
    for near in (tail, p * 1.001, p * 0.999):
        if 1e-11 < near < 0.5:
            found = gap(sample, kind, near)
            assert (found.low > limit if kind == "difference" else found.high < limit) == (p <= near)


@pytest.mark.parametrize(("x", "n", "y", "m"), [(1, 12, 100, 10_000), (3, 10, 900, 30_000), (9, 40, 50, 1_000),
                                               (6, 20, 10, 1_000), (30, 60, 900, 9_000)])  # fmt: skip
def test_p_of_a_gate_is_no_smaller_than_chance_allows_where_both_rates_are_equal(x, n, y, m):
    sample = plain(np.array([x, y], float), np.array([n, m], float))
    chance = fisher_exact([[x, n - x], [y, m - y]], alternative="greater").pvalue
    for kind, limit in LIMITS:
        assert gap_p_value(sample, kind, limit) >= 0.5 * chance


@pytest.mark.parametrize("power", [0.8, 0.95])
@pytest.mark.parametrize("tail", [0.025, 0.0005])
def test_so_many_rows_of_one_group_show_on_which_side_of_a_limit_it_lies(tail, power):
    """Exactly, with the limits that verdicts rest on; by the normal sample size alone it is .1 short where few are expected."""
    for p, limit in product((0.0, 0.005, 0.02, 0.1, 0.4, 0.8, 0.95, 0.99, 1.0), (0.01, 0.05, 0.2, 0.6, 0.9, 0.98)):
        if abs(p - limit) < 0.2 * min(limit, 1 - limit):
            continue
        n = int(np.ceil(rows_against(p, limit, tail, power)))
        x = np.arange(n + 1.0)
        limits = guarded(plain(x, np.full(n + 1, float(n))), tail)
        shown = limits.high < limit if p < limit else limits.low >= limit
        assert binom.pmf(x, n, p) @ shown >= power - 0.025, (p, limit)


def test_rows_that_settle_a_floor_on_several_groups_settle_it_for_all_of_them_at_once():
    cells = {"a": (9_900, 10_000), "b": (58, 60), "c": (68, 70), "d": (78, 80)}
    g = np.repeat(list(cells), [n for _, n in cells.values()])
    y = np.concatenate([[1] * k + [0] * (n - k) for k, n in cells.values()])
    gate = {"metric": "selection_rate", "by": ["g"], "min": 0.92}
    (judged,) = audit.measure(y, y, groups={"g": g}, positive=1, gates=[gate]).gates
    assert judged.verdict == "insufficient"
    open_ = re.findall(r"n 60\)\. (.*?) keep this open", judged.sentence)[0]
    names = re.findall(r"'(\w)' \(", open_)
    needed = re.findall(r"About (.*?) rows of them", judged.sentence)[0]
    rows = [int(r.replace(",", "")) for r in re.split(r", | and ", needed)]
    assert names == ["b", "c", "d"]
    settled = 1.0
    for name, n in zip(names, rows, strict=True):
        k, present = cells[name]
        x = np.arange(n + 1.0)
        settled *= binom.pmf(x, n, k / present) @ (guarded(plain(x, np.full(n + 1, float(n))), TAIL).low >= 0.92)
    assert settled >= 0.77


def test_a_group_of_few_events_holds_a_floor_open_though_its_printed_interval_keeps_it():
    """24 of 24: Wilson's lower limit is .862, the exact one .858; the floor lies between."""
    g, y = np.repeat(["a", "b", "c"], [5_000, 24, 40]), np.ones(5_064, int)
    y[:300], y[-2:] = 0, 0
    (judged,) = audit.measure(
        y, y, groups={"g": g}, gates=[{"metric": "selection_rate", "by": ["g"], "min": 0.86}]
    ).gates
    assert judged.verdict == "insufficient"
    assert re.search(r"'[bc]' \([^)]*\) and '[bc]' \([^)]*\) keep this open", judged.sentence)


def test_a_gate_that_fails_is_significant_by_the_four_fifths_check_too():
    """FM001 asks Fisher's test of two groups at .05; what fails a ratio of .8 is never "not significant" there."""
    for n, m in product((5, 12, 40, 100), (60, 1_000, 20_000)):
        for x, y in product(range(0, n + 1, max(1, n // 20)), {round(m * r) for r in (0.003, 0.01, 0.05, 0.2, 0.5)}):
            sample = plain(np.array([x, y], float), np.array([n, m], float))
            if gap(sample, "ratio", TAIL).high < 0.8:
                assert fisher_exact([[x, n - x], [y, m - y]]).pvalue <= 0.05, (x, n, y, m)


def test_weights_and_units_have_exact_limits_at_the_rows_that_they_are_worth():
    x, n = np.array([1.0, 100.0]), np.array([12.0, 10_000.0])
    same = guarded(plain(x, n), TAIL)
    heavy = guarded(weighted(3 * x, 3 * n, 9 * x, 9 * n), TAIL)
    assert (heavy.low[0], heavy.high[0]) <= (same.low[0], 1.0)
    assert heavy.low[0] == pytest.approx(same.low[0], rel=0.6)
    hits, total = np.zeros((100, 2)), np.full((100, 2), [0.12, 100.0])
    hits[0, 0], hits[:, 1] = 0.12, 1.0
    shared = folded(hits, total, total.sum(axis=0))
    assert guarded(shared, TAIL).low[0] < single(shared, TAIL).low[0]
    assert inverted_p(plain(x, n), 1)[0] >= 0.2


def test_the_lowest_rate_of_many_groups_is_exact_where_their_error_asks_for_it():
    x, n = np.array([6.0] + [500.0] * 29), np.full(30, 1_000.0)
    found = extreme(plain(x, n), "lowest", TAIL)
    assert found.exact
    assert found.high >= clopper_pearson(np.array([0.006]), np.array([1_000.0]), TAIL / 30).high[0]


def test_one_person_in_a_small_group_is_said_to_settle_nothing():
    f = pd.DataFrame({"g": ["s"] * 9 + ["b"] * 9_000, "p": [1] + [0] * 8 + [1] * 90 + [0] * 8_910})
    ratio = {"metric": "selection_rate", "compare": "ratio", "min": 0.8}
    got = audit.measure(f.p, f.p, groups={"g": f.g}, positive=1, gates=[ratio])
    assert got.verdict == "insufficient"
    assert "clopper-pearson where events are few" in (got.gates[0].estimate.method or "")
    assert got.gates[0].needed_n is None or got.gates[0].needed_n > 1


def test_a_shown_comparison_is_newcombes_between_groups_of_alike_size_and_exact_beside_a_large_one():
    alike = shown_against(plain(np.array([5.0, 0.0]), np.array([56.0, 29.0])), "difference", 1, TAIL)
    assert (alike.low[0], alike.high[0]) == pytest.approx((-0.0381, 0.1926), abs=5e-5)
    uneven = plain(np.array([1.0, 100.0, 9.0]), np.array([12.0, 10_000.0, 15.0]))
    for kind in ("difference", "ratio"):
        shown, judged = shown_against(uneven, kind, 1, TAIL), against(uneven, kind, 1, TAIL)
        assert shown.low.tolist() == judged.low.tolist()
        assert shown.high.tolist() == judged.high.tolist()
    assert shown_against(uneven, "difference", 1, TAIL).low[0] < 0
    assert shown_against(uneven, "difference", 2, TAIL).low[0] > against(uneven, "difference", 2, TAIL).low[0]
