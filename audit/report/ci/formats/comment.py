"""One comment that is there only on change: a sentence for each limit that changed against the baseline.

A limit has changed if its verdict by itself is another one, or if what it reads moved beyond chance. Nothing is written
where none has, so that nobody learns to look away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from audit.errors import QuestionError, capitalise
from audit.gates.baseline import find_changed
from audit.gates.words.against_baseline import describe_baseline
from audit.record.result import Gate, identify_limit, name_verdict
from audit.report.card.words import escape_inline
from audit.report.ci.ci_report import CiReport, Format
from audit.report.ci.sections import MARK, MOST_COMMENT_BYTES, Section, write_foot, write_page, write_sentence

THEN: Mapping[str, str] = {"pass": "passed", "fail": "failed"}
NOW: Mapping[str, str] = {"pass": "passes", "fail": "fails"}
"""Verdicts that are verbs, in the baseline and now; any other is its word."""
MOST_CHANGES = 20
"""Limits that are told of; of more it is said how many there are."""


def write(report: CiReport) -> str:
    """Return what changed against the baseline as one comment; empty where nothing did.

    Raises
    ------
    QuestionError
        When nothing was compared.
    """
    baseline = report.result.baseline
    if baseline is None:
        raise QuestionError("a comment on change needs a baseline; name one in [baseline] result or with --baseline")
    changed, dropped = find_changed(report.result.gates), list(_list_dropped(report))
    if not changed and not dropped:
        return ""
    told = [*map(_describe_change, changed), *dropped]
    some = told[:MOST_CHANGES]
    if len(told) > len(some):
        some.append(f"and {len(told) - len(some)} more; the card has all limits.")
    count = f"{len(told)} limit{'s' * (len(told) != 1)} changed"
    head = f"### {count} against the baseline of {baseline.finished[:10]}"
    beside = " ".join(write_sentence(said) for said in describe_baseline(baseline))
    sections = [
        Section("mark", MARK),
        Section("head", head),
        *(Section("a change", f"- {text}") for text in some),
        Section("verdict", write_sentence(f"Verdict of the run: {report.word}. Exit code {report.code}.")),
        Section("what was compared", beside),
        write_foot(report),
    ]
    return write_page(sections, MOST_COMMENT_BYTES)


def _describe_change(gate: Gate) -> str:
    """Return what became of a limit, and its sentence: who, the gap, its interval, since when."""
    return f"**{escape_inline(capitalise(_describe_verdicts(gate)))}.** {write_sentence(gate.sentence)}"


def _describe_verdicts(gate: Gate) -> str:
    """Return the verdicts of then and now, and whether the number moved beyond chance."""
    change = gate.change
    before, moved = (None, "same") if change is None else (change.before, change.moved)
    then = "not set" if before is None else THEN.get(before, name_verdict(before).lower())
    now = NOW.get(gate.alone, name_verdict(gate.alone).lower())
    now = f"still {now}" if before == gate.alone else f"{now} now"
    beyond = f"{moved}: " if moved in {"worse", "better"} else ""
    return f"{beyond}{then} in the baseline, {now}{_describe_effect(gate)}"


def _describe_effect(gate: Gate) -> str:
    """Return what the baseline makes of the verdict by the limit alone."""
    if gate.verdict == "known":
        return " (known, so it does not block)"
    if gate.verdict == "fail" and gate.alone == "pass":
        return ", but it blocks because it is worse"
    return ""


def _list_dropped(report: CiReport) -> Iterator[str]:
    """Yield limits of the baseline that are no longer set: a limit that is taken away is a change too."""
    there = set(map(identify_limit, report.result.gates))
    for gate in report.result.baseline.gates if report.result.baseline is not None else ():
        if identify_limit(gate) not in there:
            bound = f"at most {gate.max:g}" if gate.max is not None else f"at least {gate.min or 0:g}"
            said = f"{gate.name}, {bound}: it was {name_verdict(gate.verdict)} there."
            yield f"**no longer set** {write_sentence(said)}"


FORMAT = Format(
    name="comment", file="audit-change.md", write=write, ours=re.compile(re.escape(MARK)), only_on_change=True
)
