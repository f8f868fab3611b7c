"""Numbers, groups and outcomes in the words and shapes that a reader meets on every format.

Must not: round away what matters, or let colour carry a status alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audit.errors import printable
from audit.estimate import (
    Estimate,
    Group,
    band_text,
    cell_interval,
    cell_text,
    limit_text,
    named_group,
    quoted_level,
    rows_text,
)
from audit.gates.words.voice import tidy_reason
from audit.measurement.metrics.catalogue import CATALOGUE, figure_of
from audit.record.energy_text import format_limit
from audit.record.result import Gate, Part

Mark = Literal["ok", "few", "undefined", "suppressed", "none"]
Name = Callable[[tuple[str, ...], Group | None], str]
TOO_FEW = "too few rows to judge alone"
FEW = "◌"
"""Stands beside a number that rests on too few rows; a line below the table says so once."""
LEFT_OUT = "withheld"
WITHHELD = "□"
"""Stands in a cell for a withheld number; a line below the table says so once."""
NOTHING = "–"
LONG = 400
LEVEL_LENGTH = 60
LABEL_LENGTH = 24
# Everything that begins code, emphasis, a table cell or a link; an underscore only at the edge of a word, because
# CommonMark 6.2 gives it no meaning within one.
SPECIAL = re.compile(r"([\\`*|~]|\](?=[(\[:])|(?<!\w)_|_(?!\w))")
"""Brackets of intervals stay readable; only those that could begin a link are escaped."""
# What makes a list, a heading, a setext underline or a quotation of a line, CommonMark 4.2, 4.3, 5.1 and 5.2.
NUMBERED = re.compile(r"#(?=\d)")
LINE_START = re.compile(r"^([+\-=#>])")
NO_TAG = re.compile(r"&lt;(?=[ =0-9])")
"""What HTML and CommonMark 6.6 read as text."""


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
        Badge("insufficient", "Inconclusive", "◇"),
        Badge("undefined", "Undefined", "∅"),
        Badge("known", "Known", "◑"),
        Badge("waived", "Waived", "◐"),
        Badge("withheld", "Withheld", "□"),
        Badge("not judged", "Not judged", "○"),
        Badge("incomplete", "Incomplete", "◌"),
        Badge("warn", "Warning", "△"),
        Badge("error", "Could not run", "!"),
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
    return clean_text(part.digest or f"no digest: {part.undigested or 'data in memory'}", LONG)


def clean_text(text: object, limit: int = LONG) -> str:
    """Return text from the user or the data, safe to show and of bounded length."""
    return printable(text, limit)


def format_count(value: float) -> str:
    """Return rows with thousands separators; weighted sums keep one decimal."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}"


def make_title(metric: str) -> str:
    """Return the name of a metric as a title; of a user's own, its name in words."""
    found = CATALOGUE.find(metric)
    if found is not None:
        return found.title
    return metric.replace("_", " ").capitalize()


def shorten_label(name: str) -> str:
    """Return a name that fits beside a drawing."""
    if len(name) <= LABEL_LENGTH:
        return name
    return name[: LABEL_LENGTH - 1] + "…"


def name_group(by: tuple[str, ...], group: Group | None) -> str:
    """Return a group as a row header; rows without a group say which column they lack."""
    if not group:
        return "overall"
    if group == (None,):
        return f"{clean_text(by[0], LEVEL_LENGTH)} missing"
    if len(by) > 1:
        return named_group(group, by)
    return clean_text(band_text(group[0]), LEVEL_LENGTH)


def name_in_text(by: tuple[str, ...], group: Group | None) -> str:
    """Return a group inside a sentence, where a level that is a number or under 3 characters stands in quotes."""
    if group and len(by) == 1 and group != (None,):
        return quoted_level(group[0])
    return name_group(by, group)


def name_grouping(by: tuple[str, ...]) -> str:
    """Return the columns of a grouping."""
    return " × ".join(clean_text(b, LEVEL_LENGTH) for b in by)


def describe_limit(gate: Gate) -> str:
    """Return a limit in words: at most 10 points, at least 0.8."""
    limit, word = (gate.max, "at most") if gate.max is not None else (gate.min, "at least")
    if limit is None:
        return NOTHING
    if gate.estimate is None:
        return f"{word} {limit:g}"
    if gate.estimate.stage == "checks":
        return f"{word} {limit:,g}"
    if gate.estimate.stage == "energy":
        return f"{word} {format_limit(limit, gate.estimate.metric)}"
    return f"{word} {limit_text(limit, figure_of(gate.estimate.metric, gate.estimate.compare))}"


def format_n(estimate: Estimate) -> str:
    """Return the rows that a value rests on: of its own denominator, where it has one."""
    if estimate.rows is not None:
        return rows_text(estimate)
    has_own = estimate.compare is None and estimate.denominator is not None
    n = estimate.denominator if has_own else estimate.n
    return f"n {format_count(n or 0)}"


def make_estimate_cell(estimate: Estimate | None, *, with_n: bool = True, limit: float | None = None) -> Cell:
    """Return one estimate in a table: value, interval and the n of its own denominator, or why there is none."""
    if estimate is None:
        return Cell(NOTHING, note="not measured", mark="none")
    figure = figure_of(estimate.metric, estimate.compare)
    interval = cell_interval(estimate.low, estimate.high, figure, limit=limit)
    if estimate.status == "suppressed":
        return Cell(LEFT_OUT, mark="suppressed")
    if estimate.value is None:
        return Cell("undefined", interval, _clean_reason(estimate.reason), mark="undefined")
    few = "small_group" in estimate.flags
    notes = [format_n(estimate)] if with_n and estimate.n is not None else []
    return Cell(cell_text(estimate.value, figure, limit=limit), interval, ", ".join(notes), mark="few" if few else "ok")


def describe_undefined(reason: str | None) -> str:
    """Return in one text why there is no number."""
    if not reason:
        return "undefined"
    return f"undefined ({_clean_reason(reason)})"


def _clean_reason(reason: str | None) -> str:
    """Return why there is no number, without its arithmetic."""
    return clean_text(tidy_reason(reason))


# Text made safe inside Markdown: no markup, no table, no HTML comes from a value.
#
# Must not: be used for HTML, which the template engine escapes.
class SafeMarkdown(str):
    """Markdown that is already safe."""

    __slots__ = ()


def escape_inline(text: object) -> SafeMarkdown:
    """Return text as one line of Markdown without meaning of its own."""
    if isinstance(text, SafeMarkdown):
        return text
    line = " ".join(str(text).split())
    # A limit stays as it is typed: no tag begins with < and a blank, = or a digit, and without a tag > ends nothing.
    plain = NO_TAG.sub("<", html.escape(line, quote=False).replace("&gt;", ">"))
    escaped = SPECIAL.sub(r"\\\1", plain)
    return SafeMarkdown(_stay_text(LINE_START.sub(r"\\\1", escaped)))


def escape_html(text: object) -> SafeMarkdown:
    """Return text for an element of HTML inside Markdown."""
    return SafeMarkdown(_stay_text(html.escape(" ".join(str(text).split()), quote=False)))


def _stay_text(escaped: str) -> str:
    """Return text that notifies nobody, links no issue and starts no formula where GitHub reads it.

    GitHub looks for ``@name``, ``#12`` and ``$x$`` after the escapes of Markdown are gone; an element between the
    characters, as its documentation has it for the dollar, ends the search.
    """
    return NUMBERED.sub("#<!-- -->", escaped.replace("$", "<span>$</span>").replace("@", "@<!-- -->"))
