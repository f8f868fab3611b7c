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
    assert cards.detail == "4 groups; the smallest, by b, holds 90 rows"
    assert all_.detail.startswith("k-anonymity 40: ")
    assert {cards.outcome, all_.outcome} == {"pass"}


def test_a_crossing_of_few_is_counted_but_never_sized():
    cards, all_ = found("DP001", rows(7), groups=("a", "b"), intersections=2)
    assert cards.outcome == all_.outcome == "warn"
    assert "1 of 8 groups hold fewer than 10 rows, 1 of them by a x b" in cards.detail
    assert "k-anonymity under 10: 1 of 4 groups" in all_.detail
    assert " 7 " not in cards.detail + all_.detail


def test_people_are_counted_where_a_unit_is_named():
    _, all_ = found("DP001", rows(14), groups=("a", "b"), unit="u")
    assert "hold fewer than 10 people" in all_.detail
    assert found("DP001", rows(14), groups=("a", "b"))[1].outcome == "pass"


def test_the_missing_are_a_group_too():
    (cards, _) = found("DP001", pd.DataFrame({"g": ["a"] * 50 + [None] * 3}), groups=("g",))
    assert "1 of 2 groups" in cards.detail


def test_without_groups_it_is_not_applicable():
    (check,) = found("DP001", rows(7))
    assert check.outcome == "not applicable"
