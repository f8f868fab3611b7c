"""Numbers, groups and outcomes in the words and shapes that a reader meets on every format.

Must not: round away what matters, or let colour carry a status alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.errors import printable
from audit.estimate import Estimate, Group, rows_text
from audit.gates.sentences import MANY
from audit.record.energy_text import share_text
from audit.record.result import Part

Mark = Literal["ok", "few", "undefined", "suppressed", "none"]
TOO_FEW, TOO_RARE = "too few to judge", "too few of the rarer outcome to judge"
LEFT_OUT = "left out"
LONG = 400
INITIALS = ("ndcg", "ndkl")
LEVEL_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Badge:
    """A status as a word, a shape and a tone; the word alone is enough."""

    kind: str
    word: str
    shape: str
    """One plain character, for text."""


BADGES = {
    b.kind: b
    for b in (
        Badge("pass", "Pass", "✓"),
        Badge("fail", "Fail", "✕"),
        Badge("insufficient", "Insufficient evidence", "◇"),
        Badge("undefined", "Undefined", "∅"),
        Badge("waived", "Waived", "◐"),
        Badge("withheld", "Withheld", "□"),
        Badge("not judged", "Not judged", "○"),
        Badge("incomplete", "Incomplete", "◌"),
        Badge("warn", "Warning", "△"),
        Badge("error", "Check broke", "!"),
        Badge("not applicable", "Not applicable", "–"),
    )
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table: the text, its interval, what it rests on."""

    text: str
    interval: str = ""
    note: str = ""
    mark: Mark = "ok"
    numeric: bool = True


def words(text: str) -> Cell:
    """Cell of running text."""
    return Cell(text, numeric=False)


def digest_text(part: Part) -> str:
    """Digest of a table, or why it has none."""
    return safe_text(part.digest or f"no digest: {part.undigested or 'the rows were in memory'}", LONG)


def safe_text(text: object, limit: int = LONG) -> str:
    """Text from the user or the data, safe to show and of bounded length."""
    return printable(text, limit)


def count(value: float) -> str:
    """Rows, with thousands separators; weighted sums keep one decimal."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def percent(share: float) -> str:
    """Share in per cent, never rounded to 0 or 100 when it is neither."""
    return share_text(share)


def title_of(metric: str) -> str:
    """Metric's name as a title."""
    return metric.upper() if metric in INITIALS else metric.replace("_", " ").capitalize()


def group_name(by: tuple[str, ...], group: Group | None) -> str:
    """Group as a row header; rows whose group is missing say which column."""
    if not group:
        return "everybody"
    if group == (None,):
        return f"{safe_text(by[0], LEVEL_LENGTH)} missing"
    return " × ".join("(missing)" if level is None else safe_text(level, LEVEL_LENGTH) for level in group)


def grouping_name(by: tuple[str, ...]) -> str:
    """Columns of a grouping."""
    return " × ".join(safe_text(b, LEVEL_LENGTH) for b in by)


def rate_text(value: float | None) -> str:
    """Three decimals; what is not 0 or 1 is never rounded to look so."""
    if value is None:
        return "–"
    if 0 < abs(value) < 0.0005:
        return "<0.001" if value > 0 else ">-0.001"
    if value != 1 and round(value, 3) == 1:
        return ">0.999" if value < 1 else "1.000"
    return f"{value:,.3f}"


def bounds_text(low: float | None, high: float | None) -> str:
    """Interval in brackets, or nothing; an open end is said."""
    if low is None and high is None:
        return ""
    return f"[{rate_text(low)}, {'no upper limit' if high is None else rate_text(high)}]"


def n_text(estimate: Estimate) -> str:
    """Rows that a value rests on: of its own denominator, where it has one."""
    if estimate.rows is not None:
        return rows_text(estimate)
    n = estimate.denominator if estimate.compare is None and estimate.denominator is not None else estimate.n
    return f"n {count(n or 0)}"


def estimate_cell(estimate: Estimate | None, *, with_n: bool = True) -> Cell:
    """One estimate in a table: value, interval and the n of its own denominator, or why there is none."""
    if estimate is None:
        return Cell("–", note="not measured", mark="none")
    if estimate.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    if estimate.value is None:
        return Cell(
            f"undefined: {safe_text(estimate.reason)}",
            interval=bounds_text(estimate.low, estimate.high),
            mark="undefined",
        )
    few = "small_group" in estimate.flags
    notes = [n_text(estimate)] if with_n and estimate.n is not None else []
    notes += [TOO_RARE if (estimate.n or 0.0) >= MANY else TOO_FEW] if few else []
    return Cell(
        rate_text(estimate.value),
        interval=bounds_text(estimate.low, estimate.high),
        note=", ".join(notes),
        mark="few" if few else "ok",
    )
