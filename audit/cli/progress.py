"""What a person sees while something takes its time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console

from audit.cli.console import PlainConsole

PATIENCE_S = 5.0
"""After which a step says in a log that it goes on; a terminal has a spinner at once."""
LOUD = ("Training", "Preparing the data")
"""Steps in which a child process talks itself; a spinner would be drawn over its words."""


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
