"""The one plain sentence of a gate on groups: who does what to whom, the rates, the gap, its interval, the limit.

The group that fares worse comes first, and the pair is the one that sets the end of the interval that decides. What is
said of a waiver, and of a gate without a number, stands here too.

Must not: decide anything; it is given the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audit.config.schema import GateRule
from audit.errors import printable
from audit.estimate import (
    CROSSED,
    WORST_CLASS,
    Estimate,
    figure_text,
    join_words,
    limit_text,
    quoted_level,
    rows_text,
    told_apart,
)
from audit.gates.decisive_groups import Around, Settled, find_deciding_pair
from audit.gates.words.pair_sentences import PairSentence
from audit.gates.words.wording import NEUTRAL, Wording
from audit.measurement.metrics.catalogue import figure_of
from audit.measurement.metrics.kinds import split_comparison
from audit.record.result import Waiver

if TYPE_CHECKING:
    from audit.gates.words.lowest_highest import LowestHighest

LONGEST_WORDS = 400
OPEN = {"insufficient": "is inconclusive, which the policy counts as not passed"}


def describe_gate(
    rule: GateRule, estimate: Estimate, verdict: str, around: Around, settled: Settled, wording: Wording = NEUTRAL
) -> str:
    """Return the sentence of a gate on groups, or on everybody.

    Parameters
    ----------
    rule, estimate, verdict
        The limit, what was judged, and how.
    around
        The estimates beside it.
    settled
        What would settle it, where it is open.
    wording
        Words of the question.
    """
    said = _choose_voice(estimate)(rule, estimate, verdict, around, wording)
    if verdict == "undefined":
        return said.write_undefined()
    return said.write(settled)


def describe_shown_gate(
    rule: GateRule, estimate: Estimate, verdict: str, around: Around, k: int, wording: Wording = NEUTRAL
) -> str | None:
    """Return the sentence of a gate of which only the deciding pair is shown, with its end; None where that is not."""
    found = find_deciding_pair(rule, estimate, verdict, around)
    if verdict == "undefined" or found is None or split_comparison(estimate.compare)[1] is not None:
        return None
    if any(rate is None or rate.value is None for rate in (around.rate(found.like, g) for g in found.pair)):
        return None
    withheld = f"The numbers of other groups are withheld to protect groups under {k}; the internal report has them."
    said = _choose_voice(estimate)(rule, estimate, verdict, around, wording)
    return f"{said.write_pair_alone()} {withheld}"


def describe_shown_extremes(estimate: Estimate, around: Around) -> str:
    """Return the lowest and the highest of the groups that are shown; nothing where fewer than two are."""
    each = sorted((e for e in around.each(estimate) if e.value is not None), key=lambda e: e.value or 0.0)
    if len(each) < 2:
        return ""
    figure = figure_of(estimate.metric.removeprefix(WORST_CLASS))
    if each[0].value == each[-1].value:
        return f"The groups that are shown have the same value, {figure_text(each[0].value, figure)}."
    write = told_apart([e.group or () for e in each], quoted_level, CROSSED)
    said = [f"{write(e.group or ())} ({figure_text(e.value, figure)}, {rows_text(e)})" for e in each]
    return f"Among the groups that are shown, the lowest is {said[0]} and the highest {said[-1]}."


def _choose_voice(estimate: Estimate) -> type[LowestHighest | PairSentence]:
    if estimate.compare not in {"lowest", "highest"}:
        return PairSentence
    from audit.gates.words.lowest_highest import LowestHighest

    return LowestHighest


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
