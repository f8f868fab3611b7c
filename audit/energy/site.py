"""What is declared about the machine and its electricity: every factor that turns joules into something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audit.energy.carbon import UNIT, Grid, find_grid
from audit.record.energy import CONTRACT_FACTOR, OFFSITE_WATER_FACTOR, PUE_FACTOR, WATER_FACTOR, Factor

if TYPE_CHECKING:
    from audit.config.energy import DeclaredPower, EmbodiedCarbon, EnergySection

AS_DECLARED = ("audit.toml", "as declared")
NO_OVERHEAD = ("none was declared, so no overhead of the site is in it", "not applicable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embodied:
    """Carbon of making the machine, for M = TE x (TiR / EL) x (RR / ToR)."""

    total_g: float
    lifetime_s: float
    reserved_share: float
    source: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A device of which only its owner knows the power."""

    component: str
    power_w: float
    device: str
    source: str
    date: str
    idle_w: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Factors of one run. What is None was not declared, and what would follow from it is undefined."""

    pue: float = 1.0
    pue_source: tuple[str, str] | None = None
    """Source and date of the declaration; None where there is none."""
    grid: Grid | None = None
    market: Factor | None = None
    """gCO2e/kWh of the contract for electricity."""
    water: Factor | None = None
    """Litres on site for each kWh of the machines (WUE)."""
    offsite_water: Factor | None = None
    """Litres for making each kWh that the site draws (EWIF)."""
    embodied: Embodied | None = None
    declared: tuple[Declared, ...] = ()
    idle_w: Mapping[str, float] = field(default_factory=dict)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Every factor with its value, unit, source and date; those of carbon first."""
        source, date = self.pue_source or (AS_DECLARED if self.pue > 1 else NO_OVERHEAD)
        pue = Factor(name=PUE_FACTOR, value=self.pue, unit="1", source=source, date=date)
        located = None if self.grid is None else self.grid.factor
        found = (pue, located, self.market, self.water, self.offsite_water)
        return (*(f for f in found if f is not None), *self._list_embodied(), *self._list_powers())

    def _list_embodied(self) -> tuple[Factor, ...]:
        e = self.embodied
        if e is None:
            return ()
        parts = (
            ("embodied carbon of the machine", e.total_g, "gCO2e"),
            ("expected lifetime of the machine", e.lifetime_s, "s"),
            ("share of the machine reserved", e.reserved_share, "1"),
        )
        return tuple(Factor(name=n, value=v, unit=u, source=e.source, date=e.date) for n, v, u in parts)

    def _list_powers(self) -> tuple[Factor, ...]:
        idle = [(c, w, *AS_DECLARED) for c, w in self.idle_w.items()]
        idle += [(d.component, d.idle_w, d.source, d.date) for d in self.declared if d.idle_w is not None]
        named = [(f"declared power, {d.component}", d.power_w, d.source, d.date) for d in self.declared]
        named += [(f"idle power, {c}", w, source, date) for c, w, source, date in idle]
        return tuple(Factor(name=n, value=v, unit="W", source=s, date=d) for n, v, s, d in named)


def make_site(section: EnergySection) -> Site:
    """Return factors that [energy] declares.

    Raises
    ------
    QuestionError
        When the country has no grid factor.
    """
    s = section
    return Site(
        pue=s.pue,
        pue_source=(s.pue_source or AS_DECLARED[0], s.pue_date or AS_DECLARED[1]) if _has_pue(s) else None,
        grid=find_grid(s.country),
        market=_make_factor(CONTRACT_FACTOR, s.market_g_per_kwh, UNIT, s.market_source, s.market_date),
        water=_make_factor(WATER_FACTOR, s.water_l_per_kwh, "l/kWh", s.water_source, s.water_date),
        offsite_water=_make_factor(
            OFFSITE_WATER_FACTOR,
            s.offsite_water_l_per_kwh,
            "l/kWh",
            s.offsite_water_source,
            s.offsite_water_date,
        ),
        embodied=_make_embodied(s.embodied),
        declared=tuple(_make_declared(name, power) for name, power in (s.declared or {}).items()),
        idle_w=s.idle_w or {},
    )


def _has_pue(section: EnergySection) -> bool:
    return "pue" in section.model_fields_set


def _make_factor(name: str, value: float | None, unit: str, source: str | None, date: str | None) -> Factor | None:
    """Return a declared figure; its section has refused it without source and date."""
    if value is None or source is None or date is None:
        return None
    return Factor(name=name, value=value, unit=unit, source=source, date=date)


def _make_embodied(given: EmbodiedCarbon | None) -> Embodied | None:
    if given is None:
        return None
    return Embodied(
        total_g=given.total_g,
        lifetime_s=given.expected_s,
        reserved_share=given.reserved_share,
        source=given.source,
        date=given.date,
    )


def _make_declared(component: str, power: DeclaredPower) -> Declared:
    return Declared(
        component=component,
        power_w=power.watts,
        device=power.device,
        source=power.source,
        date=power.date,
        idle_w=power.idle_watts,
    )
