"""Work of the auditor that may fail or hang without the training noticing more than a delay.

Must not: let anything but an interrupt out.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from audit.errors import printable, words_of

T = TypeVar("T")
LONGEST = 400
"""Of what is said of an error, so that its offender and its mend are in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """What a piece of work came to: a value, or why there is none."""

    value: T | None = None
    problem: str | None = None
    error: BaseException | None = None


def work_within(patience_s: float, what: str, work: Callable[[], T]) -> Outcome[T]:
    """Do work in a thread of its own; what takes longer than the patience is left to itself.

    Parameters
    ----------
    patience_s
        Seconds that the training is kept waiting at most.
    what
        The work, as the problem names it.
    work
        Called once.
    """
    box: list[Outcome[T]] = []

    def run() -> None:
        try:
            box.append(Outcome(value=work()))
        except BaseException as error:  # noqa: BLE001 - whatever breaks in the auditor must not reach the training
            box.append(Outcome(problem=f"{what}: {words_of(error, LONGEST)}", error=error))

    if not threading.main_thread().is_alive():
        # The interpreter is ending: no thread can be started any more, and no training is kept waiting.
        run()
        return box[0]
    thread = threading.Thread(target=run, name="audit", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        return Outcome(problem=f"{what}: {words_of(error, LONGEST)}", error=error)
    thread.join(patience_s)
    if box:
        return box[0]
    return Outcome(problem=f"{what}: not done within {patience_s:g} s, so it was not waited for")


def say(text: str) -> None:
    """Write a line to stderr, where there is one."""
    if sys.stderr is None:
        return
    try:
        # In one piece, so that lines of several threads stay lines.
        sys.stderr.write(f"{printable(text, 1000)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


# Whatever a function draws or switches while predictions are made, training's surroundings are as before.
@contextmanager
def preserve_state(model: Any) -> Iterator[None]:
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
