"""A process that reads the hardware and nothing else, asked over a channel to the process that started it.

Whatever a foreign library does here stays here. The process has a session of its own, so it has no terminal to ask a
password on, and no signal meant for the training reaches it. It ends when it is told to, when the process that
asked is gone, and, by an alarm that the system delivers even where Python hangs, when one answer takes longer than
`LONGEST_S`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from audit.energy.instruments.instrument import Instrument, MeterName
from audit.errors import QuestionError, no_such, words_of
from audit.system.channel import Channel, take_channel

LONGEST_S = 30
"""Longest that a library may take for one answer before the process is ended."""
LOOK_S = 1.0
"""How often it looks whether the asker is still there."""
CPU_INFO = Path("/proc/cpuinfo")


def main(name: str, asker: str) -> None:
    """Serve the process that asks until it is done.

    Parameters
    ----------
    name
        Of the library to read with.
    asker
        Process id of the one that asks, as text; once it is no longer our parent, no answer would be read.
    """
    channel = take_channel(LONGEST_S)
    _ignore_signals()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _know_the_processor()
    _forbid_passwords()
    instrument = make_instrument(name)
    signal.alarm(LONGEST_S)
    instrument.start()
    _ignore_signals()  # once more: a library may have set handlers of its own
    for message in channel.listen(int(asker), LOOK_S):
        signal.alarm(LONGEST_S)
        if message is not None:
            _answer(channel, instrument)
    instrument.stop()


def _ignore_signals() -> None:
    """Ignore what is sent to the whole of a run: it ends at its own pace, and is metered until then."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _answer(channel: Channel, instrument: Instrument) -> None:
    """Send a reading or null, and what went wrong."""
    reading = instrument.read()
    fields = None if reading is None else asdict(reading)
    try:
        channel.send({"reason": instrument.reason, "reading": fields})
    except ValueError as error:
        channel.send({"reason": words_of(error), "reading": None})


def _forbid_passwords() -> None:
    """Have whatever calls sudo call it with -n, which fails where it would ask for a password."""

    class Quiet(subprocess.Popen[Any]):
        def __init__(self, args: Any, *more: Any, **named: Any) -> None:
            asks = isinstance(args, (list, tuple)) and bool(args) and Path(str(args[0])).name == "sudo"
            super().__init__([args[0], "-n", *args[1:]] if asks else args, *more, **named)

    subprocess.Popen = Quiet  # type: ignore[misc]


def _know_the_processor() -> None:
    """Give codecarbon the processor's name at once, where the system tells it.

    It asks py-cpuinfo, which takes a second for clock rates that are not used and answers with the same line.
    """
    model = _read_processor()
    if model is not None:
        known = ModuleType("cpuinfo")
        known.get_cpu_info = lambda: {"brand_raw": model}  # type: ignore[attr-defined]
        sys.modules["cpuinfo"] = known


def _read_processor() -> str | None:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None) or None


# The library behind a meter, chosen by its name; only that one is imported.
def make_instrument(name: str) -> Instrument:
    """Return the instrument by the name of the library behind it, in this very process.

    Raises
    ------
    QuestionError
        When there is none of that name.
    """
    if name not in get_args(MeterName):
        raise QuestionError(no_such("meter", name, get_args(MeterName)))
    makers: Mapping[str, Callable[[], Instrument]] = {"codecarbon": _make_codecarbon, "zeus": _make_zeus}
    return makers[name]()


def _make_codecarbon() -> Instrument:
    from audit.energy.instruments.codecarbon import Codecarbon

    return Codecarbon()


def _make_zeus() -> Instrument:
    from audit.energy.instruments.zeus import Zeus

    return Zeus()
