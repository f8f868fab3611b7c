"""A process that reads the hardware and nothing else: asked by lines on stdin, it answers with lines of JSON.

Whatever a foreign library does here stays here. The process has a session of its own, so it has no terminal to ask a
password on, and no signal meant for the training reaches it. It ends when it is told to, when whoever asked is gone,
and, by an alarm that the system delivers even where Python hangs, when one answer takes longer than `LONGEST_S`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from audit.energy.instrument import Instrument, named
from audit.errors import words_of

LONGEST_S = 30
"""Longest that a library may take for one answer before the process is ended."""
LOOK_UP_S = 1.0
READ = b"r"
CPU_INFO = Path("/proc/cpuinfo")


def main(name: str, asker: int) -> None:
    """Serve one asker until it is done.

    Parameters
    ----------
    name
        Of the library to read with.
    asker
        Process id of whoever asks; once it is no longer our parent, nobody is there to read an answer.
    """
    asked, answers = _own_streams()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _know_the_processor()
    instrument = named(name)
    with _never_asking():
        signal.alarm(LONGEST_S)
        instrument.start()
        while _next(asked, asker) == READ:
            os.write(answers, _answer(instrument))
        instrument.stop()


def _next(asked: int, asker: int) -> bytes:
    """What is asked for next; empty when nobody will ask again."""
    while True:
        signal.alarm(LONGEST_S)
        if select.select([asked], [], [], LOOK_UP_S)[0]:
            return os.read(asked, 1)
        if os.getppid() != asker:
            return b""


def _answer(instrument: Instrument) -> bytes:
    """One line: a reading or null, and what went wrong."""
    reading = instrument.read()
    document: dict[str, Any] = {"reason": instrument.reason, "reading": None}
    if reading is not None:
        sources = [asdict(source) for source in reading.sources.values()]
        document["reading"] = {"total_j": dict(reading.total_j), "sources": sources, "version": reading.version}
    try:
        return json.dumps(document, allow_nan=False).encode() + b"\n"
    except ValueError as error:
        return json.dumps({"reason": words_of(error), "reading": None}).encode() + b"\n"


def _own_streams() -> tuple[int, int]:
    """Keep the way to the asker for ourselves: what a library prints or starts sees no stdin and no stdout."""
    asked, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return asked, answers


@contextlib.contextmanager
def _never_asking() -> Iterator[None]:
    """Have whatever calls sudo call it with -n, which fails where it would ask.

    Only powermetrics is called that way, so without it nothing is put before the system's own sudo.
    """
    sudo = shutil.which("sudo")
    if sudo is None or shutil.which("powermetrics") is None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="evenhand-") as folder:
        quiet = Path(folder) / "sudo"
        quiet.write_text(f'#!/bin/sh\nexec {shlex.quote(sudo)} -n "$@"\n')
        quiet.chmod(0o700)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        yield


def _know_the_processor() -> None:
    """Give codecarbon the processor's name at once, where the system tells it.

    It asks py-cpuinfo, which takes a second for clock rates that nobody uses and answers with the same line.
    """
    model = _processor()
    if model is not None:
        known = ModuleType("cpuinfo")
        known.get_cpu_info = lambda: {"brand_raw": model}  # type: ignore[attr-defined]
        sys.modules["cpuinfo"] = known


def _processor() -> str | None:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None) or None


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
