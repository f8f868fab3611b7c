"""The command that scores texts by a causal language model on this disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli.console import make_stepper, open_console, say
from audit.cli.options import Command


def score(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", show_default=False, help="Table with the texts, such as CrowS-Pairs.")
    ],
    model: Annotated[Path, typer.Option(metavar="PATH", help="Folder of a causal language model, or a .gguf file.")],
    into: Annotated[Path, typer.Option(metavar="FILE", help="Log to write (.jsonl); never overwrites a file.")],
    options: Annotated[
        str | None, typer.Option(metavar="COLUMNS", help="Columns of the texts to compare, such as more,less.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, metavar="N", help="Score the first N rows only.")] = None,
) -> None:
    """Score texts by a language model on this computer.

    Writes the log-likelihood of each text into a log that audit read reads. Needs evenhand[transformers]; nothing is
    downloaded, and no code that comes with a model is run.
    """
    from audit.items.score import score_table

    columns = [] if options is None else [name.strip() for name in options.split(",")]
    with make_stepper(open_console())("scoring texts"):
        count = score_table(table, model, into, columns, rows)
    say(f"Scored {count:,} {'row' if count == 1 else 'rows'} of {table} into {into}")
    say(f"Next    audit read {into} --into items.parquet")


COMMANDS = (Command(score, {"name": "score"}),)
