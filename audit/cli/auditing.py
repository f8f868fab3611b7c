"""Commands that make a result: run, data, model, track."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from audit.cli import options as o
from audit.cli.options import DEFAULT_STORE, Command

if TYPE_CHECKING:
    from audit.config.schema import Config
    from audit.run import Audited, Job

HERE = Path(DEFAULT_STORE)


def run(
    pipeline: Annotated[Path, typer.Argument(help="A folder with an audit.toml, or the file.")] = Path(),
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
) -> None:
    """Audit a whole training run: data, training, energy, predictions, gates, card."""
    from audit.config.read import load
    from audit.run import run as run_audit

    config, folder = load(pipeline)
    job = _job(config, folder, store, ("audit", "run", str(pipeline)), json=json)
    _end(run_audit(job), store, json=json, exit_zero=exit_zero, gated=bool(config.gates))


def data(
    table: Annotated[Path, typer.Argument(help="csv, parquet, arrow or jsonl; a glob in quotes.")],
    label: o.Label = None,
    positive: o.Positive = None,
    groups: o.GroupNames = None,
    weight: o.Weight = None,
    unit: o.Unit = None,
    strata: o.Strata = None,
    bins: o.Bins = None,
    reference: o.Reference = None,
    intersections: o.Intersections = None,
    confidence: o.Confidence = None,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    write_config: o.WriteConfig = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
) -> None:
    """Check a table before training: who is in it, and how labels differ by group."""
    asked = {
        "label": label, "positive": positive, "groups": groups, "weight": weight, "unit": unit, "strata": strata,
        "bins": bins, "reference": reference, "intersections": intersections, "confidence": confidence, "gates": gate,
    }  # fmt: skip
    _one_table("data", table, asked, config, write_config, store, json=json, exit_zero=exit_zero)


def model(
    table: Annotated[Path, typer.Argument(help="Table of predictions: csv, parquet, arrow or jsonl.")],
    label: o.Label = None,
    positive: o.Positive = None,
    task: Annotated[
        str | None, typer.Option(help="classification or regression; classification by default.", metavar="TASK")
    ] = None,
    prediction: Annotated[str | None, typer.Option(help="Column of predicted classes, or of numbers.")] = None,
    score: Annotated[str | None, typer.Option(help="Column of scores, read with --threshold.")] = None,
    threshold: Annotated[float | None, typer.Option(help="A score at or above it is positive; 0.5 by default.")] = None,
    exact_auc: Annotated[bool, typer.Option("--exact-auc", help="Sort all rows by score for an exact AUC.")] = False,
    groups: o.GroupNames = None,
    weight: o.Weight = None,
    unit: o.Unit = None,
    strata: o.Strata = None,
    bins: o.Bins = None,
    reference: o.Reference = None,
    intersections: o.Intersections = None,
    confidence: o.Confidence = None,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    write_config: o.WriteConfig = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
) -> None:
    """Audit a table of predictions that already exists."""
    asked = {
        "label": label, "positive": positive, "task": task, "prediction": prediction, "score": score,
        "threshold": threshold, "exact_auc": exact_auc,
        "groups": groups, "weight": weight, "unit": unit, "strata": strata, "bins": bins, "reference": reference,
        "intersections": intersections, "confidence": confidence, "gates": gate,
    }  # fmt: skip
    _one_table("model", table, asked, config, write_config, store, json=json, exit_zero=exit_zero)


def track(
    context: typer.Context,
    country: Annotated[str | None, typer.Option(help="Grid, as ISO 3166-1 alpha-3, such as FRA.")] = None,
    pue: Annotated[float, typer.Option(help="Power usage effectiveness of the site.")] = 1.0,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
) -> None:
    """Meter any command: audit track -- python train.py. Its exit code is passed through."""
    from audit.config.read import build
    from audit.errors import QuestionError
    from audit.run import track as track_command

    words = tuple(context.args)
    if not words:
        raise QuestionError("no command to track; write it after two dashes: audit track -- python train.py")
    energy: dict[str, Any] = {"pue": pue} | ({"country": country} if country else {})
    config = build({"energy": energy}, "the command line")
    job = _job(config, Path(), store, ("audit", "track", "--", *words), json=json)
    audited = track_command(words, job)
    _show(audited, store, json=json, gated=False)
    raise typer.Exit(audited.exit_code)


def _one_table(
    stage: Literal["data", "model"],
    table: Path,
    asked: dict[str, Any],
    config_path: Path | None,
    write_config: Path | None,
    store: Path,
    *,
    json: bool,
    exit_zero: bool,
) -> None:
    from audit.cli.asking import Asked, question
    from audit.run import run as run_audit

    config = question(Asked(table=table, **asked), stage, config_path)
    if write_config is not None:
        _save(config, write_config)
    job = _job(config, Path(), store, ("audit", stage, str(table)), json=json, metered=False)
    _end(run_audit(job), store, json=json, exit_zero=exit_zero, gated=bool(config.gates))


def _save(config: Config, path: Path) -> None:
    from audit.cli.asking import relative
    from audit.cli.progress import talk
    from audit.config.write import write_new

    write_new(path, relative(config, path.parent))
    talk().print(f"Wrote {path}: `audit run {path}` asks the same question.")


def _job(
    config: Config, folder: Path, store: Path, command: tuple[str, ...], *, json: bool, metered: bool = True
) -> Job:
    from audit.cli.progress import stepping, talk
    from audit.evidence.store import Store
    from audit.run import Job

    return Job(config=config, folder=folder, store=Store(store), command=command, quiet_stdout=json,
               step=stepping(talk()), metered=metered)  # fmt: skip


def _end(audited: Audited, store: Path, *, json: bool, exit_zero: bool, gated: bool) -> None:
    excused = exit_zero and audited.exit_code in {1, 3}
    _show(audited, store, json=json, gated=gated, exit_zero=excused)
    raise typer.Exit(0 if excused else audited.exit_code)


def _show(audited: Audited, store: Path, *, json: bool, gated: bool, exit_zero: bool = False) -> None:
    from rich.console import Console

    from audit.publish.terminal import summary

    if json:
        sys.stdout.write(audited.result.to_json() + "\n")
    console = Console(stderr=json, highlight=False)
    following = _following(audited, "" if store == HERE else f" --store {store}", gated=gated)
    summary(audited.result, console, folder=audited.folder, next_command=following, exit_zero=exit_zero)


def _following(audited: Audited, where: str, *, gated: bool) -> str:
    """The one command that makes sense next."""
    stage = audited.result.run.command[1]
    if not gated and stage in {"data", "model", "run"}:
        rule = f"{'base_rate' if stage == 'data' else 'selection_rate'} ratio >= 0.8"
        if any(e.metric == "mean_error" for e in audited.result.estimates):
            rule = "mean_error difference <= 1"
        return (
            f"add [[gates]] to audit.toml, such as {rule}"
            if stage == "run"
            else f'add --gate "{rule}" to have it judged'
        )
    if stage in {"data", "model"} and "--write-config" not in sys.argv:
        return "add --write-config audit.toml to keep this question for CI"
    return f"audit dashboard{where}"


COMMANDS = (
    Command(run, {"name": "run"}),
    Command(data, {"name": "data"}),
    Command(model, {"name": "model"}),
    Command(track, {"name": "track", "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}}),
)
