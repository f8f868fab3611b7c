"""How far two runs that decided about the same rows agree: the correlation of each group's rate with itself.

A rate of new decisions and the same rate of earlier ones rest on the same people, so that much of what chance does to
one it does to the other. The correlation is that of the linearised rates: each row moves a rate by what it adds to the
numerator, less the rate times what it adds to the denominator. Where rows share units, folds of the unit are correlated
in place of rows.

Must not: know a limit.

References
----------
Newcombe (1998), Statistics in Medicine 17:2635 (paired proportions). Binder (1983), International Statistical Review
51:279 (linearised variances of ratios).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from audit.axes import AGAINST, FOLD, LABEL, NEGATIVE, POSITIVE, PREDICTION
from audit.cube import Cube
from audit.estimate import Group
from audit.measurement.inference.intervals import Floats
from audit.measurement.metrics.kinds import Rate

ENOUGH = 20.0
"""Rows with the rarer outcome, in both runs, under which a correlation is itself chance and may only widen."""
SURE = 1.645
"""Normal quantile by which a correlation of folds is taken for smaller than it is found."""


def correlate_rates(cube: Cube, rate: Rate, by: Sequence[str]) -> dict[Group, float]:
    """Return the correlation of each group's rate in both runs; groups without rows have none.

    Parameters
    ----------
    cube
        Groups x label x prediction x earlier prediction, perhaps x fold of the unit.
    rate
        A rate of label and prediction.
    by
        Columns of the groups, in the order in which a group names its levels.
    """
    folded = FOLD in cube.names
    kept = cube.keep(*by, LABEL, PREDICTION, AGAINST, *((FOLD,) if folded else ()))
    places = [_place_outcomes(kept, name) for name in (LABEL, PREDICTION, AGAINST)]
    levels = [kept.axis(name).levels for name in by]
    found: dict[Group, float] = {}
    for at in np.ndindex(*(len(each) for each in levels)):
        group = tuple(each[i] for each, i in zip(levels, at, strict=True))
        counts = {name: _lay_out(np.asarray(values)[at], places) for name, values in kept.measures.items()}
        r = _correlate(counts, rate, folded=folded)
        if r is not None:
            found[group] = r
    return found


def _place_outcomes(cube: Cube, name: str) -> list[int | None]:
    """Return where both outcomes stand on an axis; None of one that no row has."""
    levels = list(cube.axis(name).levels)
    return [levels.index(level) if level in levels else None for level in (NEGATIVE, POSITIVE)]


def _lay_out(values: npt.NDArray[np.generic], places: list[list[int | None]]) -> Floats:
    """Return counts as label x prediction x earlier prediction (x fold), each with its two outcomes."""
    found: Floats = np.asarray(values, dtype=float)
    for axis, pair in enumerate(places):
        parts = [np.zeros_like(np.take(found, 0, axis)) if i is None else np.take(found, i, axis) for i in pair]
        found = np.stack(parts, axis)
    return found


def _correlate(counts: dict[str, Floats], rate: Rate, *, folded: bool) -> float | None:
    weights = counts.get("w", counts["n"])
    squares = counts.get("w2", weights)
    each = weights.sum(axis=3) if folded else weights
    hits, given = rate.hits.astype(float), rate.given.mask().astype(float)
    now, then = (given[:, :, None], hits[:, :, None]), (given[:, None, :], hits[:, None, :])
    moves, rarer = [], []
    for of, event in (now, then):
        total, hit = float((each * of).sum()), float((each * event).sum())
        if total <= 0:
            return None
        share = hit / total
        moves.append(np.broadcast_to(event - share * of, each.shape))
        rows = (counts["n"].sum(axis=3) if folded else counts["n"]) * of
        rarer.append(float(rows.sum()) * min(share, 1 - share))
    if folded:
        r = _scale_product(*(np.einsum("abcf,abc->f", weights, move) for move in moves))
        filled = int((weights.sum(axis=(0, 1, 2)) > 0).sum())
        r = math.tanh(math.atanh(min(r, 1 - 1e-12)) - SURE / math.sqrt(max(filled - 3, 1))) if r > -1 else r
    else:
        root = np.sqrt(squares)
        r = _scale_product(*((root * move).ravel() for move in moves))
    return min(r, 0.0) if min(rarer) < ENOUGH else r


def _scale_product(one: Floats, other: Floats) -> float:
    size = math.sqrt(float((one**2).sum()) * float((other**2).sum()))
    return float(np.clip((one * other).sum() / size, -1, 1)) if size > 0 else 0.0
