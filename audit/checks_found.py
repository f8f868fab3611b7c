"""What a limit on checks is judged by: how many failed or warned, or in how many parts one check found something.

What was not answered, or does not apply, is never taken for a check that found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import printable
from audit.four_fifths import UNASKED
from audit.result import Check
from audit.value import Estimate

FAILED, WARNED = "failed", "warned"
FOUND = {FAILED: ("fail",), WARNED: ("fail", "warn")}
UNKNOWN = ("error", "undefined")
LONGEST_REASON = 160


def checks_found(checks: Sequence[Check], metric: str) -> Estimate:
    """Number of checks that a limit speaks of; undefined where some were not answered, but never fewer than did find.

    Parameters
    ----------
    checks
        All of a run.
    metric
        ``failed``, ``warned``, or the code of one check, which is looked for in every part of the data.
    """
    if metric in FOUND:
        asked = [c for c in checks if metric == WARNED or c.answered_by != "evenhand" or c.severity != UNASKED]
        # A check that can only warn fails nothing, so that not knowing it lets no failure by.
        unknown = [c for c in asked if c.outcome in UNKNOWN and not (metric == FAILED and _only_warns(c))]
        return _counted(metric, asked, FOUND[metric], unknown, "no check was run")
    named = [c for c in checks if c.code == metric]
    applying = [c for c in named if c.outcome != "not applicable"]
    why = f"{metric} does not apply: {printable(named[0].detail, LONGEST_REASON)}" if named else f"no {metric} was run"
    return _counted(metric, applying, FOUND[WARNED], [c for c in applying if c.outcome in UNKNOWN], why)


def _counted(
    metric: str, asked: Sequence[Check], found: Sequence[str], unknown: Sequence[Check], none: str
) -> Estimate:
    n, value = float(len(asked)), float(sum(c.outcome in found for c in asked))
    if not asked:
        return Estimate(stage="checks", metric=metric, status="undefined", reason=none, n=n)
    if not unknown:
        return Estimate(stage="checks", metric=metric, value=value, n=n)
    first = unknown[0]
    reason = f"{len(unknown)} of {len(asked)} checks could not be answered ({first.title}: {first.outcome})"
    return Estimate(stage="checks", metric=metric, status="undefined", reason=reason, low=value,
                    high=value + len(unknown), n=n)  # fmt: skip


def _only_warns(check: Check) -> bool:
    return check.answered_by == "evenhand" and check.severity == "warning"
