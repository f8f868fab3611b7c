"""The bias audit of NYC Local Law 144 (6 RCNY 5-301): rates and impact ratios of every category.

The rule sets no limit for a ratio, so nothing here passes or fails. Intervals stand beside the ratios, which the rule
does not ask for. Must not: read a private count, judge, or leave a category out without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.errors import QuestionError
from audit.estimate import Estimate, Group, figure_text
from audit.measurement.metrics.adverse import IMPACT_RATIO
from audit.measurement.metrics.rates import SELECTION_RATE
from audit.record.result import AuditResult, Part
from audit.report.card.charts import MOST_ROWS, draw_rates
from audit.report.card.shapes import By, EstimateIndex, GroupingView, Table, TableRow, choose_kind, make_table
from audit.report.card.words import (
    LEFT_OUT,
    Cell,
    clean_text,
    describe_digest,
    describe_undefined,
    format_count,
    name_group,
    name_grouping,
)

TWO_PERCENT = 0.02
UNDER = "under 2%"
EXCLUDABLE = "Under 2%: the rule allows excluding the category from the ratios."


RULE = "6 RCNY 5-301"
OWN_FIELDS = ("auditor", "data_explanation", "distribution_date", "justification")
SENTENCE_LENGTH = 1200
NO_LIMIT = (
    "The rule sets no limit for an impact ratio, so no category passes or fails here. The four-fifths rule of the "
    "federal Uniform Guidelines is on the audit card of the same result."
)
PAIR = "That of a ratio compares two categories; it does not allow for the choice of the highest among all of them."


@dataclass(frozen=True, slots=True)
class Report:
    """The whole page."""

    title: str
    version: str
    scoring: bool
    lead: str
    facts: tuple[tuple[str, str | None], ...]
    """What the rule asks to be said; None where only the owner can say it, and did not."""
    unknown: tuple[str, ...]
    groupings: tuple[GroupingView, ...]
    left_out: str
    method: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]


def view(result: AuditResult, k: int) -> Report:
    """Return the view of a result that `disclosure.publishable` has gone over with the same ``k``.

    Raises
    ------
    QuestionError
        When the result holds no selection rates of categories.
    """
    from audit.report.card.accounts import list_provenance

    found = EstimateIndex(result, "model", k)
    part = _require_predictions(result, found)
    scoring = part.score_median is not None
    said = result.question.config.get("model") or {}
    return Report(
        title=clean_text(said.get("name") or "Unnamed tool"),
        version=clean_text(said.get("version") or "") if said.get("version") else "",
        scoring=scoring,
        lead=_explain_rates(part),
        facts=_list_facts(result, found, part),
        unknown=_describe_unknown(result, part),
        groupings=tuple(_make_grouping(found, by, f"g{i}", scoring=scoring) for i, by in enumerate(found.groupings())),
        left_out=_explain_left_out(result, k),
        method=_explain_method(result, found),
        provenance=list_provenance(result),
    )


def _require_predictions(result: AuditResult, found: EstimateIndex) -> Part:
    """Return the table of predictions, or refuse with the reason why there is no such report."""
    part = next((p for p in result.data if p.part == "predictions"), None)
    if part is None or found.overall(SELECTION_RATE.name) is None:
        raise QuestionError(
            "format ll144 needs selection rates, and this run has none; audit predictions of classes (audit model)"
        )
    if not found.groupings():
        raise QuestionError("format ll144 needs groups, and this run has none; name sex and race as groups")
    if not any(e.metric == IMPACT_RATIO.name for e in result.estimates):
        raise QuestionError(
            "format ll144 needs impact ratios, and this record is too old to have them; run the audit again"
        )
    return part


def _explain_rates(part: Part) -> str:
    if part.score_median is None:
        return (
            "Selection rate: share of a category that was selected. Impact ratio: that rate over the highest rate of "
            "the categories in the table."
        )
    return (
        "Scoring rate: share of a category whose score lies above the median score of the whole sample, "
        f"{part.score_median:.10g}. Impact ratio: that rate over the highest rate of the categories in the table."
    )


def _list_facts(result: AuditResult, found: EstimateIndex, part: Part) -> tuple[tuple[str, str | None], ...]:
    said: Mapping[str, Any] = result.question.config.get("ll144") or {}
    own = {key: clean_text(said[key], SENTENCE_LENGTH) if said.get(key) else None for key in OWN_FIELDS}
    overall = found.rows((), ())
    rows = LEFT_OUT if overall is None else format_count(overall)
    return (
        ("Independent auditor", own["auditor"]),
        ("Date of this audit", clean_text(result.run.finished).partition("T")[0]),
        ("In use since (distribution date)", own["distribution_date"]),
        ("Source of the data", f"{clean_text(part.source)}, {describe_digest(part)}"),
        ("Explanation of the data", own["data_explanation"]),
        ("Dates of the data", _describe_dates(said)),
        ("Applicants or candidates", f"{rows} assessed; {part.rows_read:,} rows read"),
        ("Why categories under 2% may be excluded", own["justification"]),
    )


def _describe_dates(said: Mapping[str, Any]) -> str | None:
    first, last = said.get("data_from"), said.get("data_to")
    if not first and not last:
        return None
    return f"{clean_text(first) if first else 'not said'} to {clean_text(last) if last else 'not said'}"


def _describe_unknown(result: AuditResult, part: Part) -> tuple[str, ...]:
    """Return how many people are of unknown category, for every column."""
    columns = (result.question.config.get("data") or {}).get("groups") or ()
    said = [
        f"{clean_text(column)}: {part.rows_without_group.get(column, 0):,} of unknown category"
        f"{', listed separately and in no ratio' if part.rows_without_group.get(column) else ''}"
        for column in columns
    ]
    return (*said, *(f"{clean_text(why)}: {n:,} rows are in no table" for why, n in part.rows_excluded.items()))


def _make_grouping(found: EstimateIndex, by: By, id_: str, *, scoring: bool) -> GroupingView:
    rate = "Scoring rate" if scoring else "Selection rate"
    groups = found.groups(by)
    every = [e for g in groups if (e := found.rate(SELECTION_RATE.name, by, g)) is not None]
    drawn = len(by) == 1 and len(every) <= MOST_ROWS and any(e.value is not None for e in every)
    chart = None
    if drawn:
        chart = draw_rates(f"{rate} by {name_grouping(by)}", every, ())
    note = _explain_small_highest(found, by)
    return GroupingView(
        id=id_,
        title=f"By {name_grouping(by)}",
        charts=(chart,) if chart is not None else (),
        tables=(_make_categories_table(found, by, groups, rate, scoring=scoring),),
        notes=(note,) if note else (),
    )


def _explain_left_out(result: AuditResult, k: int) -> str:
    here = [e for e in result.estimates if e.metric in {SELECTION_RATE.name, IMPACT_RATIO.name} and e.compare is None]
    gone = sum(e.status == "suppressed" for e in here)
    if not gone:
        if k <= 1:
            return "Every category is shown, however small."
        return f"No number had to be withheld (k = {k})."
    return (
        f"{gone:,} of {len(here):,} rates and ratios are withheld to protect categories under {k}. The rule asks for "
        "the numbers of all categories; audit card RESULT --format ll144 --k 1 shows them."
    )


def _explain_method(result: AuditResult, found: EstimateIndex) -> tuple[str, ...]:
    data = result.question.config.get("data") or {}
    crossed = any(len(by) > 1 for by in found.groupings())
    listed = "; ".join(name_grouping(by) for by in found.groupings())
    confidence = next((e.confidence for e in result.estimates if e.confidence is not None), 0.95)
    uncrossed = " No combinations are included; set [data] intersections = 2 and run again."
    if crossed:
        uncrossed = ""
    asked = "for sex, for race and ethnicity, and for their combinations"
    notes = (
        f"The rule ({RULE}) asks {asked}. This report has: {listed}.{uncrossed}",
        NO_LIMIT,
        f"Numbers in brackets are {confidence * 100:g}% confidence intervals, which the rule does not ask for. {PAIR}",
        _explain_median(result),
        *_explain_dependence(data),
    )
    return tuple(n for n in notes if n)


def _explain_dependence(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield which rows are not independent, and how rows are weighted."""
    if data.get("unit", "row") != "row":
        yield f"Rows with the same {clean_text(data['unit'])} are not independent; the intervals allow for it."
    if data.get("weight"):
        yield f"Rates are weighted by {clean_text(data['weight'])}; applicants are rows."


def _explain_median(result: AuditResult) -> str:
    if all(p.score_median is None for p in result.data):
        return ""
    return (
        "The median is that of all scored rows, those of unknown category too; a score equal to it is not above it. "
        "Intervals take the median as known."
    )


# Categories down, rates and impact ratios across: the tables of a bias audit by NYC Local Law 144.
#
# Must not: judge, or leave a category out without saying so.
def _make_categories_table(found: EstimateIndex, by: By, groups: Sequence[Group], rate: str, *, scoring: bool) -> Table:
    """Return every category with its rate and its ratio to the highest."""
    columns = ("Category", "Applicants", "Above the median" if scoring else "Selected", rate, "Impact ratio")
    rows = [_make_row(found, by, g) for g in groups]
    under = any(UNDER in cell.note for row in rows for cell in row.cells)
    caption = f"{rate}s and impact ratios by {name_grouping(by)}"
    return make_table(caption, columns, rows, found.k, EXCLUDABLE if under else "")


def _make_row(found: EstimateIndex, by: By, group: Group) -> TableRow:
    e = found.rate(SELECTION_RATE.name, by, group)
    cells = (
        _make_rows_cell(found, by, group),
        _make_hits_cell(e),
        _make_rate_cell(e),
        _make_ratio_cell(found, by, group, e),
    )
    return TableRow(name_group(by, group), cells, choose_kind(group))


def _make_rows_cell(found: EstimateIndex, by: By, group: Group) -> Cell:
    rows = found.rows(by, group)
    if rows is None:
        return Cell(LEFT_OUT, mark="suppressed")
    share = _find_share(found, by, group)
    under = share is not None and share < TWO_PERCENT and None not in group
    parts = [figure_text(share, "share")] if share is not None else []
    return Cell(format_count(rows), note="; ".join([*parts, *([UNDER] if under else [])]))


def _find_share(found: EstimateIndex, by: By, group: Group) -> float | None:
    rows, whole = found.rows(by, group), found.rows((), ())
    if rows is not None and whole:
        return rows / whole
    return None


def _make_hits_cell(e: Estimate | None) -> Cell:
    if e is None or e.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    return Cell(format_count(e.numerator or 0.0))


def _make_rate_cell(e: Estimate | None) -> Cell:
    if e is None or e.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    if e.value is None:
        return Cell(describe_undefined(e.reason), mark="undefined")
    interval = ""
    if e.low is not None and e.high is not None:
        interval = f"[{figure_text(e.low, 'share')}, {figure_text(e.high, 'share')}]"
    if "small_group" in e.flags:
        return Cell(figure_text(e.value, "share"), interval=interval, mark="few")
    return Cell(figure_text(e.value, "share"), interval=interval)


def _make_ratio_cell(found: EstimateIndex, by: By, group: Group, rate: Estimate | None) -> Cell:
    if None in group:
        return Cell("–", note="unknown category", mark="none")
    e = _find_ratio(found, by, group)
    if e is None:
        if group == _find_highest(found, by):
            return Cell("1.00", note="highest")
        return _make_only_cell(rate)
    if e.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    if e.value is None:
        return Cell(describe_undefined(e.reason), mark="undefined")
    return Cell(format_ratio(e.value), interval=_format_bounds(e))


def _format_bounds(ratio: Estimate) -> str:
    if ratio.low is None:
        return ""
    high = "no upper limit"
    if ratio.high is not None:
        high = format_ratio(ratio.high)
    return f"[{format_ratio(ratio.low)}, {high}]"


def _make_only_cell(rate: Estimate | None) -> Cell:
    if rate is None or rate.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    return Cell("undefined (no other category, or no selections)", mark="undefined")


def _find_ratio(found: EstimateIndex, by: By, group: Group) -> Estimate | None:
    return found.index.get((IMPACT_RATIO.name, None, by, group))


def _find_highest(found: EstimateIndex, by: By) -> Group | None:
    """Return the category that the others are compared with; None where none was selected, or it is withheld."""
    every = (e for (m, c, b, _), e in found.index.items() if (m, c, b) == (IMPACT_RATIO.name, None, by))
    e = next((e for e in every if e.reference is not None), None)
    rate = None if e is None or e.reference is None else found.rate(SELECTION_RATE.name, by, e.reference)
    if e is not None and rate is not None and rate.value:
        return e.reference
    return None


def _explain_small_highest(found: EstimateIndex, by: By) -> str:
    """Return what the ratios would be without a category under 2%, where the highest rate is that of one."""
    highest = _find_highest(found, by)
    share = None if highest is None else _find_share(found, by, highest)
    if highest is None or share is None or share >= TWO_PERCENT:
        return ""
    kept = {
        g: e.value
        for g in found.groups(by)
        if None not in g
        and (_find_share(found, by, g) or 0.0) >= TWO_PERCENT
        and (e := found.rate(SELECTION_RATE.name, by, g)) is not None
        and e.value is not None
    }
    top = max(kept, key=lambda g: kept[g], default=None)
    if top is None or not kept[top]:
        return ""
    others = "; ".join(f"{name_group(by, g)} {format_ratio(p / kept[top])}" for g, p in kept.items() if g != top)
    return (
        f"The highest rate is that of {name_group(by, highest)}, which is under 2% of the data. With the categories "
        f"under 2% excluded, {name_group(by, top)} would be the highest, and the ratios: {others or 'none'}."
    )


def format_ratio(value: float) -> str:
    """Return two decimals, as the rule prints ratios; more where two would round up to 1 or to four fifths."""
    # 0.7999 printed as 0.80 would reach four fifths, and 0.999 as 1.00 would be equal.
    short = f"{value:.2f}"
    if (value < 1 and float(short) >= 1) or (value < 0.8 - 1e-12 and float(short) >= 0.8):
        return next((t for d in (3, 4, 6) if float(t := f"{value:.{d}f}") < float(short)), f"under {short}")
    return short
