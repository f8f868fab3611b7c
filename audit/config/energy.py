"""[energy] of audit.toml: what turns joules into carbon and water, and what no library can read.

Every figure comes with who says so and since when; a figure without that is refused, and so is one from the future.

Must not: know a formula, or read a meter.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from audit.config.options import Number, Section, Text

EARLIEST = "1990"
S_PER_YEAR = 365 * 86_400
FIGURES = {
    "market": "market_g_per_kwh",
    "water": "water_l_per_kwh",
    "offsite_water": "offsite_water_l_per_kwh",
}
"""Figures that need a source and a date, by how the names of these begin."""


def _to_text(value: Any) -> Any:
    """Return a day or a year as text, the one form that both TOML and a recorded question have."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _require_past(text: str) -> str:
    """Return the day or the year, or refuse one that no figure can have."""
    year_alone = len(text) == 4 and text.isascii() and text.isdecimal()
    try:
        dated = text if year_alone else dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"must be a day such as 2025-06-30 or a year such as 2024, not '{text:.40}'") from None
    # Somewhere it is tomorrow already.
    latest = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).date().isoformat()
    if not EARLIEST <= dated <= latest:
        raise ValueError(f"must be between {EARLIEST} and today, not {dated}; give the date of the figure")
    return dated


Dated = Annotated[Text, BeforeValidator(_to_text), AfterValidator(_require_past)]
Watts = Annotated[Number, Field(gt=0, le=1e9)]
Share = Annotated[Number, Field(gt=0, le=1)]


class DeclaredPower(Section):
    """Power of a device that no library can read, such as a TPU, as its owner declares it."""

    watts: Watts
    """Of all such devices of the run together, on average while it trains."""
    device: Text
    """What the device is."""
    source: Text
    """Who says so."""
    date: Dated
    """Day or year of the figure."""
    idle_watts: Watts | None = None
    """Power of the same devices when idle."""

    @model_validator(mode="after")
    def _require_less_when_idle(self) -> Self:
        if self.idle_watts is not None and self.idle_watts > self.watts:
            raise ValueError(f"idle_watts = {self.idle_watts:g} is above watts = {self.watts:g}; correct one of them")
        return self


class EmbodiedCarbon(Section):
    """What making the machine emitted, over how long it serves, and which share of it the run has for itself."""

    total_g: Annotated[Number, Field(gt=0)]
    """Grams of CO2 equivalent for making the whole machine."""
    source: Text
    """Who says so."""
    date: Dated
    """Day or year of the figure."""
    lifetime_s: Annotated[Number, Field(gt=0)] | None = None
    """Seconds that the machine serves."""
    lifetime_years: Annotated[Number, Field(gt=0, le=100)] | None = None
    """Years of 365 days that the machine serves."""
    reserved_share: Share = 1.0
    """Share of the machine that the run has for itself."""

    @model_validator(mode="after")
    def _require_lifetime(self) -> Self:
        if (self.lifetime_s is None) == (self.lifetime_years is None):
            raise ValueError("needs one lifetime: lifetime_years (such as 4) or lifetime_s")
        return self

    @property
    def expected_s(self) -> float:
        """Expected lifetime in seconds."""
        if self.lifetime_s is not None:
            return self.lifetime_s
        return (self.lifetime_years or 0.0) * S_PER_YEAR


class EnergySection(Section):
    """Where the electricity comes from, and what it means in carbon and water."""

    meter: Literal["codecarbon", "zeus"] = "codecarbon"
    """Library that reads the hardware; zeus for NVIDIA Jetson and Apple silicon."""
    country: Text | None = None
    """Country of the grid as an ISO 3166 code of three letters; without it carbon is not computed."""
    pue: Annotated[Number, Field(ge=1, le=5)] = 1.0
    """Power usage effectiveness of the site: all its energy for each kWh of the machines."""
    pue_source: Text | None = None
    """Who says so."""
    pue_date: Dated | None = None
    """Day or year of the figure."""
    market_g_per_kwh: Annotated[Number, Field(ge=0, le=5000)] | None = None
    """Carbon of the electricity that a contract promises; the grid of the country is shown beside it."""
    market_source: Text | None = None
    """Who says so."""
    market_date: Dated | None = None
    """Day or year of the figure."""
    water_l_per_kwh: Annotated[Number, Field(ge=0, le=100)] | None = None
    """Water usage effectiveness of the site: litres for each kWh of the machines."""
    water_source: Text | None = None
    """Who says so."""
    water_date: Dated | None = None
    """Day or year of the figure."""
    offsite_water_l_per_kwh: Annotated[Number, Field(ge=0, le=1000)] | None = None
    """Energy water intensity: litres that making a kWh of electricity takes."""
    offsite_water_source: Text | None = None
    """Who says so."""
    offsite_water_date: Dated | None = None
    """Day or year of the figure."""
    idle_w: Annotated[dict[Text, Watts], Field(min_length=1)] | None = None
    """Watts of the idle machine by component, such as { cpu = 35, ram = 20 }."""
    declared: dict[Text, DeclaredPower] | None = None
    """Devices that no library can read, by component."""
    embodied: EmbodiedCarbon | None = None
    functional_unit: Text | None = None
    """Unit of the software carbon intensity, such as "loan application"."""
    functional_units: Annotated[Number, Field(gt=0)] | None = None
    """How many of these units the run serves."""

    @model_validator(mode="after")
    def _require_sources(self) -> Self:
        for begins, figure in FIGURES.items():
            source, date = getattr(self, f"{begins}_source"), getattr(self, f"{begins}_date")
            if getattr(self, figure) is None and (source is not None or date is not None):
                raise ValueError(f"{begins}_source and {begins}_date need {figure}; add it")
            if getattr(self, figure) is not None and (source is None or date is None):
                raise ValueError(
                    f"{figure} needs {begins}_source and {begins}_date (where the figure is from, and when)"
                )
        if "pue" not in self.model_fields_set and (self.pue_source is not None or self.pue_date is not None):
            raise ValueError("pue_source and pue_date need pue; add it")
        return self

    @model_validator(mode="after")
    def _require_whole_unit(self) -> Self:
        if (self.functional_unit is None) != (self.functional_units is None):
            raise ValueError(
                'a functional unit needs both a name and a number: functional_unit = "loan application", '
                "functional_units = 1000000"
            )
        twice = next((c for c in self.idle_w or () if c in (self.declared or ())), None)
        if twice is not None:
            raise ValueError(
                f"idle_w.{twice} and declared.{twice} both give the idle power of {twice}; keep "
                f"declared.{twice}.idle_watts"
            )
        return self

    @property
    def unit(self) -> tuple[str, float] | None:
        """Name and number of the functional units."""
        if self.functional_unit is None or self.functional_units is None:
            return None
        return self.functional_unit, self.functional_units
