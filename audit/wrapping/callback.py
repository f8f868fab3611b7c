"""A training that a framework's own hooks tell of: one opens its audit, another closes it.

Where a framework has no hook for the end, or for an exception, the audit is closed as incomplete by whatever comes
first: the end of the ``with`` block that the callback was used as, the next training, the end of the object that
trained, or the end of the process. Only the beginning raises, and only what is to keep the training from starting.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from audit.errors import DataRefusedError, InputError, QuestionError, words_of
from audit.system.current_run import is_any_elsewhere, is_going_on, leave_run
from audit.wrapping.safely import LONGEST, preserve_state, say
from audit.wrapping.seen import (
    Family,
    Seen,
    find_seen,
    keep,
    keep_opened,
    list_left_by_threads,
    list_opened_here,
    make_reference,
)
from audit.wrapping.wrap import Training, active, training

UNSAID = (
    "the end of the training was not reported: it raised, or another began first; energy is counted "
    "until that was noticed"
)
NO_TRAINING = "audit: no training began in the block, so nothing was audited; give the callback to the training"
FROM_A_FILE = "audit: this callback was saved with a model and audits nothing; make a new one"
ONE_IS_ENOUGH = "audit: another callback already audits this training; this one adds no audit"
IN_ANOTHER_THREAD = (
    "audit: the surrounding audit was started in another thread, and this callback has no "
    "configuration of its own; this training is not audited"
)


class CallbackBase:
    """What the callbacks of all frameworks share.

    Parameters
    ----------
    config
        As in `audit.training`. Inside an audit that is active already, that one is used and this may be left out.
    predictions
        Called with the model when training has ended, a torch module in eval mode without gradients; returns the
        table that ``[predictions]`` describes. Without it, leave the table that ``[predictions] source`` names. It is
        called on the first rank alone, so a model that is sharded over ranks needs the latter.
    options
        ``data``, ``test``, ``store``, ``insist``, …, as in `audit.training`.

    Attributes
    ----------
    run : Training or None
        The last training that began; its ``result`` is the audit, when that has ended.

    Raises
    ------
    QuestionError
        When the question makes no sense.
    """

    def __init__(self, config: Any = None, *, predictions: Callable[[Any], Any] | None = None, **options: Any) -> None:
        super().__init__()
        self._config, self._predictions, self._options = config, predictions, options
        self._family = Family()
        self._stored = False
        if config is not None:
            self._require_names(training(config, **{**options, "metered": False}))

    @property
    def run(self) -> Training | None:
        """The last training that began, of this callback or a copy of it."""
        return self._family.last

    @property
    def _seen(self) -> Seen:
        return find_seen(self)

    def _begin(self, rank: int = 0, anchor: Any = None, of: Any = None) -> None:
        """Open the audit before a training, or use the one that is active.

        Parameters
        ----------
        rank
            Of this process, as the framework has it; only the first audits.
        anchor
            What lives no longer than the training that fails; this callback where the framework has no such object.
        of
            What trains, of which there is one for each training.

        Raises
        ------
        InputError
            The question or the data cannot be used.
        DataRefusedError
            A gate on the data fails.
        """
        if of is not None and self._is_of_another(of):
            return
        _close_unsaid()
        seen = Seen(of=None if of is None else make_reference(of), run=None if self._stored or rank else active())
        keep(self, seen)
        self._note(seen)
        if self._stored:
            say(FROM_A_FILE)
        elif seen.run is not None:
            self._require_names(seen.run)
        elif rank == 0:
            self._open(self if anchor is None else anchor, seen)

    def _is_of_another(self, of: Any) -> bool:
        """Return whether the audit of this very training is open, by another callback of the list or by this one."""
        opener = next((s for s in list_opened_here() if s.of is not None and s.of() is of), None)
        if opener is None:
            return False
        if self._seen is not opener:
            keep(self, Seen(of=opener.of))
            self._note(Seen(run=opener.run))
            say(ONE_IS_ENOUGH)
        return True

    def _note(self, seen: Seen) -> None:
        """Tell the blocks and the copies of a training that began."""
        with self._family.lock:
            self._family.begun.append(seen)
            self._family.last = seen.run

    def _open(self, anchor: Any, seen: Seen) -> None:
        if self._config is None and is_any_elsewhere():
            say(IN_ANOTHER_THREAD)
            return
        if self._config is None:
            raise QuestionError("no audit is active; give the callback an audit.toml, or a mapping of its sections")
        run = training(self._config, **self._options)
        self._family.last = run
        try:
            run.__enter__()
        except (InputError, DataRefusedError):
            raise
        except Exception as error:  # noqa: BLE001 - what breaks in the auditor never reaches the training
            say(f"audit: not started: {words_of(error, LONGEST)}; training was not affected, nothing is recorded")
            return
        seen.run, seen.closer = run, weakref.finalize(anchor, _close_collected, run)
        keep_opened(seen)

    @property
    def _going_on(self) -> bool:
        """Whether the training that this callback has seen begin here belongs to an audit that is open."""
        run = self._seen.run
        return run is not None and is_going_on(run)

    def _end(self, model: Any, seen: Seen | None = None) -> None:
        """Audit what the training left; a training that is not audited is left alone."""
        seen = self._seen if seen is None else seen
        if seen.run is None or not is_going_on(seen.run):
            return
        if self._predictions is not None:
            with _contain_errors(seen.run, "the predictions were not made"), preserve_state(model):
                seen.run.predictions(self._predictions(model))
        close(seen, None)

    def _leave(self, begun: Sequence[Seen], error: BaseException | None) -> None:
        """End what a block has to end: nothing, where the framework says itself when training has ended.

        Parameters
        ----------
        begun
            Trainings of the block: all of its threads when the outermost ends, else that of this thread.
        error
            With which the block ends.
        """

    def _fail(self, error: BaseException) -> None:
        """Keep how the training ended."""
        close(self._seen, error)

    def _require_names(self, run: Training) -> None:
        if self._predictions is not None and not run.names_predictions:
            raise QuestionError(
                "predictions are given, but the configuration has no [predictions]; name their columns there"
            )

    def __enter__(self) -> Self:
        family = self._family
        with family.lock:
            if family.blocks == 0:
                family.begun.clear()
                family.last = None
            family.blocks += 1
        keep(self, Seen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        family = self._family
        with family.lock:
            family.blocks -= 1
            outermost, begun = family.blocks == 0, tuple(family.begun)
            if outermost:
                family.begun.clear()
        own = self._seen
        if outermost and not begun and error is None:
            say(NO_TRAINING)
        self._leave((*(s for s in begun if outermost and s is not own), own), error)
        if error is not None:
            self._fail(error)
        lose_audit(own)
        keep(self, Seen())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy that has seen nothing yet.

        Rows and functions are shared, and what has begun is known to both.
        """
        copy = type(self)(self._config, predictions=self._predictions, **self._options)
        copy._family, copy._stored = self._family, self._stored  # noqa: SLF001 - of this class
        return copy

    def __copy__(self) -> Self:
        """Return a copy, as a deep one."""
        return self.__deepcopy__({})

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a file keeps: nothing, so that no model carries the rows of its audit or fails to be stored."""
        return _restore_stored, (type(self),)


def _restore_stored(kind: type[CallbackBase]) -> CallbackBase:
    """Return a callback as it comes out of a file: it audits nothing, and says so."""
    callback = kind()
    callback._stored = True  # noqa: SLF001 - of this module
    return callback


def close(seen: Seen, error: BaseException | None) -> None:
    """Conclude an audit that a callback has opened; any other is closed where it was opened."""
    closer, seen.closer = seen.closer, None
    if closer is None or closer.detach() is None or seen.run is None:
        return
    with _contain_errors(seen.run, "the audit was not concluded"):
        seen.run.__exit__(type(error) if error is not None else None, error, None)


def lose_audit(seen: Seen) -> None:
    """Close, as incomplete, an audit of a training that never said that it ended."""
    closer, seen.closer = seen.closer, None
    if closer is None or closer.detach() is None or seen.run is None:
        return
    with _contain_errors(seen.run, "the audit was not concluded"):
        seen.run.lose(UNSAID)


def _close_unsaid() -> None:
    """Close audits of this thread or task after trainings that never said that they ended; others are not its own."""
    for seen in (*reversed(list_opened_here()), *list_left_by_threads()):
        if not seen.held:
            lose_audit(seen)


def _close_collected(run: Training) -> None:
    """Close the audit of an object that is gone, which may happen in the midst of anything: nothing is waited for."""
    leave_run(run)
    if not threading.main_thread().is_alive():
        run.lose(UNSAID)
        return
    threading.Thread(target=run.lose, args=(UNSAID,), name="audit").start()


@contextmanager
def _contain_errors(run: Training, what: str) -> Iterator[None]:
    """Make what breaks inside a problem of the run, and no exception."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - what breaks in the auditor never reaches the training
        run.note(f"{what}: {words_of(error, LONGEST)}")


# A tally that a framework's hooks close after every epoch.
class EpochEnds:
    """Ends the epochs of a tally such as `audit.torch.GroupTally`; what breaks in it is a line on stderr.

    Parameters
    ----------
    tally
        Anything with ``epoch(number, part=...)``, or None. On every rank it is asked, as tables of ranks are added.
    """

    def __init__(self, tally: Any) -> None:
        self._tally = tally

    def begin(self) -> None:
        """Forget rows of before: of a sanity check, or of an evaluation that belongs to no epoch."""
        reset = getattr(self._tally, "reset", None)
        if reset is not None:
            self._safely(reset)

    def end(self, number: int) -> None:
        """End an epoch of the validation, counted from 0."""
        if self._tally is not None:
            self._safely(lambda: self._tally.epoch(number, part="validation"))

    @staticmethod
    def _safely(work: Any) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - what breaks in the auditor never reaches the training
            say(
                f"audit: the groups of an epoch were not counted: {words_of(error, LONGEST)}; training was not affected"
            )
