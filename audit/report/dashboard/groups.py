"""One metric of every group of one attribute: a sentence, a drawing, the same in a table, and in a file.

Must not: leave a group out without saying so.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from audit.config.read import read_question
from audit.estimate import Estimate, Group, cell_interval, cell_text
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.record.compare import measure_change
from audit.record.frame import write_by, write_group
from audit.record.result import AuditResult
from audit.report.card.charts import Chart, draw_rates
from audit.report.card.groups import find_limit_lines, make_rows_cell
from audit.report.card.method import Term, define_metric
from audit.report.card.shapes import By, EstimateIndex, GroupingView, Table, TableRow, choose_kind, make_table
from audit.report.card.view import Card
from audit.report.card.words import (
    Cell,
    format_count,
    format_n,
    make_estimate_cell,
    make_title,
    name_group,
    name_grouping,
    name_in_text,
)
from audit.report.dashboard.choices import Choices, name_apart

PER_PAGE = 25
"""Groups that are drawn at once; a drawing of more is a smear."""
ORDERS = {"recorded": "as recorded", "lowest": "lowest first", "highest": "highest first", "rows": "most rows first"}
OUTCOMES = ("true_positive_rate", "false_positive_rate")
FIELDS = ("metric", "by", "group", "value", "low", "high", "n", "numerator", "denominator", "status", "reason")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula in a spreadsheet; a name of a group that begins so is written after an apostrophe."""


@dataclass(frozen=True, slots=True)
class _GroupsView:
    """What the page shows."""

    sentence: str
    chart: Chart | None
    table: Table
    pages: int
    """How many pages the groups that were found fill."""
    notes: tuple[str, ...]
    term: Term | None
    csv: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which groups are shown, and how."""

    order: str = "recorded"
    search: str = ""
    page: int = 1
    reference: Group | None = None
    """Group that every other one is compared with."""


def make_groups_view(result: AuditResult, choices: Choices, by: By, metric: str, asked: Asked) -> _GroupsView:
    """Return one metric of the groups that are asked for."""
    found = EstimateIndex(result, choices.stage)
    every = _list_rates(found, by, metric)
    wanted = asked.search.strip().casefold()
    chosen = _sort([e for e in every if wanted in name_group(by, e.group).casefold()], asked.order)
    at = (max(1, asked.page) - 1) * PER_PAGE
    shown = chosen[at : at + PER_PAGE] or chosen[:PER_PAGE]
    reference = next((e for e in every if asked.reference is not None and e.group == asked.reference), None)
    return _GroupsView(
        sentence=_describe_spread(found, by, metric),
        chart=_draw(found, by, metric, shown),
        table=_tabulate(found, by, metric, shown, reference),
        pages=max(1, -(-len(chosen) // PER_PAGE)),
        notes=tuple(_list_notes(every, chosen, shown)),
        term=define_metric(CATALOGUE[metric]) if CATALOGUE.find(metric) is not None else None,
        csv=_write_csv(every),
    )


def list_groups(result: AuditResult, choices: Choices, by: By, metric: str) -> dict[str, Group]:
    """Return the groups of an attribute that can be compared with, by name."""
    groups = [e.group for e in _list_rates(EstimateIndex(result, choices.stage), by, metric)]
    return name_apart((name_group(by, group), group) for group in groups if group and None not in group)


def find_grouping(page: Card, choices: Choices, by: By) -> GroupingView | None:
    """Return everything that a page says of one attribute; None where it says nothing."""
    views = page.model if choices.stage == "model" else page.bias
    return next((view for view in views if view.by == by), None)


def _describe_spread(found: EstimateIndex, by: By, metric: str) -> str:
    """Return in one sentence which groups lie furthest apart, by how much, and how sure that is."""
    gap, ratio = found.gap(metric, "difference", by), found.gap(metric, "ratio", by)
    title, where = make_title(metric), name_grouping(by)
    if gap is None or gap.value is None or gap.pair is None:
        why = f": {gap.reason}" if gap is not None and gap.reason else ""
        return f"{title} by {where} is not compared over all groups{why}."
    ends = [found.rate(metric, by, group) for group in gap.pair]
    said = [f"{name_in_text(by, e.group)} {_say(e)}" for e in ends if e is not None]
    if len(said) < len(gap.pair):
        return f"{title} by {where}: the groups that are compared have no rate of their own here."
    times = f", ratio {cell_text(ratio.value, 'ratio')}" if ratio is not None and ratio.value is not None else ""
    figure = figure_of(metric, "difference")
    apart = f"{cell_text(gap.value, figure)} {cell_interval(gap.low, gap.high, figure)}".strip()
    return f"{title} by {where}: lowest {said[0]}, highest {said[-1]}; difference {apart}{times}."


def tabulate_outcomes(result: AuditResult, by: By, group: Group) -> Table | None:
    """Return the confusion table of one group, from the counts that its rates rest on; None where it has none."""
    found = EstimateIndex(result, "model")
    right, wrong = found.rate(OUTCOMES[0], by, group), found.rate(OUTCOMES[1], by, group)
    if right is None or wrong is None or right.denominator is None or wrong.denominator is None:
        return None
    counts = [(right.numerator, right.denominator), (wrong.numerator, wrong.denominator)]
    rows = [
        TableRow(label, tuple(Cell(format_count(n)) for n in (yes or 0.0, of - (yes or 0.0), of)))
        for label, (yes, of) in zip(("Label positive", "Label negative"), counts, strict=True)
    ]
    columns = ("Label", "Predicted positive", "Predicted negative", "Rows")
    return make_table(f"Labels and predictions of {name_group(by, group)}", columns, rows, 1)


def _list_rates(found: EstimateIndex, by: By, metric: str) -> list[Estimate]:
    return [e for group in found.groups(by) if (e := found.index.get((metric, None, by, group))) is not None]


def _sort(rates: list[Estimate], order: str) -> list[Estimate]:
    """Return rates in the order that is asked for; those without a value come last."""
    if order == "rows":
        return sorted(rates, key=lambda e: -(e.n or 0.0))
    if order in {"lowest", "highest"}:
        sign = 1.0 if order == "lowest" else -1.0
        return sorted(rates, key=lambda e: (e.value is None, sign * (e.value or 0.0)))
    return rates


def _draw(found: EstimateIndex, by: By, metric: str, shown: Sequence[Estimate]) -> Chart | None:
    """Return the drawing; None where no group that is shown has a value."""
    if all(e.value is None for e in shown):
        return None
    overall = found.overall(metric)
    drawn = [*shown, overall] if overall is not None and overall.value is not None else [*shown]
    every = _list_rates(found, by, metric)
    lines = find_limit_lines(metric, every, found.gates(by), found.result.question.config)
    return draw_rates(f"{make_title(metric)} by {name_grouping(by)}", drawn, lines)


def _tabulate(
    found: EstimateIndex, by: By, metric: str, shown: Sequence[Estimate], reference: Estimate | None
) -> Table:
    named = f"Difference to {name_group(by, reference.group)}" if reference is not None else ""
    columns = ("Group", "Rows", make_title(metric), *([named] if named else []))
    independent = reference is None or read_question(found.result).unit is None
    rows = []
    for e in shown:
        group = e.group or ()
        apart = [_compare(e, reference, independent=independent)] if reference is not None else []
        rows.append(
            TableRow(
                name_group(by, group),
                (make_rows_cell(found, by, group), make_estimate_cell(e), *apart),
                choose_kind(group),
            )
        )
    caption = f"{make_title(metric)} by {name_grouping(by)} (95% interval; n = denominator)"
    return make_table(caption, columns, rows, 1)


def _compare(e: Estimate, reference: Estimate, *, independent: bool) -> Cell:
    """Return how far a group lies from the one that was chosen; groups that share units may depend on each other."""
    if e == reference:
        return Cell("reference", mark="none")
    ends = (e.value, e.low, e.high, reference.value, reference.low, reference.high)
    if None in ends:
        return Cell("undefined", note="one of the two has no value and interval", mark="undefined")
    change = measure_change(reference, e, independent=independent)
    figure = figure_of(e.metric, "difference")
    return Cell(cell_text(change.value, figure), cell_interval(change.low, change.high, figure))


def _say(e: Estimate) -> str:
    few = ", too few rows to judge alone" if "small_group" in e.flags else ""
    return f"{cell_text(e.value, figure_of(e.metric))} ({format_n(e)}{few})"


def _list_notes(every: Sequence[Estimate], chosen: Sequence[Estimate], shown: Sequence[Estimate]) -> list[str]:
    notes = []
    if not chosen and every:
        notes.append("No group fits the search. Clear it to see all groups.")
    elif len(chosen) < len(every):
        notes.append(f"{len(chosen):,} of {len(every):,} groups {'fits' if len(chosen) == 1 else 'fit'} the search.")
    if len(shown) < len(chosen):
        notes.append(f"{len(shown)} of {len(chosen):,} groups are on this page.")
    missing = sum(e.value is None for e in every)
    if missing:
        has = "has" if missing == 1 else "have"
        notes.append(f"{missing:,} of {len(every):,} groups {has} no value; the table says why.")
    return notes


def _write_csv(rates: Sequence[Estimate]) -> str:
    """Return the numbers as a file for a spreadsheet; a missing number is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for e in rates:
        named = [e.metric, write_by(e.by), write_group(e.by, e.group)]
        safe = [f"'{one}" if one and str(one).startswith(FORMULA) else one for one in named]
        writer.writerow([*safe, e.value, e.low, e.high, e.n, e.numerator, e.denominator, e.status, e.reason])
    return text.getvalue()
