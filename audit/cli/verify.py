"""The command that recomputes a recorded run from its counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli import options as o
from audit.cli.console import say
from audit.cli.named_runs import load_by_name, resolve_name
from audit.system.environment import DEFAULT_STORE

if TYPE_CHECKING:
    from audit.record.result import AuditResult

MOST_LINES = 20
FORGERY = (
    "Counts that were forged together with every figure computed from them cannot be detected here: only the data or a "
    "signature would show it."
)


def verify(
    result: o.RunName = "latest",
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Table of the run: its digest and columns are compared. May be repeated."),
    ] = None,
    store: o.StorePath = Path(DEFAULT_STORE),
) -> None:
    """Recompute a recorded run from its counts.

    Compares every figure and verdict, and names what it cannot check.
    """
    from audit.pipeline.verify import verify_document
    from audit.record.result import DOCUMENT
    from audit.record.store import Store

    result = resolve_name(result, store)
    file = Store(store).find(result)
    file = file / DOCUMENT if file.is_dir() else file
    found, _ = load_by_name(result, store)
    verified = verify_document(found, file, data or ())
    if verified.wrong:
        _refuse(verified.wrong, found, result)
    _print_approval(found, result, verified.cards)
    say("Not checked, because nothing in the record determines it:")
    for left in verified.unchecked:
        say(f"  {left}")
    say(FORGERY)


def _print_approval(found: AuditResult, named: str, cards: Sequence[str]) -> None:
    """Say what was found to follow."""
    say(
        f"{named}: {_count(len(found.estimates), 'estimate')} and {_count(len(found.gates), 'verdict')}, with their "
        "sentences, row numbers and totals, match the values recomputed from its counts"
    )
    say(f"{', '.join(cards)}: match the record" if cards else "No card beside it")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _refuse(wrong: Sequence[str], found: AuditResult, named: str) -> None:
    """Print what does not follow, and end."""
    from audit._version import __version__
    from audit.errors import printable

    for line in wrong[:MOST_LINES]:
        say(line)
    if len(wrong) > MOST_LINES:
        say(f"{len(wrong) - MOST_LINES:,} more")
    recorded = printable(found.run.version, 40)
    other = (
        f"; it was recorded by evenhand {recorded}, and this is {__version__}, which may differ in words or methods: "
        "install that version to compare"
        if found.run.version != __version__
        else ""
    )
    differ = "1 value differs" if len(wrong) == 1 else f"{len(wrong):,} values differ"
    say(f"{named}: {differ} from those recomputed from its counts{other}", err=True)
    raise typer.Exit(1)
