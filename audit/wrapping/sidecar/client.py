"""The training's handle of the process beside it, in which the meter runs.

That process keeps the energy record, and when the training vanishes without a word it concludes the run as
incomplete.
No method raises, and none waits longer than it says: what went wrong is a reason in words.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from audit.errors import printable
from audit.system import processes
from audit.system.channel import Channel, ChannelClosedError, start_with_channel

if TYPE_CHECKING:
    from audit.energy.meter import Phase

PATIENCE_S = 1.8
"""Longest that a training waits in vain, all its questions together: for the meter's start, or for one that hangs."""
LAST_CHANCE_S = 0.2
"""What one question still gets when that is used up: a meter that was slow to start may be well by now."""
SIDECAR = "audit.wrapping.sidecar.server"


class SidecarClient:
    """The process beside a training."""

    def __init__(self) -> None:
        self.reason: str | None = None
        """Why nothing more is heard of it."""
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._pid = os.getpid()
        self._left_s = PATIENCE_S
        self._awake = False
        self._stalled = False
        try:
            self._process, self._channel = start_with_channel(SIDECAR, patience_s=PATIENCE_S)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._lose(f"its process could not be started: {printable(error, 160)}")
        # Who is never told of a run has nothing to conclude, and shall not outlive whoever dropped it.
        self._unused = weakref.finalize(self, _end_unused, self._channel, self._process, self._pid)

    def begin(self, run: Mapping[str, Any]) -> None:
        """Tell it of the run."""
        self._unused.detach()
        self._say(run)

    def ready(self) -> bool:
        """Return whether the meter has found the hardware; waits for it, once and not for long."""
        return self._ask({"ready": True}) is not None

    def enter(self, phase: Phase) -> None:
        """Open a phase."""
        self._say({"enter": phase, "at_s": time.monotonic()})

    def leave(self) -> None:
        """Close the phase, and wait until its last reading is booked; before the meter is ready it has none to book."""
        message = {"leave": True, "at_s": time.monotonic()}
        if self._awake or self._left_s <= 0:
            self._stalled = self._ask(message) is None
        else:
            self._say(message)

    @contextlib.contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Attribute what is drawn inside the block to a phase."""
        self.enter(phase)
        try:
            yield
        finally:
            self.leave()

    def stop(self) -> Mapping[str, Any] | None:
        """End it, and take its account of the energy; None where it gave none."""
        answer = self._ask({"stop": True})
        self._end()
        energy = None if answer is None else answer.get("energy")
        return energy if isinstance(energy, dict) else None

    def abandon(self) -> None:
        """End it without a word more: nothing is to be concluded."""
        self._say({"abandon": True})
        self._end()

    def _end(self) -> None:
        """Let the process go: what it knew is on disk, and a foreign library's last thread is not waited for."""
        self._unused.detach()
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        _end_process(self._process, self._pid)

    def _say(self, message: Mapping[str, Any]) -> None:
        if self._channel is None or os.getpid() != self._pid:
            return
        try:
            self._channel.send(message)
        except ChannelClosedError as error:
            self._lose(f"the meter's process is gone ({printable(error, 80)})")

    def _ask(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """Say something and wait for the answer to it; one that hangs is not waited for again."""
        self._say(message)
        if self._channel is None or self._stalled or os.getpid() != self._pid:
            return None
        began_s = time.monotonic()
        patience_s = max(LAST_CHANCE_S, self._left_s)
        try:
            while (left_s := began_s + patience_s - time.monotonic()) > 0:
                answer = self._channel.receive(left_s)
                self._awake = self._awake or answer is not None
                if answer is not None and answer.get("answer") in message:
                    return answer
        except (ChannelClosedError, ValueError) as error:
            self._lose(f"the meter's process is gone ({printable(error, 80)})")
            return None
        self._left_s -= time.monotonic() - began_s
        self.reason = "the meter did not answer in time"
        return None

    def _lose(self, reason: str) -> None:
        self.reason = reason
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _end_unused(channel: Channel | None, process: subprocess.Popen[bytes] | None, owner: int) -> None:
    """Hang up on a process that was started for nothing, and end it."""
    if channel is not None:
        channel.close()
    _end_process(process, owner)


def _end_process(process: subprocess.Popen[bytes] | None, owner: int) -> None:
    """End a process that this one has started."""
    if process is not None and os.getpid() == owner:
        processes.end(process, PATIENCE_S)
