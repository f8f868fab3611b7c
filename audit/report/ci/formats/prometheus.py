"""Prometheus text, which GitLab takes as a metrics report: verdicts, what limits found, groups, energy.

Source: "Text-based format" of Prometheus' exposition formats. A number that is undefined or withheld has no line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from audit.gates.verdicts import WORST_FIRST
from audit.report.ci.ci_report import CiReport, Format, name_groups
from audit.report.ci.plain_text import to_line

VERDICTS = tuple(reversed(WORST_FIRST))
MOST_GROUPS = 1_000
"""Groups of one metric and grouping; of more, none is written, and a comment says how many there are."""
HELP = {
    "evenhand_exit_code": "Exit code of the verdict.",
    "evenhand_verdict": "1 for the verdict of a limit, 0 for every other one.",
    "evenhand_waived": "How many limits did not pass and are waived.",
    "evenhand_limit": "What a limit found, its interval, and the limit.",
    "evenhand_estimate": "A metric of a group, with its interval.",
    "evenhand_energy_kwh": "Energy of the run.",
    "evenhand_carbon_grams": "Carbon of that energy, by the grid.",
}


def _write_line(name: str, labels: Mapping[str, str], value: float | None) -> Iterator[str]:
    if value is None or not math.isfinite(value):
        return
    told = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    yield f"{name}{{{told}}} {float(value)!r}" if told else f"{name} {float(value)!r}"


def _escape(text: str) -> str:
    return to_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _list_verdicts(report: CiReport) -> Iterator[str]:
    for limit in report.limits:
        for verdict in VERDICTS:
            labels = {"gate": limit.key, "verdict": verdict}
            yield from _write_line("evenhand_verdict", labels, float(limit.gate.verdict == verdict))


def _list_limits(report: CiReport) -> Iterator[str]:
    for limit in report.limits:
        for bound, number in limit.numbers.items():
            yield from _write_line("evenhand_limit", {"gate": limit.key, "bound": bound}, number)


def _list_estimates(report: CiReport) -> Iterator[str]:
    for (stage, metric, by), groups in report.list_groups():
        about = {"stage": stage, "metric": metric, "by": by}
        if len(groups) > MOST_GROUPS:
            yield f"# {len(groups):,} groups by {to_line(by)} are too many for this page"
            continue
        for name, e in zip(name_groups(groups), groups, strict=True):
            for bound, number in {"value": e.value, "low": e.low, "high": e.high}.items():
                labels = {**about, "group": name, "bound": bound}
                yield from _write_line("evenhand_estimate", labels, number)


def _list_energy(report: CiReport) -> tuple[list[str], list[str]]:
    energy = report.result.energy
    if energy is None:
        return [], []
    return (
        [*_write_line("evenhand_energy_kwh", {}, energy.energy_kwh)],
        [*_write_line("evenhand_carbon_grams", {}, energy.carbon_g)],
    )


def write(report: CiReport) -> str:
    """Return the report as Prometheus text."""
    code = [*_write_line("evenhand_exit_code", {}, report.code)]
    waived = [*_write_line("evenhand_waived", {}, report.count("waived"))]
    families = (code, [*_list_verdicts(report)], waived, [*_list_limits(report)], [*_list_estimates(report)])
    lines = []
    for (name, said), family in zip(HELP.items(), (*families, *_list_energy(report)), strict=True):
        if family:
            lines += [f"# HELP {name} {said}", f"# TYPE {name} gauge", *family]
    return "\n".join(lines) + "\n"


FORMAT = Format(name="prometheus", file="audit.prom", write=write, ours=re.compile(r"\A# HELP evenhand_"))
