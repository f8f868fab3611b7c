"""The border to codecarbon: cumulative joules per component, and how each of them comes about.

Only energy crosses it. Carbon is computed on our side, from a factor that is printed; so codecarbon is told a
grid of 0 g/kWh and a PUE of 1, and never needs a place or the network. Every setting is passed, because what is
left out codecarbon takes from ``.codecarbon.config`` or ``CODECARBON_*`` of whoever runs it.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit.energy.joules import J_PER_KWH
from audit.energy.ledger import Source
from audit.errors import printable

NEVER_S = 1e8
"""Readings are asked for from here; codecarbon's own timer would double them."""
SHOWN_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Joules since the start, by component, and how they come about."""

    total_j: Mapping[str, float]
    sources: Mapping[str, Source]
    version: str
    """Of codecarbon."""


class Instrument:
    """One codecarbon tracker over the whole machine.

    No method raises: what codecarbon does wrong is told by `reason` and by the absence of a reading.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        """What last went wrong, in words."""
        self._tracker: Any = None
        self._inbox: list[Any] = []
        self._listener = _Listener()
        self._sampled_gpu = False

    def start(self) -> None:
        """Find the hardware and begin; takes about two seconds the first time in a process."""
        logging.getLogger("codecarbon").addFilter(self._listener)
        with self._guarded():
            self._tracker = _tracker(self._inbox)
            self._tracker.start()

    def read(self) -> Reading | None:
        """Joules up to now, or None where codecarbon gave none."""
        if self._tracker is None:
            return None
        self._inbox.clear()
        with self._guarded():
            self._tracker.flush()
            if self._inbox:
                return self._reading(self._inbox[-1])
            self.reason = self._listener.reason or self.reason or "codecarbon gave no reading"
        return None

    def stop(self) -> None:
        """End the tracker's threads."""
        if self._tracker is not None:
            with self._guarded():
                self._tracker.stop()
        logging.getLogger("codecarbon").removeFilter(self._listener)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Run codecarbon; whatever it raises, or swallows and logs, becomes a reason."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a foreign library's failure must never reach the training
            self.reason = _words(error)
        finally:
            self.reason = self._listener.reason or self.reason

    def _reading(self, data: Any) -> Reading:
        found = [s for part in getattr(self._tracker, "_hardware", ()) for s in self._sources(part, data)]
        sources = {s.component: s for s in sorted(found, key=lambda source: source.component)}
        kwh = {"cpu": data.cpu_energy, "gpu": data.gpu_energy, "ram": data.ram_energy}
        total_j = {name: float(kwh[name]) * J_PER_KWH for name in kwh if name in sources}
        return Reading(total_j=total_j, sources=sources, version=str(data.codecarbon_version))

    def _sources(self, part: Any, data: Any) -> Iterator[Source]:
        """How one piece of hardware is measured; what is not known to be a counter is never called one."""
        kind = type(part).__name__
        if kind == "CPU":
            yield _cpu(part)
        elif kind == "RAM":
            memory = f"from {data.ram_total_size:.0f} GB of memory"
            yield Source(
                component="ram", method="constant", detail=f"{data.ram_power:.3g} W at all times, assumed {memory}"
            )
        elif kind == "GPU":
            yield self._gpu(part, str(data.gpu_model))
        else:
            component = str(getattr(part, "chip_part", "other")).lower()
            yield Source(component=component, method="model", detail=f"power sampled now and then ({printable(kind)})")

    def _gpu(self, part: Any, model: str) -> Source:
        """A GPU is counted only while every board of it has given its energy counter, all through."""
        boards = getattr(getattr(part, "devices", None), "devices", ())
        counted = [getattr(b, "_has_counter", False) and not getattr(b, "_use_power_fallback", True) for b in boards]
        self._sampled_gpu = self._sampled_gpu or not counted or not all(counted)
        if self._sampled_gpu:
            return Source(
                component="gpu", method="model", detail=f"board power sampled each second, {printable(model)}"
            )
        return Source(component="gpu", method="counter", detail=f"energy counter of the board, {printable(model)}")


class _Listener(logging.Filter):
    """Keeps codecarbon's log off the terminal, and the exceptions it swallowed."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            self.reason = _words(record.exc_info[1])
        return False


def _words(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {error}", SHOWN_REASON)


def _cpu(part: Any) -> Source:
    """How the processor is measured."""
    mode, watts = getattr(part, "_mode", None), getattr(part, "_tdp", None)
    model = printable(getattr(part, "_model", None) or "unknown processor")
    if mode in {"intel_rapl", "windows_emi"}:
        return Source(component="cpu", method="counter", detail=f"energy counter of the processor (RAPL), {model}")
    if mode == "cpu_load":
        detail = f"{watts:g} W assumed for {model}, scaled by the load of the whole machine; no readable counter"
        return Source(component="cpu", method="model", detail=detail)
    if mode == "constant":
        return Source(
            component="cpu", method="constant", detail=f"half of {watts:g} W assumed for {model}, at all times"
        )
    return Source(component="cpu", method="model", detail=f"codecarbon's mode '{printable(mode)}', {model}")


def _tracker(inbox: list[Any]) -> Any:
    """A tracker that writes nothing, asks nobody and takes no setting from its surroundings."""
    from codecarbon import OfflineEmissionsTracker
    from codecarbon.output_methods.base_output import BaseOutput

    class Inbox(BaseOutput):  # type: ignore[misc]
        def out(self, total: Any, delta: Any) -> None:
            del delta
            inbox.append(total)

    wanted = {**_SETTINGS, "output_dir": tempfile.gettempdir(), "output_handlers": [Inbox()]}
    known = _parameters(OfflineEmissionsTracker)
    if "output_methods" not in known:  # before 3.3 each output had a switch of its own
        wanted |= dict.fromkeys(
            ("save_to_file", "save_to_api", "save_to_logger", "save_to_prometheus", "save_to_logfire"), False
        )
    return OfflineEmissionsTracker(**{name: value for name, value in wanted.items() if name in known})


def _parameters(tracker: Callable[..., Any]) -> set[str]:
    """Names that a tracker's constructor and those it passes them to accept."""
    classes = [c for c in inspect.getmro(tracker) if "__init__" in vars(c)] if inspect.isclass(tracker) else [tracker]
    return {name for c in classes for name in inspect.signature(c).parameters}


_SETTINGS: Mapping[str, Any] = {
    "project_name": "evenhand",
    "measure_power_secs": NEVER_S,
    "api_call_interval": -1,
    "output_methods": [],
    "output_file": "emissions.csv",
    "logging_logger": None,
    "emissions_endpoint": None,
    "electricitymaps_api_token": None,
    "experiment_name": "evenhand",
    "gpu_ids": None,
    "tracking_mode": "machine",
    "log_level": "warning",
    "logger_preamble": "",
    "on_csv_write": "append",
    "metadata": None,
    "country_iso_code": None,
    "region": None,
    "cloud_provider": None,
    "cloud_region": None,
    "country_2letter_iso_code": None,
    "force_cpu_power": None,
    "force_ram_power": None,
    "force_mode_cpu_load": False,
    "force_carbon_intensity_g_co2e_kwh": 0.0,
    "pue": 1.0,
    "wue": 0.0,
    "allow_multiple_runs": True,
    "rapl_include_dram": False,
    "rapl_prefer_psys": False,
}
