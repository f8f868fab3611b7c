"""Code quality of GitLab: what somebody has to act on, each with a fingerprint that stays while the limit does.

Source: "Code Quality report format" in GitLab's documentation.
"""

from __future__ import annotations

import re
from typing import Any

from audit.report.ci.ci_report import RAN, CiReport, Format, JudgedLimit, make_fingerprint
from audit.report.ci.places import Place
from audit.report.ci.plain_text import to_line, write_json

SEVERITY = {"fail": "critical"}
"""Of any other verdict it is major."""


def _find_place(report: CiReport) -> Place:
    """Return the audited table: GitLab takes no finding without a path."""
    return report.table or Place(file=report.table_name)


def _write_limit(limit: JudgedLimit, report: CiReport) -> dict[str, Any]:
    severity = SEVERITY.get(limit.gate.verdict, "major")
    return _write_finding(
        limit.key, f"{limit.word}: {limit.gate.sentence}", severity, limit.place or _find_place(report)
    )


def _write_finding(key: str, said: str, severity: str, place: Place) -> dict[str, Any]:
    return {
        "description": to_line(said),
        "check_name": f"evenhand {to_line(key)}",
        "fingerprint": make_fingerprint(key),
        "severity": severity,
        # GitLab asks for a line; the first one stands for a whole file.
        "location": {"path": to_line(place.file), "lines": {"begin": place.line or 1}},
    }


def write(report: CiReport) -> str:
    """Return the findings as a list of JSON."""
    found = [_write_limit(limit, report) for limit in report.acted_on]
    if report.result.verdict == "incomplete":
        found.insert(0, _write_finding(RAN, report.account, "blocker", _find_place(report)))
    return write_json(found)


FORMAT = Format(
    name="gitlab",
    file="gl-code-quality-report.json",
    write=write,
    ours=re.compile(r'"check_name": "evenhand |^\[\]\s*$'),
)
