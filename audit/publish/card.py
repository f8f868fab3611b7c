"""The card of a result: one self-contained page, and the same as Markdown.

Every format is a template over the same view; adding one is a file in ``reports/templates`` and a name in `FORMATS`.

Must not: show anything that `disclosure.publishable` has not gone over.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from audit.publish.disclosure import K, publishable
from audit.publish.markdown import cell_text, inline, plain_text
from audit.publish.view import card_view
from audit.result import AuditResult

if TYPE_CHECKING:
    from jinja2 import Environment

Format = Literal["html", "md"]
FORMATS: tuple[Format, ...] = get_args(Format)
TEMPLATES = "reports/templates"


def render(result: AuditResult, format: Format, k: int = K) -> str:  # noqa: A002 - the word people use for it
    """The card as text.

    Parameters
    ----------
    result
        The private record.
    format
        ``html`` for a page that needs nothing beside itself, ``md`` for Markdown.
    k
        Smallest count that is published; what is smaller, and what would give it away, is left out.

    Raises
    ------
    QuestionError
        When ``k`` is not at least 1.
    """
    view = card_view(publishable(result, k), k)
    return environment(format).get_template(f"card.{format}.j2").render(card=view)


def write_cards(result: AuditResult, folder: Path) -> tuple[Path, ...]:
    """Write ``card.html`` and ``card.md`` into a folder, each whole or not at all."""
    from audit.evidence.atomic import write_text

    written = []
    for name in FORMATS:
        path = folder / f"card.{name}"
        write_text(path, render(result, name))
        written.append(path)
    return tuple(written)


@cache
def environment(format: Format) -> Environment:  # noqa: A002 - as in `render`
    """Templates of one format; HTML is escaped by the engine, Markdown by the filters its template names."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    from audit.assets import asset

    made = Environment(
        loader=FileSystemLoader(asset(TEMPLATES)),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # The Markdown template escapes each value through a filter; a value that none was named for is escaped here.
        finalize=None if format == "html" else plain_text,
    )
    made.filters |= {"cell": cell_text, "inline": inline}
    return made
