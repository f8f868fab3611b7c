"""An instrument in a process of its own, so that nothing in it can reach the run.

A library that hangs while it holds Python's lock would stop every thread beside it, even the one that passes signals
on; a process is ended by the system whatever it does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import IO, Any

from audit.energy.instruments import probe
from audit.energy.instruments.instrument import MeterName, Reading
from audit.energy.ledger import Source
from audit.errors import words_of
from audit.system import processes

END_S = 0.3
"""Longest that the process may take to be gone once it was killed."""


class Apart:
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

    def start(self) -> None:
        """Start the process; it finds the hardware while the run goes on."""
        try:
            self._process = processes.started(
                probe.__name__, self._name, str(os.getpid()), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except (OSError, ValueError) as error:
            self.reason = f"the process of the meter cannot be started: {words_of(error)}"

    def read(self) -> Reading | None:
        """Joules up to now; waits for the process, for as long as that lives."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(probe.READ)
            process.stdin.flush()
            answer = _answer(process.stdout)
        except (OSError, ValueError):
            answer = None
        if answer is None:
            how = self._end(process)
            # Whoever ended it meanwhile has said why.
            self.reason = self.reason or how
            return None
        self.reason = answer["reason"]
        return _reading(answer["reading"])

    def stop(self) -> None:
        """End the process; it keeps nothing that would be lost."""
        process, self._process = self._process, None
        if process is None:
            return
        processes.end(process, END_S)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def abandon(self) -> bool:
        """End the process now, from any thread; a `read` that waits for it comes back with nothing."""
        process = self._process
        if process is not None:
            self.reason = self.reason or "it did not answer in time and was ended"
            processes.kill(process)
        return True

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> str:
        """How the process ended by itself, in words."""
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


def _answer(lines: IO[bytes]) -> dict[str, Any] | None:
    """The next answer; None at the end. What Python prints at its start, before the probe has its streams, is none."""
    for line in iter(lines.readline, b""):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.keys() == {"reason", "reading"}:
                return found
    return None


def _reading(found: Mapping[str, Any] | None) -> Reading | None:
    if found is None:
        return None
    sources = (Source(**fields) for fields in found["sources"])
    # Every process of a machine reads one monotonic clock.
    return Reading(total_j=found["total_j"], sources={s.component: s for s in sources}, version=found["version"],
                   began_s=found["began_s"], ended_s=found["ended_s"])  # fmt: skip
