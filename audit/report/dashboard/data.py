"""Who is in the training data beside a population, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.estimate import Estimate, cell_interval, cell_text
from audit.record.result import AuditResult
from audit.report.card.charts import MOST_ROWS, Chart, draw_rates, list_ends, make_scale
from audit.report.card.shapes import By, EstimateIndex
from audit.report.card.words import clean_text, name_grouping, name_in_text

POPULATION = ("population",)


@dataclass(frozen=True, slots=True)
class _PopulationView:
    """The groups of one attribute beside a population."""

    title: str
    sentence: str
    chart: Chart | None
    note: str


def compare_with_population(result: AuditResult) -> tuple[_PopulationView, ...]:
    """Return the shares of groups divided by their shares in the population; nothing where no population is given."""
    found = EstimateIndex(result, "data")
    views = []
    for by in found.groupings():
        beside = [e for e in result.estimates if _is_beside_population(e, by)]
        if beside:
            views.append(_make_view(by, beside))
    return tuple(views)


def _is_beside_population(e: Estimate, by: By) -> bool:
    return (e.stage, e.metric, e.compare, e.by, e.reference) == ("data", "representation", "ratio", by, POPULATION)


def _make_view(by: By, beside: Sequence[Estimate]) -> _PopulationView:
    known = sorted((e for e in beside if e.group is not None and e.value is not None), key=lambda e: e.value or 0.0)
    whole = next((e for e in beside if e.group is None), None)
    said = []
    if whole is not None and whole.value is None and whole.reason:
        said.append(f"All groups together are not judged: {clean_text(whole.reason, 300)}.")
    if known:
        said.append(_describe_lowest(by, known[0]))
    drawn = known[:MOST_ROWS]
    title = f"Share of rows / share of the population, by {name_grouping(by)}"
    return _PopulationView(
        title=f"By {name_grouping(by)}, beside the population",
        sentence=" ".join(said),
        chart=_draw(title, drawn) if drawn else None,
        note=_describe_left_out(len(known), sum(e.group is not None and e.value is None for e in beside)),
    )


def _draw(title: str, drawn: Sequence[Estimate]) -> Chart:
    # A share ends at 100%, its ratio to another share does not.
    scale = make_scale([1.0, *list_ends(drawn)], "ratio")
    return draw_rates(title, drawn, [(1.0, "as in the population")], scale=scale)


def _describe_left_out(known: int, undefined: int) -> str:
    notes = []
    if known > MOST_ROWS:
        notes.append(f"The {MOST_ROWS} lowest of {known:,} groups are drawn.")
    if undefined:
        notes.append(f"Not drawn, because undefined: {undefined:,}; the table of the attribute says why.")
    return " ".join(notes)


def _describe_lowest(by: By, e: Estimate) -> str:
    """Return which group is rarest beside its share in the population, and how sure that is."""
    if e.group is None or e.value is None:
        return ""
    ends = cell_interval(e.low, e.high, "ratio")
    ratio = f"{cell_text(e.value, 'ratio')} {ends}".strip()
    return (
        f"Of the groups in the data, {name_in_text(by, e.group)} has the lowest ratio of its share of rows to its "
        f"share of the population: {ratio}."
    )
