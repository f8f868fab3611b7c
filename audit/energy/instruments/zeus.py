"""The border to Zeus: the systems on a chip that codecarbon cannot read well, NVIDIA Jetson and Apple silicon.

Zeus keeps the processor, graphics and memory of such a chip as cumulative millijoules. Where there is no such chip it
says so, and then nothing is measured; nothing is guessed in its place.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from audit.energy.instruments.instrument import Reading
from audit.energy.ledger import WHOLE_MACHINE, Source
from audit.errors import printable, words_of
from audit.record.result import EnergyMethod

MJ_PER_J = 1000.0
FIELDS: Mapping[str, tuple[str, ...]] = {
    "ane": ("ane_mj",),
    "cpu": ("cpu_total_mj", "cpu_energy_mj"),
    "gpu": ("gpu_mj", "gpu_sram_mj", "gpu_energy_mj"),
    "ram": ("dram_mj",),
}
"""What Zeus calls each component, on Apple's chips or on a Jetson; its other fields repeat what these hold."""
WHOLE_BOARD = "total_energy_mj"
"""All of a Jetson; what its processor and graphics leave of it is the component ``other``."""
METHODS: Mapping[str, tuple[EnergyMethod, str]] = {
    "AppleSilicon": ("counter", "energy counter of the chip (IOReport), as Apple estimates it"),
    "Jetson": ("sampled", "power sampled ten times a second (INA3221 of the board)"),
}
BOARD_NAME = Path("/proc/device-tree/model")


class Zeus:
    """The system on a chip of this machine: an `Instrument`."""

    def __init__(self) -> None:
        self.reason: str | None = None
        """What last went wrong, in words."""
        self._soc: Any = None

    def start(self) -> None:
        """Find the chip; on a Jetson a process of Zeus's own begins to sample it."""
        logging.getLogger("zeus").setLevel(logging.CRITICAL)
        with self._contain_errors():
            from zeus.device.soc import get_soc

            self._soc = get_soc()

    def read(self) -> Reading | None:
        """Return joules up to now, or None where Zeus gave none."""
        if self._soc is None:
            return None
        with self._contain_errors():
            found = vars(self._soc.get_total_energy_consumption())
            total_j = _to_joules({k: float(v) for k, v in found.items() if isinstance(v, (int, float))})
            if total_j:
                sources = {component: self._describe_source(component) for component in total_j}
                return Reading(total_j=total_j, sources=sources, version=_read_version())
            self.reason = f"Zeus reads nothing from this chip ({printable(type(self._soc).__name__)})"
        return None

    def stop(self) -> None:
        """Do nothing: Zeus ends its own process together with ours."""

    def abandon(self) -> bool:
        """Do nothing, and return False: a thread inside a library cannot be ended."""
        return False

    @contextlib.contextmanager
    def _contain_errors(self) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            self.reason = f"{words_of(error)}; pip install 'evenhand[zeus]' brings it"
        except Exception as error:  # noqa: BLE001 - a foreign library's failure must never reach the training
            self.reason = words_of(error)

    def _describe_source(self, component: str) -> Source:
        chip = type(self._soc).__name__
        # What is not known to be a counter or sampled is never called measured.
        method, detail = METHODS.get(chip, ("model", f"energy of Zeus's device '{printable(chip)}'"))
        return Source(
            component=component, method=method, detail=detail, device=_read_device(), attribution=WHOLE_MACHINE
        )


def _to_joules(found_mj: Mapping[str, float]) -> dict[str, float]:
    """Return joules by component, in the order of their names."""
    total_mj = {
        c: sum(found_mj[f] for f in fields if f in found_mj)
        for c, fields in FIELDS.items()
        if any(f in found_mj for f in fields)
    }
    if WHOLE_BOARD in found_mj:
        total_mj["other"] = found_mj[WHOLE_BOARD] - sum(total_mj.values())
    return {component: total_mj[component] / MJ_PER_J for component in sorted(total_mj)}


def _read_device() -> str | None:
    """Return the name of the board; None where the system does not tell."""
    try:
        if not BOARD_NAME.exists():
            return None
        return printable(BOARD_NAME.read_text(encoding="utf-8").strip("\0 \n"))
    except (OSError, ValueError):
        return None


def _read_version() -> str:
    try:
        return f"zeus {version('zeus')}"
    except PackageNotFoundError:
        return "zeus"
