"""The command that plants faults in copies of what was audited, and says which of them the limits find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.cli import options as o
from audit.cli.console import put, say
from audit.cli.options import Command
from audit.system.environment import DEFAULT_STORE

if TYPE_CHECKING:
    from audit.record.result import AuditResult

HERE = Path(DEFAULT_STORE)
TOML = ".toml"


def drill(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="'latest', a run id, the path of an audit.json or run folder, or an audit.toml."
        ),
    ] = "latest",
    *,
    faults: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Faults to plant (default: all; docs/drill.md lists them).")
    ] = None,
    sizes: Annotated[
        list[str] | None, typer.Option(metavar="S,…", help="Sizes from above 0 to 1, such as 0.05,0.1,0.2.")
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="Copies of each size.", show_default=True)] = 100,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of all copies.", show_default=True)] = 0,
    store: o.StorePath = HERE,
    everything: Annotated[bool, typer.Option("--all", help="Print every fault, found or not.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print drill.json on stdout; messages go to stderr.")] = False,
) -> None:
    """Test which faults the limits of a run can find.

    Plants faults of rising size in copies of its recorded counts, judges each copy as the run was judged, and says from
    which size a limit fails in 80% of the copies. Writes drill.json beside the record, and the curves into report and
    card. A drill that was stopped goes on where it was.
    """
    from audit.cli.console import PlainConsole, open_console
    from audit.config.options import split
    from audit.faults.fault import choose_faults
    from audit.pipeline.drill.run import DrillJob, find_drill, redraw_cards
    from audit.pipeline.drill.run import drill as run_drill
    from audit.report.terminal.drill import print_drill

    chosen = choose_faults(split(faults, "--faults"), _read_sizes(sizes))
    result, folder = _find_run(run, store)
    place = Path(run).parent if run.endswith(TOML) else None
    console = open_console()
    job = DrillJob(result=result, folder=folder, faults=chosen, seeds=seeds, seed=seed, place=place)
    found = find_drill(job)
    if found is not None:
        say("drill.json has what these options ask for, and was read; nothing was drilled anew", err=True)
    elif console.is_terminal:
        with console.status("Drilling …") as status:
            found = run_drill(replace(job, say=status.update))
    else:
        found = run_drill(job)
    redraw_cards(result, folder, found)
    if json:
        put(found.to_json())
    print_drill(found, result, folder, PlainConsole(stderr=json), whole=everything)


def _read_sizes(said: list[str] | None) -> list[float]:
    """Read sizes from their text.

    Raises
    ------
    QuestionError
        When one is no number.
    """
    from audit.config.options import split
    from audit.errors import QuestionError, printable

    found = []
    for word in split(said, "--sizes"):
        try:
            found.append(float(word))
        except ValueError as error:
            raise QuestionError(f"--sizes has '{printable(word)}', which is no number; write 0.05 for 5%") from error
    return found


def _find_run(run: str, store: Path) -> tuple[AuditResult, Path]:
    """Return the run that is meant; of an audit.toml the latest run of the same configuration."""
    from audit.cli.named_runs import load_by_name, resolve_name

    if not run.endswith(TOML):
        return load_by_name(resolve_name(run, store), store)
    from audit.config.read import load
    from audit.errors import QuestionError, printable
    from audit.pipeline.records import record_question
    from audit.record.reader import read_result
    from audit.record.store import Store

    digest = record_question(load(Path(run))[0]).digest
    for entry in Store(store).runs():
        if entry.state == "complete":
            result = read_result(entry.path)
            if result.question.digest == digest:
                say(f"run {result.run.id}, the latest of this configuration in {store}", err=True)
                return result, entry.path
    shown = printable(run, 200), printable(store, 200)
    raise QuestionError(f"no run of '{shown[0]}' as it stands in the store '{shown[1]}'; make one with audit run")


COMMANDS = (Command(drill, {"name": "drill"}),)
