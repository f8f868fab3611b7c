"""The runs of a store as a reader tells them apart, and one limit over all versions of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from audit.estimate import cell_interval, cell_text, limit_text
from audit.gates.verdicts import WORST_FIRST
from audit.measurement.metrics.catalogue import figure_of
from audit.record.energy_text import format_energy
from audit.record.heads import Entry, find_energy_kwh, read_gates
from audit.report.card.charts import Chart, Place, Row, Tick, make_scale
from audit.report.card.words import BADGES, NOTHING, Badge, clean_text, make_title, name_grouping, shorten_label

UNNAMED = {"complete": "Unnamed model", "incomplete": "No result yet", "damaged": "No result"}
STATES = {"incomplete": Badge("incomplete", "Incomplete", "◌"), "damaged": Badge("error", "Damaged", "!")}
ORDERS = {"newest": "newest first", "oldest": "oldest first", "model": "by model and version", "verdict": "worst first"}
PER_PAGE = 25
MOST_VERSIONS = 24
"""Runs of one model that a trend draws, the newest."""


@dataclass(frozen=True, slots=True)
class _RunRow:
    """One run of the table."""

    id: str
    link: str
    """Address of its page, the choices of the reader kept."""
    badge: Badge
    model: str
    version: str
    commit: str
    started: str
    gap: str
    """What decided it, or why it has no result."""
    energy: str
    is_pinned: bool


@dataclass(frozen=True, slots=True)
class _RunsView:
    """The table."""

    rows: tuple[_RunRow, ...]
    sentence: str
    pages: int


def name_run(entry: Entry) -> str:
    """Return model, version, verdict and time of a run, and the end of its id, which no two runs share."""
    named = clean_text(" ".join(t for t in (entry.model, entry.model_version) if t) or UNNAMED[entry.state], 60)
    return f"{named} · {_find_badge(entry).word} · {format_moment(entry.started)} · {entry.id[-6:]}"


def _find_badge(entry: Entry) -> Badge:
    """Return the verdict of a run, or that it has none."""
    return STATES.get(entry.state) or BADGES[entry.verdict or "incomplete"]


def format_moment(text: str | None) -> str:
    """Return UTC time to the minute."""
    return f"{(text or 'unknown')[:16].replace('T', ' ')} UTC"


def make_runs_view(
    entries: Sequence[Entry],
    *,
    search: str = "",
    verdicts: Sequence[str] = (),
    order: str = "newest",
    page: int = 1,
    pinned: Sequence[str] = (),
    kept: Mapping[str, str] | None = None,
) -> _RunsView:
    """Return the runs that are asked for; those that are pinned stand first, whatever is asked.

    Parameters
    ----------
    entries
        All runs of the store, newest first.
    search
        Text that model, version, commit or id contain.
    verdicts
        Words of verdicts; all of them where none is named.
    kept
        Choices of the reader that links take along.
    """
    first = [e for e in entries if e.id in pinned]
    found = [e for e in entries if e.id not in pinned and _is_found(e, search, verdicts)]
    ordered = _sort(found, order)
    pages = max(1, -(-len(ordered) // PER_PAGE))
    at = (min(max(1, page), pages) - 1) * PER_PAGE
    rows = [*first, *ordered[at : at + PER_PAGE]]
    noun = "run" if len(entries) == 1 else "runs"
    return _RunsView(
        tuple(_make_row(e, kept or {}, is_pinned=e.id in pinned) for e in rows),
        f"{len(found):,} of {len(entries):,} {noun} fit."
        if len(found) != len(entries)
        else f"{len(entries):,} {noun}.",
        pages,
    )


def list_verdicts(entries: Sequence[Entry]) -> list[str]:
    """Return the words of all verdicts and states in a store, in the order of the words."""
    return sorted({_find_badge(e).word for e in entries})


def _is_found(entry: Entry, search: str, verdicts: Sequence[str]) -> bool:
    text = " ".join(filter(None, (entry.model, entry.model_version, entry.commit, entry.id))).casefold()
    return search.strip().casefold() in text and (not verdicts or _find_badge(entry).word in verdicts)


def _sort(entries: list[Entry], order: str) -> list[Entry]:
    if order == "oldest":
        return entries[::-1]
    if order == "model":
        return sorted(entries, key=lambda e: (e.model is None, e.model or "", e.model_version or ""))
    if order == "verdict":
        ranks: dict[str, int] = {kind: rank for rank, kind in enumerate(WORST_FIRST)}
        return sorted(entries, key=lambda e: ranks.get(e.verdict or "", len(ranks)))
    return entries


def _make_row(entry: Entry, kept: Mapping[str, str], *, is_pinned: bool) -> _RunRow:
    kwh = find_energy_kwh(entry.path) if entry.state == "complete" else None
    return _RunRow(
        id=entry.id,
        link=f"./?{urlencode({**kept, 'run': entry.id})}",
        badge=_find_badge(entry),
        model=clean_text(entry.model or UNNAMED[entry.state], 60),
        version=clean_text(entry.model_version or NOTHING, 40),
        commit=clean_text(entry.commit or NOTHING, 20),
        started=format_moment(entry.started),
        gap=clean_text(entry.reason, 160) if entry.reason else _describe_decider(entry),
        energy="not metered" if kwh is None else format_energy(kwh),
        is_pinned=is_pinned,
    )


def _describe_decider(entry: Entry) -> str:
    """Return the first limit with the verdict of a run, and what was found of it."""
    gate = next((g for g in read_gates(entry.path) if g.get("verdict") == entry.verdict), None)
    if gate is None:
        return NOTHING
    e = _find_estimate(gate)
    value, found = e.get("value"), "undefined"
    if isinstance(value, int | float):
        found = cell_text(value, figure_of(str(e.get("metric")), e.get("compare")))
    return f"{_write_limit(gate)}: {found}"


def _find_estimate(gate: Mapping[str, Any]) -> Mapping[str, Any]:
    e = gate.get("estimate")
    return e if isinstance(e, Mapping) else {}


def _write_limit(gate: Mapping[str, Any]) -> str:
    """Return what a limit is on, in words; of energy, of checks and of what is damaged, its name."""
    e = _find_estimate(gate)
    metric, by = e.get("metric"), e.get("by")
    if not isinstance(metric, str) or not isinstance(by, list) or e.get("stage") not in {"model", "data"}:
        return clean_text(str(gate.get("name", NOTHING)), 120)
    where = f" by {name_grouping(tuple(map(str, by)))}" if by else ""
    how = f", {str(e['compare']).replace('_', ' ')}" if e.get("compare") else ""
    data = ", training data" if e["stage"] == "data" else ""
    return clean_text(f"{make_title(metric)}{where}{how}{data}", 120)


# One limit over the versions of a model.
def list_limits(entry: Entry) -> dict[str, str]:
    """Return the limits of a run, worst first: what each is on, by its name; what two are on is told with the name."""
    gates = [g for g in read_gates(entry.path) if isinstance(g.get("name"), str) and g.get("verdict") in WORST_FIRST]
    written = {g["name"]: _write_limit(g) for g in sorted(gates, key=lambda g: WORST_FIRST.index(g["verdict"]))}
    often = Counter(written.values())
    return {name: words if often[words] == 1 else f"{words} ({clean_text(name)})" for name, words in written.items()}


def draw_trend(entries: Sequence[Entry], of: Entry, limit: str) -> Chart | None:
    """Return one limit in every run of a model, the oldest first; None where no run has a number for it."""
    named = [e for e in entries if e.state == "complete" and e.model is not None and e.model == of.model]
    alike = named[:MOST_VERSIONS]
    found = [(e, gate) for e in reversed(alike) if (gate := _find_limit(e, limit)) is not None]
    numbers = [n for _, gate in found for n in _list_numbers(gate)]
    if not numbers or not found:
        return None
    estimate = found[-1][1].get("estimate") or {}
    figure = figure_of(str(estimate.get("metric")), estimate.get("compare"))
    scale = make_scale(numbers, figure)
    rows = tuple(_draw_version(e, gate, scale, figure) for e, gate in found)
    bounds = {bound for _, gate in found if (bound := _find_bound(gate)) is not None}
    limits = tuple(Tick(scale.at(b), f"limit {limit_text(b, figure)}", "middle") for b in sorted(bounds))
    return Chart(
        f"{_write_limit(found[-1][1])} in each run of {clean_text(of.model or UNNAMED['complete'], 60)}",
        rows,
        limits,
        scale.make_ticks(),
    )


def _draw_version(entry: Entry, gate: Mapping[str, Any], scale: Any, figure: Any) -> Row:
    value, low, high = ((gate.get("estimate") or {}).get("value"), gate.get("low"), gate.get("high"))
    name = " ".join((clean_text(entry.model_version or "no version", 30), format_moment(entry.started)))
    said = "undefined" if value is None else cell_text(value, figure)
    return Row(
        label=shorten_label(clean_text(entry.model_version or "no version", 30)),
        name=name,
        value=f"{BADGES[str(gate['verdict'])].word}: {said}",
        interval=cell_interval(low, high, figure),
        note=format_moment(entry.started),
        place=Place(scale.at_or_none(value), scale.at_or_none(low), scale.at_or_none(high)),
        mark="ok" if value is not None else "undefined",
    )


def _find_limit(entry: Entry, limit: str) -> Mapping[str, Any] | None:
    return next((g for g in read_gates(entry.path) if g.get("name") == limit and _is_sound(g)), None)


def _is_sound(gate: Mapping[str, Any]) -> bool:
    """Return whether a gate of a document that nobody checked has what is drawn of it."""
    e = gate.get("estimate")
    numbers = [gate.get("low"), gate.get("high"), gate.get("min"), gate.get("max")]
    numbers += [e.get("value")] if isinstance(e, Mapping) else []
    known = isinstance(gate.get("verdict"), str) and gate["verdict"] in BADGES
    return known and isinstance(e, Mapping) and all(n is None or isinstance(n, int | float) for n in numbers)


def _find_bound(gate: Mapping[str, Any]) -> float | None:
    bound = gate.get("max") if gate.get("max") is not None else gate.get("min")
    return bound if isinstance(bound, int | float) else None


def _list_numbers(gate: Mapping[str, Any]) -> list[float]:
    every = ((gate.get("estimate") or {}).get("value"), gate.get("low"), gate.get("high"), _find_bound(gate))
    return [float(n) for n in every if isinstance(n, int | float)]
