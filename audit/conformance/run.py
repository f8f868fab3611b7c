"""The conformance kit: golden vectors run through the public interface, and what came of each.

Must not: compute a metric, or know how a file of vectors is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit import api
from audit.conformance.vectors import Expected, Vector, read
from audit.errors import AuditError
from audit.estimate import Estimate
from audit.record.result import AuditResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one vector."""

    id: str
    title: str
    passed: bool
    detail: str
    """What differs; where nothing does, what was compared."""


def run(vectors: Path | None = None) -> tuple[Outcome, ...]:
    """Run every vector of a file through `audit.measure` or `audit.check`.

    Parameters
    ----------
    vectors
        A file of vectors; the shipped ones where none is named.

    Returns
    -------
    tuple of Outcome
        In the order of the file.
    """
    return tuple(run_vector(v) for v in read(vectors))


def run_vector(vector: Vector) -> Outcome:
    """Return what comes of one vector."""
    try:
        found = ask(vector)
    except AuditError as error:
        right = bool(vector.refused) and vector.refused in str(error)
        return Outcome(vector.id, vector.title, right, f"refused: {error}")
    wrong = (
        [f"not refused; {vector.refused!r} was expected"] if vector.refused else list(_find_differences(vector, found))
    )
    return Outcome(vector.id, vector.title, not wrong, "; ".join(wrong) or _describe_estimate(vector))


def table(outcomes: Sequence[Outcome] | None = None) -> str:
    """Return one line a vector, then the sum; runs the shipped vectors where no outcomes are given."""
    shown = run() if outcomes is None else tuple(outcomes)
    width = max((len(o.id) for o in shown), default=0)
    lines = [f"{'ok    ' if o.passed else 'FAILED'}  {o.id:<{width}}  {o.detail}" for o in shown]
    return "\n".join([*lines, f"{sum(o.passed for o in shown)} of {len(shown)} vectors came out as expected"])


def ask(vector: Vector) -> AuditResult:
    """Return the result for the table and the question of a vector."""
    q, rows = vector.question, vector.input.rows()
    common: dict[str, Any] = {
        "positive": q.positive,
        "reference": dict(q.reference) or None,
        "intersections": q.intersections,
        "confidence": q.confidence,
        "gates": q.gates,
    }
    if not q.of_model:
        common |= {"weight": q.weight, "unit": q.unit, "strata": q.strata, "classes": q.classes}
        return api.check(rows, label=q.label, groups=q.groups, **common)
    roles = {
        "y_pred": q.prediction,
        "against": q.against,
        "score": q.score,
        "query": q.query,
        "rank": q.rank,
        "weight": q.weight,
        "unit": q.unit,
    }
    common |= {"task": q.task, "threshold": None if q.score is None else q.threshold, "top": q.top}
    columns: dict[str, Any] = {role: rows[name] for role, name in roles.items() if name is not None}
    groups = {name: rows[name] for name in q.groups}
    return api.measure(rows[str(q.label)], groups=groups, **columns, **common)


def _find_differences(vector: Vector, found: AuditResult) -> Iterator[str]:
    if vector.verdict and found.verdict not in vector.verdict:
        yield f"the verdict is {found.verdict}, expected {' or '.join(vector.verdict)}"
    for expected in vector.expected:
        same = [e for e in found.estimates if _is_meant(expected, e)]
        if len(same) != 1:
            yield f"{expected}: {len(same)} such estimates, expected one"
        else:
            yield from _describe_difference(expected, same[0])


def _is_meant(expected: Expected, found: Estimate) -> bool:
    same = ("stage", "metric", "compare", "by", "group", "outcome")
    return all(getattr(expected, f) == getattr(found, f) for f in same) and (
        expected.reference is None or expected.reference == found.reference
    )


def _describe_difference(expected: Expected, found: Estimate) -> Iterator[str]:
    if found.status != expected.status:
        yield f"{expected} is {_show_number(found.value)} ({found.status}), expected {expected.status}"
        return
    if expected.reason_contains not in (found.reason or ""):
        yield f"{expected}: the reason is '{found.reason}', expected words are {expected.reason_contains!r}"
    if expected.pair is not None and expected.pair != found.pair:
        yield f"{expected} is between {found.pair}, expected {expected.pair}"
    for name, want in expected.numbers().items():
        got = getattr(found, name)
        if want is not None and (got is None or not math.isclose(got, want, rel_tol=0, abs_tol=expected.tolerance)):
            yield f"{expected}: {name} is {_show_number(got)}, expected {want:.10g} ± {expected.tolerance:g}"


def _describe_estimate(vector: Vector) -> str:
    count = sum(
        1 if e.status == "undefined" else sum(v is not None for v in e.numbers().values()) for e in vector.expected
    ) + bool(vector.verdict)
    return f"{count} as expected ({vector.kind})"


def _show_number(value: float | None) -> str:
    return "no number" if value is None else f"{value:.10g}"
