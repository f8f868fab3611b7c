"""Two decisions about the same people: no count under k follows from a card, and large groups stay on it."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow.parquet as pq
import pytest
from pair_attacker import SHOWN, PairAttacker

import audit
from audit.gates.words.changed import describe_change
from audit.measurement.metrics.kinds import OF_PAIRS
from audit.measurement.metrics.pairs import PAIRS
from audit.report.disclosure import pair_cells
from audit.report.disclosure.publishable import publishable

SHAPES = ((3,), (5,), (2, 3), (3, 4), (2, 2, 3))


def draw(seed):
    """A table of empty, small and large groups, each fourth with rows without one; k; how deep it is crossed."""
    shape = SHAPES[seed % 5]
    rng = np.random.default_rng([seed, *shape])
    levels = [[f"{'abc'[i]}{j}" for j in range(n)] for i, n in enumerate(shape)]
    if seed % 4 == 0:
        levels[-1].append(None)
    finest = {}
    for group in itertools.product(*levels):
        n = rng.choice([0, 8, 40, 200, 2000], p=[0.05, 0.15, 0.25, 0.3, 0.25])
        rate, error, flip = rng.uniform(0.03, 0.6), rng.uniform(0.02, 0.3), rng.choice([0.003, 0.02, 0.1, 0.3])
        shares = [
            (rate if y else 1 - rate) * (error if d != y else 1 - error) * (flip if e != d else 1 - flip)
            for y, d, e in pair_cells.PLACES
        ]
        finest[group] = tuple(map(int, rng.poisson(n * np.array(shares))))
    return finest, ("a", "b", "c")[: len(shape)], 2 if seed % 3 else 1, (5, 10)[seed // 5 % 2]


def attack(seed):
    finest, names, depth, k = draw(seed)
    return PairAttacker(finest, names, depth, k)


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 6, 7, 9, 10])
def test_no_count_of_a_random_table_is_told(seed):
    assert attack(seed).told() == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 200, 20))
def test_no_count_of_200_random_tables_is_told(first):
    assert [told for seed in range(first, first + 20) for told in attack(seed).told()] == []


def test_the_attacker_can_win():
    """With the small group hidden alone, the total gives it away: the tests above are able to fail."""
    finest = {("x",): (300, 20, 20, 60, 60, 20, 20, 300), ("y",): (300, 2, 20, 60, 60, 20, 20, 300)}
    alone = {family: {(("g",), ("y",))} if family == "flips_by_label" else set() for family in SHOWN}
    assert (("g",), ("y",), "(y, d, e) == (0, 0, 1)", 2) in PairAttacker(finest, ("g",), 1, 10, gone=alone).told()


def test_a_large_group_shows_what_it_lost_beside_a_small_one():
    big, other, few = (
        (900, 30, 40, 300, 200, 50, 30, 800),
        (700, 20, 30, 200, 150, 40, 20, 600),
        (40, 3, 2, 9, 8, 1, 2, 30),
    )
    gone = PairAttacker({("a",): big, ("b",): other, ("c",): few}, ("g",), 1, 10).gone
    for family in OF_PAIRS:
        assert {group for by, group in gone[family] if by} <= {("c",)}, family
        assert (("g",), ("c",)) in gone[family]


def test_rates_of_the_earlier_decisions_are_secrets_too():
    """How many of a label the earlier decisions found follows from what was lost and gained and went up and down."""
    cells = (300, 0, 12, 20, 20, 12, 0, 200)
    assert pair_cells.list_counts(cells, "lost_gained") == (24, 0, 500, 40)
    assert not pair_cells.is_told("up_down", 8, cells, ("rows", "lost_gained"))
    assert pair_cells.is_told("up_down", 8, cells, pair_cells.EVERY[:7])


@pytest.fixture(scope="module")
def census(shared):
    return pq.read_table(shared / "data" / "edge_acs" / "predictions.parquet").to_pandas()


def compare(census, name):
    return audit.pairs(census[name], census["full"], census["y"], groups=census[["race", "sex"]])


@pytest.mark.parametrize(("name", "most"), [("int8_static", 430), ("distilled", 350), ("seed1", 380)])
def test_large_groups_of_the_census_are_shown(census, name, most):
    """All of a column with one small count would be 420 to 550 of 550 numbers of two decisions."""
    result, names = compare(census, name), {metric.name for metric in PAIRS}
    for k in (5, 10):
        shown = publishable(result, k)
        found = [e for e in shown.estimates if e.metric in names]
        assert sum(e.status == "suppressed" for e in found) < most
        black = next(e for e in shown.find("net_change", by=["race"]) if e.group == ("1",) and e.compare is None)
        assert black.status == "ok"
        # Precision and the like are arithmetic on the same eight counts as the error rates: withheld wherever they are.
        for metric in ("precision", "negative_predictive_value", "false_discovery_rate", "false_omission_rate"):
            withheld = [
                [(e.by, e.group, e.compare, e.reference) for e in shown.find(name) if e.status == "suppressed"]
                for name in (f"{metric}_change", "true_positive_rate_change")
            ]
            assert withheld[0] == withheld[1]


def test_the_first_sentence_names_the_worst_group_that_is_shown_and_counts_the_others(census):
    said = describe_change(publishable(compare(census, "distilled"), 10))
    assert "By race, '5' lost accuracy" in said
    assert "; 5 groups by race are withheld" in said
    assert "No group" not in said
    said = describe_change(publishable(compare(census, "seed1"), 10))
    assert "No group by race or sex is shown to have lost accuracy; 3 groups by race are withheld." in said


@pytest.mark.slow
@pytest.mark.parametrize("k", [5, 10])
@pytest.mark.parametrize("name", ["int8_static", "distilled"])
def test_no_count_of_the_census_is_told(census, name, k):
    counted = census.assign(n=1).groupby(["race", "sex", "y", name, "full"])["n"].sum()
    groups = itertools.product(census["race"].unique(), census["sex"].unique())
    finest = {g: tuple(int(counted.get((*g, *place), 0)) for place in pair_cells.PLACES) for g in groups}
    for depth in (1, 2):
        assert PairAttacker(finest, ("race", "sex"), depth, k).told() == []
