"""Two results side by side: which verdicts changed, and which rates moved by more than chance.

Must not: judge; a change is no gate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from audit.errors import printable
from audit.estimate import Estimate, Group, group_text, interval_text, number
from audit.record.result import AuditResult, Gate

Key = tuple[str, str, str | None, tuple[str, ...], Group]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateChange:
    """One gate in both results; None where a result has no such gate."""

    name: str
    old: Gate | None
    new: Gate | None

    @property
    def same(self) -> bool:
        """Whether the verdict is the same."""
        return self.old is not None and self.new is not None and self.old.verdict == self.new.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """One group's rate in both results, with the interval of its change; rows are taken for different people."""

    old: Estimate
    new: Estimate
    low: float
    high: float

    @property
    def value(self) -> float:
        """New less old."""
        return (self.new.value or 0.0) - (self.old.value or 0.0)

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval of the change leaves 0 out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed from one result to another."""

    gates: tuple[GateChange, ...]
    rates: tuple[RateChange, ...]
    """Every rate that both measured, the largest change first."""
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    """Groups that one of the two alone measured."""


def compare(old: AuditResult, new: AuditResult) -> Comparison:
    """Compare two results of the same question, or of questions that share groups."""
    names = dict.fromkeys((*(g.name for g in old.gates), *(g.name for g in new.gates)))
    gates = tuple(GateChange(name=n, old=_find_gate(old, n), new=_find_gate(new, n)) for n in names)
    before, after = _collect_rates(old), _collect_rates(new)
    moved = [_measure_change(before[k], after[k]) for k in before if k in after]
    return Comparison(
        gates=gates,
        rates=tuple(sorted(moved, key=lambda c: -abs(c.value))),
        only_old=tuple(dict.fromkeys(_name_group(e) for k, e in before.items() if k not in after)),
        only_new=tuple(dict.fromkeys(_name_group(e) for k, e in after.items() if k not in before)),
    )


def describe_comparison(old: AuditResult, new: AuditResult, most: int = 12) -> Iterator[str]:
    """Yield the lines of a comparison for people."""
    found = compare(old, new)
    yield f"{old.run.id} {old.verdict}  ->  {new.run.id} {new.verdict}"
    if old.question.digest != new.question.digest:
        yield "The two runs asked different questions; only what both measured is compared."
    for gate in found.gates:
        word = "same   " if gate.same else "CHANGED"
        yield f"  {word}  {printable(gate.name)}: {_describe_gate(gate.old)}  ->  {_describe_gate(gate.new)}"
    beyond = [c for c in found.rates if c.beyond_chance]
    yield f"{len(beyond)} of {len(found.rates)} rates moved by more than chance (rows taken for different people)"
    for change in beyond[:most]:
        moved = f"{change.value:+.3f}{interval_text(change.low, change.high)}"
        yield f"  {_name_group(change.old)}: {number(change.old.value)} -> {number(change.new.value)}, {moved}"
    if len(beyond) > most:
        yield f"  … and {len(beyond) - most} more"
    for what, names in (("only in the first", found.only_old), ("only in the second", found.only_new)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            yield f"{what}: {'; '.join(names[:3])}{more}"


def _find_gate(result: AuditResult, name: str) -> Gate | None:
    return next((g for g in result.gates if g.name == name), None)


def _describe_gate(gate: Gate | None) -> str:
    if gate is None:
        return "not asked"
    value = None if gate.estimate is None else gate.estimate.value
    return f"{gate.verdict} ({'undefined' if value is None else number(value)})"


def _collect_rates(result: AuditResult) -> dict[Key, Estimate]:
    """Collect the rates of groups that have an interval from counts."""
    return {
        (e.stage, e.metric, e.outcome, e.by, e.group or ()): e
        for e in result.estimates
        if e.compare is None
        and e.reference is None
        and e.numerator is not None
        and e.value is not None
        and e.effective_n
    }


def _measure_change(old: Estimate, new: Estimate) -> RateChange:
    """Measure how far a rate moved, with Newcombe's square-and-add on the intervals that both documents hold."""
    value = (new.value or 0.0) - (old.value or 0.0)
    # Newcombe (1998), method 10: what lies below the new rate adds in squares to what lies above the old one.
    low = value - math.hypot(_distance_down(new), _distance_up(old))
    high = value + math.hypot(_distance_up(new), _distance_down(old))
    return RateChange(old=old, new=new, low=low, high=high)


def _distance_down(rate: Estimate) -> float:
    return (rate.value or 0.0) - (rate.low or 0.0)


def _distance_up(rate: Estimate) -> float:
    return (rate.high or 0.0) - (rate.value or 0.0)


def _name_group(estimate: Estimate) -> str:
    by = " x ".join(printable(b, 30) for b in estimate.by)
    group = f"{by} {group_text(estimate.group or ())}" if estimate.by else "everybody"
    of_class = "" if estimate.outcome is None else f" for class {printable(estimate.outcome, 30)}"
    return f"{estimate.metric.replace('_', ' ')} of {group}{of_class} ({estimate.stage})"
