"""What a user puts around a training: a block, or a decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from audit.system.current_run import current_run
from audit.wrapping.current import find_other_rank
from audit.wrapping.sidecar.client import SidecarClient
from audit.wrapping.training import PATIENCE_S, Training

P = ParamSpec("P")
T = TypeVar("T")


def training(
    config: Any = None,
    *,
    data: Any = None,
    test: Any = None,
    store: str | Path | None = None,
    insist: bool = False,
    metered: bool = True,
    patience_s: float = PATIENCE_S,
    quiet: bool = False,
) -> Training:
    """Wrap a training in its audit: ``with audit.training("audit.toml") as run:``.

    Parameters
    ----------
    config
        Path of an audit.toml or its folder, or a mapping of the same sections. ``[train] command`` is not run: the
        block is the training.
    data, test
        Rows in memory to check before the training, in place of ``[data] source`` and ``test``.
    store
        Folder that keeps every run; ``EVENHAND_STORE``, or ``audit-runs``.
    insist
        Train although a gate on the data fails; the result says so.
    metered
        Whether energy is metered, by a process beside this one.
    patience_s
        Seconds that one step of the audit may hold up the training's process before it is given up.
    quiet
        Say nothing on stderr.

    Returns
    -------
    Training
        A context manager. Its ``predictions(frame)`` hands over a table in place of a file; ``result`` is the audit
        when the block has ended. On every rank of a distributed training but the first it does nothing.

    Raises
    ------
    InputError
        The question or the data cannot be used; nothing was trained.
    DataRefusedError
        A gate on the data fails; nothing was trained. Raised when the block is entered.

    Examples
    --------
    >>> question = {"data": {"label": "y", "groups": ["sex"]}, "predictions": {"prediction": "p"}}
    >>> with training(question, store="/tmp/runs", metered=False) as run:  # doctest: +SKIP
    ...     run.predictions({"y": [1, 0], "p": [1, 0], "sex": ["f", "m"]})
    """
    # A meter takes a second to start: all that is imported for the question is imported meanwhile.
    beside = SidecarClient() if metered and find_other_rank() is None else None
    from audit.wrapping.question import make_question

    try:
        asked = make_question(config, data, test, store)
    except BaseException:
        if beside is not None:
            beside.abandon()
        raise
    asked.beside = beside
    return Training(asked, insist=insist, metered=metered, patience_s=patience_s, quiet=quiet)


def trained(config: Any = None, **options: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Wrap a function that trains in its audit: ``@audit.trained("audit.toml")``.

    Parameters
    ----------
    config, options
        As in `training`. A mapping or path is read anew at each call.

    Returns
    -------
    callable
        A decorator. The function's arguments, return value and exceptions are its own; its attribute ``run`` is the
        `Training` of the last call.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            with training(config, **options) as run:
                wrapped.run = run  # type: ignore[attr-defined]
                return function(*args, **kwargs)

        return wrapped

    return decorate


def active() -> Training | None:
    """Return the innermost training that is inside its audit in this process; None where there is none."""
    found: Training | None = current_run()
    return found


__all__ = ["Training", "active", "trained", "training"]
