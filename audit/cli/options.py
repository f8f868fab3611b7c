"""Options that several commands share, and how a command is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from audit.system.environment import STORE

COMMAS = "separated by commas; quote a name that holds one: '\"age, years\",sex'"
TABLE = "A file (csv, parquet, arrow, jsonl), a glob in quotes, a folder of Parquet, or an address such as s3://…"


@dataclass(frozen=True, slots=True)
class Command:
    """A function with its settings in the app."""

    function: Callable[..., Any]
    settings: dict[str, Any] = field(default_factory=dict)


StorePath = Annotated[
    Path, typer.Option("--store", envvar=STORE, help="Folder that keeps every run.", show_default=True)
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="'latest', a run id or its start, or a path: an audit.json or the folder of a run."
    ),
]
JudgedRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="It has to be named: 'latest', a run id or its start, or a path.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole document on stdout; talk goes to stderr.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Report, but exit 0 whatever the verdict is.")]
CsvDialect = Annotated[
    str | None,
    typer.Option(
        "--csv", metavar="HOW", help='How a CSV is written, such as "separator=;,decimal=,,encoding=latin-1".'
    ),
]
Gates = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="RULE", help='A limit, such as "selection_rate ratio >= 0.8". May be repeated.'),
]
ConfigPath = Annotated[Path | None, typer.Option("--config", help="Take the whole question from this audit.toml.")]
WriteConfig = Annotated[
    Path | None, typer.Option("--write-config", help="Save the audit.toml that says the same; never overwrites.")
]
Label = Annotated[
    str | None, typer.Option(help="Column of labels: what really happened. Decisions are audited without, too.")
]
Positive = Annotated[
    str | None, typer.Option(help="Label or decision that counts as positive; needed unless they are 0 and 1.")
]
GroupNames = Annotated[list[str] | None, typer.Option("--groups", help=f"Protected columns, {COMMAS}.")]
Features = Annotated[
    list[str] | None, typer.Option(help=f"Columns that make two rows alike, {COMMAS}: gives a flip test.")
]
Neighbours = Annotated[int | None, typer.Option(help="Nearest neighbours that the flip test asks; 5 by default.")]
Weight = Annotated[str | None, typer.Option(help="Column of weights.")]
Unit = Annotated[
    str | None, typer.Option(help="Column that names whom a row belongs to, if several rows share a person.")
]
Strata = Annotated[list[str] | None, typer.Option(help=f"Columns for conditional metrics, {COMMAS}.")]
Bins = Annotated[list[str] | None, typer.Option(help="Bands of a number, such as age=18,25,40,65. May be repeated.")]
Reference = Annotated[
    list[str] | None, typer.Option(help="Group to compare with, such as race=white. The largest by default.")
]
Intersections = Annotated[int | None, typer.Option(min=1, max=8, help="Audit crossings of up to this many columns.")]
EngineName = Annotated[
    str | None, typer.Option("--engine", metavar="ENGINE", help="duckdb (default), pandas, polars or spark.")
]
Master = Annotated[str | None, typer.Option(help="Spark's master, such as spark://host:7077; with --engine spark.")]
CompareTo = Annotated[
    list[str] | None, typer.Option(help="Compare each group with: overall, rest, or both separated by commas.")
]
Confidence = Annotated[float | None, typer.Option(help="Of every interval; 0.95 by default.")]
