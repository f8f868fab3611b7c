"""The command that projects a training before it runs: plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.cli import options as o
from audit.cli.options import Command
from audit.cli.printing import put
from audit.cli.unfinished import by_name
from audit.system.environment import DEFAULT_STORE


def _option(text: str, metavar: str = "NUMBER") -> typer.models.OptionInfo:
    """An option that takes a number as people write it."""
    option: typer.models.OptionInfo = typer.Option(help=text, metavar=metavar)
    return option


Number = str | None


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
    from audit.energy.plan import plan as project
    from audit.report.terminal.plan import show

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
    show(found, PlainConsole(stderr=json))


COMMANDS = (Command(plan, {"name": "plan"}),)
