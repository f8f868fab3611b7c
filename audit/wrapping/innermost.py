"""Which audited trainings are going on in this process; what is inside is told the folder of the innermost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.surroundings import RUN


@dataclass(slots=True)
class Inside:
    """A training inside its audit, in the process that began it."""

    run: Any
    outer: str | None
    """Folder that was named before."""
    pid: int


_GOING_ON: list[Inside] = []


def step_in(run: Any, folder: Path | None) -> None:
    """Begin: from now on this is the run that what happens belongs to."""
    _GOING_ON.append(Inside(run, os.environ.get(RUN), os.getpid()))
    if folder is not None:
        os.environ[RUN] = str(folder)


def step_out(run: Any) -> None:
    """End, in any order: a run that nobody ended may lie under a later one."""
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


def innermost() -> Any:
    """Training that is going on in this process, the last that began; None where there is none."""
    return _GOING_ON[-1].run if _GOING_ON and _GOING_ON[-1].pid == os.getpid() else None


def is_going_on(run: Any) -> bool:
    """Whether a training is inside its audit in this process."""
    return any(inside.run is run and inside.pid == os.getpid() for inside in _GOING_ON)
