"""What a larger group lends a smaller one: the spread of rows that the smaller one may have had no chance to draw.

Where two rows in a hundred have errors twenty times as large, three in ten groups of 60 rows have none of them. Such a
group looks better than a large one, and its own rows cannot tell that anything is missing; the large group's can. So
wherever a group is held against one of at least twice its rows, its limits are those that the other's spread gives it
where these lie further out:

- of sizes, which cannot lie below 0, the other's spread in proportion to the mean. If the group's law is the other's,
  drawn out by a factor, the mean of its n rows falls short of its expectation by more than ``q s / sqrt(n)`` of it as
  rarely as the tail of ``q`` says, s being the spread of one row over the mean. The limit is therefore
  ``value / (1 - q s / sqrt(n))``, and there is none where the rows are so few that all of the spread may be unseen.
- of signed rows, the other's spread as it stands: in proportion where the group's rows are larger on the whole, or
  surely smaller. Away from the other, that proportion is a guess of few rows, and gets Student's t.

Must not: see rows, names or limits of a policy.

References
----------
Fieller (1954), JRSS B 16:175 (limits whose standard error is that of the value they are limits of). Only two moments
are asked of the other group; of all laws that have them, a rare size beside nothing falls short most. Maurer (2003),
JIPAM 4:15: no sum of what is never negative falls short by more than its second moment allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from audit.measurement.inference.intervals import Floats, Limits, quantile

if TYPE_CHECKING:
    from audit.measurement.inference.means import Found

LARGER = 2.0
"""Rows of a group that lends, in rows of one that borrows: no group lends to its like."""
FEW_ROWS = 30.0
MANY = 1000.0
"""Degrees of freedom from which Student's t is the normal quantile to a thousandth."""
LITTLE = 1.5
"""Spread that a larger group shows, in spreads of the group's own, from which its own interval is marked; and rows, of
a spread as large as the mean, from which a group would have seen what there is to see."""


def lowest(found: Found, own: Limits, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Lower limits of entries i as far as entries j show how far rows spread.

    Parameters
    ----------
    own
        Limits of each entry by itself.
    i, j
        Positions of entries, of shapes that go together.
    """
    scale = found.scale
    if scale.lends is None or not (scale.falls or scale.lends == "spread"):
        return np.asarray(own.low[i])
    low: Floats = np.maximum(np.fmin(own.low[i], _end(found, i, j, tail, -1)), scale.range[0])
    return low


def highest(found: Found, own: Limits, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Upper limits of entries i as far as entries j show how far rows spread; see `lowest`."""
    scale = found.scale
    if scale.lends is None or scale.falls:
        return np.asarray(own.high[i])
    high: Floats = np.minimum(np.fmax(own.high[i], _end(found, i, j, tail, 1)), scale.range[1])
    return high


def seen_by_all(found: Found, own: Limits, tail: float) -> Limits:
    """Limits of every entry as far as any other shows how far rows spread."""
    every = np.arange(len(found.value))
    others = every[:, None], every[None, :]
    if found.scale.lends in {"value", "log"} and len(every):
        # Of all that lend to an entry, the one with the largest spread reaches furthest.
        others = every, _largest_lender(found, _reach(found, _in_proportion(found), tail))
    low, high = lowest(found, own, *others, tail), highest(found, own, *others, tail)
    return Limits(low.reshape(len(every), -1).min(axis=1), high.reshape(len(every), -1).max(axis=1))


def unlike(found: Found) -> np.ndarray:
    """Groups whose own interval is short of what a larger group shows of the spread."""
    sizes = found.sizes if found.scale.lends == "spread" else found
    if sizes is None or sizes.scale.lends is None or not len(found.value):
        return np.zeros(len(found.value), dtype=bool)
    every = np.arange(len(found.value))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        own = _in_proportion(sizes)
        spread = np.where(np.isfinite(own), own, 0.0) * np.sqrt(sizes.kish)
        lent = _of_as_many(sizes, spread, every, _largest_lender(sizes, spread))
        short: np.ndarray = (lent**2 * FEW_ROWS > 1) & (lent > LITTLE * own)
    return short


def _largest_lender(found: Found, spread: Floats) -> np.ndarray:
    """Of all entries with at least twice the rows of each, that with the largest spread; the largest of all if none."""
    order = np.argsort(found.kish, kind="stable")
    # The largest spread from each place upwards, and the first place that has it.
    ahead = np.maximum.accumulate(spread[order][::-1])[::-1]
    there = np.where(spread[order] == ahead, np.arange(len(order)), len(order))
    first = np.minimum.accumulate(there[::-1])[::-1]
    start = np.searchsorted(found.kish[order], LARGER * found.kish)
    return order[first[np.minimum(start, len(order) - 1)]]


def _end(found: Found, i: np.ndarray, j: np.ndarray, tail: float, side: int) -> Floats:
    """Limits that entries j give entries i on one side: within those of i by themselves where j does not lend."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if found.scale.lends == "spread":
            reach = _of_as_many(found, _reach(found, found.error, tail), i, j) * _part(found.sizes, i, j, tail)
            away = side * (found.value[i] - found.value[j]) > 0
            reach = np.where(away, reach * _of_a_guess(found.sizes, i, j, tail), reach)
            return np.asarray(found.value[i] + side * reach)
        if found.scale.lends == "value":
            return np.asarray(found.value[i] * _stretch(found, i, j, tail))
        return found.scale.back(found.point[i] + np.log(_stretch(found, i, j, tail)))


def _of_a_guess(sizes: Found | None, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Student's t over the normal quantile: what part of a spread entries i have is itself taken from their few rows.

    Only away from j, where the laws are unlike whatever the truth: towards it, false fails are of laws that are alike.
    """
    if sizes is None:
        return np.ones(())
    # A spread that is known with a variance of v, in proportion, has 1 / 2v degrees of freedom (Satterthwaite).
    one = _in_proportion(sizes) * np.sqrt(sizes.kish)
    df = sizes.kish[i] / (2 * one[j] ** 2)
    guessed = (sizes.value[i] > sizes.value[j]) & (sizes.kish[j] >= LARGER * sizes.kish[i]) & (df < MANY)
    factor = np.ones(df.shape)
    factor[guessed] = quantile(tail, df[guessed]) / quantile(tail, np.array([np.inf]))
    return factor


def _in_proportion(found: Found) -> Floats:
    """Standard errors as parts of the value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return found.error if found.scale.lends == "log" else found.error / found.value


def _reach(found: Found, error: Floats, tail: float) -> Floats:
    """Distance of a limit from the value, if each entry were of one row."""
    known = np.isfinite(error) & np.isfinite(found.error)
    return quantile(tail, np.where(known, found.df, 1.0)) * np.where(known, error, 0.0) * np.sqrt(found.kish)


def _of_as_many(found: Found, one: Floats, i: np.ndarray, j: np.ndarray) -> Floats:
    """What is true of one row of j, of as many as i has; 0 where j does not lend."""
    rows = found.kish
    fewer = np.divide(1.0, np.sqrt(rows), out=np.zeros_like(rows), where=rows > 0)
    many: Floats = one[j] * fewer[i]
    many *= rows[j] >= LARGER * rows[i]
    return many


def _stretch(found: Found, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Largest factor by which the value of i may fall short; 1 where j does not lend."""
    left = 1 - _of_as_many(found, _reach(found, _in_proportion(found), tail), i, j)
    stretch: Floats = 1 / np.maximum(left, 0.0)
    return stretch


def _part(sizes: Found | None, i: np.ndarray, j: np.ndarray, tail: float) -> Floats:
    """Part of the spread of j that i may have: less than all of it only where the rows of i are surely smaller."""
    if sizes is None:
        return np.ones(())
    part = sizes.value[i] / sizes.value[j]
    most = part * _stretch(sizes, i, j, tail)
    likely: Floats = np.where(most < 1, most, np.fmax(part, 1.0))
    return likely
