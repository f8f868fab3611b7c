"""Options that several commands share, and how a command is listed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from audit.config.options import COMMANDS, AskedKey, Door
from audit.config.sections import find_keys, list_keys
from audit.system.environment import STORE

FLAGS = {asked.key: asked.flag for asked in list_keys() if set(asked.option.doors) & set(COMMANDS)}
"""Options by the keys of audit.toml that they are."""
TABLE = "File (csv, parquet, arrow, jsonl), quoted glob, folder of Parquet files, or address such as s3://…"


@dataclass(frozen=True, slots=True)
class Command:
    """A function with its settings in the app."""

    function: Callable[..., Any]
    settings: dict[str, Any] = field(default_factory=dict)


def _make_option(asked: AskedKey) -> Any:
    """Return what Typer shows of the option of a key."""
    option = asked.option
    low, high = option.bounds or (None, None)
    return typer.Option(asked.flag, help=option.help, metavar=option.metavar or option.reads.metavar, min=low, max=high)


@dataclass(frozen=True, slots=True)
class Given:
    """What a command for one table was given beside where it keeps the record."""

    stage: Literal["data", "model"]
    table: str
    asked: Mapping[str, Any]
    """What was given for each key; None, or a switch that is off, where nothing was."""
    gates: Sequence[str] = ()
    tests: Sequence[str] = ()
    judged: bool = True
    """Whether the limits of a file are asked for, and not only what is counted."""
    command: str = ""
    """Command that was given, where it is not that of the stage."""
    baseline: str | None = None
    """Record or run that limits are compared with; None where the file alone says it."""


StorePath = Annotated[
    Path, typer.Option("--store", envvar=STORE, help="Folder of recorded runs.", metavar="FOLDER", show_default=True)
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="'latest', a run id or its first characters, or the path of an audit.json or run folder."
    ),
]
JudgedRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Required: 'latest', a run id or its first characters, or the path of an audit.json or run folder.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the full record as JSON on stdout; messages go to stderr.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 instead of 1 or 3.")]
AllowInconclusive = Annotated[
    bool, typer.Option("--allow-inconclusive", help=find_keys("data")["insufficient"].option.help)
]
BaselineName = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="RUN",
        help="Fail on what is worse than in this record or run; 'none' judges without the baseline of the file.",
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Print everything: all rates, checks, p-values, sources and digests.")
]
Gates = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="RULE", help='Limit, such as "selection_rate ratio >= 0.8". May be repeated.'),
]
Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="FORMAT[=PATH]",
        help="Also write a report for CI, such as junit or markdown=FILE. May be repeated; audit report --help lists "
        "the formats.",
    ),
]
ConfigPath = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Read the configuration from this audit.toml.")
]
WriteConfig = Annotated[
    Path | None,
    typer.Option("--write-config", metavar="FILE", help="Save these options as audit.toml; never overwrites a file."),
]
CsvDialect = Annotated[str | None, _make_option(find_keys("data")["csv"])]
EngineName = Annotated[str | None, _make_option(find_keys("data")["engine"])]
Master = Annotated[str | None, _make_option(find_keys("data")["master"])]


def with_options(door: Door) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command the options of all keys that can be asked for at its door."""
    return with_parameters({key: _to_parameter(asked) for key, asked in find_keys(door).items()})


def with_parameters(parameters: Mapping[str, Parameter]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that shows parameters to Typer in place of a command's ``**asked``.

    They stand behind what comes before the command's star, and a parameter of its own by one of their names stands
    where theirs does.
    """

    def add(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        arguments = [p for p in own.values() if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
        asked = [own.get(name, parameter) for name, parameter in parameters.items()]
        further = [p for p in own.values() if p.kind is Parameter.KEYWORD_ONLY and p.name not in parameters]
        command.__signature__ = inspect.Signature([*arguments, *asked, *further])  # type: ignore[attr-defined]
        return command

    return add


def _to_parameter(asked: AskedKey) -> Parameter:
    kind = asked.option.reads.kind
    default, annotation = (False, bool) if kind is bool else (None, kind | None)
    return Parameter(
        asked.key, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, _make_option(asked)]
    )
