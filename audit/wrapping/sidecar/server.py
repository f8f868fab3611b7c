"""Body of the process beside a training: the meter, and the last word on a training that vanished.

It is told what happens over its standard input, which is one end of a pair of sockets, and ends when it is told to or
when the training is gone: its end of the pair is closed, or this process has another parent.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from audit.config.read import build
from audit.energy.meter import Meter
from audit.record.held import RECORD, hold
from audit.system.channel import Channel, ChannelClosedError, take_channel

LOOK_S = 0.5
"""How often it looks whether the training is still there; a forked worker may hold the line open."""
ANSWER_S = 5.0
READY_S = 2.0
"""Longest that it waits for the meter's start before it listens again; the training waits less."""
VANISHED = "the training process ended without a report: it was killed, or it crashed"


class _Sidecar:
    """One run's meter, and who asks it."""

    def __init__(self, channel: Channel, begin: Mapping[str, Any]) -> None:
        self._channel = channel
        self._begin = begin
        self._staging = Path(begin["staging"])
        hold(self._staging)
        self._config = build(begin["config"], "the configuration of the run")
        self._meter = Meter.of(self._config.energy, record=self._staging / RECORD)
        self._open = False
        self._started_s = time.monotonic()

    def serve(self) -> None:
        """Do as told until told to stop; conclude where the training vanished."""
        with self._meter:
            told = self._listen()
            if told == "stop":
                self._answer("stop", energy=asdict(self._meter.energy()))
            if told == "vanished":
                if self._open:
                    self._leave(None)
                self._conclude()
            # Everything is on disk: the threads of a foreign library are not waited for.
            os._exit(0)

    def _listen(self) -> str:
        """Handle messages until the last one; how it ended."""
        for message in self._channel.listen(self._begin["parent"], LOOK_S):
            ending = next((word for word in ("stop", "abandon") if word in (message or {})), None)
            if ending is not None:
                return ending
            if message is not None:
                self._handle(message)
        return "vanished"

    def _handle(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            self._meter.wait_ready(self._started_s + READY_S - time.monotonic())
            self._answer("ready")
        elif "enter" in message:
            self._meter.enter(message["enter"], float(message["at_s"]))
            self._open = True
        elif "leave" in message and self._open:
            self._leave(float(message["at_s"]))
            self._answer("leave")

    def _leave(self, at_s: float | None) -> None:
        self._meter.leave(at_s)
        self._open = False

    def _answer(self, what: str, **more: Any) -> None:
        with suppress(ChannelClosedError):
            self._channel.send({"answer": what, **more})

    def _conclude(self) -> None:
        """Record a run that has lost its training: its energy, and a verdict that no release passes."""
        if not self._staging.is_dir():
            return
        if not self._begin["kept"]:
            shutil.rmtree(self._staging.parent, ignore_errors=True)
            return
        from audit.pipeline.run import code_version, conclude, now, write
        from audit.pipeline.stages import Findings
        from audit.record.epochs import read_epochs
        from audit.record.result import Run
        from audit.record.store import Store

        told = {**self._begin["run"], "command": tuple(self._begin["run"]["command"])}
        run = Run(**told, code=code_version(Path(self._begin["folder"])), finished=now(), ended=VANISHED)
        epochs, notes = read_epochs(self._staging)
        found = Findings(epochs=epochs, epoch_notes=notes)
        result = conclude(self._config, found, run, self._meter.energy(), failed=True)
        write(result, Store(self._staging.parent))


def main() -> int:
    """Serve the training that started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = take_channel(ANSWER_S)
    begin = next(filter(None, channel.listen(os.getppid(), LOOK_S)), None)
    if begin is not None and os.getppid() == begin["parent"]:
        _Sidecar(channel, begin).serve()
    return 0
