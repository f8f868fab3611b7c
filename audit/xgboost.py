"""XGBoost: the whole audit around ``xgboost.train`` and the estimators. Needs the extra ``evenhand[xgboost]``.

::

    with AuditCallback("audit.toml", predictions=lambda booster: frame_of(booster)) as callback:
        xgboost.train(parameters, rows, callbacks=[callback])  # last in the list, so that it sees the model as it is
    callback.run.result

The block is for the exceptions, for which XGBoost has no hook: without it a training that raises is recorded as
incomplete when its booster is gone, when another training begins, or when the process ends.
"""

from __future__ import annotations

from typing import Any

from audit.errors import MissingExtraError
from audit.wrapping.callback import CallbackBase
from audit.wrapping.safely import say

try:
    from xgboost import collective
    from xgboost.callback import TrainingCallback
except ImportError as error:
    raise MissingExtraError("audit.xgboost", "xgboost", error) from error

__all__ = ["AuditCallback"]


class AuditCallback(CallbackBase, TrainingCallback):  # type: ignore[misc]
    """Audits each training: the data before it, its energy, the predictions of the booster after it.

    A failing gate on the data raises `audit.DataRefusedError` out of ``train``, and nothing is trained. The other ranks
    do nothing.

    Parameters
    ----------
    config, predictions, options
        As in `audit.wrapping.callback.CallbackBase`; ``predictions`` is called with the booster, of
        ``xgboost.cv`` with all.
    """

    def before_training(self, model: Any) -> Any:
        """Check the data, which a failing gate ends the training with."""
        self._begin(collective.get_rank(), anchor=model, of=model)
        return model

    def after_training(self, model: Any) -> Any:
        """Audit the booster."""
        if self._predictions is not None and self._going_on:
            _warn_of_rounds(model)
        self._end(model)
        return model


def _warn_of_rounds(model: Any) -> None:
    """Say which rounds are audited, where early stopping may go on with fewer."""
    best = getattr(model, "attr", lambda _: None)("best_iteration")
    rounds = model.num_boosted_rounds()
    if best is not None and int(best) + 1 < rounds:
        say(
            f"audit: the booster has {rounds} rounds, the best was {int(best) + 1}; the audit is of what"
            " `predictions` takes (iteration_range); the callback must stand last, after EarlyStopping(save_best=True)"
        )
