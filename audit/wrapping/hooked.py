"""A training that a framework's own hooks tell of: one opens its audit, another closes it.

Where a framework has no hook for the end, or for an exception, the audit is closed as incomplete by whatever comes
first: the end of the ``with`` block that the callback was used as, the next training, the end of the object that
trained, or the end of the process. Only the beginning raises, and only what is to keep the training from starting.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from audit.errors import DataRefusedError, InputError, QuestionError, words_of
from audit.wrapping.around import Training, active, training
from audit.wrapping.innermost import is_going_on, step_out
from audit.wrapping.patience import LONGEST, say
from audit.wrapping.undisturbed import undisturbed

UNSAID = (
    "nobody said how the training ended: it raised, or another began first; energy is counted until that was noticed"
)
NO_TRAINING = "audit: no training began in the block, so nothing was audited; give the callback to the training"
FROM_A_FILE = "audit: this callback was stored with a model and audits nothing; make a new one"
OPEN: list[weakref.finalize[..., Any]] = []
"""What closes the audits that hooks have opened."""


class Hooked:
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

    run: Training | None

    def __init__(self, config: Any = None, *, predictions: Callable[[Any], Any] | None = None, **options: Any) -> None:
        super().__init__()
        self.run = None
        self._config, self._predictions, self._options = config, predictions, options
        self._closer: weakref.finalize[..., Any] | None = None
        self._stored = False
        if config is not None:
            self._require_names(training(config, **{**options, "metered": False}))

    def _begin(self, rank: int = 0, anchor: Any = None) -> None:
        """Open the audit before a training, or use the one that is active.

        Parameters
        ----------
        rank
            Of this process, as the framework has it; only the first audits.
        anchor
            What lives no longer than the training that fails; this callback where the framework has no such object.

        Raises
        ------
        InputError
            The question or the data cannot be used.
        DataRefusedError
            A gate on the data fails.
        """
        close_unsaid()
        self.run, self._closer = None, None
        if self._stored:
            say(FROM_A_FILE)
        elif rank == 0:
            self.run = active()
            self._join(self.run) if self.run is not None else self._open(self if anchor is None else anchor)

    def _join(self, run: Training) -> None:
        self._require_names(run)

    def _open(self, anchor: Any) -> None:
        if self._config is None:
            raise QuestionError(
                "no audit is active here; give the callback an audit.toml, or a mapping of its sections"
            )
        run = self.run = training(self._config, **self._options)
        try:
            run.__enter__()
        except (InputError, DataRefusedError):
            raise
        except Exception as error:  # noqa: BLE001 - what breaks in the auditor never reaches the training
            say(f"audit: not begun: {words_of(error, LONGEST)}; training is untouched, and nothing is recorded")
            return
        self._closer = weakref.finalize(anchor, _collected, run)
        OPEN.append(self._closer)

    @property
    def _going_on(self) -> bool:
        """Whether the training that this callback has seen begin belongs to an audit that is open."""
        return self.run is not None and is_going_on(self.run)

    def _end(self, model: Any) -> None:
        """Audit what the training left; a training that is not audited is left alone."""
        if self.run is None or not self._going_on:
            return
        if self._predictions is not None:
            with contained(self.run, "the predictions were not made"), undisturbed(model):
                self.run.predictions(self._predictions(model))
        self._close(None)

    def _fail(self, error: BaseException) -> None:
        """Keep how the training ended."""
        self._close(error)

    def _close(self, error: BaseException | None) -> None:
        closer, self._closer = self._closer, None
        # An audit that this callback has not opened is closed by whoever did.
        if closer is None or closer.detach() is None or self.run is None:
            return
        OPEN.remove(closer)
        with contained(self.run, "the audit was not concluded"):
            self.run.__exit__(type(error) if error is not None else None, error, None)

    def _require_names(self, run: Training) -> None:
        if self._predictions is not None and not run.names_predictions:
            raise QuestionError("predictions are given, but the question has no [predictions] to name their columns")

    def __enter__(self) -> Self:
        self.run = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.run is None and error is None:
            say(NO_TRAINING)
        if error is not None:
            self._fail(error)
        elif self._closer is not None and self._closer.alive:
            close_unsaid()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy that has seen nothing yet; rows and functions are shared."""
        return type(self)(self._config, predictions=self._predictions, **self._options)

    def __reduce__(self) -> tuple[Any, ...]:
        """What a file keeps: nothing, so that no model carries the rows of its audit or fails to be stored."""
        return stored, (type(self),)


def stored(kind: type[Hooked]) -> Hooked:
    """A callback as it comes out of a file: it audits nothing, and says so."""
    callback = kind()
    callback._stored = True  # noqa: SLF001 - of this module
    return callback


def close_unsaid() -> None:
    """Close, as incomplete, the audits whose trainings never said that they ended."""
    while OPEN:
        left = OPEN.pop().detach()
        if left is not None:
            run: Training = left[2][0]
            with contained(run, "the audit was not concluded"):
                run.lose(UNSAID)


def _collected(run: Training) -> None:
    """Close the audit of an object that is gone, which may happen in the midst of anything: nothing is waited for."""
    step_out(run)
    OPEN[:] = [closer for closer in OPEN if closer.alive]
    if not threading.main_thread().is_alive():
        run.lose(UNSAID)
        return
    threading.Thread(target=run.lose, args=(UNSAID,), name="audit").start()


@contextmanager
def contained(run: Training, what: str) -> Iterator[None]:
    """Make what breaks inside a problem of the run, and no exception."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - what breaks in the auditor never reaches the training
        run.note(f"{what}: {words_of(error, LONGEST)}")
