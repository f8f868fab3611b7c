"""How a command that makes a result begins and ends: the job, what is shown, the exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from audit.cli.console import put
from audit.errors import words_of
from audit.system.environment import DEFAULT_STORE

if TYPE_CHECKING:
    from audit.config.schema import Config
    from audit.pipeline.run import Audited, Job
    from audit.pipeline.track import Tracked
    from audit.record.result import AuditResult

HERE = Path(DEFAULT_STORE)


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
    from audit.cli.progress import make_stepper, open_console
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
    from audit.cli.progress import open_console

    open_console().print(sentence, markup=False)


def conclude(audited: Audited, store: Path, *, json: bool, exit_zero: bool, gated: bool) -> None:
    """Show what came of it, and exit by the verdict."""
    excused = exit_zero and audited.exit_code in {1, 3}
    _print_audited(audited, store, json=json, gated=gated, exit_zero=excused)
    if audited.lost is not None:
        _say(f"audit: the run is judged, and not kept: {audited.lost}")
    raise typer.Exit(0 if excused else audited.exit_code)


def _print_audited(audited: Audited, store: Path, *, json: bool, gated: bool, exit_zero: bool = False) -> None:
    """Print a result for people, and the document where it is asked for."""
    from audit.cli.console import PlainConsole
    from audit.report.terminal.summary import print_summary

    if json:
        put(audited.result.to_json())
    console = PlainConsole(stderr=json)
    following = _suggest_next(audited, "" if store == HERE else f" --store {store}", gated=gated)
    own = audited.exit_code if audited.result.run.interrupted else None
    print_summary(audited.result, console, folder=audited.folder, next_command=following, exit_zero=exit_zero, code=own)


def print_tracked(tracked: Tracked, store: Path, *, json: bool) -> None:
    """Show what came of a tracked command; nothing that happens here may become its exit code."""
    try:
        if tracked.lost is not None:
            print(f"audit: not recorded, and the command ended as it would alone: {tracked.lost}", file=sys.stderr)  # noqa: T201
        if tracked.result is not None and tracked.folder is not None:
            from audit.pipeline.run import Audited

            audited = Audited(result=tracked.result, folder=tracked.folder, exit_code=tracked.exit_code)
            _print_audited(audited, store, json=json, gated=False)
        elif tracked.result is not None and json:
            put(tracked.result.to_json())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a defect of ours must not become the command's exit code
        print(f"audit: what was recorded could not be shown: {words_of(error)}", file=sys.stderr)  # noqa: T201


def _suggest_next(audited: Audited, where: str, *, gated: bool) -> str:
    """Return the one command that makes sense next."""
    stage = audited.result.run.command[1]
    if (not gated or audited.result.verdict == "not judged") and stage in {"data", "model", "run"}:
        return _suggest_gate(audited.result, stage)
    if stage in {"data", "model"} and "--write-config" not in sys.argv:
        return "to use these limits in CI, add --write-config audit.toml"
    return f"audit dashboard{where}"


def _suggest_gate(result: AuditResult, stage: str) -> str:
    """Return how to have a result judged: by a limit on what it measured, or by naming what is compared."""
    of_data = stage == "data" or (stage == "run" and not result.question.config.get("predictions"))
    rule = f"{'base_rate' if of_data else 'selection_rate'} ratio >= 0.8"
    if any(e.metric == "mean_error" for e in result.estimates):
        rule = "mean_error difference <= 1"
    if any(e.metric == "exposure" for e in result.estimates):
        rule = "exposure ratio >= 0.8"
    if any(e.outcome is not None for e in result.estimates):
        rule = f"worst_class_{rule}"
    metric, compare = rule.split()[:2]
    if not any((e.metric, e.compare) == (metric, compare) for e in result.estimates):
        needed = "groups" if any(e.metric == metric for e in result.estimates) else "a label and groups"
        return f"name {needed} to have groups compared"
    if stage != "run":
        return f'to judge this, add --gate "{rule}"'
    of_stage = "data." if of_data else ""
    return f"add [[gates]] to audit.toml, such as {of_stage}{rule}"
