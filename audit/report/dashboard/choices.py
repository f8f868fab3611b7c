"""What of a run can be looked at: attributes, the metrics of each, and where a reader begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from audit.estimate import Stage
from audit.gates.verdicts import find_deciding_gate
from audit.record.result import AuditResult
from audit.report.card.groups import list_gated_rates
from audit.report.card.shapes import By, EstimateIndex
from audit.report.card.words import make_title, name_grouping

Named = TypeVar("Named")
USUAL = ("selection_rate", "mean_error", "exposure", "base_rate")
"""Metrics that a reader begins with where no limit was set."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Attributes and metrics of a run by name, and those that it opens on: of the limit that decided it."""

    stage: Stage
    groupings: Mapping[str, By]
    """Columns by the name of the grouping."""
    metrics: Mapping[str, list[str]]
    """Metrics that one group has, by the name of the grouping; none is empty."""
    titles: Mapping[str, str]
    """Title of each metric."""
    by: str
    metric: str


def list_choices(result: AuditResult) -> Choices:
    """Return what can be looked at: of the model, or of the data where no predictions were audited."""
    found = EstimateIndex(result, _find_stage(result))
    measured = {by: _list_metrics(found, by) for by in found.groupings()}
    groupings = name_apart((name_grouping(by), by) for by, metrics in measured.items() if metrics)
    metrics = {name: measured[by] for name, by in groupings.items()}
    titles = {m: make_title(m) for m in chain.from_iterable(metrics.values())}
    gate = find_deciding_gate(result.gates)
    e = gate.estimate if gate is not None else None
    first = next(iter(groupings), "")
    at = next((name for name, by in groupings.items() if e is not None and (by, found.stage) == (e.by, e.stage)), first)
    wanted = (*(list_gated_rates([gate]) if gate is not None else ()), *USUAL)
    there = metrics.get(at, [])
    return Choices(
        found.stage, groupings, metrics, titles, at, next((m for m in wanted if m in there), there[0] if there else "")
    )


def _find_stage(result: AuditResult) -> Stage:
    return "model" if any(e.stage == "model" and e.by for e in result.estimates) else "data"


def _list_metrics(found: EstimateIndex, by: By) -> list[str]:
    """Return the rates of groups, and other numbers of one group."""
    rates = (
        e for e in found.result.estimates if (e.stage, e.by, e.compare, e.reference) == (found.stage, by, None, None)
    )
    return list(dict.fromkeys(e.metric for e in rates if e.group is not None and not e.of_one_class))


def name_apart(pairs: Iterable[tuple[str, Named]]) -> dict[str, Named]:
    """Return things by their names; of two whose shortened names are equal, the later one is numbered."""
    found: dict[str, Named] = {}
    for wanted, thing in pairs:
        name, n = wanted, 2
        while name in found:
            name, n = f"{wanted} ({n})", n + 1
        found[name] = thing
    return found
