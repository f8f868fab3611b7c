"""Rows of devices that no library can read: a wattage that the owner declared, for the whole time of training.

Only the phase train is counted: checking data and counting predictions do not use the accelerator, and what its idle
hours draw is not the run's to declare. A device that a meter did read is never counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from audit.energy.site import Declared
from audit.errors import printable
from audit.record.result import EnergyComponent

PHASE = "train"
"""The phase in which declared devices work."""


def declared_rows(
    declared: Iterable[Declared], phase: str, length_s: float, metered: Sequence[EnergyComponent]
) -> list[EnergyComponent]:
    """Rows of a phase with those of the declared devices that no meter read.

    Parameters
    ----------
    declared
        Devices of which only the owner knows the power.
    phase
        The phase that the rows are of.
    length_s
        Wall time of the phase.
    metered
        Rows that a meter made, with joules or without.
    """
    if phase != PHASE or length_s <= 0:
        return list(metered)
    read = {row.component for row in metered if row.energy_j is not None}
    added = {d.component: declared_row(d, phase, length_s) for d in declared if d.component not in read}
    return [*(row for row in metered if row.component not in added), *added.values()]


def superseded(declared: Iterable[Declared], rows: Sequence[EnergyComponent]) -> Iterator[str]:
    """What must be said of declared devices that are in no row."""
    counted = {row.component for row in rows if row.method == "declared"}
    metered = {row.component for row in rows if row.phase == PHASE and row.energy_j is not None}
    for component in (d.component for d in declared if d.component not in counted):
        why = "a meter read it" if component in metered else "nothing was trained"
        yield f"the declared power of {printable(component)} is not counted: {why}"


def declared_row(d: Declared, phase: str, length_s: float) -> EnergyComponent:
    """Row of a device that draws its declared power for all of a phase."""
    return EnergyComponent(
        component=d.component,
        phase=phase,
        energy_j=d.power_w * length_s,
        method="declared",
        detail=f"{d.power_w:g} W for the whole phase, by {d.source} ({d.date})",
        coverage=1.0,
        device=d.device,
        idle_share=None if d.idle_w is None else min(1.0, d.idle_w / d.power_w),
        attribution="the declared devices, idle draw included",
    )
