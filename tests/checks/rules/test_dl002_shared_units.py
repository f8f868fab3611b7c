"""DL002, a unit in two parts."""

from __future__ import annotations

import pandas as pd
from looking_at import found


def rows(first, last, **more):
    return pd.DataFrame({"person": [f"p{i}" for i in range(first, last) for _ in range(2)], **more})


def one(train, test, **data):
    (check,) = found("DL002", train, test, **data)
    return check


def test_units_in_both_parts_are_counted():
    check = one(rows(0, 80), rows(75, 100), unit="person")
    assert (check.outcome, check.title) == ("warn", "no person is in train and in test")
    said = "5 of 25 units of test are in train too: 10 of 50 rows (20.0%), beside 10 of train"
    assert check.detail.startswith(said)
    assert "by unit" in check.mend
    assert "p7" not in check.detail


def test_units_of_one_part_each_are_silent():
    assert one(rows(0, 80), rows(80, 100), unit="person").outcome == "pass"


def test_numbers_are_the_same_in_every_type():
    check = one(pd.DataFrame({"u": [1, 2, 3]}), pd.DataFrame({"u": [3.0, 4.0]}), unit="u")
    assert check.detail.startswith("1 of 2 units of test")


def test_without_a_unit_there_is_nothing_to_share():
    check = one(rows(0, 5), rows(0, 5))
    assert check.outcome == "not applicable"
    assert "[data] unit" in check.detail


def test_without_another_part_nothing_is_said():
    assert found("DL002", rows(0, 5), unit="person") == []
