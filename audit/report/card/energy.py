"""Energy and carbon of a run: one sentence with its measured share, a bar of what it is made of, and four tables.

Must not: add up what was not measured, call an estimate a measurement, or show a figure without how it is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.errors import capitalise
from audit.estimate import figure_text
from audit.record.energy import WATER_FACTOR, CarbonPerUnit, Energy, EnergyComponent, EnergyMethod
from audit.record.energy_text import (
    NEEDS,
    UNTRAINED,
    describe_measured_share,
    format_energy,
    format_figure,
    format_mass,
    format_volume,
    has_trained_nothing,
    name_component,
    name_phase,
    name_unit,
    split_by_component,
)
from audit.report.card.shapes import EnergyView, Piece, Table, TableRow
from audit.report.card.words import (
    LEFT_OUT,
    Cell,
    clean_text,
    make_text_cell,
    name_group,
    name_grouping,
)

METHODS: dict[EnergyMethod, str] = {
    "counter": "measured: energy counter",
    "sampled": "measured: power sampled",
    "model": "estimated: model",
    "constant": "assumed: constant",
    "declared": "declared by the owner",
    "none": "not measured",
}
MEANING: dict[EnergyMethod, str] = {
    "counter": "measured by an energy counter",
    "sampled": "measured as samples of power",
    "model": "estimated by a model, not measured",
    "constant": "an assumed constant, not measured",
    "declared": "a wattage that the owner declared, not measured",
}
UNKNOWN = "unknown"


def make_energy_view(energy: Energy | None) -> EnergyView:
    """Return what the run drew, by which method, what that means, and what turned it into grams."""
    if energy is None:
        return EnergyView()
    if has_trained_nothing(energy) and energy.embodied_g is None:
        return EnergyView(f"Energy: {UNTRAINED}.")
    note = ""
    if energy.note:
        note = clean_text(energy.note, 1200).strip().removeprefix(f"{METHODS['none']}:").strip()
    return EnergyView(
        sentence=_describe_energy(energy),
        largest=_describe_largest(energy),
        pieces=_split_into_pieces(energy),
        components=_make_component_table(energy.components) if energy.components else None,
        totals=_make_totals_table(energy) if energy.components else None,
        units=_make_unit_table(energy) if energy.sci else None,
        factors=_make_factor_table(energy) if energy.factors else None,
        note=f"{capitalise(note)}." if note else "",
    )


def _describe_energy(energy: Energy) -> str:
    """Return energy and carbon with their measured share, in one sentence."""
    if energy.energy_kwh is None:
        return "Energy: not measured. Carbon: undefined (no energy to convert)."
    lasted = ""
    if energy.duration_s is not None:
        lasted = f" in {energy.duration_s:,.1f} s"
    used = f"The run used {format_energy(energy.energy_kwh)}{lasted} ({describe_measured_share(energy)})"
    if energy.carbon_g is None:
        return f"{used}. Carbon: not computed, because the grid is unknown; set [energy] country."
    return f"{used}: {format_mass(energy.carbon_g)} CO2e, location-based."


def _split_into_pieces(energy: Energy) -> tuple[Piece, ...]:
    """Return what the energy is made of, from left to right."""
    x, found = 0.0, []
    for part in split_by_component(energy):
        label = f"{name_component(part.component)} {figure_text(part.share, 'share')}"
        found.append(Piece(label, METHODS[part.method], part.method, round(100 * x, 3), round(100 * part.share, 3)))
        x += part.share
    return tuple(found)


def _describe_largest(energy: Energy) -> str:
    """Return what most of the energy is, and whether it was measured."""
    parts = split_by_component(energy)
    if not parts:
        return ""
    first = parts[0]
    name = name_component(first.component)
    if len(parts) == 1:
        return f"All of it is {name}: {MEANING[first.method]}."
    head = "Most of it" if first.share > 0.5 else "The largest part"
    return f"{head}, {figure_text(first.share, 'share')}, is {name}: {MEANING[first.method]}."


def _make_component_table(components: Sequence[EnergyComponent]) -> Table:
    total_j = math.fsum(c.energy_j for c in components if c.energy_j is not None)
    whose = list(dict.fromkeys(c.attribution for c in components if c.energy_j is not None and c.attribution))
    alike = len(whose) == 1
    return Table(
        caption="Energy by component and phase, before the overhead of the site",
        columns=("Component", "When", "Energy", "Share", "Idle share", "Time covered", "Basis"),
        rows=tuple(
            TableRow(name_component(c.component), _make_component_cells(c, total_j, alike=alike)) for c in components
        ),
        note=f"Scope: {clean_text(whose[0])}." if alike else "",
        wide=True,
    )


def _make_component_cells(c: EnergyComponent, total_j: float, *, alike: bool) -> tuple[Cell, ...]:
    detail = [c.detail, c.device if c.device and c.device not in c.detail else "", "" if alike else c.attribution]
    method = Cell(METHODS[c.method], note="; ".join(clean_text(d) for d in detail if d), numeric=False)
    if c.energy_j is None:
        empty = Cell("–", mark="none")
        return (
            make_text_cell(name_phase(c.phase)),
            Cell("not measured", mark="undefined"),
            empty,
            empty,
            _make_coverage_cell(c),
            method,
        )
    share = Cell(figure_text(c.energy_j / total_j, "share")) if total_j > 0 else Cell("–", mark="none")
    idle = Cell(UNKNOWN, mark="none") if c.idle_share is None else Cell(figure_text(c.idle_share, "share"))
    return (
        make_text_cell(name_phase(c.phase)),
        Cell(f"{format_figure(c.energy_j)} J"),
        share,
        idle,
        _make_coverage_cell(c),
        method,
    )


def _make_coverage_cell(c: EnergyComponent) -> Cell:
    if c.coverage is None:
        return Cell("–", mark="none")
    return Cell(figure_text(c.coverage, "share"))


def _make_totals_table(energy: Energy) -> Table:
    """Return every boundary on its own line; what is not known says why."""
    known = describe_measured_share(energy)
    located = f"by the grid where the energy was used; {known}"
    market = f"by the contract for the energy; stated beside the location-based figure, never instead of it; {known}"
    making = "the run’s share of making the machine, by time and by what was reserved"
    rows = (
        _make_mass_row(energy, "Carbon, location-based", "carbon_g", located),
        *_make_idle_rows(energy),
        _make_mass_row(energy, "Carbon, market-based", "carbon_market_g", market),
        _make_mass_row(energy, "Embodied carbon (not in the total)", "embodied_g", making),
        *_make_water_rows(energy),
    )
    return Table(caption="Totals by accounting boundary", columns=("Total", "Value", "What it is"), rows=rows)


def _make_row(name: str, value: str, said: str) -> TableRow:
    return TableRow(name, (Cell(value), make_text_cell(said)))


def _make_mass_row(energy: Energy, name: str, metric: str, said: str) -> TableRow:
    """Return grams and what they are, or why there are none."""
    value: float | None = getattr(energy, metric)
    if value is None:
        return _make_undefined_row(energy, name, metric)
    return _make_row(name, format_mass(value), said)


def _make_undefined_row(energy: Energy, name: str, metric: str) -> TableRow:
    unmeasured = energy.energy_kwh is None and metric != "embodied_g"
    why = NEEDS["energy_kwh"] if unmeasured else NEEDS[metric]
    return TableRow(name, (Cell("undefined", mark="undefined"), make_text_cell(why)))


def _make_idle_rows(energy: Energy) -> tuple[TableRow, ...]:
    """Return what the idle machine would have emitted and what the work added; only of a run that knows both."""
    if energy.carbon_g is None or not energy.energy_kwh:
        return ()
    if energy.idle_kwh is None:
        silent = dict.fromkeys(
            c.component for c in energy.components if c.energy_j is not None and c.idle_share is None
        )
        why = f"the idle power of {' and '.join(map(name_component, silent))} is unknown; the line above includes it"
        return (TableRow("… idle", (Cell(UNKNOWN, mark="none"), make_text_cell(why))),)
    idle_g = energy.carbon_g * min(1.0, energy.idle_kwh / energy.energy_kwh)
    return (
        _make_row("… for the work", format_mass(energy.carbon_g - idle_g), "what the work added to the idle machine"),
        _make_row("… idle", format_mass(idle_g), "what the idle machine would have drawn in the same time"),
    )


def _make_water_rows(energy: Energy) -> tuple[TableRow, ...]:
    if energy.water_l is None:
        return (_make_undefined_row(energy, "Water", "water_l"),)
    offsite_l = energy.water_offsite_l
    onsite = any(f.name == WATER_FACTOR for f in energy.factors)
    where = [w for w, there in (("on site", onsite), ("for making the electricity", offsite_l is not None)) if there]
    whole = _make_row(
        "Water", format_volume(energy.water_l), f"{' and '.join(where)}; {describe_measured_share(energy)}"
    )
    if not onsite or offsite_l is None:
        return (whole,)
    return (whole, _make_row("… for electricity", format_volume(offsite_l), "where the electricity is made"))


def _make_unit_table(energy: Energy) -> Table:
    rows: Sequence[CarbonPerUnit] = energy.sci
    if all(r.operational_g is None for r in rows):  # one reason for all of them is said once
        rows = [r for r in rows if r.group is None]
    whole = any(r.sci_g is not None for r in rows)
    name = "Operational carbon"
    if whole:
        name = "Software carbon intensity (ISO/IEC 21031:2024)"
    reason = next((r.reason for r in rows if r.reason is not None and r.operational_g is not None), None)
    known = describe_measured_share(energy)
    columns = ("One unit", "Carbon", "Operational", "Embodied") if whole else ("One unit", "Carbon")
    return Table(
        caption=f"{name} of one unit: this run’s carbon, location-based, offsets excluded ({known})",
        columns=columns,
        rows=tuple(TableRow(_name_unit(r), _make_unit_cells(r, whole=whole)) for r in rows),
        note=f"{capitalise(reason)}." if reason else "",
    )


def _name_unit(row: CarbonPerUnit) -> str:
    if row.group is None:
        return clean_text(name_unit(row))
    of = "" if None in row.group else f"{name_grouping(row.by)}: "
    return f"{clean_text(row.unit)}, {of}{name_group(row.by, row.group)}"


def _make_unit_cells(row: CarbonPerUnit, *, whole: bool) -> tuple[Cell, ...]:
    value = row.operational_g if row.sci_g is None else row.sci_g
    empty = [Cell("–", mark="none")] * 2 * whole
    if value is None and (row.reason or "").startswith(LEFT_OUT):
        return (Cell(LEFT_OUT, mark="suppressed"), *empty)
    if value is None:
        return (Cell(f"undefined: {clean_text(row.reason)}", mark="undefined"), *empty)
    count = "" if row.units is None else f"{row.units:,.7g} units"
    ends = ""
    if row.low is not None:
        ends = f"[{format_mass(row.low)}, {_format_upper_limit(row.high)}]"
    first = Cell(format_mass(value), interval=ends, note=count)
    parts = (row.operational_g, row.embodied_g) if whole else ()
    return (first, *(Cell("–", mark="none") if p is None else Cell(format_mass(p)) for p in parts))


def _format_upper_limit(high: float | None) -> str:
    if high is None:
        return "no upper limit"
    return format_mass(high)


def _format_figure(value: float) -> str:
    """Return a number of a meter or a table without decimals that it does not have."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.6g}"


def _make_factor_table(energy: Energy) -> Table:
    return Table(
        caption="Factors, with their source and date",
        columns=("Factor", "Value", "Source", "Date"),
        rows=tuple(
            TableRow(
                clean_text(f.name),
                (
                    Cell(f"{_format_figure(f.value)}{'' if f.unit == '1' else f' {clean_text(f.unit)}'}"),
                    make_text_cell(clean_text(f.source)),
                    Cell(clean_text(f.date)),
                ),
            )
            for f in energy.factors
        ),
        wide=True,
    )
