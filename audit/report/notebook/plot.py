"""One metric by group as an Altair chart: a dot and an interval for each group, and a line for overall.

Must not: decide which group is judged, or round what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from audit.errors import MissingExtraError, QuestionError, printable
from audit.estimate import Estimate, Figure, cell_text, grouping_text
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.measurement.metrics.kinds import Criterion
from audit.report.card.groups import find_limit_lines
from audit.report.card.shapes import By
from audit.report.notebook.cells import TOO_FEW, name_groups, name_metric, write_left, write_value

if TYPE_CHECKING:
    from audit.record.result import AuditResult

INK, LIMIT, REST = "#1f5c6e", "#b3261e", "#5b6470"
MOST_ROWS, MOST_NAMED = 40, 12
WIDTH, ROW_PX, LABEL_PX = 420, 44, 15
MARGIN = 0.05
"""Of the range of the data, left free at both ends."""
AXES: dict[Figure, str] = {"share": ".0%", "points": ".1%"}


def plot_metric(
    result: AuditResult, metric: str, *, by: str | Sequence[str] | None, stage: str | None, outcome: Any
) -> Any:
    """Return the chart of one metric; `AuditResult.plot` says what it takes and raises."""
    rates = _choose_rates(result, metric, by=by, stage=stage, outcome=outcome)
    shown = _keep_largest(rates)
    first = shown[0]
    overall = next((e for e in result.find(first.metric, by=(), stage=first.stage) if _is_same(e, first)), None)
    gates = [g for g in result.gates if g.estimate and (g.estimate.stage, g.estimate.by) == (first.stage, first.by)]
    lines = list(_list_lines(overall, find_limit_lines(first.metric, rates, gates, result.question.config)))
    return _draw(shown, lines, len(rates))


def _choose_rates(
    result: AuditResult, metric: Any, *, by: str | Sequence[str] | None, stage: str | None, outcome: Any
) -> list[Estimate]:
    """Return the values of each group, of one grouping, one stage and one class.

    Raises
    ------
    QuestionError
        When a name is unknown or missing, or there are no such values.
    """
    found = result.find(metric, by=by, stage=stage, outcome=outcome)
    values = [e for e in found if e.by and e.group is not None and e.compare is None and e.reference is None]
    if not values:
        raise QuestionError(_explain_nothing(result, metric, measured=bool(found)))
    # Of a rate that both have, the model's.
    last = max((e.stage for e in values), key=("data", "model").index)
    values = [e for e in values if e.stage == last]
    if by is None:
        chosen = _choose_grouping(values)
        values = [e for e in values if e.by == chosen]
    classes = dict.fromkeys(e.outcome for e in values)
    if len(classes) > 1 and None not in classes:
        named = ", ".join(printable(c, 40) for c in classes)
        raise QuestionError(f"{metric} has a value for each class; name one in outcome; available: {named}")
    return [e for e in values if e.outcome == (None if None in classes else next(iter(classes)))]


def _choose_grouping(values: Sequence[Estimate]) -> By:
    """Return the one group column by which there are values."""
    groupings = [by for by in dict.fromkeys(e.by for e in values) if len(by) == 1]
    if len(groupings) != 1:
        named = ", ".join(grouping_text(by) for by in groupings)
        raise QuestionError(f"by is missing; name a group column, or several to cross; available: {named}")
    return groupings[0]


def _explain_nothing(result: AuditResult, metric: str, *, measured: bool) -> str:
    """Return why there is no value for each group, and of what there is one."""
    entry = CATALOGUE.find(metric)
    if isinstance(entry, Criterion):
        return f"{metric} compares groups and has no value for each group; plot {' or '.join(entry.rates)}"
    own = (e for e in result.estimates if e.by and e.group and e.compare is None and e.reference is None)
    there = sorted({e.metric for e in own})
    more = filter(None, [write_left(len(there) - MOST_NAMED, "more")])
    why = "has no value for each group by itself" if measured else "was not measured for these groups"
    return f"{metric} {why}; available: {', '.join((*map(printable, there[:MOST_NAMED]), *more)) or 'none'}"


def _is_same(e: Estimate, like: Estimate) -> bool:
    return e.compare is None and e.reference is None and e.outcome == like.outcome and e.value is not None


def _keep_largest(rates: Sequence[Estimate]) -> list[Estimate]:
    """Return the groups in their order, rows without a group last; the largest where they are too many to read."""
    by_size = sorted(rates, key=lambda e: -(e.n or 0.0))[:MOST_ROWS]
    kept = {e.group for e in by_size}
    return sorted((e for e in rates if e.group in kept), key=lambda e: None in (e.group or ()))


def _list_lines(overall: Estimate | None, limits: Sequence[tuple[float, str]]) -> Iterator[tuple[float, str, str]]:
    """Yield place, label and colour of each line across all groups."""
    if overall is not None and overall.value is not None:
        yield overall.value, f"overall {cell_text(overall.value, figure_of(overall.metric))}", REST
    yield from ((value, text, LIMIT) for value, text in limits)


def _draw(rates: Sequence[Estimate], lines: Sequence[tuple[float, str, str]], total: int) -> Any:
    """Return the chart."""
    alt, pd = _import_altair()
    rows = _describe_rows(rates)
    domain = _find_range(rates, [value for value, *_ in lines])
    title, notes = _write_title(rates, total)
    said = "; ".join((*(row["said"] for row in rows), *(text for _, text, _ in lines)))
    layers = chain.from_iterable(_draw_line(alt, pd, line, i, domain) for i, line in enumerate(lines))
    return alt.layer(*layers, *_draw_dots(alt, pd.DataFrame(rows), domain, figure_of(rates[0].metric))).properties(
        width=WIDTH,
        height=ROW_PX * len(rows),
        title=alt.TitleParams(title, subtitle=notes, anchor="start", offset=10 + LABEL_PX * len(lines)),
        description=f"{title}. {said}",
        view=alt.ViewBackground(stroke=None),
    )


def _import_altair() -> tuple[Any, Any]:
    try:
        import altair as alt
    except ImportError as error:
        raise MissingExtraError("altair", "plot", error) from error
    import pandas as pd

    return alt, pd


def _describe_rows(rates: Sequence[Estimate]) -> list[dict[str, Any]]:
    """Return what is drawn of each group: places of dot and interval, and the same in words."""
    names = name_groups(rates[0].by, [e.group or () for e in rates])
    rows = []
    for i, e in enumerate(rates):
        name, cell, few = names[e.group or ()], write_value(e), "small_group" in e.flags
        # What stands beside a dot is short; that a dot is hollow says the rest.
        numbers = "  ".join(part for part in (cell.text, cell.note.replace(f", {TOO_FEW}", "")) if part)
        rows.append({
            "group": f"{name}\n{numbers}",
            "said": f"{name}: {', '.join(part for part in (cell.text, cell.note) if part)}",
            "value": e.value, "low": e.low, "high": e.high, "few": few, "row": i,
        })  # fmt: skip
    return rows


def _find_range(rates: Sequence[Estimate], lines: Sequence[float]) -> list[float]:
    """Return the range of the data with a margin, within what the metric can be; 0 to 1 where nothing is known."""
    known = [v for e in rates for v in (e.value, e.low, e.high) if v is not None]
    ends = [*known, *lines] or [0.0, 1.0]
    low, high = min(ends), max(ends)
    margin = MARGIN * (high - low) or MARGIN * (abs(high) or 1.0)
    entry = CATALOGUE.find(rates[0].metric)
    least, most = (float("-inf"), float("inf")) if entry is None else entry.range
    return [max(low - margin, min(least, low)), min(high + margin, max(most, high))]


def _write_title(rates: Sequence[Estimate], total: int) -> tuple[str, list[str]]:
    """Return title and notes."""
    first = rates[0]
    of_class = first.outcome and f", class {printable(first.outcome, 40)}"
    of_data = {"data": " in the training data"}.get(first.stage, "")
    confidence = next((e.confidence for e in rates if e.confidence), 0.0)
    notes = (
        (f"Line: {100 * confidence:g}% interval. n: rows of the denominator.", confidence),
        (f"Hollow dot: {TOO_FEW}.", any("small_group" in e.flags for e in rates)),
        (f"The {len(rates)} largest of {total:,} groups.", len(rates) < total),
    )
    title = f"{name_metric(first.metric)} by {grouping_text(first.by)}{of_class or ''}{of_data}"
    return title, [" ".join(note for note, holds in notes if holds)]


def _draw_dots(alt: Any, frame: Any, domain: Sequence[float], figure: Figure) -> tuple[Any, Any]:
    """Return the intervals of groups and the dots upon them; a dot of few rows is hollow."""
    names = alt.Axis(
        title=None,
        labelExpr="split(datum.label, '\\n')",
        labelLimit=320,
        labelFontSize=12,
        labelPadding=10,
        labelOverlap=False,
        labelOffset=-6,
        ticks=False,
        domain=False,
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("group:N", sort=alt.SortField("row"), axis=names), tooltip=[alt.Tooltip("said:N", title="value")]
    )
    axis = alt.Axis(title=None, tickCount=5, labelFontSize=12, format=AXES.get(figure, ""))
    x = alt.X("low:Q", scale=alt.Scale(domain=list(domain), nice=False, zero=False), axis=axis)
    fill = alt.condition("datum.few", alt.value("white"), alt.value(INK))
    dot = base.mark_point(size=80, opacity=1, stroke=INK, strokeWidth=2).encode(x="value:Q", fill=fill)
    return base.mark_rule(color=INK, strokeWidth=2).encode(x=x, x2="high:Q"), dot


def _draw_line(alt: Any, pd: Any, line: tuple[float, str, str], i: int, domain: Sequence[float]) -> tuple[Any, Any]:
    """Return a dashed line across all groups and its label above it."""
    value, text, colour = line
    align, dx = ("left", 4) if value < sum(domain) / 2 else ("right", -4)
    base = alt.Chart(pd.DataFrame([{"value": value, "text": text}])).encode(x="value:Q")
    name = base.mark_text(
        align=align,
        dx=dx,
        y=-8 - LABEL_PX * i,
        color=colour,
        fontSize=12,
    ).encode(text="text:N")
    return base.mark_rule(color=colour, strokeDash=[5, 4], strokeWidth=1.3), name
