"""Groups down, metrics across: the tables and charts of one grouping.

Must not: leave a group out without saying so, or format anything that `words` does not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from audit.estimate import Estimate, Figure, Group, cell_text, figure_text, limit_text
from audit.gates.words.wording import is_worse_high, read_wording
from audit.measurement.metrics.adverse import TABLE as ADVERSE_TABLE
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.measurement.metrics.kinds import Criterion
from audit.record.result import AuditResult, Gate
from audit.report.card.charts import (
    MOST_ROWS,
    Changed,
    Chart,
    Flow,
    Scale,
    draw_flow,
    draw_rates,
    list_ends,
    make_scale,
)
from audit.report.card.shapes import (
    By,
    EstimateIndex,
    GroupingView,
    Table,
    TableRow,
    choose_kind,
    count_withheld,
    make_table,
)
from audit.report.card.tables.comparisons import (
    is_adverse_impact_shown,
    make_adverse_table,
    make_everybody_tables,
    make_gaps_table,
    make_orders_table,
)
from audit.report.card.words import (
    LEFT_OUT,
    Cell,
    format_count,
    make_estimate_cell,
    make_title,
    name_group,
    name_grouping,
)

FIRST_TABLES = ("Rates", "Errors", "Ranking")
"""Headings of the table that a card begins with; a metric that a limit names and that stands in none joins it."""
DRAWN_RATES = (
    "net_change",
    "churn",
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "mean_error",
    "mean_absolute_error",
    "macro_true_positive_rate",
    "macro_f1",
    "exposure",
    "ndcg",
)
FLOWS = {
    ("negative_flips", "positive_flips", "net_change"): ("newly wrong", "newly right", "net loss"),
    ("flips_down", "flips_up", "selection_rate_change"): ("down", "up", "change of the rate"),
}
"""Shares that changed one way and the other way, the net of them, and what all three are called."""
MOST_DRAWN = 4
PAGE_ROWS = 240
"""Group rows on a page; more would not fit into 500 kB, nor into a reader."""
FEWEST_ROWS, MOST_TABLE_ROWS = 6, 60
MOST_ILLUSTRATED = 12
"""Groupings with drawings; with more, those that a limit speaks of are drawn."""


def make_model_groupings(result: AuditResult, k: int = 1) -> tuple[GroupingView, ...]:
    """Return the rates of the model, one view a grouping."""
    found = EstimateIndex(result, "model", k)
    every = found.groupings()
    room = divide_rows(len(every))
    few = len(every) <= MOST_ILLUSTRATED
    return tuple(
        _make_grouping(found, by, f"g{i}", room, drawn=few or bool(found.gates(by))) for i, by in enumerate(every)
    )


def _group_by_table(present: Collection[str]) -> dict[str, list[str]]:
    """Return the metrics that are there by the heading of their table, in the order of the catalogue."""
    found: dict[str, list[str]] = {}
    for metric in CATALOGUE.among(present):
        if metric.table:
            found.setdefault(metric.table, []).append(metric.name)
    return found


def divide_rows(groupings: int) -> int:
    """Return how many rows of groups one of so many groupings may take."""
    return max(FEWEST_ROWS, min(MOST_TABLE_ROWS, PAGE_ROWS // max(groupings, 1)))


def list_gated_rates(gates: Iterable[Gate]) -> list[str]:
    """Return the rates that limits are on; a criterion gives the rates that it is made of."""
    named: list[str] = []
    for gate in gates:
        metric = gate.estimate.metric if gate.estimate else ""
        entry = CATALOGUE[metric] if metric in CATALOGUE else None  # noqa: SIM401 - the catalogue refuses by its own error
        named += entry.rates if isinstance(entry, Criterion) else [metric]
    return list(dict.fromkeys(named))


def _make_grouping(found: EstimateIndex, by: By, id_: str, room: int, *, drawn: bool) -> GroupingView:
    gates = found.gates(by)
    present = {metric for metric, compare, *_ in found.index if compare is None}
    gated = [m for m in list_gated_rates(gates) if m in present]
    illustrated = [m for m in dict.fromkeys((*gated, *DRAWN_RATES)) if m in present][:MOST_DRAWN]
    by_table = _group_by_table(present)
    first = list(chain.from_iterable(by_table.pop(heading, ()) for heading in FIRST_TABLES))
    elsewhere = set(chain.from_iterable(by_table.values()))
    across = [m for m in dict.fromkeys((*gated, *first)) if m not in elsewhere]
    groups, note = choose_groups(found, by, room)
    return GroupingView(
        id=id_,
        title=f"By {name_grouping(by)}",
        by=by,
        charts=draw_charts(found, by, illustrated if drawn else (), groups, gates),
        tables=(
            _make_rates_table(found, by, groups, across),
            *_make_more_tables(found, by, groups),
            *((make_adverse_table(found, by, groups),) if is_adverse_impact_shown(found.result, by) else ()),
            make_gaps_table(found, by, across),
            *_make_class_tables(found, by, groups),
            *make_orders_table(found, by),
            *make_everybody_tables(found, by, illustrated, groups),
        ),
        notes=tuple(n for n in (note, _explain_flags(found, by)) if n),
        flow=make_flow(found, by, groups) if len(by) == 1 else None,
    )


def make_flow(found: EstimateIndex, by: By, groups: Sequence[Group]) -> Flow | None:
    """Return how many decisions changed either way in each group that is shown; None where none were compared."""
    for metrics, (left, right, net) in FLOWS.items():
        known_groups = [(by, group) for group in groups if None not in group]
        each = (*known_groups[: MOST_ROWS - 1], ((), ()))
        rates = [[found.rate(metric, at, group) for metric in metrics] for at, group in each]
        known = [[e for e in row if e is not None and e.value is not None] for row in rates]
        shown = [Changed(*row) for row in known if len(row) == len(metrics)]
        if len(shown) > 1:
            every = [found.rate(metrics[-1], by, group) for group in groups if None not in group]
            gone = sum(e is not None and e.status == "suppressed" for e in every)
            title = f"Changed decisions by {name_grouping(by)}{count_withheld(gone)}"
            return draw_flow(title, (left, right), net, shown)
    return None


def _make_class_tables(found: EstimateIndex, by: By, groups: Sequence[Group]) -> Iterator[Table]:
    """Return what is said of several classes; nothing where there are two."""
    if found.classes():
        from audit.report.card.tables.classes import make_class_tables

        yield from make_class_tables(found, by, groups)


def choose_groups(found: EstimateIndex, by: By, room: int) -> tuple[list[Group], str]:
    """Return the groups that fit on the page, the largest and those that a gate names, and what is said of the rest."""
    groups = found.groups(by)
    if len(groups) <= room:
        return groups, ""
    pairs = [gate.estimate.pair or () for gate in found.gates(by) if gate.estimate]
    named = set(chain.from_iterable(pairs))
    by_size = sorted(groups, key=lambda g: (g not in named, None not in g, -(found.rows(by, g) or 0.0)))
    kept = set(by_size[:room])
    note = (
        f"{room} of {len(groups):,} groups are shown, the largest and those that a limit names; all were judged, and "
        "audit.json has all of them."
    )
    return [g for g in groups if g in kept], note


def draw_charts(
    found: EstimateIndex, by: By, metrics: Sequence[str], groups: Sequence[Group], gates: Sequence[Gate]
) -> tuple[Chart, ...]:
    """Return drawings of some rates, on one axis where they are of one kind; none where groups are too many to draw."""
    if len(groups) > MOST_ROWS:
        return ()
    drawn = [d for m in metrics if (d := _collect_drawing(found, by, m, groups, gates)) is not None]
    scales = _share_scales(drawn)
    return tuple(
        draw_rates(
            f"{make_title(d.metric)} by {name_grouping(by)}", d.rates, d.lines, scale=scales[figure_of(d.metric)]
        )
        for d in drawn
    )


class _Drawing(NamedTuple):
    metric: str
    rates: list[Estimate]
    lines: list[tuple[float, str]]


def _collect_drawing(
    found: EstimateIndex, by: By, metric: str, groups: Sequence[Group], gates: Sequence[Gate]
) -> _Drawing | None:
    """Return what a drawing shows; None where most of its places would be empty, which says less than the table."""
    rates = [e for g in groups if (e := found.rate(metric, by, g)) is not None and e.status != "suppressed"]
    if not rates or 2 * sum(e.value is not None for e in rates) < len(groups):
        return None
    overall = found.overall(metric)
    shown = [*rates, overall] if overall is not None and overall.value is not None else rates
    lines = find_limit_lines(metric, rates, gates, found.result.question.config)
    return _Drawing(metric, shown if metric != "representation" else rates, lines)


def _share_scales(drawn: Sequence[_Drawing]) -> dict[Figure, Scale]:
    """Return one scale for all drawings of a kind, so that they can be compared."""
    ends: dict[Figure, list[float]] = {}
    for d in drawn:
        ends.setdefault(figure_of(d.metric), []).extend([*list_ends(d.rates), *(v for v, _ in d.lines)])
    return {figure: make_scale(values, figure) for figure, values in ends.items()}


def find_limit_lines(
    metric: str, rates: Sequence[Estimate], gates: Sequence[Gate], question: Mapping[str, Any]
) -> list[tuple[float, str]]:
    """Return value and label of the limits that can be drawn on the axis of a rate.

    A limit on a gap is a bound for the group that fares worse: an upper one, from the lowest rate, where a high rate is
    the worse one.
    """
    is_high_worse = is_worse_high(metric, read_wording(question))
    values = [e.value for e in rates if e.value is not None and None not in (e.group or ())]
    lines: list[tuple[float, str]] = []  # place, and what it is where that is not the limit itself
    for gate in gates:
        e = gate.estimate
        if e is None or metric not in list_gated_rates([gate]) or e.status == "suppressed" or not values:
            continue
        if e.compare in {"ratio", "difference"} and len(values) < 2:
            continue  # one group alone is compared with nobody
        if is_high_worse and e.compare in {"ratio", "difference"}:
            lines += _find_upper_bound(gate, min(values), figure_of(e.metric, e.compare), figure_of(metric))
        elif e.compare == "ratio" and gate.min is not None and e.reference is None:
            lines.append((gate.min * max(values), f"{gate.min:g} × the highest"))
        elif e.compare == "difference" and gate.max is not None and max(values) > gate.max:
            below = limit_text(gate.max, figure_of(e.metric, e.compare))
            lines.append((max(values) - gate.max, f"{below} below the highest"))
        elif e.compare in {"lowest", "highest"}:
            lines += [(gate.limit, "")] if gate.limit is not None else []
    return [(value, _label_limit(value, metric, why)) for value, why in lines]


def _find_upper_bound(gate: Gate, lowest: float, figure: Figure, of_rate: Figure) -> list[tuple[float, str]]:
    """Return how high a rate may be beside the lowest one; nothing where the limit sets no such bound."""
    bound, why = math.inf, ""
    if figure == "ratio" and gate.min and gate.estimate is not None and gate.estimate.reference is None:
        bound, why = lowest / gate.min, f"the lowest / {gate.min:g}"
    elif figure != "ratio" and gate.max is not None:
        bound, why = lowest + gate.max, f"{limit_text(gate.max, figure)} above the lowest"
    most = 1.0 if of_rate == "share" else math.inf
    return [(bound, why)] if why and bound < most else []


def _label_limit(value: float, metric: str, why: str) -> str:
    at = cell_text(value, figure_of(metric))
    return f"limit at {at}: {why}" if why else f"limit: {at}"


def _make_rates_table(found: EstimateIndex, by: By, groups: Sequence[Group], metrics: Sequence[str]) -> Table:
    rows = [_make_group_row(found, by, g, metrics) for g in groups]
    rows.append(_make_group_row(found, (), (), metrics))
    what = next((h for h in FIRST_TABLES[1:] if h in _group_by_table(metrics)), FIRST_TABLES[0])
    caption = f"{what} by {name_grouping(by)} (95% interval; n = denominator)"
    return make_table(caption, ("Group", "Rows", *(make_title(m) for m in metrics)), rows, found.k)


def _make_more_tables(found: EstimateIndex, by: By, groups: Sequence[Group]) -> Iterator[Table]:
    """Yield how well scores order and match what happens, and where numeric predictions lie, where there are any."""
    present = {m for m, compare, b, g in found.index if compare is None and b == by and g in groups}
    for what, metrics in _group_by_table(present).items():
        if what not in (*FIRST_TABLES, ADVERSE_TABLE):
            # What compares a group with the others has no value for all rows.
            overall = [()] if any(found.overall(m) is not None for m in metrics) else []
            rows = [_make_group_row(found, by, g, metrics) for g in (*groups, *overall)]
            columns = ("Group", "Rows", *(make_title(m) for m in metrics))
            yield make_table(f"{what} by {name_grouping(by)}", columns, rows, found.k)


def _make_group_row(found: EstimateIndex, by: By, group: Group, metrics: Sequence[str]) -> TableRow:
    cells = tuple(make_estimate_cell(found.rate(m, by if group else (), group)) for m in metrics)
    at = by if group else ()
    return TableRow(name_group(at, group), (make_rows_cell(found, at, group), *cells), choose_kind(group))


def make_rows_cell(found: EstimateIndex, by: By, group: Group) -> Cell:
    """Return the rows of a group with their share of all."""
    rows, whole = found.rows(by, group), found.rows((), ())
    if rows is None:
        return Cell(LEFT_OUT, mark="suppressed")
    share = figure_text(rows / whole, "share") if whole else ""
    return Cell(format_count(rows), note=share)


def _explain_flags(found: EstimateIndex, by: By) -> str:
    here = (e for e in found.result.estimates if e.stage == "model" and e.by == by)
    if any("group_equals_label" in e.flags for e in here):
        what = "has one label only" if found.classes() else "is all positive or all negative"
        return f"{name_grouping(by)} determines the label: every group {what}."
    return ""
