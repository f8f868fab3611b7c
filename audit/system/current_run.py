"""Which audited trainings are going on in this process; what is inside is told the folder of the innermost.

Each thread and each task has its own (`contextvars`), so that trainings beside each other are none within another, and
one that was left open is in no other's way. What holds for the process, such as its
environment, names the last that began.
"""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.system.environment import RUN


@dataclass(slots=True, eq=False)
class _RunInside:
    """A training inside its audit, in the process that began it."""

    run: Any
    outer: str | None
    """Folder that the environment named before."""
    pid: int
    folder: str | None


_LOCK = threading.RLock()
"""Held for a moment; the end of an object may come in the midst of that, in the same thread."""
_GOING_ON: list[_RunInside] = []
"""Of the whole process, in the order in which they began."""
_HERE: ContextVar[tuple[_RunInside, ...]] = ContextVar("audit_innermost", default=())
"""Of this context, with what has ended elsewhere since."""


def enter_run(run: Any, folder: Path | None) -> None:
    """Begin: from now on this is the run that what happens here belongs to."""
    named = None if folder is None else str(folder)
    with _LOCK:
        inside = _RunInside(run, os.environ.get(RUN), os.getpid(), named)
        _GOING_ON.append(inside)
        if named is not None:
            os.environ[RUN] = named
    _HERE.set((*_list_here(), inside))


def leave_run(run: Any) -> None:
    """End, in any order and any thread: a run that was never ended may lie under a later one."""
    with _LOCK:
        at = next((i for i, inside in enumerate(_GOING_ON) if inside.run is run), None)
        if at is None:
            return
        outer = _GOING_ON.pop(at).outer
        if at < len(_GOING_ON):
            _GOING_ON[at].outer = outer
        elif outer is None:
            os.environ.pop(RUN, None)
        else:
            os.environ[RUN] = outer
    _HERE.set(_list_here())


def _list_here() -> tuple[_RunInside, ...]:
    """Return trainings that are going on in this context."""
    pid = os.getpid()
    return tuple(inside for inside in _HERE.get() if inside.pid == pid and inside in _GOING_ON)


def current_run() -> Any:
    """Return the training that is going on in this context, the last that began; None where there is none."""
    here = _list_here()
    return here[-1].run if here else None


def find_folder_here() -> str | None:
    """Return the folder of the innermost training of this context."""
    here = _list_here()
    return here[-1].folder if here else None


def is_going_on(run: Any) -> bool:
    """Return whether a training is inside its audit in this process."""
    return any(inside.run is run and inside.pid == os.getpid() for inside in tuple(_GOING_ON))


def is_any_elsewhere() -> bool:
    """Return whether a training is inside its audit in another context of this process."""
    return any(inside.pid == os.getpid() for inside in tuple(_GOING_ON)) and not _list_here()
