"""What the meter of a run costs: processor time while a training goes on, and what the training waits at its end."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.page import AtMost, Benchmark, Scale, Section, Sides

from audit.energy.instruments.isolated import IsolatedInstrument
from audit.energy.meter import Meter

WINDOW_S, QUICK_S = 32.0, 2.0
TICKS = os.sysconf("SC_CLK_TCK")


class Watched(IsolatedInstrument):
    """The instrument of every run, with the processor time of its process."""

    def cpu_s(self) -> float:
        """Seconds of its own and of all that it started and waited for."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / TICKS


@contextmanager
def _metered() -> Iterator[tuple[Meter, Watched]]:
    """A meter with its record on disk and the default flush, once it is ready."""
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched()
        with (
            Meter(country="FRA", record=Path(folder) / "energy.json", instrument=watched) as meter,
            meter.phase("train"),
        ):
            while meter.energy().energy_kwh is None:
                time.sleep(0.05)
            yield meter, watched


@contextmanager
def _processor(scale: Scale, rows: int) -> Iterator[Sides]:
    """Percent of one core, over a window in which this process does nothing else than to be metered."""
    del rows
    window_s = QUICK_S if scale.quick else WINDOW_S

    def go() -> float:
        with _metered() as (_, watched):
            before_s, began_s = time.process_time() + watched.cpu_s(), time.monotonic()
            time.sleep(window_s)
            return 100 * (time.process_time() + watched.cpu_s() - before_s) / (time.monotonic() - began_s)

    yield Sides(go)


@contextmanager
def _end(scale: Scale, rows: int) -> Iterator[Sides]:
    """Seconds between the last step of a training and the end of its meter: the last reading and the record."""
    del scale, rows

    def go() -> float:
        with _metered() as (meter, _):
            time.sleep(0.5)
            ended_s = time.monotonic()
        assert meter.energy().energy_kwh
        return time.monotonic() - ended_s

    yield Sides(go)


SECTION = Section(
    "The meter of a run",
    "Processor time of the meter's process and of the thread that asks it, on a run that sleeps; and what a run waits for "
    "its last reading and its record.",
    (
        Benchmark(
            name="meter-processor",
            ours="share of one core",
            theirs="nothing",
            rows=0,
            sides=_processor,
            demand=AtMost(1, "%"),
            unit="%",
            repeats=1,
            note=f"Over {WINDOW_S:g} s, a reading and a record every 5 s.",
        ),
        Benchmark(
            name="meter-end",
            ours="wait at the end of a training",
            theirs="nothing",
            rows=0,
            sides=_end,
            demand=AtMost(0.1, "s"),
            note="Of which up to 0.06 s wait until codecarbon takes another reading.",
        ),
    ),
)
