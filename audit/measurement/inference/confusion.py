"""How sure a smooth statistic of a confusion table of K classes is: macro averages, the correlation of several classes.

As `smooth` for two classes, with the slopes given instead of searched for, because K x K cells are many. Half a row is
added to the right answers of each class, and half a row spread over the wrong ones of each label, before slopes are
taken: a cell that happens to be empty is no cell without variance. For two classes that is what `smooth` adds.

Must not: know a metric's name.

References
----------
Agresti (2013), Categorical Data Analysis, section 16.1 (delta method for multinomial counts).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from audit.measurement.inference.effective import Sample, satterthwaite
from audit.measurement.inference.intervals import Floats

Function = Callable[..., Floats]
"""Of TN, FP, FN, TP (or of more cells), arrays of one shape; NaN where it is undefined."""
Linearised = Callable[[Floats, Floats, Floats], Floats]
"""Variance of each group from its cells and squared weights (G, C) and its mean weight (G, 1)."""
STEP = 1e-5
HALF = 0.5
"""Rows added to each cell before its slope is taken: a cell that happens to be empty is no cell without variance."""
FEW_ROWS = 15.0
"""Effective rows of support under which an interval is marked: it may cover less than 93% there (simulated)."""


ClassFunction = Callable[[Floats], Floats]
"""Of tables (..., K, K), label by prediction."""


def several(
    function: ClassFunction,
    slope: ClassFunction,
    support: ClassFunction,
    cells: Floats,
    squares: Floats,
    *,
    folds: bool,
) -> Sample:
    """Return values in [0, 1] of all groups with the rows that they are worth.

    Parameters
    ----------
    function
        Statistic on the scale from 0 to 1; NaN where it is undefined.
    slope
        Its change with each cell.
    support
        Rows that it rests on, one number for each of the parts that it is made of.
    cells, squares
        Shape (G, K, K, F): weights and squared weights of label by prediction by fold; F is 1 for independent rows.
    folds
        Whether rows share units.
    """
    groups, classes, _, width = cells.shape

    def table(*each: Floats) -> Floats:
        stacked = np.stack(each, axis=-1)
        return stacked.reshape(*stacked.shape[:-1], classes, classes)

    found = smooth(
        lambda *x: function(table(*x)),
        lambda *x: support(table(*x)).min(axis=-1),
        cells.reshape(groups, classes * classes, width),
        squares.reshape(groups, classes * classes, width),
        folds=folds,
        linearised=lambda total, square, each: _linearised_classes(slope, table(*total.T), table(*square.T), each),
    )
    return _lonely_folds(found, support, cells) if folds else found


def _linearised_classes(slope: ClassFunction, total: Floats, squares: Floats, each: Floats) -> Floats:
    """Sum of squared weights times squared slopes, with the added rows of the mean weight ``each`` (G, 1)."""
    classes = total.shape[-1]
    added = np.full((classes, classes), HALF / max(classes - 1, 1))
    np.fill_diagonal(added, HALF)
    weight = each[:, :, None]
    variance: Floats = ((squares + added * weight**2) * slope(total + added * weight) ** 2).sum(axis=(1, 2))
    return variance


def _lonely_folds(found: Sample, support: ClassFunction, cells: Floats) -> Sample:
    """Sample in which a group is worth one row where leaving one fold out leaves a class without rows.

    The jackknife cannot see what such a class contributes to the error, so that its interval would be too short.
    """
    rest = np.moveaxis(cells.sum(axis=3, keepdims=True) - cells, 3, 1)
    empty = (support(rest).min(axis=-1) <= 0).any(axis=1) & found.measured
    few = empty if found.few is None else found.few | empty
    return replace(found, n=np.where(empty, np.minimum(found.n, 1.0), found.n), few=few)


# How sure a smooth statistic of counts is that is no conditional probability: F1, balanced accuracy, correlation.
#
# For a statistic f of the cells that does not change when all cells grow alike, the multinomial variance is ``sum of
# w2_c * (df/dx_c)^2``; rows that share a unit get the delete-one-fold jackknife instead. Either variance is turned
# into the number of rows that a rate of the same value would need, so that Wilson limits, pairs rule and verdicts
# apply unchanged.
#
# Must not: know a metric's name.
#
# References
# ----------
# Agresti (2013), Categorical Data Analysis, section 16.1 (delta method for multinomial counts).
def smooth(
    function: Function,
    support: Function,
    cells: Floats,
    squares: Floats,
    *,
    folds: bool,
    linearised: Linearised | None = None,
    span: tuple[float, float] = (0.0, 1.0),
    capped: bool = True,
) -> Sample:
    """Return values in [0, 1] of all groups with the rows that they are worth.

    Parameters
    ----------
    function
        Statistic on the scale of ``span``.
    support
        Rows that it rests on where its variance is flat.
    cells, squares
        Shape (G, C, F): weights and squared weights of TN, FP, FN, TP by fold; F is 1 for independent rows.
    folds
        Whether rows share units.
    linearised
        Variance of independent rows where slopes are known; by default slopes are taken by small steps.
    span
        Lowest and highest value of the statistic, which become 0 and 1.
    capped
        Whether a value is worth at most the rows that it is made of. Without it the variance of folds is at least
        that of independent rows with half a row more in each cell, so that no agreement by chance looks certain.
    """
    function = partial(_on_unit_scale, function, *span)
    # Only shares matter, and steps and thresholds below are of ordinary sums: each group's weights are brought near 1.
    whole = cells.sum(axis=(1, 2))
    places = np.frexp(whole)[1][:, None, None]
    cells, squares = np.ldexp(cells, -places), np.ldexp(squares, -2 * places)
    total = cells.sum(axis=2)
    p = function(*total.T)
    measured = ~np.isnan(p)
    p0 = np.where(measured, p, 0.5)
    w, w2 = total.sum(axis=1), squares.sum(axis=(1, 2))
    # Kish (1965), section 8.2, and the mean weight of a row.
    kish = np.where(w2 > 0, w**2 / np.where(w2 > 0, w2, 1.0), 0.0)
    each = np.where(kish > 0, w2 / np.where(w > 0, w, 1.0), 0.0)[:, None]
    two = squares.sum(axis=2)
    r: Floats | None = None
    if folds:
        deviation, variance, worth = _jackknife(function, cells, p0)
        df, r = np.minimum(worth, satterthwaite(deviation)) - 1, _correlation(deviation)
        if not capped:
            variance = np.maximum(variance, _independent(function, total, two, each))
    else:
        at = partial(_independent, function) if linearised is None else linearised
        variance, worth, df = at(total, two, each), kish, np.full(p.shape, np.inf)
    share = np.where(w > 0, support(*total.T) / np.where(w > 0, w, 1.0), 0.0)
    flat = (p0 * (1 - p0) < 1e-12) | (variance < 1e-15)
    most = kish if capped else np.inf
    # The rows that a rate of this value would need for the same variance, p (1 - p) / n.
    n = np.where(flat, np.minimum(kish, worth) * share, np.minimum(p0 * (1 - p0) / np.where(flat, 1.0, variance), most))
    n = np.where(measured, np.maximum(n, 1e-3), 0.0)
    few = kish * share < FEW_ROWS
    return Sample(p, n, np.where(measured, df, 0.0), np.full(p.shape, np.nan), np.where(measured, whole, 0.0), r, few)


def _on_unit_scale(function: Function, low: float, high: float, *cells: Floats) -> Floats:
    """Return the values of a statistic on the scale from 0 to 1."""
    return (function(*cells) - low) / (high - low)


def with_whole(function: Function, cells: Floats, squares: Floats) -> Floats:
    """Return the correlation of each group's value with that of all groups together, rows being independent.

    The rows that they share are the group's own: the covariance is ``sum of w2_c * slope_c * slope of the whole_c``.

    Parameters
    ----------
    function, cells, squares
        As for `smooth`, with folds of one.
    """
    places = np.frexp(cells.sum())[1]
    total, two = np.ldexp(cells.sum(axis=2), -places), np.ldexp(squares.sum(axis=2), -2 * places)
    w, w2 = total.sum(axis=1), two.sum(axis=1)
    each = (w2 / np.where(w > 0, w, 1.0))[:, None]
    added, two = total + HALF * each, two + HALF * each**2
    own, whole = _slopes(function, added), _slopes(function, added.sum(axis=0, keepdims=True))
    covariance = (two * own * whole).sum(axis=1)
    size = np.sqrt((two * own**2).sum(axis=1) * (two * whole**2).sum())
    r: Floats = np.clip(np.divide(covariance, size, out=np.zeros_like(size), where=size > 0), -1.0, 1.0)
    return r


def _independent(function: Function, total: Floats, squares: Floats, each: Floats) -> Floats:
    """Return the variance for independent rows, half a row of mean weight added to each cell."""
    return _linearised(function, total + HALF * each, squares + HALF * each**2)


def _linearised(function: Function, total: Floats, squares: Floats) -> Floats:
    """Return the sum of squared weights times squared slopes."""
    variance: Floats = (squares * _slopes(function, total) ** 2).sum(axis=1)
    return variance


def _slopes(function: Function, total: Floats) -> Floats:
    """Return the slope in each cell, shape (G, C), 0 where there is none; a cell at zero is stepped upwards only."""
    step = STEP * np.maximum(total.sum(axis=1, keepdims=True), 1e-12)
    back = np.minimum(step, total)
    one = np.eye(total.shape[1])[:, None, :]
    moved = np.concatenate([total + one * step, total - one * back])
    # Two-sided difference quotient, one cell at a time.
    up, down = function(*np.moveaxis(moved, -1, 0)).reshape(2, *total.shape[::-1])
    slopes = ((up - down) / (step + back).T).T
    return np.where(np.isnan(slopes), 0.0, slopes)


def _correlation(deviation: Floats) -> Floats:
    """Return the correlation of the values of all groups from their deviations by fold."""
    spread = np.sqrt((deviation**2).sum(axis=0))
    scaled = deviation / np.where(spread > 0, spread, 1.0)
    found: Floats = np.clip(scaled.T @ scaled, -1, 1)
    return found


def _jackknife(function: Function, cells: Floats, p: Floats) -> tuple[Floats, Floats, Floats]:
    """Return deviations (F, G), variance and effective folds of the delete-one-fold jackknife."""
    rest = cells.sum(axis=2, keepdims=True) - cells
    without = function(*np.moveaxis(rest, 1, 0)).T
    rows = cells.sum(axis=1).T
    deviation = np.where((rows > 0) & ~np.isnan(without), without - p, 0.0)
    folds = np.maximum((rows > 0).sum(axis=0), 1)
    # Delete-one-fold jackknife (Busing et al. 1999); and the equally filled folds that would vary as much.
    variance = (folds - 1) / folds * (deviation**2).sum(axis=0)
    effective = rows.sum(axis=0) ** 2 / np.maximum((rows**2).sum(axis=0), 1e-300)
    return deviation, variance, effective
