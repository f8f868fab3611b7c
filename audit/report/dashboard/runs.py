"""The runs of a store as a reader tells them apart."""

from __future__ import annotations

from audit.record.heads import Entry
from audit.report.card.words import BADGES, clean_text

UNNAMED = {"complete": "Unnamed model", "incomplete": "No result yet", "damaged": "No result"}
STATES = {"incomplete": "Incomplete", "damaged": "Damaged"}


def name_run(entry: Entry) -> str:
    """Return model, version, verdict and time of a run, and the end of its id, which no two runs share."""
    named = clean_text(" ".join(t for t in (entry.model, entry.model_version) if t) or UNNAMED[entry.state], 60)
    return f"{named} · {name_outcome(entry)} · {format_moment(entry.started)} · {entry.id[-6:]}"


def name_outcome(entry: Entry) -> str:
    """Return the verdict of a run, or that it has none."""
    if entry.verdict in BADGES:
        return BADGES[entry.verdict].word
    return STATES.get(entry.state, "No verdict")


def format_moment(text: str | None) -> str:
    """Return UTC time to the minute."""
    return f"{(text or 'unknown')[:16].replace('T', ' ')} UTC"
