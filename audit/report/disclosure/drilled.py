"""Limits of a drill as they may be published: those whose groups are shown whole.

A curve says how often a limit fails when a share of a group's rows is moved, and what the limit then reads: both follow
from all counts of label and prediction of every group that it compares. So it is shown only where every number of that
grouping is. Must not: show a part of a curve.
"""

from __future__ import annotations

from dataclasses import replace

from audit.faults.drill import Drill, DrilledGate
from audit.record.result import AuditResult

WITHHELD = "Withheld: a curve would reveal counts of groups that are withheld here; the internal report has it."


def hide_drilled(drill: Drill, shown: AuditResult) -> Drill:
    """Return a drill without what would tell counts that the result, which disclosure has gone over, withholds."""
    hidden: set[tuple[str, tuple[str, ...]]] = {(e.stage, e.by) for e in shown.estimates if e.status == "suppressed"}
    withheld = {gate.name for gate in shown.gates if gate.verdict == "withheld"}
    return replace(drill, gates=tuple(_hide(gate, hidden, withheld) for gate in drill.gates))


def _hide(gate: DrilledGate, hidden: set[tuple[str, tuple[str, ...]]], withheld: set[str]) -> DrilledGate:
    """Return a limit bare where a number of its grouping is withheld, or its verdict."""
    if gate.name not in withheld and not any(stage == gate.stage and _shares(by, gate.by) for stage, by in hidden):
        return gate
    return replace(
        gate, verdict="withheld", without_fault=None, curves=(), sentence=WITHHELD, warnings=(), reason="withheld"
    )


def _shares(hidden: tuple[str, ...], by: tuple[str, ...]) -> bool:
    """Return whether a grouping holds the hidden one, or is it: totals of everybody are of every grouping."""
    return not hidden or set(hidden) <= set(by)
