"""LightGBM: the whole audit around ``lightgbm.train`` and the estimators. Needs the extra ``evenhand[lightgbm]``.

::

    with AuditCallback("audit.toml", predictions=lambda booster: frame_of(booster)) as callback:
        lightgbm.train(parameters, rows, callbacks=[callback])
    callback.run.result

LightGBM tells no callback that training has ended or which round was the best, so the block's end does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.errors import MissingExtraError, QuestionError
from audit.wrapping.callback import CallbackBase, lose_audit
from audit.wrapping.safely import say
from audit.wrapping.seen import Seen, make_reference
from audit.wrapping.wrap import active

try:
    import lightgbm  # noqa: F401 - asked for here, so that its absence is said here
except ImportError as error:
    raise MissingExtraError("audit.lightgbm", "lightgbm", error) from error

__all__ = ["AuditCallback"]


SAME_RUN = (
    "audit: this training is in the run that the block has begun already, whose predictions will be those of the last"
)


class AuditCallback(CallbackBase):
    """Audits the training in its block: the data before the first tree, its energy, the predictions of the booster.

    A failing gate on the data raises `audit.DataRefusedError` out of ``train``, and nothing is trained. Several
    trainings of one thread in one block are one run with the predictions of the last; threads have a run each.

    Parameters
    ----------
    config, predictions, options
        As in `audit.wrapping.callback.CallbackBase`; ``predictions`` is called with the booster, of
        ``lightgbm.cv`` with all.
    """

    before_iteration = True
    order = -1000

    def __call__(self, env: Any) -> None:
        """Check the data before the first tree, which a failing gate ends the training with.

        Raises
        ------
        QuestionError
            When the callback is not used as a block, so that the end of training would not be known.
        """
        if env.iteration == env.begin_iteration:
            self._begins(env.model)
        self._seen.last_round = env.iteration == env.end_iteration - 1

    def _begins(self, model: Any) -> None:
        if not self._stored:
            self._require_block()
        seen = self._seen
        if self._going_on and seen.model is not None:
            seen.of = make_reference(model)
            say(SAME_RUN)
        else:
            self._begin(of=model)
            seen = self._seen
        seen.held, seen.model, seen.scores = True, model, getattr(model, "best_score", None)

    def _leave(self, begun: Sequence[Seen], error: BaseException | None) -> None:
        """Audit what has come to its end; where the block ends with an error, that of this thread has not."""
        own = self._seen
        for seen in begun:
            if _has_ended(seen) and (error is None or seen is not own):
                self._end(seen.model, seen)
            if seen is not own:
                lose_audit(seen)
            seen.model = None

    def _require_block(self) -> None:
        if not self._family.blocks and (self._predictions is not None or active() is None):
            raise QuestionError(
                "LightGBM does not report the end of training; train inside `with AuditCallback(…) as callback:`"
            )


def _has_ended(seen: Seen) -> bool:
    """Return whether the last training that was seen has come to its end, and did not break off within the block."""
    if seen.scores is None or seen.model is None:
        return seen.last_round
    # The booster is given new scores when, and only when, all rounds are over or early stopping has ended them.
    return seen.model.best_score is not seen.scores
