"""The totals of a recorded run again from its rows and factors, compared with what the document says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from audit.energy.carbon import UNIT, Grid
from audit.energy.sci import with_units
from audit.energy.site import Site, site_of
from audit.energy.totals import footprint
from audit.footprint import GRID_FACTOR, CarbonPerUnit, Energy
from audit.result import AuditResult

if TYPE_CHECKING:
    from audit.config.schema import Config

TOLERANCE = 1e-9
TOTALS = ("energy_kwh", "carbon_g", "measured_share")
LATER = ("sampled_share", "idle_kwh", "carbon_market_g", "embodied_g", "water_l", "water_offsite_l")
"""Totals that an older evenhand did not write; a document without them says so by having no sampled share."""


def energy_differences(result: AuditResult, config: Config) -> Iterator[str]:
    """Sentences for each total that does not follow from the rows and factors of the document."""
    energy = result.energy
    if energy is None:
        return
    site = _site(energy, config)
    made = footprint(energy.components, energy.duration_s, site, "")
    names = (*TOTALS, *LATER) if energy.sampled_share is not None else TOTALS
    for name in names:
        there, now = getattr(energy, name), getattr(made, name)
        if not _same(there, now):
            yield f"energy: {name} is {there} in the document and {now} from its rows and factors"
    units = with_units(
        energy,
        unit=config.energy.unit,
        data=result.data,
        estimates=result.estimates,
        groups=config.data.groups,
    )
    if energy.sci and not _same_units(energy.sci, units.sci):
        yield "energy: the carbon per unit does not follow from the totals, the predictions and the accuracies"


def _site(energy: Energy, config: Config) -> Site:
    """What was declared, with the grid's factor as the document has it: the table may be another by now."""
    found = next((f for f in energy.factors if f.unit == UNIT and f.name == GRID_FACTOR), None)
    bare = site_of(config.energy.model_copy(update={"country": None}))
    country = config.energy.country
    grid = None if found is None or country is None else Grid(country=country, g_per_kwh=found.value, factor=found)
    return replace(bare, grid=grid)


def _same_units(there: tuple[CarbonPerUnit, ...], now: tuple[CarbonPerUnit, ...]) -> bool:
    return len(there) == len(now) and all(
        _same(getattr(a, f.name), getattr(b, f.name))
        for a, b in zip(there, now, strict=True)
        for f in fields(CarbonPerUnit)
    )


def _same(a: object, b: object) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=TOLERANCE)
    return a == b
