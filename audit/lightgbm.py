"""LightGBM: the whole audit around ``lightgbm.train`` and the estimators. Needs the extra ``evenhand[lightgbm]``.

::

    with AuditCallback("audit.toml", predictions=lambda booster: frame_of(booster)) as callback:
        lightgbm.train(parameters, rows, callbacks=[callback])
    callback.run.result

LightGBM tells no callback that training has ended or which round was the best, so the block's end does.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from audit.errors import MissingExtraError, QuestionError
from audit.wrapping.around import active
from audit.wrapping.hooked import Hooked

try:
    import lightgbm  # noqa: F401 - asked for here, so that its absence is said here
except ImportError as error:
    raise MissingExtraError("audit.lightgbm", "lightgbm", error) from error

__all__ = ["AuditCallback"]


class AuditCallback(Hooked):
    """Audits the training in its block: the data before the first tree, its energy, the predictions of the booster.

    A failing gate on the data raises `audit.DataRefusedError` out of ``train``, and nothing is trained. Several
    trainings in one block are one run, whose predictions are those of the last.

    Parameters
    ----------
    config, predictions, options
        As in `audit.wrapping.hooked.Hooked`; ``predictions`` is called with the booster, of ``lightgbm.cv`` with all.
    """

    before_iteration = True
    order = -1000

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config, **options)
        self._inside = False
        self._forget()

    def _forget(self) -> None:
        self._model: Any = None
        self._scores: object = None
        self._last_round = False

    def __call__(self, env: Any) -> None:
        """Check the data before the first tree, which a failing gate ends the training with.

        Raises
        ------
        QuestionError
            When the callback is not used as a block, so that nobody would say when training has ended.
        """
        if env.iteration == env.begin_iteration:
            self._require_block()
            self._model, self._scores = env.model, getattr(env.model, "best_score", None)
            if not self._going_on:
                self._begin()
        self._last_round = env.iteration == env.end_iteration - 1

    def __enter__(self) -> Self:
        self._inside = True
        self._forget()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._ended():
            self._end(self._model)
        self._inside = False
        self._forget()
        super().__exit__(kind, error, trace)

    def _ended(self) -> bool:
        """Whether the last training that was seen has come to its end, and did not break off within the block."""
        if self._scores is None:
            return self._last_round
        # The booster is given new scores when, and only when, all rounds are over or early stopping has ended them.
        return self._model.best_score is not self._scores

    def _require_block(self) -> None:
        if not self._inside and (self._predictions is not None or active() is None):
            raise QuestionError(
                "LightGBM tells no callback that training has ended; train inside `with AuditCallback(…) as callback:`"
            )
