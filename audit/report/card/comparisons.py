"""The largest gaps of one grouping: who against whom, how far, and what chance alone would show.

Must not: leave a gap out without saying so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from audit.estimate import Estimate, number
from audit.measurement.metrics.ranking import OF_LISTS
from audit.report.card.lookup import By, Grouped
from audit.report.card.shapes import Table, TableRow
from audit.report.card.words import Cell, estimate_cell, group_name, grouping_name, title_of, words

ROUNDED = 1e-9
"""Gap that is left of 0 by arithmetic."""


def gaps_table(found: Grouped, by: By, metrics: Sequence[str]) -> Table:
    """Largest gaps between groups, a row a rate, and which had to be left out."""
    rows, gone = [], []
    width = 4 if any(found.gap(m, "ratio", by) for m in metrics) else 3
    for metric in metrics:
        difference, ratio = (found.gap(metric, c, by) for c in ("difference", "ratio"))
        told = [e for e in (difference, ratio) if e is not None]
        if not told:
            continue
        if all(e.status == "suppressed" for e in told):
            gone.append(title_of(metric).lower())
            continue
        nowhere = Cell("–", mark="none")
        first = nowhere if difference is None else _with_floor(found, difference)
        gaps = (first, estimate_cell(ratio, with_n=False))
        rows.append(TableRow(title_of(metric), (_pair_cell(told[0]), *gaps)[: width - 1]))
    return Table(
        caption=f"Largest gaps between groups by {grouping_name(by)}",
        columns=("Rate", "Lowest and highest", "Difference", "Ratio")[:width],
        rows=tuple(rows),
        note=f"Left out, because it would give away a group that is left out: {', '.join(gone)}." if gone else "",
    )


def orders_table(found: Grouped, by: By) -> tuple[Table, ...]:
    """How far the order of whole lists is from the groups' shares in them; nothing where there are no lists."""
    each = ((m, e) for m in OF_LISTS if (e := found.gap(m.name, "between_groups", by)) is not None)
    rows = tuple(TableRow(m.title, (estimate_cell(e),)) for m, e in each)
    if not rows:
        return ()
    return (Table(caption=f"Order of whole lists by {grouping_name(by)}", columns=("Measure", "Mean over lists"),
                  rows=rows, note=left_out_note(rows)),)  # fmt: skip


def left_out_note(rows: Sequence[TableRow]) -> str:
    """Why places of a table are empty, where some are."""
    gone = any(cell.mark == "suppressed" for row in rows for cell in row.cells)
    return "Left out: a small count stands behind the number, or the number would give one away." if gone else ""


def _with_floor(found: Grouped, difference: Estimate) -> Cell:
    """A difference with what equal groups of these sizes would show by chance."""
    cell = estimate_cell(difference, with_n=False)
    floor = found.gap(difference.metric, "noise_floor", difference.by)
    if floor is None or floor.value is None or difference.value is None:
        return cell
    shown = "none" if floor.value < ROUNDED else number(floor.value)
    said = f"equal groups show {shown} by chance"
    return replace(cell, note=f"{cell.note}, {said}" if cell.note else said)


def _pair_cell(e: Estimate) -> Cell:
    if e.pair is None or e.value is None:
        return Cell("–", mark="none", numeric=False)
    if e.pair[0] == e.pair[1]:
        return words("all alike" if e.value == (1 if e.compare == "ratio" else 0) else group_name(e.by, e.pair[0]))
    return words(" to ".join(group_name(e.by, g) for g in e.pair))
