"""What a plan is: ranges of energy and carbon, part by part, what dominates them, and every factor behind them.

Training (dynamic), idle and embodied stay apart, as in the account of BLOOM (Luccioni et al., arXiv 2211.02001); the
sum says which of them it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from audit.energy.plan.eu_ai_act import Presumption
from audit.energy.plan.ranges import Input, Range, Share
from audit.energy.units import to_joules
from audit.record.serialize import to_lines, to_plain

SCHEMA: Final = "audit-plan/1"
Method = Literal["flops", "6nd", "device-hours", "calibration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One quantity by its parts; a part that is not known is None, and the sum says what it holds."""

    training: Range | None
    """What the devices draw because they train."""
    idle: Range | None
    """What is drawn while they are held and do not train."""
    embodied: Range | None
    """This run's part of making them; carbon only."""
    total: Range | None
    holds: tuple[str, ...]
    """Names of the parts that the sum is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A projection. It has no single number: every quantity is a `Range`."""

    method: Method
    energy_kwh: Parts
    """At the site's meter, so times PUE."""
    carbon_g: Parts
    """Grams of CO2 equivalent, location based."""
    flops: Range | None
    device_hours: Range | None
    duration_h: Range | None
    """Wall clock."""
    utilisation: Range | None
    """Share of the devices' peak that the plan means (MFU)."""
    energy_shares: tuple[Share, ...]
    """What the range of the energy's sum comes from, the largest first."""
    carbon_shares: tuple[Share, ...]
    dominates: str
    """The same in a sentence."""
    act: Presumption
    inputs: tuple[Input, ...]
    undefined: Mapping[str, str] = field(default_factory=dict)
    """Why a quantity is None."""
    notes: tuple[str, ...] = ()
    schema: Literal["audit-plan/1"] = SCHEMA

    @property
    def energy_j(self) -> Range | None:
        """The energy's sum in joules."""
        found = self.energy_kwh.total
        if found is None:
            return None
        return Range(low=to_joules(found.low), value=to_joules(found.value), high=to_joules(found.high), unit="J")

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain dicts and lists, ``schema`` first."""
        plain = to_plain(self)
        return {"schema": plain.pop("schema"), **plain}

    def to_json(self) -> str:
        """Return the strict JSON, a line for each input."""
        return "\n".join(to_lines(self.to_dict()))
