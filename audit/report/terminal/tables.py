"""Rates per group as rows of plain text, as many columns as the terminal is wide.

Must not: print, or leave out a group without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from audit.errors import printable
from audit.estimate import WORST_CLASS, Estimate, Group, group_text, interval_text, number
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.record.result import AuditResult

if TYPE_CHECKING:
    from rich.console import Console

DATA_RATES = ("base_rate", "representation")
MOST_GROUPS = 12
NAME_WIDTH, SHORTEST_NAME, NARROWEST_NAME, N_WIDTH, CELL_WIDTH = 24, 12, 6, 8, 22
ASCII = str.maketrans(
    {"–": "-", "…": "...", "×": "x", "−": "-", "≠": "!=", "’": "'", "“": '"', "”": '"', "₂": "2", "µ": "u"}
)
TOO_FEW = "* too few rows, or too few of the rarer outcome, to judge by itself"


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line; it may become several on a narrow terminal."""

    head: str
    body: str = ""
    status: str = ""
    """Key of the style of the head."""
    whole: bool = False
    """Never broken, because people copy it or because it is a row of a table."""


def to_encoding(console: Console, text: str, *, row: bool) -> str:
    """Return text in characters that the terminal's encoding has; what is a row of a table keeps its width."""
    if console.encoding.lower().replace("-", "").startswith("utf"):
        return text
    plain = (text.replace("…", "~") if row else text).translate(ASCII)
    return plain.encode(console.encoding, "backslashreplace").decode(console.encoding)


def make_group_tables(result: AuditResult, stage: str, console: Console) -> Iterator[Line]:
    """Yield a table an attribute; a crossing gets only the first rates, because its rows are many."""
    present = {e.metric for e in result.estimates if e.stage == stage}
    rates = tuple(m.name for m in CATALOGUE.among(present) if m.headline) if stage == "model" else DATA_RATES
    for by in dict.fromkeys(e.by for e in result.estimates if e.stage == stage and e.by):
        yield from _make_table(_Table(result, stage, by, rates), console)
        yield Line("")


class _Table:
    """Rates of one grouping, groups down."""

    def __init__(self, result: AuditResult, stage: str, by: tuple[str, ...], rates: Sequence[str]) -> None:
        here = [e for e in result.estimates if e.stage == stage and e.by == by]
        plain = [e for e in here if (e.compare, e.reference) == (None, None) and e.group and not e.of_one_class]
        self.worst = [e for e in here if e.metric.startswith(WORST_CLASS) and e.compare == "difference"]
        self.by = by
        self.title = f"By {' x '.join(printable(b, 30) for b in by)}, {'the data' if stage == 'data' else 'the model'}"
        self.cells = {(e.group, e.metric): e for e in plain if e.metric in rates}
        self.rates = [r for r in rates if any(r == metric for _, metric in self.cells)]
        self.groups: list[Group] = list(dict.fromkeys(g for g, _ in self.cells if g is not None))
        self.rows: dict[Group, float] = dict.fromkeys(self.groups, 0.0)
        """Rows of each group, which every rate of it may draw on."""
        for (group, _), e in self.cells.items():
            if group is not None:
                self.rows[group] = max(self.rows[group], e.n or 0.0)

    def name(self, group: Group) -> str:
        """Return the name of a row; rows without a group say which share of all they are."""
        if group != (None,):
            return group_text(group)
        read = sum(self.rows.values())
        share = f", {self.rows[group] / read:.1%}" if read else ""
        return f"({printable(self.by[0])} missing{share})"


def _make_table(table: _Table, console: Console) -> Iterator[Line]:
    groups = table.groups[:MOST_GROUPS]
    names = [to_encoding(console, table.name(g), row=True) for g in groups]
    widths = _choose_widths(table, names, console.width)
    blocks = [table.rates[i : i + widths.beside] for i in range(0, len(table.rates), widths.beside)]
    shown = blocks if len(table.by) == 1 else blocks[:1]
    yield Line(table.title)
    for rates in shown:
        yield _make_row("", "n", [r.replace("_", " ") for r in rates], widths)
        for group, text in zip(groups, names, strict=True):
            first, *rest = _fold(text, widths.name, console)
            cells = [_format_cell(table.cells.get((group, r))) for r in rates]
            yield _make_row(first, f"{table.rows[group]:,.0f}", cells, widths)
            yield from (Line(f"    {part}", whole=True) for part in rest)
    yield from _describe_worst_classes(table.worst)
    asked = set(product(groups, chain.from_iterable(shown)))
    if any("small_group" in e.flags for key, e in table.cells.items() if key in asked):
        yield Line("  ", TOO_FEW)
    if len(table.groups) > MOST_GROUPS:
        yield Line("  ", f"… and {len(table.groups) - MOST_GROUPS:,} more groups; the card has them")


class _Widths(NamedTuple):
    """Columns of the terminal that a name and a rate take, and how many rates stand beside each other."""

    name: int
    rate: int
    beside: int


def _choose_widths(table: _Table, names: Sequence[str], width: int) -> _Widths:
    """Return widths with which no row is wider than the terminal, as long as one rate fits beside the names."""
    cells = (*(cell_len(_format_cell(e)) for e in table.cells.values()), *map(len, table.rates))
    rate = max((CELL_WIDTH, *(length + 1 for length in cells)))
    # Blanks before the names, after the number of rows, and the last rate's own, which is never printed.
    left = width - 4 - N_WIDTH + 1
    longest = max((SHORTEST_NAME, *map(cell_len, names)))
    name = min(longest, NAME_WIDTH, max(NARROWEST_NAME, left - rate))
    beside = max(1, (left - name) // rate)
    # Names are folded only where no room is left beside the rates.
    spare = left - rate * min(beside, len(table.rates))
    return _Widths(max(name, min(longest, spare)), rate, beside)


def _describe_worst_classes(worst: Sequence[Estimate]) -> Iterator[Line]:
    """Yield the largest gap over groups and classes of each rate."""
    for e in worst:
        rate = e.metric.removeprefix(WORST_CLASS).replace("_", " ")
        if e.value is None or e.pair is None:
            yield Line("  ", f"worst class by {rate}: {e.status if e.status != 'ok' else 'undefined'}, {e.reason}")
            continue
        who = " against ".join(group_text(g) for g in e.pair)
        gap = f"{number(e.value)}{interval_text(e.low, e.high)}"
        yield Line("  ", f"worst class by {rate}: {printable(e.outcome, 30)}, {who}, difference {gap}")


def _make_row(name: str, n: str, cells: Sequence[str], widths: _Widths) -> Line:
    padded = "".join(set_cell_size(cell, widths.rate) for cell in cells)
    return Line(f"  {set_cell_size(name, widths.name)}{n:>{N_WIDTH}}  {padded}".rstrip(), whole=True)


def _format_cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    few = "*" if "small_group" in estimate.flags else ""
    if estimate.value is None:
        if estimate.status != "ok":
            return estimate.status
        return "undefined"
    return f"{number(estimate.value)}{interval_text(estimate.low, estimate.high)}{few}"


def _fold(name: str, width: int, console: Console) -> list[str]:
    """Return a name in lines of at most so many columns; those after the first begin two columns further right."""
    if cell_len(name) <= width:
        return [name]
    return [line.plain.rstrip() for line in Text(name).wrap(console, width - 2) if line.plain.strip()]
