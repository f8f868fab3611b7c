"""What a meter asks: cumulative joules per component, and how each of them comes about.

Must not: know any library that reads hardware; the other files here are the borders to those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from audit.energy.ledger import Source

MeterName = Literal["codecarbon", "zeus"]
EVERY_BOARD = "every board of the machine, all processes, idle power included"

LATEST_S = 60.0
"""An answer about a moment longer ago than any answer takes is of another clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Joules since the start, by component, and how they come about."""

    total_j: Mapping[str, float]
    sources: Mapping[str, Source]
    version: str
    """Name and version of the library that read them."""
    began_s: float | None = None
    """Monotonic time up to which joules are counted; None where the instrument cannot say, and then it is now."""
    ended_s: float | None = None
    """Monotonic time from which the next reading counts."""

    def moments(self, now_s: float) -> tuple[float, float]:
        """Return up to when it counts, and from when the next one does; now where it says nothing that can be."""
        if self.began_s is None or self.ended_s is None:
            return now_s, now_s
        told = now_s - LATEST_S <= self.began_s <= self.ended_s <= now_s
        return (self.began_s, self.ended_s) if told else (now_s, now_s)


class Instrument(Protocol):
    """Something that reads the hardware.

    No method raises: what goes wrong is told by `reason` and by the absence of a reading.
    """

    reason: str | None
    """What last went wrong, in words."""

    def start(self) -> None:
        """Find the hardware and begin."""

    def read(self) -> Reading | None:
        """Return joules up to now, or None where there is no reading."""

    def stop(self) -> None:
        """End what was started."""

    def abandon(self) -> bool:
        """Give up on it, from any thread; True where a `read` that still waits comes back with nothing."""
