"""The meter of a run: energy by phase, kept on disk while the run goes on.

What reads the hardware lives in a process of its own (`IsolatedInstrument`) and is asked by one thread, so that a
training that crashes or is killed leaves its energy behind, and a library that fails, hangs or asks for a password
cannot reach the training. All that a run ever waits for its meter is `START_S` + `ANSWER_S` + `END_S`, two seconds; a
reading that comes later is booked then. The meter never raises once it is running; what went wrong stands in the note.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from audit.config.energy import EnergySection
from audit.energy.carbon import find_grid
from audit.energy.instruments.instrument import Instrument
from audit.energy.instruments.isolated import IsolatedInstrument
from audit.energy.ledger import WHOLE_MACHINE, Ledger, Source
from audit.energy.site import Site, make_site
from audit.errors import AuditError, QuestionError, words_of
from audit.record.result import Energy
from audit.system.atomic import write_text

Phase = Literal["validate", "train", "audit"]
RECORD_SCHEMA = "audit-energy-record/1"
START_S = 1.3
"""Longest that a training waits for the meter to start, which takes about 0.7 s, a loaded machine more."""
ANSWER_S = 0.5
"""Longest that a whole run waits for answers that do not come, and what the start has left of its own."""
END_S = 0.2
"""Longest that a run waits for a meter that was ended to write its record."""
QUICK_S = 0.2
"""An answer that takes no longer than this costs nothing of what the run may wait."""
EARLY_S = 0.5
SETTLE_S = 0.06
"""codecarbon takes no reading sooner than 0.05 s after the last."""


class Meter:
    """Energy of a run, as a context manager.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-3 code of the grid; without one there is no carbon figure.
    pue
        Power usage effectiveness of the data centre: what the site draws for each joule of the machine.
    site
        All that is declared of the machine and its electricity; it stands in place of country and pue.
    record
        File that keeps the energy so far, rewritten atomically while the meter runs.
    flush_s
        Seconds between two readings, and so the most that a kill of this process can lose.
    instrument
        What reads the hardware; codecarbon in a process of its own by default.

    Examples
    --------
    >>> with Meter(country="FRA", pue=1.2) as meter:  # doctest: +SKIP
    ...     with meter.phase("train"):
    ...         train()
    >>> meter.energy().energy_kwh  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        country: str | None = None,
        pue: float = 1.0,
        site: Site | None = None,
        record: Path | None = None,
        flush_s: float = 5.0,
        instrument: Instrument | None = None,
    ) -> None:
        if not (math.isfinite(pue) and pue >= 1):
            raise QuestionError(f"pue {pue} is below 1; give 1 or more")
        if not (math.isfinite(flush_s) and flush_s > 0):
            raise QuestionError(f"flush_s {flush_s} is not above 0; give a number of seconds above 0")
        self._ledger = Ledger(site=site or Site(pue=pue, grid=find_grid(country)))
        self._record = None if record is None else Path(record)
        self._flush_s = flush_s
        self._instrument: Instrument = IsolatedInstrument() if instrument is None else instrument
        self._sources: Mapping[str, Source] = {}
        self._version = ""
        self._notes: dict[str, None] = {}
        self._lock = threading.Lock()
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._patience_s = START_S + ANSWER_S
        self._worker = threading.Thread(target=self._run_worker, name="audit-meter", daemon=True)
        self._started_s = time.monotonic()
        self._owner = os.getpid()
        self._stalled = False

    @classmethod
    def of(cls, section: EnergySection, *, record: Path | None) -> Self:
        """Return the meter that the ``[energy]`` of a question asks for."""
        return cls(site=make_site(section), record=record, instrument=IsolatedInstrument(section.meter))

    def __enter__(self) -> Self:
        self._started_s, self._owner = time.monotonic(), os.getpid()
        try:
            self._worker.start()
        except RuntimeError as error:
            self._say(f"the meter did not start: {words_of(error)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_mine():
            return
        stopped = self._ask("stop")
        comes_back = stopped or self._instrument.abandon()
        if self._worker.ident is not None:
            self._worker.join(END_S)
        if not comes_back and self._worker.is_alive():
            self._write()

    @contextlib.contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Attribute what is drawn inside the block to one phase; a name used twice adds up, phases do not nest."""
        if name == "train":
            # The other phases run while the hardware is looked for; the training is worth a short wait.
            asked_s = time.monotonic()
            self.wait_ready(self._started_s + START_S - asked_s)
            self._patience_s -= time.monotonic() - asked_s
        self.enter(name, time.monotonic())
        try:
            yield
        finally:
            self.leave()

    def wait_ready(self, within_s: float) -> bool:
        """Return whether the hardware is found; waits for it."""
        return self._worker.is_alive() and self._ready.wait(max(0.0, within_s))

    def enter(self, name: Phase, at_s: float) -> None:
        """Open a phase that began at ``at_s`` of the monotonic clock."""
        if self._ledger.phase is not None:
            raise RuntimeError(f"phase {name!r} cannot start inside the phase {self._ledger.phase!r}")
        self._ask("read")
        with self._lock:
            self._ledger.enter(name, at_s)

    def leave(self, at_s: float | None = None) -> None:
        """Close the phase that is open: now, or at ``at_s`` of the monotonic clock."""
        read = self._ask("settle")
        with self._lock:
            self._ledger.leave(time.monotonic() if at_s is None else at_s, unread=not read)
        self._ask("write")

    def energy(self) -> Energy:
        """Return the energy so far; callable at any time, from any thread, also after the end."""
        self._is_mine()
        with self._lock:
            return self._ledger.energy(
                self._sources, time.monotonic(), missing=self._reason_for_missing(), note=self._note()
            )

    def _is_mine(self) -> bool:
        """Return whether this process started the meter; a fork of it has a copy of the books and no meter."""
        if os.getpid() == self._owner:
            return True
        if self._lock.locked():  # by a thread that the fork does not have
            self._lock = threading.Lock()
        return False

    def _ask(self, what: Literal["read", "settle", "write", "stop"]) -> bool:
        """Have the worker do something; wait for it while the run has patience left. False where it is not done."""
        if not self._is_mine() or not self._worker.is_alive():
            return False
        request, asked_s = _Request(what), time.monotonic()
        self._requests.put(request)
        # What is asked of a meter that is starting is done when it has started.
        done = self._ready.is_set() and request.done.wait(max(0.0, self._patience_s))
        waited_s = time.monotonic() - asked_s
        if not done and self._ready.is_set() and not self._stalled:
            self._stalled = True
            self._say(f"the meter stopped answering {time.monotonic() - self._started_s:.0f} s after the start")
        if not done or waited_s > QUICK_S:
            self._patience_s = max(0.0, self._patience_s - waited_s)
        return done

    def _run_worker(self) -> None:
        """Run the worker, the only place that touches the instrument."""
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - whatever happens in the meter is told and never raised
            self._say(f"the meter failed: {words_of(error)}")
            self._instrument.stop()
            self._write()

    def _serve(self) -> None:
        """Start, and do what is asked until it is to stop."""
        self._write()
        self._instrument.start()
        self._read()
        self._ready.set()
        while (request := self._take_next()).what != "stop":
            if request.what == "settle":
                self._settle()
            if request.what != "write":
                self._read()
            if request.what in {"write", "flush"}:
                self._write()
            request.done.set()
        if self._ledger.owing:
            self._settle()
            self._read()
        self._instrument.stop()
        self._write()
        request.done.set()

    def _take_next(self) -> _Request:
        """Return the next request, or a flush: the first ones soon, so that what ends early leaves something."""
        age_s = time.monotonic() - self._started_s
        try:
            return self._requests.get(timeout=min(self._flush_s, max(EARLY_S, age_s)))
        except queue.Empty:
            return _Request("flush")

    def _settle(self) -> None:
        """Wait until codecarbon will take a reading, so that a phase's last moment is its own."""
        last_s = self._ledger.read_s
        if last_s is not None:
            time.sleep(max(0.0, min(SETTLE_S, last_s + SETTLE_S - time.monotonic())))

    def _read(self) -> None:
        """Book one reading."""
        reading = self._instrument.read()
        now_s = time.monotonic()
        if reading is None:
            return
        with self._lock:
            if not self._sources:
                self._notes[f"the meter was ready {now_s - self._started_s:.1f} s after the start"] = None
            self._sources, self._version = reading.sources, reading.version
            self._ledger.book(reading.total_j, *reading.moments(now_s))

    def _write(self) -> None:
        """Rewrite the record; a record that cannot be written never hurts the run."""
        if self._record is None:
            return
        document = {
            "schema": RECORD_SCHEMA,
            "pid": os.getpid(),
            "phase": self._ledger.phase,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "duration_s": time.monotonic() - self._started_s,
            "energy": asdict(self.energy()),
        }
        try:
            write_text(self._record, json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
        except AuditError as error:
            self._say(f"the energy record is not on disk: {error}")

    def _say(self, text: str) -> None:
        with self._lock:
            self._notes[text] = None

    def _reason_for_missing(self) -> str:
        """Return why a component has no joules."""
        if self._instrument.reason is not None:
            return f"not measured: {self._instrument.reason}"
        if not self._sources:
            return "not measured: the meter was not ready yet"
        return "not measured: no reading of it in this phase"

    def _note(self) -> str:
        by = f"{self._version}, " if self._version else ""
        broken = [] if self._instrument.reason is None else [f"the meter: {self._instrument.reason}"]
        return "; ".join([by + WHOLE_MACHINE, *self._notes, *broken])


class _Request:
    """Something for the worker to do, and the bell it rings when done."""

    def __init__(self, what: Literal["read", "settle", "write", "flush", "stop"]) -> None:
        self.what = what
        self.done = threading.Event()
