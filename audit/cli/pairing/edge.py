"""The command that audits compressed models: what they cost, what they change, and the smallest that passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.cli import options as o
from audit.cli.audit import require_writable, save_question, say_in_options
from audit.cli.job import HERE, ask_reports, conclude, make_job
from audit.cli.options import Command, Given

if TYPE_CHECKING:
    from audit.config.schema import Config

ONNX = ".onnx"
MANY = "separated by commas"


@o.with_options("model")
def edge(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help=f"Decisions, or the rows that models answer. {o.TABLE}")
    ],
    *,
    against: Annotated[
        str | None, typer.Option("--against", metavar="FULL", help="Full model: its column, or its .onnx file.")
    ] = None,
    prediction: Annotated[
        list[str] | None,
        typer.Option("--prediction", metavar="MODELS", help=f"Candidates: columns or .onnx files, {MANY}."),
    ] = None,
    seeds: Annotated[
        list[str] | None,
        typer.Option("--seeds", metavar="MODELS", help=f"Other seeds of the full recipe, at least five, {MANY}."),
    ] = None,
    retrained: Annotated[
        list[str] | None,
        typer.Option(metavar="MODELS", help="Candidates that were trained again (default: all, if seeds are named)."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMNS", help="Columns that the models see, in the order of training."),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option("--model-file", metavar="NAME=FILE", help="ONNX file of a column of decisions. May be repeated."),
    ] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Rows a call, as on the device (default 1).")] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Threads of a call (default 1).")] = None,
    repetitions: Annotated[int | None, typer.Option(metavar="N", help="Timed calls of a model (default 200).")] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Seconds to meter each model (default 3; 0: no energy).")
    ] = None,
    cutoff: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="From which number on the decision is 1, of one number a row."),
    ] = None,
    largest_loss: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Accepted loss of accuracy of any group (default 0.01).")
    ] = None,
    gate: o.Gates = None,
    config: o.ConfigPath = None,
    write_config: o.WriteConfig = None,
    report: o.Reports = None,
    store: o.StorePath = HERE,
    json: o.AsJson = False,
    exit_zero: o.ExitZero = False,
    verbose: o.Verbose = False,
    **asked: Any,
) -> None:
    """Audit compressed models against the full one.

    Who loses by it, what training again would change, bytes, integer operators, latency, joules. With several
    candidates the verdict is about the smallest that passes.
    """
    from audit.pipeline.run import run as run_audit
    from audit.tables.addresses import strip_place

    reports = ask_reports(report)
    given = Given("model", table, asked, gates=gate or (), command="edge")
    said = {
        "against": against,
        "prediction": prediction,
        "seeds": seeds,
        "retrained": retrained,
        "inputs": inputs,
        "models": models,
        "batch": batch,
        "threads": threads,
        "repetitions": repetitions,
        "seconds": seconds,
        "cutoff": cutoff,
        "largest_loss": largest_loss,
    }
    with say_in_options(given, asked=config is None):
        question = _ask_by_file(given, said, config) if config is not None else _ask_in_options(given, said)
        if write_config is not None:
            require_writable(question, write_config)
        job = make_job(question, Path(), store, ("audit", "edge", strip_place(table)), json=json, metered=False)
        audited = run_audit(job)
    if write_config is not None:
        save_question(question, write_config)
    shown = {"json": json, "exit_zero": exit_zero, "whole": verbose}
    conclude(audited, store, **shown, gated=True, reports=reports, config=config)


def _ask_in_options(given: Given, said: Mapping[str, Any]) -> Config:
    """Return the question of the options; models that are named by their files are called like them."""
    from audit.cli.question import HERE as PLACE
    from audit.cli.question import ask
    from audit.config.options import pair, split
    from audit.config.read import build
    from audit.errors import QuestionError

    if said["against"] is None or not said["prediction"]:
        missing = "--against" if said["against"] is None else "--prediction"
        raise QuestionError(
            f"{missing} is missing; name the full model with --against and candidates with --prediction"
        )
    files = dict(pair(text, "--model-file") for text in said["models"] or ())
    full, *_ = _name_models([said["against"]], files)
    candidates = _name_models(split(said["prediction"], "--prediction"), files)
    if full in files and not said["inputs"]:
        raise QuestionError("--inputs is missing; name the columns that the models see, in the order of training")
    edge: dict[str, Any] = {
        "candidates": candidates,
        "seeds": _name_models(split(said["seeds"], "--seeds"), files),
        "inputs": split(said["inputs"], "--inputs"),
        "models": files,
        "ship": "smallest" if len(candidates) > 1 else "named",
    }
    if said["retrained"]:
        edge["retrained"] = _name_models(split(said["retrained"], "--retrained"), files)
    plain = ("batch", "threads", "repetitions", "seconds", "cutoff", "largest_loss")
    edge |= {key: said[key] for key in plain if said[key] is not None}
    asked = dict(given.asked) | {"prediction": candidates[0], "against": full}
    base = ask(replace(given, asked=asked), None)
    raw = base.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    return build(raw | {"edge": edge}, PLACE)


def _name_models(names: Sequence[str], files: dict[str, str]) -> list[str]:
    """Return the names of models; one that is a file is called like it, and the file is noted.

    Raises
    ------
    QuestionError
        When another file has that name already.
    """
    from audit.errors import QuestionError, printable

    called = []
    for name in names:
        if not name.lower().endswith(ONNX):
            called.append(name)
            continue
        stem = Path(name).stem
        noted = files.setdefault(stem, name)
        if Path(noted) != Path(name):
            raise QuestionError(
                f"'{printable(noted)}' and '{printable(name)}' would both be called '{printable(stem)}'; name "
                f"one of them otherwise: --model-file NAME={printable(name)}, and NAME instead of the file"
            )
        called.append(stem)
    return called


def _ask_by_file(given: Given, said: Mapping[str, Any], path: Path) -> Config:
    """Return the question of an audit.toml that has an [edge]; its models lie where it says."""
    from audit.cli.question import ask
    from audit.config.read import build, load
    from audit.errors import QuestionError, printable

    stray = next((key for key, value in said.items() if value not in (None, [])), None)
    if stray is not None:
        raise QuestionError(f"--{stray.replace('_', '-')} cannot be combined with --config; remove one of them")
    whole, folder = load(path)
    if whole.edge is None:
        raise QuestionError(f"'{printable(path)}' has no [edge], which audit edge needs; add the section")
    raw = ask(given, path).model_dump(mode="json", exclude_none=True, exclude_unset=True)
    asked = whole.edge.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    asked["models"] = {name: str(folder / file) for name, file in whole.edge.models.items()}
    return build(raw | {"edge": asked}, str(path))


COMMANDS = (Command(edge, {"name": "edge"}),)
