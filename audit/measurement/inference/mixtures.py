"""A group against everybody else, and against everybody: each from what tells it from the rest.

Everybody is a mixture of the group and the rest, so with f the group's share of the denominators
``p_g - p_all = (1 - f) (p_g - p_rest)`` and ``p_g / p_all = 1 / (f + (1 - f) p_rest / p_g)``, exactly. Group and rest
share no rows; where they share units, their correlation comes from the folds. The share is known no better than the
rows allow: its own distances are squared and added to those of the comparison with the rest, so that an interval holds
for the people behind the rows, and not only for a mix of groups like this one.

Over all groups the failing side is corrected for having looked at each (Bonferroni), the passing side needs every group
inside and is not (Berger 1982).

Must not: know a metric's name or a limit.

References
----------
Zou and Donner (2008), Statistics in Medicine 27:1693 (limits of functions of independent parameters by their own
distances). Berger (1982), Technometrics 24:295. Simulated in tests/measurement/rates/test_to_everybody.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from audit.measurement.inference.effective import Sample
from audit.measurement.inference.intervals import Floats, Limits, difference, ratio, trusted
from audit.measurement.inference.pairs import Kind, guarded, rests_on_few

HALF = 0.5
"""Where a share times its complement is largest."""


class GroupAndOthers(NamedTuple):
    """Each of G groups with what it is compared with; all arrays over groups."""

    group: Sample
    other: Sample
    r: Floats | float = 0.0
    """Correlation of the two estimates."""

    @property
    def measured(self) -> np.ndarray:
        """Groups that have a value, and something to compare it with."""
        both: np.ndarray = self.group.measured & self.other.measured
        return both

    @property
    def thin(self) -> np.ndarray:
        """Groups of which either side is thin."""
        either: np.ndarray = self.group.thin | self.other.thin
        return either

    def value(self, kind: Kind) -> Floats:
        """Return the difference, or ratio; infinite where only the other side is 0, NaN where nothing can be said."""
        p, q = self.group.p, self.other.p
        if kind == "difference":
            return p - q
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.divide(p, q)


class Furthest(NamedTuple):
    """The comparison furthest from equality over all groups, with limits that hold for every group at once."""

    value: float | None
    low: float
    high: float
    group: int
    low_group: int
    """Group that set ``low``, and the one that set ``high``."""
    high_group: int


def pair_with_others(stacked: Sample, groups: int, start: int) -> GroupAndOthers:
    """Return groups ``0..groups`` of a sample, each beside the entry as far from ``start``; one may serve them all."""
    at = np.arange(groups)
    there = np.minimum(start + at, len(stacked.p) - 1)
    r: Floats | float = 0.0 if stacked.r is None else stacked.r[at, there]
    return GroupAndOthers(_part(stacked, at), _part(stacked, there), r)


def to_other(sides: GroupAndOthers, kind: Kind, tail: float) -> Limits:
    """Return limits of each group's difference from, or ratio to, its other side."""
    compare = difference if kind == "difference" else ratio
    p, q = sides.group, sides.other
    r = sides.r
    if isinstance(r, np.ndarray):
        r = trusted(r, rests_on_few(p, tail), rests_on_few(q, tail))
    return compare(p.p, guarded(p, tail), q.p, guarded(q, tail), r)


def to_whole(sides: GroupAndOthers, share: Sample, kind: Kind, tail: float) -> Limits:
    """Return limits of each group's difference from, or ratio to, everybody.

    Parameters
    ----------
    sides
        Groups beside their rest.
    share
        Each group's share of the denominators.
    """
    equal, ends = (0.0, (-1.0, 1.0)) if kind == "difference" else (1.0, (0.0, np.inf))
    of = _difference_to_whole if kind == "difference" else _ratio_to_whole
    rest = to_other(sides, kind, tail)
    made = recovered(of, (sides.value(kind), share.p), (rest, guarded(share, tail)))
    # Whatever the share, a group that is surely above the rest is surely above everybody.
    low = np.where(rest.low >= equal, np.maximum(made.low, equal), made.low)
    high = np.where(rest.high <= equal, np.minimum(made.high, equal), made.high)
    known = sides.measured & ~np.isnan(sides.value(kind))
    return Limits(
        np.where(known, np.maximum(low, ends[0]), ends[0]), np.where(known, np.minimum(high, ends[1]), ends[1])
    )


def mean_to_whole(gap: Floats, to_rest: Limits, share: Sample, tail: float) -> Limits:
    """Return limits of how far each group's mean lies from everybody's, from its gap to the rest.

    Infinite where that is.
    """
    made = recovered(_difference_to_whole, (gap, share.p), (to_rest, guarded(share, tail)))
    low = np.where(to_rest.low >= 0, np.maximum(made.low, 0.0), made.low)
    high = np.where(to_rest.high <= 0, np.minimum(made.high, 0.0), made.high)
    open_ = ~np.isfinite(to_rest.low) | ~np.isfinite(to_rest.high) | np.isnan(gap)
    return Limits(np.where(open_, -np.inf, low), np.where(open_, np.inf, high))


def recovered(
    of: Callable[..., Floats], at: Sequence[Floats], limits: Sequence[Limits], peak: float | None = None
) -> Limits:
    """Return limits of a function of independent parameters, each of which has limits of its own.

    Parameters
    ----------
    of
        Monotone in every parameter, or rising up to ``peak`` and falling beyond.
    at
        Estimates of the parameters.
    """
    value = of(*at)
    below, above = np.zeros_like(value), np.zeros_like(value)
    with np.errstate(invalid="ignore", over="ignore"):
        for i, each in enumerate(limits):
            # Zou and Donner (2008): each parameter moves alone to its limits; the distances are squared and added.
            points = [each.low, each.high] + ([] if peak is None else [np.clip(peak, each.low, each.high)])
            ends = np.stack([of(*at[:i], point, *at[i + 1 :]) for point in points])
            below += np.maximum(value - ends.min(axis=0), 0.0) ** 2
            above += np.maximum(ends.max(axis=0) - value, 0.0) ** 2
        return Limits(value - np.sqrt(below), value + np.sqrt(above))


def furthest(kind: Kind, value: Floats, plain: Limits, corrected: Limits) -> Furthest:
    """Return the largest absolute difference; or the ratio furthest from 1, above which its reciprocal counts.

    Parameters
    ----------
    value
        One a group; NaN where it is undefined.
    plain, corrected
        Limits at the error of one group, and at that of one among all that are looked at.
    """
    if kind == "difference":
        distance = np.abs(value)
        low = np.maximum(np.maximum(corrected.low, -corrected.high), 0.0)
        high = np.maximum(np.abs(plain.low), np.abs(plain.high))
        pick, undefined = np.argmax, -1.0
    else:
        distance = np.minimum(value, reciprocal(value))
        low = np.minimum(plain.low, reciprocal(plain.high))
        high = np.minimum(np.minimum(corrected.high, reciprocal(corrected.low)), 1.0)
        pick, undefined = np.argmin, np.inf
    at = _arg(pick, distance, undefined)
    sets_low = _arg(pick, low, undefined)
    sets_high = _arg(pick, high, undefined)
    whole = not np.isnan(value).any()
    return Furthest(
        float(distance[at]) if whole else None, float(low[sets_low]), float(high[sets_high]), at, sets_low, sets_high
    )


def reciprocal(value: Floats) -> Floats:
    """Return 1 / value; infinite for 0, and 0 for infinity."""
    with np.errstate(divide="ignore"):
        return np.divide(1.0, value)


def _arg(pick: Callable[[Any], Any], values: Floats, undefined: float) -> int:
    filled: Floats = np.where(np.isnan(values), undefined, values)
    return int(pick(np.round(filled, 12)))  # of two that are equally far but for rounding, the first is named


def rich_violation(gap: Floats, share: Floats, weight: Floats | float) -> Floats:
    """Return how much each group violates parity: its gap to the rest, by its share and that of the rows concerned.

    ``w f (1 - f) gap``: Kearns, Neel, Roth and Wu (2018), PMLR 80:2564, as a gap to the rest.
    """
    violation: Floats = weight * share * (1 - share) * gap
    return violation


def _difference_to_whole(gap: Floats, share: Floats) -> Floats:
    # p_g - p_all = (1 - f) (p_g - p_rest), f the group's share.
    return (1 - share) * gap


def _ratio_to_whole(to_rest: Floats, share: Floats) -> Floats:
    """Return a group's ratio to everybody from that to the rest: where the rest has none, 1 / share."""
    finite = np.where(np.isinf(to_rest), 1.0, to_rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = share * finite + 1 - share
        # Where everybody is in the group, a ratio of 0 to nobody is 0/0; but for one row in the rest it is 0.
        # p_g / p_all = r / (f r + 1 - f), r the ratio to the rest and f the group's share.
        mixed = np.divide(finite, whole, out=np.zeros_like(whole), where=whole > 0)
        return np.where(np.isinf(to_rest), np.divide(1.0, share), mixed)


def _part(sample: Sample, at: np.ndarray) -> Sample:
    few = None if sample.few is None else sample.few[at]
    return Sample(sample.p[at], sample.n[at], sample.df[at], sample.numerator[at], sample.denominator[at], None, few)
