"""What a run drew, and what that meant in carbon and water: the part of the document that speaks of energy.

Every figure says how it is known. What was not measured or not declared is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.estimate import Group

EnergyMethod = Literal["counter", "sampled", "model", "constant", "declared", "none"]
"""A hardware counter of energy; power that hardware measured now and then; a model fed by load; a constant that the
library assumes; a wattage that the owner declared; nothing at all."""
MEASURED_SHARE = "measured_share"
"""Metric of a limit: the share of the joules that hardware measured, by either way."""
PUE_FACTOR, GRID_FACTOR, CONTRACT_FACTOR = (
    "power usage effectiveness",
    "grid carbon intensity",
    "contracted carbon intensity",
)
WATER_FACTOR, OFFSITE_WATER_FACTOR = "water usage effectiveness", "water intensity of electricity"
"""Names under which factors stand in a document."""
UnitKind = Literal["functional unit", "predictions", "correct prediction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyComponent:
    """What one component drew in one phase. Joules are None when it was not measured, never 0 for that."""

    component: str
    """cpu, gpu, ram, or another, such as a tpu that was declared."""
    phase: str
    """validate, train or audit."""
    energy_j: float | None
    method: EnergyMethod
    detail: str = ""
    """The instrument or the model, in words."""
    coverage: float | None = None
    """Share of the phase's wall time that the meter saw, or that a declared wattage is counted for, 0 to 1."""
    device: str | None = None
    """What drew it: the processor's or board's model; None where no library could say."""
    idle_share: float | None = None
    """Share of the joules that the idle machine would have drawn in the same time, 0 to 1; None where unknown."""
    attribution: str = ""
    """Whose joules these are: the whole machine's, the process's, or a share of either, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A constant that turned one unit into another."""

    name: str
    value: float
    unit: str
    source: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonPerUnit:
    """Grams of CO2 equivalent for one unit of what the run did, location based, offsets left out.

    With the embodied part it is the Software Carbon Intensity of ISO/IEC 21031:2024; without it, it is operational
    carbon and is called so.
    """

    kind: UnitKind
    unit: str
    """What one unit is, such as "loan application"."""
    by: tuple[str, ...] = ()
    """Column of the group, where the unit is a correct prediction of one."""
    group: Group | None = None
    units: float | None = None
    """How many of them the run's carbon is divided by; None for a group, whose figure is that of one prediction
    divided by the group's accuracy."""
    operational_g: float | None = None
    """Energy with PUE times the grid's intensity, for one unit."""
    embodied_g: float | None = None
    """Share of the machine's embodied carbon, for one unit; None where none is declared."""
    sci_g: float | None = None
    """Sum of the two; None where one of them is."""
    low: float | None = None
    """Of ``sci_g``, or of ``operational_g`` where there is no other, from the interval of the group's accuracy."""
    high: float | None = None
    reason: str | None = None
    """Why there is no figure, or why it is no software carbon intensity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What the run drew, by component, and what turned joules into grams."""

    components: tuple[EnergyComponent, ...] = ()
    energy_kwh: float | None = None
    """Sum of the components times PUE; None when nothing was measured."""
    carbon_g: float | None = None
    """Grams of CO2 equivalent, location based; None when no grid factor is known."""
    measured_share: float | None = None
    """Share of the joules that came from a hardware counter, 0 to 1."""
    duration_s: float | None = None
    factors: tuple[Factor, ...] = ()
    note: str = ""
    sampled_share: float | None = None
    """Share of the joules from power that hardware measured now and then, 0 to 1; apart from ``measured_share``."""
    idle_kwh: float | None = None
    """Part of ``energy_kwh`` that the idle machine would have drawn; None unless it is known of every component."""
    carbon_market_g: float | None = None
    """Grams of CO2 equivalent by the contract for electricity, beside the location-based figure and never in its
    place; None when no contract is declared."""
    embodied_g: float | None = None
    """The run's share of what making the machine emitted, in grams of CO2 equivalent; None when not declared."""
    water_l: float | None = None
    """Litres of water: on site, off site, or both, as factors are declared; None when none is."""
    water_offsite_l: float | None = None
    """Part of ``water_l`` that making the electricity took; None when no factor for it is declared."""
    sci: tuple[CarbonPerUnit, ...] = ()
    """Carbon per declared unit, per 1,000 predictions and per correct prediction of each group."""
