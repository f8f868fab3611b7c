"""DP001, groups of too few."""

from __future__ import annotations

import pandas as pd
from looking_at import found


def rows(small):
    a = ["x"] * 100 + ["y"] * 100
    b = ["p"] * (100 - small) + ["q"] * small + ["p"] * 50 + ["q"] * 50
    return pd.DataFrame({"a": a, "b": b, "u": [i // 2 for i in range(200)]})


def test_large_groups_pass_with_their_k():
    cards, all_ = found("DP001", rows(40), groups=("a", "b"))
    assert cards.detail == "4 groups; the smallest, by b, has 90 rows"
    assert all_.detail.startswith("k-anonymity 40: ")
    assert {cards.outcome, all_.outcome} == {"pass"}


def test_a_crossing_of_few_is_counted_but_never_sized():
    cards, all_ = found("DP001", rows(7), groups=("a", "b"), intersections=2)
    assert cards.outcome == all_.outcome == "warn"
    assert cards.title == "1 of 8 published groups has fewer than 10 rows"
    assert cards.detail == "1 of them by a × b; cards withhold them"
    assert all_.title == "Some rows can be singled out by a and b: 1 of 4 combinations has fewer than 10"
    assert all_.detail == "k-anonymity below 10"


def test_people_are_counted_where_a_unit_is_named():
    _, all_ = found("DP001", rows(14), groups=("a", "b"), unit="u")
    assert all_.title.startswith("Some people can be singled out by a and b: ")
    assert found("DP001", rows(14), groups=("a", "b"))[1].outcome == "pass"


def test_the_missing_are_a_group_too():
    (cards, _) = found("DP001", pd.DataFrame({"g": ["a"] * 50 + [None] * 3}), groups=("g",))
    assert cards.title == "1 of 2 published groups has fewer than 10 rows"


def test_without_groups_it_is_not_applicable():
    (check,) = found("DP001", rows(7))
    assert check.outcome == "not applicable"
