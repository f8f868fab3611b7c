"""How sure the change of a share is whose rows the decision itself picks: precision, and the three that are like it.

Of the rows that a decision selects, some have the outcome that is looked for. The new decision selects other rows than
the earlier one, so that the change is the difference of two ratios over six counts: rows that both select, rows that
came, and rows that went, each with and without the outcome. The difference does not change when all six grow alike.
So its variance is the sum over the counts of count x influence^2, as of independent Poisson counts, the influence being
what one more row of a cell adds to it. Rows that changed are few: those that raise the change and those that lower it
are two weighted sums of counts, each with the limits of Fay and Feuer, which are the exact ones where all rows have
equal influence. Their distances from the sums, and the normal one of rows that both select, are squared and added.

Rows that share a unit are counted into folds of it: Student's t over the change with each fold left out, and where
decisions changed in few folds at least as far as the sums reach, as for a net change (`net`).

Must not: know a metric's name, a group's name or a limit.

References
----------
Leisenring, Alonzo and Pepe (2000), Biometrics 56:345; Moskowitz and Pepe (2006), Clinical Trials 3:272 (predictive
values of two tests of the same people). Fay and Feuer (1997), Statistics in Medicine 16:791 (weighted sums of counts).
Zou (2007), Psychological Methods 12:399 (MOVER). Binder (1983), International Statistical Review 51:279.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from audit.estimate import FEWEST_CHANGED
from audit.measurement.inference.corrections import SMALLEST_TAIL
from audit.measurement.inference.effective import THIN_FOLDS
from audit.measurement.inference.intervals import Floats
from audit.measurement.inference.paired.folds import (
    HALVINGS,
    MOST_PAIRS,
    SKEWED,
    SPREAD_FOLDS,
    Flips,
    Net,
    Positions,
    Student,
    combine_degrees,
    correlate_folds,
    count_effective,
    count_rows,
    find_degrees,
    find_error,
    leave_out,
)

KEPT_HIT, KEPT_MISS, CAME_HIT, CAME_MISS, WENT_HIT, WENT_MISS = range(6)
"""Cells: rows that both decisions select, or the new one alone, or the earlier one; with the outcome and without."""
HIT, NOW, BEFORE = np.array([[1, 0, 1, 0, 1, 0], [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1]], dtype=float)
KEPT, UP, DOWN = [KEPT_HIT, KEPT_MISS], [CAME_HIT, WENT_MISS], [CAME_MISS, WENT_HIT]
"""Cells whose decision did not change, and those that raise and lower the share by having changed."""
ENOUGH = 20.0
"""Changed rows under which a correlation is itself chance, and narrows nothing."""
LARGEST_TAIL = 0.49
"""Error at which a test gives up: at .5 a normal quantile is 0, and tells no degrees of freedom."""


class Cells(NamedTuple):
    """Rows that either decision selects, arrays (6, ..., F); F is 1 where rows are independent."""

    rows: Floats
    """Numbers of rows, or sums of weights."""
    squares: Floats | None = None
    """Sums of squared weights; None where rows have no weights."""
    folds: bool = False
    """Whether the last axis holds the folds of the unit."""


class _Side(NamedTuple):
    """A weighted sum of counts; arrays (...)."""

    total: Floats
    variance: Floats
    step: Floats
    """What one more row, of the cell of most influence, adds to it."""
    df: Floats


class Change(NamedTuple):
    """The change of a share with what its limits are made of; arrays (...), deviations (..., F)."""

    value: Floats
    """NaN where one of both decisions selects no row."""
    influence: Floats
    """Of each cell, shape (6, ...)."""
    variance: Floats
    """Linearised, of each cell, shape (6, ...)."""
    up: _Side
    down: _Side
    kept: _Side
    r: Floats
    """Correlation of both sides, never above 0."""
    changed: Floats
    """Rows that changed; with weights, those that are worth as much."""
    deviation: Floats
    """Change of the value when each fold is left out; empty where rows are independent."""
    filled: np.ndarray
    spread: np.ndarray
    """Whether rows changed in so many folds, each way, that Student's t stands alone."""
    df: Floats
    folds: bool

    def bound(self, tail: float | Floats) -> Net:
        """Return the change of each share with limits at this error on each side; none leaves 0 out by under six rows.

        Parameters
        ----------
        tail
            Error on each side, .025 for 95%; one for all, or one for each.
        """
        below, above = _reach(self, tail)
        known = ~np.isnan(self.value)
        low = np.where(known, np.clip(self.value - below, -1, 1), -1.0)
        high = np.where(known, np.clip(self.value + above, -1, 1), 1.0)
        few = self.changed < FEWEST_CHANGED
        made = Net(self.value, low, high, np.where(known, self.df, 0.0), self.changed, few)
        if self.folds:
            t = find_error(self.deviation, self.filled, self.df)
            made = made.widen(t, _find_quantile(tail, t.df), self.spread, 1.0)
            made = made._replace(low=np.where(known, made.low, -1.0), high=np.where(known, made.high, 1.0))
            made = made._replace(few=few | (self.df + 1 < THIN_FOLDS))
        low, high = np.where(few, np.minimum(made.low, 0), made.low), np.where(few, np.maximum(made.high, 0), made.high)
        return made._replace(low=low, high=high)

    def bound_gap(self, i: Positions, j: Positions, tail: float) -> Net:
        """Return the change of groups i less that of groups j, with limits at this error on each side.

        Parameters
        ----------
        i, j
            Positions of groups, of shapes that go together.
        tail
            Error on each side.
        """
        each = self.bound(tail)
        if not self.folds:
            return each.take(i).subtract(each.take(j), 0.0)
        i, j = np.broadcast_arrays(i, j)
        first, second = i.ravel(), j.ravel()
        some = [slice(at, at + MOST_PAIRS) for at in range(0, max(len(first), 1), MOST_PAIRS)]
        made = [_compare_folds(self, each, first[at], second[at], tail) for at in some]
        return Net(*(np.concatenate(column).reshape(i.shape) for column in zip(*made, strict=True)))

    def bound_to_whole(self, at: Positions, tail: float) -> Net:
        """Return the change of groups less that of everybody, who stand last and whom the groups are part of.

        The rows of a group move both: their correlation is that of their influence here and there. Of few changed rows
        it is itself chance, and narrows nothing.

        Parameters
        ----------
        at
            Positions of groups.
        tail
            Error on each side.
        """
        whole = np.full(at.shape, len(self.value) - 1)
        if self.folds:
            return self.bound_gap(at, whole, tail)
        each = self.bound(tail)
        own, all_of = self.influence[:, at], self.influence[:, whole]
        # Squared weights of a cell are its variance over its squared influence, which is not 0 where its rows count.
        ratio = np.divide(all_of, own, out=np.zeros_like(own), where=own != 0)
        crossed = (ratio * self.variance[:, at]).sum(axis=0)
        size = np.sqrt(self.variance[:, at].sum(axis=0) * self.variance[:, whole].sum(axis=0))
        r = np.clip(np.divide(crossed, size, out=np.zeros_like(size), where=size > 0), -1, 1)
        return each.take(at).subtract(each.take(whole), np.where(self.changed[at] < ENOUGH, np.minimum(r, 0), r))

    def find_p_values(self) -> Floats:
        """Return the two-sided p of no change: twice the smallest error at which the interval leaves 0 out.

        1 where none does, or where there is no change to speak of.
        """
        low = np.full(self.value.shape, math.log(SMALLEST_TAIL))
        high = np.full(self.value.shape, math.log(LARGEST_TAIL))
        never = ~self.bound(np.exp(high)).leaves_zero_out
        # Bisection over the log of the error: a smaller one has a wider interval.
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            out = self.bound(np.exp(middle)).leaves_zero_out
            low, high = np.where(out, low, middle), np.where(out, middle, high)
        found: Floats = np.where(never, 1.0, np.minimum(1.0, 2 * np.exp(high)))
        return found


def weigh_change(cells: Cells) -> Change:
    """Return the change of a share, with the weight of every cell in it.

    Parameters
    ----------
    cells
        Arrays (6, ..., F).
    """
    total = cells.rows.astype(float).sum(axis=-1)
    squares = total if cells.squares is None else cells.squares.sum(axis=-1)
    value, influence = _subtract_shares(total), _find_influence(total)
    # One more row of usual weight.
    row = np.divide(squares.sum(axis=0), total.sum(axis=0), out=np.ones_like(value), where=total.sum(axis=0) > 0)
    worth = count_rows(total.sum(axis=0), squares.sum(axis=0))
    df = np.full(value.shape, np.inf) if cells.squares is None else np.maximum(worth - 1, 0.0)
    variance = influence**2 * squares
    add_up = partial(_add_up, influence=influence, total=total, variance=variance, row=row, df=df)
    changed = count_rows(total[[*UP, *DOWN]].sum(axis=0), squares[[*UP, *DOWN]].sum(axis=0))
    none, never = np.zeros((*value.shape, 1)), np.zeros(value.shape, dtype=bool)
    made = Change(
        value,
        influence,
        variance,
        add_up(UP),
        add_up(DOWN),
        add_up(KEPT),
        np.zeros(value.shape),
        changed,
        none,
        none > 0,
        never,
        df,
        False,
    )
    return _weigh_folds(made, cells, total) if cells.folds else made


def _divide(top: Floats, below: Floats) -> Floats:
    share: Floats = np.divide(top, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return share


def _sum_selected(total: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return rows that the new and the earlier decision select, and the share of each that has the outcome."""
    now, before = np.tensordot(NOW, total, 1), np.tensordot(BEFORE, total, 1)
    shares = _divide(np.tensordot(NOW * HIT, total, 1), now), _divide(np.tensordot(BEFORE * HIT, total, 1), before)
    return now, before, *shares


def _subtract_shares(total: Floats) -> Floats:
    _, _, p_now, p_before = _sum_selected(total)
    found: Floats = p_now - p_before
    return found


def _find_influence(total: Floats) -> Floats:
    """Return the derivative of the change by every cell, 0 where it is undefined."""
    now, before, p_now, p_before = _sum_selected(total)
    hit, of_now, of_before = np.stack([HIT, NOW, BEFORE]).reshape(3, 6, *(1,) * now.ndim)
    known = (now > 0) & (before > 0)
    each = of_now * (hit - p_now) / np.where(known, now, 1.0) - of_before * (hit - p_before) / np.where(
        known, before, 1
    )
    found: Floats = np.where(known, each, 0.0)
    return found


def _add_up(at: list[int], influence: Floats, total: Floats, variance: Floats, row: Floats, df: Floats) -> _Side:
    size = np.abs(influence[at])
    return _Side((size * total[at]).sum(axis=0), variance[at].sum(axis=0), size.max(axis=0) * row, df)


def _reach(change: Change, tail: float | Floats) -> tuple[Floats, Floats]:
    """Return how far the limits lie below and above the change."""
    up, down = _bound_sum(change.up, tail), _bound_sum(change.down, tail)
    kept = _find_quantile(tail, change.kept.df) ** 2 * change.kept.variance

    def add(one: Floats, other: Floats) -> Floats:
        found: Floats = np.sqrt(np.maximum(one**2 + other**2 - 2 * change.r * one * other, 0) + kept)
        return found

    below = add(change.up.total - up[0], down[1] - change.down.total)
    return below, add(up[1] - change.up.total, change.down.total - down[0])


def _bound_sum(side: _Side, tail: float | Floats) -> tuple[Floats, Floats]:
    """Return limits of a weighted sum of counts (Fay and Feuer 1997): exact ones where all weights are alike."""
    from scipy.special import gammainccinv, gammaincinv, ndtri

    # Korn and Graubard (1998): counts at a t quantile q reach as far as counts (z / q)^2 at a normal quantile z.
    lifted = np.where(np.isinf(side.df), 1.0, (_find_quantile(tail, side.df) / -ndtri(tail)) ** 2)
    variance, step = side.variance * lifted, side.step * lifted
    low = _scale_gamma(gammaincinv, side.total, variance, tail)
    high = _scale_gamma(gammainccinv, side.total + step, variance + step**2, tail)
    return low, high


def _scale_gamma(inverse: np.ufunc, mean: Floats, variance: Floats, tail: float | Floats) -> Floats:
    """Return a quantile of the gamma law of this mean and variance; 0 where the mean is."""
    there = (mean > 0) & (variance > 0)
    shape = np.where(there, mean, 1.0) ** 2 / np.where(there, variance, 1.0)
    scale = np.where(there, variance, 1.0) / np.where(there, mean, 1.0)
    found: Floats = np.where(there, scale * inverse(shape, tail), mean)
    return found


def _find_quantile(tail: float | Floats, df: Floats) -> Floats:
    """Return the upper point of Student's t, or of the normal law where degrees of freedom are infinite."""
    from scipy.special import ndtri, stdtrit

    finite = np.isfinite(df)
    found: Floats = np.where(finite, -stdtrit(np.where(finite, np.maximum(df, 1.0), 1.0), tail), -ndtri(tail))
    return found


def _weigh_folds(made: Change, cells: Cells, total: Floats) -> Change:
    """Return the same with what folds say of every variance."""
    rows = cells.rows.astype(float)
    flips, either = _count_flips(cells), rows.sum(axis=0)
    equal = np.minimum(count_effective(np.tensordot(NOW, rows, 1)), count_effective(np.tensordot(BEFORE, rows, 1)))
    scored = [(np.abs(made.influence)[at][..., None] * rows[at]).sum(axis=0) for at in (UP, DOWN, KEPT)]
    apart = [leave_out(each, either) * either.sum(axis=-1, keepdims=True) for each in scored]
    filled, deviation = either > 0, _leave_folds_out(made, rows, total)
    kept = np.maximum(made.kept.variance, find_error(apart[2], filled, equal).error ** 2)
    return made._replace(
        up=_widen_side(made.up, apart[0], flips, 0, equal),
        down=_widen_side(made.down, apart[1], flips, 1, equal),
        kept=made.kept._replace(variance=kept, df=np.maximum(equal - 1, 0.0)),
        r=np.minimum(correlate_folds(apart[0], apart[1]), 0.0),
        deviation=deviation,
        filled=filled,
        spread=np.minimum(count_effective(scored[0]), count_effective(scored[1])) >= SPREAD_FOLDS,
        df=np.maximum(np.minimum(equal, find_degrees(deviation)) - 1, 0.0),
        folds=True,
    )


def _count_flips(cells: Cells) -> Flips:
    """Return the rows that changed so as to raise the share and so as to lower it, and all rows."""
    rows, w2 = cells.rows.astype(float), cells.squares
    squares = None if w2 is None else np.stack([w2[UP].sum(axis=0), w2[DOWN].sum(axis=0), w2.sum(axis=0)])
    return Flips(rows[UP].sum(axis=0), rows[DOWN].sum(axis=0), rows.sum(axis=0), squares)


def _leave_folds_out(made: Change, rows: Floats, total: Floats) -> Floats:
    """Return how the change moves when each fold is left out; 0 for an empty fold, and where nothing would be left."""
    left, value = _subtract_shares(total[..., None] - rows), made.value[..., None]
    known = (rows.sum(axis=0) > 0) & ~np.isnan(left) & ~np.isnan(value)
    found: Floats = np.where(known, left - np.where(known, value, 0.0), 0.0)
    return found


def _widen_side(side: _Side, deviation: Floats, flips: Flips, at: int, equal: Floats) -> _Side:
    """Return a sum whose variance is that of folds, and at least what their clumps say."""
    rows = np.asarray(flips.rows)
    whole = rows.sum(axis=-1)
    squares = whole if flips.squares is None else flips.squares[2].sum(axis=-1)
    worth = np.maximum(flips.find_worth_of_clumps(at), 1e-3)
    clumps = np.maximum(count_rows(whole, squares) / worth, 1.0)
    jackknife = find_error(deviation, rows > 0, equal).error ** 2
    df = SKEWED * (np.minimum(equal, find_degrees(deviation)) - 1)
    variance = np.maximum(side.variance * clumps, jackknife)
    return _Side(side.total, variance, side.step * clumps, np.maximum(df, 0.0))


def _compare_folds(change: Change, each: Net, i: Positions, j: Positions, tail: float) -> Net:
    one, other = change.deviation[i], change.deviation[j]
    alone = change.spread[i] & change.spread[j]
    r = correlate_folds(one, other)
    # Of few changed rows a correlation is itself chance, and may only widen.
    made = each.take(i).subtract(each.take(j), np.where(alone, r, np.minimum(r, 0.0)))
    welch = combine_degrees(one, other, change.df[i], change.df[j])
    t: Student = find_error(one - other, change.filled[i] | change.filled[j], welch)
    found = made.widen(t, _find_quantile(tail, t.df), alone, 2.0)
    known = ~np.isnan(found.value)
    return found._replace(low=np.where(known, found.low, -2.0), high=np.where(known, found.high, 2.0))
