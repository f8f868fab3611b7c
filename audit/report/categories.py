"""Categories down, rates and impact ratios across: the tables of a bias audit by NYC Local Law 144.

Must not: judge, or leave a category out without saying so.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.estimate import Estimate, Group
from audit.measurement.metrics.adverse import IMPACT_RATIO
from audit.measurement.metrics.rates import SELECTION_RATE
from audit.report.card.lookup import By, Grouped
from audit.report.card.shapes import Table, TableRow
from audit.report.card.words import LEFT_OUT, TOO_FEW, Cell, count, group_name, grouping_name, percent, safe_text

TWO_PERCENT = 0.02
UNDER = "under 2%: the rule lets the auditor leave it out of the ratios"


def categories_table(found: Grouped, by: By, groups: Sequence[Group], rate: str, *, scoring: bool) -> Table:
    """Every category with its rate and its ratio to the highest."""
    return Table(
        caption=f"{rate}s and impact ratios by {grouping_name(by)}",
        columns=("Category", "Applicants", "Above the median" if scoring else "Selected", rate, "Impact ratio"),
        rows=tuple(_row(found, by, g) for g in groups),
    )


def _row(found: Grouped, by: By, group: Group) -> TableRow:
    e = found.rate(SELECTION_RATE.name, by, group)
    cells = (_rows_cell(found, by, group), _hits_cell(e), _rate_cell(e), _ratio_cell(found, by, group, e))
    return TableRow(group_name(by, group), cells, "missing" if None in group else "group")


def _rows_cell(found: Grouped, by: By, group: Group) -> Cell:
    rows = found.rows(by, group)
    if rows is None:
        return Cell(LEFT_OUT, mark="suppressed")
    share = _share(found, by, group)
    under = share is not None and share < TWO_PERCENT and None not in group
    parts = [percent(share)] if share is not None else []
    return Cell(count(rows), note="; ".join([*parts, *([UNDER] if under else [])]))


def _share(found: Grouped, by: By, group: Group) -> float | None:
    rows, whole = found.rows(by, group), found.rows((), ())
    return rows / whole if rows is not None and whole else None


def _hits_cell(e: Estimate | None) -> Cell:
    if e is None or e.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    return Cell(count(e.numerator or 0.0))


def _rate_cell(e: Estimate | None) -> Cell:
    if e is None or e.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    if e.value is None:
        return Cell(f"undefined: {safe_text(e.reason)}", mark="undefined")
    few = "small_group" in e.flags
    interval = f"[{percent(e.low)}, {percent(e.high)}]" if e.low is not None and e.high is not None else ""
    return Cell(percent(e.value), interval=interval, note=TOO_FEW if few else "", mark="few" if few else "ok")


def _ratio_cell(found: Grouped, by: By, group: Group, rate: Estimate | None) -> Cell:
    if None in group:
        return Cell("–", note="unknown category", mark="none")
    e = _ratio(found, by, group)
    if e is None:
        return Cell("1.00", note="highest") if group == _highest(found, by) else _alone(rate)
    if e.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    if e.value is None:
        return Cell(f"undefined: {safe_text(e.reason)}", mark="undefined")
    low = (
        "" if e.low is None else f"[{ratio_text(e.low)}, {'no upper limit' if e.high is None else ratio_text(e.high)}]"
    )
    return Cell(ratio_text(e.value), interval=low)


def _alone(rate: Estimate | None) -> Cell:
    if rate is None or rate.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    return Cell("undefined: no other category, or nobody was selected", mark="undefined")


def _ratio(found: Grouped, by: By, group: Group) -> Estimate | None:
    return found.index.get((IMPACT_RATIO.name, None, by, group))


def _highest(found: Grouped, by: By) -> Group | None:
    """Category that the others are compared with; None where nobody was selected, or it is left out."""
    every = (e for (m, c, b, _), e in found.index.items() if (m, c, b) == (IMPACT_RATIO.name, None, by))
    e = next((e for e in every if e.reference is not None), None)
    rate = None if e is None or e.reference is None else found.rate(SELECTION_RATE.name, by, e.reference)
    return e.reference if e is not None and rate is not None and rate.value else None


def small_highest(found: Grouped, by: By) -> str:
    """What the ratios would be without a category under 2%, where the highest rate is that of one."""
    highest = _highest(found, by)
    share = None if highest is None else _share(found, by, highest)
    if highest is None or share is None or share >= TWO_PERCENT:
        return ""
    kept = {
        g: e.value
        for g in found.groups(by)
        if None not in g
        and (_share(found, by, g) or 0.0) >= TWO_PERCENT
        and (e := found.rate(SELECTION_RATE.name, by, g)) is not None
        and e.value is not None
    }
    top = max(kept, key=lambda g: kept[g], default=None)
    if top is None or not kept[top]:
        return ""
    others = "; ".join(f"{group_name(by, g)} {ratio_text(p / kept[top])}" for g, p in kept.items() if g != top)
    return (
        f"The highest rate is that of {group_name(by, highest)}, which is under 2% of the data. With the categories "
        f"under 2% left out, {group_name(by, top)} would be the highest, and the ratios: {others or 'none'}."
    )


def ratio_text(value: float) -> str:
    """Two decimals, as the rule prints ratios; more where two would round up to 1 or to four fifths."""
    short = f"{value:.2f}"
    if (value < 1 and float(short) >= 1) or (value < 0.8 - 1e-12 and float(short) >= 0.8):
        return next((t for d in (3, 4, 6) if float(t := f"{value:.{d}f}") < float(short)), f"under {short}")
    return short
