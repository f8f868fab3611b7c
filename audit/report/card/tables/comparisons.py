"""The largest gaps of one grouping: between which groups, how far, and what chance alone would show.

Must not: leave a gap out without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from audit.estimate import Estimate, Group, cell_text
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.measurement.metrics.kinds import EVERYBODY, Everybody
from audit.report.card.lookup import By, EstimateIndex
from audit.report.card.shapes import Table, TableRow, make_table
from audit.report.card.words import (
    Cell,
    lower_title,
    make_estimate_cell,
    make_text_cell,
    make_title,
    name_group,
    name_grouping,
    name_in_text,
)

CAPTIONS: dict[Everybody, str] = {"overall": "Compared with overall", "rest": "Compared with all other groups"}
KINDS = ("difference", "ratio")


ROUNDED = 1e-9
"""Gap that is left of 0 by arithmetic."""


def make_gaps_table(found: EstimateIndex, by: By, metrics: Sequence[str]) -> Table:
    """Return the largest gaps between groups, a row a rate, and which are withheld."""
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
            gone.append(lower_title(metric))
            continue
        nowhere = Cell("–", mark="none")
        first = nowhere if difference is None else _add_noise_floor(found, difference)
        gaps = (first, make_estimate_cell(ratio, with_n=False))
        rows.append(TableRow(make_title(metric), (_make_pair_cell(told[0]), *gaps)[: width - 1]))
    return Table(
        caption=f"Largest gaps between groups by {name_grouping(by)}, allowing for all pairs",
        columns=("Rate", "Lowest and highest", "Difference", "Ratio")[:width],
        rows=tuple(rows),
        note=f"Withheld, because it would reveal a withheld group: {', '.join(gone)}." if gone else "",
    )


def make_orders_table(found: EstimateIndex, by: By) -> tuple[Table, ...]:
    """Return how far the order of whole lists is from the shares of groups in them; nothing without lists."""
    measured = {m: e for (m, compare, of, _), e in found.index.items() if compare == "between_groups" and of == by}
    lists = [m for m in CATALOGUE.among(measured) if m.task == "ranking"]
    rows = tuple(TableRow(m.title, (make_estimate_cell(measured[m.name]),)) for m in lists)
    if not rows:
        return ()
    return (make_table(f"Order of whole lists by {name_grouping(by)}", ("Measure", "Mean over lists"), rows, found.k),)


def _add_noise_floor(found: EstimateIndex, difference: Estimate) -> Cell:
    """Return a difference with what equal groups of these sizes would show by chance."""
    cell = make_estimate_cell(difference, with_n=False)
    floor = found.gap(difference.metric, "noise_floor", difference.by)
    if floor is None or floor.value is None or difference.value is None:
        return cell
    shown = "0"
    if floor.value >= ROUNDED:
        shown = f"about {cell_text(floor.value, figure_of(difference.metric, 'noise_floor'))}"
    said = f"equal groups of these sizes would show {shown} by chance"
    return replace(cell, note=f"{cell.note}, {said}" if cell.note else said)


def _make_pair_cell(e: Estimate) -> Cell:
    if e.pair is None or e.value is None:
        return Cell("–", mark="none", numeric=False)
    if e.value == (1 if e.compare == "ratio" else 0) and e.pair[0] == e.pair[1]:
        return make_text_cell("all equal")
    if e.pair[0] == e.pair[1]:
        return make_text_cell(name_in_text(e.by, e.pair[0]))
    return make_text_cell(" v. ".join(name_in_text(e.by, g) for g in e.pair))


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
            yield make_table(
                f"{CAPTIONS[who]} by {name_grouping(by)} (95% interval of each comparison)",
                ("Group", *(_make_heading(m, c) for m, c in columns)),
                (*rows, _make_largest_row(found, by, columns)),
                found.k,
                _explain_largest(columns),
            )


def _make_heading(metric: str, compare: str) -> str:
    return f"{make_title(metric)}, {compare.partition('_to_')[0]}"


def _make_row(found: EstimateIndex, by: By, group: Group, columns: Sequence[tuple[str, str]]) -> TableRow:
    cells = tuple(make_estimate_cell(found.index.get((m, c, by, group)), with_n=False) for m, c in columns)
    return TableRow(name_group(by, group), cells)


def _make_largest_row(found: EstimateIndex, by: By, columns: Sequence[tuple[str, str]]) -> TableRow:
    return TableRow("largest gap", tuple(_name_largest(found.gap(m, c, by)) for m, c in columns), "overall")


def _name_largest(estimate: Estimate | None) -> Cell:
    """Return the comparison that is furthest from equality, and its group."""
    cell = make_estimate_cell(estimate, with_n=False)
    if estimate is None or estimate.pair is None or estimate.value is None:
        return cell
    return replace(cell, note=", ".join(filter(None, (name_in_text(estimate.by, estimate.pair[0]), cell.note))))


def _explain_largest(columns: Sequence[tuple[str, str]]) -> str:
    """Return what the last row shows."""
    said = "Largest gap: the largest difference in either direction"
    if _has_ratios(columns):
        return f"{said}, or the ratio that is furthest from 1 (above 1 its reciprocal counts)."
    return f"{said}."


def _has_ratios(columns: Sequence[tuple[str, str]]) -> bool:
    return any(c.startswith("ratio") for _, c in columns)
