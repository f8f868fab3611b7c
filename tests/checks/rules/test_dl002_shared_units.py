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
    title = "5 of 25 values of person in the test data are also in the training data (10 rows)"
    assert (check.outcome, check.title) == ("warn", title)
    assert check.detail == "20.0% of the rows of the test data; 10 rows of the training data have these values"
    assert check.mend == "Split by this column, so that all rows of one person are on one side."


def test_units_of_one_part_each_are_silent():
    assert one(rows(0, 80), rows(80, 100), unit="person").outcome == "pass"


def test_numbers_are_the_same_in_every_type():
    check = one(pd.DataFrame({"u": [1, 2, 3]}), pd.DataFrame({"u": [3.0, 4.0]}), unit="u")
    assert check.title.startswith("1 of 2 values of u in the test data is also")


def test_without_a_unit_there_is_nothing_to_share():
    check = one(rows(0, 5), rows(0, 5))
    assert check.outcome == "not applicable"
    assert "[data] unit" in check.reason


def test_without_another_part_nothing_is_said():
    assert found("DL002", rows(0, 5), unit="person") == []
