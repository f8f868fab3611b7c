"""Lines of a terminal: a head that may have a colour, and a body that is wrapped under it.

Must not: break what people copy, rely on colour or on a character that the terminal cannot show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from audit.record.result import AuditResult
from audit.system.environment import find_ci

if TYPE_CHECKING:
    from rich.console import Console

ASCII = str.maketrans(
    {"–": "-", "…": "...", "×": "x", "−": "-", "≠": "!=", "’": "'", "“": '"', "”": '"', "₂": "2", "µ": "u"}
)
NARROWEST = 40
STYLE = {
    "pass": "green",
    "fail": "bold red",
    "insufficient": "yellow",
    "undefined": "magenta",
    "known": "yellow",
    "waived": "cyan",
    "not judged": "bold",
    "incomplete": "bold red",
    "warn": "yellow",
    "error": "magenta",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line; it may become several on a narrow terminal."""

    head: str
    body: str = ""
    status: str = ""
    """Key of the style of the head."""
    whole: bool = False
    """Never broken, because people copy it or because it is a row of a table."""
    hang: int | None = None
    """Columns before the further lines of the body; as wide as the head where None."""


def to_encoding(console: Console, text: str, *, row: bool) -> str:
    """Return text in characters that the terminal's encoding has; what is a row of a table keeps its width."""
    if console.encoding.lower().replace("-", "").startswith("utf"):
        return text
    plain = (text.replace("…", "~") if row else text).translate(ASCII)
    return plain.encode(console.encoding, "backslashreplace").decode(console.encoding)


def _lay_out(console: Console, lines: Iterable[Line]) -> list[Text]:
    """Return lines as they stand on the terminal, wrapped; only the status is in colour."""
    return list(chain.from_iterable(_wrap(console, line) for line in lines))


def _wrap(console: Console, line: Line) -> Iterator[Text]:
    head, body = to_encoding(console, line.head, row=line.whole), Text(to_encoding(console, line.body, row=line.whole))
    indent = cell_len(head)
    hang = indent if line.hang is None else line.hang
    starts = [(head, STYLE.get(line.status, ""))]
    if line.whole or not line.body:
        parts = [body]
    else:
        room = max(console.width, NARROWEST)
        first, *_ = body.wrap(console, room - indent)
        rest = Text(body.plain[len(first.plain) :].lstrip())
        parts = [first, *(rest.wrap(console, room - hang) if rest.plain else ())]
        starts += [(" " * hang, "")] * (len(parts) - 1)
    for start, text in zip(starts, parts, strict=True):
        whole = Text.assemble(start, text)
        whole.rstrip()
        yield whole


def print_section(console: Console, lines: Iterable[Line], *, apart: bool = True) -> None:
    """Print lines, after an empty one where they stand apart; nothing where there are none."""
    written = lay_section(console, lines, apart=apart)
    for text in written:
        console.print(text, highlight=False, soft_wrap=True)


def lay_section(console: Console, lines: Iterable[Line], *, apart: bool = True) -> list[Text]:
    """Return the lines of a section as they stand on the terminal, without empty ones at its end."""
    written = list(lines)
    while written and written[-1] == Line(""):
        written.pop()
    if not written:
        return []
    return _lay_out(console, [Line(""), *written] if apart else written)


# What a terminal withholds: the same as the card, where the configuration asks for it, and in the log of a CI, which is
# read by as many people as its reports are.
def is_withheld(result: AuditResult) -> bool:
    """Return whether small counts are withheld on a terminal too."""
    return _asks_to_withhold(result) or find_ci() is not None


def _asks_to_withhold(result: AuditResult) -> bool:
    return (result.question.config.get("publish") or {}).get("terminal") == "withhold"


def withhold(result: AuditResult, folder: Path | None = None) -> AuditResult:
    """Return the result as a terminal may show it: whole, unless `is_withheld`.

    Parameters
    ----------
    result
        The private record.
    folder
        Of the run, where what to withhold is kept beside its record.
    """
    if not is_withheld(result):
        return result
    from audit.report.disclosure.publishable import publishable
    from audit.report.disclosure.searches import read_searches

    return publishable(result, searches=read_searches(folder))


def describe_withheld(result: AuditResult, shown: AuditResult) -> Iterator[Line]:
    """Yield in one line that numbers are withheld, how many, and why here."""
    if not is_withheld(result):
        return
    from audit.report.disclosure.publishable import find_k

    k, gone = find_k(result), sum(e.status == "suppressed" for e in shown.estimates)
    asked = _asks_to_withhold(result)
    if k <= 1 and not asked:
        return
    why = '[publish] terminal = "withhold"' if asked else "this is the log of a CI; [publish] k sets the size"
    yield Line(
        "  ",
        f"Withheld as on the card, to protect groups under {k}: {gone:,} of {len(shown.estimates):,} numbers ({why}).",
    )
