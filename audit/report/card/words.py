"""Numbers, groups and outcomes in the words and shapes that a reader meets on every format.

Must not: round away what matters, or let colour carry a status alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.errors import printable
from audit.estimate import Estimate, Group, rows_text
from audit.gates.sentences import MANY
from audit.record.energy_text import format_share
from audit.record.result import Part

Mark = Literal["ok", "few", "undefined", "suppressed", "none"]
TOO_FEW, TOO_RARE = "too few to judge", "too few of the rarer outcome to judge"
LEFT_OUT = "left out"
LONG = 400
INITIALS = ("ndcg", "ndkl")
LEVEL_LENGTH = 60
LABEL_LENGTH = 18


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


def make_text_cell(text: str) -> Cell:
    """Return a cell of running text."""
    return Cell(text, numeric=False)


def describe_digest(part: Part) -> str:
    """Return the digest of a table, or why it has none."""
    return clean_text(part.digest or f"no digest: {part.undigested or 'the rows were in memory'}", LONG)


def clean_text(text: object, limit: int = LONG) -> str:
    """Return text from the user or the data, safe to show and of bounded length."""
    return printable(text, limit)


def format_count(value: float) -> str:
    """Return rows with thousands separators; weighted sums keep one decimal."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}"


def format_percent(share: float) -> str:
    """Return a share in per cent, never rounded to 0 or 100 when it is neither."""
    return format_share(share)


def make_title(metric: str) -> str:
    """Return the name of a metric as a title."""
    if metric in INITIALS:
        return metric.upper()
    return metric.replace("_", " ").capitalize()


def shorten_label(name: str) -> str:
    """Return a name that fits beside a drawing."""
    if len(name) <= LABEL_LENGTH:
        return name
    return name[: LABEL_LENGTH - 1] + "…"


def name_group(by: tuple[str, ...], group: Group | None) -> str:
    """Return a group as a row header; rows without a group say which column they lack."""
    if not group:
        return "everybody"
    if group == (None,):
        return f"{clean_text(by[0], LEVEL_LENGTH)} missing"
    return " × ".join("(missing)" if level is None else clean_text(level, LEVEL_LENGTH) for level in group)


def name_grouping(by: tuple[str, ...]) -> str:
    """Return the columns of a grouping."""
    return " × ".join(clean_text(b, LEVEL_LENGTH) for b in by)


def format_rate(value: float | None) -> str:
    """Return three decimals; what is not 0 or 1 is never rounded to look so."""
    if value is None:
        return "–"
    # Below half of the last decimal a value would be printed as 0.000, and from 0.9995 as 1.000.
    if 0 < abs(value) < 0.0005:
        return "<0.001" if value > 0 else ">-0.001"
    if value != 1 and round(value, 3) == 1:
        return ">0.999" if value < 1 else "1.000"
    return f"{value:,.3f}"


def format_p(p: float) -> str:
    """Return a p-value with three decimals, never as 0."""
    if p < 0.001:
        return "under 0.001"
    return f"{p:.3f}"


def format_bounds(low: float | None, high: float | None) -> str:
    """Return an interval in brackets, or nothing; an open end is said."""
    if low is None and high is None:
        return ""
    return f"[{format_rate(low)}, {'no upper limit' if high is None else format_rate(high)}]"


def _format_n(estimate: Estimate) -> str:
    """Return the rows that a value rests on: of its own denominator, where it has one."""
    if estimate.rows is not None:
        return rows_text(estimate)
    has_own = estimate.compare is None and estimate.denominator is not None
    n = estimate.denominator if has_own else estimate.n
    return f"n {format_count(n or 0)}"


def make_estimate_cell(estimate: Estimate | None, *, with_n: bool = True) -> Cell:
    """Return one estimate in a table: value, interval and the n of its own denominator, or why there is none."""
    if estimate is None:
        return Cell("–", note="not measured", mark="none")
    if estimate.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    if estimate.value is None:
        return Cell(
            f"undefined: {clean_text(estimate.reason)}",
            interval=format_bounds(estimate.low, estimate.high),
            mark="undefined",
        )
    few = "small_group" in estimate.flags
    notes = [_format_n(estimate)] if with_n and estimate.n is not None else []
    if few:
        notes.append(TOO_RARE if (estimate.n or 0.0) >= MANY else TOO_FEW)
    return Cell(
        format_rate(estimate.value),
        interval=format_bounds(estimate.low, estimate.high),
        note=", ".join(notes),
        mark="few" if few else "ok",
    )
