"""What a reader meets first: who answers for the audit and when, one picture of what decides it, and what to do.

Must not: judge, or show more than the record holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from audit.estimate import Group, Stage
from audit.gates.headline import suggest_next
from audit.gates.judge import find_deciding_gate
from audit.record.result import AuditResult, Gate, Part
from audit.report.card.accounts import OwnerWords
from audit.report.card.charts import Chart
from audit.report.card.groups import choose_groups, draw_charts, list_gated_rates
from audit.report.card.lookup import By, EstimateIndex
from audit.report.card.results import choose_rates
from audit.report.card.words import clean_text

MOST_DRAWN = 10
"""Groups of the picture; the tables have all of them."""
STEPS = {
    "withheld": "Read the internal report: it has the verdict that this page withholds.",
    "waived": "Remove the cause, or decide again before the waiver ends.",
    "pass": "Nothing for these limits. Audit again when the model or the data change.",
}
"""Where a page has other readers than a terminal, which names commands."""


@dataclass(frozen=True, slots=True)
class Front:
    """The top of the page."""

    facts: tuple[tuple[str, str], ...]
    picture: Chart | None
    step: str


def make_front(result: AuditResult, owner: OwnerWords, k: int) -> Front:
    """Return who answers, when, the picture, and what to do."""
    gate = find_deciding_gate(result.gates)
    facts = (
        ("Owner", next((f.text for f in owner.fields if f.label == "Owner" and f.text), "not provided")),
        ("Audited", clean_text(result.run.finished).partition("T")[0]),
        ("Rows", describe_rows(result.data)),
    )
    return Front(
        tuple(f for f in facts if f[1]),
        _draw_decision(result, gate, k),
        STEPS.get(result.verdict) or suggest_next(result),
    )


def describe_rows(parts: Sequence[Part]) -> str:
    """Return the rows that were used of each table, once where all tables have the same."""
    said = {clean_text(p.part): _describe_use(p) for p in parts}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{part} {rows}" for part, rows in said.items())


def _describe_use(part: Part) -> str:
    """Return how many rows were read and used."""
    if part.rows_read == part.rows_used:
        return f"{part.rows_read:,} read, all used"
    return f"{part.rows_read:,} read, {part.rows_used:,} used"


def _draw_decision(result: AuditResult, gate: Gate | None, k: int) -> Chart | None:
    """Return the groups of the limit that decides, or those of the first attribute; None where there are none."""
    e = gate.estimate if gate is not None else None
    if gate is not None and e is not None and e.by and e.stage in {"data", "model"}:
        found = EstimateIndex(result, e.stage, k)
        rates = list_gated_rates([gate])
        return _draw_first(found, e.by, [*rates, *choose_rates(found)], [gate])
    stage: Stage = "model" if any(x.stage == "model" and x.by for x in result.estimates) else "data"
    found = EstimateIndex(result, stage, k)
    first = next(iter(found.groupings()), None)
    if first is None:
        return None
    return _draw_first(found, first, choose_rates(found), [])


def _draw_first(found: EstimateIndex, by: By, metrics: Sequence[str], gates: Sequence[Gate]) -> Chart | None:
    """Return the first of some rates that can be drawn."""
    groups, _ = choose_groups(found, by, MOST_DRAWN)
    known = [g for g in groups if None not in g]
    drawn = (draw_charts(found, by, [m], _list_shown(found, by, m, known), gates) for m in dict.fromkeys(metrics))
    return next(chain.from_iterable(drawn), None)


def _list_shown(found: EstimateIndex, by: By, metric: str, groups: Sequence[Group]) -> list[Group]:
    """Return the groups whose rate is not withheld; none where it is no picture, of fewer than two."""
    rates = {g: found.rate(metric, by, g) for g in groups}
    shown = [g for g, rate in rates.items() if rate is not None and rate.status != "suppressed"]
    return shown if len(shown) > 1 else []
