"""Compressed models as a notebook and a screen of Python show them: what each changes, and what each costs.

Must not: measure, or judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.record.result import AuditResult
from audit.report.card import shapes
from audit.report.card.tables.models import make_models_view
from audit.report.notebook.cells import Cell, Table
from audit.report.resources import describe_smallest, find_judged, list_candidates

WIDEST = 40
"""Characters of a cell from which on it is running text."""


def make_models_tables(result: AuditResult) -> list[Table]:
    """Return the tables of the report, the smallest model that passes under the first; none where there is no model."""
    if result.edge is None:
        return []
    view = make_models_view(result.edge, find_judged(result))
    *others, last = view.tables
    told = " ".join(view.notes)
    if not others:
        return [_lay(last, f"{view.sentence} {told}".rstrip())]
    return [*(_lay(table, view.sentence) for table in others), _lay(last, told)]


def _lay(table: shapes.Table, note: str) -> Table:
    rows = tuple(
        (Cell(row.header), *(Cell(cell.text, prose=len(cell.text) > WIDEST) for cell in row.cells))
        for row in table.rows
    )
    return Table(table.caption, table.columns, rows, note)


def list_models(result: AuditResult) -> Iterator[str]:
    """Yield the smallest candidate that passes, and a line for each."""
    if result.edge is None:
        return
    yield f"  {describe_smallest(result.edge, find_judged(result))}"
    for _, word, said in list_candidates(result.edge):
        yield f"  {word:<13} {said}"
