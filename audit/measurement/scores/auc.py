"""How well scores order the rows of a group, and those of a group against the rows of all others.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from audit.cube import of_others
from audit.estimate import SAYS_NOTHING, Estimate
from audit.measurement.comparisons import Quantity, estimates_of, lonely, undefined
from audit.measurement.grouping import Grouping
from audit.measurement.inference.auc import Placed, auc_against, auc_extreme, auc_gap, folded, known, limits, placed
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.precision import average_precision, folded_precision
from audit.measurement.metrics.scores import AVERAGE_PRECISION, BNSP_AUC, BPSN_AUC, NEGATIVE_GAP, POSITIVE_GAP, ROC_AUC
from audit.measurement.scope import Scope
from audit.measurement.scores.bins import Bins, Pairs
from audit.measurement.scores.everybody_scores import auc_against_rest

NO_PAIRS = "0/0: no rows with label = 1, or none with label = 0"
DELONG = "DeLong on score bins, wilson at its rows"
SLOPES = "delta method on score bins, wilson at its rows"
EVERY_PAIR = "exact: every pair of rows was looked at"
MENDED = ", and exact_auc makes it exact"
Area = Callable[..., Placed]


class Against(NamedTuple):
    """An AUC between rows of the group and rows of the others."""

    metric: str
    higher: tuple[bool, int]
    """Whose rows should have the higher score: whether those of the group, and of which label."""
    lower: tuple[bool, int]
    shift: float
    empty: str
    """Why it is undefined."""


AGAINST = (
    Against(BPSN_AUC.name, (False, 1), (True, 0), 0.0, "no rows with label = 0 here, or none with label = 1 elsewhere"),
    Against(BNSP_AUC.name, (True, 1), (False, 0), 0.0, "no rows with label = 1 here, or none with label = 0 elsewhere"),
    Against(POSITIVE_GAP.name, (True, 1), (False, 1), 0.5, "no rows with label = 1 here, or none elsewhere"),
    Against(NEGATIVE_GAP.name, (True, 0), (False, 0), 0.5, "no rows with label = 0 here, or none elsewhere"),
)


def area_estimates(
    grouped: Grouping, bins: Bins, scope: Scope, pairs: Pairs | None, *, comparable: bool
) -> list[Estimate]:
    """AUC and average precision of every group; and AUCs against the others where groups can be compared."""
    own, own2 = bins.w, bins.w2
    auc = _area(placed, folded, bins, own[:, 1], own[:, 0], own2[:, 1], own2[:, 0])
    precision = _area(average_precision, folded_precision, bins, own[:, 1], own[:, 0], own2[:, 1], own2[:, 0])
    if pairs is not None:
        auc, precision = known(auc, pairs.auc), known(precision, pairs.precision)
    found: list[Estimate] = []
    for metric, area, how in ((ROC_AUC.name, auc, DELONG), (AVERAGE_PRECISION.name, precision, SLOPES)):
        quantity = _quantity(metric, area, scope, _how(how, bins), partial(_why, grouped))
        found += estimates_of(_compared(quantity, area, scope), grouped, scope, comparable=comparable)
    if comparable and grouped.by:
        for against in AGAINST:
            found += _against(against, grouped, bins, scope, pairs)
        if "rest" in scope.compare_to:
            found += auc_against_rest(grouped, _with_rests(bins, pairs), scope)
    return found


def _with_rests(bins: Bins, pairs: Pairs | None) -> Placed:
    """AUC of every group, then of everybody else of each."""
    own, own2 = (np.concatenate([v, of_others(v)]) for v in (bins.w, bins.w2))
    both = _area(placed, folded, bins, own[:, 1], own[:, 0], own2[:, 1], own2[:, 0])
    return both if pairs is None else known(both, np.concatenate([pairs.auc, pairs.of_rest()]))


def _against(asked: Against, grouped: Grouping, bins: Bins, scope: Scope, pairs: Pairs | None) -> list[Estimate]:
    if len(grouped.groups) < 2:
        return undefined(asked.metric, grouped, scope, lonely(grouped))
    rest, rest2 = (of_others(v) for v in (bins.w, bins.w2))
    sides = [
        ((bins.w, bins.w2) if mine else (rest, rest2), label) for mine, label in (asked.higher, asked.lower)
    ]  # fmt: skip
    (high, high2), (low, low2) = ((w[:, label], w2[:, label]) for (w, w2), label in sides)
    area = _area(placed, folded, bins, high, low, high2, low2)
    area = area if pairs is None else known(area, pairs.against(asked.higher, asked.lower))
    quantity = _quantity(asked.metric, area, scope, _how(DELONG, bins), lambda i: _why(grouped, i, asked.empty))
    if asked.shift:
        quantity = _shifted(quantity, asked.shift)
    else:
        quantity = _with(quantity, extreme=lambda which: auc_extreme(area, which, scope.tail))
    found = estimates_of(quantity, grouped, scope, comparable=True)
    return [e for e in found if e.compare != "highest"]


def _area(
    alone: Area, shared: Area, bins: Bins, pos: np.ndarray, neg: np.ndarray, pos2: np.ndarray, neg2: np.ndarray
) -> Placed:
    """Area from arrays (G, B, F), and squared weights (G, B)."""
    if bins.folded:
        return shared(np.moveaxis(pos, -1, 0), np.moveaxis(neg, -1, 0), pos2, neg2, exact=bins.exact)
    return alone(pos[..., 0], neg[..., 0], pos2, neg2, exact=bins.exact)


def _quantity(metric: str, area: Placed, scope: Scope, how: str, why: Callable[[int], str]) -> Quantity:
    each = limits(area, scope.tail)
    method = [f"{how}; {_bounds(area, i)}" for i in range(len(area.mid))]
    return Quantity(metric=metric, value=area.mid, limits=Limits(each.low, each.high), thin=each.thin, method=method,
                    how=how, why=why)  # fmt: skip


def _compared(found: Quantity, area: Placed, scope: Scope) -> Quantity:
    return _with(
        found,
        gap=lambda: auc_gap(area, scope.tail),
        against=lambda at: auc_against(area, at, scope.tail),
        extreme=lambda which: auc_extreme(area, which, scope.tail),
    )


def _with(found: Quantity, **changes: object) -> Quantity:
    return replace(found, **changes)  # type: ignore[arg-type]


def _shifted(found: Quantity, shift: float) -> Quantity:
    moved = Limits(found.limits.low - shift, found.limits.high - shift)
    return _with(found, value=found.value - shift, limits=moved)


def _how(how: str, bins: Bins) -> str:
    if bins.folded:
        return f"{how}, 100 folds of the unit"
    return f"{how}, effective n of the weights" if bins.weighted else how


def _why(grouped: Grouping, i: int, empty: str = "") -> str:
    return grouped.nobody(i) or (f"0/0: {empty}" if empty else NO_PAIRS)


MOST_HIDDEN = 0.25
"""Width of a bound beyond which no reader is told less by no number at all."""


def _bounds(area: Placed, i: int) -> str:
    """What the bins hide; bounds are rounded outwards, so that they hold as printed."""
    low, mid, high = (float(x[i]) for x in (area.tie_low, area.mid, area.tie_high))
    if area.known is not None and area.known[i]:
        return EVERY_PAIR
    if math.isnan(mid) or high - low < 1e-12:
        return "exact"
    return _hidden(low, mid, high) + (SAYS_NOTHING + MENDED if high - low > MOST_HIDDEN else "")


def _hidden(low: float, mid: float, high: float) -> str:
    if abs((high - mid) - (mid - low)) < 1e-9:
        return f"binned: the exact value lies within ±{_upwards((high - low) / 2):.2g}"
    digits = max(2, 2 - math.floor(math.log10(high - low)))
    scale = 10**digits
    ends = math.floor(low * scale) / scale, math.ceil(high * scale) / scale
    return f"binned: the exact value lies between {ends[0]:g} and {ends[1]:g}"


def _upwards(width: float) -> float:
    """The next number of two digits that is no smaller."""
    scale: float = 10.0 ** (1 - math.floor(math.log10(width)))
    return math.ceil(width * scale - 1e-9) / scale
