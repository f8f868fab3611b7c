"""From rows of joules to the totals of a run, each None where it is not known.

energy_kwh = sum of the rows x PUE; carbon = energy_kwh x grams per kWh, by the grid and by the contract apart;
water = kWh of the machines x WUE + energy_kwh x EWIF. Nothing is extrapolated: joules that no meter saw are not in a
total, and the note says whose they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from audit.energy.sci import compute_embodied_g
from audit.energy.site import Site
from audit.energy.units import to_kwh
from audit.record.energy_text import name_component, name_phase
from audit.record.result import Energy, EnergyComponent, EnergyMethod, Factor

SEEN = 0.95
"""Share of a phase's time under which the note says that the rest is not in the total."""


def total_footprint(rows: Sequence[EnergyComponent], duration_s: float | None, site: Site, note: str) -> Energy:
    """Return totals of a run.

    Parameters
    ----------
    rows
        One for each component and phase.
    duration_s
        Wall time of all phases.
    site
        Every factor that was declared.
    note
        What a reader of the whole must know; what is in the total and what is not is added to it.
    """
    known = [row for row in rows if row.energy_j is not None]
    total_j = _sum_j(known) if known else None
    machine_kwh = None if total_j is None else to_kwh(total_j)
    kwh = None if machine_kwh is None else machine_kwh * site.pue
    onsite_l, offsite_l = _multiply(machine_kwh, site.water), _multiply(kwh, site.offsite_water)
    waters = [w for w in (onsite_l, offsite_l) if w is not None]
    return Energy(
        components=tuple(rows),
        energy_kwh=kwh,
        carbon_g=None if kwh is None or site.grid is None else kwh * site.grid.g_per_kwh,
        measured_share=_share(known, total_j, "counter"),
        duration_s=duration_s,
        factors=site.factors,
        note="; ".join([note, *_list_missing(rows), *(() if kwh is None else _describe_boundary(site))]),
        sampled_share=_share(known, total_j, "sampled"),
        idle_kwh=_total_idle_kwh(known, site.pue),
        carbon_market_g=_multiply(kwh, site.market),
        embodied_g=_share_embodied(site, duration_s),
        water_l=math.fsum(waters) if waters else None,
        water_offsite_l=offsite_l,
    )


def _sum_j(rows: Sequence[EnergyComponent]) -> float:
    return math.fsum(row.energy_j for row in rows if row.energy_j is not None)


def _multiply(kwh: float | None, factor: Factor | None) -> float | None:
    """Return a total by its factor; a factor of 0 is a figure, and none is not."""
    if kwh is None or factor is None:
        return None
    return kwh * factor.value


def _share(known: Sequence[EnergyComponent], total_j: float | None, method: EnergyMethod) -> float | None:
    """Return the share of the joules that are known by one method."""
    if not total_j:
        return None
    return _sum_j([row for row in known if row.method == method]) / total_j


def _total_idle_kwh(known: Sequence[EnergyComponent], pue: float) -> float | None:
    """Return what the idle machine would have drawn; unknown as soon as it is unknown of one component."""
    if not known or any(row.idle_share is None for row in known):
        return None
    return to_kwh(math.fsum((row.energy_j or 0.0) * (row.idle_share or 0.0) for row in known)) * pue


def _share_embodied(site: Site, duration_s: float | None) -> float | None:
    e = site.embodied
    if e is None or duration_s is None:
        return None
    return compute_embodied_g(
        e.total_g, reserved_s=duration_s, lifetime_s=e.lifetime_s, reserved_share=e.reserved_share
    )


def _list_missing(rows: Sequence[EnergyComponent]) -> Iterator[str]:
    """Yield what the total lacks, so that it is not read as the whole."""
    blind = [f"{name_component(r.component)} {name_phase(r.phase)}" for r in rows if r.energy_j is None]
    if blind:
        yield f"not measured, so not in the total: {', '.join(blind)}"
    part = [
        f"{name_component(r.component)} {name_phase(r.phase)} ({r.coverage:.0%} of the time)"
        for r in rows
        if r.energy_j is not None and r.coverage is not None and r.coverage < SEEN
    ]
    if part:
        yield f"partly covered: {', '.join(part)}; the rest is not in the total"


def _describe_boundary(site: Site) -> Iterator[str]:
    """Yield what of the chain from chip to power station is in the total."""
    overhead = f"the overhead of the site (PUE {site.pue:g})" if site.pue > 1 else ""
    yield f"in the total: idle power{f' and {overhead}' if overhead else ''}"
    apart = "embodied carbon (shown apart)" if site.embodied else "embodied carbon"
    gone = ["network and storage outside the machine", apart, *([] if overhead else ["overhead of the site"])]
    yield f"not in it: {', '.join(gone)}"
