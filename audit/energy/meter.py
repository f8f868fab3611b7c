"""The meter of a run: energy by phase, kept on disk while the run goes on.

codecarbon lives in one thread of the parent process, so that a training that crashes or is killed leaves its
energy behind, and a codecarbon that fails or hangs cannot take the training with it: nobody waits for that thread
longer than `START_S`. The meter never raises once it is running; what went wrong stands in the note.
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
from audit.energy.carbon import grid
from audit.energy.instrument import Instrument
from audit.energy.ledger import Ledger, Source
from audit.energy.site import Site, site_of
from audit.errors import AuditError, QuestionError
from audit.evidence.atomic import write_text
from audit.result import Energy

Phase = Literal["validate", "train", "audit"]
RECORD_SCHEMA = "audit-energy-record/1"
PATIENCE_S = 2.0
"""Longest that the run waits for one answer of the meter."""
START_S = 4.0
"""Longest that the run waits for the meter to start: codecarbon takes about 2 s, a loaded machine more."""
SETTLE_S = 0.06
"""codecarbon takes no reading sooner than 0.05 s after the last."""
SCOPE = "whole machine with all its processes, idle draw included"


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
    ) -> None:
        if not (math.isfinite(pue) and pue >= 1):
            raise QuestionError(
                f"pue {pue} is impossible: a site draws at least what its machines draw; give 1 or more"
            )
        if not (math.isfinite(flush_s) and flush_s > 0):
            raise QuestionError(f"flush_s {flush_s} is impossible; give a number of seconds above 0")
        self._ledger = Ledger(site=site or Site(pue=pue, grid=grid(country)))
        self._record = None if record is None else Path(record)
        self._flush_s = flush_s
        self._instrument = Instrument()
        self._sources: Mapping[str, Source] = {}
        self._version = ""
        self._notes: dict[str, None] = {}
        self._lock = threading.Lock()
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._stalled = False
        self._worker = threading.Thread(target=self._work, name="audit-meter", daemon=True)
        self._started_s = time.monotonic()

    @classmethod
    def of(cls, section: EnergySection, *, record: Path) -> Self:
        """Meter as the ``[energy]`` of a question asks for it."""
        return cls(site=site_of(section), record=record)

    def __enter__(self) -> Self:
        self._started_s = time.monotonic()
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.put(_Request("stop"))
        # A thread still inside a foreign library when the interpreter ends could change our exit code, so even a
        # short run waits for it; one that was waited for before is not waited for again.
        late_s = self._started_s + START_S - time.monotonic()
        self._worker.join(0 if self._stalled else PATIENCE_S if self._ready.is_set() else max(0.0, late_s))
        if self._worker.is_alive():
            self._write()

    @contextlib.contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Attribute what is drawn inside the block to one phase; a name used twice adds up, phases do not nest."""
        if name == "train":
            # The other phases run while codecarbon looks for the hardware; the training is worth a short wait.
            self.wait_ready(self._started_s + START_S - time.monotonic())
        self.enter(name, time.monotonic())
        try:
            yield
        finally:
            self.leave()

    def wait_ready(self, within_s: float) -> bool:
        """Whether the hardware is found; waits for it."""
        return self._ready.wait(max(0.0, within_s))

    def enter(self, name: Phase, at_s: float) -> None:
        """Open a phase that began at ``at_s`` of the monotonic clock."""
        if self._ledger.phase is not None:
            raise RuntimeError(f"phase {name!r} cannot start inside phase {self._ledger.phase!r}")
        self._ask("read")
        with self._lock:
            self._ledger.enter(name, at_s)

    def leave(self, at_s: float | None = None) -> None:
        """Close the phase that is open: now, or at ``at_s`` of the monotonic clock."""
        self._ask("settle")
        with self._lock:
            self._ledger.leave(time.monotonic() if at_s is None else at_s)
        self._ask("write")

    def energy(self) -> Energy:
        """The energy so far; callable at any time, from any thread, also after the end."""
        with self._lock:
            return self._ledger.energy(self._sources, time.monotonic(), missing=self._missing(), note=self._note())

    def _ask(self, what: Literal["read", "settle", "write"]) -> None:
        """Have the worker do something now; never wait for a worker that is starting or has stopped answering."""
        if self._stalled or not self._ready.is_set() or not self._worker.is_alive():
            if what == "write":
                self._write()
            return
        request = _Request(what)
        self._requests.put(request)
        if not request.done.wait(PATIENCE_S):
            self._stalled = True
            self._say(f"the meter stopped answering {time.monotonic() - self._started_s:.0f} s after the start")

    def _work(self) -> None:
        """Body of the worker: the only place that touches codecarbon."""
        self._write()
        self._instrument.start()
        self._read()
        self._ready.set()
        while True:
            request = self._next()
            if request.what == "settle":
                self._settle()
            if request.what != "write":
                self._read()
            if request.what == "stop":
                self._instrument.stop()
            if request.what in {"write", "flush", "stop"}:
                self._write()
            request.done.set()
            if request.what == "stop":
                return

    def _next(self) -> _Request:
        """The next request, or a periodic flush."""
        try:
            return self._requests.get(timeout=self._flush_s)
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
            self._ledger.book(reading.total_j, now_s)

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

    def _missing(self) -> str:
        """Why a component has no joules."""
        if self._instrument.reason is not None:
            return f"not measured: {self._instrument.reason}"
        if not self._ready.is_set():
            return "not measured: the meter was not ready yet"
        return "not measured: no reading of it in this phase"

    def _note(self) -> str:
        by = f"codecarbon {self._version}, " if self._version else ""
        broken = [] if self._instrument.reason is None else [f"the meter reported {self._instrument.reason}"]
        return "; ".join([by + SCOPE, *self._notes, *broken])


class _Request:
    """Something for the worker to do, and the bell it rings when done."""

    def __init__(self, what: Literal["read", "settle", "write", "flush", "stop"]) -> None:
        self.what = what
        self.done = threading.Event()
