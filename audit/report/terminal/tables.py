"""Rates by group as rows of plain text: in the short form one table with the main rates, otherwise a table a grouping.

Must not: print; leave out a group without saying so; let two groups read the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from audit.errors import printable
from audit.estimate import (
    WORST_CLASS,
    Estimate,
    Group,
    cell_interval,
    cell_text,
    figure_text,
    group_text,
    grouping_text,
    interval_words,
    quoted_level,
    told_apart,
)
from audit.measurement.metrics.catalogue import figure_of
from audit.record.result import AuditResult
from audit.report.terminal.groupings import (
    OVERALL,
    SMALL,
    By,
    Grouping,
    choose_groups,
    choose_rates,
    list_groupings,
    list_rates,
)
from audit.report.terminal.limits import name_metric
from audit.report.terminal.lines import Line, to_encoding

if TYPE_CHECKING:
    from rich.console import Console

TITLES = {"model": "Model results", "data": "Training data"}
MOST_GROUPS = 12
"""Groups of all attributes that are shown even if the page has no room for them."""
SHORTENED = (32, 24, 18, 14, 11)
"""Characters of a column and of a level in a short table, where names are too long for one line."""
NAME_WIDTH, SHORTEST_NAME, NARROWEST_NAME, N_WIDTH, CELL_WIDTH = 24, 12, 6, 9, 20
MAIN_WORST = (f"{WORST_CLASS}selection_rate", f"{WORST_CLASS}true_positive_rate")
"""Comparisons over classes that are shown where no limit is on one."""
BESIDE = 2 + N_WIDTH + 2 - 1
"""Columns beside names and rates: before a name, the number of rows, behind it; the last blank is never printed."""
TOO_FEW = "* too few rows to judge alone"
EVENTS = " (fewer than 5 events or non-events)"


class Page(NamedTuple):
    """How much of a result a page of the short form holds."""

    limits: int
    groups: int = MOST_GROUPS
    """Groups that it shows even if they are too many for it."""
    are_names_short: bool = True
    """Whether a name that is too long for one line is shortened; otherwise it goes on under itself."""


Shown = Sequence[tuple[Grouping, Sequence[Group]]]


@dataclass(frozen=True, slots=True)
class _Table:
    """Groups down and rates across, with the title over the names."""

    title: str
    shown: Shown
    rates: Sequence[str]
    with_n: bool = False

    def write(self, rate: str) -> list[str]:
        """Return the cells of a rate, top to bottom."""
        cells: list[str] = []
        for grouping, groups in self.shown:
            cells += [grouping.write_cell(group, rate, with_n=self.with_n) for group in groups]
        return cells


def make_short_table(
    result: AuditResult, stage: str, console: Console, room: int, more: str, page: Page
) -> Iterator[Line]:
    """Yield one table of the main rates of all groups, with as many rates as fit beside each other.

    Parameters
    ----------
    result
        What was measured.
    stage
        model or data.
    console
        Where to.
    room
        Groups for which there is room.
    more
        The command that shows all of them; empty where there is none.
    page
        How much gives way where there is no room.
    """
    rates = choose_rates(result, stage)
    found = list_groupings(result, stage, rates)
    everybody = Grouping(result, stage, OVERALL, rates)
    # Where no group column is named, everybody is all that was measured.
    alone = not any(result.estimates.groupings) and bool(everybody.groups)
    if not found and not alone:
        return
    kept = choose_groups(found, result, stage, max(room, page.groups)) if found else {}
    shown = [*((grouping, kept[grouping.by]) for grouping in found), (everybody, everybody.groups)]
    table = _Table(TITLES[stage], shown, [r for r in rates if any(r in g.rates for g in found or [everybody])])
    order = [*list_rates(result, stage), *rates]
    table = _Table(table.title, shown, sorted(_split(table, console)[0], key=order.index))
    if page.are_names_short:
        _shorten_names(table, console)
    yield from _lay_out(table, console)
    for grouping in found:
        yield from _describe_worst_classes(result, stage, grouping.by, _list_main_worst(result))
    yield from _explain_marks(shown, table.rates)
    left = [(g.by, len(g.groups) - len(kept[g.by])) for g in found]
    said = ", ".join(f"{n:,} {_name_groups(by, n)} by {grouping_text(by)}" for by, n in left if n)
    if said:
        yield Line("  ", f"not shown: {said}{f' ({more})' if more else ''}")


def _name_groups(by: By, n: int) -> str:
    return f"{'group' if len(by) == 1 else 'combination'}{'' if n == 1 else 's'}"


def make_whole_tables(result: AuditResult, stage: str, console: Console) -> Iterator[Line]:
    """Yield a table a grouping with every rate and its denominator, as many rates beside each other as fit."""
    rates = list_rates(result, stage)
    everybody = Grouping(result, stage, OVERALL, rates)
    for grouping in [*list_groupings(result, stage, rates), *([everybody] if everybody.groups else [])]:
        by = f"by {grouping_text(grouping.by)}" if grouping.by else "overall"
        shown = [(grouping, grouping.groups)]
        table = _Table(f"{TITLES[stage]} {by}", shown, grouping.rates, with_n=True)
        yield Line(f"{table.title} (n = denominator)", whole=True)
        for beside in _split(table, console):
            yield from _lay_out(_Table("", shown, beside, with_n=True), console)
        worst = sorted(m for m in result.estimates.metrics if m.startswith(WORST_CLASS))
        yield from _describe_worst_classes(result, stage, grouping.by, worst)
        yield from _explain_marks(shown, grouping.rates)
        yield Line("")


def _shorten_names(table: _Table, console: Console) -> None:
    """Shorten names until each fits on one line beside the rates, or they are too short to be told apart."""
    room = console.width - BESIDE - sum(_find_rate_width(table, rate) for rate in table.rates)
    for length in SHORTENED:
        if max(_measure_names(table, console)) <= max(room, NARROWEST_NAME):
            return
        for grouping, _ in table.shown:
            grouping.shorten(length)


def _lay_out(table: _Table, console: Console) -> Iterator[Line]:
    """Yield a head and a row a group; a name that is too long goes on under itself."""
    widths = [_find_rate_width(table, rate) for rate in table.rates]
    longest = max((SHORTEST_NAME, len(table.title) - 2, *_measure_names(table, console)))
    # Names are folded only where no room is left beside the rates.
    name = max(NARROWEST_NAME, min(longest, console.width - BESIDE - sum(widths)))
    yield _make_row(table.title, "rows", [name_metric(r) for r in table.rates], name + 2, widths)
    for grouping, groups in table.shown:
        for group in groups:
            first, *rest = _fold(to_encoding(console, grouping.name(group), row=True), name, console)
            rows = grouping.rows.get(group)
            cells = [grouping.write_cell(group, r, with_n=table.with_n) for r in table.rates]
            yield _make_row(f"  {first}", "withheld" if rows is None else f"{rows:,.0f}", cells, name + 2, widths)
            yield from (Line(f"    {part}", whole=True) for part in rest)


def _make_row(name: str, n: str, cells: Sequence[str], name_width: int, widths: Sequence[int]) -> Line:
    padded = "".join(set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=True))
    return Line(f"{set_cell_size(name, name_width)}{n:>{N_WIDTH}}  {padded}".rstrip(), whole=True)


def _split(table: _Table, console: Console) -> list[list[str]]:
    """Return the rates in blocks that fit beside each other; none is empty."""
    widths = {rate: _find_rate_width(table, rate) for rate in table.rates}
    longest = max((SHORTEST_NAME, *_measure_names(table, console)))
    left = console.width - BESIDE
    name = min(longest, NAME_WIDTH, max(NARROWEST_NAME, left - max(widths.values(), default=0)))
    blocks: list[list[str]] = [[]]
    for rate, width in widths.items():
        if blocks[-1] and name + sum(widths[r] for r in blocks[-1]) + width > left:
            blocks.append([])
        blocks[-1].append(rate)
    return blocks


def _measure_names(table: _Table, console: Console) -> list[int]:
    widths: list[int] = []
    for grouping, groups in table.shown:
        widths += [cell_len(to_encoding(console, grouping.name(group), row=True)) for group in groups]
    return widths


def _find_rate_width(table: _Table, rate: str) -> int:
    return max((CELL_WIDTH, *(cell_len(cell) + 1 for cell in table.write(rate)), len(name_metric(rate)) + 2))


def _fold(name: str, width: int, console: Console) -> list[str]:
    """Return a name in lines of at most so many columns; those after the first begin two columns further right."""
    if cell_len(name) <= width:
        return [name]
    return [line.plain.rstrip() for line in Text(name).wrap(console, width - 2) if line.plain.strip()]


def _explain_marks(shown: Shown, rates: Sequence[str]) -> Iterator[Line]:
    """Yield what the mark of few rows means, where a cell has it."""
    cells: list[Estimate | None] = []
    for grouping, groups in shown:
        cells += [grouping.cells.get(key) for key in product(groups, rates)]
    if any(e is not None and e.value is not None and SMALL in e.flags for e in cells):
        shares = all(figure_of(rate) == "share" for rate in rates)
        yield Line("  ", f"{TOO_FEW}{EVENTS if shares else ''}")


def _list_main_worst(result: AuditResult) -> list[str]:
    """Return the comparisons over classes of the short form: those that limits are on, or the main ones."""
    judged = [gate.estimate.metric for gate in result.gates if gate.estimate is not None]
    return [m for m in dict.fromkeys(judged) if m.startswith(WORST_CLASS)] or list(MAIN_WORST)


def _describe_worst_classes(result: AuditResult, stage: str, by: By, metrics: Sequence[str]) -> Iterator[Line]:
    """Yield the largest gap over groups and classes of each rate."""
    for metric in metrics:
        for e in result.estimates.of(stage, metric, by):
            if e.compare == "difference":
                yield Line("  ", f"{name_metric(metric)} by {grouping_text(by)}: {_describe_class(e)}", hang=4)


def _describe_class(e: Estimate) -> str:
    if e.value is None or e.pair is None:
        absent = "withheld" if e.status == "suppressed" else "undefined"
        return f"{absent} ({printable(e.reason or 'no reason was recorded', 160)})"
    figure = figure_of(e.metric, e.compare)
    who = " v. ".join(group_text(group) for group in e.pair)
    return f"{printable(e.outcome, 30)}, {who}, {cell_text(e.value, figure)} {cell_interval(e.low, e.high, figure)}"


def describe_data_gaps(result: AuditResult) -> Iterator[Line]:
    """Yield one line a grouping: how far the labels themselves differ."""
    for by in result.estimates.groupings:
        rates = result.estimates.of("data", "base_rate", by)
        for gap in (e for e in rates if e.compare == "difference" and e.group is None and by):
            yield Line("Data    ", f"positive labels by {grouping_text(by)}: {_describe_gap(gap, rates)}")


def _describe_gap(gap: Estimate, rates: Sequence[Estimate]) -> str:
    if gap.value is None or gap.pair is None:
        absent = "withheld" if gap.status == "suppressed" else "undefined"
        return f"{absent} ({printable(gap.reason or 'no reason was recorded', 160)})"
    figure = figure_of(gap.metric, gap.compare)
    apart = f"{figure_text(gap.value, figure)} apart ({interval_words(gap.low, gap.high, figure)})"
    write = told_apart(list(gap.pair), quoted_level)
    each = [f"{write(group)} {_find_share(rates, group)}" for group in gap.pair]
    if gap.pair[0] == gap.pair[1]:
        return apart
    return f"{' v. '.join(each)}, {apart}"


def _find_share(rates: Sequence[Estimate], group: Group) -> str:
    found = (e.value for e in rates if e.group == group and (e.compare, e.reference) == (None, None))
    return figure_text(next(found, None), "share")
