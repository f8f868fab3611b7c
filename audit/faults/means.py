"""Copies and shifts of means that were counted as sums: those of the errors and the predictions of a regression.

A copy moves each group's mean by a normal draw with its standard error; the spread of the rows stays as it is recorded.
A shift of all rows by one amount is exact for a mean and its variance.

Must not: know a metric or a limit, or read rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from audit.cube import Cube

Array = npt.NDArray[np.float64]
MEANS = ("error", "prediction")
"""What is summed of each row, and shifted."""


def holds_means(cube: Cube) -> bool:
    """Return whether a cube holds sums from which means and their variances follow."""
    return all({name, f"{name}_w2", f"{name}_w2x"} <= set(cube.measures) for name in MEANS)


def shift_means(cube: Cube, amounts: Mapping[str, Array]) -> Cube:
    """Return the sums as if what was summed were larger in every row of a cell.

    Parameters
    ----------
    cube
        With sums of values (w x), and of values and their squares with squared weights (w^2 x, w^2 x^2).
    amounts
        By how much, for each mean: one number a cell, in the unit of the value.
    """
    w, w2 = cube.measures.get("w", cube["n"]), cube.measures.get("w2", cube["n"])
    changed = {}
    for name, amount in amounts.items():
        first = cube[f"{name}_w2"]
        changed[name] = cube[name] + w * amount
        changed[f"{name}_w2"] = first + w2 * amount
        # sum of w^2 (x + a)^2, multiplied out.
        changed[f"{name}_w2x"] = cube[f"{name}_w2x"] + 2 * amount * first + amount**2 * w2
    return Cube(cube.axes, {**cube.measures, **changed})


def move_means(cube: Cube, rng: np.random.Generator) -> Cube:
    """Return the sums with every cell's means moved by normal draws with their standard errors."""
    return shift_means(cube, {name: rng.standard_normal(cube["n"].shape) * find_error(cube, name) for name in MEANS})


def find_error(cube: Cube, name: str) -> Array:
    """Return the standard error of each cell's mean; 0 where a cell is empty or its rows do not differ."""
    w, w2 = cube.measures.get("w", cube["n"]), cube.measures.get("w2", cube["n"])
    some = np.where(w > 0, w, 1.0)
    mean = cube[name] / some
    # sum of w^2 (x - mean)^2 over (sum w)^2, multiplied out; rounding may take it below 0.
    square = cube[f"{name}_w2x"] - 2 * mean * cube[f"{name}_w2"] + mean**2 * w2
    found: Array = np.sqrt(np.maximum(square, 0.0)) / some
    return found


def find_spread(cube: Cube) -> float:
    """Return the standard deviation of all errors."""
    w = float(cube.measures.get("w", cube["n"]).sum())
    if not w:
        return 0.0
    mean = float(cube["error"].sum()) / w
    return float(np.sqrt(max(float(cube["square"].sum()) / w - mean**2, 0.0)))
