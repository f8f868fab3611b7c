"""Commands over the whole store: what is in it, and what of it may go."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.cli import options as o
from audit.cli.console import put, say
from audit.cli.named_runs import describe_state, read_kept_kwh
from audit.errors import printable
from audit.system.environment import DEFAULT_STORE, find_ci

if TYPE_CHECKING:
    from audit.record.heads import Entry

HERE = Path(DEFAULT_STORE)
COLUMNS = ("run", "verdict", "decided by", "model", "version", "commit")
MODEL, SHORTEST_MODEL, GAP, WIDTH = 3, 8, 2, 80
"""The column that gives way where a line is too long, and its least width; blanks between columns; the line."""
LONGEST_CELL = 40
MOST_NAMED = 3
AGE = re.compile(r"([0-9]{1,6})\s*(d|days?|w|weeks?|h|hours?)")
DAYS = {"d": 1.0, "w": 7.0, "h": 1 / 24}


def listing(store: o.StorePath = HERE, json: o.AsJson = False) -> None:
    """List the recorded runs, latest first."""
    import json as codec

    from audit.errors import without_credentials
    from audit.record.store import Store

    kept = Store(store)
    runs = kept.runs()
    if json:
        put(codec.dumps([_to_document(run) for run in runs], indent=1))
        return
    over = kept.passed_over()
    if runs:
        _print_table(runs)
    elif not over:
        where = without_credentials(str(store))
        say(f"There are no runs in {where}. Create one with `audit run DIR`, or try `audit demo`.")
    _name_passed_over(over)


def _to_document(run: Entry) -> dict[str, Any]:
    from audit.record.heads import find_gate_sentence

    keys = ("id", "state", "verdict", "started", "model", "model_version", "commit")
    document = {key: getattr(run, key) for key in keys}
    document["headline"] = find_gate_sentence(run.path, run.verdict)
    if run.state == "incomplete":
        document["energy_kwh"] = read_kept_kwh(run)
    return document


def _print_table(runs: Sequence[Entry]) -> None:
    """Print a line of 80 columns for each run: what decided it, and which version of which model it was."""
    rows = [COLUMNS, *map(_describe_run, runs)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    # An id tells two runs apart, and so do version and commit; the name of the model takes the columns that are left.
    left = WIDTH - sum(widths) + widths[MODEL] - GAP * (len(widths) - 1)
    widths[MODEL] = max(SHORTEST_MODEL, min(widths[MODEL], left))
    for row, run in zip(rows, (None, *runs), strict=True):
        cells = [*row[:MODEL], _shorten(row[MODEL], widths[MODEL]), *row[MODEL + 1 :]]
        say((" " * GAP).join(word.ljust(width) for word, width in zip(cells, widths, strict=True)).rstrip())
        if run is not None and run.reason:
            say(f"    {printable(run.reason, 600)}")


def _describe_run(run: Entry) -> tuple[str, ...]:
    """Return the cells of a run."""
    from audit.record.heads import find_gate_figure, is_withheld
    from audit.record.result import name_verdict

    if run.verdict is None:
        verdict, _, decided = describe_state(run).partition(", ")
    else:
        verdict, decided = name_verdict(run.verdict).lower(), find_gate_figure(run.path, run.verdict) or ""
        decided = "withheld" if decided and (find_ci() is not None or is_withheld(run.path)) else decided
    words = (decided, run.model, run.model_version, run.commit)
    return (run.id, verdict, *(printable(word or "–", LONGEST_CELL) for word in words))


def _shorten(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}…"


def _name_passed_over(over: Sequence[str]) -> None:
    """Say which folders hold a result and are no run of the store."""
    if over:
        named = ", ".join(printable(name) for name in over[:MOST_NAMED]) + (", …" if len(over) > MOST_NAMED else "")
        said = (
            "1 folder or link holds a result, but its name is"
            if len(over) == 1
            else (f"{len(over):,} folders or links hold results, but their names are")
        )
        say(f"{said} no run id, so not listed: {named}. To read one, give its path: audit show PATH.")


def prune(
    keep: Annotated[int | None, typer.Option(min=1, help="Keep the latest N runs.", metavar="N")] = None,
    older_than: Annotated[
        str | None, typer.Option(help="Remove only runs older than this, such as 90d, 12w or 36h.", metavar="AGE")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.")] = False,
    store: o.StorePath = HERE,
) -> None:
    """Remove unfinished runs, and old runs if asked.

    With both --keep and --older-than, a run is removed only if both allow it.
    """
    from audit.record.prune import prune as pruned
    from audit.record.store import Store

    age = None if older_than is None else _read_age(older_than)
    removed = left = 0
    for one in pruned(Store(store), keep=keep, older_than=age, dry=dry_run):
        gone = "would remove" if dry_run else "removed"
        say(f"{gone if one.removed else 'kept'} {one.id}: {one.why}")
        removed, left = removed + one.removed, left + (not one.removed)
    ends = "would be removed" if dry_run else "removed"
    rule = "" if keep or age else "; to remove old runs, add --keep or --older-than"
    say(f"{removed:,} {ends}, {len(Store(store).folders()) - (removed if dry_run else 0):,} left in the store{rule}.")


def _read_age(text: str) -> dt.timedelta:
    from audit.errors import QuestionError, printable

    found = AGE.fullmatch(text.strip().lower())
    if found is None:
        raise QuestionError(f"--older-than '{printable(text)}' is not an age; write it like 90d, 12w or 36h")
    return dt.timedelta(days=int(found[1]) * DAYS[found[2][0]])
