"""Energy and carbon as lines of a terminal: every figure with how it is known, and what it is made of.

Must not: show a figure without how it is known, or a 0 for what was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.errors import printable
from audit.estimate import figure_text
from audit.record.energy import CONTRACT_FACTOR, GRID_FACTOR, CarbonPerUnit, Energy
from audit.record.energy_text import (
    describe_measured_share,
    describe_unmeasured,
    format_energy,
    format_mass,
    format_volume,
    name_component,
    name_phase,
    split_by_component,
)
from audit.record.result import AuditResult
from audit.report.terminal.lines import Line

LIBRARY = "codecarbon "
"""Begins the source of a grid factor that comes from a table of countries."""
DECLARED_UNIT = "functional unit"
HEAD, UNDER = "Energy  ", " " * 8
NO_GRID = "not computed, because the grid is unknown; set [energy] country"


def summarise_energy(energy: Energy | None) -> Iterator[Line]:
    """Yield energy and carbon in one line."""
    if energy is None:
        return
    if energy.energy_kwh is None:
        yield Line(HEAD, describe_unmeasured(energy))
        return
    known = f"{format_energy(energy.energy_kwh)} ({describe_measured_share(energy)})"
    yield Line(HEAD, f"{known}; {_summarise_carbon(energy)}")


def _summarise_carbon(energy: Energy) -> str:
    if energy.carbon_g is None:
        return f"carbon {NO_GRID}"
    factor = next((f for f in energy.factors if f.name == GRID_FACTOR), None)
    grid = "" if factor is None else f" ({_name_grid(factor.source)}, {printable(factor.date, 30)})"
    return f"{format_mass(energy.carbon_g)} CO2e{grid}"


def _name_grid(source: str) -> str:
    """Return of the source of a grid factor which grid it is: the last part of a library's name for it."""
    told = printable(source, 120).removesuffix(", location based")
    if not told.startswith(LIBRARY):
        return told
    return f"grid of {told.rsplit(', ', 1)[-1].split(' (')[0]}"


def explain_unmetered(result: AuditResult) -> Iterator[Line]:
    """Yield why a whole pipeline has no figure of energy: it trains nothing, and no meter was asked for."""
    trains = "train" in result.question.config
    if result.energy is None and result.run.command[1:2] == ("run",) and not trains:
        yield Line(HEAD, "not metered, because nothing was trained ([energy] in audit.toml meters it)")


def describe_energy(energy: Energy | None) -> Iterator[Line]:
    """Yield what was drawn and how that is known, and what it means in carbon and water."""
    if energy is None:
        return
    if energy.energy_kwh is None:
        yield Line(HEAD, describe_unmeasured(energy))
        return
    known = describe_measured_share(energy)
    yield Line(HEAD, f"{format_energy(energy.energy_kwh)} ({known}){_describe_parts(energy)}")
    yield Line("Carbon  ", _describe_carbon(energy, known))
    if energy.carbon_market_g is not None:
        factor = _describe_factor(energy, CONTRACT_FACTOR)
        yield Line(UNDER, f"market-based (by contract): {format_mass(energy.carbon_market_g)} CO2e ({known}){factor}")
    if energy.embodied_g is not None:
        yield Line(UNDER, f"embodied (not in the total): {format_mass(energy.embodied_g)} CO2e")
    for row in (r for r in energy.sci if r.group is None and (r.operational_g is not None or r.kind == DECLARED_UNIT)):
        yield Line(UNDER, f"{_describe_unit(row)} ({known})")
    if energy.water_l is not None:
        yield Line("Water   ", f"{format_volume(energy.water_l)} ({known})")


def _describe_parts(energy: Energy) -> str:
    """Return components by their share, the most first, and phases and components of which nothing is known."""
    made = ", ".join(
        f"{name_component(p.component)} {figure_text(p.share, 'share')} ({p.method})"
        for p in split_by_component(energy)
    )
    metered = {c.phase for c in energy.components if c.energy_j is not None}
    blind = [c for c in energy.components if c.energy_j is None]
    phases = {c: name_phase(c.phase) for c in blind}
    silent = [
        f"everything {p}" if c.phase not in metered else f"{name_component(c.component)} {p}" for c, p in phases.items()
    ]
    missed = f"; not metered: {', '.join(dict.fromkeys(silent))}" if silent else ""
    return f"; {made}{missed}"


def _describe_carbon(energy: Energy, known: str) -> str:
    if energy.carbon_g is None:
        return NO_GRID
    return f"{format_mass(energy.carbon_g)} CO2e ({known}), location-based{_describe_factor(energy, GRID_FACTOR)}"


def _describe_factor(energy: Energy, name: str) -> str:
    """Return the factor with its source and date."""
    factor = next((f for f in energy.factors if f.name == name), None)
    if factor is None:
        return ""
    source = f"{printable(factor.source, 120).removesuffix(', location based')}, {printable(factor.date, 30)}"
    unit = printable(factor.unit, 30).replace("gCO2e", "g CO2e")
    return f", at {factor.value:.3g} {unit} from {source}"


def _describe_unit(row: CarbonPerUnit) -> str:
    """Return the carbon of one unit, called what it is."""
    unit = printable(row.unit, 60)
    if row.sci_g is not None:
        return f"{format_mass(row.sci_g)} CO2e per {unit}, by ISO/IEC 21031"
    if row.operational_g is not None:
        return f"{format_mass(row.operational_g)} CO2e per {unit}, operational; embodied carbon is not included"
    return f"{unit}: undefined, {printable(row.reason or 'no reason was recorded', 160)}"
