"""Each group against everybody and against everybody else, where that was asked for.

Must not: leave a group out without saying so, or format anything that `words` does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from audit.estimate import Estimate, Group
from audit.measurement.metrics.kinds import EVERYBODY, Everybody
from audit.report.card.lookup import By, Grouped
from audit.report.card.shapes import Table, TableRow
from audit.report.card.words import Cell, estimate_cell, group_name, grouping_name, title_of

CAPTIONS: dict[Everybody, str] = {"overall": "Against everybody", "rest": "Against everybody else"}
KINDS = ("difference", "ratio")


def everybody_tables(found: Grouped, by: By, metrics: Sequence[str], groups: Sequence[Group]) -> Iterator[Table]:
    """A table for everybody and one for everybody else: groups down, differences of some rates across.

    Ratios stand beside them where a limit speaks of one.
    """
    gated = {(g.estimate.metric, g.estimate.compare) for g in found.gates(by) if g.estimate}
    for who in EVERYBODY:
        wanted = [(m, f"{kind}_to_{who}") for m in metrics for kind in KINDS]
        columns = [(m, c) for m, c in wanted if found.gap(m, c, by) and (c.startswith("difference") or (m, c) in gated)]
        if columns:
            rows = [_row(found, by, g, columns) for g in groups if None not in g]
            yield Table(
                caption=f"{CAPTIONS[who]} by {grouping_name(by)}, each with its interval",
                columns=("Group", *(_heading(m, c) for m, c in columns)),
                rows=(*rows, _furthest(found, by, columns)),
                note=_note(columns),
            )


def _heading(metric: str, compare: str) -> str:
    return f"{title_of(metric)}, {compare.partition('_to_')[0]}"


def _row(found: Grouped, by: By, group: Group, columns: Sequence[tuple[str, str]]) -> TableRow:
    cells = tuple(estimate_cell(found.index.get((m, c, by, group)), with_n=False) for m, c in columns)
    return TableRow(group_name(by, group), cells)


def _furthest(found: Grouped, by: By, columns: Sequence[tuple[str, str]]) -> TableRow:
    return TableRow("furthest", tuple(_named(found.gap(m, c, by)) for m, c in columns), "everybody")


def _named(estimate: Estimate | None) -> Cell:
    """The comparison furthest from equality, and whose it is."""
    cell = estimate_cell(estimate, with_n=False)
    if estimate is None or estimate.pair is None or estimate.value is None:
        return cell
    return replace(cell, note=", ".join(filter(None, (group_name(estimate.by, estimate.pair[0]), cell.note))))


def _note(columns: Sequence[tuple[str, str]]) -> str:
    """What the last row takes for far."""
    said = "Furthest is the largest difference in either direction"
    return (
        f"{said}, or the ratio furthest from 1, above which its reciprocal counts." if _ratios(columns) else f"{said}."
    )


def _ratios(columns: Sequence[tuple[str, str]]) -> bool:
    return any(c.startswith("ratio") for _, c in columns)
