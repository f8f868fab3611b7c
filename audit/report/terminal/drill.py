"""A drill on a terminal: each limit with what it finds, and what it does not.

Must not: show what the terminal withholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from audit.estimate import limit_text
from audit.faults.drill import Drill, DrilledGate
from audit.measurement.metrics.catalogue import figure_of
from audit.record.result import AuditResult, name_verdict
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

        drill = hide_drilled(drill, withhold(result))
    begun = f"Drill of run {drill.run}: {drill.seeds:,} copies of each size, seed {drill.seed}."
    print_section(console, [Line("", begun), Line("", describe_share(drill))], apart=False)
    for gate in drill.gates:
        print_section(console, _list_gate(gate, whole=whole))
    ends = [Line("Note    ", note) for note in drill.notes]
    if not whole and any(gate.curves for gate in drill.gates):
        ends += [Line("All     ", "every fault: the same command with --all; the curves are in report.html")]
    ends += [Line("Drill   ", str(folder / "drill.json"), whole=True)]
    print_section(console, ends)


def describe_share(drill: Drill) -> str:
    """Return what found means."""
    share = f"{100 * drill.found_share:g}%"
    return f"A fault is found from the size at which the limit fails in at least {share} of the copies."


def _list_gate(gate: DrilledGate, *, whole: bool) -> Iterator[Line]:
    figure = figure_of(gate.metric, gate.compare) if gate.stage in {"model", "data"} else "amount"
    text = limit_text(gate.limit or 0.0, figure)
    limit = f"at {'most' if gate.max is not None else 'least'} {text}"
    yield Line(f"{name_verdict(gate.verdict)}  ", f"{gate.name}, {limit}", status=gate.verdict, whole=True)
    yield Line("  ", gate.sentence)
    for warning in gate.warnings:
        yield Line("  ! ", warning)
    for curve in gate.curves if whole else ():
        yield Line("  - ", curve.sentence)
