"""What is said of a limit beside an earlier result: worse, better, known since when, or new.

A change for the worse is said before the finding, because it decides; all else after it.

Must not: decide anything, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from operator import attrgetter

from audit.errors import printable
from audit.estimate import (
    CROSSED,
    NAME_LENGTH,
    figure_text,
    interval_words,
    join_first,
    p_words,
    quoted_level,
    told_apart,
)
from audit.gates.words.wording import name_metric
from audit.measurement.metrics.catalogue import figure_of
from audit.record.baseline import Baseline, BaselineGate, BaselineRate, Change
from audit.record.result import Gate, identify_limit

BLOCKS = ("fail", "insufficient", "undefined")
MOST_NAMED, LONGEST_NAME = 3, 160
ASK = "To hold what was gained, make this run the baseline (audit baseline update)."
STANDS = {"same": " and is not worse beyond chance", "better": " and is better now"}
"""What is added of a known limit, by how it moved."""


def describe_standing(
    gate: Gate, change: Change, baseline: Baseline, until: dt.date | None, today: dt.date, *, numbers: bool = True
) -> str:
    """Return what is said of a limit beside its finding; empty where there is nothing to say.

    Parameters
    ----------
    gate
        With its verdict beside the baseline.
    change, baseline
        How it stands.
    until
        Last day on which what is known only warns; None where there is none.
    today
        Day of the verdict.
    numbers
        Whether numbers of the baseline are named; what is published names none.
    """
    day = baseline.finished[:10]
    if change.moved == "worse":
        return f"Worse than in the baseline of {day}{_describe_values(gate, change, 'worse', numbers=numbers)}."
    least = _describe_detectable(gate, change, baseline) if numbers else ""
    if change.since is not None:
        then = f"; it was {_describe_before(gate, change)} there" if numbers and change.value is not None else ""
        first = f"Known since {change.since}: the limit did not pass in the baseline either"
        parts = (first + STANDS.get(change.moved, "") + then, least, _describe_end(until, today))
        known = ". ".join(part for part in parts if part)
        return f"{known}. {ASK}" if change.moved == "better" else f"{known}."
    if change.moved == "better":
        return f"Better than in the baseline of {day}{_describe_values(gate, change, 'better', numbers=numbers)}. {ASK}"
    if change.before is None and change.alone in BLOCKS:
        return f"New: the baseline of {day} has no such limit."
    if change.before == "pass" and change.alone in BLOCKS:
        then = f" with {_describe_before(gate, change)}" if numbers and change.value is not None else ""
        said = f"It passed in the baseline of {day}{then}; the change is {_describe_no_change(change)}."
        return f"{said} {least}." if least else said
    return ""


def add_standing(finding: str, change: Change) -> str:
    """Return the sentence of a limit with how it stands: a change for the worse comes first, because it decides."""
    order = (change.sentence, finding) if change.moved == "worse" else (finding, change.sentence)
    return " ".join(part for part in order if part)


def drop_standing(sentence: str, change: Change) -> str:
    """Return the finding alone of a sentence that `add_standing` made."""
    if change.moved == "worse":
        return sentence.removeprefix(change.sentence).lstrip()
    return sentence.removesuffix(change.sentence).rstrip()


def find_first_to_move(gate: Gate, before: BaselineGate) -> BaselineRate | None:
    """Return the rate of the baseline whose change is planned for: the lowest, or the highest where that is read."""
    if not before.rates:
        return None
    choose = max if _reads_highest(gate) else min
    return choose(before.rates, key=attrgetter("value"))


def _reads_highest(gate: Gate) -> bool:
    e = gate.estimate
    return e is not None and (e.compare == "highest" or (e.compare is None and gate.min is None))


def _describe_detectable(gate: Gate, change: Change, baseline: Baseline) -> str:
    """Return which change would have been found, where none was."""
    before = next((b for b in baseline.gates if identify_limit(b) == identify_limit(gate)), None)
    rate = None if before is None else find_first_to_move(gate, before)
    if change.moved != "same" or change.detectable is None or before is None or rate is None:
        return ""
    name = told_apart([r.group for r in before.rates], quoted_level, CROSSED)
    of_class = "" if rate.outcome is None else f" in class '{printable(rate.outcome, NAME_LENGTH)}'"
    whose = f"the {name_metric(rate.metric)} of {name(rate.group)}{of_class}"
    way = "rise" if _reads_highest(gate) else "fall"
    return f"A {way} of {figure_text(change.detectable, 'points')} in {whose} would be found 9 times in 10"


def _describe_no_change(change: Change) -> str:
    return "not beyond chance" if change.moved == "same" else f"not compared, because {change.reason}"


def _describe_end(until: dt.date | None, today: dt.date) -> str:
    """Return how long what is known only warns."""
    if until is None:
        return "The limit warns and does not block"
    left = (until - today).days
    if left < 0:
        return f"The limit blocks again, because [baseline] until = {until} has passed"
    days = f"{left} day{'s' * (left != 1)} left" if left else "the last day"
    return f"The limit warns until {until} ({days}) and then blocks again"


def _describe_values(gate: Gate, change: Change, which: str, *, numbers: bool) -> str:
    if not numbers or gate.estimate is None:
        return ""
    figure = figure_of(gate.estimate.metric, gate.estimate.compare)
    now = figure_text(gate.estimate.value, figure, limit=gate.limit)
    p = change.p_worse_holm if which == "worse" else change.p_better_holm
    return f": it was {_describe_before(gate, change)} and is {now} ({p_words(p)}, corrected for all limits)"


def _describe_before(gate: Gate, change: Change) -> str:
    """Return the value of a limit in the baseline, with its interval."""
    e = gate.estimate
    if e is None or e.stage in {"checks", "energy"}:
        return f"{change.value:g}"
    figure = figure_of(e.metric, e.compare)
    value = figure_text(change.value, figure, limit=gate.limit)
    around = interval_words(
        change.low, change.high, figure, confidence=e.confidence, limit=gate.limit, value=change.value
    )
    return f"{value} ({around})" if around else value


def describe_gains(gates: Sequence[Gate]) -> Iterator[str]:
    """Yield which limits are better than in the baseline beyond chance, and what to do about that; else nothing."""
    better = [printable(g.name, LONGEST_NAME) for g in gates if g.change is not None and g.change.moved == "better"]
    if better:
        are = "is" if len(better) == 1 else "are"
        yield f"{join_first(better[:MOST_NAMED], len(better))} {are} better than in the baseline. {ASK}"


def describe_baseline(baseline: Baseline | None) -> Iterator[str]:
    """Yield with which run limits were compared, and how far its rows are the same; nothing where with none."""
    if baseline is None:
        return
    first = f"Compared with run {printable(baseline.run, 40)} of {baseline.finished[:10]}"
    if baseline.rows is not None:
        yield f"{first}, row by row ({baseline.rows:,} rows in both)."
        return
    why = f" ({printable(baseline.note, 240)})" if baseline.note else ""
    if baseline.independent:
        yield f"{first} as two independent samples, because the predictions come from different tables{why}."
        return
    hint = "" if baseline.note else "; [data] key would compare row by row and find smaller changes"
    yield f"{first}; its rows may be the same, so any dependence is allowed for{why}{hint}."
