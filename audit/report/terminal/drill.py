"""A drill on a terminal: each limit with what it finds, and what it does not.

Must not: show what the terminal withholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import printable
from audit.faults.drill import Drill, DrilledGate
from audit.faults.sentences import describe_bound
from audit.gates.verdicts import order_worst_first
from audit.record.result import AuditResult, identify_limit, name_verdict
from audit.report.terminal.limits import name_limit
from audit.report.terminal.lines import Line, is_withheld, print_section, withhold

if TYPE_CHECKING:
    from rich.console import Console


def print_drill(drill: Drill, result: AuditResult, folder: Path, console: Console, *, whole: bool = False) -> None:
    """Print every limit of a drill, then where it is kept.

    Parameters
    ----------
    drill
        Of the run.
    result
        The record that it belongs to.
    folder
        Where both are kept.
    console
        What it is printed on.
    whole
        Whether every fault is printed, and not only the one that a limit finds first.
    """
    if is_withheld(result):
        from audit.report.disclosure.drilled import hide_drilled

        drill = hide_drilled(drill, withhold(result, folder))
    begun = (
        f"Drill of run {drill.run}: {drill.seeds:,} copies of each size, seed {drill.seed}. {_describe_share(drill)}"
    )
    print_section(console, [Line("", begun)], apart=False)
    drilled = {identify_limit(gate): gate for gate in drill.gates}
    found = [(name_limit(gate), drilled.get(identify_limit(gate))) for gate in order_worst_first(result.gates)]
    ordered = [(name, gate) for name, gate in found if gate is not None]
    for name, gate in ordered:
        if gate.without_fault is not None:
            print_section(console, _list_gate(name, gate, whole=whole))
    print_section(console, _list_undrilled([(name, gate) for name, gate in ordered if gate.without_fault is None]))
    ends = [Line("Note    ", note) for note in drill.notes]
    if not whole and any(gate.curves for gate in drill.gates):
        ends += [Line("All     ", "every fault: the same command with --all; the curves are in report.html")]
    ends += [Line("Drill   ", str(folder / "drill.json"), whole=True)]
    print_section(console, ends)


def _describe_share(drill: Drill) -> str:
    """Return what found means."""
    share = f"{100 * drill.found_share:g}%"
    return f"A fault is found from the size at which the limit fails in at least {share} of the copies."


def _list_gate(name: str, gate: DrilledGate, *, whole: bool) -> Iterator[Line]:
    yield Line(f"{name_verdict(gate.verdict)}  ", f"{name}, {describe_bound(gate)}", status=gate.verdict)
    yield Line("  ", gate.sentence)
    for warning in gate.warnings:
        if warning.sentence:
            yield Line("  ! ", warning.sentence)
    for curve in gate.curves if whole else ():
        yield Line("  - ", curve.sentence)
    if whole:
        yield Line("  ", f"name: {printable(gate.name)}")


def _list_undrilled(gates: Sequence[tuple[str, DrilledGate]]) -> Iterator[Line]:
    """Yield the limits in which no fault was planted, each with the reason."""
    if gates:
        yield Line("Not drilled")
    for name, gate in gates:
        yield Line("  ", f"{name}, {describe_bound(gate)}: {gate.reason}")
