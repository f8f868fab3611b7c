"""A plan as people read it: the ranges first, then what dominates them, every factor, and what the EU AI Act asks.

Must not: compute anything but a unit; print a central value without its range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from audit.energy.plan.ranges import Input, Range
from audit.energy.plan.result import Parts, Plan
from audit.errors import printable
from audit.report.terminal.lines import Line, print_section

if TYPE_CHECKING:
    from rich.console import Console

SCALES = {
    "kWh": ((1e7, 1e6, "GWh"), (1e4, 1e3, "MWh"), (1.0, 1.0, "kWh"), (0.0, 1e-3, "Wh")),
    "g": ((1e10, 1e9, "kt CO2e"), (1e6, 1e6, "t CO2e"), (1e3, 1e3, "kg CO2e"), (0.0, 1.0, "g CO2e")),
    "clock": ((72.0, 24.0, "days"), (1.0, 1.0, "h"), (1 / 60, 1 / 60, "min"), (0.0, 1 / 3600, "s")),
    "1": ((0.0, 0.01, "%"),),
}
"""From which central value on a quantity is shown in which unit, and the unit's size."""


def print_plan(plan: Plan, console: Console) -> None:
    """Print a plan for people.

    Parameters
    ----------
    plan
        The projection.
    console
        Where to; its width and encoding are kept.
    """
    print_section(console, _describe_plan(plan), apart=False)
    for lines in (_make_table(plan), _list_inputs(plan), _explain_act(plan), _list_notes(plan)):
        print_section(console, lines)


def _describe_plan(plan: Plan) -> Iterator[Line]:
    energy, carbon = plan.energy_kwh.total, plan.carbon_g.total
    if energy is None:
        return
    unknown = f"carbon unknown: {plan.undefined.get('carbon_g', 'no grid is known')}"
    yield Line(
        "PLAN: ", f"{_format_range(energy)}; {unknown if carbon is None else _format_range(carbon)}", "not judged"
    )
    yield Line("", plan.dominates)


def _format_range(found: Range) -> str:
    unit, scale = _choose_unit(found, found.unit)
    low = format_figure(found.low / scale)
    high = format_figure(found.high / scale)
    return f"{low} to {high} {unit} (central {format_figure(found.value / scale)})"


class _Row(NamedTuple):
    """A quantity of the table: its low, central and high value and their unit, or why it is not known."""

    label: str
    said: str
    cells: Sequence[str] = ()


def _make_table(plan: Plan) -> Iterator[Line]:
    """Yield one row a quantity, in columns as wide as what stands in them; what is not known says so in its place."""
    rows = list(_list_quantities(plan))
    label = max(len(row.label) for row in rows)
    heads = ("low", "central", "high")
    cell = max(map(len, chain(heads, *(row.cells for row in rows)))) + 2
    for row in (_Row("", "", heads), *rows):
        cells = "".join(text.rjust(cell) for text in row.cells)
        yield Line(f"{row.label:<{label}}{cells or ' '} ", row.said, whole=bool(row.cells))


def _list_quantities(plan: Plan) -> Iterator[_Row]:
    yield from _make_rows("Energy", plan.energy_kwh, plan, ("training", "idle"))
    yield from _make_rows("Carbon", plan.carbon_g, plan, ("training", "idle", "embodied"))
    yield _make_row("Device-hours", plan.device_hours, plan.undefined.get("device_hours", ""))
    yield _make_row("Wall clock", plan.duration_h, plan.undefined.get("duration_h", ""), key="clock")
    yield _make_row("FLOPs", plan.flops, plan.undefined.get("flops", ""))
    if plan.utilisation is not None:
        yield _make_row("Utilisation (MFU)", plan.utilisation, "")


def _make_rows(title: str, parts: Parts, plan: Plan, names: tuple[str, ...]) -> Iterator[_Row]:
    """Yield a quantity by its parts in one unit; a sum only where it is one."""
    no_grid = ""
    if title == "Carbon":
        no_grid = plan.undefined.get("carbon_g", "")
    unit = None
    if parts.total is not None:
        unit = _choose_unit(parts.total, parts.total.unit)
    for name in names:
        found: Range | None = getattr(parts, name)
        why = plan.undefined.get(name, "") or (no_grid if name != "embodied" else "")
        yield _make_row(f"{title}, {name}", found, why, unit=unit)
    if len(parts.holds) > 1 or (no_grid and parts.embodied):
        yield _make_row(f"{title}, sum of these", parts.total, no_grid, unit=unit)


def _make_row(
    label: str, found: Range | None, why: str, *, key: str | None = None, unit: tuple[str, float] | None = None
) -> _Row:
    if found is None:
        return _Row(label, why or "not known")
    said, scale = unit or _choose_unit(found, key or found.unit)
    return _Row(label, said, [format_figure(v / scale) for v in (found.low, found.value, found.high)])


def _choose_unit(found: Range, key: str) -> tuple[str, float]:
    """Return the unit in which the central value is readable, and its size."""
    for start, scale, unit in SCALES.get(key, ()):
        if found.value >= start:
            return unit, scale
    return found.unit, 1.0


def format_figure(value: float) -> str:
    """Return four significant digits, written out where that is readable."""
    # FLOPs are by far the largest: their power of ten says more than nine and more digits.
    if value != 0 and not 1e-3 <= abs(value) < 1e9:
        return f"{value:.3g}".replace("e+", "e")
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    if value:
        return f"{value:,.{max(0, 4 - whole)}f}"
    return "0"


def _list_inputs(plan: Plan) -> Iterator[Line]:
    """Yield every factor: value, range, its part of what is not known, and where it comes from."""
    yield Line("Inputs and their share of the uncertainty")
    shares = {s.name: s.share for s in (plan.carbon_shares or plan.energy_shares)}
    for found in plan.inputs:
        part = _format_share(shares.get(found.name)).rjust(4)
        yield Line(f"  {part}  ", f"{printable(found.name, 80)}: {_format_value(found)}{_describe_source(found)}")


def _format_share(share: float | None) -> str:
    if share is None:
        return ""
    if share < 0.005:
        return "<1%"
    return f"{share:.0%}"


def _format_value(found: Input) -> str:
    unit = "" if found.unit == "1" else f" {found.unit}"
    if found.low == found.high:
        return f"{found.value:,.10g}{unit}".replace("e+", "e")
    return (
        f"{_format_compact(found.low)} to {_format_compact(found.high)}{unit} (central {_format_compact(found.value)})"
    )


def _describe_source(found: Input) -> str:
    """Return where value and range come from."""
    own = "declared"
    if found.basis != "given":
        own = f"{found.basis}: {found.source}, {found.date}"
    ends = ""
    if found.range_source:
        ends = f"; range: {found.range_source}, {found.range_date}"
    return f", {printable(own, 300)}{printable(ends, 300) if ends else ''}"


def _format_compact(value: float) -> str:
    """Return four significant digits without trailing zeros; large numbers by their power of ten."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return f"{float(f'{value:.4g}'):,.12g}"
    return f"{value:.4g}".replace("e+", "e")


def _explain_act(plan: Plan) -> Iterator[Line]:
    act = plan.act
    status = "warn" if act.answer in {"yes", "straddles"} else ""
    yield Line("EU AI Act  ", f"{act.sentence}, {act.article} of {act.text}.", status)
    if act.guideline in {"yes", "straddles"}:
        beyond = "Possibly above"
        if act.guideline == "yes":
            beyond = "Above"
        said = "by a guideline, not by law, an indication of a general-purpose model"
        yield Line(" " * 11, f"{beyond} 1e23 FLOP, {said} ({act.guideline_source}).")
    for duty in act.duties:
        yield Line(" " * 11, f"{duty.article} asks for {duty.asks}.")


def _list_notes(plan: Plan) -> Iterator[Line]:
    for note in plan.notes:
        yield Line("Note       ", printable(note, 400))
