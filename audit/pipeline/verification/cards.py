"""Report and cards of a folder against those that its document gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from audit.errors import printable
from audit.faults.drill import read_drill
from audit.record.reader import find_run_folders
from audit.record.result import DOCUMENT, AuditResult
from audit.report.card.render import FILES, render_several
from audit.report.croissant import is_describable
from audit.report.disclosure.publishable import publishable
from audit.report.disclosure.searches import SEARCHES, Searches, read_searches
from audit.system import strict_json

LARGEST_BYTES = 256 * 1024 * 1024
DESCRIPTION = "croissant.json"
STYLES = {file: style for style, file in FILES.items()} | {DESCRIPTION: "croissant"}
SHOWN = 100


def cards_beside(result: AuditResult, file: Path) -> tuple[str, ...]:
    """Return the cards that belong beside a document: all in the folder of a run, or where one of them lies."""
    if file.name != DOCUMENT:
        return ()
    names = tuple(FILES.values())
    belong = bool(find_run_folders(file)) or any((file.parent / name).exists() for name in (*names, DESCRIPTION))
    described = is_describable(result) or (file.parent / DESCRIPTION).exists()
    if not belong:
        return ()
    return (*names, DESCRIPTION) if described else names


def cards_amiss(result: AuditResult, folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the cards of a folder, a sentence each."""
    styles = [STYLES[n] for n in names if n != DESCRIPTION or is_describable(result)]
    drawn = render_several(result, styles, drill=read_drill(folder))
    for name in names:
        style = STYLES[name]
        try:
            there = strict_json.read_text(folder / name, LARGEST_BYTES)
        except strict_json.NotStrictError as error:
            why = "it is missing" if error.fault == "absent" else str(error)
            yield f"card: {name}: {why}; write it again with audit card --format {style}"
            continue
        except OSError as error:
            yield f"card: {name}: cannot be read: {error.strerror}"
            continue
        if style not in drawn:
            yield f"card: {name}: this run has no data to describe"
        elif drawn[style] != there:
            yield f"card: {name} does not match this record: {_find_first_difference(there, drawn[style])}"


def searches_amiss(result: AuditResult, file: Path) -> Iterator[str]:
    """Yield a sentence where what is kept beside a document says otherwise than a new search who is withheld."""
    kept = read_searches(file.parent) if file.name == DOCUMENT else Searches()
    if not kept.known:
        return
    anew = Searches(kept.record)
    publishable(result, searches=anew)
    if any(anew.asked.get(asked) != found for asked, found in kept.known.items()):
        yield f"{SEARCHES} does not match what this record withholds; remove it, and what is withheld is found again"


def _find_first_difference(there: str, drawn: str) -> str:
    """Return the first line at which two texts differ."""
    lines = enumerate(zip_longest(there.splitlines(), drawn.splitlines(), fillvalue=""), 1)
    for at, (one, other) in lines:
        if one != other:
            return f"line {at} is '{printable(one.strip(), SHOWN)}', recomputed '{printable(other.strip(), SHOWN)}'"
    return "its line ends differ"
