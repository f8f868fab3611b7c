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
import numpy.typing as npt

from audit.estimate import FEWEST_CHANGED
from audit.measurement.inference.contingency import bound_contrasts, correlate_exclusive
from audit.measurement.inference.corrections import LARGEST_TAIL, SMALLEST_TAIL
from audit.measurement.inference.effective import THIN_FOLDS, Sample, satterthwaite, weighted
from audit.measurement.inference.intervals import Floats, Limits, difference, quantile

HASHED = 100
"""Folds that units are hashed into; those that no unit fell into may be left out of arrays."""
SPREAD_FOLDS = 8.0
"""Effective folds in which answers changed, each way, from which Student's t stands alone: docs/decisions/0068."""
PRIOR = 0.5
"""Changed answers, with all of their fold, that are added before the chance is taken that a fold changes together: less
misses one-sided bounds where few and uneven units change as a whole (docs/decisions/0068)."""
STEPS = 14
"""Halvings of the log of an error, after which it is known to a fifth of a percent."""
MOST_PAIRS = 4096
"""Pairs of groups that are compared at once: their deviations by fold still fit a processor's cache."""
Positions = npt.NDArray[np.intp]
SKEWED = 0.75
"""Part of the degrees of freedom that is left to one share: its deviations are skewed (docs/decisions/0068)."""
UNSURE = 1.35
"""How far a variance of 100 folds may lie under the truth at an error of .025: 99 over that quantile of chi-square."""


class Discordant(NamedTuple):
    """p-values of no net change, given how many answers changed at all."""

    p_value: float
    """Two-sided."""
    p_more: float
    """One-sided: of so many, or more, of the first kind."""
    p_fewer: float
    """One-sided: of so few, or fewer, of the first kind."""


class Flips(NamedTuple):
    """Rows that changed one way and the other way, and all rows; arrays (..., F).

    F is the number of folds of the unit (all of them, also the empty ones), or 1 where rows are independent. The
    entries are numbers of rows, or sums of weights; with weights, ``squares`` are the sums of squared weights, shape
    (3, ..., F), in the same order.
    """

    first: Floats
    second: Floats
    rows: Floats
    squares: Floats | None = None


class Net(NamedTuple):
    """First share less second share with its limits; arrays over all but the last axis of `Flips`."""

    value: Floats
    """NaN where there are no rows; the limits are then -1 and 1."""
    low: Floats
    high: Floats
    df: Floats
    """Degrees of freedom of Student's t; infinite where rows are independent and not weighted."""
    changed: Floats
    """Changed answers, in numbers of rows; with weights, those that are worth as much (Kish)."""
    few: np.ndarray
    """Whether fewer than six answers changed, or fewer than eight folds make up the variance."""


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
    total, squares = _sum_folds(flips)
    sample = _independent(total, squares, weights=flips.squares is not None)
    low, high = bound_contrasts(sample, tail)
    if flips.squares is None:
        # Limits leave 0 out only where the exact test does at the same error.
        more, fewer = _tails(total[0], total[1])
        low, high = np.where(more > tail, np.minimum(low, 0), low), np.where(fewer > tail, np.maximum(high, 0), high)
    changed = _count(total[0] + total[1], squares[0] + squares[1])
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
        return _subtract(_take(each, i), _take(each, j), 0.0)
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
        total, _ = _sum_folds(flips)
        more, fewer = _tails(total[0], total[1])
        exact: Floats = np.minimum(1.0, 2 * np.minimum(more, fewer))
        return exact
    if not folds:
        each = [partial(bound_net, _one_of(flips, k)) for k in range(len(flips.rows))]
        return np.array([_invert(bounds) for bounds in each])
    from scipy.special import stdtr

    parts = _weigh_folds(flips)
    t = _student(parts.net, parts.filled, parts.df)
    net = np.abs(parts.total[0] - parts.total[1]) / np.maximum(parts.total[2], 1e-300)
    quotient = np.divide(net, t.error, out=np.zeros_like(net), where=t.error > 0)
    p: Floats = np.maximum(2 * stdtr(np.maximum(t.df, 1.0), -quotient), 2 * SMALLEST_TAIL)
    for k in np.flatnonzero(~_stands_alone(parts.spread, t)).tolist():
        p[k] = _invert(partial(_finish_units, _weigh_folds(_one_of(flips, k))))
    return p


def _one_of(flips: Flips, k: int) -> Flips:
    squares = None if flips.squares is None else flips.squares[:, k : k + 1]
    return Flips(flips.first[k : k + 1], flips.second[k : k + 1], flips.rows[k : k + 1], squares)


def _invert(bounds: Callable[[float], Net]) -> float:
    """Return twice the smallest error a side at which limits leave 0 out; 1 where none does."""
    low, high = math.log(SMALLEST_TAIL), math.log(LARGEST_TAIL)
    widest, narrowest = bounds(SMALLEST_TAIL), bounds(LARGEST_TAIL)
    if not _leaves_zero_out(narrowest) or _leaves_zero_out(widest):
        return 2 * SMALLEST_TAIL if _leaves_zero_out(widest) else 1.0
    # Bisection over the log of the error: a smaller one has a wider interval.
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _leaves_zero_out(bounds(math.exp(middle))):
            high = middle
        else:
            low = middle
    return min(1.0, 2 * math.exp(high))


def _leaves_zero_out(net: Net) -> bool:
    return bool(net.low[0] > 0 or net.high[0] < 0)


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


def _take(each: Net, at: Positions) -> Net:
    return Net(*(column[at] for column in each))


def _compare_folds(parts: _Folds, each: Net, i: Positions, j: Positions, tail: float) -> Net:
    one, other = parts.net[i], parts.net[j]
    alone = parts.spread[i] & parts.spread[j]
    r = _correlate(one, other)
    # Of few changed answers a correlation is itself chance, and may only widen.
    made = _subtract(_take(each, i), _take(each, j), np.where(alone, r, np.minimum(r, 0.0)))
    welch = _welch(one, other, parts.df[i], parts.df[j])
    return _widen(made, _student(one - other, parts.filled[i] | parts.filled[j], welch), alone, tail, 2.0)


class _Student(NamedTuple):
    """Standard error over folds, and its degrees of freedom; arrays (...)."""

    error: Floats
    df: Floats


def _tails(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return the binomial chances of at least, and of at most, so many of the first kind."""
    from scipy.special import betainc

    # P(X >= k) of n even trials is the incomplete beta function at (k, n - k + 1).
    more = np.where(first > 0, betainc(np.maximum(first, 1.0), second + 1.0, 0.5), 1.0)
    fewer = np.where(second > 0, betainc(np.maximum(second, 1.0), first + 1.0, 0.5), 1.0)
    return more, fewer


def _sum_folds(flips: Flips) -> tuple[Floats, Floats]:
    """Return sums (3, ...) of weights and of squared weights over all folds."""
    total = np.stack([flips.first, flips.second, flips.rows]).astype(float).sum(axis=-1)
    return total, total if flips.squares is None else flips.squares.sum(axis=-1)


def _independent(total: Floats, squares: Floats, *, weights: bool) -> Sample:
    """Return both shares (..., 2) of independent rows."""
    hits, hits_w2 = np.moveaxis(total[:2], 0, -1), np.moveaxis(squares[:2], 0, -1)
    whole, whole_w2 = np.repeat(total[2][..., None], 2, axis=-1), np.repeat(squares[2][..., None], 2, axis=-1)
    found = weighted(hits, whole, hits_w2, whole_w2)
    r = correlate_exclusive(found.p, hits_w2, squares[2])
    if weights:
        return Sample(found.p, found.n, found.df, hits, whole, r)
    return Sample(found.p, whole, np.full(whole.shape, np.inf), hits, whole, r)


def _count(weights: Floats, squares: Floats) -> Floats:
    """Return rows of equal weight that are worth as much (Kish)."""
    found: Floats = np.divide(weights**2, squares, out=np.zeros_like(weights), where=squares > 0)
    return found


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
    return _widen(made, _student(found.net, found.filled, found.df), found.spread, tail, 1.0)


def _student(deviation: Floats, filled: np.ndarray, most: Floats) -> _Student:
    """Return the standard error over the deviations of folds, at most with these degrees of freedom."""
    folds, square = filled.sum(axis=-1).astype(float), (deviation**2).sum(axis=-1)
    # Delete-one-fold jackknife (Busing et al. 1999).
    error = np.sqrt((folds - 1) / np.maximum(folds, 1.0) * square)
    df = np.minimum(most, _degrees(deviation) - 1)
    return _Student(error, np.maximum(df, 0.0))


def _widen(made: Net, t: _Student, alone: np.ndarray, tail: float, span: float) -> Net:
    """Return Student's limits where t stands alone, else the wider of both, within what is possible."""
    reach = quantile(tail, t.df) * t.error
    low, high = made.value - reach, made.value + reach
    alone = _stands_alone(alone, t)
    low = np.clip(np.where(alone, low, np.fmin(made.low, low)), -span, span)
    high = np.clip(np.where(alone, high, np.fmax(made.high, high)), -span, span)
    return made._replace(low=low, high=high, df=t.df)


def _stands_alone(spread: np.ndarray, t: _Student) -> np.ndarray:
    """Return where Student's t is all that is asked: not where all folds happen to have changed alike."""
    alone: np.ndarray = spread & (t.error > 0)
    return alone


def _degrees(deviation: Floats) -> Floats:
    found: Floats = satterthwaite(np.moveaxis(deviation, -1, 0))
    return found


def _weigh_folds(flips: Flips) -> _Folds:
    """Return both shares with what folds say of their error."""
    total, squares = _sum_folds(flips)
    rows = np.asarray(flips.rows, dtype=float)
    filled = rows > 0
    folds = filled.sum(axis=-1).astype(float)
    first, second = _leave_out(flips.first, rows), _leave_out(flips.second, rows)
    # Kish's formula over folds: how many equally filled ones would vary as much.
    equal = total[2] ** 2 / np.maximum((rows**2).sum(axis=-1), 1e-300)
    each = [_share(flips, at, d, folds) for at, d in ((0, first), (1, second))]
    p = np.stack([np.divide(total[i], total[2], out=np.zeros_like(total[2]), where=total[2] > 0) for i in (0, 1)], -1)
    df = SKEWED * np.stack([np.minimum(equal, _degrees(d)) - 1 for d in (first, second)], axis=-1)
    r = _correlate(first, second)
    one = np.ones_like(r)
    crossed = np.stack([np.stack([one, r], axis=-1), np.stack([r, one], axis=-1)], axis=-1)
    whole = np.repeat(total[2][..., None], 2, axis=-1)
    sample = Sample(p, np.stack(each, axis=-1), np.maximum(df, 0.0), p * whole, whole, crossed)
    net = first - second
    changed = _count(total[0] + total[1], squares[0] + squares[1])
    fewest = np.minimum(_effective(flips.first), _effective(flips.second))
    df_net = np.minimum(equal, _degrees(net)) - 1
    return _Folds(total, net, sample, filled, df_net, changed, fewest >= SPREAD_FOLDS)


def _effective(hits: Floats) -> Floats:
    """Return the equally filled folds that would spread as much."""
    hits = np.asarray(hits, dtype=float)
    return _count(hits.sum(axis=-1), (hits**2).sum(axis=-1))


def _leave_out(hits: Floats, rows: Floats) -> Floats:
    """Return how the share changes when each fold is left out; 0 for an empty fold."""
    whole, events = rows.sum(axis=-1, keepdims=True), np.asarray(hits, dtype=float).sum(axis=-1, keepdims=True)
    live = (rows > 0) & (whole - rows > 0)
    share = np.divide(events, whole, out=np.zeros_like(events), where=whole > 0)
    return np.where(live, (events - hits) / np.where(live, whole - rows, 1.0) - share, 0.0)


def _correlate(one: Floats, other: Floats) -> Floats:
    """Return the correlation of two estimates from their deviations by fold; 0 where one has none."""
    size = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    crossed = (one * other).sum(axis=-1)
    r: Floats = np.clip(np.divide(crossed, size, out=np.zeros_like(size), where=size > 0), -1, 1)
    return r


def _share(flips: Flips, at: int, deviation: Floats, folds: Floats) -> Floats:
    """Return independent rows that one share is worth: what the jackknife says, and at most what clumps say."""
    total, _ = _sum_folds(flips)
    p = np.divide(total[at], total[2], out=np.zeros_like(total[2]), where=total[2] > 0)
    variance = (folds - 1) / np.maximum(folds, 1.0) * (deviation**2).sum(axis=-1)
    flat = (p * (1 - p) < 1e-12) | (variance < 1e-15)
    worth = _worth_of_clumps(flips, at)
    n = np.where(flat, worth, np.minimum(p * (1 - p) / np.where(flat, 1.0, variance), worth))
    return np.where(total[2] > 0, np.maximum(n, 1e-3), 0.0)


def _worth_of_clumps(flips: Flips, at: int) -> Floats:
    """Return independent rows that a share is worth, from how often answers of one fold change together.

    The jackknife sees only the folds in which an answer changed. Where these are few and small, a large unit that
    might have changed as a whole is not among them, and its variance falls short. What they do tell is the chance that
    another answer of the same fold changed too; it gives the variance for the sizes of all folds. Where no answer
    changed, all rows of a unit count as one. Units are hashed, so that the spread of the sizes of folds tells how
    large units are: answers that change together are at most those of a unit.
    """
    rows = np.asarray(flips.rows, dtype=float)
    hits = np.asarray((flips.first, flips.second)[at], dtype=float)
    hits_w2, rows_w2 = (hits, rows) if flips.squares is None else (flips.squares[at], flips.squares[2])
    whole, w2, square = rows.sum(axis=-1), rows_w2.sum(axis=-1), (rows**2).sum(axis=-1)
    more = 2 * hits.sum(axis=-1, keepdims=True) > whole[..., None]
    # The rarer of the two: beside answers that nearly all changed, those that did not.
    hits, hits_w2 = np.where(more, rows - hits, hits), np.where(more, rows_w2 - hits_w2, hits_w2)
    events = hits.sum(axis=-1)
    share = np.divide(events, whole, out=np.zeros_like(whole), where=whole > 0)
    # Pairs that one answer of usual weight makes with the rest of its fold.
    each = np.divide(w2, whole**2, out=np.zeros_like(whole), where=whole > 0)
    pair = PRIOR * np.maximum(square - w2, 0.0) * each
    together = (hits**2 - hits_w2).sum(axis=-1) + pair
    apart = (hits * rows - hits_w2).sum(axis=-1) + pair
    clumping = np.clip((together / np.maximum(apart, 1e-300) - share) / np.maximum(1 - share, 0.5), 0.0, 1.0)
    # Rows of one weight: n / (1 + clumping (mean size of a row's fold - 1)).
    worth = whole**2 / np.maximum(w2 + clumping * np.maximum(square - w2, 0.0), 1e-300)
    # Hashing spreads sum n_u^2 over units into sum (T_f - T / F)^2 / (1 - 1 / F) over folds, on average.
    units = UNSURE * (square - whole**2 / HASHED) / (1 - 1 / HASHED)
    kish = whole**2 / np.maximum(w2, 1e-300)
    found: Floats = np.minimum(np.maximum(worth, whole**2 / np.maximum(units, 1e-300)), kish)
    return found


def _subtract(first: Net, second: Net, r: Floats | float) -> Net:
    """Return the difference of two net changes by squaring and adding their distances (MOVER)."""
    one, other = Limits(first.low, first.high), Limits(second.low, second.high)
    limits = difference(first.value, one, second.value, other, r)
    known = ~np.isnan(first.value - second.value)
    low, high = np.where(known, limits.low, -2.0), np.where(known, limits.high, 2.0)
    df = np.minimum(first.df, second.df)
    changed, few = np.minimum(first.changed, second.changed), first.few | second.few
    return Net(first.value - second.value, np.maximum(low, -2.0), np.minimum(high, 2.0), df, changed, few)


def _welch(one: Floats, other: Floats, df: Floats, df_other: Floats) -> Floats:
    """Return degrees of freedom of a sum of two variances (Welch 1947)."""
    v, w = (one**2).sum(axis=-1), (other**2).sum(axis=-1)
    parts = v**2 / np.maximum(df, 1.0) + w**2 / np.maximum(df_other, 1.0)
    found: Floats = np.divide((v + w) ** 2, parts, out=np.full_like(parts, np.inf), where=parts > 0)
    return found
