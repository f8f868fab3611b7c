"""The AUC of each group against that of everybody else: only where that is asked for.

Everybody's AUC also orders people of different groups, so that it is no mixture of the groups' own; it is therefore
compared with that of the rest alone.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import flags_of, lonely, named
from audit.measurement.grouping import Grouping
from audit.measurement.inference.auc import Placed, between, limits
from audit.measurement.inference.mixtures import Furthest, furthest
from audit.measurement.metrics.scores import ROC_AUC
from audit.measurement.scope import SMALL, UNMEASURED, Scope

COMPARE = "difference_to_rest"
METHOD = "newcombe on DeLong on score bins, wilson at its rows"
NO_PAIRS = "0/0: no rows with label = 1, or none with label = 0"


def auc_against_rest(grouped: Grouping, both: Placed, scope: Scope) -> list[Estimate]:
    """Difference of every group, and the largest of them.

    Parameters
    ----------
    grouped
        The groups.
    both
        AUC of every group, then of everybody else of each in the same order.
    scope
        How sure.
    """
    count = len(grouped.groups)
    n = float(grouped.rows.sum())
    common: dict[str, Any] = {"stage": "model", "metric": ROC_AUC.name, "compare": COMPARE, "by": grouped.by, "n": n}
    if count < 2:
        return [Estimate(**common, status="undefined", reason=lonely(grouped))]
    at = np.arange(count)
    looks = 1 if count == 2 else count
    plain, corrected = (between(both, at, count + at, scope.tail / k) for k in (1, looks))
    gap, thin = both.mid[:count] - both.mid[count:], limits(both, scope.tail).thin
    thin = thin[:count] | thin[count:]
    found = []
    for i in range(count):
        flags = flags_of(grouped) + ((SMALL,) if thin[i] else ())
        more: dict[str, Any] = {"group": grouped.groups[i], "flags": flags}
        if np.isnan(gap[i]):
            found.append(Estimate(**common, **more, status="undefined", reason=_why(grouped, both.mid, i)))
            continue
        bounds: dict[str, Any] = {
            "low": float(plain.low[i]),
            "high": float(plain.high[i]),
            "confidence": scope.confidence,
        }
        found.append(Estimate(**common, **more, **bounds, value=float(gap[i]), method=METHOD))
    flags = flags_of(grouped) + ((SMALL,) if thin.any() else ())
    last = furthest("difference", gap, plain, corrected)
    empty = next((i for i in range(count) if np.isnan(gap[i])), None)
    unmeasured = None if empty is None else _why(grouped, both.mid, empty)
    return [*found, _furthest(grouped, scope, {**common, "flags": flags}, last, looks, unmeasured)]


def _why(grouped: Grouping, mid: np.ndarray, i: int) -> str:
    name = named(grouped, i)
    return f"not measured for {name if np.isnan(mid[i]) else f'everybody but {name}'} ({NO_PAIRS})"


def _furthest(
    grouped: Grouping, scope: Scope, common: dict[str, Any], found: Furthest, looks: int, reason: str | None
) -> Estimate:
    names = grouped.groups
    if found.low > 0 or found.high < 1:
        common |= {"low": found.low, "high": found.high, "confidence": scope.confidence,
                   **grouped.setters(found.low_group, found.high_group)}  # fmt: skip
    if found.value is None:
        common["flags"] += (UNMEASURED,)
        return Estimate(**common, status="undefined", reason=reason)
    pair = (names[found.group], names[found.group])
    method = f"{METHOD}, corrected for {looks} comparisons on the failing side"
    return Estimate(**common, value=found.value, pair=pair, method=method)
