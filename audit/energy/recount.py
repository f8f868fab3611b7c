"""The energy of a recorded run again from its rows and what was declared, to compare with what stands there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from audit.energy.carbon import UNIT, Grid
from audit.energy.ledger import make_declared_row
from audit.energy.sci import with_units
from audit.energy.site import Site, make_site
from audit.energy.totals import total_footprint
from audit.measurement.estimates import Estimates
from audit.record.energy import GRID_FACTOR, PUE_FACTOR, Energy, EnergyComponent, Factor
from audit.record.result import Part

if TYPE_CHECKING:
    from audit.config.schema import Config


def strip_totals(energy: Energy | None) -> Energy | None:
    """Return what a meter and an owner say: rows, time, factors and note, and no total that follows from them."""
    if energy is None:
        return None
    return Energy(components=energy.components, duration_s=energy.duration_s, factors=energy.factors, note=energy.note)


def recount_energy(energy: Energy | None, config: Config, data: Iterable[Part], estimates: Estimates) -> Energy | None:
    """Return the energy with its totals, its carbon per unit and its factors as they follow from rows and declarations.

    Of the grid's factor the document's own figure is taken, because the table may be another by now; so are the source
    of the site's overhead and what the note says beside what is in the total.
    """
    if energy is None:
        return None
    site = _make_site(energy, config)
    made = total_footprint(_remake_declared(energy, site), energy.duration_s, site, "")
    made = replace(
        made,
        factors=_list_factors(energy.factors, site) if energy.factors or energy.components else (),
        note=energy.note if made.note in energy.note else made.note,
    )
    return with_units(made, unit=config.energy.unit, data=data, estimates=estimates, groups=config.data.groups)


def _make_site(energy: Energy, config: Config) -> Site:
    """Return what was declared, with the grid's factor as the document has it."""
    found = next((f for f in energy.factors if f.unit == UNIT and f.name == GRID_FACTOR), None)
    bare_site = make_site(config.energy.model_copy(update={"country": None}))
    country = config.energy.country
    grid = None if found is None or country is None else Grid(country=country, g_per_kwh=found.value, factor=found)
    return replace(bare_site, grid=grid)


def _list_factors(there: Sequence[Factor], site: Site) -> tuple[Factor, ...]:
    """Return factors of the site.

    A question does not tell whether somebody declared an overhead or it is the usual one.
    """
    known = next((f for f in there if f.name == PUE_FACTOR), None)
    return tuple(
        f if f.name != PUE_FACTOR or known is None else replace(f, source=known.source, date=known.date)
        for f in site.factors
    )


def _remake_declared(energy: Energy, site: Site) -> tuple[EnergyComponent, ...]:
    """Return rows with those of declared devices made again: watts for one time, at most that of the run."""
    powers = {d.component: d for d in site.declared}
    rows = [row for row in energy.components if row.method == "declared" and row.component in powers]
    lengths = [(row.energy_j or 0.0) / powers[row.component].power_w for row in rows]
    length_s = min(lengths[:1] + ([] if energy.duration_s is None else [energy.duration_s]), default=0.0)
    return tuple(
        make_declared_row(powers[row.component], row.phase, length_s) if row in rows else row
        for row in energy.components
    )
