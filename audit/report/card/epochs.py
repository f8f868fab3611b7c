"""Results by group during training: small lines side by side, one a group, and a table of the first and last epoch.

Everything is drawn on one scale a rate, beside the line of all rows; shape and line style tell them apart, not colour.
Must not: read a private count; draw over what is withheld.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from audit.estimate import Estimate, Figure, Group, cell_text, limit_text
from audit.measurement.metrics.catalogue import figure_of
from audit.record.epochs import Epoch
from audit.record.result import AuditResult
from audit.report.card.shapes import Table, TableRow, make_table
from audit.report.card.words import (
    LEFT_OUT,
    Cell,
    clean_text,
    format_count,
    make_estimate_cell,
    make_title,
    name_group,
    name_grouping,
    shorten_label,
)

MOST_PANELS, FEW_PANELS = 24, 2
By = tuple[str, ...]
Key = tuple[str, By, Group | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """One group: its line with its interval, beside that of all rows. Paths lie in a square of 100 by 100."""

    id: str
    label: str
    text: str
    description: str
    line: str
    band: str
    overall: str


@dataclass(frozen=True, slots=True)
class Curves:
    """One rate of the groups of one attribute, on one scale."""

    title: str
    low: str
    high: str
    first: str
    last: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class EpochsView:
    """One part of the data by one attribute."""

    id: str
    title: str
    curves: tuple[Curves, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]

    @property
    def narrow(self) -> bool:
        """Return whether two drawings fit side by side on a wide page."""
        return all(len(c.panels) <= FEW_PANELS for c in self.curves)


@dataclass(frozen=True, slots=True)
class _Course:
    """Epochs of one part, and every rate by epoch."""

    part: str
    epochs: tuple[Epoch, ...]
    rates: tuple[dict[Key, Estimate], ...]

    @property
    def _keys(self) -> Iterator[Key]:
        return chain.from_iterable(self.rates)

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(metric for metric, _, _ in self._keys))

    @property
    def groupings(self) -> list[By]:
        return [by for by in dict.fromkeys(by for _, by, _ in self._keys) if by]

    def groups(self, by: By) -> list[Group]:
        """Return the groups of a grouping; rows without a group come last."""
        found = dict.fromkeys(group for _, b, group in self._keys if b == by and group is not None)
        return sorted(found, key=lambda group: None in group)

    def of(self, metric: str, by: By, group: Group | None) -> list[Estimate | None]:
        """Return one rate, epoch by epoch."""
        return [rates.get((metric, by, group)) for rates in self.rates]

    def overall(self, metric: str) -> list[Estimate | None]:
        """Return a rate of all rows, epoch by epoch."""
        return [rates.get((metric, (), ())) or rates.get((metric, (), None)) for rates in self.rates]


@dataclass(frozen=True, slots=True)
class _Frame:
    """From an epoch and a rate to a place in the square."""

    numbers: tuple[int, ...]
    low: float
    high: float
    figure: Figure

    def place(self, at: int, value: float) -> str:
        first, last = self.numbers[0], self.numbers[-1]
        # A margin of 2 per cent keeps half of a stroke inside the square; y grows downwards.
        x = 50.0
        if first != last:
            x = 2 + 96 * (self.numbers[at] - first) / (last - first)
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return f"{x:.4g} {98 - 96 * share:.4g}"

    def write(self, value: float | None) -> str:
        return cell_text(value, self.figure)


def make_epochs_views(result: AuditResult, k: int = 1) -> tuple[EpochsView, ...]:
    """Return the views of a result that is fit to be published; none where training said nothing of its groups."""
    found: list[EpochsView] = []
    for part, of_part in groupby(result.epochs, key=lambda epoch: epoch.part):
        every = tuple(of_part)
        shown = tuple(e for e in every if e.rates)
        rates = tuple({(r.metric, r.by, r.group): r for r in e.rates} for e in shown)
        course = _Course(part, shown, rates)
        for i, by in enumerate(course.groupings):
            id_ = f"e{len(found)}"
            notes = _list_notes(course, by, every, k) if i == 0 else _explain_withheld(course, by, k)
            curves = tuple(_draw_curves(course, metric, by, f"{id_}m{m}") for m, metric in enumerate(course.metrics))
            title = f"By {name_grouping(by)}, on {clean_text(part)}"
            found.append(
                EpochsView(id_, title, tuple(c for c in curves if c.panels), (_make_table(course, by, k),), notes)
            )
    return tuple(found)


def _list_notes(course: _Course, by: By, every: Sequence[Epoch], k: int) -> tuple[str, ...]:
    notes = []
    if len(course.epochs) < len(every):
        notes.append(f"{len(course.epochs)} of {len(every):,} epochs are drawn; audit.json has all of them.")
    sampled = max(epoch.every for epoch in every)
    if sampled > 1:
        notes.append(f"Only one of {sampled} steps was counted, so these rates are of a sample of the rows.")
    return (*notes, *_explain_withheld(course, by, k))


def _explain_withheld(course: _Course, by: By, k: int) -> tuple[str, ...]:
    every = chain.from_iterable(rates.values() for rates in course.rates)
    gone = sum(r.status == "suppressed" and r.by == by for r in every)
    if not gone:
        return ()
    return (f"{gone:,} numbers of these curves are withheld to protect groups under {k}; a line is broken there.",)


def _draw_curves(course: _Course, metric: str, by: By, id_: str) -> Curves:
    lines = {group: course.of(metric, by, group) for group in course.groups(by)}
    drawn = {group: line for group, line in lines.items() if any(_get_value(e) is not None for e in line)}
    whole = course.overall(metric)
    every = chain.from_iterable((*drawn.values(), whole))
    values = [v for e in every if (v := _get_value(e)) is not None]
    numbers = tuple(epoch.number for epoch in course.epochs)
    frame = _Frame(numbers, *_choose_scale(values), figure_of(metric))
    panels = [
        _draw_panel(f"{id_}p{i}", name_group(by, group), line, whole, frame)
        for i, (group, line) in enumerate(drawn.items())
        if len(drawn) <= MOST_PANELS
    ]
    return Curves(
        title=f"{make_title(metric)} by {name_grouping(by)}",
        low=limit_text(frame.low, frame.figure),
        high=limit_text(frame.high, frame.figure),
        first=f"epoch {numbers[0]}" if len(numbers) > 1 else "",
        last=f"epoch {numbers[-1]}",
        panels=tuple(panels),
    )


def _choose_scale(values: Sequence[float]) -> tuple[float, float]:
    """Return the tenths that hold all values."""
    # Arithmetic may leave 0.3 a hair below three tenths; without the allowance the scale would begin a tenth lower.
    low = math.floor(10 * min(values, default=0.0) + 1e-9) / 10
    high = math.ceil(10 * max(values, default=1.0) - 1e-9) / 10
    if high > low:
        return (low, high)
    return (max(0.0, low - 0.1), min(1.0, low + 0.1))


def _draw_panel(id_: str, name: str, line: list[Estimate | None], whole: list[Estimate | None], frame: _Frame) -> Panel:
    known = [(frame.numbers[i], v) for i, e in enumerate(line) if (v := _get_value(e)) is not None]
    (first, begun), (last, ended) = known[0], known[-1]
    low, high = min(known, key=lambda k: k[1]), max(known, key=lambda k: k[1])
    said = (
        f"{name}: {frame.write(begun)} after epoch {first}, {frame.write(ended)} after epoch {last}; "
        f"lowest {frame.write(low[1])} after epoch {low[0]}, highest {frame.write(high[1])} after epoch {high[0]}"
    )
    overall = [v for e in whole if (v := _get_value(e)) is not None]
    if overall:
        said += f"; overall {frame.write(overall[0])} at first and {frame.write(overall[-1])} at last"
    return Panel(
        id=id_,
        label=shorten_label(name),
        text=_describe_last(line[-1], frame),
        description=said,
        line=_draw_path(line, frame),
        band=_draw_band(line, frame),
        overall=_draw_path(whole, frame),
    )


def _describe_last(estimate: Estimate | None, frame: _Frame) -> str:
    """Return what stands at the end of a line, also where the line does not reach it."""
    if estimate is not None and estimate.value is None:
        if estimate.status == "suppressed":
            return LEFT_OUT
        return "undefined"
    return frame.write(_get_value(estimate))


def _split_at_gaps(line: Sequence[Estimate | None]) -> Iterator[list[tuple[int, Estimate]]]:
    """Yield the stretches of a line without a gap."""
    for there, stretch in groupby(enumerate(line), key=lambda pair: _get_value(pair[1]) is not None):
        if there:
            yield [(i, e) for i, e in stretch if e is not None]


def _draw_path(line: Sequence[Estimate | None], frame: _Frame) -> str:
    """Return the path of a line; a single value between two gaps is a dot."""
    parts = []
    for run in _split_at_gaps(line):
        places = [frame.place(i, e.value or 0.0) for i, e in run]
        parts.append("M" + " L".join(places) + (" h0.01" if len(places) == 1 else ""))
    return " ".join(parts)


def _draw_band(line: Sequence[Estimate | None], frame: _Frame) -> str:
    parts = []
    for run in _split_at_gaps(line):
        bounded = [(i, e.low, e.high) for i, e in run if e.low is not None and e.high is not None]
        if len(bounded) > 1:
            there = [frame.place(i, high) for i, _, high in bounded]
            back = [frame.place(i, low) for i, low, _ in reversed(bounded)]
            parts.append("M" + " L".join([*there, *back]) + " Z")
    return " ".join(parts)


def _get_value(estimate: Estimate | None) -> float | None:
    if estimate is None:
        return None
    return estimate.value


def _make_table(course: _Course, by: By, k: int) -> Table:
    """Return every group after the last epoch, beside the first."""
    metrics, numbers = course.metrics, [epoch.number for epoch in course.epochs]
    rows = [_make_row(course, by, group, name_group(by, group), metrics) for group in course.groups(by)]
    rows.append(_make_row(course, (), None, "overall", metrics, "overall"))
    beside = ""
    if len(numbers) > 1:
        beside = f"; “was” is after epoch {numbers[0]}"
    caption = f"Rates by {name_grouping(by)} after epoch {numbers[-1]}{beside}"
    return make_table(caption, ("Group", "Rows", *(make_title(m) for m in metrics)), rows, k)


def _make_row(
    course: _Course, by: By, group: Group | None, name: str, metrics: Sequence[str], kind: str = "group"
) -> TableRow:
    lines = [course.overall(m) if not by else course.of(m, by, group) for m in metrics]
    n = next((e.n for line in lines if (e := line[-1]) is not None and e.n is not None), None)
    size = Cell(LEFT_OUT, mark="suppressed") if n is None else Cell(format_count(n))
    kind = "missing" if group is not None and None in group else kind
    return TableRow(name, (size, *(_make_last_cell(line) for line in lines)), kind)


def _make_last_cell(line: Sequence[Estimate | None]) -> Cell:
    """Return the last value, and what it was at first."""
    cell = make_estimate_cell(line[-1])
    begun = _get_value(line[0])
    if len(line) < 2 or begun is None or line[0] is None:
        return cell
    before = f"was {cell_text(begun, figure_of(line[0].metric))}"
    return Cell(cell.text, cell.interval, f"{cell.note}; {before}" if cell.note else before, cell.mark, cell.numeric)
