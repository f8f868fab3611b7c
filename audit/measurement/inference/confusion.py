"""How sure a smooth statistic of a confusion table of K classes is: macro averages, the correlation of several classes.

As `delta` for two classes, with the slopes given instead of searched for, because K x K cells are many. Half a row is
added to the right answers of each class, and half a row spread over the wrong ones of each label, before slopes are
taken: a cell that happens to be empty is no cell without variance. For two classes that is what `delta` adds.

Must not: know a metric's name.

References
----------
Agresti (2013), Categorical Data Analysis, section 16.1 (delta method for multinomial counts).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from audit.measurement.inference.delta import HALF, smooth
from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Floats

Function = Callable[[Floats], Floats]
"""Of tables (..., K, K), label by prediction."""


def several(
    function: Function, slope: Function, support: Function, cells: Floats, squares: Floats, *, folds: bool
) -> Sample:
    """Values in [0, 1] of all groups with the rows that they are worth.

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
        linearised=lambda total, square, each: _linearised(slope, table(*total.T), table(*square.T), each),
    )
    return _lonely_folds(found, support, cells) if folds else found


def _linearised(slope: Function, total: Floats, squares: Floats, each: Floats) -> Floats:
    """Sum of squared weights times squared slopes, with the added rows of the mean weight ``each`` (G, 1)."""
    classes = total.shape[-1]
    added = np.full((classes, classes), HALF / max(classes - 1, 1))
    np.fill_diagonal(added, HALF)
    weight = each[:, :, None]
    variance: Floats = ((squares + added * weight**2) * slope(total + added * weight) ** 2).sum(axis=(1, 2))
    return variance


def _lonely_folds(found: Sample, support: Function, cells: Floats) -> Sample:
    """Sample in which a group is worth one row where leaving one fold out leaves a class without rows.

    The jackknife cannot see what such a class contributes to the error, so that its interval would be too short.
    """
    rest = np.moveaxis(cells.sum(axis=3, keepdims=True) - cells, 3, 1)
    empty = (support(rest).min(axis=-1) <= 0).any(axis=1) & found.measured
    few = empty if found.few is None else found.few | empty
    return replace(found, n=np.where(empty, np.minimum(found.n, 1.0), found.n), few=few)
