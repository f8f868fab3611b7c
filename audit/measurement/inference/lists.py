"""Statistics of lists of items from sums by fold of lists, with limits that any comparison of groups can use.

Lists are independent of each other (or those of different units are), items of one list are not: who gets a place
takes it from the others. So only the delete-one-fold jackknife speaks, with Satterthwaite's degrees of freedom, and
groups that share lists are correlated. A group whose lists do not differ, or lie in one fold, gets a value and no
limits: it blocks PASS and never causes FAIL. Simulated in tests/measurement/ranking/test_ranking_table.py.

Must not: see rows, names or limits of a policy.

References
----------
Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3 (delete-group jackknife).
Docs of this project, decision 5 (degrees of freedom of shared units).
"""

from __future__ import annotations

import math

import numpy as np

from audit.measurement.inference.effective import THIN_FOLDS, satterthwaite
from audit.measurement.inference.intervals import Floats, Limits
from audit.measurement.inference.means import FEW_ROWS, Above, MeanSample, against, mean_gap
from audit.measurement.inference.pairs import Gap
from audit.measurement.inference.scales import Scale, Sums

NOTHING, FLAT = 1e-12, 1e-9
"""Part of a sum, and part of a value, that is rounding; the value of a log is at least 1 in size."""
Names = tuple[str, ...]


def quotient(upper: Names, lower: Names, top: float = np.inf) -> Scale:
    """Return the scale of a product of sums over a product of sums, between 0 and ``top``."""
    return Scale(lambda t: _over(t, upper, lower), _no_variance, lambda x: x, (0.0, top))


def log_quotient(upper: Names, lower: Names) -> Scale:
    """Return the scale of the log of a quotient; undefined where either is 0."""

    def point(t: Sums) -> Floats:
        value = _over(t, upper, lower)
        out: Floats = np.full(value.shape, np.nan)
        return np.log(value, out=out, where=value > 0)

    return Scale(point, _no_variance, lambda x: x, (-np.inf, np.inf))


def of_lists(scale: Scale, sums: Sums, rows: str = "n", least: Floats | None = None) -> MeanSample:
    """Return the statistic of every group.

    Parameters
    ----------
    scale
        Made by `quotient` or `log_quotient`.
    sums
        Arrays (G, F) by name: the scale's own, and ``rows``.
    rows
        What a group has of its own, by fold: items, or lists.
    least
        Standard error, as a part of the value, under which none is believed where few rows or folds speak.
    """
    total = {k: v.sum(axis=1) for k, v in sums.items()}
    point = scale.point(total)
    deviation = _deviation(scale, sums)
    whole: np.ndarray = np.all(np.isfinite(deviation), axis=1)
    deviation = np.where(whole[:, None], deviation, 0.0)
    square = (deviation**2).sum(axis=1)
    folds = np.maximum(np.maximum((sums[rows] > 0).sum(axis=1), (deviation != 0).sum(axis=1)), 1)
    # Delete-one-fold jackknife (Busing et al. 1999).
    error = np.sqrt((folds - 1) / folds * square)
    size = np.abs(np.nan_to_num(point)) + np.isneginf(scale.range[0])
    known = whole & (error > FLAT * size) & (folds > 1)
    filled = _filled(sums[rows])
    thin = (filled < THIN_FOLDS) | (total[rows] < FEW_ROWS)
    if least is not None:
        error = np.where(thin, np.fmax(error, least * (1.0 if np.isneginf(scale.range[0]) else point)), error)
    scaled = deviation / np.where(square > 0, np.sqrt(square), 1.0)[:, None]
    df = np.minimum(filled, satterthwaite(deviation.T)) - 1
    error = np.where(known, error, np.nan)
    return MeanSample(
        value=point,
        point=point,
        error=error,
        df=df,
        rows=filled,
        thin=thin,
        scale=scale,
        above=Above(point, error, df),
        r=np.clip(scaled @ scaled.T, -1, 1),
    )


def survives(scale: Scale, sums: Sums) -> np.ndarray:
    """Return which groups keep something without any one fold; the jackknife cannot tell how sure any other is."""
    kept: np.ndarray = np.all(np.isfinite(_deviation(scale, sums)), axis=1)
    return kept


def _deviation(scale: Scale, sums: Sums) -> Floats:
    """Return what leaving out each fold changes; not finite where nothing is left."""
    total = {k: v.sum(axis=1) for k, v in sums.items()}
    without = scale.point({k: _less(total[k][:, None], v) for k, v in sums.items()})
    return without - scale.point(total)[:, None]


def ratio_gap(logs: MeanSample, tail: float) -> Gap:
    """Return the smallest ratio over all pairs of groups, by the pairs rule on logs."""
    found = mean_gap(logs, tail)
    value = None if found.value is None else float(np.exp(-found.value))
    return Gap(
        value, float(np.exp(-found.high)), float(np.exp(-found.low)), found.pair, found.high_pair, found.low_pair
    )


def ratio_against(logs: MeanSample, reference: int, tail: float) -> Limits:
    """Return limits of each group's ratio to one reference group; no upper limit is infinite."""
    made = against(logs, reference, tail)
    return Limits(np.exp(made.low), np.exp(made.high))


def random_places(n: float, items: float, k: int) -> tuple[float, float]:
    """Return mean and deviation of how many of a group's items a random order puts in the first k (hypergeometric)."""
    share, drawn = items / n, min(k, n)
    # Mean and standard deviation of a hypergeometric count.
    return drawn * share, math.sqrt(drawn * share * (1 - share) * (n - drawn) / max(n - 1, 1))


def random_exposure(n: int, items: float) -> tuple[float, float]:
    """Return mean and deviation of a group's mean exposure in a random order of n items, drawn without replacement."""
    every = 1 / np.log2(1 + np.arange(1, n + 1))
    # A mean of m numbers drawn from n without replacement has the variance S^2 / m (1 - m / n).
    return float(every.mean()), math.sqrt(every.var(ddof=1) / items * (1 - items / n))


def _filled(rows: Floats) -> Floats:
    """Return effective folds of each group."""
    # Kish's formula over folds: how many equally filled ones would vary as much.
    return np.asarray(rows.sum(axis=1) ** 2 / np.maximum((rows**2).sum(axis=1), 1e-300))


def least_error(sums: Sums) -> Floats:
    """Return the standard error of a group's mean exposure in a random order, as a part of that mean.

    In few lists a rare group may happen to hold no place near the top; its own spread then says too little of what
    could have been.
    """
    items, mean = sums["places_n"].sum(axis=1), sums["places_exposure"].sum(axis=1)
    spread = sums["places_exposure_square"].sum(axis=1) / items - (mean / items) ** 2
    own, held = sums["n"].sum(axis=1), sums["exposure"].sum(axis=1)
    # Of so many random places the sum deviates by sqrt(items x spread), here over the sum that the group has.
    return np.asarray(np.sqrt(np.maximum(spread, 0.0) * own) / np.where(held > 0, held, 1.0))


def _less(whole: Floats, part: Floats) -> Floats:
    """Return a sum without one of its parts; 0 where what is left is rounding."""
    rest = whole - part
    return np.where(rest > NOTHING * whole, rest, 0.0)


def _over(t: Sums, upper: Names, lower: Names) -> Floats:
    """Return the quotient of two products of sums; NaN where the denominator is not above 0."""
    numerator, denominator = np.ones(1), np.ones(1)
    for a, b in zip(upper, lower, strict=True):
        numerator, denominator = numerator * t[a], denominator * t[b]
    out: Floats = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)


def _no_variance(t: Sums) -> Floats:
    """Return NaN: items of a list are not independent, so no variance of independent rows can floor the jackknife."""
    return np.zeros(np.shape(next(iter(t.values()))))
