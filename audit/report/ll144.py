"""The bias audit of NYC Local Law 144 (6 RCNY 5-301): rates and impact ratios of every category.

The rule sets no limit for a ratio, so nothing here passes or fails. Intervals stand beside the ratios, which the rule
does not ask for. Must not: read a private count, judge, or leave a category out without saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.errors import QuestionError
from audit.measurement.metrics.adverse import IMPACT_RATIO
from audit.measurement.metrics.rates import SELECTION_RATE
from audit.record.result import AuditResult, Part
from audit.report.card.charts import MOST_ROWS, rates_chart
from audit.report.card.lookup import By, Grouped
from audit.report.card.shapes import GroupingView
from audit.report.card.words import count, digest_text, grouping_name, safe_text
from audit.report.categories import categories_table, small_highest

RULE = "6 RCNY 5-301"
OWN_FIELDS = ("auditor", "data_explanation", "distribution_date", "justification")
SENTENCE_LENGTH = 1200
NO_LIMIT = (
    "The rule sets no limit for an impact ratio, so no category passes or fails here. The four-fifths rule of the "
    "federal Uniform Guidelines is on the audit card of the same result."
)
PAIR = (
    "That of a ratio compares two categories, and does not allow for the highest having been chosen among all of them."
)


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
    """View of a result that `disclosure.publishable` has gone over with the same ``k``.

    Raises
    ------
    QuestionError
        When the result holds no selection rates of categories.
    """
    from audit.report.card.accounts import provenance

    found = Grouped(result, "model")
    part = _refused(result, found)
    scoring = part.score_median is not None
    said = result.question.config.get("model") or {}
    return Report(
        title=safe_text(said.get("name") or "Unnamed tool"),
        version=safe_text(said.get("version") or "") if said.get("version") else "",
        scoring=scoring,
        lead=_lead(part),
        facts=_facts(result, found, part),
        unknown=_unknown(result, part),
        groupings=tuple(_grouping(found, by, f"g{i}", scoring=scoring) for i, by in enumerate(found.groupings())),
        left_out=_left_out(result, k),
        method=_method(result, found),
        provenance=provenance(result),
    )


def _refused(result: AuditResult, found: Grouped) -> Part:
    """The table of predictions, or why there is no such report."""
    part = next((p for p in result.data if p.part == "predictions"), None)
    if part is None or found.everybody(SELECTION_RATE.name) is None:
        raise QuestionError(
            "format ll144 shows selection rates, and this result has none; audit predictions of classes (audit model)"
        )
    if not found.groupings():
        raise QuestionError("format ll144 compares categories, and this result has none; name sex and race as groups")
    if not any(e.metric == IMPACT_RATIO.name for e in result.estimates):
        raise QuestionError(
            "format ll144 shows impact ratios, and this result is older than they are; run the audit again"
        )
    return part


def _lead(part: Part) -> str:
    if part.score_median is None:
        return (
            "Selection rate: share of a category that was selected. Impact ratio: that rate over the highest rate of "
            "the categories in the table."
        )
    return (
        "Scoring rate: share of a category whose score lies above the median score of the whole sample, "
        f"{part.score_median:.10g}. Impact ratio: that rate over the highest rate of the categories in the table."
    )


def _facts(result: AuditResult, found: Grouped, part: Part) -> tuple[tuple[str, str | None], ...]:
    said: Mapping[str, Any] = result.question.config.get("ll144") or {}
    own = {key: safe_text(said[key], SENTENCE_LENGTH) if said.get(key) else None for key in OWN_FIELDS}
    everybody = found.rows((), ())
    rows = "left out" if everybody is None else count(everybody)
    return (
        ("Independent auditor", own["auditor"]),
        ("Date of this audit", safe_text(result.run.finished).partition("T")[0]),
        ("In use since (distribution date)", own["distribution_date"]),
        ("Source of the data", f"{safe_text(part.source)}, {digest_text(part)}"),
        ("Explanation of the data", own["data_explanation"]),
        ("Dates of the data", _dates(said)),
        ("Applicants or candidates", f"{rows} assessed; {part.rows_read:,} rows read"),
        ("Why categories under 2% may be left out", own["justification"]),
    )


def _dates(said: Mapping[str, Any]) -> str | None:
    first, last = said.get("data_from"), said.get("data_to")
    if not first and not last:
        return None
    return f"{safe_text(first) if first else 'not said'} to {safe_text(last) if last else 'not said'}"


def _unknown(result: AuditResult, part: Part) -> tuple[str, ...]:
    """How many people are of unknown category, for every column."""
    columns = (result.question.config.get("data") or {}).get("groups") or ()
    said = [
        f"{safe_text(column)}: {part.rows_without_group.get(column, 0):,} of unknown category"
        f"{', shown apart and in no ratio' if part.rows_without_group.get(column) else ''}"
        for column in columns
    ]
    return (*said, *(f"{safe_text(why)}: {n:,} rows are in no table" for why, n in part.rows_excluded.items()))


def _grouping(found: Grouped, by: By, id_: str, *, scoring: bool) -> GroupingView:
    rate = "Scoring rate" if scoring else "Selection rate"
    groups = found.groups(by)
    every = [e for g in groups if (e := found.rate(SELECTION_RATE.name, by, g)) is not None]
    drawn = len(by) == 1 and len(every) <= MOST_ROWS and any(e.value is not None for e in every)
    chart = rates_chart(f"{id_}c", f"{rate} by {grouping_name(by)}", every, ()) if drawn else None
    note = small_highest(found, by)
    return GroupingView(
        id=id_,
        title=f"By {grouping_name(by)}",
        charts=(chart,) if chart is not None else (),
        tables=(categories_table(found, by, groups, rate, scoring=scoring),),
        notes=(note,) if note else (),
    )


def _left_out(result: AuditResult, k: int) -> str:
    here = [e for e in result.estimates if e.metric in {SELECTION_RATE.name, IMPACT_RATIO.name} and e.compare is None]
    gone = sum(e.status == "suppressed" for e in here)
    if not gone:
        return "Every category is shown, however small." if k <= 1 else f"No number had to be left out under k = {k}."
    return (
        f"{gone:,} of {len(here):,} rates and ratios are left out, because they rest on counts under {k} or would give "
        "such counts away. The rule asks for the numbers of all categories; audit card RESULT --format ll144 --k 1 "
        "shows them."
    )


def _method(result: AuditResult, found: Grouped) -> tuple[str, ...]:
    data = result.question.config.get("data") or {}
    crossed = any(len(by) > 1 for by in found.groupings())
    listed = "; ".join(grouping_name(by) for by in found.groupings())
    confidence = next((e.confidence for e in result.estimates if e.confidence is not None), 0.95)
    notes = (
        f"The rule ({RULE}) asks for sex, for race and ethnicity, and for their crossing. This report has: {listed}."
        + ("" if crossed else " Nothing is crossed; set [data] intersections = 2 and run again."),
        NO_LIMIT,
        f"Numbers in brackets are {confidence * 100:g}% confidence intervals, which the rule does not ask for. {PAIR}",
        _median_note(result),
        f"Rows with the same {safe_text(data['unit'])} are not independent; the intervals allow for it."
        if data.get("unit", "row") != "row"
        else "",
        f"Rates are weighted by {safe_text(data['weight'])}; applicants are rows." if data.get("weight") else "",
    )
    return tuple(n for n in notes if n)


def _median_note(result: AuditResult) -> str:
    if all(p.score_median is None for p in result.data):
        return ""
    return (
        "The median is that of all scored rows, those of unknown category too; a score equal to it is not above it. "
        "Intervals take the median as known."
    )
