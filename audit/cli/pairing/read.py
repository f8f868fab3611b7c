"""The command that makes one table of items of the logs of a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli.console import say
from audit.cli.options import Command

if TYPE_CHECKING:
    from audit.items.read import ItemTable

WORDS = {
    "unreadable": "unreadable answer",
    "refused": "refusal",
    "low_probability": "too little probability on the options",
}


def read(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOGS",
            show_default=False,
            help="Logs of lm-evaluation-harness or Inspect, or a plain table of items.",
        ),
    ],
    into: Annotated[Path, typer.Option(metavar="FILE", help="Parquet file to write; never overwrites a file.")],
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="Benchmark, if its items alone do not show which it is.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file that says where another benchmark keeps its fields.")
    ] = None,
) -> None:
    """Read logs of a benchmark into one table of items.

    No model is run. A torn line, an item that is there twice, or two versions of a task stop it, and nothing is
    written.
    """
    from audit.items.read import read_logs, require_new, write_items

    require_new(into)
    table = read_logs(logs, task, mapping)
    write_items(table, into)
    for line in _describe(table):
        say(line)
    grouped = " --groups group" * any(item.group is not None for item in table.items)
    say(f"Next    audit model {into} --task items{grouped}")


def _describe(table: ItemTable) -> list[str]:
    """Return how many items there are, from how many templates, and how many have no valid answer."""
    from audit.items.item import NO_DIRECTION
    from audit.items.read import find_benchmarks

    items, templates = len(table.items), table.templates
    made = f" from {count_of(templates, 'template')}" if templates < items else ""
    lines = [f"{', '.join(table.tasks)}: {count_of(items, 'item')}{made}"]
    reasons = dict(table.count_reasons())
    undirected = reasons.pop(NO_DIRECTION, 0)
    gone = [f"{WORDS[reason]} {count:,}" for reason, count in sorted(reasons.items())]
    if gone:
        total = sum(reasons.values())
        lines.append(f"Without a valid answer: {total:,} of {items:,} ({', '.join(gone)}); counted, never as a choice")
    if undirected:
        lines.append(
            f"Stereotyped answer not known: {undirected:,} of {items:,}; counted for accuracy, in no bias score"
        )
    if table.votes[1]:
        few, votes = table.votes
        lines.append(f"Note    {few:,} of {votes:,} related sentences have their label from at most 3 of 5 annotators.")
    known = find_benchmarks()
    return [
        *lines,
        *(f"Note    {known[name].caution}" for name in table.tasks if name in known and known[name].caution),
    ]


def count_of(count: int, what: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {what if count == 1 else what + 's'}"


COMMANDS = (Command(read, {"name": "read"}),)
