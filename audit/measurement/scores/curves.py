"""The area between the ROC curves of groups: every group against the reference, and the widest pair.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from audit.axes import MOST_COMPARED, MOST_KEPT, MOST_PAIRED
from audit.cube import Curve, area_between, curve
from audit.errors import printable
from audit.estimate import SAYS_NOTHING, Estimate
from audit.measurement.comparisons import base, flags_of, lonely, named
from audit.measurement.grouping import Grouping
from audit.measurement.inference.roc import chance_area
from audit.measurement.metrics.scores import ABROCA
from audit.measurement.scope import UNMEASURED, Scope
from audit.measurement.scores.auc import MOST_HIDDEN, NO_PAIRS
from audit.measurement.scores.bins import SLACK, Areas, Bins

EVERY_ROW = "exact: both curves of all rows were compared"
TOO_MANY = (
    f"exact_auc compares curves of up to {MOST_KEPT:,} rows and {MOST_PAIRED} groups, and up to {MOST_COMPARED:,} rows "
    "times other groups"
)


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
        return f"{said}{SAYS_NOTHING}" if 2 * hidden > MOST_HIDDEN else said


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
    negatives, positives = (float(v.sum() ** 2 / s.sum()) for v, s in ((neg, bins.w2[i, 0]), (pos, bins.w2[i, 1])))
    return curve(pos, neg, positives, negatives, exact=bins.exact)


def _to_reference(grouped: Grouping, known: _Known, scope: Scope, curves: list[Curve | None]) -> Iterator[Estimate]:
    at = grouped.reference
    for i, group in enumerate(grouped.groups):
        if i == at:
            continue
        common: dict[str, Any] = {"group": group, "reference": grouped.groups[at], "flags": flags_of(grouped),
                                  "n": float(grouped.rows[i] + grouped.rows[at])}  # fmt: skip
        one, other = curves[i], curves[at]
        if one is None or other is None:
            empty = i if one is None else at
            reason = f"not measured for {named(grouped, empty)} ({_why(grouped, empty)})"
            yield base(ABROCA.name, grouped, scope, **common, status="undefined", reason=reason)
            continue
        of = i, at, one, other
        yield base(ABROCA.name, grouped, scope, **common, value=known.area(*of), method=known.method(*of))


def _largest(grouped: Grouping, known: _Known, scope: Scope, curves: list[Curve | None]) -> Estimate:
    common: dict[str, Any] = {"compare": "largest", "n": float(grouped.rows.sum())}
    if len(curves) < 2:
        return base(ABROCA.name, grouped, scope, **common, status="undefined", reason=lonely(grouped),
                    flags=flags_of(grouped))  # fmt: skip
    empty = [i for i, c in enumerate(curves) if c is None]
    if empty:
        more = f" and {len(empty) - 3} more" if len(empty) > 3 else ""
        listed = ", ".join(named(grouped, i) for i in empty[:3])
        reason = f"not measured for {listed}{more} ({_why(grouped, empty[0])})"
        return base(ABROCA.name, grouped, scope, **common, status="undefined", reason=reason,
                    flags=(*flags_of(grouped), UNMEASURED))  # fmt: skip
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
    return base(ABROCA.name, grouped, scope, **common, value=max(areas), pair=pair, method=method,
                flags=flags_of(grouped))  # fmt: skip


def _why(grouped: Grouping, i: int) -> str:
    return grouped.nobody(i) or NO_PAIRS
