"""The one plain sentence of a gate on groups: who does what to whom, the rates, the gap, its interval, the limit.

The group that fares worse comes first, and the pair is the one that sets the end of the interval that decides.

Must not: decide anything; it is given the verdict.
"""

from __future__ import annotations

from audit.config.schema import GateRule
from audit.estimate import CROSSED, WORST_CLASS, Estimate, figure_text, quoted_level, rows_text, told_apart
from audit.gates.decisive_groups import Around, Settled, find_deciding_pair
from audit.gates.lowest_highest import LowestHighest
from audit.gates.pair_sentences import PairSentence
from audit.gates.wording import NEUTRAL, Wording
from audit.measurement.metrics.catalogue import figure_of
from audit.measurement.metrics.kinds import split_comparison


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
    if estimate.compare in {"lowest", "highest"}:
        return LowestHighest
    return PairSentence
