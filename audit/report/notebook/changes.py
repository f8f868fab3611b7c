"""A comparison of two results as a notebook shows it.

Must not: need a stylesheet, a script or the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.report.card.render import make_environment
from audit.report.card.words import clean_text
from audit.report.notebook.cells import Cell, Table, write_left

if TYPE_CHECKING:
    from audit.record.compare import Comparison, GateChange


def render_comparison(found: Comparison) -> str:
    """Return a piece of HTML that stands on its own; names are escaped."""
    from audit.record import compare as of

    notes = (*of.describe_question(found), of.count_changes(found), *of.describe_unshared(found))
    left = len(found.beyond) - of.MOST_CHANGES
    tables = (
        Table("Limits", ("Limit", "First", "Second"), tuple(map(_list_verdicts, found.gates))),
        Table(
            "Rates that changed beyond chance, the largest change first",
            ("Rate", "First", "Second", "Change [interval]"),
            tuple(tuple(map(Cell, of.list_words(change))) for change in found.beyond[: of.MOST_CHANGES]),
            write_left(left, "more; to_frame() has them all."),
        ),
    )
    return (
        make_environment("html")
        .get_template("comparison.html.j2")
        .render(
            verdicts=of.write_verdicts(found),
            runs=of.name_runs(found),
            notes=notes,
            tables=[table for table in tables if table.rows],
        )
    )


def _list_verdicts(gate: GateChange) -> tuple[Cell, ...]:
    from audit.record.compare import describe_gate

    return Cell(clean_text(gate.name)), Cell(describe_gate(gate.old)), Cell(describe_gate(gate.new))
