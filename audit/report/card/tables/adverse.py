"""Adverse impact by the four-fifths rule, as one compact table a grouping.

Shown where a limit judges selection rates, or where the check warns. Must not: judge, or leave a group out without
saying so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from audit.estimate import Estimate, Group, p_text
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
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.measurement.metrics.kinds import Criterion
from audit.measurement.metrics.rates import SELECTION_RATE
from audit.record.result import AuditResult
from audit.report.card.lookup import By, EstimateIndex
from audit.report.card.shapes import Table, TableRow, make_table
from audit.report.card.words import Cell, make_estimate_cell, name_group, name_grouping, name_in_text

SELECTIONS = {SELECTION_RATE.name, *(m.name for m in ADVERSE)}
MARKS = {
    UNDER_FOUR_FIFTHS: "below 0.8",
    ONE_DECIDES: "one more selection would reach 0.8",
    UNDER_TWO_PERCENT: "under 2%",
}


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
        [_make_row(found, by, e) for e in compared],
        found.k,
        _explain_table(compared),
    )


def _find_estimate(
    found: EstimateIndex, by: By, group: Group, metric: str, compare: str | None = None
) -> Estimate | None:
    return found.index.get((metric, compare, by, group))


def _make_row(found: EstimateIndex, by: By, ratio: Estimate) -> TableRow:
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
