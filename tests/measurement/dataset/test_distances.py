"""Shares of groups against a reference population: scipy for plain rows, loops and simulation for the rest."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from scipy.stats import chisquare

import audit
from audit.measurement.inference.contingency import fit
from audit.pipeline.verify import describe_differences
from audit.report.card.render import render
from audit.report.disclosure.publishable import publishable

CENSUS = {"a": 0.5, "b": 0.3, "c": 0.2}


def checked(groups, population=None, **more):
    return audit.check(pd.DataFrame({"g": groups, **more}), groups="g", population={"g": population or CENSUS},
                       **{k: k for k in more})  # fmt: skip


def together(result):
    found = (
        ("population_total_variation", "to_population"),
        ("population_chi_square", "to_population"),
        ("population_chi_square", "p_value"),
    )
    return [result.find(m, c, by=["g"])[0] for m, c in found]


def skews(result):
    return {e.group[0]: e for e in result.find("skew", "to_population")}


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=80))
@settings(max_examples=count_examples(60), deadline=None)
def test_plain_rows_are_scipys_and_the_loops(groups):
    result = checked(groups)
    counts = {k: groups.count(k) for k in CENSUS}
    variation, statistic, p = together(result)
    theirs = chisquare(list(counts.values()), [len(groups) * e for e in CENSUS.values()])
    assert statistic.value == pytest.approx(theirs.statistic)
    assert p.value == pytest.approx(theirs.pvalue)
    assert statistic.degrees_of_freedom == 2
    assert variation.value == pytest.approx(sum(abs(counts[k] / len(groups) - CENSUS[k]) for k in CENSUS) / 2)
    found = skews(result)
    for level, count in counts.items():
        if count:
            assert found[level].value == pytest.approx(math.log(count / len(groups) / CENSUS[level]))
            assert (found[level].low or -math.inf) <= found[level].value <= found[level].high
        else:
            assert found[level].reason == f"ln 0: no row of the data is {level}"
    assert not describe_differences(result)


@pytest.mark.slow
def test_what_a_sample_from_the_population_shows_is_printed():
    rng = np.random.default_rng(1)
    found = [together(checked(rng.choice(list("abc"), 200, p=list(CENSUS.values()))))[0] for _ in range(150)]
    floor = float(found[0].method.split("about ")[1].split()[0])
    assert np.mean([e.value for e in found]) == pytest.approx(floor, rel=0.1)


@pytest.mark.parametrize(
    ("groups", "population", "said"),
    [("aab", {"a": 0.5}, "names no share for b"),
     ("aab", {"a": 0.5, "b": 0.4}, "sum to 0.9, not to 1"),
     ("aabz", {"a": 0.5, "b": 0.5, "z": 0.0}, "infinite: some rows of the data are z, whose share of the population is 0")],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(groups, population, said):
    variation, statistic, p = together(checked(list(groups), population))
    assert said in statistic.reason
    assert said in p.reason
    assert (variation.value is None) == ("z" not in groups)


def test_small_expected_counts_and_missing_groups_are_marked():
    few = together(checked(list("aaabbbc")))[2]
    assert "small_group" in few.flags
    assert "rough" in few.method
    some = together(checked([*"aaabbc" * 20, None]))[1]
    assert "rows_without_group" in some.flags
    assert some.value == pytest.approx(together(checked(list("aaabbc" * 20)))[1].value)


def test_equal_weights_are_no_weights():
    """The covariance is the sample's own, so close to, and with fitting shares equal to, Pearson's."""
    groups = list("aaaaabbbcc" * 30)
    plain, weighted = together(checked(groups)), together(checked(groups, weight=[2.0] * 300))
    assert weighted[1].value == pytest.approx(plain[1].value, abs=1e-9)
    off = list("aaaaabbbcc" * 30 + "aaaccc" * 4)
    plain, weighted = together(checked(off)), together(checked(off, weight=[2.0] * len(off)))
    assert weighted[2].value == pytest.approx(plain[2].value, rel=0.05)
    assert "rao-scott" in weighted[1].method


def test_ten_rows_a_person_are_not_ten_people():
    rng = np.random.default_rng(5)
    people = rng.choice(list("abc"), 150, p=[0.42, 0.35, 0.23])
    groups, unit = np.repeat(people, 10), np.repeat(np.arange(150), 10)
    plain, shared = together(checked(groups)), together(checked(groups, unit=unit))
    alone = together(checked(people))
    assert plain[2].value < 1e-6
    assert shared[2].value == pytest.approx(alone[2].value, abs=0.1)
    assert "100 folds" in shared[1].method
    one = together(checked(list("aabbc"), unit=["u"] * 5))
    assert "no p-value" in one[2].reason
    assert not describe_differences(checked(groups, unit=unit))


def size(draw, replicates=600):
    """How often a true population is called a false one at 5%."""
    return np.mean([draw().p_value < 0.05 for _ in range(replicates)])


@pytest.mark.parametrize("expected", [(0.5, 0.5), (0.7, 0.2, 0.1), (0.4, 0.3, 0.15, 0.15)], ids=str)
def test_a_true_population_is_called_false_as_often_as_said(expected):
    rng, e = np.random.default_rng(9), np.array(expected)
    groups = len(e)

    def weighted():
        g, w = rng.choice(groups, 300, p=e), rng.lognormal(0, 0.7, 300)
        sums = [np.array([[x[g == k].sum()] for k in range(groups)]) for x in (w, w**2)]
        return fit(*sums, e, plain=False, folds=False)

    def shared():
        rows = np.stack([rng.multinomial(10, p) for p in rng.dirichlet(e * 2, size=100)]).astype(float)
        sums = np.zeros((groups, 100))
        np.add.at(sums.T, rng.integers(0, 100, 100), rows)
        return fit(sums, sums, e, plain=False, folds=True)

    for draw in (weighted, shared):
        assert 0.02 <= size(draw) <= 0.085
    naive = [chisquare(r, r.sum() * e).pvalue < 0.05
             for r in (rng.multinomial(10, p, size=100).sum(axis=0) for p in rng.dirichlet(e * 2, size=200))]  # fmt: skip
    assert np.mean(naive) > 0.3


def test_the_card_says_it_and_a_hidden_group_hides_it():
    result = checked(list("aaaaabbbcc" * 30))
    assert "Compared with the population: total variation 0.000, chi-square 0.0 on 2 degrees" in render(
        result, "md", 10
    )
    small = checked(list("aaaaabbbbb" * 30 + "ccc"))
    hidden = publishable(small, 10)
    assert {e.status for e in together(hidden)} == {"suppressed"}
    assert "Compared with the population" not in render(small, "md", 10)


def test_a_run_without_a_population_says_nothing_of_one():
    result = audit.check(pd.DataFrame({"g": list("aab")}), groups="g")
    assert not result.find("population_chi_square", "to_population")
    assert not result.find("skew", "to_population")
