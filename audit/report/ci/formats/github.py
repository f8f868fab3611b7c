"""GitHub Actions: annotations for the log, a page for the summary of the step, and outputs for later steps.

Escapes are those of actions/toolkit (packages/core/src/command.ts). A step shows at most ten annotations of a kind and
drops the rest in silence, so the eleventh and later ones are counted in a line of their own.
"""

from __future__ import annotations

import re
import secrets

from audit.report.ci.ci_report import CiReport, Format, JudgedLimit
from audit.report.ci.plain_text import make_annotation, to_line
from audit.report.ci.sections import write_foot, write_groups, write_head, write_limits, write_page, write_waivers

MOST_ANNOTATIONS = 10
WARNED = ("allowed", "known")
MOST_SUMMARY_BYTES = 1_000_000
"""GitHub drops the whole summary of a step that has more than 1,024 KiB."""
MOST_LIMITS = 1_000


def _annotate(level: str, limit: JudgedLimit, decisions: str) -> str:
    where: dict[str, object] = {}
    if limit.place is not None:
        where["file"] = limit.place.file
        if limit.place.line is not None:
            where["line"] = limit.place.line
    # Several candidates write into one log.
    whose = f" ({decisions})" if decisions else ""
    return make_annotation(level, limit.gate.sentence, **where, title=f"{limit.word} {limit.key}{whose}")


def _list_annotations(report: CiReport) -> list[str]:
    """Return all annotations, the worst first."""
    told = []
    if report.result.verdict == "incomplete":
        told.append(make_annotation("error", " ".join((report.headline, *report.notes)), title=report.word))
    told += [_annotate("error", limit, report.decisions) for limit in report.acted_on]
    told += [_annotate("warning", limit, report.decisions) for limit in report.limits if limit.standing in WARNED]
    return told + [make_annotation("warning", said, title="WAIVED") for said in report.waivers[1:]]


def write(report: CiReport) -> str:
    """Return the annotations, at most ten, and how many more there are."""
    told = _list_annotations(report)
    lines = told[:MOST_ANNOTATIONS]
    if more := len(told) - len(lines):
        lines.append(f"and {more:,} more in the summary of this step")
    return "".join(f"{line}\n" for line in lines)


def write_summary(report: CiReport, most_bytes: int = MOST_SUMMARY_BYTES) -> str:
    """Return the page for GITHUB_STEP_SUMMARY, whole sections alone.

    Parameters
    ----------
    report
        What is shown.
    most_bytes
        Room that is left in the file.
    """
    body = (*write_waivers(report), *write_limits(report, MOST_LIMITS), *write_groups(report))
    return write_page([write_head(report), write_foot(report), *body], most_bytes)


def write_outputs(report: CiReport) -> str:
    """Return the outputs for GITHUB_OUTPUT: verdict, exit-code, run, card, and how many limits stand how."""
    values = {
        "verdict": report.result.verdict,
        "exit-code": report.code,
        "run": report.result.run.id,
        "card": report.card,
        "failed": report.count("failed"),
        "undecided": report.count("undecided"),
        "waived": report.count("waived"),
    }
    return "".join(map(_write_output, values, values.values()))


def _write_output(name: str, value: object) -> str:
    """Return one output; the end of its text is a word by chance, which no name can hold."""
    end = f"end_{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{to_line(str(value))}\n{end}\n"


FORMAT = Format(name="github", file="", write=write, ours=re.compile(r"\A(::(error|warning) |\Z)"))
