"""What every benchmark hands in, how it is timed, and how it becomes Markdown."""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Protocol

REPEATS, BUDGET_S = 5, 120.0
"""Counted goes of each side; a side that would take longer than the budget has fewer, and at least one."""
QUICK_ROWS = 20_000
AGREE = 1e-9

Side = Callable[[], float]
"""One go of one side: the seconds, or the megabytes, that it took."""


class Absent(Exception):  # noqa: N818 - nothing went wrong: it is not here
    """What is compared with is not on this machine; the text says what to do."""


@dataclass(frozen=True)
class Scale:
    """How much is measured, and where tables and environments lie."""

    quick: bool
    cache: Path
    root: Path

    def rows(self, full: int) -> int:
        return min(full, QUICK_ROWS) if self.quick else full


@dataclass
class Sides:
    """Both sides, ready to go, after what they compute was found to be the same."""

    ours: Side
    theirs: Side | None = None
    agreed: str = ""
    """What was compared before, and how far it lay apart."""
    told: Callable[[], str] = str
    """Markdown to print under the table once all is timed."""


class Demand(Protocol):
    """What has to come out."""

    @property
    def text(self) -> str: ...

    def held(self, ours: float, theirs: float) -> bool: ...


@dataclass(frozen=True)
class Faster:
    """At least so many times faster than theirs."""

    times: float

    @property
    def text(self) -> str:
        return f"at least {self.times:g} × faster"

    def held(self, ours: float, theirs: float) -> bool:
        return theirs >= self.times * ours


@dataclass(frozen=True)
class Within:
    """At most so many times as long as theirs, and so much more."""

    times: float
    plus: float = 0.0

    @property
    def text(self) -> str:
        return f"at most {self.times:g} × as long" + (f" + {self.plus:g} s" if self.plus else "")

    def held(self, ours: float, theirs: float) -> bool:
        return ours <= self.times * theirs + self.plus


@dataclass(frozen=True)
class AtMost:
    """At most so much, whatever theirs is."""

    bound: float
    unit: str

    @property
    def text(self) -> str:
        return f"at most {self.bound:g} {self.unit}"

    def held(self, ours: float, theirs: float) -> bool:
        return ours <= self.bound


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One comparison, declared."""

    name: str
    ours: str
    theirs: str
    rows: int
    sides: Callable[[Scale, int], AbstractContextManager[Sides]]
    demand: Demand | None = None
    note: str = ""
    unit: str = "s"
    repeats: int = REPEATS
    slow: bool = False
    """Theirs takes minutes: it goes once, and what was compared before was its warm-up."""


@dataclass(frozen=True)
class Result:
    """All goes of both sides, or why there are none."""

    benchmark: Benchmark
    rows: int
    ours: Sequence[float] = ()
    theirs: Sequence[float] = ()
    agreed: str = ""
    told: str = ""
    absent: str = ""
    broken: bool = False
    """Whether it should have run and did not."""

    @property
    def least(self) -> tuple[float, float]:
        """Ours and theirs in their best goes; of memory the worst ones."""
        pick = min if self.benchmark.unit == "s" else max
        return pick(self.ours), pick(self.theirs, default=float("nan"))

    @property
    def middle(self) -> tuple[float, float]:
        return median(self.ours), median(self.theirs) if self.theirs else float("nan")

    @property
    def missed(self) -> bool:
        demand = self.benchmark.demand
        return not self.absent and demand is not None and not demand.held(*self.least)

    @property
    def verdict(self) -> str:
        """Held, missed by how much, or why it cannot be said."""
        if self.absent:
            return f"**not run**: {self.absent}"
        if self.benchmark.demand is None:
            return "stated"
        return "**missed**" if self.missed else "held"


@dataclass(frozen=True)
class Section:
    """A topic of the page: its benchmarks, and what stands under their table."""

    heading: str
    text: str
    benchmarks: Sequence[Benchmark]
    closing: Callable[[Sequence[Result], Scale], str] | None = None
    """Text made of all results of the run so far."""
    results: Sequence[Result] = ()


def timed(work: Callable[[], object]) -> Side:
    """Side that takes the wall time of a piece of work."""

    def go() -> float:
        gc.collect()
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return go


def measured(benchmark: Benchmark, scale: Scale) -> Result:
    """Both sides in turn, after a warm-up of each."""
    rows = scale.rows(benchmark.rows)
    try:
        with benchmark.sides(scale, rows) as sides:
            repeats = 1 if scale.quick else benchmark.repeats
            ours, theirs = _in_turn(replace(sides, theirs=None) if benchmark.slow else sides, repeats)
            if benchmark.slow and sides.theirs is not None:
                theirs = [sides.theirs()]
            return Result(benchmark, rows, ours, theirs, sides.agreed, sides.told())
    except Absent as reason:
        return Result(benchmark, rows, absent=str(reason))


def _in_turn(sides: Sides, repeats: int) -> tuple[list[float], list[float]]:
    """A B A B …; the first of each is not counted, and a side that has used up its budget waits."""
    both = [s for s in (sides.ours, sides.theirs) if s is not None]
    spent, goes = [0.0] * len(both), [[] for _ in both]
    for go in range(repeats + 1):
        for at, side in enumerate(both):
            if go > 1 and spent[at] * (go + 1) / go > BUDGET_S:
                continue
            start = time.perf_counter()
            found = side()
            spent[at] += time.perf_counter() - start
            goes[at] += [found] if go else []
    return goes[0], goes[1] if len(goes) > 1 else []


def announce(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def table(header: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1) -> str:
    """Markdown table; the first columns are texts."""
    marks = ["---"] * left + ["---:"] * (len(header) - left)
    lines = [list(header), marks, *([_cell(c) for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def compared(ours: float, theirs: float) -> str:
    """How many times faster, or as long."""
    if math.isnan(theirs):
        return "–"
    if ours <= theirs:
        return f"{theirs / ours:,.3g} × faster"
    return f"{ours / theirs:,.3g} × as long"


HEADER = ("benchmark", "ours", "beside", "verdict", "demanded", "by best", "by median", "rows", "ours, best", "theirs, best",
          "runs")  # fmt: skip


def row_of(result: Result) -> tuple[object, ...]:
    """Row of the table."""
    b = result.benchmark
    head = (b.name, b.ours, b.theirs, result.verdict, b.demand.text if b.demand else "–")
    if result.absent:
        return (*head, "–", "–", result.rows, "–", "–", "0")
    least = ["–" if math.isnan(x) else f"{_cell(float(x))} {b.unit}" for x in result.least]
    runs = f"{len(result.ours)}" + (f" / {len(result.theirs)}" if result.theirs else "")
    return (*head, compared(*result.least), compared(*result.middle), result.rows, *least, runs)


def section(found: Section) -> str:
    """Markdown of one topic."""
    text = f"## {found.heading}\n\n{found.text}\n\n"
    if found.results:
        text += table(HEADER, [row_of(r) for r in found.results], left=5) + "\n"
    for r in found.results:
        notes = [n for n in (r.benchmark.note, r.agreed and f"Compared first: {r.agreed}.") if n]
        text += f"- `{r.benchmark.name}`: {' '.join(notes)}\n" if notes else ""
    for r in found.results:
        text += f"\n{r.told}\n" if r.told else ""
    return text
