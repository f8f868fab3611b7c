"""How sure a net change is: of the same rows, those whose answer changed one way less those that changed the other way.

Two decisions about the same rows differ in few of them, so that only the changed answers count. Independent rows have
the interval of two shares that exclude each other (`contingency.bound_contrasts`), and the exact conditional test; the
interval leaves 0 out only where the test does. Rows that share a unit (a template, a person) are counted into folds of
the unit. Then the net change of each fold is one observation: Student's t, with few degrees of freedom where few folds
make up the variance. Where answers changed in few folds t knows too little, so the interval reaches at least as far as
that of the two shares. Simulated in docs/inference.md.

Must not: know a metric's name, a group's name or a limit.

References
----------
McNemar (1947), Psychometrika 12:153. Fagerland, Lydersen and Laake (2013), BMC Medical Research Methodology 13:91.
Tang, Ling, Ling and Tian (2010), Statistics in Medicine 29:86 (MOVER). Zou (2007), Psychological Methods 12:399.
Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3 (delete-group jackknife).
Satterthwaite (1946), Biometrics Bulletin 2:110. Welch (1947), Biometrika 34:28.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from audit.estimate import FEWEST_CHANGED
from audit.measurement.inference.contingency import bound_contrasts, correlate_exclusive
from audit.measurement.inference.corrections import LARGEST_TAIL, SMALLEST_TAIL
from audit.measurement.inference.effective import THIN_FOLDS, Sample, weighted
from audit.measurement.inference.intervals import Floats, Limits, quantile
from audit.measurement.inference.paired.folds import (
    HALVINGS,
    MOST_PAIRS,
    SKEWED,
    SPREAD_FOLDS,
    Flips,
    Net,
    Positions,
    combine_degrees,
    correlate_folds,
    count_effective,
    count_rows,
    find_degrees,
    find_error,
    leave_out,
)


class Discordant(NamedTuple):
    """p-values of no net change, given how many answers changed at all."""

    p_value: float
    """Two-sided."""
    p_more: float
    """One-sided: of so many, or more, of the first kind."""
    p_fewer: float
    """One-sided: of so few, or fewer, of the first kind."""


def test_discordant(first: int, second: int) -> Discordant:
    """Return the exact conditional test of no net change (McNemar).

    Given how many answers changed, each is as likely to have changed either way. Fewer than six never reach .05.

    Parameters
    ----------
    first, second
        Independent rows that changed one way, and the other way.

    References
    ----------
    Fagerland, Lydersen and Laake (2013): 1 and 7 have p = .0703.
    """
    more, fewer = _tails(np.array(float(first)), np.array(float(second)))
    return Discordant(min(1.0, 2 * float(min(more, fewer))), float(more), float(fewer))


def bound_net(flips: Flips, tail: float) -> Net:
    """Return the net change of independent rows, with limits at this error on each side.

    Parameters
    ----------
    flips
        Arrays (..., 1).
    tail
        Error on each side, .025 for 95%; a one-sided bound is one of the limits at its whole error.
    """
    total, squares = flips.sum_folds()
    sample = _independent(total, squares, weights=flips.squares is not None)
    low, high = bound_contrasts(sample, tail)
    if flips.squares is None:
        # Limits leave 0 out only where the exact test does at the same error.
        more, fewer = _tails(total[0], total[1])
        low, high = np.where(more > tail, np.minimum(low, 0), low), np.where(fewer > tail, np.maximum(high, 0), high)
    changed = count_rows(total[0] + total[1], squares[0] + squares[1])
    return _finish(total, Limits(low, high), sample.df.min(axis=-1), changed, changed < FEWEST_CHANGED)


def bound_net_by_units(flips: Flips, tail: float) -> Net:
    """Return the net change of rows that share units, with limits at this error on each side.

    Parameters
    ----------
    flips
        Arrays (..., F), the last axis being the folds of the unit.
    tail
        Error on each side.
    """
    return _finish_units(_weigh_folds(flips), tail)


def bound_change_of_gap(flips: Flips, i: Positions, j: Positions, tail: float, *, folds: bool) -> Net:
    """Return the net change of groups i less that of groups j, with limits at this error on each side.

    That is the change of the signed difference between two groups. Without units the groups are independent; with
    units both are counted into the same folds, so that a unit with rows in both counts as one.

    Parameters
    ----------
    flips
        Arrays (G, F) of all groups.
    i, j
        Positions of groups, of shapes that go together.
    tail
        Error on each side.
    folds
        Whether the last axis holds the folds of the unit.
    """
    if not folds:
        each = bound_net(flips, tail)
        return each.take(i).subtract(each.take(j), 0.0)
    parts = _weigh_folds(flips)
    each, (i, j) = _finish_units(parts, tail), np.broadcast_arrays(i, j)
    first, second = i.ravel(), j.ravel()
    some = [slice(at, at + MOST_PAIRS) for at in range(0, max(len(first), 1), MOST_PAIRS)]
    made = [_compare_folds(parts, each, first[at], second[at], tail) for at in some]
    return Net(*(np.concatenate(column).reshape(i.shape) for column in zip(*made, strict=True)))


def test_net(flips: Flips, *, folds: bool) -> Floats:
    """Return the two-sided p of no net change: the smallest error at which its interval leaves 0 out.

    Independent rows without weights have the exact test; rows that share units have Student's t over folds where that
    stands alone. 1 where there are no rows.

    Parameters
    ----------
    flips
        Arrays (G, F).
    folds
        Whether the last axis holds the folds of the unit.
    """
    if not folds and flips.squares is None:
        total, _ = flips.sum_folds()
        more, fewer = _tails(total[0], total[1])
        exact: Floats = np.minimum(1.0, 2 * np.minimum(more, fewer))
        return exact
    if not folds:
        each = [partial(bound_net, _one_of(flips, k)) for k in range(len(flips.rows))]
        return np.array([_invert(bounds) for bounds in each])
    from scipy.special import stdtr

    parts = _weigh_folds(flips)
    t = find_error(parts.net, parts.filled, parts.df)
    net = np.abs(parts.total[0] - parts.total[1]) / np.maximum(parts.total[2], 1e-300)
    quotient = np.divide(net, t.error, out=np.zeros_like(net), where=t.error > 0)
    p: Floats = np.maximum(2 * stdtr(np.maximum(t.df, 1.0), -quotient), 2 * SMALLEST_TAIL)
    for k in np.flatnonzero(~t.stands_alone(parts.spread)).tolist():
        p[k] = _invert(partial(_finish_units, _weigh_folds(_one_of(flips, k))))
    return p


def _one_of(flips: Flips, k: int) -> Flips:
    squares = None if flips.squares is None else flips.squares[:, k : k + 1]
    return Flips(flips.first[k : k + 1], flips.second[k : k + 1], flips.rows[k : k + 1], squares)


def _invert(bounds: Callable[[float], Net]) -> float:
    """Return, of one net change, twice the smallest error a side at which limits leave 0 out; 1 where none does."""
    low, high = math.log(SMALLEST_TAIL), math.log(LARGEST_TAIL)
    widest, narrowest = bounds(SMALLEST_TAIL), bounds(LARGEST_TAIL)
    if not narrowest.leaves_zero_out.all() or widest.leaves_zero_out.all():
        return 2 * SMALLEST_TAIL if widest.leaves_zero_out.all() else 1.0
    # Bisection over the log of the error: a smaller one has a wider interval.
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if bounds(math.exp(middle)).leaves_zero_out.all():
            high = middle
        else:
            low = middle
    return min(1.0, 2 * math.exp(high))


class _Folds(NamedTuple):
    """What folds say of one group; arrays (...), deviations (..., F)."""

    total: Floats
    net: Floats
    """Deviation of the net change when each fold is left out."""
    sample: Sample
    """Both shares, with the independent rows that they are worth."""
    filled: np.ndarray
    """Folds that have rows, (..., F)."""
    df: Floats
    changed: Floats
    spread: np.ndarray
    """Whether answers changed in so many folds, each way, that Student's t stands alone."""


def _compare_folds(parts: _Folds, each: Net, i: Positions, j: Positions, tail: float) -> Net:
    one, other = parts.net[i], parts.net[j]
    alone = parts.spread[i] & parts.spread[j]
    r = correlate_folds(one, other)
    # Of few changed answers a correlation is itself chance, and may only widen.
    made = each.take(i).subtract(each.take(j), np.where(alone, r, np.minimum(r, 0.0)))
    welch = combine_degrees(one, other, parts.df[i], parts.df[j])
    t = find_error(one - other, parts.filled[i] | parts.filled[j], welch)
    return made.widen(t, quantile(tail, t.df), alone, 2.0)


def _tails(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return the binomial chances of at least, and of at most, so many of the first kind."""
    from scipy.special import betainc

    # P(X >= k) of n even trials is the incomplete beta function at (k, n - k + 1).
    more = np.where(first > 0, betainc(np.maximum(first, 1.0), second + 1.0, 0.5), 1.0)
    fewer = np.where(second > 0, betainc(np.maximum(second, 1.0), first + 1.0, 0.5), 1.0)
    return more, fewer


def _independent(total: Floats, squares: Floats, *, weights: bool) -> Sample:
    """Return both shares (..., 2) of independent rows."""
    hits, hits_w2 = np.moveaxis(total[:2], 0, -1), np.moveaxis(squares[:2], 0, -1)
    whole, whole_w2 = np.repeat(total[2][..., None], 2, axis=-1), np.repeat(squares[2][..., None], 2, axis=-1)
    found = weighted(hits, whole, hits_w2, whole_w2)
    r = correlate_exclusive(found.p, hits_w2, squares[2])
    if weights:
        return Sample(found.p, found.n, found.df, hits, whole, r)
    return Sample(found.p, whole, np.full(whole.shape, np.inf), hits, whole, r)


def _finish(total: Floats, limits: Limits, df: Floats, changed: Floats, few: np.ndarray) -> Net:
    rows = total[2]
    net = total[0] - total[1]
    value = np.divide(net, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    low = np.where(rows > 0, np.clip(limits.low, -1, 1), -1.0)
    high = np.where(rows > 0, np.clip(limits.high, -1, 1), 1.0)
    return Net(value, low, high, np.where(rows > 0, df, 0.0), changed, few)


def _finish_units(found: _Folds, tail: float) -> Net:
    few = (found.changed < FEWEST_CHANGED) | (found.df + 1 < THIN_FOLDS)
    made = _finish(found.total, bound_contrasts(found.sample, tail), found.df, found.changed, few)
    t = find_error(found.net, found.filled, found.df)
    return made.widen(t, quantile(tail, t.df), found.spread, 1.0)


def _weigh_folds(flips: Flips) -> _Folds:
    """Return both shares with what folds say of their error."""
    total, squares = flips.sum_folds()
    rows = np.asarray(flips.rows, dtype=float)
    filled = rows > 0
    folds = filled.sum(axis=-1).astype(float)
    first, second = leave_out(flips.first, rows), leave_out(flips.second, rows)
    # Kish's formula over folds: how many equally filled ones would vary as much.
    equal = total[2] ** 2 / np.maximum((rows**2).sum(axis=-1), 1e-300)
    each = [_share(flips, at, d, folds) for at, d in ((0, first), (1, second))]
    p = np.stack([np.divide(total[i], total[2], out=np.zeros_like(total[2]), where=total[2] > 0) for i in (0, 1)], -1)
    df = SKEWED * np.stack([np.minimum(equal, find_degrees(d)) - 1 for d in (first, second)], axis=-1)
    r = correlate_folds(first, second)
    one = np.ones_like(r)
    crossed = np.stack([np.stack([one, r], axis=-1), np.stack([r, one], axis=-1)], axis=-1)
    whole = np.repeat(total[2][..., None], 2, axis=-1)
    sample = Sample(p, np.stack(each, axis=-1), np.maximum(df, 0.0), p * whole, whole, crossed)
    net = first - second
    changed = count_rows(total[0] + total[1], squares[0] + squares[1])
    fewest = np.minimum(count_effective(flips.first), count_effective(flips.second))
    df_net = np.minimum(equal, find_degrees(net)) - 1
    return _Folds(total, net, sample, filled, df_net, changed, fewest >= SPREAD_FOLDS)


def _share(flips: Flips, at: int, deviation: Floats, folds: Floats) -> Floats:
    """Return independent rows that one share is worth: what the jackknife says, and at most what clumps say."""
    total, _ = flips.sum_folds()
    p = np.divide(total[at], total[2], out=np.zeros_like(total[2]), where=total[2] > 0)
    variance = (folds - 1) / np.maximum(folds, 1.0) * (deviation**2).sum(axis=-1)
    flat = (p * (1 - p) < 1e-12) | (variance < 1e-15)
    worth = flips.find_worth_of_clumps(at)
    n = np.where(flat, worth, np.minimum(p * (1 - p) / np.where(flat, 1.0, variance), worth))
    return np.where(total[2] > 0, np.maximum(n, 1e-3), 0.0)
