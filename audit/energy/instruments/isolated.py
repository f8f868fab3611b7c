"""An instrument in a process of its own, so that nothing in it can reach the run.

A library that hangs while it holds Python's lock would stop every thread beside it, even the one that passes signals
on; a process is ended by the system whatever it does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from audit.energy.instruments import probe
from audit.energy.instruments.instrument import MeterName, Reading
from audit.energy.ledger import Source
from audit.errors import words_of
from audit.system import processes
from audit.system.channel import Channel, ChannelClosedError, start_with_channel

END_S = 0.3
"""Longest that the process may take to be gone once it was killed."""


class IsolatedInstrument:
    """An `Instrument` that another process reads.

    Parameters
    ----------
    name
        Of the library to read with.
    """

    def __init__(self, name: MeterName = "codecarbon") -> None:
        self.reason: str | None = None
        """What last went wrong, in words."""
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None

    def start(self) -> None:
        """Start the process; it finds the hardware while the run goes on."""
        try:
            self._process, self._channel = start_with_channel(
                probe.__name__, self._name, str(os.getpid()), patience_s=probe.LONGEST_S
            )
        except (OSError, ValueError) as error:
            self.reason = f"the process of the meter cannot be started: {words_of(error)}"

    def read(self) -> Reading | None:
        """Return joules up to now; waits for the process, for as long as that lives."""
        process, channel = self._process, self._channel
        if process is None or channel is None:
            return None
        answer: Mapping[str, Any] | None = None
        with contextlib.suppress(ChannelClosedError, ValueError):
            channel.send({"read": True})
            answer = channel.receive()
        if answer is None:
            how = _describe_end(process)
            # Where another thread has ended it meanwhile, that one has said why.
            self.reason = self.reason or how
            return None
        self.reason = answer["reason"]
        return _to_reading(answer["reading"])

    def stop(self) -> None:
        """End the process; it keeps nothing that would be lost."""
        if self._process is not None:
            processes.end(self._process, END_S)
        if self._channel is not None:
            self._channel.close()
        self._process = self._channel = None

    def abandon(self) -> bool:
        """End the process now, from any thread; a `read` that waits for it comes back with nothing."""
        process = self._process
        if process is not None:
            self.reason = self.reason or "it did not answer in time and was ended"
            processes.kill(process)
        return True


def _describe_end(process: subprocess.Popen[bytes]) -> str:
    """Return how the process ended by itself, in words."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    code = process.returncode
    if code is None:
        return "its process went silent without an answer"
    if code == -signal.SIGALRM:
        return f"it took over {probe.LONGEST_S} s for one reading and was ended"
    if code < 0:
        return f"its process was ended by signal {-code}"
    return f"its process ended with exit code {code}"


def _to_reading(found: Mapping[str, Any] | None) -> Reading | None:
    if found is None:
        return None
    sources = {component: Source(**fields) for component, fields in found["sources"].items()}
    # The moments are as they came: every process of a machine reads one monotonic clock.
    return Reading(**{**found, "sources": sources})
