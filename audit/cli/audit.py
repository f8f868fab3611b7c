"""Commands that make a result: run, data, model, track."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from audit.cli import options as o
from audit.cli.job import HERE, end, job_of, told
from audit.cli.options import Command
from audit.cli.streams import Streams
from audit.config.doors import said_as

if TYPE_CHECKING:
    from audit.config.schema import Config

OPTIONS = {
    **{key: f"--{key.replace('_', '-')}" for key in (
        "label", "positive", "classes", "task", "prediction", "score", "threshold", "exact_auc", "features",
        "neighbours", "query", "rank", "top", "groups", "weight", "unit", "strata", "bins", "reference",
        "intersections", "confidence", "four_fifths", "engine", "master", "compare_to", "suite", "csv",
    )},
    "reference_group": "--reference",
    "classes = true": "--classes",
}  # fmt: skip


def run(
    pipeline: Annotated[Path, typer.Argument(help="A folder with an audit.toml, or the file.")] = Path(),
    store: o.StorePath = HERE,
    insist: Annotated[
        bool, typer.Option("--continue", help="Train although a gate on the data fails; the card says so.")
    ] = False,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
) -> None:
    """Audit a whole training run: data, training, energy, predictions, gates, card."""
    from audit.config.read import config_name, load
    from audit.pipeline.run import run as run_audit

    config, folder = load(pipeline)
    job = job_of(config, folder, store, ("audit", "run", config_name(pipeline)), json=json, insist=insist)
    end(run_audit(job), store, json=json, exit_zero=exit_zero, gated=judges(config))


def data(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=o.TABLE)],
    tests: Annotated[
        list[str] | None, typer.Argument(help="Held-out tables, looked at for leaks and drift.", metavar="[TEST...]")
    ] = None,
    label: o.Label = None,
    positive: o.Positive = None,
    classes: Annotated[
        bool, typer.Option("--classes", help="The label is one of several classes; none is the positive one.")
    ] = False,
    groups: o.GroupNames = None,
    csv: o.CsvDialect = None,
    weight: o.Weight = None,
    unit: o.Unit = None,
    strata: o.Strata = None,
    bins: o.Bins = None,
    reference: o.Reference = None,
    intersections: o.Intersections = None,
    confidence: o.Confidence = None,
    engine: o.EngineName = None,
    master: o.Master = None,
    compare_to: o.CompareTo = None,
    suite: Annotated[Path | None, typer.Option(help="Great Expectations suite, as JSON.")] = None,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    write_config: o.WriteConfig = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
) -> None:
    """Check tables before training: who is in them, who is missing, what leaks, and how labels differ by group."""
    asked = {
        "tests": tests or (), "suite": suite, "csv": csv,
        "label": label, "positive": positive, "classes": classes or None, "groups": groups, "weight": weight,
        "unit": unit, "strata": strata,
        "bins": bins, "reference": reference, "intersections": intersections, "confidence": confidence,
        "compare_to": compare_to, "gates": gate, "engine": engine, "master": master,
    }  # fmt: skip
    _one_table("data", table, asked, config, write_config, store, json=json, exit_zero=exit_zero)


def model(
    table: Annotated[str, typer.Argument(metavar="TABLE", help=f"Predictions. {o.TABLE}")],
    label: o.Label = None,
    positive: o.Positive = None,
    task: Annotated[
        str | None,
        typer.Option(help="classification (the default), multiclass, regression or ranking.", metavar="TASK"),
    ] = None,
    prediction: Annotated[str | None, typer.Option(help="Column of predicted classes, or of numbers.")] = None,
    score: Annotated[str | None, typer.Option(help="Column of scores, read with --threshold.")] = None,
    threshold: Annotated[
        str | None,
        typer.Option(help="A score at or above it is positive; 0.5 by default. 'median': above the median of all."),
    ] = None,
    exact_auc: Annotated[
        bool, typer.Option("--exact-auc", help="Sort rows by score: exact AUCs, average precision, areas.")
    ] = False,
    features: o.Features = None,
    neighbours: o.Neighbours = None,
    query: Annotated[str | None, typer.Option(help="Of a ranking: column that names the list of an item.")] = None,
    rank: Annotated[str | None, typer.Option(help="Of a ranking: column of places, 1 at the top; or --score.")] = None,
    top: Annotated[
        list[str] | None, typer.Option(help="Of a ranking: first places for skew, such as 10,50; 10 by default.")
    ] = None,
    groups: o.GroupNames = None,
    csv: o.CsvDialect = None,
    weight: o.Weight = None,
    unit: o.Unit = None,
    strata: o.Strata = None,
    bins: o.Bins = None,
    reference: o.Reference = None,
    intersections: o.Intersections = None,
    confidence: o.Confidence = None,
    four_fifths: Annotated[
        bool, typer.Option("--four-fifths", help="Fail on adverse impact: under 4/5 of the highest rate, significant.")
    ] = False,
    engine: o.EngineName = None,
    master: o.Master = None,
    compare_to: o.CompareTo = None,
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
        "threshold": threshold, "features": features, "neighbours": neighbours, "query": query, "rank": rank,
        "top": top, "exact_auc": exact_auc, "csv": csv,
        "groups": groups, "weight": weight, "unit": unit, "strata": strata, "bins": bins, "reference": reference,
        "intersections": intersections, "confidence": confidence, "four_fifths": four_fifths,
        "compare_to": compare_to, "gates": gate, "engine": engine, "master": master,
    }  # fmt: skip
    _one_table("model", table, asked, config, write_config, store, json=json, exit_zero=exit_zero)


def track(
    context: typer.Context,
    country: Annotated[str | None, typer.Option(help="Grid, as ISO 3166-1 alpha-3, such as FRA.")] = None,
    pue: Annotated[float | None, typer.Option(help="Power usage effectiveness of the site.")] = None,
    meter: Annotated[
        str | None, typer.Option(help="codecarbon (the default), or zeus for NVIDIA Jetson and Apple silicon.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Take [energy] from this audit.toml: water, contract, embodied carbon, TPUs.")
    ] = None,
    record_arguments: Annotated[
        bool,
        typer.Option(
            "--record-arguments", help="Keep all words of the command in audit.json: names of options alone by default."
        ),
    ] = False,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
) -> None:
    """Meter any command: audit track -- python train.py. Its exit code is passed through."""
    from audit.errors import QuestionError
    from audit.pipeline.track import track as track_command
    from audit.system.recorded_command import make_readable, record_words

    words = tuple(context.args)
    if not words:
        raise QuestionError("no command to track; write it after two dashes: audit track -- python train.py")
    kept = tuple(map(make_readable, words)) if record_arguments else record_words(words)
    asked = _electricity({"country": country, "pue": pue, "meter": meter}, config)
    job = job_of(asked, Path(), store, ("audit", "track", "--", *kept), json=json)
    tracked = track_command(words, job)
    told(tracked, store, json=json)
    if isinstance(context.obj, Streams):
        context.obj.optional = True
    raise typer.Exit(tracked.exit_code)


def _electricity(given: dict[str, Any], path: Path | None) -> Config:
    """The [energy] of a file, or what options say; a command that is only metered is asked nothing else."""
    from audit.config.read import build, load
    from audit.config.schema import Config
    from audit.errors import QuestionError

    said = {key: value for key, value in given.items() if value is not None}
    if path is None:
        return build({"energy": said}, "the command line")
    if said:
        raise QuestionError(f"--config says where the electricity comes from; leave --{next(iter(said))} out")
    loaded, _ = load(path)
    return Config(model=loaded.model, energy=loaded.energy)


def _one_table(
    stage: Literal["data", "model"],
    table: str,
    asked: dict[str, Any],
    config_path: Path | None,
    write_config: Path | None,
    store: Path,
    *,
    json: bool,
    exit_zero: bool,
) -> None:
    from audit.cli.question import Asked, question
    from audit.pipeline.run import run as run_audit
    from audit.tables.addresses import strip_place

    with said_in_options(asked=config_path is None):
        config = question(Asked(table=table, **asked), stage, config_path)
    if config_path is not None:
        _name_what_is_left(config_path, stage, tests=bool(asked.get("tests")))
    if write_config is not None:
        _save(config, write_config)
    tables = (strip_place(str(name)) for name in (table, *asked.get("tests", ())))
    job = job_of(config, Path(), store, ("audit", stage, *tables), json=json, metered=False)
    with said_in_options(asked=config_path is None):
        audited = run_audit(job)
    end(audited, store, json=json, exit_zero=exit_zero, gated=judges(config))


def _name_what_is_left(path: Path, stage: Literal["data", "model"], *, tests: bool) -> None:
    """Say which keys of a file this command does not take."""
    from audit.cli.progress import talk
    from audit.config.by_command import left
    from audit.config.read import load

    if keys := left(load(path)[0], stage, tests=tests):
        talk().print(f"audit {stage} takes no {', '.join(keys)} from {path}; audit run takes all of it.", markup=False)


def judges(config: Config) -> bool:
    """Whether anything is judged that a user asked for."""
    return bool(config.gates) or config.policy.four_fifths


def _save(config: Config, path: Path) -> None:
    from audit.cli.progress import talk
    from audit.cli.question import relative
    from audit.config.write import write_new

    write_new(path, relative(config, path.parent))
    talk().print(f"Wrote {path}: `audit run {path}` asks the same question.")


COMMANDS = (
    Command(run, {"name": "run"}),
    Command(data, {"name": "data"}),
    Command(model, {"name": "model"}),
    Command(track, {"name": "track", "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}}),
)


# Options by the keys of audit.toml that they are.
def said_in_options(*, asked: bool) -> AbstractContextManager[None]:
    """Say what is wrong in options, where these asked."""
    return said_as(OPTIONS) if asked else nullcontext()
