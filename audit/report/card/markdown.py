"""Text made safe inside Markdown: no markup, no table, no HTML comes from a value.

Must not: be used for HTML, which the template engine escapes.
"""

from __future__ import annotations

import html
import re

from audit.report.card.words import Cell

SPECIAL = re.compile(r"([\\`*|~]|\](?=[(\[:])|(?<!\w)_|_(?!\w))")
"""Brackets of intervals stay readable; only those that could begin a link are escaped."""
LINE_START = re.compile(r"^([+\-=#])")


class Escaped(str):
    """Markdown that is already safe."""

    __slots__ = ()


def inline(text: object) -> Escaped:
    """Text as one line of Markdown without meaning of its own."""
    if isinstance(text, Escaped):
        return text
    line = " ".join(str(text).split())
    escaped = SPECIAL.sub(r"\\\1", html.escape(line, quote=False))
    return Escaped(LINE_START.sub(r"\\\1", escaped))


def plain_text(value: object) -> object:
    """What the template engine prints: text that no filter has seen is escaped."""
    return value if isinstance(value, Escaped) else inline(value) if isinstance(value, str) else value


def cell_text(cell: Cell) -> Escaped:
    """Cell of a table in one line: the value, its interval, what it rests on."""
    parts = [cell.text, cell.interval, f"({cell.note})" if cell.note else ""]
    return Escaped(" ".join(inline(p) for p in parts if p))
