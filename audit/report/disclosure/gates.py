"""Gates as they may be published: verdict and limit always, numbers of the groups that are shown.

Must not: name a number of a group that is left out, or what only such a group could have set.
"""

from __future__ import annotations

from dataclasses import replace

from audit.config.schema import GateRule
from audit.errors import printable
from audit.estimate import Estimate, Group
from audit.gates.decisive_groups import end_of, pair_at
from audit.gates.sentences import shown_extremes, shown_sentence, waived_text
from audit.measurement.beside import Beside
from audit.record.result import Gate


def without_numbers(gate: Gate, estimate: Estimate, shown: Estimate, around: Beside, k: int, today: str) -> Gate:
    """Gate whose estimate is left out.

    Parameters
    ----------
    estimate, shown
        What was judged, and its empty place.
    around
        The estimates that are shown.
    k
        Smallest count that is published.
    today
        Day of the run, from which the days of a waiver are counted.
    """
    bare = replace(gate, low=None, high=None, needed_n=None, p_value=None, p_holm=None, p_benjamini_hochberg=None)
    waived = f" {waived_text(gate.waiver, today)}" if gate.waiver and gate.verdict == "waived" else ""
    return replace(bare, estimate=shown, sentence=f"{_sentence(gate, estimate, shown, around, k)}{waived}")


def _sentence(gate: Gate, estimate: Estimate, shown: Estimate, around: Beside, k: int) -> str:
    """The pair that decides where it is shown; otherwise that it is not, and who is shown."""
    decided = shown_sentence(_rule(gate, estimate), estimate, _found(gate), around, k)
    if decided is not None:
        return decided
    subject = estimate.metric.replace("_", " ").capitalize()
    by = " x ".join(printable(b) for b in estimate.by)
    limit = f"at most {gate.max:g}" if gate.max is not None else f"at least {gate.min:g}"
    return (
        f"{subject} by {by}: judged on the full record; the numbers are left out here because they would give away "
        f"counts under {k}; the limit is {limit}{shown_extremes(shown, around)}."
    )


def deciding_groups(gate: Gate) -> tuple[Group, ...]:
    """The pair that decides a gate, whoever has waived it; nobody where it names no groups."""
    estimate = gate.estimate
    if estimate is None:
        return ()
    return pair_at(estimate, end_of(_rule(gate, estimate), _found(gate))) or ()


def _rule(gate: Gate, estimate: Estimate) -> GateRule:
    """The rule that a gate was made of."""
    return GateRule.model_construct(stage=estimate.stage, metric=estimate.metric, compare=estimate.compare,
                                    by=estimate.by, min=gate.min, max=gate.max)  # fmt: skip


def _found(gate: Gate) -> str:
    """What the interval says of the limit, whoever has waived it."""
    if gate.verdict != "waived":
        return gate.verdict
    broken = (gate.max is not None and gate.low is not None and gate.low > gate.max) or (
        gate.min is not None and gate.high is not None and gate.high < gate.min
    )
    return "fail" if broken else "insufficient"
