"""Waivers: somebody's decision, with a name, an end and a worst value, to let a gate pass that did not.

Must not: judge; a waiver that does not apply says why in the gate's sentence.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from audit.config.limits import check_limits
from audit.config.schema import GateRule, WaiverRule
from audit.errors import QuestionError, printable
from audit.estimate import cell_text
from audit.gates.words.sentences import describe_waiver
from audit.record.result import Gate, Waiver

WAIVABLE = ("fail", "insufficient")
LONGEST = dt.timedelta(days=366)
"""A year, whichever it is: who waives a limit looks at it again within one."""


def require_bounded(waiver: WaiverRule, rule: GateRule, today: dt.date) -> None:
    """Refuse a waiver that ends more than a year from today, or whose worst value nothing could be beyond.

    Raises
    ------
    QuestionError
        Names the gate and the mend.
    """
    of = f"waivers: that of '{printable(waiver.gate)}'"
    if waiver.expires - today > LONGEST:
        raise QuestionError(
            f"{of} expires on {waiver.expires}, more than a year away; name a day until {today + LONGEST}"
        )
    low, high = (waiver.max_gap, None) if rule.min is not None else (None, waiver.max_gap)
    try:
        # A worst value is the limit that holds in the meantime, and has to make sense as one.
        check_limits(rule.stage, rule.metric, rule.compare, low, high, rule.by)
    except ValueError as error:
        raise QuestionError(f"{of} has max_gap = {waiver.max_gap:g}, which bounds nothing: {error}") from error


def apply_waiver(gate: Gate, rule: WaiverRule | None, today: dt.date) -> Gate:
    """Return a gate with its waiver applied, or with the reason why it does not apply."""
    if rule is None or gate.verdict == "pass":
        return gate
    waiver = Waiver(
        gate=rule.gate, owner=rule.owner, reason=rule.reason, expires=rule.expires.isoformat(), max_gap=rule.max_gap
    )
    refused = _reason_against_waiver(gate, rule, today)
    if refused:
        said = f"The waiver by {printable(rule.owner)} does not apply: {refused}."
        return replace(gate, waiver=waiver, sentence=f"{gate.sentence} {said}")
    said = describe_waiver(waiver, gate.estimate)
    return replace(gate, verdict="waived", waiver=waiver, sentence=f"{gate.sentence} {said}")


def _reason_against_waiver(gate: Gate, rule: WaiverRule, today: dt.date) -> str:
    if gate.verdict not in WAIVABLE:
        if gate.verdict != "undefined":
            return "it is never waived"
        return f"an {gate.verdict} limit is never waived"
    if rule.expires < today:
        return f"it expired on {rule.expires}"
    value = None if gate.estimate is None else gate.estimate.value
    if value is None:
        return f"there is no value to compare with max_gap = {rule.max_gap:g}"
    beyond = value < rule.max_gap if gate.min is not None else value > rule.max_gap
    if not beyond:
        return ""
    return f"{cell_text(value, 'score', limit=rule.max_gap)} is worse than max_gap = {rule.max_gap:g}"
