"""Commands that make a result: run, data, model, track."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from audit.cli import options as o
from audit.cli.job import HERE, ask_baseline, ask_reports, conclude, make_job, print_tracked
from audit.cli.options import Command, Given
from audit.cli.streams import Streams
from audit.config.read import translate_errors

if TYPE_CHECKING:
    from audit.cli.ci.report import AskedReport
    from audit.config.schema import Config


def run(
    pipeline: Annotated[Path, typer.Argument(help="Folder with an audit.toml, or that file.")] = Path(),
    store: o.StorePath = HERE,
    insist: Annotated[
        bool, typer.Option("--continue", help="Train even if a limit on the data fails; the card says so.")
    ] = False,
    allow_inconclusive: o.AllowInconclusive = False,
    report: o.Reports = None,
    baseline: o.BaselineName = None,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
    verbose: o.Verbose = False,
) -> None:
    """Audit a training run as its audit.toml says.

    Data checks, training, energy, metrics by group, limits, report and card.
    """
    from audit.config.read import load, name_config
    from audit.pipeline.run import run as run_audit

    reports = ask_reports(report)
    config, folder = load(pipeline)
    command: tuple[str, ...] = ("audit", "run", name_config(pipeline))
    if allow_inconclusive:
        config, command = config.allowing_inconclusive(), (*command, "--allow-inconclusive")
    config = ask_baseline(config, baseline, folder, reports)
    job = make_job(config, folder, store, command, json=json, insist=insist)
    audited = run_audit(job)
    shown = {"json": json, "exit_zero": exit_zero, "whole": verbose}
    conclude(audited, store, **shown, gated=_is_judged(config), reports=reports, config=pipeline)


@o.with_options("data")
def data(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=o.TABLE)],
    tests: Annotated[
        list[str] | None, typer.Argument(help="Test tables, checked for leaks and drift.", metavar="[TEST...]")
    ] = None,
    *,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    write_config: o.WriteConfig = None,
    report: o.Reports = None,
    baseline: o.BaselineName = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
    verbose: o.Verbose = False,
    **asked: Any,
) -> None:
    """Check tables before training.

    Group differences in labels, missing values, leaks, possible proxies, small groups.
    """
    given = Given("data", table, asked, gates=gate or (), tests=tests or (), baseline=baseline)
    reports = ask_reports(report)
    audit_table(given, config, write_config, store, reports, json=json, exit_zero=exit_zero, verbose=verbose)


@o.with_options("model")
def model(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"Predictions. {o.TABLE}")],
    *,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    write_config: o.WriteConfig = None,
    report: o.Reports = None,
    baseline: o.BaselineName = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
    verbose: o.Verbose = False,
    **asked: Any,
) -> None:
    """Audit an existing table of predictions."""
    given = Given("model", table, asked, gates=gate or (), baseline=baseline)
    reports = ask_reports(report)
    audit_table(given, config, write_config, store, reports, json=json, exit_zero=exit_zero, verbose=verbose)


def track(
    context: typer.Context,
    country: Annotated[
        str | None, typer.Option(metavar="CODE", help="Country of the grid (ISO 3166-1 alpha-3, such as FRA).")
    ] = None,
    pue: Annotated[float | None, typer.Option(metavar="NUMBER", help="Power usage effectiveness of the site.")] = None,
    meter: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="codecarbon (default), or zeus for NVIDIA Jetson and Apple silicon."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Read [energy] from this audit.toml: water, contract, embodied carbon, TPUs."
        ),
    ] = None,
    record_arguments: Annotated[
        bool,
        typer.Option(
            "--record-arguments", help="Record the arguments of the command (default: only the names of its options)."
        ),
    ] = False,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
) -> None:
    """Measure the energy of any command.

    Example: audit track -- python train.py. The exit code is that of the command.
    """
    from audit.errors import QuestionError
    from audit.pipeline.track import track as track_command
    from audit.system.recorded_command import make_readable, record_words

    words = tuple(context.args)
    if not words:
        raise QuestionError("no command to track; write it after two dashes, such as audit track -- python train.py")
    kept = tuple(map(make_readable, words)) if record_arguments else record_words(words)
    asked = _ask_electricity({"country": country, "pue": pue, "meter": meter}, config)
    job = make_job(asked, Path(), store, ("audit", "track", "--", *kept), json=json)
    tracked = track_command(words, job)
    print_tracked(tracked, store, json=json)
    if isinstance(context.obj, Streams):
        context.obj.optional = True
    raise typer.Exit(tracked.exit_code)


def _ask_electricity(given: dict[str, Any], path: Path | None) -> Config:
    """Return the [energy] of a file, or what options say; a command that is only metered is asked nothing else."""
    from audit.config.read import build, load
    from audit.config.schema import Config
    from audit.errors import QuestionError

    said = {key: value for key, value in given.items() if value is not None}
    if path is None:
        return build({"energy": said}, "the command line")
    if said:
        raise QuestionError(f"--{next(iter(said))} cannot be combined with --config; remove one of them")
    loaded, _ = load(path)
    return Config(model=loaded.model, energy=loaded.energy)


def audit_table(
    given: Given,
    config_path: Path | None,
    write_config: Path | None,
    store: Path,
    reports: Sequence[AskedReport] = (),
    *,
    json: bool,
    exit_zero: bool,
    verbose: bool,
) -> None:
    """Audit one table by what options or a file ask, show what came of it, and exit by the verdict."""
    from audit.cli.question import ask
    from audit.pipeline.run import run as run_audit
    from audit.tables.addresses import strip_place

    with say_in_options(given, asked=config_path is None):
        config = ask_baseline(ask(given, config_path), given.baseline, Path(), reports)
    if config_path is not None:
        _name_what_is_left(config_path, given.stage, tests=bool(given.tests))
    if write_config is not None:
        require_writable(config, write_config)
    command = ("audit", given.command or given.stage, *map(strip_place, (given.table, *given.tests)))
    job = make_job(config, Path(), store, command, json=json, metered=False)
    with say_in_options(given, asked=config_path is None):
        audited = run_audit(job)
    if write_config is not None:
        save_question(config, write_config)
    shown = {"json": json, "exit_zero": exit_zero, "whole": verbose}
    conclude(audited, store, **shown, gated=_is_judged(config), reports=reports, config=config_path)


def say_in_options(given: Given, *, asked: bool) -> AbstractContextManager[None]:
    """Say what is wrong in options, where these asked."""
    if not asked:
        return nullcontext()
    return translate_errors(o.FLAGS | {"classes = true": o.FLAGS["classes"]}, given.gates)


def _name_what_is_left(path: Path, stage: Literal["data", "model"], *, tests: bool) -> None:
    """Say which keys of a file this command does not take."""
    from audit.cli.console import open_console
    from audit.config.by_command import find_left_keys
    from audit.config.read import load

    if keys := find_left_keys(load(path)[0], stage, tests=tests):
        open_console().print(
            f"audit {stage} does not use {', '.join(keys)} of {path}; audit run uses the whole file.", markup=False
        )


def _is_judged(config: Config) -> bool:
    """Return whether anything is judged that a user asked for."""
    return bool(config.gates) or config.policy.four_fifths or config.edge is not None


def require_writable(config: Config, path: Path) -> None:
    """Refuse a file that is there already, or that may not hold what was asked: now, and not when the audit is done."""
    from audit.cli.question import make_relative
    from audit.config.write import require_new

    require_new(path)
    make_relative(config, path.parent)


def save_question(config: Config, path: Path) -> None:
    """Write what options asked as an audit.toml, and say so."""
    from audit.cli.console import open_console
    from audit.cli.question import make_relative
    from audit.config.write import write_new

    write_new(path, make_relative(config, path.parent))
    open_console().print(f"Wrote {path}. The same audit: audit run {path}")


COMMANDS = (
    Command(run, {"name": "run"}),
    Command(data, {"name": "data"}),
    Command(model, {"name": "model"}),
    Command(track, {"name": "track", "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}}),
)
