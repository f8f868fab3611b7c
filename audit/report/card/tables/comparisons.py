"""The largest gaps of one grouping: between which groups, how far, and what chance alone would show.

Must not: leave a gap out without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from audit.estimate import Estimate, Group, cell_text, p_text
from audit.gates.four_fifths import CODE, is_weighted
from audit.measurement.metrics.adverse import (
    ADVERSE,
    CORRECTED,
    FEW_EXPECTED,
    IMPACT_P,
    IMPACT_RATIO,
    IMPACT_Z,
    NOT_SELECTED,
    ONE_DECIDES,
    SHORTFALL,
    TABLE,
    UNDER_FOUR_FIFTHS,
    UNDER_TWO_PERCENT,
)
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of, lower_title
from audit.measurement.metrics.kinds import EVERYBODY, Criterion, Everybody
from audit.measurement.metrics.rates import SELECTION_RATE
from audit.record.result import AuditResult
from audit.report.card.shapes import By, EstimateIndex, Table, TableRow, make_table
from audit.report.card.words import (
    Cell,
    make_estimate_cell,
    make_text_cell,
    make_title,
    name_group,
    name_grouping,
    name_in_text,
)

SELECTIONS = {SELECTION_RATE.name, *(m.name for m in ADVERSE)}
MARKS = {
    UNDER_FOUR_FIFTHS: "below 0.8",
    ONE_DECIDES: "one more selection would reach 0.8",
    UNDER_TWO_PERCENT: "under 2%",
}


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
            gone.append(lower_title(make_title(metric)))
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


# Adverse impact by the four-fifths rule, as one compact table a grouping.
#
# Shown where a limit judges selection rates, or where the check warns.
def is_adverse_impact_shown(result: AuditResult, by: By | None = None) -> bool:
    """Return whether a card speaks of adverse impact, by one grouping or by any."""
    if not [e for e in result.estimates if e.metric == IMPACT_RATIO.name and by in {None, e.by}]:
        return False
    judged = (g.estimate for g in result.gates if g.estimate is not None and g.estimate.stage == "model")
    if any(_is_about_selections(e.metric) and by in {None, e.by} for e in judged):
        return True
    found = [c for c in result.checks if c.code == CODE and c.outcome not in {"pass", "not applicable"}]
    # A check of an older document names no columns, and speaks of any.
    return any(by is None or (len(by) == 1 and c.columns in {(), by}) for c in found)


def _is_about_selections(metric: str) -> bool:
    entry = CATALOGUE[metric] if metric in CATALOGUE else None  # noqa: SIM401 - the catalogue refuses by its own error
    return bool(SELECTIONS & (set(entry.rates) if isinstance(entry, Criterion) else {metric}))


def make_adverse_table(found: EstimateIndex, by: By, groups: Sequence[Group]) -> Table:
    """Return a table of each group against the one with the highest selection rate."""
    known = [g for g in groups if None not in g]
    compared = [e for g in known if (e := _find_estimate(found, by, g, IMPACT_RATIO.name)) is not None]
    highest = next((e.reference for e in compared if e.reference is not None), None)
    against = ""
    if highest is not None:
        rate = "rate of not being selected" if any(NOT_SELECTED in e.flags for e in compared) else "selection rate"
        against = f", against {name_in_text(by, highest)}, which has the highest {rate}"
    short = (_find_estimate(found, by, g, SHORTFALL.name) for g in known)
    weighted = ""
    if any(e is not None and is_weighted(e) for e in short):
        weighted = " (weighted total)"
    return make_table(
        f"{TABLE} by {name_grouping(by)}{against}",
        ("Group", "Ratio", "Difference (standard deviations)", "p-value", f"Shortfall (people){weighted}"),
        [_make_adverse_row(found, by, e) for e in compared],
        found.k,
        _explain_table(compared),
    )


def _find_estimate(
    found: EstimateIndex, by: By, group: Group, metric: str, compare: str | None = None
) -> Estimate | None:
    return found.index.get((metric, compare, by, group))


def _make_adverse_row(found: EstimateIndex, by: By, ratio: Estimate) -> TableRow:
    group = ratio.group or ()
    z = _find_estimate(found, by, group, IMPACT_Z.name)
    short = _find_estimate(found, by, group, SHORTFALL.name)
    p = _find_estimate(found, by, group, IMPACT_P.name)
    corrected = _find_estimate(found, by, group, IMPACT_P.name, CORRECTED)
    return TableRow(
        name_group(by, group),
        (_make_ratio_cell(ratio), _make_z_cell(z), _make_p_cell(p, corrected), _make_figure_cell(short)),
    )


def _make_ratio_cell(e: Estimate) -> Cell:
    cell = make_estimate_cell(e, with_n=False)
    notes = [text for mark, text in MARKS.items() if mark in e.flags and e.value is not None]
    return Cell(cell.text, cell.interval, "; ".join(n for n in (*notes, cell.note) if n), cell.mark)


def _make_z_cell(e: Estimate | None) -> Cell:
    few = e is not None and e.value is not None and FEW_EXPECTED in e.flags
    if few:
        return replace(_make_figure_cell(e), note="too few rows for it: the p-value decides")
    return _make_figure_cell(e)


def _make_figure_cell(e: Estimate | None) -> Cell:
    if e is None or e.value is None:
        return make_estimate_cell(e, with_n=False)
    return Cell(f"{e.value:,.1f}".replace("-0.0", "0.0").replace("-", "−"))


def _make_p_cell(p: Estimate | None, corrected: Estimate | None) -> Cell:
    if p is None or p.value is None or corrected is None or corrected.value is None:
        return make_estimate_cell(p, with_n=False)
    return Cell(p_text(p.value), note=f"{p_text(corrected.value)} corrected")


def _explain_table(compared: Sequence[Estimate]) -> str:
    if not compared:
        return "There are not two groups to compare."
    if all(e.status == "suppressed" for e in compared):
        return ""
    said = (
        "The highest group was chosen from these rows, so p-values are corrected for all pairs of groups. The "
        "Guidelines (29 CFR 1607.4 D) except differences that small numbers leave open, and include significant ones "
        "above 0.8."
    )
    if any(UNDER_TWO_PERCENT in e.flags for e in compared):
        said += " Under 2%: the rule allows excluding the group from the ratios."
    return said
