"""What a limit on checks is judged by: how many failed or warned, or in how many parts one check found something.

What was not answered, or does not apply, is never taken for a check that found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import printable
from audit.estimate import Estimate
from audit.gates.four_fifths import UNASKED
from audit.gates.words.wording import select_run
from audit.record.result import Check

FAILED, WARNED = "failed", "warned"
FOUND = {FAILED: ("fail",), WARNED: ("fail", "warn")}
UNKNOWN = ("error", "undefined", "withheld")
OPEN = "insufficient"
"""Outcome of a check that the data cannot decide: neither found nor not found."""
LONGEST_REASON = 160


def count_checks(checks: Sequence[Check], metric: str) -> Estimate:
    """Count the checks that a limit speaks of; undefined where some were not answered, never fewer than did find.

    Parameters
    ----------
    checks
        All of a run.
    metric
        ``failed``, ``warned``, or the code of one check, which is looked for in every part of the data.
    """
    if metric in FOUND:
        run = select_run(checks)
        asked = [c for c in run if metric == WARNED or c.answered_by != "evenhand" or c.severity != UNASKED]
        # A check that can only warn fails nothing, so that not knowing it lets no failure by.
        unknown = [c for c in asked if c.outcome in UNKNOWN and not (metric == FAILED and _can_only_warn(c))]
        # n is all that were run, as every list of checks counts them; what cannot fail has not failed.
        return _estimate_count(metric, asked, FOUND[metric], unknown, "no check was run", of=len(run) if asked else 0)
    named = [c for c in checks if c.code == metric]
    applying = select_run(named)
    why = (
        f"{metric} does not apply: {printable(named[0].reason or named[0].detail, LONGEST_REASON)}"
        if named
        else f"no {metric} was run"
    )
    return _estimate_count(
        metric, applying, FOUND[WARNED], [c for c in applying if c.outcome in UNKNOWN], why, of=len(applying)
    )


def _estimate_count(
    metric: str, asked: Sequence[Check], found: Sequence[str], unknown: Sequence[Check], none: str, *, of: int
) -> Estimate:
    n, value = float(of), float(sum(c.outcome in found for c in asked))
    undecided = [c for c in asked if c.outcome == OPEN]
    if not asked:
        return Estimate(stage="checks", metric=metric, status="undefined", reason=none, n=n)
    if not unknown and not undecided:
        return Estimate(stage="checks", metric=metric, value=value, n=n)
    high = value + len(unknown) + len(undecided)
    if not unknown:
        titles = ", ".join(c.heading for c in undecided)
        reason = f"{len(undecided)} {'is' if len(undecided) == 1 else 'are'} inconclusive ({titles})"
        return Estimate(stage="checks", metric=metric, value=value, low=value, high=high, reason=reason, n=n)
    first = unknown[0]
    reason = f"{len(unknown)} of {of} checks could not be answered ({first.heading})"
    return Estimate(stage="checks", metric=metric, status="undefined", reason=reason, low=value, high=high, n=n)


def is_counted(check: Check, metric: str) -> bool:
    """Return whether what a limit counts may depend on the outcome of a check."""
    if metric == FAILED:
        return not _can_only_warn(check)
    return metric in {WARNED, check.code}


def _can_only_warn(check: Check) -> bool:
    return check.answered_by == "evenhand" and check.severity == "warning"
