"""Waivers: somebody's decision, with a name and a date, to let a gate pass that did not.

Must not: judge; a waiver that does not apply says why in the gate's sentence.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from audit.config.schema import WaiverRule
from audit.result import Gate, Waiver

WAIVABLE = ("fail", "insufficient")


def waived(gate: Gate, rule: WaiverRule | None, today: dt.date) -> Gate:
    """Gate with its waiver applied, or with the reason why it does not apply."""
    if rule is None or gate.verdict not in WAIVABLE:
        return gate
    waiver = Waiver(
        gate=rule.gate, owner=rule.owner, reason=rule.reason, expires=rule.expires.isoformat(), max_gap=rule.max_gap
    )
    refused = _why_not(gate, rule, today)
    if refused:
        return replace(
            gate, waiver=waiver, sentence=f"{gate.sentence} The waiver of {rule.owner} does not apply: {refused}."
        )
    return replace(
        gate,
        verdict="waived",
        waiver=waiver,
        sentence=f"{gate.sentence} Waived by {rule.owner} until {rule.expires}: {rule.reason}.",
    )


def _why_not(gate: Gate, rule: WaiverRule, today: dt.date) -> str:
    if rule.expires < today:
        return f"it expired on {rule.expires}"
    if rule.max_gap is None:
        return ""
    value = None if gate.estimate is None else gate.estimate.value
    if value is None:
        return f"there is no value to hold against its max_gap {rule.max_gap:g}"
    beyond = value < rule.max_gap if gate.min is not None else value > rule.max_gap
    return f"{value:.3f} is beyond its max_gap {rule.max_gap:g}" if beyond else ""
