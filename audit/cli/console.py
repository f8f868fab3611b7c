"""A terminal that no text can command: what controls one is shown as its code, wherever the text came from.

Colours and places are ours; every word may be another's, out of a document from elsewhere.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from audit.system.environment import escape_controls, escape_document

PATIENCE_S = 5.0
"""After which a step says in a log that it goes on; a terminal has a spinner at once."""
LOUD = ("Training", "Preparing the data")
"""Steps in which a child process talks itself; a spinner would be drawn over its words."""


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


# What a person sees while something takes its time.
def open_console() -> Console:
    """Open the console for people: stderr, plain where it is no terminal."""
    return PlainConsole(stderr=True, soft_wrap=not sys.stderr.isatty())


def make_stepper(console: Console) -> Callable[[str], AbstractContextManager[object]]:
    """Return a context manager for each step: a spinner on a terminal, one plain line after some seconds elsewhere."""

    @contextmanager
    def step(what: str) -> Iterator[None]:
        if what in LOUD:
            console.print(f"{what} …", style="dim")
            yield
            return
        if console.is_terminal:
            with console.status(f"{what} …"):
                yield
            return
        timer = threading.Timer(PATIENCE_S, console.print, [f"{what} …"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    return step
