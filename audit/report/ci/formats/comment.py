"""One comment that is there only on change: a sentence for each limit that changed against the baseline.

A limit has changed if its verdict by itself is another one, or if what it reads moved beyond chance. Nothing is written
where none has, so that nobody learns to look away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from audit.errors import QuestionError
from audit.gates.baseline import find_changed
from audit.gates.words.against_baseline import describe_baseline
from audit.record.result import Gate, name_verdict
from audit.report.card.words import escape_inline
from audit.report.ci.ci_report import CiReport, Format
from audit.report.ci.sections import MARK, MOST_COMMENT_BYTES, Section, write_foot, write_page, write_sentence

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
    """Return which verdict became which, and the sentence of the limit: who, the gap, its interval, since when."""
    change = gate.change
    before = None if change is None else change.before
    was = "no such limit" if before is None else name_verdict(before)
    moved = "" if change is None or change.moved not in {"worse", "better"} else f", {change.moved}"
    return f"**{escape_inline(f'{was} → {name_verdict(gate.verdict)}{moved}')}** {write_sentence(gate.sentence)}"


def _list_dropped(report: CiReport) -> Iterator[str]:
    """Yield limits of the baseline that are no longer set: a limit that is taken away is a change too."""
    there = {(gate.name, gate.min, gate.max) for gate in report.result.gates}
    for gate in report.result.baseline.gates if report.result.baseline is not None else ():
        if (gate.name, gate.min, gate.max) not in there:
            bound = f"at most {gate.max:g}" if gate.max is not None else f"at least {gate.min or 0:g}"
            said = f"{gate.name}, {bound}: it was {name_verdict(gate.verdict)} there."
            yield f"**no longer set** {write_sentence(said)}"


FORMAT = Format(
    name="comment", file="audit-change.md", write=write, ours=re.compile(re.escape(MARK)), only_on_change=True
)
