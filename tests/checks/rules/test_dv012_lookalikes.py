"""DV012, categories that look alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from two_parts import checks_of, of

import audit


def rows(n=2000, **columns):
    rng = np.random.default_rng(0)
    fixed = {"g": rng.choice(["a", "b"], n), "y": rng.integers(0, 2, n), "job": rng.choice(["Cook", "Café", "aide"], n)}
    return pd.DataFrame({**fixed, **columns})


def found(frame, **asked):
    return of(audit.check(frame, groups="g", label="y", **asked).checks, "DV012")


def test_clean_categories_are_silent():
    assert found(rows()).outcome == "pass"


@pytest.mark.parametrize(
    ("name", "twin", "why"),
    [
        ("Cook", "cook", "case or white space"),
        ("Cook", "Cook ", "white space"),
        ("Café", "Cafe\u0301", "Unicode form"),
        ("aide", "\u0430ide", "look-alike (confusable) letters"),
    ],
)
def test_a_renamed_category_is_found_and_not_named(name, twin, why):
    frame = rows()
    frame.loc[frame.index[frame.job == name][:25], "job"] = twin
    check = found(frame)
    assert check.outcome == "warn"
    assert check.title == f"job has 1 set of names that differ only in {why} (25 rows)"
    assert name not in check.title + check.detail


def test_names_of_strata_are_shown():
    frame = rows()
    frame.loc[:24, "job"] = "cook"
    assert "'Cook', 'cook'" in found(frame, strata="job").detail


def test_names_of_people_are_no_categories():
    people = [f"person {i}" for i in range(1999)] + ["Person 1"]
    assert found(rows(who=people)).outcome == "pass"


def test_without_text_it_does_not_apply():
    assert found(rows().assign(g=lambda d: (d.g == "a") * 1, job=1)).outcome == "not applicable"


def test_a_twin_that_only_the_other_part_has_is_found():
    before, now = rows(), rows(400)
    checks = checks_of(before, now.assign(job=now.job.replace("Cook", "COOK")), groups=["g"], label="y")
    assert of(checks, "DV012", "train").outcome == "pass"
    assert of(checks, "DV012", "test").outcome == "warn"
    checks = checks_of(before, now.assign(g=now.g.replace("a", "A")), groups=["g"], label="y")
    assert "g has 1 set" in of(checks, "DV012", "test").title


def test_twins_of_train_are_told_once():
    before = rows()
    before.loc[:50, "job"] = "cook"
    checks = checks_of(before, before, groups=["g"], label="y")
    assert [of(checks, "DV012", part).outcome for part in ("train", "test")] == ["warn", "pass"]
