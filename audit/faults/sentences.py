"""The sentences of a drill: what a limit finds, from which size, and what it never notices.

Must not: plant, or judge.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.config.schema import GateRule
from audit.errors import capitalise
from audit.estimate import Group, figure_text, join_first, join_words, named_group
from audit.faults.drill import FOUND_SHARE, QUIET_SHARE, Curve, Point
from audit.faults.fault import FAULTS, Fault
from audit.measurement.metrics.catalogue import figure_of
from audit.record.result import GateVerdict

MOST_NAMED = 6
NOTHING_FOUND = "None of these faults makes it fail."


def name_place(fault: Fault, by: Sequence[str], group: Group) -> str:
    """Return a fault with its place, such as ``selections withheld from black``."""
    return fault.title.format(group=named_group(group, by)) if group else fault.title.format(group="all rows")


def format_size(fault: Fault, size: float) -> str:
    """Return a size with what it is a share of."""
    if not fault.of:
        return f"{size:g}"
    return f"{100 * size:g}% of {fault.of}"


def describe_value(rule: GateRule, value: float | None) -> str:
    """Return what a limit reads, as its own unit has it."""
    if value is None:
        return "no number is left"
    if rule.stage == "checks":
        return f"{value:,.4g} {'finding' if value == 1 else 'findings'}"
    figure = figure_of(rule.metric, rule.compare)
    what = {"points": "a gap", "ratio": "a ratio"}.get(figure, "a value")
    return f"{what} of {figure_text(value, figure, limit=rule.max if rule.max is not None else rule.min)}"


def describe_share(point: Point) -> str:
    """Return in how many copies a limit fails, with the interval of their share."""
    return f"fails in {_count(point)} (95% interval {_ends(point)})"


def _count(point: Point) -> str:
    return f"{point.fails} of {point.copies} {'copy' if point.copies == 1 else 'copies'}"


def _ends(point: Point) -> str:
    return f"{100 * point.low:.0f} to {100 * point.high:.0f}%"


def describe_curve(
    rule: GateRule, fault: Fault, by: Sequence[str], group: Group, found: Point | None, last: Point
) -> str:
    """Return whether a limit finds a fault, and from which size; ``last`` is the largest that was planted."""
    place = name_place(fault, by, group)
    begun = capitalise(place)
    if found is not None:
        what = describe_value(rule, found.value)
        return f"{begun}: found from {format_size(fault, found.size)} ({what}); it {describe_share(found)}."
    what = describe_value(rule, last.value)
    return (
        f"{begun}: not found up to {format_size(fault, last.size)} ({what}); it {describe_share(last)}{_others(last)}."
    )


def _others(point: Point) -> str:
    """Return how the copies ended in which a limit does not fail."""
    ends = (
        ("passes in", point.passes),
        ("is inconclusive in", point.inconclusive),
        ("is undefined in", point.undefined),
        ("is refused in", point.refused),
    )
    said = [f"{how} {n}" for how, n in ends if n]
    return f", {join_words(said)}" if said else ""


def describe_drilled(rule: GateRule, zero: Point, curves: Sequence[Curve]) -> str:
    """Return what a limit does without a fault, and the smallest fault that it finds."""
    if zero.share >= FOUND_SHARE:
        return f"It fails already without a fault: in {_count(zero)}."
    quiet = f"Without a fault it fails in {_count(zero)}."
    moved = [curve for curve in curves if FAULTS[curve.fault].moves]
    found = [curve for curve in moved or curves if curve.found_at is not None]
    worse = [curve for curve in found if _is_worse(rule, zero, curve)]
    best = min(worse or found, key=lambda curve: _measure_beyond(rule, curve), default=None)
    at = None if best is None else best.found_at
    if best is None or at is None:
        return f"{quiet} {NOTHING_FOUND}" if curves else quiet
    fault = FAULTS[best.fault]
    made = f"{name_place(fault, best.by, best.group)} ({format_size(fault, at.size)})"
    what = f"{describe_value(rule, at.value)}, made by {made}" if worse else made
    return f"{quiet} It finds {what}: it {describe_share(at)}."


def _measure_beyond(rule: GateRule, curve: Curve) -> float:
    """Return how far from the limit the value is that a curve needs; what is undefined comes last."""
    at, limit = curve.found_at, rule.max if rule.max is not None else rule.min
    if at is None or at.value is None or limit is None:
        return float("inf")
    return abs(at.value - limit)


def _is_worse(rule: GateRule, zero: Point, curve: Curve) -> bool:
    """Return whether what a limit reads at the size that it finds is worse than without a fault."""
    at = curve.found_at
    if at is None or at.value is None or zero.value is None:
        return False
    return at.value > zero.value if rule.max is not None else at.value < zero.value


def list_warnings(zero: Point, verdict: GateVerdict, curves: Sequence[Curve]) -> tuple[str, ...]:
    """Return what a reader should know before they trust a limit: that it cannot fail, fails by chance, or passes."""
    if zero.share >= FOUND_SHARE:
        return ("It fails already without a fault, so no further fault would show.",)
    found = []
    if zero.share > QUIET_SHARE:
        then = "passes" if verdict == "pass" else "does not fail"
        found.append(f"It {then} on these data, and fails in {_count(zero)} without a fault.")
    if curves and all(curve.found_from is None for curve in curves):
        found.append("No planted fault makes it fail: on these data it may not be able to fail.")
    passed = [curve for curve in curves if curve.points[-1].passes > curve.points[-1].copies / 2]
    if passed:
        named = [_name_largest(curve) for curve in passed[:MOST_NAMED]]
        found.append(f"It passes in most copies in spite of: {join_first(named, len(passed))}.")
    return tuple(found)


def _name_largest(curve: Curve) -> str:
    fault = FAULTS[curve.fault]
    return f"{name_place(fault, curve.by, curve.group)} ({format_size(fault, curve.points[-1].size)})"
