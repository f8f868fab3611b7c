"""What is said of a waiver, and of limits on the data before training.

Must not: judge.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import printable
from audit.estimate import Estimate, join_words, limit_text
from audit.measurement.metrics.catalogue import figure_of
from audit.record.result import Waiver

LONGEST_WORDS = 400
OPEN = {"insufficient": "is inconclusive, which the policy counts as not passed"}


def describe_waiver(waiver: Waiver, estimate: Estimate | None) -> str:
    """Return who lets a limit pass that did not, until when, how far, and why; dates in ISO 8601."""
    owner, reason = printable(waiver.owner, LONGEST_WORDS), printable(waiver.reason, LONGEST_WORDS).rstrip(".")
    worst = ""
    if waiver.max_gap is not None:
        groups = estimate is not None and estimate.stage in {"model", "data"}
        figure = figure_of(estimate.metric, estimate.compare) if groups and estimate is not None else "score"
        worst = f", as far as {limit_text(waiver.max_gap, figure)}"
    return f"Waived by {owner} until {waiver.expires}{worst}: {reason}."


def describe_open_gate(name: str, verdict: str, sentence: str) -> str:
    """Return what is said where training starts although a limit on the data is not passed."""
    which = OPEN.get(verdict, f"is {verdict}")
    return f"training starts, but the audit will not pass: limit {printable(name, 160)} {which}. {sentence}"


def reason_for_no_number(stopped_by: Sequence[str]) -> str:
    """Return why there is no number, where limits on the data may have kept training from starting."""
    if not stopped_by:
        return "this run did not measure it"
    return f"nothing was trained, because {join_words(stopped_by)} failed"
