"""What one callback has seen of the training that goes on in its own thread or task.

A callback may serve several threads, be copied by a search over parameters, and stand in a list twice. So what it has
seen is kept by context, and what its blocks and copies must know of each other in one place that copies share.
"""

from __future__ import annotations

import threading
import weakref
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from audit.wrapping.training import Training


@dataclass(slots=True, eq=False)
class Seen:
    """One training that one callback has seen begin."""

    run: Training | None = None
    """The audit that it belongs to; None where it is not audited."""
    closer: weakref.finalize[..., Any] | None = None
    """What closes the audit, where this callback has opened it."""
    of: weakref.ref[Any] | None = None
    """What trains, so that a second callback of one list is told from another training."""
    thread: threading.Thread = field(default_factory=threading.current_thread)
    held: bool = False
    """Whether a block ends it, so that another training that begins within does not."""
    model: Any = None
    """What trains, where only the block can say that it has ended."""
    scores: object = None
    last_round: bool = False


@dataclass(slots=True, eq=False)
class Family:
    """What a callback and its copies share."""

    begun: list[Seen] = field(default_factory=list)
    """Trainings that began since the outermost block was entered."""
    blocks: int = 0
    """Blocks that are open, in whatever thread."""
    last: Training | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_SEEN: ContextVar[tuple[tuple[weakref.ref[Any], Seen], ...]] = ContextVar("audit_seen", default=())
_OPENED: ContextVar[tuple[Seen, ...]] = ContextVar("audit_opened", default=())
"""Audits that callbacks have opened in this context."""
_EVERYWHERE: list[Seen] = []
"""The same of the whole process."""
_LOCK = threading.RLock()


def find_seen(callback: Any) -> Seen:
    """Return what a callback has seen last in this context."""
    return next((seen for of, seen in _SEEN.get() if of() is callback), Seen())


def keep(callback: Any, seen: Seen) -> None:
    """Keep what a callback sees now in this context, in place of what it saw before."""
    others = tuple((of, s) for of, s in _SEEN.get() if of() is not None and of() is not callback)
    _SEEN.set((*others, (weakref.ref(callback), seen)))


def list_opened_here() -> tuple[Seen, ...]:
    """Return audits that callbacks have opened in this context and that were not closed."""
    return tuple(s for s in _OPENED.get() if s.closer is not None and s.closer.alive)


def list_left_by_threads() -> tuple[Seen, ...]:
    """Return audits that were not closed, and have lost their threads."""
    with _LOCK:
        _EVERYWHERE[:] = [s for s in _EVERYWHERE if s.closer is not None and s.closer.alive]
        return tuple(s for s in _EVERYWHERE if not s.thread.is_alive())


def keep_opened(seen: Seen) -> None:
    """Keep an audit that a callback has opened."""
    _OPENED.set((*list_opened_here(), seen))
    with _LOCK:
        _EVERYWHERE.append(seen)


def make_reference(trains: Any) -> weakref.ref[Any] | None:
    """Return a weak reference to what trains; None where there can be none."""
    try:
        return weakref.ref(trains)
    except TypeError:
        return None
