"""Whatever a function draws or switches while predictions are made, training's surroundings are as before."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """Predict with a model: a torch module in eval mode without gradients, all random states as they were.

    A loader of torch draws from the global state even where it does not shuffle.

    Parameters
    ----------
    model
        Of any framework; only a torch module is switched.
    """
    with ExitStack() as after:
        after.callback(random.setstate, random.getstate())
        _keep_numpy(after)
        _keep_torch(after, model)
        yield


def _keep_numpy(after: ExitStack) -> None:
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        after.callback(numpy.random.set_state, numpy.random.get_state())


def _keep_torch(after: ExitStack, model: Any) -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    after.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        after.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
    if isinstance(model, torch.nn.Module):
        # A frozen part may have been in eval mode all along, so each keeps its own.
        for module in model.modules():
            after.callback(setattr, module, "training", module.training)
        model.eval()
    after.enter_context(torch.no_grad())
