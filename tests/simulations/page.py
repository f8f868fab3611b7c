"""What every simulation hands in, and how it becomes Markdown."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

SEED = 20_260_101
PROMISED, DEMANDED = 0.95, 0.93
TAIL = 0.025
MORE, NEAR = 20, 3.0
"""Times the replicates of a cell that lies within so many Monte-Carlo errors of its bound."""
UNDECIDED = f"{MORE} times as many where a figure lies within {NEAR:g} Monte-Carlo errors of its bound"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Scale:
    """How much is simulated: ``fast`` for the tests, full for the page."""

    fast: bool

    def replicates(self, full: int) -> int:
        return max(full // 10, 200) if self.fast else full

    def more(self, replicates: int, *, near: bool) -> int:
        """Replicates of a cell whose figure lies so near its bound that they do not tell on which side it is."""
        return replicates * MORE if near and not self.fast else replicates

    def some(self, items: Sequence[Item], few: Sequence[Item]) -> Sequence[Item]:
        return few if self.fast else items


@dataclass(frozen=True)
class Demand:
    """One bound that has to hold, and the worst figure that came out."""

    what: str
    bound: str
    worst: str
    held: bool


@dataclass
class Section:
    """A part of the page: heading, text and the bounds that it answers for."""

    heading: str
    text: str
    demands: list[Demand] = field(default_factory=list)


def generator(*cell: int) -> np.random.Generator:
    """Generator of one cell, so that no cell depends on which others were run."""
    return np.random.default_rng([SEED, *cell])


def error(share: float, replicates: int) -> float:
    """Monte-Carlo standard error of a share; that of half an event where none occurred."""
    inside = min(max(share, 0.5 / replicates), 1 - 0.5 / replicates)
    return math.sqrt(inside * (1 - inside) / replicates)


SHORT = "within two Monte-Carlo errors of it"
NUMBER = re.compile(r"at (least|most) (-?[\d.]+)")


def answer(demand: Demand) -> str:
    """Whether a bound holds, in words: yes only where the figure that is printed keeps it."""
    bound, figure = NUMBER.match(demand.bound), re.match(r"-?[\d.]+", demand.worst)
    if not demand.held:
        return "**no**"
    if bound is None or figure is None:
        return "yes"
    worst, limit = float(figure[0]), float(bound[2])
    return "yes" if (worst >= limit if bound[1] == "least" else worst <= limit) else f"**no**, {SHORT}"


def at_most(what: str, worst: float, bound: float, replicates: int | None) -> Demand:
    """Bound on an error rate; ``replicates`` is None where the figure is exact, else two Monte-Carlo errors are granted."""
    if replicates is None:
        return Demand(what, f"at most {bound:.3f}", f"{worst:.4f} (exact)", worst <= bound)
    slack = 2 * error(bound, replicates)
    return Demand(what, f"at most {bound:.3f}", f"{worst:.4f} ± {error(worst, replicates):.4f}", worst <= bound + slack)


def at_least(what: str, worst: float, bound: float, replicates: int | None) -> Demand:
    """Bound from below; as `at_most`."""
    if replicates is None:
        return Demand(what, f"at least {bound:.3f}", f"{worst:.4f} (exact)", worst >= bound)
    slack = 2 * error(bound, replicates)
    return Demand(
        what, f"at least {bound:.3f}", f"{worst:.4f} ± {error(worst, replicates):.4f}", worst >= bound - slack
    )


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Markdown table; floats with three digits."""
    head = list(header)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *([_cell(c) for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "–" if math.isnan(value) else f"{value:.3f}"
    return str(value)


def watched(name: str, cells: Sequence[Item]) -> Iterator[Item]:
    """The cells one by one, with progress on standard error."""
    start = time.monotonic()
    for done, cell in enumerate(cells):
        if done % max(1, len(cells) // 10) == 0:
            sys.stderr.write(f"\r{name}: {done} of {len(cells)} cells, {time.monotonic() - start:.0f} s ")
            sys.stderr.flush()
        yield cell
    sys.stderr.write(f"\r{name}: {len(cells)} cells in {time.monotonic() - start:.0f} s{' ' * 20}\n")


Simulation = Callable[[Scale], Section]
