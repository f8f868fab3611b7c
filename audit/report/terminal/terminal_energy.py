"""Energy and carbon as lines of a terminal: every figure with its measured share, and what it is made of.

Must not: show a figure without how it is known, or a 0 for what nobody measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.errors import printable
from audit.record.energy import CONTRACT_FACTOR, GRID_FACTOR
from audit.record.energy_text import (
    figure_text,
    made_of,
    mass_text,
    measured_words,
    share_text,
    unmeasured_words,
    volume_text,
)
from audit.record.result import CarbonPerUnit, Energy
from audit.report.terminal.tables import Line

DECLARED_UNIT = "functional unit"
UNDER = " " * 8
"""Head of a line that goes on under another."""


def energy_lines(energy: Energy | None) -> Iterator[Line]:
    """What was drawn and how that is known, and what it means in carbon and water."""
    if energy is None:
        return
    if energy.energy_kwh is None:
        yield Line("Energy  ", unmeasured_words(energy))
        return
    yield Line("Energy  ", f"{figure_text(energy.energy_kwh)} kWh ({measured_words(energy)}){_made_of(energy)}")
    yield Line("Carbon  ", _located(energy))
    if energy.carbon_market_g is not None:
        known = f"{mass_text(energy.carbon_market_g)} CO2e ({measured_words(energy)})"
        yield Line(UNDER, f"market based, beside it: {known}, by contract{_from(energy, CONTRACT_FACTOR)}")
    if energy.embodied_g is not None:
        yield Line(UNDER, f"embodied, apart: {mass_text(energy.embodied_g)} CO2e for making the machine")
    for row in (r for r in energy.sci if r.group is None and (r.operational_g is not None or r.kind == DECLARED_UNIT)):
        yield Line(UNDER, f"{_per_unit(row)} ({measured_words(energy)})")
    if energy.water_l is not None:
        yield Line("Water   ", f"{volume_text(energy.water_l)} ({measured_words(energy)})")


def _made_of(energy: Energy) -> str:
    """Components by their share, the most first, and phases and components of which nothing is known."""
    made = ", ".join(f"{printable(p.component, 30)} {share_text(p.share)} ({p.method})" for p in made_of(energy))
    metered = {c.phase for c in energy.components if c.energy_j is not None}
    blind = [c for c in energy.components if c.energy_j is None]
    phases = {c: printable(c.phase, 20) for c in blind}
    silent = [p if c.phase not in metered else f"{printable(c.component, 30)} in {p}" for c, p in phases.items()]
    missed = f"; not metered: {', '.join(dict.fromkeys(silent))}" if silent else ""
    return f"; {made}{missed}"


def _located(energy: Energy) -> str:
    if energy.carbon_g is None:
        return "unknown grid, so no grams: name it with [energy] country"
    known = f"{mass_text(energy.carbon_g)} CO2e ({measured_words(energy)})"
    return f"{known}, location based{_from(energy, GRID_FACTOR)}"


def _from(energy: Energy, name: str) -> str:
    """The factor with its source and date."""
    factor = next((f for f in energy.factors if f.name == name), None)
    if factor is None:
        return ""
    source = f"{printable(factor.source, 120).removesuffix(', location based')}, {printable(factor.date, 30)}"
    return f", at {factor.value:.3g} {printable(factor.unit, 30)} from {source}"


def _per_unit(row: CarbonPerUnit) -> str:
    """Carbon of one unit, called what it is."""
    unit = printable(row.unit, 60)
    if row.sci_g is not None:
        return f"{mass_text(row.sci_g)} CO2e per {unit}, by ISO/IEC 21031"
    if row.operational_g is not None:
        return f"{mass_text(row.operational_g)} CO2e for each {unit}, operational; embodied carbon is not included"
    return f"{unit}: undefined, {printable(row.reason or 'no reason was recorded', 160)}"
