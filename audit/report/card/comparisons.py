"""The largest gaps of one grouping: between which groups, how far, and what chance alone would show.

Must not: leave a gap out without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, product

from audit.estimate import Estimate, Group, number
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import EVERYBODY, Everybody
from audit.report.card.lookup import By, EstimateIndex
from audit.report.card.shapes import Table, TableRow
from audit.report.card.words import Cell, make_estimate_cell, make_text_cell, make_title, name_group, name_grouping

CAPTIONS: dict[Everybody, str] = {"overall": "Against everybody", "rest": "Against everybody else"}
KINDS = ("difference", "ratio")


ROUNDED = 1e-9
"""Gap that is left of 0 by arithmetic."""


def make_gaps_table(found: EstimateIndex, by: By, metrics: Sequence[str]) -> Table:
    """Return the largest gaps between groups, a row a rate, and which had to be left out."""
    rows, gone = [], []
    width = 3
    if any(found.gap(m, "ratio", by) for m in metrics):
        width = 4
    for metric in metrics:
        difference = found.gap(metric, "difference", by)
        ratio = found.gap(metric, "ratio", by)
        told = [e for e in (difference, ratio) if e is not None]
        if not told:
            continue
        if all(e.status == "suppressed" for e in told):
            gone.append(make_title(metric).lower())
            continue
        nowhere = Cell("–", mark="none")
        first = nowhere if difference is None else _add_noise_floor(found, difference)
        gaps = (first, make_estimate_cell(ratio, with_n=False))
        rows.append(TableRow(make_title(metric), (_make_pair_cell(told[0]), *gaps)[: width - 1]))
    return Table(
        caption=f"Largest gaps between groups by {name_grouping(by)}",
        columns=("Rate", "Lowest and highest", "Difference", "Ratio")[:width],
        rows=tuple(rows),
        note=f"Left out, because it would give away a group that is left out: {', '.join(gone)}." if gone else "",
    )


def make_orders_table(found: EstimateIndex, by: By) -> tuple[Table, ...]:
    """Return how far the order of whole lists is from the shares of groups in them; nothing without lists."""
    measured = {m: e for (m, compare, of, _), e in found.index.items() if compare == "between_groups" and of == by}
    lists = [m for m in CATALOGUE.among(measured) if m.task == "ranking"]
    rows = tuple(TableRow(m.title, (make_estimate_cell(measured[m.name]),)) for m in lists)
    if not rows:
        return ()
    return (
        Table(
            caption=f"Order of whole lists by {name_grouping(by)}",
            columns=("Measure", "Mean over lists"),
            rows=rows,
            note=explain_left_out(rows),
        ),
    )


def explain_left_out(rows: Sequence[TableRow]) -> str:
    """Return why places of a table are empty, or an empty string where none is."""
    if any(cell.mark == "suppressed" for cell in chain.from_iterable(row.cells for row in rows)):
        return "Left out: a small count stands behind the number, or the number would give one away."
    return ""


def _add_noise_floor(found: EstimateIndex, difference: Estimate) -> Cell:
    """Return a difference with what equal groups of these sizes would show by chance."""
    cell = make_estimate_cell(difference, with_n=False)
    floor = found.gap(difference.metric, "noise_floor", difference.by)
    if floor is None or floor.value is None or difference.value is None:
        return cell
    shown = "none" if floor.value < ROUNDED else number(floor.value)
    said = f"equal groups show {shown} by chance"
    return replace(cell, note=f"{cell.note}, {said}" if cell.note else said)


def _make_pair_cell(e: Estimate) -> Cell:
    if e.pair is None or e.value is None:
        return Cell("–", mark="none", numeric=False)
    if e.value == (1 if e.compare == "ratio" else 0) and e.pair[0] == e.pair[1]:
        return make_text_cell("all alike")
    if e.pair[0] == e.pair[1]:
        return make_text_cell(name_group(e.by, e.pair[0]))
    return make_text_cell(" to ".join(name_group(e.by, g) for g in e.pair))


# Each group against all rows and against all other rows, where that was asked for.
#
# Must not: leave a group out without saying so, or format anything that `make_text_cell` does not.
def make_everybody_tables(
    found: EstimateIndex, by: By, metrics: Sequence[str], groups: Sequence[Group]
) -> Iterator[Table]:
    """Yield a table against all rows and one against all other rows: groups down, differences of some rates across.

    Ratios stand beside them where a limit speaks of one.
    """
    gated = {(g.estimate.metric, g.estimate.compare) for g in found.gates(by) if g.estimate}
    for who in EVERYBODY:
        wanted = product(metrics, [f"{kind}_to_{who}" for kind in KINDS])
        columns = [(m, c) for m, c in wanted if found.gap(m, c, by) and (c.startswith("difference") or (m, c) in gated)]
        if columns:
            rows = [_make_row(found, by, g, columns) for g in groups if None not in g]
            yield Table(
                caption=f"{CAPTIONS[who]} by {name_grouping(by)}, each with its interval",
                columns=("Group", *(_make_heading(m, c) for m, c in columns)),
                rows=(*rows, _make_furthest_row(found, by, columns)),
                note=_explain_furthest(columns),
            )


def _make_heading(metric: str, compare: str) -> str:
    return f"{make_title(metric)}, {compare.partition('_to_')[0]}"


def _make_row(found: EstimateIndex, by: By, group: Group, columns: Sequence[tuple[str, str]]) -> TableRow:
    cells = tuple(make_estimate_cell(found.index.get((m, c, by, group)), with_n=False) for m, c in columns)
    return TableRow(name_group(by, group), cells)


def _make_furthest_row(found: EstimateIndex, by: By, columns: Sequence[tuple[str, str]]) -> TableRow:
    return TableRow("furthest", tuple(_name_furthest(found.gap(m, c, by)) for m, c in columns), "everybody")


def _name_furthest(estimate: Estimate | None) -> Cell:
    """Return the comparison furthest from equality, and the group that it is of."""
    cell = make_estimate_cell(estimate, with_n=False)
    if estimate is None or estimate.pair is None or estimate.value is None:
        return cell
    return replace(cell, note=", ".join(filter(None, (name_group(estimate.by, estimate.pair[0]), cell.note))))


def _explain_furthest(columns: Sequence[tuple[str, str]]) -> str:
    """Return what the last row takes for far."""
    said = "Furthest is the largest difference in either direction"
    if _has_ratios(columns):
        return f"{said}, or the ratio furthest from 1, above which its reciprocal counts."
    return f"{said}."


def _has_ratios(columns: Sequence[tuple[str, str]]) -> bool:
    return any(c.startswith("ratio") for _, c in columns)
