"""DB001, values that are missing in one group."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from two_parts import checks_of, of

import audit


def rows(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b", "c"], n),
            "y": rng.integers(0, 2, n),
            "x": rng.normal(size=n),
            "job": rng.choice(["cook", "smith"], n),
        }
    )


def found(frame, **asked):
    return of(audit.check(frame, **{"groups": "g", "label": "y", **asked}).checks, "DB001")


def lost(frame, column, where, share, seed=1):
    out = frame.copy()
    out[column] = out[column].astype(object if column == "job" else float)
    out.loc[where & (np.random.default_rng(seed).random(len(out)) < share), column] = None
    return out


def test_nothing_missing_is_silent():
    check = found(rows())
    assert (check.outcome, check.detail) == ("pass", "4 columns without missing values")


@pytest.mark.parametrize("column", ["x", "job"])
def test_missing_in_one_group_is_found_with_its_name(column):
    frame = rows()
    check = found(lost(frame, column, frame.g == "b", 0.1))
    assert check.outcome == "warn"
    assert re.fullmatch(rf"{column} is missing in \d+\.\d% of g 'b' and 0\.0% of the other groups", check.title)
    assert check.detail == "p-value < 0.001"
    assert check.plain_title == "Values of the training data are missing more often in some groups, or in all rows"


def test_blank_text_is_missing():
    frame = rows()
    check = found(frame.assign(job=frame.job.where(frame.g != "c", "  ")))
    assert check.title == "job is missing in 100.0% of g 'c' and 0.0% of the other groups"


def test_missing_alike_everywhere_is_silent_in_nearly_all_samples():
    warned = [found(lost(rows(seed=s), "x", True, 0.2, s)).outcome == "warn" for s in range(40)]
    assert sum(warned) <= 2


def test_a_difference_under_a_point_is_silent_however_sure():
    n = 200_000
    frame = pd.DataFrame({"g": ["a", "b"] * n, "y": [0, 1, 1, 0] * (n // 2), "x": 1.5 + np.arange(2 * n) % 7})
    frame.loc[(frame.g == "a") & (np.arange(2 * n) % 400 == 0), "x"] = None
    assert found(frame).outcome == "pass"


def test_rows_of_one_person_are_one_person():
    """Whole people without a value, in clusters: 6 people of one group are no proof, though they are 300 rows."""
    people = pd.DataFrame({"who": np.arange(80), "g": ["a", "b"] * 40, "y": [0, 1, 1, 0] * 20})
    people["x"] = [None if i in {1, 3, 5, 7, 9, 11} else 1.0 + i for i in range(80)]
    frame = people.loc[people.index.repeat(50)].reset_index(drop=True)
    assert found(frame).outcome == "warn"
    assert found(frame, unit="who").outcome == "pass"


def test_too_few_rows_of_a_group_say_nothing():
    frame = rows()
    frame.loc[:19, "g"] = "rare"
    assert found(lost(frame, "x", frame.g == "rare", 1.0)).outcome == "pass"


def test_without_groups_it_does_not_apply():
    assert found(rows(), groups=()).outcome == "not applicable"


def test_banded_groups_and_rows_without_group():
    frame = rows().assign(age=np.arange(3000) % 60 + 20.0)
    frame.loc[:100, "age"] = None
    frame.loc[frame.age < 40, "x"] = None
    checks = checks_of(frame, frame, groups=["age"], label="y", bins={"age": [40, 60]})
    assert "of age under 40 and 0.0% of the other groups" in of(checks, "DB001", "train").title
    assert of(checks, "DB001", "test").title.endswith("of the other groups in the test data")
