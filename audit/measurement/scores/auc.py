"""How well scores order the rows of a group, and those of a group against the rows of all others.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from audit.axes import MOST_COMPARED, MOST_KEPT, MOST_PAIRED
from audit.cube import Curve, area_between, curve, of_others
from audit.errors import printable
from audit.estimate import SAYS_NOTHING, Estimate
from audit.measurement.comparisons import (
    AgainstAll,
    Comparisons,
    End,
    Ends,
    GroupPairs,
    Quantity,
    ToAll,
    base,
    comparison_flags,
    describe_rows,
    reason_for_too_few_groups,
    reason_for_unmeasured,
    undefined,
)
from audit.measurement.grouping import Grouping
from audit.measurement.inference.auc import (
    Placed,
    auc_against,
    auc_extreme,
    auc_gap,
    between,
    chance_area,
    folded,
    known,
    limits,
    placed,
)
from audit.measurement.inference.calibration import average_precision, folded_precision
from audit.measurement.inference.intervals import Limits
from audit.measurement.inference.mixtures import furthest
from audit.measurement.metrics.scores import (
    ABROCA,
    AVERAGE_PRECISION,
    BNSP_AUC,
    BPSN_AUC,
    NEGATIVE_GAP,
    POSITIVE_GAP,
    ROC_AUC,
)
from audit.measurement.scope import UNMEASURED, Scope
from audit.measurement.scores.bins import SLACK, Areas, Bins, Pairs

METHOD = "newcombe on DeLong on score bins, wilson at its rows"


EVERY_ROW = "exact: both curves of all rows were compared"
TOO_MANY = (
    f"exact_auc compares curves of up to {MOST_KEPT:,} rows and {MOST_PAIRED} groups, and up to {MOST_COMPARED:,} rows "
    "times other groups"
)


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
    table = Comparisons(grouped, scope, comparable=comparable)
    found: list[Estimate] = []
    for metric, area, how in (
        (ROC_AUC.name, auc, _how(DELONG, bins)),
        (AVERAGE_PRECISION.name, precision, _how(SLOPES, bins)),
    ):
        quantity = _quantity(metric, area, scope, how, partial(_reason_for_area, grouped))
        compared = (_pairs(area, scope, how), _end(area, "lowest", scope, how), _end(area, "highest", scope, how))
        found += table.estimates_of(replace(quantity, comparisons=compared))
    if comparable and grouped.by:
        for against in AGAINST:
            found += _against_others(against, table, bins, pairs)
        if "rest" in scope.compare_to:
            found += _auc_against_rest(table, _with_rests(bins, pairs))
    return found


def _with_rests(bins: Bins, pairs: Pairs | None) -> Placed:
    """AUC of every group, then of everybody else of each."""
    own = np.concatenate([bins.w, of_others(bins.w)])
    own2 = np.concatenate([bins.w2, of_others(bins.w2)])
    both = _area(placed, folded, bins, own[:, 1], own[:, 0], own2[:, 1], own2[:, 0])
    if pairs is None:
        return both
    return known(both, np.concatenate([pairs.auc, pairs.of_rest()]))


def _against_others(asked: Against, table: Comparisons, bins: Bins, pairs: Pairs | None) -> list[Estimate]:
    grouped, scope, how = table.g, table.scope, _how(DELONG, bins)
    if len(grouped.groups) < 2:
        return undefined(asked.metric, grouped, scope, reason_for_too_few_groups(grouped))
    rest, rest2 = of_others(bins.w), of_others(bins.w2)
    own_is_higher, higher = asked.higher
    own_is_lower, lower = asked.lower
    high, high2 = (bins.w, bins.w2) if own_is_higher else (rest, rest2)
    low, low2 = (bins.w, bins.w2) if own_is_lower else (rest, rest2)
    area = _area(placed, folded, bins, high[:, higher], low[:, lower], high2[:, higher], low2[:, lower])
    area = area if pairs is None else known(area, pairs.against(asked.higher, asked.lower))
    quantity = _quantity(asked.metric, area, scope, how, lambda i: _reason_for_area(grouped, i, asked.empty))
    if asked.shift:
        moved = Limits(quantity.limits.low - asked.shift, quantity.limits.high - asked.shift)
        quantity = replace(quantity, value=quantity.value - asked.shift, limits=moved)
    else:
        quantity = replace(quantity, comparisons=[_end(area, "lowest", scope, how)])
    return table.estimates_of(quantity)


def _area(
    alone: Area, shared: Area, bins: Bins, pos: np.ndarray, neg: np.ndarray, pos2: np.ndarray, neg2: np.ndarray
) -> Placed:
    """Area from arrays (G, B, F), and squared weights (G, B)."""
    if bins.folded:
        return shared(np.moveaxis(pos, -1, 0), np.moveaxis(neg, -1, 0), pos2, neg2, exact=bins.exact)
    return alone(pos[..., 0], neg[..., 0], pos2, neg2, exact=bins.exact)


def _quantity(metric: str, area: Placed, scope: Scope, how: str, reason: Callable[[int], str]) -> Quantity:
    each = limits(area, scope.tail)
    method = [f"{how}; {_bounds(area, i)}" for i in range(len(area.mid))]
    bounds = Limits(each.low, each.high)
    return Quantity(metric=metric, value=area.mid, limits=bounds, thin=each.thin, method=method, reason=reason)


def _pairs(area: Placed, scope: Scope, how: str) -> GroupPairs:
    return GroupPairs(
        value=area.mid,
        uncertain=limits(area, scope.tail).thin,
        how=f"mover on {how}",
        gap=lambda: auc_gap(area, scope.tail),
        against=lambda at: auc_against(area, at, scope.tail),
    )


def _end(area: Placed, which: End, scope: Scope, how: str) -> Ends:
    return Ends(which=which, find=lambda: auc_extreme(area, which, scope.tail), how=how)


def _how(how: str, bins: Bins) -> str:
    return describe_rows(how, folded=bins.folded, weighted=bins.weighted)


def _reason_for_area(grouped: Grouping, i: int, empty: str = "") -> str:
    return grouped.nobody(i) or (f"0/0: {empty}" if empty else NO_PAIRS)


MOST_HIDDEN = 0.25
"""Width of a bound beyond which no reader is told less by no number at all."""


def _bounds(area: Placed, i: int) -> str:
    """What the bins hide; bounds are rounded outwards, so that they hold as printed."""
    low = float(area.tie_low[i])
    mid = float(area.mid[i])
    high = float(area.tie_high[i])
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


# The area between the ROC curves of groups: every group against the reference, and the widest pair.
class _Known(NamedTuple):
    """What is known of curves beside those from bins."""

    bins: Bins
    exact: Areas | None
    sorted_: bool
    """Whether rows were sorted, so that an area that is not exact says why."""

    def area(self, i: int, j: int, one: Curve, other: Curve) -> float:
        """Area between the curves of two groups, which from bins are ``one`` and ``other``."""
        exact = self._exactly(i, j)
        return area_between(one, other) if exact is None else exact

    def method(self, i: int, j: int, one: Curve, other: Curve) -> str:
        """How it is known."""
        said = self._binned(one, other) if self._exactly(i, j) is None else EVERY_ROW
        if self.bins.folded:
            return f"{said}; no interval, and no floor of chance: rows share units"
        return f"{said}; no interval; equal groups of these sizes show about {chance_area(one, other):.2g} on average"

    def _exactly(self, i: int, j: int) -> float | None:
        if self.exact is None or np.isnan(self.exact.area[i, j]):
            return None
        return float(self.exact.area[i, j])

    def _binned(self, one: Curve, other: Curve) -> str:
        hidden = one.hidden + other.hidden
        if hidden <= 1e-12:
            return "exact"
        why = f"binned ({TOO_MANY})" if self.sorted_ else "binned"
        said = f"{why}: the exact value lies within ±{hidden * 1.005:.2g}"
        if 2 * hidden > MOST_HIDDEN:
            return f"{said}{SAYS_NOTHING}"
        return said


def curve_estimates(
    grouped: Grouping, bins: Bins, scope: Scope, exact: Areas | None = None, *, sorted_: bool = False
) -> list[Estimate]:
    """Area between curves for every group and the reference, and the largest one."""
    curves = [_curve(bins, i) for i in range(len(grouped.groups))]
    known = _Known(bins, exact, sorted_)
    return [*_to_reference(grouped, known, scope, curves), _largest(grouped, known, scope, curves)]


def areas_unlike(grouped: Grouping, bins: Bins, exact: Areas) -> Iterator[str]:
    """Sentences for exact areas that the bins of the same rows rule out, or that are of other rows."""
    curves = [_curve(bins, i) for i in range(len(grouped.groups))]
    for i, j in combinations(range(len(curves)), 2):
        one, other = curves[i], curves[j]
        where = " and ".join(" x ".join(printable(v) for v in grouped.groups[k]) for k in (i, j))
        there = one is not None and other is not None and None not in (*grouped.groups[i], *grouped.groups[j])
        if exact.rows[i, j] != (grouped.rows[i] + grouped.rows[j] if there else 0):
            yield f"{ABROCA.name} of {where}: its ordered area and its ordered pairs are of different rows"
        elif one is not None and other is not None and there:
            value, middle, off = exact.area[i, j], area_between(one, other), one.hidden + other.hidden + SLACK
            if abs(value - middle) > off:
                allowed = f"{middle - off:.9g} to {middle + off:.9g}"
                yield f"{ABROCA.name} of {where}: its ordered area says {value:.9g}, its score bins allow {allowed}"


def _curve(bins: Bins, i: int) -> Curve | None:
    """Curve of a group; None where it lacks a label."""
    neg, pos = bins.total[i]
    if not pos.sum() > 0 or not neg.sum() > 0:
        return None
    negatives = float(neg.sum() ** 2 / bins.w2[i, 0].sum())
    positives = float(pos.sum() ** 2 / bins.w2[i, 1].sum())
    return curve(pos, neg, positives, negatives, exact=bins.exact)


def _to_reference(grouped: Grouping, known: _Known, scope: Scope, curves: list[Curve | None]) -> Iterator[Estimate]:
    at = grouped.reference
    for i, group in enumerate(grouped.groups):
        if i == at:
            continue
        common: dict[str, Any] = {
            "group": group,
            "reference": grouped.groups[at],
            "flags": comparison_flags(grouped),
            "n": float(grouped.rows[i] + grouped.rows[at]),
        }
        one, other = curves[i], curves[at]
        if one is None or other is None:
            empty = i if one is None else at
            reason = reason_for_unmeasured(grouped, [empty], _reason_for_area(grouped, empty))
            yield base(ABROCA.name, grouped, scope, **common, status="undefined", reason=reason)
            continue
        of = i, at, one, other
        yield base(ABROCA.name, grouped, scope, **common, value=known.area(*of), method=known.method(*of))


def _largest(grouped: Grouping, known: _Known, scope: Scope, curves: list[Curve | None]) -> Estimate:
    common: dict[str, Any] = {"compare": "largest", "n": float(grouped.rows.sum())}
    if len(curves) < 2:
        common["flags"] = comparison_flags(grouped)
        reason = reason_for_too_few_groups(grouped)
        return base(ABROCA.name, grouped, scope, **common, status="undefined", reason=reason)
    empty = [i for i, c in enumerate(curves) if c is None]
    if empty:
        reason = reason_for_unmeasured(grouped, empty, _reason_for_area(grouped, empty[0]))
        return base(
            ABROCA.name,
            grouped,
            scope,
            **common,
            status="undefined",
            reason=reason,
            flags=(*comparison_flags(grouped), UNMEASURED),
        )
    there = [(i, c) for i, c in enumerate(curves) if c is not None]
    every = len(there) <= MOST_PAIRED
    tried = [(i, j, one, other) for (i, one), (j, other) in combinations(there, 2)]
    tried = tried if every else [pair for pair in tried if grouped.reference in pair[:2]]
    areas = [known.area(*pair) for pair in tried]
    widest = tried[int(np.argmax(areas))]
    looked = f"the largest of {len(tried):,} pairs{'' if every else ' with the reference'}, which chance alone widens"
    method = known.method(*widest)
    method = f"{looked}; {method}" if len(tried) > 1 else method
    pair = (grouped.groups[widest[0]], grouped.groups[widest[1]])
    return base(
        ABROCA.name,
        grouped,
        scope,
        **common,
        value=max(areas),
        pair=pair,
        method=method,
        flags=comparison_flags(grouped),
    )


# The AUC of each group against that of everybody else: only where that is asked for.
#
# Everybody's AUC also orders people of different groups, so that it is no mixture of the groups' own; it is therefore
# compared with that of the rest alone.
def _auc_against_rest(table: Comparisons, both: Placed) -> Iterable[Estimate]:
    """Return the difference of every group, and the largest of them.

    Parameters
    ----------
    table
        Of the groups.
    both
        AUC of every group, then of everybody else of each in the same order.
    """
    return table.to_all(ROC_AUC.name, ToAll("difference_to_rest", lambda: _against_rest(table, both)))


def _against_rest(table: Comparisons, both: Placed) -> AgainstAll:
    count, tail = len(table.g.groups), table.scope.tail
    at = np.arange(count)
    rest = count + at
    looks = 1 if count == 2 else count
    gap, plain, thin = both.mid[at] - both.mid[rest], between(both, at, rest, tail), limits(both, tail).thin
    last = furthest("difference", gap, plain, between(both, at, rest, tail / looks))
    gone = np.flatnonzero(np.isnan(gap))

    def reason(i: int) -> str:
        return reason_for_unmeasured(table.g, [i], NO_PAIRS, "" if np.isnan(both.mid[i]) else "all but ")

    return AgainstAll(
        value=gap,
        limits=plain,
        method=[METHOD] * count,
        thin=thin[at] | thin[rest],
        reason=reason,
        furthest=last,
        furthest_method=f"{METHOD}, corrected for {looks} comparisons on the failing side",
        furthest_reason=reason(int(gone[0])) if len(gone) else "",
        is_bounded=last.low > 0 or last.high < 1,
    )
