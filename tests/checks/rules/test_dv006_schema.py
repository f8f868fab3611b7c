"""DV006, parts of another schema."""

from __future__ import annotations

import numpy as np
import pandas as pd
from two_parts import checks_of, of


def rows(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], n),
            "y": rng.integers(0, 2, n),
            "job": rng.choice(["cook", "smith", "nurse"], n),
            "x": rng.normal(size=n),
        }
    )


def found(train, test):
    return of(checks_of(train, test, groups=["g"], label="y"), "DV006")


def test_parts_alike_are_silent():
    assert found(rows(), rows(400, 1)).outcome == "pass"


def test_it_is_a_question_of_two_parts():
    import audit

    assert not [c for c in audit.check(rows(), groups="g", label="y").checks if c.code == "DV006"]


def test_columns_that_one_part_lacks_are_named():
    check = found(rows(), rows(400, 1).rename(columns={"x": "z"}))
    assert check.outcome == "warn"
    assert check.title == "The test data differ from the training data: x is missing, z is new"


def test_another_kind_is_named():
    check = found(rows(), rows(400, 1).assign(x="1.5"))
    assert check.title.endswith(": x is text (a number in the training data)")


def test_whole_numbers_and_floats_are_one_kind_and_so_is_nothing():
    before, now = rows().assign(k=1 + np.arange(1000) % 4), rows(400, 1).assign(k=1.0 + np.arange(400) % 4)
    assert found(before, now).outcome == "pass"
    assert found(before, now.assign(job=pd.Series([None] * 400, dtype="object"))).outcome == "pass"


def test_a_renamed_category_is_counted_and_not_named():
    now = rows(400, 1)
    check = found(rows(), now.assign(job=now.job.replace("cook", "chef")))
    assert check.outcome == "warn"
    assert check.title.endswith(f": job has 1 value that the training data lack ({(now.job == 'cook').sum()} rows)")
    assert "chef" not in check.title + check.detail


def test_a_renamed_code_is_found_among_numbers():
    before, now = rows().assign(k=np.arange(1000) % 4), rows(400, 1).assign(k=np.arange(400) % 4)
    assert (
        "k has 1 value that the training data lack (100 rows)" in found(before, now.assign(k=now.k.replace(3, 9))).title
    )


def test_a_value_that_chance_put_here_is_said_and_no_warning():
    before, now = rows().assign(k=np.arange(1000) % 4), rows(400, 1).assign(k=np.arange(400) % 4)
    now.loc[7, "k"] = 5
    check = found(before, now)
    assert check.outcome == "pass"
    assert "1 row with values that the training data lack, no more than chance explains" in check.detail


def test_a_test_part_that_is_all_of_another_category():
    check = found(rows(), rows(400, 1).assign(job="baker"))
    assert "job has 1 value that the training data lack (400 rows)" in check.title
