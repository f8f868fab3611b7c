"""The energy of a run beside earlier runs of the same model, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.record.energy_text import format_energy
from audit.record.heads import Entry, find_energy_kwh
from audit.report.card.charts import Chart, Place, Row, make_scale
from audit.report.card.words import clean_text, shorten_label
from audit.report.dashboard.runs import format_moment

MOST_EARLIER = 12
"""Earlier runs that stand beside one, the newest of them."""
MEANING = "Totals of whole runs. They may differ in work, machine and in what was measured, so a lower one is no proof."


@dataclass(frozen=True, slots=True)
class _EarlierView:
    """Energy of a run and of those before it; no chart where nothing can be compared."""

    sentence: str
    chart: Chart | None
    note: str


def compare_energy(entry: Entry, entries: Sequence[Entry]) -> _EarlierView:
    """Return the energy of a run beside earlier runs of its model.

    Parameters
    ----------
    entry
        The run.
    entries
        All runs of the store, newest first.
    """
    this = find_energy_kwh(entry.path)
    older = [e for e in entries[entries.index(entry) + 1 :] if e.state == "complete" and e.model == entry.model]
    if entry.model is None:
        return _EarlierView(
            "This run names no model ([model] name), so that no earlier run is known to be of it.", None, ""
        )
    if not older:
        return _EarlierView("The store has no earlier run of this model.", None, "")
    asked = older[:MOST_EARLIER]
    found = [(e, kwh) for e in asked if (kwh := find_energy_kwh(e.path)) is not None]
    if this is None:
        return _EarlierView("This run has no energy to compare.", None, "")
    if not found:
        return _EarlierView(f"Earlier runs were not metered (newest looked at: {len(asked):,}).", None, "")
    newest = format_energy(found[0][1])
    sentence = f"This run used {format_energy(this)}; the newest earlier run that was metered used {newest}."
    return _EarlierView(sentence, _draw([(entry, this), *found]), _describe_left_out(len(asked), len(found)))


def _describe_left_out(asked: int, found: int) -> str:
    unmetered = asked - found
    if not unmetered:
        return MEANING
    return f"{MEANING} Not drawn, because not metered: {unmetered:,} of {asked:,} earlier runs."


def _draw(found: Sequence[tuple[Entry, float]]) -> Chart:
    """Return a dot for each run, on an axis from 0, in Wh."""
    scale = make_scale([0.0, *(1000 * kwh for _, kwh in found)], "amount")
    rows = tuple(
        Row(
            label="This run" if not at else shorten_label(clean_text(e.model_version or "no version", 30)),
            name=clean_text(e.id),
            value=format_energy(kwh),
            interval="",
            note=format_moment(e.started),
            place=Place(scale.at(1000 * kwh), None, None),
            mark="ok",
            overall=not at,
        )
        for at, (e, kwh) in enumerate(found)
    )
    return Chart(
        "Energy in Wh: this run, then earlier runs of the same model, newest first", rows, (), scale.make_ticks()
    )
