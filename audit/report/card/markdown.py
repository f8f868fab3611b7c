"""Text made safe inside Markdown: no markup, no table, no HTML comes from a value.

Must not: be used for HTML, which the template engine escapes.
"""

from __future__ import annotations

import html
import re

# Everything that begins code, emphasis, a table cell or a link; an underscore only at the edge of a word, because
# CommonMark 6.2 gives it no meaning within one.
SPECIAL = re.compile(r"([\\`*|~]|\](?=[(\[:])|(?<!\w)_|_(?!\w))")
"""Brackets of intervals stay readable; only those that could begin a link are escaped."""
# What makes a list, a heading or a setext underline of a line, CommonMark 4.2, 4.3 and 5.2.
LINE_START = re.compile(r"^([+\-=#])")


class SafeMarkdown(str):
    """Markdown that is already safe."""

    __slots__ = ()


def escape_inline(text: object) -> SafeMarkdown:
    """Return text as one line of Markdown without meaning of its own."""
    if isinstance(text, SafeMarkdown):
        return text
    line = " ".join(str(text).split())
    escaped = SPECIAL.sub(r"\\\1", html.escape(line, quote=False))
    return SafeMarkdown(_stay_text(LINE_START.sub(r"\\\1", escaped)))


def escape_html(text: object) -> SafeMarkdown:
    """Return text for an element of HTML inside Markdown."""
    return SafeMarkdown(_stay_text(html.escape(" ".join(str(text).split()), quote=False)))


def _stay_text(escaped: str) -> str:
    """Return text that notifies nobody and starts no formula where GitHub reads it.

    GitHub looks for ``@name`` and ``$x$`` after the escapes of Markdown are gone; an element between the characters, as
    its documentation has it for the dollar, ends the search.
    """
    return escaped.replace("$", "<span>$</span>").replace("@", "@<!-- -->")
