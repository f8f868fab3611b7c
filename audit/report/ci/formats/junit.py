"""JUnit XML, valid by junit-10.xsd of Jenkins' xunit plugin, the strictest schema in use.

A limit is a test case: a failed one fails, an undefined or withheld one is an error, a waived one is skipped, and an
inconclusive one fails, or is skipped where the policy lets it pass. The schema has no place for a file or a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape

from audit.report.ci.ci_report import ACTED_ON, RAN, CiReport, Format, JudgedLimit
from audit.report.ci.plain_text import to_line

SUITE = "evenhand"


def _element(name: str, attributes: Mapping[str, object], inside: str = "") -> str:
    """Return one element of XML; text inside is escaped already."""
    said = "".join(f" {key}={_quote(to_line(str(value)))}" for key, value in attributes.items())
    return f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>"


def _quote(line: str) -> str:
    """Return a line as the value of an attribute, quoted as `xml.sax.saxutils` does, which loads 16 ms of HTTP."""
    said = escape(line, quote=False)
    if '"' in said and "'" not in said:
        return f"'{said}'"
    return '"{}"'.format(said.replace('"', "&quot;"))


def _list_outcome(limit: JudgedLimit) -> Iterator[str]:
    """Yield the child of a test case that says how it ended; none where it passed."""
    sentence, kind = limit.gate.sentence, limit.word.lower()
    said = escape(to_line(sentence), quote=False)
    if limit.standing in {"waived", "allowed", "known"}:
        yield _element("skipped", {"message": f"{limit.word}: {sentence}"})
    elif limit.gate.verdict in {"undefined", "withheld"}:
        yield _element("error", {"type": kind, "message": sentence}, said)
    elif limit.standing != "passed":
        yield _element("failure", {"type": kind, "message": sentence}, said)
    if limit.standing not in ACTED_ON:
        yield _element("system-out", {}, said)


def _list_cases(report: CiReport) -> Iterator[str]:
    # Without a test case of its own, a run without a verdict would read as one in which nothing failed.
    if not report.is_judged:
        outcome = "error" if report.result.verdict == "incomplete" else "skipped"
        told = {"message": report.account}
        case = _element(outcome, told if outcome == "skipped" else {"type": report.word.lower(), **told})
        yield _element("testcase", {"classname": "audit", "name": RAN, "time": 0}, case)
    for limit in report.limits:
        attributes = {"classname": f"gates.{limit.stage}", "name": limit.key, "time": 0}
        yield _element("testcase", attributes, "".join(_list_outcome(limit)))


def _list_properties(report: CiReport) -> Iterator[str]:
    run = report.result.run
    told = {"verdict": report.word, "exit code": report.code, "run": run.id, "version": run.version}
    for name, value in told.items():
        yield _element("property", {"name": name, "value": value})
    for said in report.waivers:
        yield _element("property", {"name": "waivers", "value": said})


def _read_seconds(report: CiReport) -> float:
    run = report.result.run
    return max(0.0, (_read_time(run.finished) - _read_time(run.started)).total_seconds())


def _read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def write(report: CiReport) -> str:
    """Return the report as JUnit XML."""
    cases = list(_list_cases(report))
    counts = {
        "tests": len(cases),
        "failures": sum("<failure " in case for case in cases),
        "errors": sum("<error " in case for case in cases),
    }
    seconds = f"{_read_seconds(report):g}"
    suite = {
        "name": SUITE,
        **counts,
        "skipped": sum("<skipped " in case for case in cases),
        # The schema takes a time without its zone; it is UTC.
        "timestamp": _read_time(report.result.run.started).replace(tzinfo=None).isoformat(timespec="seconds"),
        "time": seconds,
    }
    inside = f"\n{_element('properties', {}, ''.join(_list_properties(report)))}\n" + "\n".join(cases) + "\n"
    whole = _element("testsuites", {"name": SUITE, **counts, "time": seconds}, _element("testsuite", suite, inside))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}\n'


FORMAT = Format(name="junit", file="audit-junit.xml", write=write, ours=re.compile(r'<testsuites name="evenhand"'))
