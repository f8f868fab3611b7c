"""The limits of a page, worst first: what was found, its interval, the limit, and what would decide it.

Must not: judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.config.limits import CHECKS
from audit.estimate import Estimate, cell_interval, cell_text, p_text
from audit.gates.small_groups import name_all_excluded
from audit.gates.verdicts import find_deciding_gate, order_worst_first
from audit.gates.words.voice import write_times
from audit.measurement.metrics.catalogue import figure_of, lower_title
from audit.measurement.metrics.kinds import split_comparison
from audit.record.energy_text import SUBJECTS, format_in_cell
from audit.record.result import AuditResult, Gate
from audit.report.card.accounts import SENTENCE_LENGTH
from audit.report.card.charts import Strip, draw_gate
from audit.report.card.words import (
    BADGES,
    LEFT_OUT,
    NOTHING,
    Badge,
    clean_text,
    describe_limit,
    describe_undefined,
    make_title,
    name_grouping,
)

LONGEST_NAMED = 60
"""Characters for the name of an excluded group with its rows."""
COUNTS = {"failed": "Failed checks", "warned": "Failed checks and warnings"}
AGAINST = {"overall": ", compared with overall", "rest": ", compared with all other groups"}


@dataclass(frozen=True, slots=True)
class LimitView:
    """One limit."""

    badge: Badge
    name: str
    """As audit.toml and a waiver call it."""
    title: str
    found: str
    interval: str
    limit: str
    needed: str
    """How many more rows would decide it; empty where it is decided, or nothing is known."""
    sentence: str
    strip: Strip | None
    is_withheld: bool
    """Whether its number is, so that the sentence, which may name others, stands open unless it is the headline."""
    is_open: bool
    """Whether it did not pass, so that it is never folded away."""


def make_limit_views(result: AuditResult) -> tuple[LimitView, ...]:
    """Return the limits of a result, worst first."""
    leading = find_deciding_gate(result.gates)
    question = result.question.config
    return tuple(_make_view(gate, leading, question) for gate in order_worst_first(result.gates))


def _make_view(gate: Gate, leading: Gate | None, question: Mapping[str, Any]) -> LimitView:
    # Every excluded group is named on a page, which has the room that a terminal has not.
    longest = SENTENCE_LENGTH + LONGEST_NAMED * len(gate.excluded)
    return LimitView(
        badge=BADGES[gate.verdict],
        name=clean_text(gate.name),
        title=name_limit(gate),
        found=describe_found(gate),
        interval=describe_interval(gate),
        limit=describe_limit(gate),
        needed=f"about {write_times(gate.needed_n)} as many rows would decide" if gate.needed_n else "",
        sentence=clean_text(name_all_excluded(gate, question) + _describe_surprise(gate), longest),
        strip=draw_gate(gate),
        is_withheld=LEFT_OUT in describe_found(gate) and gate != leading,
        is_open=gate.verdict != "pass",
    )


def name_limit(gate: Gate) -> str:
    """Return what a limit is on: Selection rate by race × sex."""
    e = gate.estimate
    if e is None:
        return clean_text(gate.name)
    if e.stage == "energy":
        return SUBJECTS[e.metric]
    if e.stage == "checks":
        if e.metric in CHECKS:
            return COUNTS.get(e.metric, "")
        return f"Findings of {clean_text(e.metric)}"
    kind, who = split_comparison(e.compare)
    title = make_title(e.metric)
    if kind in {"lowest", "highest"}:
        title = f"{kind.capitalize()} {lower_title(title)}"
    by = f" by {name_grouping(e.by)}" if e.by else ""
    where = ", training data" if e.stage == "data" else ""
    return f"{title}{by}{AGAINST.get(who or '', '')}{where}"


def describe_found(gate: Gate) -> str:
    """Return what was found of a limit, in its own unit, or why there is no number."""
    e = gate.estimate
    if e is None:
        return NOTHING
    if e.status == "suppressed" or gate.verdict == "withheld":
        return f"over all groups: {LEFT_OUT}" if e.by and gate.verdict != "withheld" else LEFT_OUT
    if e.value is None:
        return describe_undefined(e.reason)
    if e.stage == "energy":
        return format_in_cell(e)
    if e.stage == "checks":
        return f"{e.value:,g} of {e.n:,g}"
    return cell_text(e.value, figure_of(e.metric, e.compare), limit=gate.limit)


def describe_interval(gate: Gate) -> str:
    """Return the interval that decides a limit; empty where there is none."""
    e: Estimate | None = gate.estimate
    if e is None or e.stage in {"energy", "checks"}:
        return ""
    return cell_interval(gate.low, gate.high, figure_of(e.metric, e.compare), limit=gate.limit)


def _describe_surprise(gate: Gate) -> str:
    """Return how surprising a failure is, once all limits of the policy are taken into account."""
    if gate.verdict != "fail" or gate.p_holm is None or gate.estimate is None or gate.estimate.status != "ok":
        return ""
    return f" One-sided p-value, Holm-corrected for all limits: {p_text(gate.p_holm)}."
