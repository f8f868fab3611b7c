"""Lightning: the whole audit around ``trainer.fit``. Needs the extra ``evenhand[lightning]``.

::

    callback = AuditCallback("audit.toml", predictions=lambda module: frame_of(module))
    Trainer(callbacks=[callback]).fit(module, loader)
    callback.run.result
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit.errors import MissingExtraError
from audit.wrapping.callback import CallbackBase, EpochEnds

try:
    from lightning.pytorch import Callback
except ImportError as error:
    raise MissingExtraError("audit.lightning", "lightning", error) from error

__all__ = ["AuditCallback"]


class AuditCallback(CallbackBase, Callback):  # type: ignore[misc]
    """Audits each ``trainer.fit``: the data before it, its energy, the predictions of the module after it.

    A failing gate on the data raises `audit.DataRefusedError` out of ``fit``, and nothing is trained. An exception of
    the training is on record, and the run incomplete. The other ranks do nothing.

    Parameters
    ----------
    config, predictions, options
        As in `audit.wrapping.callback.CallbackBase`; ``predictions`` is called with the module.
    tally
        A `audit.torch.GroupTally` that ``validation_step`` updates; it is closed after every epoch of the validation.
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
        self._epochs = EpochEnds(tally)

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Check the data, which a failing gate ends the training with."""
        del pl_module
        self._epochs.begin()
        self._begin(trainer.global_rank, of=trainer)

    def on_sanity_check_end(self, trainer: Any, pl_module: Any) -> None:
        """Forget the rows of the sanity check, which belong to no epoch."""
        del trainer, pl_module
        self._epochs.begin()

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Close the tally of the epoch."""
        del pl_module
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._epochs.end(trainer.current_epoch)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Audit the module."""
        del trainer
        self._end(pl_module)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Keep how the training ended."""
        del trainer, pl_module
        self._fail(exception)
