"""DB002, shares that are not those of the population."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from two_parts import checks_of, of

import audit

HALF = {"g": {"a": 0.5, "b": 0.5}}


def rows(share, n=2000, seed=0):
    g = np.where(np.random.default_rng(seed).random(n) < share, "a", "b")
    return pd.DataFrame({"g": g, "y": np.arange(n) % 2})


def found(frame, population, **asked):
    return of(audit.check(frame, groups="g", label="y", population=population, **asked).checks, "DB002")


def test_a_sample_of_the_population_is_silent():
    assert sum(found(rows(0.5, seed=s), HALF).outcome == "warn" for s in range(50)) <= 2


def test_a_group_that_is_rare_here_is_named():
    check = found(rows(0.35), HALF)
    assert check.outcome == "warn"
    assert check.title.startswith("g 'a' is 3")
    assert check.title.endswith(" of the training data and 50.0% of the population")
    assert "% of rows would have to change group to match it (p-value < 0.001)" in check.detail


def test_a_small_difference_is_silent_however_sure():
    assert found(rows(0.48, n=200_000), HALF).outcome == "pass"


def test_a_small_group_that_is_half_as_large_is_named():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"g": rng.choice(["a", "b"], 40_000, p=[0.01, 0.99]), "y": 0}).assign(y=np.arange(40_000) % 2)
    assert found(frame, {"g": {"a": 0.02, "b": 0.98}}).outcome == "warn"


def test_nobody_of_a_group():
    check = found(rows(1.0), HALF)
    assert check.outcome == "warn"
    assert check.title == "g 'b' is 0.0% of the training data and 50.0% of the population"


@pytest.mark.parametrize(
    ("population", "why"),
    [
        ({"g": {"a": 1.0}}, "no share of the population is set for 'b'"),
        ({"g": {"a": 0.5, "b": 0.3}}, "add up to 0.8, not to 1"),
    ],
)
def test_a_population_that_does_not_fit_is_undefined(population, why):
    check = found(rows(0.5), population)
    assert check.outcome == "undefined"
    assert why in check.reason
    assert check.title == f"Group shares against the population, g: undefined, {check.reason}"


def test_somebody_of_no_population():
    assert found(rows(0.5), {"g": {"a": 1.0, "b": 0.0}}).outcome == "warn"


def test_weights_to_the_population_are_believed():
    frame = rows(0.35)
    share = (frame.g == "a").mean()
    weights = np.where(frame.g == "a", 0.5 / share, 0.5 / (1 - share))
    assert found(frame.assign(w=weights), HALF, weight="w").outcome == "pass"


def test_without_a_population_it_does_not_apply_and_says_so_once():
    checks = checks_of(rows(0.5), rows(0.5), groups=["g"], label="y")
    assert of(checks, "DB002").outcome == "not applicable"
    assert len([c for c in checks_of(rows(0.5), rows(0.5), groups=["g"], reference=HALF) if c.code == "DB002"]) == 2
