"""Commands that audit a table in parts: count each where it lies, then measure the sum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.cli import options as o
from audit.cli.job import HERE, conclude, make_job
from audit.cli.options import Command, Given

if TYPE_CHECKING:
    from audit.config.schema import Config

Folder = Annotated[Path, typer.Argument(help="Folder of counts, written by audit count.")]


@o.with_options("count")
def count(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="One part: file, quoted glob, or folder of Parquet files.")
    ],
    into: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder of counts; the first part sets its configuration.")
    ],
    *,
    csv: o.CsvDialect = None,
    config: o.ConfigPath = None,
    engine: o.EngineName = None,
    master: o.Master = None,
    **asked: Any,
) -> None:
    """Count one part of a large table.

    The counts go into a folder; audit measure audits all parts together.
    """
    from audit.cli.console import make_stepper, open_console
    from audit.pipeline.parts import add_part
    from audit.tables.formats.dialect import make_dialect

    question = _ask_in_parts(table, asked, config)
    dialect = make_dialect(csv)
    if question is not None and csv is None:
        said = question.data.csv or (question.predictions.csv if question.predictions is not None else None)
        dialect = dialect if said is None else said.dialect
    added = add_part(table, into, question, engine, master, make_stepper(open_console()), dialect)
    open_console().print(
        f"Counted {added.rows:,} rows of {table}: {into} holds {added.parts:,} part{'' if added.parts == 1 else 's'}.",
        markup=False,
    )
    open_console().print(f"Next    audit measure {into}", markup=False)


def measure(
    counts: Folder,
    parts: Annotated[
        int | None, typer.Option(metavar="N", help="Number of parts expected; with any other number nothing is judged.")
    ] = None,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
) -> None:
    """Audit all counted parts as one table.

    Reads the folder of counts only, not the rows.
    """
    from audit.cli.console import open_console
    from audit.pipeline.parts import require_parts
    from audit.pipeline.run import run as run_audit
    from audit.system.recorded_command import strip_folder

    asked = _add_limits(counts, gate, config)
    summed = require_parts(counts, parts)
    job = make_job(asked, Path(), store, ("audit", "measure", strip_folder(str(counts))), json=json, metered=False)
    audited = run_audit(job)
    open_console().print(f"Summed {summed:,} part{'' if summed == 1 else 's'} of {counts}.", markup=False)
    conclude(audited, store, json=json, exit_zero=exit_zero, gated=bool(asked.gates))


def _add_limits(counts: Path, rules: list[str] | None, policy: Path | None) -> Config:
    """Return the question of a folder of counts with the limits that are given."""
    from audit.cli.question import JUDGING, read_policy
    from audit.config.read import build
    from audit.config.written_limits import read_rule
    from audit.pipeline.parts import read_counted_question

    raw = read_counted_question(counts)
    if policy is not None:
        counted = build(raw, str(counts)).model_dump(mode="json", exclude_none=True)
        raw |= read_policy(policy, counted, ("model", "dataset", "ll144", "publish", *JUDGING))
    if rules:
        raw["gates"] = [read_rule(rule, "model" if "predictions" in raw else "data") for rule in rules]
    return build(raw, str(counts))


def _ask_in_parts(table: str, asked: dict[str, Any], config: Path | None) -> Config | None:
    """Return the question of the options or of a file; None where neither asks, and the folder's own holds."""
    from audit.cli.question import ask
    from audit.config.read import load

    if config is not None:
        predicts = load(config)[0].predictions is not None
    elif all(given is None for given in asked.values()):
        return None
    else:
        predicts = asked["prediction"] is not None or asked["score"] is not None
    return ask(Given("model" if predicts else "data", table, asked, judged=False), config)


COMMANDS = (Command(count, {"name": "count"}), Command(measure, {"name": "measure"}))
