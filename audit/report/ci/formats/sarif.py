"""SARIF 2.1.0 for code scanning: only what somebody has to act on.

A limit that passed or is waived is no result, because GitHub ignores SARIF's suppressions and would open an alert for
it. A result stands at the line of its limit in audit.toml; where options set the limit, at the audited table if it lies
in the checkout; otherwise it has a logical location alone. What makes a result the same in two runs is the name of the
limit, never its value.
"""

from __future__ import annotations

import re
from typing import Any

from audit.measurement.metrics.catalogue import CATALOGUE
from audit.report.card.limits import name_limit
from audit.report.card.words import describe_limit
from audit.report.ci.ci_report import RAN, CiReport, Format, JudgedLimit, make_fingerprint
from audit.report.ci.places import Place
from audit.report.ci.plain_text import to_line, write_json

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5_000
"""GitHub shows no more of one upload."""
LEVELS = {"fail": "error"}


def _write_rule(limit: JudgedLimit) -> dict[str, Any]:
    level = LEVELS.get(limit.gate.verdict, "warning")
    estimate = limit.gate.estimate
    said = f"{name_limit(limit.gate)}, {describe_limit(limit.gate)}"
    metric = None if estimate is None else CATALOGUE.find(estimate.metric)
    told = said if metric is None else f"{metric.title}: {metric.formula}"
    return {
        "id": to_line(limit.key),
        "shortDescription": {"text": to_line(name_limit(limit.gate))},
        "fullDescription": {"text": to_line(said)},
        "help": {"text": to_line(told)},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["fairness", to_line(limit.stage)], "problem.severity": level},
    }


def _write_result(limit: JudgedLimit, at: int, report: CiReport) -> dict[str, Any]:
    said = f"{limit.word}: {limit.gate.sentence}"
    level = LEVELS.get(limit.gate.verdict, "warning")
    return _write_finding(limit.key, at, level, said, limit.place or report.table)


def _write_finding(key: str, at: int, level: str, said: str, place: Place | None) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": to_line(key)}]}
    if place is not None:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _to_uri(place.file), "uriBaseId": "%SRCROOT%"}}
        if place.line is not None:
            physical["region"] = {"startLine": place.line}
        location["physicalLocation"] = physical
    return {
        "ruleId": to_line(key),
        "ruleIndex": at,
        "level": level,
        "message": {"text": to_line(said)},
        "locations": [location],
        "partialFingerprints": {"evenhandGate/v1": make_fingerprint(key)},
    }


def _to_uri(path: str) -> str:
    from urllib.parse import quote

    return quote(to_line(path))


def write(report: CiReport) -> str:
    """Return the report as SARIF."""
    shown = report.acted_on[:MOST_RESULTS]
    rules = [_write_rule(limit) for limit in shown]
    results = [_write_result(limit, at, report) for at, limit in enumerate(shown)]
    whole = report.result.verdict != "incomplete"
    if not whole:
        rules.append({"id": RAN, "shortDescription": {"text": "The audit finished"}})
        results.append(_write_finding(RAN, len(results), "error", report.account, report.table))
    driver = {"name": "evenhand", "version": to_line(report.result.run.version), "rules": rules}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"evenhand/{to_line(report.model).replace('/', '-')}/"},
        "invocations": [{"executionSuccessful": whole, "exitCode": report.code}],
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "Root of the checkout."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return write_json(document)


FORMAT = Format(name="sarif", file="audit.sarif", write=write, ours=re.compile(r'"name": "evenhand"'))
