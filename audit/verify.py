"""Every number again from the counts in the document, compared with the number that stands there.

A stranger needs neither the data nor our word: the document holds the cubes, and the estimates are arithmetic on them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import fields

from audit.config.read import build
from audit.cube import Cube
from audit.gates import again
from audit.measurement import contradictions, of_data, of_predictions
from audit.measurement.scope import OWN
from audit.records import cube_of
from audit.result import AuditResult
from audit.stages import data_plan, model_plan, scope_of
from audit.value import Estimate

TOLERANCE = 1e-9


def differences(result: AuditResult) -> tuple[str, ...]:
    """Sentences for all that does not follow from the counts; none where everything does."""
    config = build(result.question.config, "the result's question")
    scope = scope_of(config)
    made: list[Estimate] = []
    if train := _by_kind(result, "train"):
        made += of_data(train, scope, labelled=data_plan(config).label is not None)
    if predictions := _by_kind(result, "predictions"):
        made += of_predictions(model_plan(config).task, predictions, scope)
    kept = [e for e in result.estimates if OWN not in e.flags]
    wrong = [*_lengths(made, kept), *_unlike(made, kept), *contradictions(_by_kind(result, "predictions"), scope)]
    finished = dt.datetime.fromisoformat(result.run.finished).date()
    judged = again(result, config, finished)
    wrong += [
        f"gate {there.name}: the document says {there.verdict}, its numbers say {now.verdict}"
        for there, now in zip(result.gates, judged.gates, strict=False)
        if there.verdict != now.verdict
    ]
    if len(result.gates) != len(judged.gates) or result.verdict != judged.verdict:
        wrong.append(f"the document's verdict is {result.verdict}, its gates say {judged.verdict}")
    return tuple(wrong)


def _by_kind(result: AuditResult, part: str) -> dict[str, list[Cube]]:
    """Cubes of one part by kind; none where the document holds nothing of it."""
    found: dict[str, list[Cube]] = {}
    for record in result.cubes:
        of, _, kind = record.name.partition(":")[0].partition(" ")
        if of == part:
            found.setdefault(kind, []).append(cube_of(record))
    return found


def _lengths(made: list[Estimate], kept: list[Estimate]) -> Iterator[str]:
    if len(made) != len(kept):
        yield f"the counts give {len(made)} estimates, the document holds {len(kept)}"


def _unlike(made: list[Estimate], kept: list[Estimate]) -> Iterator[str]:
    for now, there in zip(made, kept, strict=False):
        for f in fields(Estimate):
            a, b = getattr(now, f.name), getattr(there, f.name)
            if not _same(a, b):
                yield f"{there.name} {there.group or ''}: {f.name} is {b} in the document and {a} from its counts"
                break


def _same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return a == b
