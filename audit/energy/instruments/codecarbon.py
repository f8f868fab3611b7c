"""The border to codecarbon: cumulative joules per component, and how each of them comes about.

Only energy crosses it. Carbon is computed on our side, from a factor that is printed; so codecarbon is told a
grid of 0 g/kWh and a PUE of 1, and never needs a place or the network. Every setting is passed, because what is
left out codecarbon takes from ``.codecarbon.config`` or ``CODECARBON_*`` of the user who runs it.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from audit.energy.instruments.instrument import EVERY_BOARD, Reading
from audit.energy.ledger import WHOLE_MACHINE, Source
from audit.energy.units import J_PER_KWH
from audit.errors import printable, words_of
from audit.record.result import EnergyMethod

NEVER_S = 1e8
"""Readings are asked for from here; codecarbon's own timer would double them."""
APPLE = "power sampled over one second at each reading, as Apple estimates it (powermetrics)"


class Codecarbon:
    """One codecarbon tracker over the whole machine: an `Instrument`."""

    def __init__(self) -> None:
        self.reason: str | None = None
        """What last went wrong, in words."""
        self._tracker: Any = None
        self._inbox: list[Any] = []
        self._listener = _Listener()
        self._sampled_gpu = False
        self._gpu_j = 0.0
        self._unseen_gpu_j = 0.0

    def start(self) -> None:
        """Find the hardware and begin; takes one to two seconds the first time in a process."""
        logging.getLogger("codecarbon").addFilter(self._listener)
        with self._contain_errors():
            self._tracker = _make_tracker(self._inbox)
            self._tracker.start()

    def read(self) -> Reading | None:
        """Return joules up to now, or None where codecarbon gave none."""
        if self._tracker is None:
            return None
        self._inbox.clear()
        with self._contain_errors():
            # Watts are multiplied with the time up to here, and the next stretch begins when all parts are read.
            began_s = time.monotonic()
            self._tracker.flush()
            if self._inbox:
                return replace(self._make_reading(self._inbox[-1]), began_s=began_s, ended_s=time.monotonic())
            self.reason = self._listener.reason or self.reason or "codecarbon gave no reading"
        return None

    def stop(self) -> None:
        """End the tracker's threads."""
        if self._tracker is not None:
            with self._contain_errors():
                self._tracker.stop()
        logging.getLogger("codecarbon").removeFilter(self._listener)

    def abandon(self) -> bool:
        """Do nothing, and return False: a thread inside a library cannot be ended."""
        return False

    @contextlib.contextmanager
    def _contain_errors(self) -> Iterator[None]:
        """Run codecarbon; whatever it raises, or swallows and logs, becomes a reason."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a foreign library's failure must never reach the training
            self.reason = words_of(error)
        finally:
            self.reason = self._listener.reason or self.reason

    def _make_reading(self, data: Any) -> Reading:
        parts = tuple(getattr(self._tracker, "_hardware", ()))
        found = [self._describe_source(part, data) for part in parts]
        sources = {s.component: s for s in sorted(found, key=lambda source: source.component)}
        kwh = {"cpu": data.cpu_energy, "gpu": data.gpu_energy, "ram": data.ram_energy}
        total_j = {name: float(kwh[name]) * J_PER_KWH for name in kwh if name in sources}
        if "gpu" in total_j:
            total_j["gpu"] = self._subtract_unseen(total_j["gpu"], parts)
        return Reading(total_j=total_j, sources=sources, version=f"codecarbon {data.codecarbon_version}")

    def _subtract_unseen(self, gpu_j: float, parts: tuple[Any, ...]) -> float:
        """Return joules of the boards without what was added up while one of them could not be read.

        codecarbon counts a board that does not answer as 0 W; beside others that do, the sum would look whole.
        """
        boards = chain.from_iterable(_list_boards(part) for part in parts if type(part).__name__ == "GPU")
        if any(getattr(board, "_warned_power_failure", False) for board in boards):
            self._unseen_gpu_j += gpu_j - self._gpu_j
            self.reason = "a graphics board stopped answering"
        self._gpu_j = gpu_j
        return gpu_j - self._unseen_gpu_j

    def _describe_source(self, part: Any, data: Any) -> Source:
        """Return how one piece of hardware is measured; what is not known to be a counter is never called one."""
        kind = type(part).__name__
        if kind == "CPU":
            return _describe_cpu(part)
        if kind == "RAM":
            memory = f"from {data.ram_total_size:.0f} GB of memory"
            detail = f"{data.ram_power:.3g} W at all times, assumed {memory}"
            return Source(component="ram", method="constant", detail=detail, constant_w=_to_watts(data.ram_power))
        if kind == "GPU":
            return self._describe_gpu(part, printable(data.gpu_model))
        component = str(getattr(part, "chip_part", "other")).lower()
        known = {"AppleSiliconChip": APPLE, "Raspberry": "power sampled at each reading (PMIC of the board)"}
        return Source(
            component=component,
            method="sampled" if kind in known else "model",
            detail=known.get(kind, f"power read now and then ({printable(kind)})"),
            device=_model(part),
            attribution=WHOLE_MACHINE,
        )

    def _describe_gpu(self, part: Any, model: str) -> Source:
        """Describe the boards; they are counted only while every one of them gives its energy counter, all through."""
        boards = _list_boards(part)
        counted = [getattr(b, "_has_counter", False) and not getattr(b, "_use_power_fallback", True) for b in boards]
        self._sampled_gpu = self._sampled_gpu or not counted or not all(counted)
        detail = "board power sampled each second" if self._sampled_gpu else "energy counter of the board"
        return Source(
            component="gpu",
            method="sampled" if self._sampled_gpu else "counter",
            detail=f"{detail}, {model}",
            device=model,
            attribution=EVERY_BOARD,
        )


class _Listener(logging.Filter):
    """Keeps codecarbon's log off the terminal, and the exceptions it swallowed."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            self.reason = words_of(record.exc_info[1])
        return False


def _list_boards(part: Any) -> tuple[Any, ...]:
    return tuple(getattr(getattr(part, "devices", None), "devices", ()))


def _to_watts(found: Any) -> float | None:
    """Return the power as a number above 0; None where there is none."""
    if isinstance(found, (int, float)) and found > 0:
        return float(found)
    return None


def _model(part: Any) -> str | None:
    """Return the name of the processor; None where codecarbon has none."""
    name = getattr(part, "_model", None)
    if isinstance(name, str) and name.strip():
        return printable(name)
    return None


def _describe_cpu(part: Any) -> Source:
    """Return how the processor is measured."""
    model = _model(part)
    mode, watts = getattr(part, "_mode", None), getattr(part, "_tdp", None)
    method, how = _describe_processor(mode, watts, model or "an unknown processor")
    half_w = _to_watts(watts / 2) if mode == "constant" and isinstance(watts, (int, float)) else None
    return Source(component="cpu", method=method, detail=how, device=model, constant_w=half_w)


def _describe_processor(mode: Any, watts: Any, model: str) -> tuple[EnergyMethod, str]:
    """Return method and its words for one of codecarbon's modes."""
    if mode in {"intel_rapl", "windows_emi"}:
        return "counter", f"energy counter of the processor (RAPL), {model}"
    if mode == "intel_power_gadget":
        return "sampled", f"power sampled at each reading (Intel Power Gadget), {model}"
    assumed = f"{watts:g} W assumed for {model}" if isinstance(watts, (int, float)) else f"watts assumed for {model}"
    if mode == "cpu_load":
        return "model", f"{assumed}, scaled by the load of the whole machine; no readable counter"
    if mode == "constant":
        return "constant", f"half of {assumed}, at all times"
    return "model", f"codecarbon's mode '{printable(mode)}', {model}"


def _make_tracker(inbox: list[Any]) -> Any:
    """Return a tracker that writes nothing, asks no person and takes no setting from its surroundings."""
    from codecarbon import OfflineEmissionsTracker
    from codecarbon.output_methods.base_output import BaseOutput

    class Inbox(BaseOutput):  # type: ignore[misc]
        def out(self, total: Any, delta: Any) -> None:
            del delta
            inbox.append(total)

    wanted = {**_SETTINGS, "output_dir": tempfile.gettempdir(), "output_handlers": [Inbox()]}
    known = _list_parameters(OfflineEmissionsTracker)
    if "output_methods" not in known:  # before 3.3 each output had a switch of its own
        wanted |= dict.fromkeys(
            ("save_to_file", "save_to_api", "save_to_logger", "save_to_prometheus", "save_to_logfire"), False
        )
    return OfflineEmissionsTracker(**{name: value for name, value in wanted.items() if name in known})


def _list_parameters(tracker: Callable[..., Any]) -> set[str]:
    """Return names that a tracker's constructor and those it passes them to accept."""
    classes = [c for c in inspect.getmro(tracker) if "__init__" in vars(c)] if inspect.isclass(tracker) else [tracker]
    return set(chain.from_iterable(inspect.signature(c).parameters for c in classes))


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
