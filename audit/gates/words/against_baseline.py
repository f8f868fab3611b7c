"""What is said of a limit beside an earlier result: worse, better, known since when, or new.

Must not: decide anything, or import numpy; ``audit gate`` pays for this module.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from audit.errors import printable
from audit.estimate import figure_text, interval_words, p_words
from audit.measurement.metrics.catalogue import figure_of
from audit.record.baseline import Baseline, Change
from audit.record.result import Gate

BLOCKS = ("fail", "insufficient", "undefined")
UPDATE = "audit baseline update"


def describe_standing(
    gate: Gate, change: Change, baseline: Baseline, until: dt.date | None, today: dt.date, *, numbers: bool = True
) -> str:
    """Return the sentence with which a limit begins; empty where there is nothing to say.

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
    if change.since is not None:
        return _describe_known(gate, change, until, today, numbers=numbers)
    if change.moved == "better":
        said = f"Better than in the baseline of {day}{_describe_values(gate, change, 'better', numbers=numbers)}."
        return f"{said} To hold what was gained, make this run the baseline ({UPDATE})."
    if change.before is None and change.alone in BLOCKS:
        return f"New: the baseline of {day} has no such limit."
    if change.before == "pass" and change.alone in BLOCKS:
        then = f" with {_describe_before(gate, change)}" if numbers and change.value is not None else ""
        said = f"It passed in the baseline of {day}{then}; the change is {_describe_no_change(change)}"
        return f"{said}{_describe_detectable(change, numbers=numbers)}."
    return ""


def _describe_detectable(change: Change, *, numbers: bool) -> str:
    """Return how much of a worsening would have been found, where none was."""
    if not numbers or change.moved != "same" or change.detectable is None:
        return ""
    loss = figure_text(change.detectable, "points")
    return f"; a change of {loss} in the rate of the group that is worst off would be found 9 times in 10"


def _describe_no_change(change: Change) -> str:
    return "not beyond chance" if change.moved == "same" else f"not compared, because {change.reason}"


def _describe_known(gate: Gate, change: Change, until: dt.date | None, today: dt.date, *, numbers: bool) -> str:
    then = ""
    if numbers and change.value is not None:
        then = f"; it was {_describe_before(gate, change)} there"
    moved = {"same": ", and is not worse beyond chance", "better": ", and is better now"}.get(change.moved, "")
    first = f"Known since {change.since}: it did not pass in the baseline either{moved}{then}"
    first += _describe_detectable(change, numbers=numbers)
    if until is None:
        return f"{first}. It warns and does not block."
    left = (until - today).days
    if left < 0:
        return f"{first}. It blocks again, because [baseline] until = {until} has passed."
    days = f"{left} day{'s' * (left != 1)} left" if left else "the last day"
    return f"{first}. It warns until {until} ({days}) and then blocks again."


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
