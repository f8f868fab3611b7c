"""Metrics as nested numbers, as DVC shows and compares them: a leaf is a number or a short text, and none is NaN."""

from __future__ import annotations

import math
import re
from typing import Any

from audit.estimate import Estimate
from audit.report.ci.ci_report import STANDINGS, CiReport, Format, JudgedLimit, name_groups
from audit.report.ci.plain_text import to_line, write_json

MOST_GROUPS = 1_000
"""Groups of one metric and grouping; of more, none is written, and their number is."""


def _keep_numbers(values: dict[str, float | None]) -> dict[str, float]:
    """Return what is a number; what is undefined or withheld has no leaf, because it is never 0."""
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}


def _write_limit(limit: JudgedLimit) -> dict[str, Any]:
    return {"verdict": limit.gate.verdict, **_keep_numbers(limit.numbers)}


def _write_groups(report: CiReport) -> dict[str, Any]:
    """Return the values of groups, by metric and grouping, of all that a limit is on."""
    told: dict[str, Any] = {}
    for (stage, metric, by), groups in report.list_groups():
        place = told.setdefault(stage, {}).setdefault(metric, {})
        place[to_line(by)] = _write_values(groups)
    return told


def _write_values(groups: tuple[Estimate, ...]) -> dict[str, float]:
    if len(groups) > MOST_GROUPS:
        return {"groups": len(groups)}
    return _keep_numbers({to_line(name): e.value for name, e in zip(name_groups(groups), groups, strict=True)})


def write(report: CiReport) -> str:
    """Return the report as one JSON object."""
    energy = report.result.energy
    counts = {standing: report.count(standing) for standing in STANDINGS}
    told: dict[str, Any] = {
        "evenhand": {"verdict": report.result.verdict, "exit_code": report.code, **counts},
        "limits": {to_line(limit.key): _write_limit(limit) for limit in report.limits},
        "groups": _write_groups(report),
    }
    if energy is not None:
        told["energy"] = _keep_numbers({"energy_kwh": energy.energy_kwh, "carbon_g": energy.carbon_g})
    return write_json(told)


FORMAT = Format(name="metrics", file="audit-metrics.json", write=write, ours=re.compile(r'\A\{\s*"evenhand": \{'))
