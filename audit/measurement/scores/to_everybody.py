"""The AUC of each group against that of everybody else: only where that is asked for.

Everybody's AUC also orders people of different groups, so that it is no mixture of the groups' own; it is therefore
compared with that of the rest alone.

Must not: read rows, or know a limit.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from audit.estimate import Estimate
from audit.measurement.comparisons import AgainstAll, Comparisons, ToAll, reason_for_unmeasured
from audit.measurement.inference.auc import Placed, between, limits
from audit.measurement.inference.mixtures import furthest
from audit.measurement.metrics.scores import ROC_AUC

METHOD = "newcombe on DeLong on score bins, wilson at its rows"
NO_PAIRS = "0/0: no rows with label = 1, or none with label = 0"


def auc_against_rest(table: Comparisons, both: Placed) -> Iterable[Estimate]:
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
    last, gone = (
        furthest("difference", gap, plain, between(both, at, rest, tail / looks)),
        np.flatnonzero(np.isnan(gap)),
    )

    def reason(i: int) -> str:
        return reason_for_unmeasured(table.g, [i], NO_PAIRS, "" if np.isnan(both.mid[i]) else "everybody but ")

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
