"""The command that makes a run the baseline of later ones, and how a command is told which baseline to use."""

from __future__ import annotations

import getpass
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from audit.cli import options as o
from audit.cli.console import say
from audit.cli.named_runs import explain_defects, load_by_name
from audit.cli.options import Command
from audit.system.environment import DEFAULT_STORE

if TYPE_CHECKING:
    from audit.config.schema import Config
    from audit.record.baseline import Adoption
    from audit.record.result import AuditResult, Gate

HERE = Path(DEFAULT_STORE)
NONE = "none"
"""Judges without the baseline that a file names."""
MOST_NAMED = 3
LONGEST_NAME, LONGEST_SENTENCE = 160, 4_000


def use_baseline(config: Config, named: str | None, folder: Path) -> Config:
    """Return the question beside the baseline of a command, where one is given; a path is meant from here."""
    if named is None:
        return config
    if named == NONE:
        return config.model_copy(update={"baseline": None})
    from audit.gates.baseline import name_baseline

    given = Path(named)
    return name_baseline(config, os.path.relpath(given, folder) if given.exists() else named)


def judge_now(found: AuditResult, config: Config, named: str | None, store: Path, *, renamed: bool) -> AuditResult:
    """Return a recorded result judged today: beside the baseline that is named, or else beside the recorded one.

    Parameters
    ----------
    found, config
        The result, and the question by which it is judged.
    named
        Baseline of the command; None where none is given.
    store
        Where a run that is named lies.
    renamed
        Whether the question comes from another file, whose baseline then holds.
    """
    import datetime as dt

    from audit.gates.judge import judge_again
    from audit.pipeline.records import remeasure_from

    today = dt.datetime.now(dt.UTC).date()
    if config.baseline is not None and (named is not None or renamed):
        from audit.pipeline.two_runs.baseline import judge_beside, open_baseline
        from audit.record.store import Store

        earlier = open_baseline(config, Path(), Store(store))
        if earlier is not None:
            return judge_beside(earlier, found, config, today, Path())
    if named == NONE or (renamed and config.baseline is None):
        found = replace(found, baseline=None, gates=tuple(replace(gate, change=None) for gate in found.gates))
    return judge_again(found, config, today, remeasure_from(config, found.cubes))


def baseline(
    action: Annotated[Literal["update"], typer.Argument(metavar="update", help="Make a run the baseline.")],
    result: o.JudgedRun = "",
    output: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Baseline to write (default: [baseline] result of audit.toml)."),
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="The audit.toml that names the baseline.")
    ] = Path("audit.toml"),
    accept: Annotated[
        bool,
        typer.Option("--accept-worse", help="Accept limits that are worse or begin to fail; needs --reason."),
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why they are accepted; it is recorded.")
    ] = "",
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who decides (default: the name in git, or of the account).")
    ] = "",
    store: o.StorePath = HERE,
) -> None:
    """Make a run the baseline of later ones.

    Never happens by itself; a run that is worse is refused unless it is accepted with a reason.
    """
    del action
    from audit.errors import QuestionError
    from audit.record.baseline import Adoption
    from audit.system.atomic import write_text

    if not result:
        raise QuestionError(
            "RUN is missing: name the run that becomes the baseline, such as `audit baseline update latest`"
        )
    if accept and not reason.strip():
        raise QuestionError("--accept-worse needs --reason: say why limits that are worse are accepted")
    found, _ = load_by_name(result, store)
    place = _find_place(output, config)
    with explain_defects(found):
        judged, amiss = _judge_beside_present(found, place, store)
    names = [gate.name for gate in amiss]
    if amiss and not accept:
        raise QuestionError(_refuse(amiss))
    adoption = Adoption(by=by or _find_name(), at=_now(), reason=reason.strip(), accepted=tuple(names))
    write_text(place.resolve(), replace(judged, adopted=adoption).to_json() + "\n")
    _tell(judged, place, adoption)


def _find_place(output: Path | None, config: Path) -> Path:
    """Return the file of the baseline: as given, or as audit.toml names it."""
    from audit.config.read import load
    from audit.errors import QuestionError, printable

    if output is not None:
        return output
    if not config.exists():
        raise QuestionError(f"no '{printable(config)}' names a baseline; name the file to write with --to FILE")
    loaded, folder = load(config)
    if loaded.baseline is None:
        raise QuestionError(f"'{printable(config)}' has no [baseline] result; add it, or name a file with --to FILE")
    return folder / loaded.baseline.result


def _judge_beside_present(found: AuditResult, place: Path, store: Path) -> tuple[AuditResult, list[Gate]]:
    """Return a run beside the baseline that is there, and the limits that stand worse than in it."""
    from audit.config.read import read_question
    from audit.errors import QuestionError, StoreError, printable
    from audit.gates.baseline import find_refused
    from audit.record.reader import read_result

    if found.verdict == "incomplete":
        raise QuestionError(f"run {printable(found.run.id, 40)} is incomplete; name a run that was judged")
    if not place.exists():
        return found, []
    try:
        read_result(place)
    except StoreError as error:
        raise QuestionError(
            f"'{printable(place, 200)}' exists and is no record, so it is not overwritten; name another file with --to"
        ) from error
    config = use_baseline(read_question(found), str(place), Path())
    judged = judge_now(found, config, str(place), store, renamed=False)
    return judged, find_refused(judged.gates)


def _refuse(amiss: list[Gate]) -> str:
    from audit.errors import printable

    shown = " ".join(f"{printable(gate.name, LONGEST_NAME)}: {_explain_refused(gate)}" for gate in amiss[:MOST_NAMED])
    more = f" And {len(amiss) - MOST_NAMED} more." if len(amiss) > MOST_NAMED else ""
    return (
        f"the run is worse than the baseline; correct that, or accept it: --accept-worse --reason TEXT. {shown}{more}"
    )


def _explain_refused(gate: Gate) -> str:
    """Return why a limit is refused, in whole sentences; what is worse is said with both numbers."""
    from audit.errors import printable

    worse = gate.change is not None and gate.change.moved == "worse"
    said = gate.change.sentence if gate.change is not None and worse else gate.sentence
    return printable(said, LONGEST_SENTENCE)


def _find_name() -> str:
    """Return the name in git, or of the account."""
    try:
        command = ("git", "config", "user.name")
        name = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        name = ""
    return name or getpass.getuser()


def _now() -> str:
    from audit.pipeline.run import now

    return now()


def _tell(judged: AuditResult, place: Path, adoption: Adoption) -> None:
    from audit.errors import printable

    open_ = [gate for gate in judged.gates if gate.alone not in {"pass", "waived"}]
    limits = f"{len(judged.gates)} limit{'s' * (len(judged.gates) != 1)}"
    known = f"{len(open_)} do not pass and are known from now on" if len(open_) != 1 else "1 does not pass and is known"
    said = f"{limits}, all pass" if not open_ else f"{limits}, {known}"
    say(f"Wrote {printable(place, 200)}: run {printable(judged.run.id, 40)} is the baseline ({said}).")
    say(f"Recorded: by {printable(adoption.by, 80)}, {adoption.at}.")
    say("It is the whole record, with small counts: keep it where records may lie, and publish cards only.")


COMMANDS = (Command(baseline, {"name": "baseline"}),)
