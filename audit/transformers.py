"""Hugging Face Transformers: the whole audit around ``trainer.train``. Needs the extra ``evenhand[transformers]``.

::

    with AuditCallback("audit.toml", predictions=lambda model: frame_of(model)) as callback:
        Trainer(model, arguments, train_dataset=rows, callbacks=[callback]).train()
    callback.run.result

The block is for the exceptions, for which Transformers has no hook: without it a training that raises is recorded as
incomplete when the callback is gone, when another training begins, or when the process ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from audit.errors import MissingExtraError
from audit.wrapping.callback import CallbackBase, EpochEnds

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingExtraError("audit.transformers", "transformers", error) from error

__all__ = ["AuditCallback"]


class AuditCallback(CallbackBase, TrainerCallback):  # type: ignore[misc]
    """Audits each ``trainer.train``: the data before it, its energy, the predictions of the model after it.

    A failing gate on the data raises `audit.DataRefusedError` out of ``train``, and nothing is trained. The other ranks
    do nothing.

    Parameters
    ----------
    config, predictions, options
        As in `audit.wrapping.callback.CallbackBase`; ``predictions`` is called with the model.
    tally
        A `audit.torch.GroupTally` that the model updates while it is evaluated; it is closed after every evaluation
        of the training.
    """

    def __init__(
        self,
        config: Any = None,
        *,
        predictions: Callable[[Any], Any] | None = None,
        tally: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(config, predictions=predictions, **options)
        self._epochs, self._training = EpochEnds(tally), False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Check the data, which a failing gate ends the training with."""
        del control, kwargs
        self._epochs.begin()
        self._training = True
        self._begin(0 if state.is_world_process_zero else max(1, args.process_index), of=state)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the tally of the epoch; an evaluation outside of the training belongs to none."""
        del args, control, kwargs
        if self._training:
            self._epochs.end(max(0, math.ceil(state.epoch or 0) - 1))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Audit the model."""
        del args, state, control
        self._training = False
        self._end(kwargs.get("model"))
