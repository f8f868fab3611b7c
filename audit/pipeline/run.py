"""The whole way through, in one screen: validate, look for bias, train under the meter, count, measure, judge, record.

Must not: print, parse arguments, or know how any step is done.
"""

from __future__ import annotations

import datetime as dt
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from audit._version import __version__
from audit.config.schema import Config
from audit.errors import AuditError, QuestionError, SourceError, StoreError, TrainingError, printable
from audit.gates.judge import Evidence, judge, require_waived
from audit.gates.verdicts import exit_code, worst_verdict
from audit.pipeline.records import record_question, remeasure_from
from audit.pipeline.stages import (
    Findings,
    OpenTables,
    Step,
    audit_predictions,
    check_data,
    require_inputs,
    require_inside,
    require_left,
    take_predictions,
)
from audit.record.held import RECORD
from audit.record.result import DOCUMENT, AuditResult, Code, Energy, Run
from audit.record.store import BEFORE, Store
from audit.system.environment import today
from audit.system.recorded_command import record_words

if TYPE_CHECKING:
    from audit.energy.meter import Meter, Phase
    from audit.pipeline.two_runs.baseline import Earlier
    from audit.system.command import Ended

NOT_KEPT = 74
"""Exit code of an audit that went well and could not be kept, as of one whose output could not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A finished audit: the result, where it lies, and the exit code it means."""

    result: AuditResult
    folder: Path | None
    exit_code: int
    lost: str | None = None
    """Why it lies nowhere, in words: a store that cannot be written costs the record and not the verdict."""


def _say_nothing(sentence: str) -> None:
    """Say nothing: a job that does not name a listener has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to audit and where the evidence goes."""

    config: Config
    folder: Path
    store: Store
    command: tuple[str, ...] = ()
    quiet_stdout: bool = False
    """Send what a tracked command prints to stderr, because stdout carries the document; training always does."""
    step: Step = nullcontext
    metered: bool = True
    insist: bool = False
    """Train although a gate on the data fails; the result says so."""
    say: Callable[[str], object] = _say_nothing
    """Tells people what they should know before the training and not after it."""


def run(job: Job) -> Audited:
    """Audit a whole training run, or the parts of it that the configuration asks for.

    Raises
    ------
    InputError
        Nothing was judged and nothing is left in the store.
    TrainingError
        Training failed, and on top of that the run could not be recorded.
    """
    require_waived(job.config, today())
    earlier = _open_baseline(job)
    opened = require_inputs(job.config, job.folder, job.store.folder)
    run_id, started = job.store.new_run_id(), now()
    staging, found, ended = job.store.begin(run_id), Findings(), None
    try:
        with make_meter(job, staging) if _is_metered(job) else nullcontext() as meter:
            _wait_untrained(meter, job.config)
            with _enter_phase(meter, "validate"):
                _prepare(job)
                check_data(job.config, opened, found, job.step)
            if job.config.train is not None:
                _may_train(job, found, earlier, started)
            if meter is not None and job.config.train is not None and not found.stopped_by:
                ended = _train(job, meter, found, staging, opened)
            if not found.stopped_by and (ended is None or ended.whole):
                with _enter_phase(meter, "audit"):
                    job = _audit_predictions(job, opened, found)
            energy = meter.energy() if meter is not None else None
    except AuditError:
        # What could not be put back is lost without its copies.
        if not (staging / BEFORE).exists():
            shutil.rmtree(staging, ignore_errors=True)
        raise
    return _finish(job, record_run(job, run_id, started, found), found, energy, ended, earlier)


def _open_baseline(job: Job) -> Earlier | None:
    """Return the baseline of a job, before anything is done that a baseline of another question would waste."""
    if job.config.baseline is None:
        return None
    from audit.pipeline.two_runs.baseline import open_baseline

    return open_baseline(job.config, job.folder, job.store)


def _compare(result: AuditResult, job: Job, earlier: Earlier | None) -> AuditResult:
    if earlier is None or result.verdict == "incomplete":
        return result
    from audit.pipeline.two_runs.baseline import judge_beside

    return judge_beside(earlier, result, job.config, dt.datetime.fromisoformat(result.run.finished).date(), job.folder)


def _audit_predictions(job: Job, opened: OpenTables, found: Findings) -> Job:
    """Audit the predictions, and return the job about them: of several compressed models, one is chosen here."""
    source = job.config.predictions_source
    if job.config.edge is None or source is None:
        audit_predictions(job.config, opened, found, job.step)
        return job
    from audit.pipeline.edge import audit_compressed

    table = take_predictions(job.config, opened, source)
    return replace(job, config=audit_compressed(table, job.folder, job.config, found, job.step))


def _finish(
    job: Job, record: Run, found: Findings, energy: Energy | None, ended: Ended | None, earlier: Earlier | None
) -> Audited:
    failed = ended is not None and not ended.whole
    try:
        result = _compare(conclude(job.config, found, record, energy, failed=failed), job, earlier)
        folder, lost = _keep(job, result, failed=failed)
    except Exception as error:
        if ended is None or not failed:
            raise
        # Whatever went wrong here came second; the exit code has to say that training failed.
        raise TrainingError(
            f"training ended with exit code {ended.exit_code}, and the run was not recorded: {printable(error, 300)}"
        ) from error
    code = exit_code(result.verdict, job.config.policy.insufficient) or (0 if lost is None else NOT_KEPT)
    interrupted = ended.signal_received if ended is not None else None
    return Audited(result=result, folder=folder, exit_code=128 + interrupted if interrupted else code, lost=lost)


def _keep(job: Job, result: AuditResult, *, failed: bool) -> tuple[Path | None, str | None]:
    """Return where a result is kept; of one that the store refuses, why."""
    try:
        return write(result, job.store, job.step), None
    except StoreError as error:
        if failed:
            raise
        return None, str(error)


def conclude(
    config: Config, found: Findings, record: Run, energy: Energy | None = None, *, failed: bool = False
) -> AuditResult:
    """Judge what was found, and make the document."""
    energy = None if energy is None else _add_units(energy, config, found)
    evidence = Evidence(
        estimates=found.estimates,
        checks=found.checks,
        energy=energy,
        stopped_by=found.stopped_by,
        remeasure=remeasure_from(config, found.cubes),
        edge=found.edge,
    )
    # By the day that is on record, so that whoever judges the document again decides alike about its waivers.
    gates = judge(config, evidence, dt.datetime.fromisoformat(record.finished).date())
    verdict = worst_verdict(gates, four_fifths=config.policy.four_fifths)
    return AuditResult(
        run=record,
        question=record_question(config),
        verdict="incomplete" if failed else verdict,
        data=tuple(found.data),
        cubes=tuple(found.cubes),
        estimates=found.estimates,
        checks=tuple(found.checks),
        energy=energy,
        gates=gates,
        epochs=found.epochs,
        epoch_notes=found.epoch_notes,
        edge=found.edge,
    )


def _add_units(energy: Energy, config: Config, found: Findings) -> Energy:
    """Return the energy with the carbon of each unit that the run served."""
    from audit.energy.sci import with_units

    return with_units(
        energy, unit=config.energy.unit, data=found.data, estimates=found.estimates, groups=config.data.groups
    )


def record_run(job: Job, run_id: str, started: str, found: Findings) -> Run:
    """Return how a run came about, once it has ended."""
    return Run(
        id=run_id,
        started=started,
        finished=now(),
        version=__version__,
        command=job.command,
        code=code_version(job.folder),
        exit_codes=found.exit_codes,
        stopped_by=found.stopped_by,
        continued=found.continued,
        interrupted=found.interrupted,
    )


def write(result: AuditResult, store: Store, step: Step = nullcontext) -> Path:
    """Publish a result into the store: the record, its report and its cards, all or nothing."""
    from audit.report.card.render import FILES, render_several
    from audit.report.disclosure.searches import SEARCHES, Searches, digest_record

    names = dict(FILES)
    if any(part.part != "predictions" for part in result.data):
        from audit.report.croissant import is_describable

        if is_describable(result):
            names["croissant"] = "croissant.json"
    with step("Writing report and card"):
        document = result.to_json()
        searches = Searches(digest_record(document.encode("utf-8", "surrogatepass")))
        cards = render_several(result, tuple(names), searches=searches)
        files = {DOCUMENT: document} | {names[name]: text for name, text in cards.items()}
        files |= {SEARCHES: searches.to_json()} if searches.is_worth_keeping else {}
        return store.commit(result.run.id, files)


def make_meter(job: Job, staging: Path | None) -> Meter:
    """Return the meter of a job, which keeps its record in a folder where there is one."""
    from audit.energy.meter import Meter

    return Meter.of(job.config.energy, record=None if staging is None else staging / RECORD)


def _is_metered(job: Job) -> bool:
    """Return whether there is anything whose energy is asked for: a look at tables alone is metered on request only."""
    config = job.config
    works = config.train is not None or config.data.prepare is not None
    asked = "energy" in config.model_fields_set or any(gate.stage == "energy" for gate in config.gates or ())
    return job.metered and (works or asked)


def _wait_untrained(meter: Meter | None, config: Config) -> None:
    """Wait for the hardware where no training will: what is asked for must not hang on how long the checks take."""
    if meter is not None and config.train is None:
        from audit.energy.meter import START_S

        meter.wait_ready(START_S)


def _enter_phase(meter: Meter | None, name: Literal["validate", "audit"]) -> AbstractContextManager[object]:
    """Return the phase of the meter, where one runs."""
    return nullcontext() if meter is None else meter.phase(name)


def _prepare(job: Job) -> None:
    command = job.config.data.prepare
    if command is None:
        return
    from audit.system.command import run_command

    with job.step("Preparing the data"):
        ended = run_command(command, folder=job.folder, quiet_stdout=True)
    if ended.signal_received is not None:
        # It was ended because we were: whoever stops us is told that, and not that the preparation is at fault.
        signal.raise_signal(ended.signal_received)
    if ended.exit_code != 0:
        raise SourceError(
            f"[data] prepare ({' '.join(record_words(command))}) failed with exit code {ended.exit_code}; see "
            "its message above"
        )


def _may_train(job: Job, found: Findings, earlier: Earlier | None, started: str) -> None:
    """Look at the gates on the data before a single step of training."""
    from audit.gates.before_training import judge_before_training

    remeasure = remeasure_from(job.config, found.cubes)
    evidence = Evidence(estimates=found.estimates, checks=found.checks, remeasure=remeasure)
    if earlier is not None:
        from audit.pipeline.two_runs.baseline import keep_baseline

        so_far = AuditResult(
            run=record_run(job, "", started, found),
            question=record_question(job.config),
            verdict="not judged",
            data=tuple(found.data),
            estimates=found.estimates,
        )
        evidence = replace(evidence, baseline=keep_baseline(earlier, so_far, None))
    failed, undecided = judge_before_training(job.config, evidence, today())
    if job.insist:
        found.continued = failed
    else:
        found.stopped_by = failed
    for sentence in () if found.stopped_by else undecided:
        job.say(f"audit: {sentence}")


def _train(job: Job, meter: Meter, found: Findings, staging: Path, opened: OpenTables) -> Ended:
    from audit.pipeline.earlier_predictions import Earlier, require_apart

    train = job.config.train
    if train is None:
        raise QuestionError("[train] is missing; add its command and predictions")
    place = require_inside(job.folder, train.predictions)
    # The data may have been made, or changed places, since the question was looked at.
    require_apart(job.config, job.folder, job.store.folder)
    before, ended, stands = Earlier.keep(place, staging), None, False
    try:
        with job.step("Training"):
            ended = _run_metered(train.command, job, meter, found, staging)
        found.exit_codes["train"], found.interrupted = ended.exit_code, ended.interrupted
        if ended.whole:
            before.refuse_old()
            with meter.phase("audit"):
                require_left(job.config, opened)
            stands = True
    finally:
        if not stands and (aside := before.put_back(failed=ended is None or not ended.whole)):
            kept = ", ".join(f"'{printable(path.name)}'" for path in aside)
            job.say(
                f"audit: the predictions from before training were restored; those of this training are kept as {kept}"
            )
        before.discard()
    return ended


def _run_metered(command: Sequence[str], job: Job, meter: Meter, found: Findings, staging: Path) -> Ended:
    """Run a command under the meter, and read what it said of its epochs."""
    from audit.record.epochs import make_environment, read_epochs

    env = make_environment(staging)
    # What training prints goes to stderr, so that standard output begins with the verdict.
    ended = run_metered_command(command, folder=job.folder, meter=meter, phase="train", quiet_stdout=True, env=env)
    found.epochs, found.epoch_notes = read_epochs(staging)
    return ended


def code_version(folder: Path) -> Code | None:
    """Return the commit of the folder's git checkout; None where there is none."""
    try:
        commit = _ask_git(folder, "rev-parse", "HEAD")
        return Code(commit=commit, dirty=bool(_ask_git(folder, "status", "--porcelain", "--untracked-files=no")))
    except (OSError, subprocess.SubprocessError):
        return None


def _ask_git(folder: Path, *arguments: str) -> str:
    command = ("git", "-C", str(folder), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def now() -> str:
    """Return the present time in UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def run_metered_command(
    command: Sequence[str],
    *,
    folder: Path,
    meter: Meter,
    phase: Phase = "train",
    quiet_stdout: bool = False,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command as one phase of a meter that is already running."""
    from audit.system.command import run_command

    with meter.phase(phase):
        return run_command(command, folder=folder, quiet_stdout=quiet_stdout, env=env)
