"""The drill of a page: a small line for each fault, how often the limit fails by the size of the fault.

Must not: show a limit that disclosure withholds; compute a share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.errors import capitalise
from audit.estimate import cell_text, named_group
from audit.faults.drill import Curve, Drill, DrilledGate, Point
from audit.faults.fault import FAULTS, Fault
from audit.faults.sentences import describe_bound, format_size, name_place
from audit.gates.verdicts import order_worst_first
from audit.measurement.metrics.catalogue import figure_of
from audit.record.result import AuditResult, identify_limit
from audit.report.card.epochs import Curves, Panel
from audit.report.card.limits import name_limit
from audit.report.card.shapes import Table, TableRow
from audit.report.card.words import BADGES, Badge, clean_text, make_text_cell, shorten_label
from audit.report.disclosure.drilled import hide_drilled

SENTENCE = 600


@dataclass(frozen=True, slots=True)
class DrilledView:
    """One limit."""

    badge: Badge
    title: str
    """What it is on, with its limit."""
    name: str
    sentence: str
    marks: tuple[Badge, ...]
    """Warnings in some words, which stand outside of the fold."""
    warnings: tuple[str, ...]
    curves: tuple[Curves, ...]
    table: Table | None


@dataclass(frozen=True, slots=True)
class DrillView:
    """All limits of a drill."""

    lead: str
    gates: tuple[DrilledView, ...]
    notes: tuple[str, ...]


def make_drill_view(drill: Drill, shown: AuditResult, *, internal: bool) -> DrillView:
    """Return the view of a drill.

    Parameters
    ----------
    drill
        Of the record that the page is made of.
    shown
        The result as the page shows it.
    internal
        Whether the page shows every number.
    """
    drill = drill if internal else hide_drilled(drill, shown)
    drilled = {identify_limit(gate): gate for gate in drill.gates}
    ordered = [(gate, drilled.get(identify_limit(gate))) for gate in order_worst_first(shown.gates)]
    views = [_make_view(name_limit(known), gate, f"d{at}", drill) for at, (known, gate) in enumerate(ordered) if gate]
    lead = (
        f"Faults of rising size were planted in {drill.seeds:,} copies of the counts of this run, each judged as the "
        f"run was. A fault is found from the size at which the limit fails in at least {100 * drill.found_share:g}% "
        "of the copies."
    )
    return DrillView(lead, tuple(views), drill.notes)


def _make_view(title: str, gate: DrilledGate, id_: str, drill: Drill) -> DrilledView:
    return DrilledView(
        badge=BADGES[gate.verdict],
        title=f"{title}, {describe_bound(gate)}",
        name=clean_text(gate.name),
        sentence=clean_text(gate.sentence, SENTENCE),
        marks=tuple(replace(BADGES["warn"], word=warning.mark) for warning in gate.warnings if warning.sentence),
        warnings=tuple(clean_text(warning.sentence, SENTENCE) for warning in gate.warnings if warning.sentence),
        curves=tuple(_draw_curves(gate, id_, drill)),
        table=_make_table(gate),
    )


def _draw_curves(gate: DrilledGate, id_: str, drill: Drill) -> Iterator[Curves]:
    """Yield a drawing for each fault that moves what the limit compares: a small line for each group."""
    zero = gate.without_fault
    moved = [curve for curve in gate.curves if FAULTS[curve.fault].moves]
    for name in dict.fromkeys(curve.fault for curve in moved) if zero is not None else ():
        drawn = [curve for curve in moved if curve.fault == name]
        most = drawn[0].points[-1].size
        panels = [_draw_panel(f"{id_}{name}{at}", curve, zero, most, drill) for at, curve in enumerate(drawn)]
        what = FAULTS[name].title.format(group="a group")
        yield Curves(
            title=f"{capitalise(what)}: copies in which the limit fails (dashed: {100 * drill.found_share:g}%)",
            low="0%",
            high="100%",
            first="none",
            last=_write_size(FAULTS[name], most),
            panels=tuple(panels),
        )


def _write_size(fault: Fault, size: float) -> str:
    return f"{100 * size:g}%" if fault.of else f"{size:g}"


def _draw_panel(id_: str, curve: Curve, zero: Point | None, most: float, drill: Drill) -> Panel:
    fault, at = FAULTS[curve.fault], curve.found_at
    points = (*(() if zero is None else (zero,)), *curve.points)
    name = named_group(curve.group, curve.by)
    found = "not found" if at is None else f"found from {_write_size(fault, at.size)}"
    there = [_place(point.size, point.high, most) for point in points]
    back = [_place(point.size, point.low, most) for point in reversed(points)]
    said = ", ".join(f"{100 * p.share:.0f}% at {format_size(fault, p.size) if p.size else 'no fault'}" for p in points)
    return Panel(
        id=id_,
        label=shorten_label(name),
        text=found,
        description=f"{name_place(fault, curve.by, curve.group)}: the limit fails in {said}; {found}",
        line=_join([_place(point.size, point.share, most) for point in points]),
        band=f"{_join([*there, *back])} Z",
        overall=_join([_place(size, drill.found_share, most) for size in (0.0, most)]),
    )


def _place(size: float, share: float, most: float) -> str:
    # A margin of 2 per cent keeps half of a stroke inside the square; y grows downwards.
    return f"{2 + 96 * size / most:.4g} {98 - 96 * share:.4g}"


def _join(places: Sequence[str]) -> str:
    return "M" + " L".join(places)


def _make_table(gate: DrilledGate) -> Table | None:
    """Return every fault with the size from which it is found."""
    if not gate.curves:
        return None
    rows = tuple(_make_row(gate, curve) for curve in gate.curves)
    columns = ("Fault", "Found from", "The limit then reads", "Fails in", "Otherwise")
    return Table("Faults that were planted, and from which size the limit finds them", columns, rows, wide=True)


def _write_value(gate: DrilledGate, value: float) -> str:
    if gate.stage in {"checks", "energy"}:
        return f"{value:g}"
    return cell_text(value, figure_of(gate.metric, gate.compare), limit=gate.limit)


def _make_row(gate: DrilledGate, curve: Curve) -> TableRow:
    fault = FAULTS[curve.fault]
    at = curve.found_at or curve.points[-1]
    size = format_size(fault, at.size)
    found = size if curve.found_at is not None else f"not up to {size}"
    if at.refused == at.copies:
        found = "refused with exit code 2"
    fails = f"{at.fails} of {at.copies} [{100 * at.low:.0f}, {100 * at.high:.0f}]%"
    ends = (
        ("passes", at.passes),
        ("inconclusive", at.inconclusive),
        ("undefined", at.undefined),
        ("refused", at.refused),
    )
    others = ", ".join(f"{n} {how}" for how, n in ends if n)
    name = name_place(fault, curve.by, curve.group)
    value = "–" if at.value is None else _write_value(gate, at.value)
    return TableRow(capitalise(name), tuple(map(make_text_cell, (found, value, fails, others or "–"))))
