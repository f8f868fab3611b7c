"""The area between the ROC curves of groups: every group against the reference, and the widest pair.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from audit.estimate import SAYS_NOTHING, Estimate
from audit.measurement.comparisons import base, flags_of, lonely, named
from audit.measurement.grouping import Grouping
from audit.measurement.inference.roc import Curve, area_between, chance_area, curve
from audit.measurement.metrics.scores import ABROCA
from audit.measurement.scope import UNMEASURED, Scope
from audit.measurement.scores.auc import MOST_HIDDEN, NO_PAIRS
from audit.measurement.scores.bins import Bins

How = Callable[[Curve, Curve], str]
MOST_PAIRED = 50
"""Groups up to which all pairs are looked at; with more, those with the reference."""


def curve_estimates(grouped: Grouping, bins: Bins, scope: Scope, *, ordered: bool = False) -> list[Estimate]:
    """Area between curves for every group and the reference, and the largest one.

    ``ordered`` says that other metrics know every pair of rows, so that this one says that it comes from bins.
    """
    curves = [_curve(bins, i) for i in range(len(grouped.groups))]
    how = partial(_method, bins, ordered=ordered)
    return [*_to_reference(grouped, how, scope, curves), _largest(grouped, how, scope, curves)]


def _curve(bins: Bins, i: int) -> Curve | None:
    """Curve of a group; None where it lacks a label."""
    neg, pos = bins.total[i]
    if not pos.sum() > 0 or not neg.sum() > 0:
        return None
    negatives, positives = (float(v.sum() ** 2 / s.sum()) for v, s in ((neg, bins.w2[i, 0]), (pos, bins.w2[i, 1])))
    return curve(pos, neg, positives, negatives, exact=bins.exact)


def _to_reference(grouped: Grouping, how: How, scope: Scope, curves: list[Curve | None]) -> Iterator[Estimate]:
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
        value = area_between(one, other)
        yield base(ABROCA.name, grouped, scope, **common, value=value, method=how(one, other))


def _largest(grouped: Grouping, how: How, scope: Scope, curves: list[Curve | None]) -> Estimate:
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
    known = [c for c in curves if c is not None]
    every = len(known) <= MOST_PAIRED
    tried = list(combinations(range(len(known)), 2))
    tried = tried if every else [pair for pair in tried if grouped.reference in pair]
    areas = [area_between(known[i], known[j]) for i, j in tried]
    i, j = tried[int(np.argmax(areas))]
    looked = f"the largest of {len(tried):,} pairs{'' if every else ' with the reference'}, which chance alone widens"
    method = how(known[i], known[j])
    method = f"{looked}; {method}" if len(tried) > 1 else method
    pair = (grouped.groups[i], grouped.groups[j])
    return base(ABROCA.name, grouped, scope, **common, value=max(areas), pair=pair, method=method,
                flags=flags_of(grouped))  # fmt: skip


def _method(bins: Bins, one: Curve, other: Curve, *, ordered: bool) -> str:
    hidden = one.hidden + other.hidden
    binned = "binned, with exact_auc too" if ordered else "binned"
    said = f"{binned}: the exact value lies within ±{hidden * 1.005:.2g}" if hidden > 1e-12 else "exact"
    said += SAYS_NOTHING if 2 * hidden > MOST_HIDDEN else ""
    if bins.folded:
        return f"{said}; no interval, and no floor of chance: rows share units"
    return f"{said}; no interval; equal groups of these sizes show about {chance_area(one, other):.2g} on average"


def _why(grouped: Grouping, i: int) -> str:
    return grouped.nobody(i) or NO_PAIRS
