"""A training inside its audit: data before it, energy during it, predictions after it.

Open towards the training, closed towards the release: what breaks in the auditor never reaches the training, and a
run whose audit is not whole is recorded as incomplete, which no gate passes. Only what can be said before the training
starts is raised: a question that makes no sense, data that cannot be read, a gate on the data that fails.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from audit.errors import DataRefusedError, InputError, QuestionError, UndecidedWarning, words_of
from audit.system.current_run import enter_run, leave_run
from audit.wrapping.current import find_other_rank
from audit.wrapping.safely import LONGEST, say, work_within

if TYPE_CHECKING:
    from audit.record.result import AuditResult
    from audit.wrapping.question import WrappedQuestion
    from audit.wrapping.steps import Recording

PATIENCE_S = 600.0


class Training:
    """One training and its audit; made by `training`.

    Attributes
    ----------
    result : AuditResult or None
        The audit, when the block has ended; None inside it, and on a rank that does not audit.
    folder : Path or None
        Where the run lies in the store; None where it could not be written.
    problems : tuple of str
        What of the audit failed; the run is then incomplete.
    """

    def __init__(self, asked: WrappedQuestion, *, insist: bool, metered: bool, patience_s: float, quiet: bool) -> None:
        self.result: AuditResult | None = None
        self.folder: Path | None = None
        self._problems: list[str] = []
        self._asked = asked
        self._insist = insist
        self._metered = metered
        self._patience_s = patience_s
        self._quiet = quiet
        self._recording: Recording | None = None
        self._pid = os.getpid()
        self._mlflow_run: str | None = None
        """The one at the beginning: some frameworks end it before they say that training has ended."""
        self._rank = find_other_rank()

    @property
    def names_predictions(self) -> bool:
        """Whether the question has [predictions], which name the columns of the table."""
        return self._asked.config.predictions is not None

    @property
    def problems(self) -> tuple[str, ...]:
        """What of the audit failed, in words."""
        return tuple(self._problems)

    @property
    def staging(self) -> Path | None:
        """Folder of what is kept while the run goes on; None outside the block."""
        return None if self._recording is None else self._recording.staging

    def predictions(self, frame: Any) -> None:
        """Hand over the table of predictions, in place of a file.

        Parameters
        ----------
        frame
            A frame of pandas, polars or Arrow, or a mapping of columns; ``[predictions]`` names its columns. It is
            read when the block ends, so leave it as it is.

        Raises
        ------
        QuestionError
            When the question has no [predictions], which name the columns.
        """
        if not self.names_predictions:
            raise QuestionError("the configuration has no [predictions]; add it, with the columns of the table")
        self._asked.handed = frame

    def __enter__(self) -> Self:
        self._pid = os.getpid()
        if self._rank is not None:
            return self
        from audit.mlflow import find_active_run_id
        from audit.wrapping.steps import Recording

        asked, metered = self._asked, self._metered
        made = work_within(self._patience_s, "no audit", lambda: Recording(asked, metered=metered, note=self.note))
        recording = self._recording = made.value
        if recording is None:
            self.note(str(made.problem))
            return self
        try:
            self._look(recording)
        except BaseException:
            recording.abandon()
            raise
        enter_run(self, recording.staging)
        entered = work_within(self._patience_s, "the meter was not started", recording.enter_training)
        if entered.problem is not None:
            self.note(entered.problem)
        self._mlflow_run = find_active_run_id()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recording = self._recording
        if recording is None or os.getpid() != self._pid:
            # A forked worker that falls out of the block must not conclude its parent's run.
            return
        self._leave_run(recording, lambda: recording.leave_training(error))

    def lose(self, reason: str) -> None:
        """Conclude a training that never said how it ended; what is wrong is said in the result."""
        recording = self._recording
        if recording is None or os.getpid() != self._pid:
            return
        self._say(f"audit: {reason}")
        self._leave_run(recording, lambda: recording.lose_training(reason))

    def _leave_run(self, recording: Recording, leave: Callable[[], None]) -> None:
        leave_run(self)
        try:
            leave()
        except Exception as error:  # noqa: BLE001 - what breaks in the auditor never reaches the training
            self.note(f"the end of the training is not on record: {words_of(error, LONGEST)}")
        self._conclude(recording)

    def _look(self, recording: Recording) -> None:
        """Look at the data before the training, which a failing gate keeps from starting."""
        seen = work_within(self._patience_s, "the data was not checked", recording.look_at_data)
        if isinstance(seen.error, InputError):
            raise seen.error
        if seen.problem is not None:
            self.note(seen.problem)
            return
        failed, undecided = recording.judge_data()
        if failed and not self._insist:
            recording.found.stopped_by = failed
            self._conclude(recording)
            raise DataRefusedError(f"training was not started: {self._describe_gate(failed[0])}", self.result)
        recording.found.continued = failed
        self._tell(undecided)

    def _tell(self, undecided: tuple[str, ...]) -> None:
        """Say what will not pass and what is not run here, before the training and not after it."""
        for sentence in undecided:
            if self._quiet:
                warnings.warn(sentence, UndecidedWarning, stacklevel=4)
            self._say(f"audit: {sentence}")
        config = self._asked.config
        here = {"[data] prepare": config.data.prepare, "[train] command": config.train}
        if unrun := " and ".join(key for key, command in here.items() if command is not None):
            self._say(f"audit: {unrun}: only audit run uses it")

    def _describe_gate(self, gate: str) -> str:
        """Return the sentence of a gate that failed."""
        gates = () if self.result is None else self.result.gates
        return next((g.sentence for g in gates if g.name == gate), gate)

    def _conclude(self, recording: Recording) -> None:
        """Audit what the training left, judge, record, and say so in a line."""
        if recording.trained_well:
            audited = work_within(self._patience_s, "the predictions were not audited", recording.audit_predictions)
            if audited.problem is not None:
                self.note(audited.problem)
        concluded = work_within(
            self._patience_s, "the audit was not concluded", lambda: recording.conclude(self.problems)
        )
        result = self.result = concluded.value
        if result is None:
            self.note(str(concluded.problem))
            recording.let_go()
            return
        written = work_within(self._patience_s, "the run is not in the store", lambda: recording.write(result))
        if written.problem is not None:
            self.note(written.problem)
        self.folder = written.value
        self._log(result)
        self._say(f"audit: {self._make_sentence()}")

    def _log(self, result: AuditResult) -> None:
        """Log to the MLflow run of the training, where it has one."""
        from audit.mlflow import find_active_run_id, log

        run_id = find_active_run_id() or self._mlflow_run
        if run_id is None:
            return
        logged = work_within(self._patience_s, "not logged to MLflow", lambda: log(result, run_id=run_id))
        if logged.problem is not None:
            self._say(f"audit: {logged.problem}; the record in the store was not affected")

    def _make_sentence(self) -> str:
        from audit.report.terminal.summary import describe_in_a_line

        if self.result is not None:
            return describe_in_a_line(self.result, self.folder)
        return "nothing was recorded"

    def note(self, problem: str) -> None:
        """Keep a problem of the audit, which makes the run incomplete, and say it."""
        self._problems.append(problem)
        self._say(f"audit: {problem}; training was not affected, the run is recorded as incomplete")

    def _say(self, text: str) -> None:
        if not self._quiet:
            say(text)

    def __repr__(self) -> str:
        unjudged = f"not on rank {self._rank}" if self._rank else "open"
        return f"Training({unjudged if self.result is None else self.result.verdict})"
