"""The sentences of a drill: what a limit finds, from which size, and what it never notices.

Must not: plant, or judge.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.config.schema import GateRule
from audit.errors import capitalise
from audit.estimate import Group, figure_text, join_first, join_words, limit_text, named_group
from audit.faults.drill import FOUND_SHARE, QUIET_SHARE, Caution, Curve, DrilledGate, Point
from audit.faults.fault import FAULTS, Fault
from audit.measurement.metrics.catalogue import figure_of
from audit.measurement.metrics.kinds import split_comparison
from audit.record.energy_text import format_limit

MOST_NAMED = 6


def name_place(fault: Fault, by: Sequence[str], group: Group) -> str:
    """Return a fault with its place, such as ``selections withheld from black``."""
    return fault.title.format(group=named_group(group, by)) if group else fault.title.format(group="all rows")


def _name_sized(fault: Fault, by: Sequence[str], group: Group, size: float) -> str:
    """Return a fault with its place and size, such as ``30% of the selections of black withheld``."""
    if fault.of and size == 1 and not fault.of_means:
        return name_place(fault, by, group)
    share = f"{100 * size:g}% of the" if fault.of else f"{size:g}"
    return fault.sized.format(size=share, group=named_group(group, by))


def describe_bound(gate: DrilledGate) -> str:
    """Return a limit with what it compares, such as ``ratio at least 0.8``, so that two of one metric differ."""
    limit = gate.limit
    if limit is None:
        return ""
    kind = split_comparison(gate.compare)[0]
    # A criterion may have the word in its own title: equal opportunity difference.
    begun = f"{kind} " if kind in {"difference", "ratio"} and not gate.metric.endswith(kind) else ""
    return f"{begun}{'at most' if gate.max is not None else 'at least'} {_write_bound(gate, limit)}"


def _write_bound(gate: DrilledGate, limit: float) -> str:
    if gate.stage == "checks":
        return f"{limit:,g}"
    if gate.stage == "energy":
        return format_limit(limit, gate.metric)
    return limit_text(limit, figure_of(gate.metric, gate.compare))


def format_size(fault: Fault, size: float) -> str:
    """Return a size with what it is a share of."""
    if not fault.of:
        return f"{size:g}"
    return f"{100 * size:g}% of {fault.of}"


def _describe_value(rule: GateRule, value: float | None) -> str:
    """Return what a limit reads, as its own unit has it."""
    if value is None:
        return "no number is left"
    if rule.stage == "checks":
        return f"{value:,.4g} {'finding' if value == 1 else 'findings'}"
    figure = figure_of(rule.metric, rule.compare)
    kind = split_comparison(rule.compare)[0]
    what = {"difference": "a gap", "ratio": "a ratio"}.get(
        "difference" if figure == "points" else kind or "", "a value"
    )
    return f"{what} of {figure_text(value, figure, limit=rule.max if rule.max is not None else rule.min)}"


def _describe_share(point: Point) -> str:
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
    begun = capitalise(name_place(fault, by, group))
    if found is not None:
        what = _describe_value(rule, found.value)
        return f"{begun}: found from {format_size(fault, found.size)} ({what}). There it {_describe_share(found)}."
    if last.refused == last.copies:
        return f"{begun}: refused, the audit stops with exit code 2."
    what = _describe_value(rule, last.value)
    size = format_size(fault, last.size)
    return f"{begun}: not found up to {size} ({what}). There it {_describe_share(last)}{_others(last)}."


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
    """Return the smallest fault that a limit finds, and what it does without one."""
    quiet = f"Without a fault it fails in {_count(zero)}"
    if zero.share >= FOUND_SHARE:
        return f"{quiet}, so no fault was planted."
    moved = [curve for curve in curves if FAULTS[curve.fault].moves]
    found = [curve for curve in moved or curves if curve.found_at is not None]
    worse = [curve for curve in found if _is_worse(rule, zero, curve)]
    best = min(worse or found, key=lambda curve: _measure_beyond(rule, curve), default=None)
    at = None if best is None else best.found_at
    if best is None or at is None:
        return f"{quiet}{', and no planted fault makes it fail' if curves else ''}."
    made = _name_sized(FAULTS[best.fault], best.by, best.group, at.size)
    what = f"{_describe_value(rule, at.value)} ({made})" if worse else made
    besides = "" if zero.share > QUIET_SHARE else f" Without a fault it fails in {zero.fails}."
    return f"It finds {what} in {_count(at)} (95% interval {_ends(at)}).{besides}"


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


def list_warnings(zero: Point, curves: Sequence[Curve]) -> tuple[Caution, ...]:
    """Return what a reader should know before they rely on a limit: that it cannot fail, fails unasked, or passes."""
    if zero.share >= FOUND_SHARE:
        return (Caution(kind="fails_already", mark="no fault planted"),)
    found = []
    if zero.share > QUIET_SHARE:
        said = f"Without a fault it already fails in {_count(zero)}."
        mark = f"fails in {100 * zero.share:.0f}% without a fault"
        found.append(Caution(kind="fails_without_fault", mark=mark, sentence=said))
    if curves and all(curve.found_from is None for curve in curves):
        said = "On these data it may not be able to fail."
        found.append(Caution(kind="finds_nothing", mark="finds no fault", sentence=said))
    passed = [curve for curve in curves if curve.points[-1].passes > curve.points[-1].copies / 2]
    if passed:
        named = join_first([_name_largest(curve) for curve in passed[:MOST_NAMED]], len(passed))
        mark = f"{len(passed)} blind {'spot' if len(passed) == 1 else 'spots'}"
        found.append(Caution(kind="blind_spots", mark=mark, sentence=f"It passes in most copies with {named}."))
    return tuple(found)


def _name_largest(curve: Curve) -> str:
    return _name_sized(FAULTS[curve.fault], curve.by, curve.group, curve.points[-1].size)
