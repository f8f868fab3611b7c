"""What a limit on checks is judged by: how many failed or warned, or in how many parts one check found something.

What was not answered, or does not apply, is never taken for a check that found nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from audit.errors import printable
from audit.estimate import Estimate
from audit.gates.four_fifths import UNASKED
from audit.record.result import Check

FAILED, WARNED = "failed", "warned"
FOUND = {FAILED: ("fail",), WARNED: ("fail", "warn")}
UNKNOWN = ("error", "undefined", "withheld")
OPEN = "insufficient"
"""Outcome of a check that the data cannot decide: neither found nor not found."""
NOT_RUN = "not applicable"
"""Outcome of a check that has nothing to look at here: it was not run, and no count takes it for one that was."""
LONGEST_REASON = 160
COUNTED: Mapping[str, tuple[str, str]] = {
    "fail": ("failed", "failed"),
    "error": ("could not run", "could not run"),
    "undefined": ("undefined", "undefined"),
    OPEN: ("inconclusive", "inconclusive"),
    "warn": ("warning", "warnings"),
    "waived": ("waived", "waived"),
    "pass": ("pass", "pass"),
    "withheld": ("withheld", "withheld"),
    NOT_RUN: (NOT_RUN, NOT_RUN),
}
"""How outcomes are counted, one and several, in the order in which they are told."""


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


def select_run(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that were run: those that had something to look at."""
    return [c for c in checks if c.outcome != NOT_RUN]


def count_outcomes(
    outcomes: Iterable[str], words: Mapping[str, tuple[str, str]] = COUNTED, beside: Mapping[str, str] | None = None
) -> str:
    """Return how many checks ended how; those that do not apply stand apart, because they were not run.

    Parameters
    ----------
    outcomes
        Of each check.
    words
        How an outcome is counted, one and several; an outcome without words is not told.
    beside
        What is said of an outcome after its number.

    >>> count_outcomes(["pass", "warn", "pass", "not applicable"])
    '1 warning, 2 pass; 1 not applicable'
    """
    found, said = Counter(outcomes), beside or {}
    told = {o: f"{found[o]:,} {several[found[o] > 1]}{said.get(o, '')}" for o, several in words.items() if found[o]}
    apart = told.pop(NOT_RUN, "")
    return "; ".join(part for part in (", ".join(told.values()), apart) if part)


def is_counted(check: Check, metric: str) -> bool:
    """Return whether what a limit counts may depend on the outcome of a check."""
    if metric == FAILED:
        return not _can_only_warn(check)
    return metric in {WARNED, check.code}


def _can_only_warn(check: Check) -> bool:
    return check.answered_by == "evenhand" and check.severity == "warning"
