"""The two documents of a result: the internal report with every number, and the card to be published, also as Markdown.

A format is a template that says so in its first line, ``{# format NAME from VIEW #}``: its name, and the view that it
draws (``card`` where the template is one of the card, otherwise a module of ``audit.report`` that has a function
``view``). Adding one is a file in ``reports/templates``.

Must not: show anything that `disclosure.publishable` has not gone over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import QuestionError, StoreError, no_such, printable
from audit.record.result import AuditResult
from audit.report.card.view import make_card_view, make_report_view
from audit.report.card.words import FEW, WITHHELD, Cell, SafeMarkdown, escape_html, escape_inline
from audit.report.disclosure.publishable import find_k, publishable
from audit.system.environment import find_asset

if TYPE_CHECKING:
    from jinja2 import Environment

    from audit.faults.drill import Drill
    from audit.report.card.view import Card
    from audit.report.disclosure.searches import Searches

TEMPLATES = "reports/templates"
REPORT = "report"
"""The internal document: every number, so that it is never published."""
FILES = {REPORT: "report.html", "html": "card.html", "md": "card.md"}
"""What every run keeps beside its record, by format."""
# In HTML tags stand between the words, in Markdown a colon and blanks.
OURS = re.compile(rb"(?:Produced by|Described by)(?:<[^>]*>|[\s:])*evenhand ")
"""What every format says of its maker."""
INTERNAL = re.compile(rb"Internal: contains small counts")
"""What the report alone says."""
HEAD = re.compile(r"\{# format (?P<name>[a-z0-9-]+) from (?P<view>[a-z0-9_]+) #\}")


@dataclass(frozen=True, slots=True)
class Format:
    """One way to show a result."""

    name: str
    template: str
    """File in `TEMPLATES`; what comes before ``.j2`` says how it is escaped."""
    view: str

    @property
    def ending(self) -> str:
        """Return html, md or json."""
        return self.template.removesuffix(".j2").rpartition(".")[2]

    @property
    def is_internal(self) -> bool:
        """Return whether it shows every number."""
        return self.view == REPORT

    def find_view(self) -> Callable[[AuditResult, int], Any]:
        """Return the function that makes the view of a publishable result."""
        if self.view == "card":
            return make_card_view
        if self.is_internal:
            return make_report_view
        found: Callable[[AuditResult, int], Any] = import_module(f"audit.report.{self.view}").view
        return found


@cache
def find_formats() -> dict[str, Format]:
    """Return every format that a template declares, by name."""
    found = {}
    for file in sorted(find_asset(TEMPLATES).glob("*.j2")):
        with file.open(encoding="utf-8") as lines:
            head = HEAD.match(lines.readline())
        if head is not None:
            found[head["name"]] = Format(head["name"], file.name, head["view"])
    return found


FORMATS = tuple(find_formats())


def render(
    result: AuditResult,
    format: str,  # noqa: A002 - the word people use for it
    k: int | None = None,
    drill: Drill | None = None,
    searches: Searches | None = None,
) -> str:
    """Return the card as text.

    Parameters
    ----------
    result
        The private record.
    format
        ``report`` for the internal page with every number, ``html`` for the page to be published, ``md`` for the same
        as Markdown, or another of `FORMATS`.
    k
        Smallest count that is published; what is smaller, and what would give it away, is withheld. That of
        the question where none is named. The report withholds nothing, whatever ``k`` is.
    drill
        What a drill found of the limits of this result; None where there is none to show.
    searches
        What earlier searches for what to hide came to.

    Raises
    ------
    QuestionError
        When ``k`` is not at least 1, there is no such format, or the result does not hold what it shows.
    """
    return render_several(result, (format,), k, drill, searches)[format]


def render_several(
    result: AuditResult,
    names: Sequence[str],
    k: int | None = None,
    drill: Drill | None = None,
    searches: Searches | None = None,
) -> dict[str, str]:
    """Return cards as text, by format: `render` for several, with one look at what may be published.

    Parameters
    ----------
    searches
        What earlier searches for what to hide came to, and where those of these cards are noted.

    Raises
    ------
    QuestionError
        As `render`.
    """
    for name in names:
        if name not in find_formats():
            raise QuestionError(no_such("card format", name, FORMATS))
    k = find_k(result) if k is None else k
    chosen = [find_formats()[name] for name in names]
    shown = {least: publishable(result, least, searches) for least in {1 if c.is_internal else k for c in chosen}}
    views = {c.view: c.find_view() for c in chosen}
    drawn = {name: view(shown[least], least) for name, view in views.items() if (least := 1 if name == REPORT else k)}
    for name in drawn.keys() & {"card", REPORT} if drill is not None else ():
        drawn[name] = _add_drill(drawn[name], drill, shown[1 if name == REPORT else k])
    return {c.name: _draw(c, drawn[c.view]) for c in chosen}


def _add_drill(card: Card, drill: Drill | None, shown: AuditResult) -> Card:
    """Return a page with what a drill found."""
    from audit.report.card.drill import make_drill_view

    if drill is None:
        return card
    view = make_drill_view(drill, shown, internal=card.internal)
    at = [name for name, _ in card.contents].index("checks") + 1
    return replace(card, drill=view, contents=(*card.contents[:at], ("drill", "Drill"), *card.contents[at:]))


def _draw(chosen: Format, view: object) -> str:
    """Return a card as text."""
    return make_environment(chosen.ending).get_template(chosen.template).render(card=view)


def write_report(result: AuditResult, path: Path) -> Path:
    """Write the internal report into a file that a person named, and return it.

    Raises
    ------
    QuestionError
        When the file does not end in .html.
    StoreError
        As `write_over`.
    """
    if path.suffix.lower() != ".html":
        raise QuestionError(f"a report is written as .html, not as '{printable(path.name)}'")
    write_over(path, render(result, REPORT))
    return path


def write_card(result: AuditResult, path: Path, k: int | None = None) -> Path:
    """Write the card into a file that a person named, as its ending says, and return it.

    Raises
    ------
    QuestionError
        When the file ends neither in .html nor in .md, or ``k`` is not at least 1.
    StoreError
        As `write_over`.
    """
    style = path.suffix.lower().removeprefix(".")
    if style not in {"html", "md"}:
        raise QuestionError(f"a card is written as .html or .md, not as '{printable(path.name)}'")
    write_over(path, render(result, style, k))
    return path


def write_over(path: Path, text: str) -> None:
    """Write a card or a report into a file that a person named: a new one, or one that holds an earlier one.

    Raises
    ------
    StoreError
        When anything else lies there, which is left as it is, or the file cannot be written.
    """
    from audit.system.atomic import write_text

    there = path.read_bytes() if path.is_file() else b""
    if path.exists() and not OURS.search(there):
        raise StoreError(
            f"'{printable(path, 200)}' exists and is not a card or report, so it is not overwritten; "
            "choose another name"
        )
    # A report over a card would be published by whoever publishes that file.
    if there and bool(INTERNAL.search(there)) != bool(INTERNAL.search(text.encode())):
        one, other = ("report", "card") if INTERNAL.search(there) else ("card", "report")
        raise StoreError(f"'{printable(path, 200)}' is a {one}, so no {other} is written over it; choose another name")
    # Through a link, so that the link stays one.
    write_text(path.resolve(), text)


def prepare() -> None:
    """Compile what every run writes while there is time, because at the end there is none."""
    for chosen in map(find_formats().get, FILES):
        if chosen is not None:
            make_environment(chosen.ending).get_template(chosen.template)


@cache
def make_environment(ending: str) -> Environment:
    """Return the templates of one ending; the engine escapes HTML, filters that a template names escape Markdown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=FileSystemLoader(find_asset(TEMPLATES)),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # The Markdown template escapes each value through a filter; a value that none was named for is escaped here.
        finalize=_escape_plain if ending == "md" else None,
    )
    made.filters |= {"cell": format_cell, "inline": escape_inline, "html_text": escape_html}
    return made


def _escape_plain(value: object) -> object:
    """Return what the template engine prints: text that no filter has seen is escaped."""
    if isinstance(value, str):
        return escape_inline(value)
    return value


def format_cell(cell: Cell) -> SafeMarkdown:
    """Return a cell of a table in one line: the value, its interval, what it rests on."""
    if cell.mark == "suppressed":
        return SafeMarkdown(WITHHELD)
    few = FEW if cell.mark == "few" else ""
    parts = [cell.text, cell.interval, few, f"({cell.note})" if cell.note else ""]
    return SafeMarkdown(" ".join(escape_inline(p) for p in parts if p))
