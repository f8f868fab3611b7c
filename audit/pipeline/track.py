"""Metering any command, open towards the command: it runs and ends as it would alone, whatever happens to us.

A store that cannot be written, a disk that fills up or a defect of ours costs the record, never the command; what was
lost is told in one line.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.energy.meter import Meter
from audit.errors import AuditError, StoreError, words_of
from audit.pipeline.run import Job, conclude, make_meter, now, record_run, write
from audit.pipeline.stages import Findings
from audit.record.epochs import make_environment, read_epochs
from audit.record.result import AuditResult, Energy
from audit.system.command import Ended, run_command, to_exit_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A command that was metered, as far as that could be recorded."""

    exit_code: int
    """The command's own, in the shell's convention."""
    result: AuditResult | None = None
    folder: Path | None = None
    """Where the result lies; None where the store refused it."""
    lost: str | None = None
    """Why it is not in the store, in words."""


def track(command: Sequence[str], job: Job) -> Tracked:
    """Run a command under the meter; nothing is judged.

    Raises
    ------
    InputError
        The command or the question is wrong, so that nothing was run.
    """
    run_id, started, found = job.store.new_run_id(), now(), Findings()
    staging, lost = _begin(job, run_id)
    try:
        ended, energy, broken = _run_metered(command, job, make_meter(job, staging), staging)
    except AuditError:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        raise
    found.exit_codes["train"], found.interrupted = ended.exit_code, ended.interrupted
    result = folder = None
    try:
        if staging is not None:
            found.epochs, found.epoch_notes = read_epochs(staging)
        record = record_run(job, run_id, started, found)
        result = conclude(job.config, found, record, energy, failed=ended.exit_code != 0)
        folder = write(result, job.store, job.step) if staging is not None else None
    except Exception as error:  # noqa: BLE001 - a defect of ours must not become the command's exit code
        broken = broken or words_of(error)
    return Tracked(exit_code=to_exit_status(ended), result=result, folder=folder, lost=lost or broken)


def _begin(job: Job, run_id: str) -> tuple[Path | None, str | None]:
    """Return the folder for the run, or why there is none."""
    try:
        return job.store.begin(run_id), None
    except StoreError as error:
        return None, str(error)


def _run_metered(
    command: Sequence[str], job: Job, meter: Meter, staging: Path | None
) -> tuple[Ended, Energy | None, str | None]:
    """Return how the command ended, what it drew, and what went wrong with the meter after it had ended."""
    ended = None
    try:
        with meter:
            with meter.phase("train"):
                env = None if staging is None else make_environment(staging)
                ended = run_command(command, folder=job.folder, quiet_stdout=job.quiet_stdout, env=env)
            return ended, meter.energy(), None
    except Exception as error:
        if ended is None:
            raise
        return ended, None, words_of(error)
