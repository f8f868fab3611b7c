"""A number with its evidence, or no number with its reason.

Nothing in this package passes a bare float from the counts to a reader. An `Estimate` carries the value, the
interval, the counts it rests on and the method; when there is no number it carries the reason instead.

>>> Estimate(stage="model", metric="selection_rate", by=("sex",), group=("f",), status="undefined", reason="no rows")
Estimate(model.selection_rate[sex=f]: undefined, no rows)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from audit.errors import printable

NAME_LENGTH = 40


Stage = Literal["data", "model", "energy", "checks"]
Status = Literal["ok", "undefined", "suppressed"]
Level = str | None
"""A group's name as text; None is the rows whose group is missing."""
Group = tuple[Level, ...]
SAYS_NOTHING = "; so many scores share a bin that this says next to nothing"
"""Of a method: the bins of scores hide the value."""
WORST_CLASS = "worst_class_"
"""Begins the name of a comparison over classes."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Estimate:
    """One measured quantity.

    ``by`` and ``group`` have equal length. A comparison over all groups has no ``group``; ``pair`` then names
    the lowest and the highest group. ``low`` and ``high`` are the interval; an undefined gap may still carry
    them where the measured groups alone bound it.
    """

    stage: Stage
    metric: str
    """Field's standard name, as printed by ``audit metrics``."""
    compare: str | None = None
    """None for a rate itself; ``difference`` or ``ratio`` for a comparison."""
    by: tuple[str, ...] = ()
    """Columns that form the groups; empty for everybody."""
    group: Group | None = None
    reference: Group | None = None
    """Group that a comparison is made with; None where all groups are compared with each other."""
    outcome: str | None = None
    """Class that a one-versus-rest rate is of, or that is the worst one; None where there is none."""
    pair: tuple[Group, Group] | None = None
    """Lowest and highest group of a comparison over all groups."""
    low_pair: tuple[Group, Group] | None = None
    """Pair of groups that set ``low``, in the order (lower, higher)."""
    high_pair: tuple[Group, Group] | None = None
    """Pair of groups that set ``high``, in the order (lower, higher)."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    method: str | None = None
    n: float | None = None
    """Rows that the denominator could draw on."""
    numerator: float | None = None
    denominator: float | None = None
    effective_n: float | None = None
    """Independent rows that carry the same information; equals the denominator for plain rows."""
    rows: float | None = None
    """Rows of the denominator, where it is a sum of weights."""
    degrees_of_freedom: float | None = None
    """Of the quantile used; None means the normal distribution."""
    status: Status = "ok"
    reason: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Stage, metric, comparison and grouping joined by dots, as gates and waivers call it."""
        parts = [self.stage, self.metric, self.compare, "*".join(self.by)]
        return ".".join(p for p in parts if p)

    @property
    def of_one_class(self) -> bool:
        """Whether it speaks of one class against all others; a gate asks for no such number."""
        return self.outcome is not None and not self.metric.startswith(WORST_CLASS)

    def __repr__(self) -> str:
        pairs = [*zip(self.by, self.group or (), strict=False), *([("class", self.outcome)] if self.outcome else ())]
        where = ",".join(f"{b}={g}" for b, g in pairs)
        head = ".".join(p for p in (self.stage, self.metric, self.compare) if p)
        if self.value is None:
            return f"Estimate({head}[{where}]: {self.status}, {self.reason})"
        bounds = "" if self.low is None or self.high is None else f" [{self.low:.4g}, {self.high:.4g}]"
        return f"Estimate({head}[{where}]: {self.value:.4g}{bounds}, n={self.n:g})"


def number(value: float | None) -> str:
    """Three decimals, or a dash; small numbers keep three significant digits."""
    if value is None:
        return "–"
    return f"{value:.3g}" if 0 < abs(value) < 0.001 else f"{value:,.3f}"


def interval_text(low: float | None, high: float | None) -> str:
    """Interval in brackets; an open end is said."""
    if low is None and high is None:
        return ""
    return f" [{number(low)}, {number(high)}]" if high is not None else f" [{number(low)}, no upper limit]"


Name = Callable[[Level], str]


# Names of groups as people read them: those that look alike are quoted, or spelled out.
#
# Must not: shorten two names to one.
def group_text(group: Group, name: Name | None = None) -> str:
    """Group's name as people read it; a level with a blank at its end is quoted."""
    return " x ".join("(missing)" if level is None else (name or level_text)(level) for level in group) or "everybody"


def level_text(level: Level) -> str:
    """Level as people read it."""
    shown = printable(level, NAME_LENGTH)
    return shown if level is None or not level.strip() or level == level.strip() else f"'{shown}'"


def told_apart(groups: Sequence[Group]) -> Callable[[Group], str]:
    """How each of these groups is written, so that no two look alike.

    >>> write = told_apart([("Male",), (" Male",), ("female",)])
    >>> write((" Male",)), write(("Male",)), write(("female",))
    ("' Male'", "'Male'", 'female')
    """
    kin: dict[str, set[str]] = {}
    for level in {level for group in groups for level in group if level is not None}:
        kin.setdefault(_looks(level), set()).add(level)
    written = {level: _written(alike) for alike in kin.values() if len(alike) > 1 for level in alike}
    return lambda group: group_text(group, lambda level: written.get(level or "", level_text)(level))


def _looks(level: str) -> str:
    """What is left of a name for a reader in a hurry: its start, without blanks, case and forms of one letter."""
    return "".join(unicodedata.normalize("NFKC", level).casefold().split())[: NAME_LENGTH - 2]


def _written(alike: set[str]) -> Name:
    """Quotes where they tell names apart; otherwise every unusual character by its code, at any length."""
    quoted = {f"'{printable(level, NAME_LENGTH)}'" for level in alike}
    seen = {unicodedata.normalize("NFKC", text) for text in quoted}
    if len(seen) == len(alike):
        return lambda level: f"'{printable(level, NAME_LENGTH)}'"
    return ascii


# Rows and sums of weights in words, so that neither is taken for the other.
def rows_text(estimate: Estimate) -> str:
    """Rows that a value rests on, with the sum of their weights where they have any: n 200 rows, weighted total 1."""
    if estimate.rows is None:
        n = estimate.n if estimate.denominator is None else estimate.denominator
        return f"n {n or 0.0:,.0f}"
    return f"n {estimate.rows:,.0f} rows, weighted total {total_text(estimate.denominator or 0.0)}"


def total_text(total: float) -> str:
    """Sum of weights: whole where it is large, three significant digits where it is small or beyond reading."""
    return f"{total:,.0f}" if 1000 <= total < 1e15 or (total == round(total, 6) and total < 1e15) else f"{total:.3g}"
