"""How a command that makes a result begins and ends: the job, what is shown, the exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from audit.cli.console import put
from audit.errors import words_of
from audit.system.environment import DEFAULT_STORE, find_ci

if TYPE_CHECKING:
    from audit.cli.ci.report import AskedReport
    from audit.config.schema import Config
    from audit.pipeline.run import Audited, Job
    from audit.pipeline.track import Tracked
    from audit.record.result import AuditResult

HERE = Path(DEFAULT_STORE)
OUTPUT_LOST = 74
"""EX_IOERR of sysexits.h, as for standard output that is not whole."""
STEPS = {
    "fail": "Find which step causes the difference",
    "undefined": "Add rows for the group, or set a limit on another metric",
}
"""What to do next, by the verdict of a run that did not pass."""


def make_job(
    config: Config,
    folder: Path,
    store: Path,
    command: tuple[str, ...],
    *,
    json: bool,
    metered: bool = True,
    insist: bool = False,
) -> Job:
    """Return what to audit, and where the evidence goes."""
    from audit.cli.console import make_stepper, open_console
    from audit.pipeline.run import Job
    from audit.record.store import Store

    return Job(
        config=config,
        folder=folder,
        store=Store(store),
        command=command,
        quiet_stdout=json,
        step=make_stepper(open_console()),
        metered=metered,
        insist=insist,
        say=_say,
    )


def _say(sentence: str) -> None:
    """Print a sentence for people on stderr."""
    from audit.cli.console import open_console

    open_console().print(sentence, markup=False)


def conclude(
    audited: Audited,
    store: Path,
    *,
    json: bool,
    exit_zero: bool,
    gated: bool,
    whole: bool = False,
    reports: Sequence[AskedReport] = (),
    config: Path | None = None,
) -> None:
    """Show what came of it, write its reports, and exit by the verdict."""
    excused = exit_zero and audited.exit_code in {1, 3}
    _print_audited(audited, store, json=json, gated=gated, exit_zero=excused, whole=whole)
    if audited.lost is not None:
        _say(f"audit: the run was judged{_list_verdicts(audited)}, but not kept: {audited.lost}")
    code = 0 if excused else audited.exit_code
    raise typer.Exit(report_result(reports, audited.result, code, config=config, folder=audited.folder, json=json))


# Reports for continuous integration. Where none is asked for, and no CI is found, nothing is loaded for them.
def ask_reports(texts: Sequence[str] | None) -> tuple[AskedReport, ...]:
    """Return the reports to write; what cannot be written is refused before anything is audited."""
    if not texts and find_ci() is None:
        return ()
    from audit.cli.ci.report import read_reports

    return read_reports(texts)


def ask_baseline(config: Config, named: str | None, folder: Path, reports: Sequence[AskedReport]) -> Config:
    """Return the question beside the baseline that is named, where one is; a report of changes is refused without."""
    if named is not None:
        from audit.cli.ci.baseline import use_baseline

        config = use_baseline(config, named, folder)
    if reports:
        from audit.cli.ci.report import require_baseline

        require_baseline(reports, compared=config.baseline is not None)
    return config


@contextmanager
def fence_log(*, json: bool) -> Iterator[None]:
    """Print what people read so that GitHub Actions takes no line of it for a command; elsewhere nothing is added.

    Names of groups are another's text, and a line that is wrapped may begin anywhere in one. Source: "Stopping and
    starting workflow commands" in GitHub's documentation.
    """
    if find_ci() != "github":
        yield
        return
    import secrets

    token, stream = secrets.token_hex(16), sys.stderr if json else sys.stdout
    stream.write(f"::stop-commands::{token}\n")
    try:
        yield
    finally:
        stream.write(f"::{token}::\n")


def report_result(
    reports: Sequence[AskedReport],
    result: AuditResult,
    code: int,
    *,
    config: Path | None,
    folder: Path | None,
    json: bool,
) -> int:
    """Write reports of a result, and return the exit code: where one is lost, a pass is none."""
    if not reports:
        return code
    from audit.cli.ci.report import write_reports

    own = code if result.run.interrupted else None
    written = write_reports(reports, result, config=config, folder=folder, json=json, code=own)
    return code if written else code or OUTPUT_LOST


def _list_verdicts(audited: Audited) -> str:
    """Return every limit by its name, because no file has it; nothing where none was set."""
    from audit.errors import printable
    from audit.record.result import name_verdict

    said = [f"{name_verdict(gate.verdict)} {printable(gate.name)}" for gate in audited.result.gates]
    return f" ({', '.join(said)})" if said else ""


def _print_audited(
    audited: Audited, store: Path, *, json: bool, gated: bool, exit_zero: bool = False, whole: bool = False
) -> None:
    """Print a result for people, and the document where it is asked for."""
    from audit.cli.console import PlainConsole
    from audit.report.terminal.summary import Ending, print_summary

    if json:
        put(audited.result.to_json())
    where = find_store_option(store)
    ending = Ending(
        folder=audited.folder,
        next_command=_suggest_next(audited, where, gated=gated),
        exit_zero=exit_zero,
        code=audited.exit_code if audited.result.run.interrupted else None,
        option="--verbose",
        more="" if audited.folder is None else f"audit show --all{where}",
    )
    with fence_log(json=json):
        print_summary(audited.result, PlainConsole(stderr=json), ending, whole=whole)


def find_store_option(store: Path) -> str:
    """Return the option that names a store in a command to be copied; nothing for the one that is looked at anyway."""
    if store == HERE:
        return ""
    return f" --store {shlex.quote(str(store))}"


def print_tracked(tracked: Tracked, store: Path, *, json: bool) -> None:
    """Show what came of a tracked command; nothing that happens here may become its exit code."""
    try:
        if tracked.lost is not None:
            print(f"audit: energy was not recorded ({tracked.lost}); the command was not affected", file=sys.stderr)  # noqa: T201
        if tracked.result is not None and tracked.folder is not None:
            from audit.pipeline.run import Audited

            audited = Audited(result=tracked.result, folder=tracked.folder, exit_code=tracked.exit_code)
            _print_audited(audited, store, json=json, gated=False)
        elif tracked.result is not None and json:
            put(tracked.result.to_json())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a defect of ours must not become the command's exit code
        print(f"audit: the record could not be shown: {words_of(error)}", file=sys.stderr)  # noqa: T201


def _suggest_next(audited: Audited, where: str, *, gated: bool) -> str:
    """Return the one command that makes sense next."""
    stage = audited.result.run.command[1]
    if (not gated or audited.result.verdict == "not judged") and stage in {"data", "model", "pairs", "run"}:
        return _suggest_gate(audited.result, stage)
    verdict = audited.result.verdict
    if verdict == "incomplete":
        if stage == "track":
            return ""
        return "Fix the error above and run again"
    # An inconclusive loss of a compressed model has a next step of its own, and so has a failure.
    asked_once = {"data", "model", "pairs"} | ({"edge"} if verdict == "pass" else set())
    if stage in asked_once and not {"--write-config", "--config"} & set(sys.argv):
        return f"To use {_name_limits(audited.result)} in CI, add --write-config audit.toml"
    step = _suggest_more_rows(audited.result) if verdict == "insufficient" else STEPS.get(verdict)
    if step:
        return f"{step}; all numbers: audit show --all{where}"
    return f"audit dashboard{where}"


def _suggest_more_rows(result: AuditResult) -> str:
    """Return what to do about a limit that the data cannot decide, with how many rows would where that is known."""
    from audit.gates.headline import suggest_next
    from audit.gates.verdicts import find_deciding_gate
    from audit.gates.words.voice import write_times
    from audit.record.edge import EDGE

    gate = find_deciding_gate(result.gates)
    if gate is not None and gate.name.startswith(EDGE):
        return suggest_next(result).rstrip(".")
    needed = "more rows" if gate is None or not gate.needed_n else f"about {write_times(gate.needed_n)} as many rows"
    return f"Audit {needed}, or accept it on record with a waiver"


def _name_limits(result: AuditResult) -> str:
    return "this limit" if len(result.gates) == 1 else "these limits"


def _name_missing(result: AuditResult, metric: str, stage: str) -> str:
    """Return what to add so that groups are compared by a metric: a label, groups, or both."""
    data = result.question.config.get("data") or {}
    predictions = result.question.config.get("predictions") or {}
    missing = ["groups"] if not data.get("groups") else []
    labelled = data.get("label") or predictions.get("label")
    if not any(e.metric == metric for e in result.estimates) and not labelled:
        missing.insert(0, "label")
    if stage == "run":
        return f"set {' and '.join(missing) or 'groups'} in [data]"
    # audit read always writes the groups of items into one column.
    of_items = dict(result.question.config.get("predictions") or {}).get("task") == "items"
    column = "group" if of_items else "COLUMN"
    return f"add {' '.join(f'--{key} {column}' for key in missing or ['groups'])}"


def _suggest_gate(result: AuditResult, stage: str) -> str:
    """Return how to have a result judged: by a limit on what it measured, or by naming what is compared."""
    from audit.gates.headline import choose_example

    of_data = stage == "data" or (stage == "run" and not result.question.config.get("predictions"))
    rule = choose_example(result, of_data=of_data)
    metric, compare = rule.split()[:2]
    if not any((e.metric, e.compare) == (metric, compare) for e in result.estimates):
        return f"To compare groups, {_name_missing(result, metric, stage)}"
    if stage != "run":
        return f'To judge this, add --gate "{rule}"'
    of_stage = "data." if of_data else ""
    return f"To judge this, add [[gates]] to audit.toml, such as {of_stage}{rule}"
