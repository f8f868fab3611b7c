"""AUC of each group from counts per score bin: bounds for what the bins hide, and an interval.

Rows of one bin are ties, so the AUC of the unbinned scores lies between ``tie_low`` and ``tie_high``, exactly. The
variance is DeLong's on bin counts; it becomes the number of rows that a rate of the same value would need, so that
Wilson limits apply. With few positives or negatives beside the value, the interval is widened to Newcombe's method 5.

Must not: see scores, names or limits.

References
----------
DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837. Newcombe (2006), Statistics in Medicine 25:559, method 5.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from audit.cube import Curve, _ahead
from audit.measurement.inference.effective import THIN_EVENTS, THIN_FOLDS
from audit.measurement.inference.intervals import Floats, Limits, difference, quantile, wilson
from audit.measurement.inference.pairs import Extreme, Gap, setters

STEPS = 25
"""Steps of the false positive rate over which a slope is taken: finer ones mistake noise for slope."""


HALVINGS = 50
MOST_TIED = 0.02
"""Width of a bound from bins up to which their variance is that of the scores; where scores are spread, it is less."""


class Auc(NamedTuple):
    """Arrays over groups; NaN with limits [0, 1] where a group lacks positives or negatives."""

    mid: Floats
    """Ties within a bin counted half."""
    tie_low: Floats
    tie_high: Floats
    low: Floats
    high: Floats
    thin: np.ndarray
    """Fewer than 5 effective rows of the rarer label times the rarer order, or fewer than 8 effective folds."""


class Placed(NamedTuple):
    """AUC of G groups with what its interval needs at any tail."""

    mid: Floats
    tie_low: Floats
    tie_high: Floats
    variance: Floats
    positives: Floats
    """Effective positives, and negatives."""
    negatives: Floats
    df: Floats
    r: Floats | None = None
    """Correlation over groups; None where they share no rows."""
    most: Floats | None = None
    """Rows that the value is worth at most; where given, the interval is not widened by Newcombe's method 5."""
    known: np.ndarray | None = None
    """Which values are known from all pairs of rows."""


def auc(
    pos: Floats, neg: Floats, tail: float = 0.025, pos_w2: Floats | None = None, neg_w2: Floats | None = None
) -> Auc:
    """Return the AUC of independent rows.

    Parameters
    ----------
    pos, neg
        Shape (G, B): positives and negatives, or their weights, per group and bin of ascending score.
    tail
        Error on each side.
    pos_w2, neg_w2
        Sums of squared weights; counts are their own.
    """
    return limits(placed(pos, neg, pos_w2, neg_w2), tail)


def placed(
    pos: Floats, neg: Floats, pos_w2: Floats | None = None, neg_w2: Floats | None = None, *, exact: bool = False
) -> Placed:
    """Return the AUC and DeLong variance of independent rows; parameters as for ``auc``.

    ``exact`` says that each bin holds one value, so that its ties are ties and hide nothing.
    """
    pos, neg = np.asarray(pos, dtype=float), np.asarray(neg, dtype=float)
    pos_w2, neg_w2 = pos if pos_w2 is None else pos_w2, neg if neg_w2 is None else neg_w2
    mid, low, high = _orders(pos, neg)
    low, high = (mid, mid) if exact else (low, high)
    m = _total(pos)
    n = _total(neg)
    centre = np.where(np.isnan(mid), 0.5, mid)[..., None]
    # Placement of each row (DeLong 1988): the share of the other label's rows that it is ordered rightly against,
    # ties half.
    above_neg = (np.cumsum(neg, axis=-1) - neg / 2) / n
    below_pos = 1 - (np.cumsum(pos, axis=-1) - pos / 2) / m
    positives, negatives = _kish(m[..., 0], pos_w2), _kish(n[..., 0], neg_w2)
    # DeLong's variance: that of the positives' placements over positives, and of the negatives' over negatives.
    variance = _part(pos_w2, above_neg - centre, m, positives) + _part(neg_w2, below_pos - centre, n, negatives)
    return Placed(mid, low, high, variance, positives, negatives, np.minimum(positives, negatives) - 1)


def folded(
    pos: Floats, neg: Floats, pos_w2: Floats | None = None, neg_w2: Floats | None = None, *, exact: bool = False
) -> Placed:
    """Return the AUC of rows that share units, counted into folds: shape (F, G, B); squared weights (G, B)."""
    all_pos, all_neg = pos.sum(axis=0), neg.sum(axis=0)
    alone = placed(all_pos, all_neg, pos_w2, neg_w2, exact=exact)
    return sharing(alone, _orders(all_pos - pos, all_neg - neg)[0], pos, neg)


def sharing(alone: Placed, without: Floats, pos: Floats, neg: Floats) -> Placed:
    """Return what is found of independent rows, made true of rows that share units.

    The delete-one-fold jackknife (values ``without`` each fold, shape (F, G)) gives the variance, at least that of
    independent rows; a variance that rests on few folds gets Satterthwaite's degrees of freedom.
    """
    rows = (pos + neg).sum(axis=-1)
    deviation = np.where((rows > 0) & ~np.isnan(without), without - alone.mid, 0.0)
    deviation = np.where(np.isnan(deviation), 0.0, deviation)
    folds, square = np.maximum((rows > 0).sum(axis=0), 1), (deviation**2).sum(axis=0)
    # Delete-one-fold jackknife: (F - 1) / F times the sum of squared deviations (Busing et al. 1999).
    variance = np.fmax((folds - 1) / folds * square, alone.variance)
    positives = np.minimum(alone.positives, _effective_folds(pos.sum(axis=-1)))
    negatives = np.minimum(alone.negatives, _effective_folds(neg.sum(axis=-1)))
    scaled = deviation / np.where(square > 0, np.sqrt(square), 1.0)
    r = np.clip(scaled.T @ scaled, -1, 1)
    fourth = (deviation**4).sum(axis=0)
    # Satterthwaite's degrees of freedom, as in `effective.satterthwaite`.
    resting = np.where(fourth > 0, 3 * square**2 / np.where(fourth > 0, fourth, 1.0), np.inf)
    df = np.minimum(np.minimum(positives, negatives), resting) - 1
    most = None if alone.most is None else np.minimum(alone.most, np.minimum(positives, negatives))
    return alone._replace(variance=variance, positives=positives, negatives=negatives, df=df, r=r, most=most)


def known(found: Placed, value: Floats) -> Placed:
    """Return the same where a value is known from all pairs of rows (not NaN), and only its spread comes from the bins.

    Where bins hide much of the order of rows, their variance is that of other, tied scores and too small. There it is
    at least the largest that any order of the rows has, A (1 - A) over the rows of the rarer label.

    References
    ----------
    Birnbaum and Klose (1957), Annals of Mathematical Statistics 28:933 (bounds for the variance of the Mann-Whitney
    statistic).
    """
    rarer = np.maximum(np.minimum(found.positives, found.negatives), 1.0)
    here = ~np.isnan(value)
    hidden = here & (found.tie_high - found.tie_low > MOST_TIED)
    variance = np.where(hidden, np.fmax(found.variance, value * (1 - value) / rarer), found.variance)
    return found._replace(
        mid=np.where(here, value, found.mid),
        tie_low=np.where(here, value, found.tie_low),
        tie_high=np.where(here, value, found.tie_high),
        variance=variance,
        known=here,
    )


def limits(found: Placed, tail: float) -> Auc:
    """Return the AUC with the interval at this error per side."""
    measured = ~np.isnan(found.mid)
    mid = np.where(measured, found.mid, 0.5)
    low_p, high_p = np.where(measured, found.tie_low, 0.5), np.where(measured, found.tie_high, 0.5)
    fewest = np.maximum(np.where(measured, np.minimum(found.positives, found.negatives), 1.0), 1.0)
    usable = (found.variance > 0) & (mid > 0) & (mid < 1)
    # The rows that a rate of this value would need for the same variance, A (1 - A) / n.
    n = np.where(usable, np.maximum(mid * (1 - mid) / np.where(usable, found.variance, 1.0), 1.0), fewest)
    n = n if found.most is None else np.minimum(n, np.where(measured, np.maximum(found.most, 1.0), 1.0))
    q = quantile(tail, np.where(measured, found.df, 1.0))
    low, high = wilson(low_p, n, q).low, wilson(high_p, n, q).high
    # With few rows of the rarer label beside the value, Newcombe's method 5 widens the interval.
    few = fewest * np.minimum(mid, 1 - mid) < THIN_EVENTS
    if found.most is None:
        z = float(quantile(tail, np.array([np.inf]))[0])
        low = np.where(few, np.minimum(low, _score_limit(low_p, found, z, 0.0)), low)
        high = np.where(few, np.maximum(high, _score_limit(high_p, found, z, 1.0)), high)
    thin = measured & (few if found.r is None else few | (found.df + 1 < THIN_FOLDS))
    return Auc(
        found.mid, found.tie_low, found.tie_high, np.where(measured, low, 0.0), np.where(measured, high, 1.0), thin
    )


def auc_gap(found: Placed, tail: float, looks: int = 1) -> Gap:
    """Return the largest difference of AUC over all pairs of groups, by the pairs rule.

    Simulated in docs/inference.md.
    """
    groups = len(found.mid)
    inner = _pair_limits(found, tail).high
    # What says FAIL has looked at all pairs (Bonferroni); what says PASS needs all inside (Berger 1982): see `pairs`.
    outer = _pair_limits(found, tail / (looks * groups * (groups - 1) / 2)).low
    np.fill_diagonal(inner, -np.inf)
    np.fill_diagonal(outer, -np.inf)
    i, j = divmod(int(np.argmax(outer)), groups)
    k, m = divmod(int(np.argmax(inner)), groups)
    measured = ~np.isnan(found.mid)
    lowest, highest = (int(np.nanargmin(found.mid)), int(np.nanargmax(found.mid))) if measured.any() else (0, 0)
    value = float(found.mid[highest] - found.mid[lowest]) if measured.all() else None
    low, high = max(0.0, float(outer[i, j])), min(1.0, float(inner[k, m]))
    return Gap(value, low, high, (lowest, highest), (j, i), (m, k))


def auc_against(found: Placed, reference: int, tail: float) -> Limits:
    """Return limits of each group's difference from one reference group."""
    pairs = _pair_limits(found, tail)
    return Limits(pairs.low[:, reference], pairs.high[:, reference])


def auc_extreme(found: Placed, which: Literal["lowest", "highest"], tail: float) -> Extreme:
    """Return the lowest or highest value over groups, with limits that hold for every group at once."""
    inner, outer = limits(found, tail), limits(found, tail / len(found.mid))
    measured = ~np.isnan(found.mid)
    pick = np.nanargmin if which == "lowest" else np.nanargmax
    at = int(pick(found.mid)) if measured.any() else 0
    value = float(found.mid[at]) if measured.all() else None
    ((low, high),) = setters(Limits(inner.low, inner.high), Limits(outer.low, outer.high), which)
    if which == "lowest":
        return Extreme(value, float(inner.low.min()), float(outer.high.min()), at, False, low, high)
    return Extreme(value, float(outer.low.max()), float(inner.high.max()), at, False, low, high)


def _pair_limits(found: Placed, tail: float) -> Limits:
    """Return (G, G) limits of group i less group j."""
    every = np.arange(len(found.mid))
    return between(found, every[:, None], every[None, :], tail)


def between(found: Placed, i: np.ndarray, j: np.ndarray, tail: float) -> Limits:
    """Return limits of entry i less entry j."""
    each = limits(found, tail)
    first, second = Limits(each.low[i], each.high[i]), Limits(each.low[j], each.high[j])
    return difference(each.mid[i], first, each.mid[j], second, 0.0 if found.r is None else found.r[i, j])


def _orders(pos: Floats, neg: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the share of pairs in the right order with ties counted half, as wrong and as right; NaN without pairs."""
    every = pos.sum(axis=-1) * neg.sum(axis=-1)
    defined = every > 0
    safe = np.where(defined, every, 1.0)
    # Pairs in the right order are those of a positive with the negatives of lower bins.
    right = (pos * (np.cumsum(neg, axis=-1) - neg)).sum(axis=-1) / safe
    tied = (pos * neg).sum(axis=-1) / safe
    low = np.where(defined, np.clip(right, 0.0, 1.0), np.nan)
    high = np.where(defined, np.clip(right + tied, 0.0, 1.0), np.nan)
    return (low + high) / 2, low, high


def _total(weights: Floats) -> Floats:
    """Return the sum over bins, 1 where it is 0: such a group stays undefined."""
    total = weights.sum(axis=-1, keepdims=True)
    return np.where(total > 0, total, 1.0)


def _part(w2: Floats, deviation: Floats, total: Floats, effective: Floats) -> Floats:
    """Return the variance of a mean of placements; NaN with fewer than two effective rows."""
    raw = (w2 * deviation**2).sum(axis=-1) / total[..., 0] ** 2
    enough = effective > 1 + 1e-9
    # Bessel's correction, n / (n - 1), at the effective number of rows.
    return np.where(enough, raw * effective / np.where(enough, effective - 1, 1.0), np.nan)


def _kish(total: Floats, w2: Floats) -> Floats:
    square = w2.sum(axis=-1)
    # Kish (1965), section 8.2: weighted rows are worth (sum w)^2 / sum w^2 plain ones.
    return np.where(square > 0, total**2 / np.where(square > 0, square, 1.0), 0.0)


def _effective_folds(rows: Floats) -> Floats:
    """Return how many equally filled folds would vary as much, from rows by fold (F, G)."""
    effective: Floats = rows.sum(axis=0) ** 2 / np.maximum((rows**2).sum(axis=0), 1e-300)
    return effective


def _score_limit(value: Floats, found: Placed, z: float, end: float) -> Floats:
    """Return the furthest A towards ``end`` at which the standard error (exponential model) still reaches ``value``."""
    m, n = np.maximum(found.positives, 1e-100), np.maximum(found.negatives, 1e-100)
    half = (m + n) / 2 - 1
    outside, inside = np.full(value.shape, end), value.copy()
    for _ in range(HALVINGS):
        a = (outside + inside) / 2
        # Newcombe (2006), method 5: the exponential model's variance with the mean of m and n in place of either.
        square = a * (1 - a) * (1 + half * (1 - a) / (2 - a) + half * a / (1 + a)) / (m * n)
        reached = np.abs(value - a) <= z * np.sqrt(np.maximum(square, 0.0))
        inside, outside = np.where(reached, a, inside), np.where(reached, outside, a)
    return inside


# The area between the ROC curves of two groups, from counts per score bin.
#
# A ROC curve is drawn through the edges of the bins, in straight lines. Within a bin the exact curve rises somewhere
# in the rectangle between its two edges, so it lies off the straight line by at most half of that rectangle: the area
# between two curves is off by at most half the width of both groups' tie bounds. The area is never 0 by chance alone;
# what groups of one curve show on average follows from the spread of either curve at each false positive rate.
#
# Must not: see scores, names or limits.
#
# References
# ----------
# Gardner, Brooks and Baker (2019), LAK, Evaluating the fairness of predictive student models through slicing analysis.
# Hsieh and Turnbull (1996), The Annals of Statistics 24:25 (spread of an empirical ROC curve).
def chance_area(one: Curve, other: Curve) -> float:
    """Return what two groups of these sizes show on average if both have the mean of the two curves.

    At a false positive rate t the curve R varies by R (1 - R) / m + R'(t)^2 t (1 - t) / n.
    """
    t = np.linspace(0.0, 1.0, STEPS + 1)
    weights = np.array([one.positives + one.negatives, other.positives + other.negatives])
    each = np.stack([_ahead(one, t), _ahead(other, t)])
    # At 0 a curve may stand above 0 already; its slope there belongs to what comes before.
    mean = np.append(weights @ each[:, :-1] / weights.sum(), 1.0)
    middle, slope, at = (mean[1:] + mean[:-1]) / 2, np.diff(mean) * STEPS, (t[1:] + t[:-1]) / 2
    # Hsieh and Turnbull (1996): how an empirical ROC curve spreads at one false positive rate.
    variance = sum(middle * (1 - middle) / c.positives + slope**2 * at * (1 - at) / c.negatives for c in (one, other))
    # A normal number of mean 0 and variance v has the mean size sqrt(2 v / pi).
    return float(np.sqrt(2 / np.pi * variance).mean())
