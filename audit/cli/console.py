"""A terminal that no text can command: what controls one is shown as its code, wherever the text came from.

Colours and places are ours; every word may be another's, out of a document from elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from audit.system.control_characters import escape_controls, escape_document


class PlainConsole(Console):
    """Console of rich that prints no control characters of a text; its own codes stay."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"highlight": False, **settings})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield segments of what is printed, their texts cleaned."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escape_controls(segment.text), segment.style)


# What commands print without a console: lines and documents, in which nothing commands a terminal.
def say(text: str, *, err: bool = False) -> None:
    """Print lines."""
    typer.echo(escape_controls(text), err=err)


def put(document: str) -> None:
    """Print a document of JSON on stdout."""
    sys.stdout.write(escape_document(document) + "\n")
