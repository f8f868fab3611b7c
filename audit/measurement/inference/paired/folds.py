"""What every change between two decisions about the same rows is made of, and what folds of a unit say of its error.

The change of each fold left out is one observation: Student's t, with few degrees of freedom where few folds make up
the variance. Where answers changed in few folds t knows too little, so that an interval of the shares widens it.

Must not: know a metric's name, a group's name or a limit.

References
----------
Busing, Meijer and van der Leeden (1999), Statistics and Computing 9:3 (delete-group jackknife).
Satterthwaite (1946), Biometrics Bulletin 2:110. Welch (1947), Biometrika 34:28.
Zou (2007), Psychological Methods 12:399 (MOVER).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from audit.measurement.inference.effective import satterthwaite
from audit.measurement.inference.intervals import Floats, Limits, difference

HASHED = 100
"""Folds that units are hashed into; those that no unit fell into may be left out of arrays."""
SPREAD_FOLDS = 8.0
"""Effective folds in which answers changed, each way, from which Student's t stands alone: docs/decisions/0068."""
PRIOR = 0.5
"""Changed answers, with all of their fold, that are added before the chance is taken that a fold changes together: less
misses one-sided bounds where few and uneven units change as a whole (docs/decisions/0068)."""
MOST_PAIRS = 4096
"""Pairs of groups that are compared at once: their deviations by fold still fit a processor's cache."""
SKEWED = 0.75
"""Part of the degrees of freedom that is left to one share: its deviations are skewed (docs/decisions/0068)."""
UNSURE = 1.35
"""How far a variance of 100 folds may lie under the truth at an error of .025: 99 over that quantile of chi-square."""
Positions = npt.NDArray[np.intp]


HALVINGS = 14
"""Halvings of the log of an error, after which it is known to a fifth of a percent."""


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

    def sum_folds(self) -> tuple[Floats, Floats]:
        """Return sums (3, ...) of weights and of squared weights over all folds."""
        total = np.stack([self.first, self.second, self.rows]).astype(float).sum(axis=-1)
        return total, total if self.squares is None else self.squares.sum(axis=-1)

    def find_worth_of_clumps(self, at: int) -> Floats:
        """Return independent rows that a share is worth, from how often answers of one fold change together.

        The jackknife sees only the folds in which an answer changed. Where these are few and small, a large unit that
        might have changed as a whole is not among them, and its variance falls short. What they do tell is the chance
        that another answer of the same fold changed too; it gives the variance for the sizes of all folds. Where no
        answer changed, all rows of a unit count as one. Units are hashed, so that the spread of the sizes of folds
        tells how large units are: answers that change together are at most those of a unit.
        """
        rows = np.asarray(self.rows, dtype=float)
        hits = np.asarray((self.first, self.second)[at], dtype=float)
        hits_w2, rows_w2 = (hits, rows) if self.squares is None else (self.squares[at], self.squares[2])
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


class Student(NamedTuple):
    """Standard error over folds, and its degrees of freedom; arrays (...)."""

    error: Floats
    df: Floats

    def stands_alone(self, spread: np.ndarray) -> np.ndarray:
        """Return where Student's t is all that is asked: not where all folds happen to have changed alike."""
        alone: np.ndarray = spread & (self.error > 0)
        return alone


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

    @property
    def leaves_zero_out(self) -> np.ndarray:
        """Return whether no change lies outside the limits."""
        out: np.ndarray = (self.low > 0) | (self.high < 0)
        return out

    def take(self, at: Positions) -> Net:
        """Return the changes at these positions."""
        return Net(*(column[at] for column in self))

    def widen(self, t: Student, q: Floats, alone: np.ndarray, span: float) -> Net:
        """Return Student's limits at quantile q where t stands alone, else the wider of both, as far as possible."""
        reach = q * t.error
        low, high = self.value - reach, self.value + reach
        alone = t.stands_alone(alone)
        low = np.clip(np.where(alone, low, np.fmin(self.low, low)), -span, span)
        high = np.clip(np.where(alone, high, np.fmax(self.high, high)), -span, span)
        return self._replace(low=low, high=high, df=t.df)

    def subtract(self, other: Net, r: Floats | float) -> Net:
        """Return the difference of two net changes by squaring and adding their distances (MOVER)."""
        own, others = Limits(self.low, self.high), Limits(other.low, other.high)
        limits = difference(self.value, own, other.value, others, r)
        known = ~np.isnan(self.value - other.value)
        low, high = np.where(known, limits.low, -2.0), np.where(known, limits.high, 2.0)
        df = np.minimum(self.df, other.df)
        changed, few = np.minimum(self.changed, other.changed), self.few | other.few
        return Net(self.value - other.value, np.maximum(low, -2.0), np.minimum(high, 2.0), df, changed, few)


def count_rows(weights: Floats, squares: Floats) -> Floats:
    """Return rows of equal weight that are worth as much (Kish)."""
    found: Floats = np.divide(weights**2, squares, out=np.zeros_like(weights), where=squares > 0)
    return found


def find_error(deviation: Floats, filled: np.ndarray, most: Floats) -> Student:
    """Return the standard error over the deviations of folds, at most with these degrees of freedom."""
    folds, square = filled.sum(axis=-1).astype(float), (deviation**2).sum(axis=-1)
    # Delete-one-fold jackknife (Busing et al. 1999).
    error = np.sqrt((folds - 1) / np.maximum(folds, 1.0) * square)
    df = np.minimum(most, find_degrees(deviation) - 1)
    return Student(error, np.maximum(df, 0.0))


def find_degrees(deviation: Floats) -> Floats:
    """Return the degrees of freedom of the squared deviations of folds, and one more."""
    found: Floats = satterthwaite(np.moveaxis(deviation, -1, 0))
    return found


def count_effective(hits: Floats) -> Floats:
    """Return the equally filled folds that would spread as much."""
    hits = np.asarray(hits, dtype=float)
    return count_rows(hits.sum(axis=-1), (hits**2).sum(axis=-1))


def leave_out(hits: Floats, rows: Floats) -> Floats:
    """Return how the share changes when each fold is left out; 0 for an empty fold."""
    whole, events = rows.sum(axis=-1, keepdims=True), np.asarray(hits, dtype=float).sum(axis=-1, keepdims=True)
    live = (rows > 0) & (whole - rows > 0)
    share = np.divide(events, whole, out=np.zeros_like(events), where=whole > 0)
    return np.where(live, (events - hits) / np.where(live, whole - rows, 1.0) - share, 0.0)


def correlate_folds(one: Floats, other: Floats) -> Floats:
    """Return the correlation of two estimates from their deviations by fold; 0 where one has none."""
    size = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    crossed = (one * other).sum(axis=-1)
    r: Floats = np.clip(np.divide(crossed, size, out=np.zeros_like(size), where=size > 0), -1, 1)
    return r


def combine_degrees(one: Floats, other: Floats, df: Floats, df_other: Floats) -> Floats:
    """Return degrees of freedom of a sum of two variances (Welch 1947)."""
    v, w = (one**2).sum(axis=-1), (other**2).sum(axis=-1)
    parts = v**2 / np.maximum(df, 1.0) + w**2 / np.maximum(df_other, 1.0)
    found: Floats = np.divide((v + w) ** 2, parts, out=np.full_like(parts, np.inf), where=parts > 0)
    return found
