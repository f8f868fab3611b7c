"""No hidden count is told by what is shown beside it, whatever the table, and not much is hidden for that."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from attacker import Attacker, summed

from audit.report.disclosure import hide
from audit.report.disclosure.hide import find_hidden


def shares(seed, k, groups):
    """Groups of a few people each: many counts are near k."""
    rng = np.random.default_rng([seed, k, groups])
    sizes = rng.integers(1, 4 * k, size=groups)
    return {(f"g{i}",): tuple(map(int, rng.multinomial(n, rng.dirichlet([1] * 4)))) for i, n in enumerate(sizes)}


def labelled(seed, k, groups):
    """The same before there are predictions."""
    return {group: (tn + fp, 0, fn + tp, 0) for group, (tn, fp, fn, tp) in shares(seed, k, groups).items()}


def ordinary(seed, k, groups):
    """Groups of 15 to 3,000 people, 3 to 50% of a label and 2 to 30% of errors."""
    rng = np.random.default_rng([seed, k, groups])
    found = {}
    for i in range(groups):
        rate, error = rng.uniform(0.03, 0.5), rng.uniform(0.02, 0.3)
        four = [(1 - rate) * (1 - error), (1 - rate) * error, rate * error, rate * (1 - error)]
        found[f"g{i}",] = tuple(map(int, rng.multinomial(int(np.exp(rng.uniform(2.7, 8))), four)))
    return found


def crossed(seed, *shape):
    """A crossing with empty, small and large cells; every third has people without one of the groups."""
    rng = np.random.default_rng([seed, *shape])
    levels = [[f"{'abc'[i]}{j}" for j in range(n)] for i, n in enumerate(shape)]
    if seed % 3 == 0:
        levels[-1].append(None)
    scales = {g: rng.choice([0, 6, 24, 120, 800], p=[0.05, 0.15, 0.2, 0.35, 0.25]) for g in itertools.product(*levels)}
    return {g: tuple(map(int, rng.poisson(n * rng.dirichlet([2] * 4)))) for g, n in scales.items()}


@pytest.mark.parametrize("groups", [3, 4, 5, 6])
@pytest.mark.parametrize("k", [5, 10])
@pytest.mark.parametrize("kind", [shares, labelled, ordinary])
def test_no_secret_of_one_attribute_is_told(kind, k, groups):
    for seed in range(3):
        assert Attacker(kind(seed, k, groups), ("g",), 1, k).told() == [], seed


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(2, 3), (3, 4), (2, 2, 3)])
def test_no_secret_of_a_crossing_is_told(shape, seed):
    assert Attacker(crossed(seed, *shape), ("a", "b", "c")[: len(shape)], 2, 10).told() == []


def test_nor_where_all_crossings_are_published():
    for seed in range(3):
        assert Attacker(crossed(seed, 2, 2, 2), ("a", "b", "c"), 3, 5).told() == []


def test_the_attacker_can_win():
    """With the small ones hidden alone, the sum gives them away: the tests above are able to fail."""
    finest = {("x",): (48, 48, 48, 48), ("y",): (2, 2, 2, 2)}
    alone = {family: {(("g",), ("y",))} for family in ("rows", "labels", "selection", "confusion")}
    told = Attacker(finest, ("g",), 1, 10, gone=alone).told()
    assert ("rows", ("g",), ("y",), 8) in told
    assert len(told) == 9


def card_of(sizes, k):
    """All that a card tells of the sizes of groups: the total, each size that is shown, and the largest by name."""
    names = [(name,) for name in "abc"]
    counts = {(): {(): (sum(sizes), 0, 0, 0)}, ("g",): {g: (n, 0, 0, 0) for g, n in zip(names, sizes, strict=True)}}
    gone = find_hidden(counts, k)["rows"]
    shown = tuple(None if (("g",), g) in gone else n for g, n in zip(names, sizes, strict=True))
    assert all(n is None or n >= k for n in shown)
    # The group that others are compared with, where it is shown, and whether it is hidden where it is not.
    largest = max(range(len(sizes)), key=lambda i: (sizes[i], -i))
    return sum(sizes), shown, largest if shown[largest] is not None else None


@pytest.mark.parametrize("most", [12, pytest.param(26, marks=pytest.mark.slow)])
def test_no_small_count_follows_from_a_card_and_the_rule_of_hiding(most):
    """Every table of so many people is tried: who knows the rule finds two values at least behind each card."""
    k, tables = 4, {}
    for sizes in itertools.product(range(1, most), repeat=3):
        # Three people in three groups are one each.
        if 3 < sum(sizes) <= most:
            tables.setdefault(card_of(sizes, k), []).append(sizes)
    for card, behind in tables.items():
        for i in range(3):
            values = {sizes[i] for sizes in behind}
            assert min(values) >= k or len(values) > 1, (card, behind)


def test_the_choice_does_not_depend_on_sizes():
    """A 100, B 100, C 9 and every other table like it hide the same."""
    gone = {
        frozenset(
            find_hidden(summed({("A",): (a, 0, 0, 0), ("B",): (b, 0, 0, 0), ("C",): (c, 0, 0, 0)}, ("g",), 1), 10)[
                "rows"
            ]
        )
        for a, b, c in [(100, 300, 9), (300, 100, 9), (100, 300, 1), (5_000, 60, 4)]
    }
    assert len(gone) == 1


def test_two_small_groups_whose_sum_leaves_one_value_take_another_with_them():
    counts = summed(
        {("A",): (9, 0, 0, 0), ("B",): (9, 0, 0, 0), ("C",): (400, 0, 0, 0), ("D",): (300, 0, 0, 0)}, ("g",), 1
    )
    gone = find_hidden(counts, 10)["rows"]
    assert {group for _, group in gone} > {("A",), ("B",)}
    assert len(gone) == 3


def people(rows, rate=0.4, error=0.2):
    four = [(1 - rate) * (1 - error), (1 - rate) * error, rate * error, rate * (1 - error)]
    return tuple(round(rows * share) for share in four)


def test_everybody_is_hidden_before_a_group():
    """A total that nothing else gives is given up for a group, where there is one attribute."""
    gone = find_hidden(summed({("A",): people(800), ("B",): people(900), ("C",): people(90)}, ("g",), 1), 10)
    assert gone["labels"] == frozenset()
    assert gone["confusion"] == {(("g",), ("C",)), ((), ())}


def test_a_crossing_never_costs_a_group_of_one_attribute():
    finest = {(a, b): people(600) for a in ("a0", "a1", "a2") for b in ("b0", "b1")} | {("a0", "b0"): people(20)}
    gone = find_hidden(summed(finest, ("a", "b"), 2), 10)
    assert {by for keys in gone.values() for by, _ in keys} == {("a", "b")}
    assert len(gone["confusion"]) == 4


def test_who_a_limit_is_about_is_hidden_last():
    finest = {(f"a{i}", b): people(400) for i in range(3) for b in ("x", "y")} | {
        ("few", "x"): people(4),
        ("few", "y"): people(4),
    }
    counts = summed(finest, ("a", "b"), 1)
    for spared in itertools.combinations([(("a",), (f"a{i}",)) for i in range(3)], 2):
        gone = find_hidden(counts, 10, {"rows": dict.fromkeys(spared, 1.0)})["rows"]
        assert len(gone) == 2
        assert not gone & set(spared)


def test_a_predictive_value_of_one_of_few_people_is_hidden():
    """Of 15 people with prediction 0 nobody has label 1: whoever knows the prediction knows the label."""
    counts = summed({("A",): (15, 40, 0, 60), ("B",): people(700), ("C",): people(600)}, ("g",), 1)
    assert (("g",), ("A",)) in find_hidden(counts, 10)["confusion"]
    counts = summed({("A",): (150, 40, 0, 60), ("B",): people(700), ("C",): people(600)}, ("g",), 1)
    assert not find_hidden(counts, 10)["confusion"]


def test_a_page_of_many_groupings_is_hidden_by_whole_crossings_and_costs_no_group_of_one_attribute():
    rng = np.random.default_rng(1)
    names = tuple(f"a{i}" for i in range(10))
    finest = {}
    for _ in range(400):
        group = tuple(str(i) for i in rng.integers(3, size=10))
        finest[group] = tuple(map(int, rng.multinomial(rng.integers(1, 8), [0.48, 0.12, 0.08, 0.32])))
    counts = summed(finest, names, 2)
    gone = find_hidden(counts, 10)["confusion"]
    crossings = {by for by, _ in gone}
    assert {len(by) for by in crossings} == {2}
    assert 0 < len(crossings) < 45
    assert gone == {(by, group) for by in crossings for group, four in counts[by].items() if any(four)}
    shown = [four for by, groups in counts.items() if by not in crossings for four in groups.values()]
    assert all(n == 0 or n >= 10 for four in shown for n in four)


def test_groups_of_a_limit_that_fails_are_hidden_after_those_of_one_that_passes():
    """A small count in a: either another group of a goes with it, or one of b with the overall row."""
    finest = {("few", "x"): (9, 60, 60, 60), ("few", "y"): (0, 60, 60, 60)}
    finest |= {(a, b): people(500) for a in ("a0", "a1") for b in ("x", "y")}
    counts = summed(finest, ("a", "b"), 1)
    of_a, of_b = [(("a",), ("a0",)), (("a",), ("a1",))], [(("b",), ("x",)), (("b",), ("y",))]
    for first, last in ((of_a, of_b), (of_b, of_a)):
        needs = dict.fromkeys(first, 4.0) | dict.fromkeys(last, 1.0)
        gone = find_hidden(counts, 10, {"confusion": needs})["confusion"]
        assert (("a",), ("few",)) in gone
        assert not gone & set(first)
        assert len(gone & set(last)) == 1


def test_the_overall_row_goes_before_any_group_of_a_limit():
    counts = summed({("A",): people(800), ("B",): people(900), ("C",): people(90)}, ("g",), 1)
    needs = {(("g",), (g,)): 1.0 for g in "AB"}
    assert find_hidden(counts, 10, {"confusion": needs})["confusion"] == {(("g",), ("C",)), ((), ())}


def cubed(levels, seed):
    """Three attributes of so many levels: some combinations empty, many small."""
    rng = np.random.default_rng([seed, levels])
    sizes = rng.choice([0, 3, 12, 60, 300], p=[0.1, 0.2, 0.3, 0.25, 0.15], size=levels**3)
    groups = itertools.product(*([f"{a}{i}" for i in range(levels)] for a in "abc"))
    return {g: tuple(map(int, rng.poisson(n * rng.dirichlet([2] * 4)))) for g, n in zip(groups, sizes, strict=True)}


def test_a_page_of_three_attributes_of_six_levels_takes_seconds_and_keeps_single_attributes():
    counts, begun = summed(cubed(6, 0), ("a", "b", "c"), 3), time.process_time()
    gone = find_hidden(counts, 10)
    assert time.process_time() - begun < 20
    assert all(len(by) > 1 for keys in gone.values() for by, _ in keys)
    shown = [four for by, groups in counts.items() for g, four in groups.items() if (by, g) not in gone["confusion"]]
    assert all(n == 0 or n >= 10 for four in shown for n in four)


@pytest.mark.parametrize("shape", [(3,), (3, 4)])
def test_without_time_to_search_more_is_hidden_and_nothing_is_told(shape, monkeypatch):
    finest = crossed(1, *shape)
    names = ("a", "b")[: len(shape)]
    usual = find_hidden(summed(finest, names, len(shape)), 10)
    monkeypatch.setattr(hide, "SECONDS", -1.0)
    hide._find_hidden.cache_clear()  # noqa: SLF001 - what was found with time is remembered
    hurried = Attacker(finest, names, len(shape), 10)
    hide._find_hidden.cache_clear()  # noqa: SLF001 - nor is this to be remembered
    assert all(len(hurried.gone[family]) >= len(usual[family]) for family in usual)
    assert any(hurried.gone.values())
    assert hurried.told() == []
