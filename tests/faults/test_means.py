"""Means from sums: a shift is that of the rows, and copies spread as means of drawn rows do."""

from __future__ import annotations

import numpy as np
import pytest

from audit.cube import Axis, Cube
from audit.faults.means import MEANS, find_error, find_spread, holds_means, move_means, shift_means


def sum_rows(values, weights=None):
    """The sums of two groups as a count of their rows would give them."""
    measures = {"n": np.array([len(rows) for rows in values])}
    w = [np.ones(len(rows)) for rows in values] if weights is None else weights
    if weights is not None:
        measures |= {"w": np.array([x.sum() for x in w]), "w2": np.array([(x**2).sum() for x in w])}
    pairs = list(zip(values, w, strict=True))
    for name in MEANS:
        measures[name] = np.array([(x * rows).sum() for rows, x in pairs])
        measures[f"{name}_w2"] = np.array([(x**2 * rows).sum() for rows, x in pairs])
        measures[f"{name}_w2x"] = np.array([((x * rows) ** 2).sum() for rows, x in pairs])
    measures["square"] = np.array([(x * rows**2).sum() for rows, x in pairs])
    return Cube((Axis("g", ("a", "b")),), measures)


RNG = np.random.default_rng(2)
VALUES = [RNG.normal(1.0, 2.0, 400), RNG.normal(-3.0, 1.0, 50)]
WEIGHTS = [RNG.uniform(0.5, 2.0, 400), RNG.uniform(0.5, 2.0, 50)]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_shift_of_sums_is_that_of_the_rows(weights):
    amounts = np.array([0.7, -0.2])
    shifted = shift_means(sum_rows(VALUES, weights), dict.fromkeys(MEANS, amounts))
    wanted = sum_rows([rows + a for rows, a in zip(VALUES, amounts, strict=True)], weights)
    for name in MEANS:
        for of in ("", "_w2", "_w2x"):
            assert shifted[f"{name}{of}"] == pytest.approx(wanted[f"{name}{of}"])


def test_the_error_and_the_spread_are_those_of_the_rows():
    cube = sum_rows(VALUES)
    assert find_error(cube, "error") == pytest.approx([rows.std() / len(rows) ** 0.5 for rows in VALUES])
    assert find_spread(cube) == pytest.approx(np.concatenate(VALUES).std())


def test_copies_spread_as_means_of_drawn_rows():
    cube, rng = sum_rows(VALUES), np.random.default_rng(3)
    copies = np.array([(moved := move_means(cube, rng))["error"] / moved["n"] for _ in range(2000)])
    drawn = np.array([[rng.choice(rows, len(rows)).mean() for rows in VALUES] for _ in range(2000)])
    assert copies.mean(axis=0) == pytest.approx(drawn.mean(axis=0), abs=0.02)
    # The standard deviation of 2,000 draws is within 1.6%; two of them differ by under a tenth.
    assert copies.std(axis=0) == pytest.approx(drawn.std(axis=0), rel=0.1)


def test_empty_cells_and_other_sums_are_told():
    assert find_error(sum_rows([np.array([]), VALUES[1]]), "error")[0] == 0.0
    assert find_spread(sum_rows([np.array([]), np.array([])])) == 0.0
    assert not holds_means(Cube((Axis("g", ("a",)),), {"n": np.array([3])}))
