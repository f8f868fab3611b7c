"""Totals of a footprint in words, and as what a limit judges; a figure of energy never stands without how it is known.

Must not: compute a total.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from audit.errors import printable
from audit.estimate import Estimate, figure_text
from audit.record.energy import MEASURED_SHARE, CarbonPerUnit, Energy, EnergyMethod

UNITS: Mapping[str, str] = {
    "energy_kwh": "kWh",
    "carbon_g": "g CO2e",
    "carbon_market_g": "g CO2e by contract",
    "embodied_g": "g CO2e",
    "water_l": "l",
    "sci_g": "g CO2e a unit",
    MEASURED_SHARE: "",
}
SUBJECTS: Mapping[str, str] = {
    "energy_kwh": "Energy",
    "carbon_g": "Carbon",
    "carbon_market_g": "Carbon, market-based",
    "embodied_g": "Embodied carbon",
    "water_l": "Water",
    "sci_g": "Software carbon intensity",
    MEASURED_SHARE: "Measured share of the energy",
}
NEEDS: Mapping[str, str] = {
    "energy_kwh": "no energy was measured",
    "carbon_g": "the grid is unknown; set [energy] country",
    "carbon_market_g": "no contract for electricity is declared; set [energy] market_g_per_kwh",
    "embodied_g": "embodied carbon is not declared; set [energy.embodied]",
    "water_l": "no water factor is declared; set [energy] water_l_per_kwh",
    "sci_g": "it needs [energy] functional_unit",
    MEASURED_SHARE: "no energy was measured",
}
"""Why a total is undefined although energy was measured, and the mend."""
FROM_ENERGY = frozenset({"energy_kwh", "carbon_g", "carbon_market_g", "water_l", "sci_g"})
UNKNOWN_SHARE = "measured share unknown"
ESTIMATED = "estimated, not measured"
UNTRAINED = "not measured: nothing was trained, and the meter had no reading"


def format_figure(value: float) -> str:
    """Format three significant digits without an exponent; from 100 on, whole numbers with thousands separators.

    >>> format_figure(0.0000104217), format_figure(0.2), format_figure(8930e6), format_figure(0.0)
    ('0.0000104', '0.200', '8,930,000,000', '0')
    """
    if value == 0:
        return "0"
    # From 99.95 on, three significant digits are those of a whole number.
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{Decimal(f'{value:#.3g}'):f}"


def format_energy(kwh: float) -> str:
    """Format an energy in Wh, from 1 kWh on in kWh.

    >>> format_energy(0.0000198), format_energy(12.5), format_energy(8930.0), format_energy(0.0)
    ('0.0198 Wh', '12.5 kWh', '8,930 kWh', '0 Wh')
    """
    if kwh >= 1:
        return f"{format_figure(kwh)} kWh"
    return f"{format_figure(1000 * kwh)} Wh"


def name_unit(row: CarbonPerUnit) -> str:
    """Return the unit of a row of carbon; of few predictions, how many the figure for 1,000 is projected from.

    >>> name_unit(CarbonPerUnit(kind="predictions", unit="1,000 predictions", units=0.002))
    '1,000 predictions (projected from 2)'
    """
    if row.kind != "predictions" or row.units is None or row.units >= 1:
        return row.unit
    return f"{row.unit} (projected from {1000 * row.units:,.0f})"


def format_mass(grams: float) -> str:
    """Format a mass in the unit in which it is a short number.

    >>> format_mass(0.281), format_mass(1.84e-8), format_mass(24.691e6), format_mass(0.0)
    ('0.281 g', '18.4 ng', '24.7 t', '0 g')
    """
    return _format_scaled(grams, ((1e6, "t"), (1e3, "kg"), (0.1, "g"), (1e-4, "mg"), (1e-7, "µg"), (0.0, "ng")), MASS)


def format_volume(litres: float) -> str:
    """Format a volume in litres, millilitres or microlitres.

    >>> format_volume(0.0004), format_volume(12.5)
    ('0.400 ml', '12.5 l')
    """
    return _format_scaled(litres, ((0.1, "l"), (1e-4, "ml"), (0.0, "µl")), VOLUME)


def _format_scaled(value: float, steps: Sequence[tuple[float, str]], units: Mapping[str, float]) -> str:
    name = next((n for least, n in steps if abs(value) >= least), steps[-1][1]) if value else next(iter(units))
    return f"{format_figure(value / units[name])} {name}"


MASS: Mapping[str, float] = {"g": 1.0, "mg": 1e-3, "µg": 1e-6, "ng": 1e-9, "kg": 1e3, "t": 1e6}
VOLUME: Mapping[str, float] = {"l": 1.0, "ml": 1e-3, "µl": 1e-6}


def describe_measured_share(energy: Energy) -> str:
    """Describe how much of the energy hardware measured, counters and sampled power apart."""
    ways = ((energy.measured_share, "by energy counters"), (energy.sampled_share, "by sampled power"))
    if energy.measured_share is None:
        return UNKNOWN_SHARE
    told = [(share, way) for share, way in ways if share]
    if not told:
        return ESTIMATED
    if len(told) == 1 and told[0][0] == 1:
        return f"measured {told[0][1]}"
    share, way = told[0]
    beside = "".join(f", {figure_text(other, 'share')} {by}" for other, by in told[1:])
    rest = ", the rest estimated" if (_sum_measured_share(energy) or 0.0) < 1 else ""
    return f"{figure_text(share, 'share')} measured {way}{beside}{rest}"


def _shorten_measured_share(known: str) -> str:
    """Return how much of a figure was measured as the cell of a table has it.

    >>> _shorten_measured_share("12.0% measured by sampled power, the rest estimated")
    '12.0% measured'
    """
    if known == ESTIMATED:
        return "estimated"
    return known.partition(" by ")[0]


def name_component(component: str) -> str:
    """Return a component as people write it: CPU, GPU, RAM and TPU are initials."""
    shown = printable(component, 30)
    if shown.lower() not in {"cpu", "gpu", "ram", "tpu"}:
        return shown
    return shown.upper()


def name_phase(phase: str) -> str:
    """Return when in a run something was drawn.

    >>> name_phase("validate"), name_phase("train")
    ('while checking data', 'in training')
    """
    return PHASES.get(phase, f"in {printable(phase, 20)}")


PHASES: Mapping[str, str] = {
    "validate": "while checking data",
    "train": "in training",
    "audit": "while computing metrics",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one component drew by one method, as a share of all joules."""

    component: str
    method: EnergyMethod
    share: float


def split_by_component(energy: Energy) -> tuple[Part, ...]:
    """Split the energy by component and method, the most first."""
    drawn: dict[tuple[str, EnergyMethod], list[float]] = {}
    for c in energy.components:
        if c.energy_j is not None:
            drawn.setdefault((c.component, c.method), []).append(c.energy_j)
    sums = sorted(((math.fsum(each), *key) for key, each in drawn.items()), key=lambda s: (-s[0], s[1]))
    total_j = math.fsum(s for s, _, _ in sums)
    return tuple(Part(component, method, joules / total_j) for joules, component, method in sums if total_j > 0)


def format_total(found: Estimate) -> str:
    """Format a judged total with its unit and how the energy behind it is known."""
    if found.value is None:
        return "–"
    if found.metric == MEASURED_SHARE:
        return figure_text(found.value, "share")
    known = f" ({found.method})" if found.method else ""
    return f"{_format_amount(found.value, found.metric)}{known}"


def format_in_cell(found: Estimate) -> str:
    """Format a judged total as the cell of a table has it: 0.0198 Wh, estimated."""
    if found.value is None or found.metric == MEASURED_SHARE:
        return format_total(found)
    known = f", {_shorten_measured_share(found.method)}" if found.method else ""
    return f"{_format_amount(found.value, found.metric)}{known}"


def _format_amount(value: float, metric: str) -> str:
    if metric == "energy_kwh":
        return format_energy(value)
    if metric == "water_l":
        return format_volume(value)
    return f"{format_mass(value)} {UNITS[metric].removeprefix('g ')}"


def format_limit(limit: float, metric: str) -> str:
    """Return a limit on a total with its unit and all digits that it was given.

    >>> format_limit(0.01, "energy_kwh"), format_limit(2.5, "energy_kwh"), format_limit(0.5, "measured_share")
    ('10 Wh', '2.5 kWh', '50%')
    """
    if metric == MEASURED_SHARE:
        return f"{100 * limit:,.10g}%"
    if metric == "energy_kwh" and limit < 1:
        return f"{1000 * limit:,.10g} Wh"
    return f"{limit:,.10g} {UNITS[metric]}"


def _sum_measured_share(energy: Energy) -> float | None:
    """Share of the joules that hardware measured, by counters or by sampled power."""
    if energy.measured_share is None:
        return None
    return math.fsum((energy.measured_share, energy.sampled_share or 0.0))


def estimate_total(energy: Energy | None, metric: str) -> Estimate:
    """Return a total of the run with how its energy is known; what is not known is undefined, never 0."""
    value = None if energy is None else _find_value(energy, metric)
    if energy is None or value is None:
        return Estimate(stage="energy", metric=metric, status="undefined", reason=_reason_for_no_figure(energy, metric))
    method = describe_measured_share(energy) if metric in FROM_ENERGY else None
    return Estimate(stage="energy", metric=metric, value=float(value), method=method)


def _find_value(energy: Energy, metric: str) -> float | None:
    if metric == MEASURED_SHARE:
        return _sum_measured_share(energy)
    if metric == "sci_g":
        return next((row.sci_g for row in energy.sci if row.kind == "functional unit"), None)
    total: float | None = getattr(energy, metric)
    return total


def _reason_for_no_figure(energy: Energy | None, metric: str) -> str:
    """Return why there is no figure, and the mend where there is one."""
    if energy is None:
        return "no meter ran"
    if metric == "sci_g" and (row := next((r for r in energy.sci if r.kind == "functional unit"), None)):
        return row.reason or NEEDS[metric]
    if energy.energy_kwh is None and metric != "embodied_g":
        return energy.note or NEEDS["energy_kwh"]
    return NEEDS[metric]


def has_trained_nothing(energy: Energy) -> bool:
    """Return whether a run that was metered has no phase of training, and nothing was measured of the others."""
    return energy.energy_kwh is None and bool(energy.components) and all(c.phase != "train" for c in energy.components)


def describe_unmeasured(energy: Energy) -> str:
    """Describe why there is no energy, once."""
    if has_trained_nothing(energy):
        return UNTRAINED
    blind = all(c.energy_j is None for c in energy.components)
    details = [c.detail for c in energy.components if blind and c.detail]
    said = dict.fromkeys(
        _strip_prefix(printable(text, 200)) for text in details or [energy.note or "no meter answered"]
    )
    return f"not measured: {'; '.join(said)}"


def _strip_prefix(text: str) -> str:
    """Return a reason without the words that stand before it already."""
    return text.strip().removeprefix("not measured:").strip()
