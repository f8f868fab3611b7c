"""Every number again from the counts in the document, compared with the number that stands there.

A stranger needs neither the data nor our word: the document holds the cubes, and the estimates are arithmetic on them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import fields

from audit.config.read import build
from audit.config.schema import Config
from audit.cube import Cube
from audit.energy.recount import energy_differences
from audit.four_fifths import CODE
from audit.gates import again
from audit.measurement import contradictions, of_data, of_predictions
from audit.measurement.scope import OWN
from audit.plans import data_plan, model_plan, scope_of
from audit.records import cube_of
from audit.result import AuditResult
from audit.value import Estimate

TOLERANCE = 1e-9


def differences(result: AuditResult) -> tuple[str, ...]:
    """Sentences for all that does not follow from the counts; none where everything does."""
    config = build(result.question.config, "the result's question")
    scope = scope_of(config)
    made: list[Estimate] = []
    if train := _by_kind(result, "train"):
        plan = data_plan(config)
        made += of_data(train, scope, labelled=plan.label is not None, classes=plan.classes)
    if predictions := _by_kind(result, "predictions"):
        made += of_predictions(model_plan(config).task, predictions, scope)
    kept = [e for e in result.estimates if OWN not in e.flags]
    wrong = [*_lengths(made, kept), *_unlike(made, kept), *_cut(result, config)]
    wrong += energy_differences(result, config)
    wrong += contradictions(_by_kind(result, "predictions"), scope)
    finished = dt.datetime.fromisoformat(result.run.finished).date()
    judged = again(result, config, finished)
    wrong += [
        f"gate {there.name}: the document says {there.verdict}, its numbers say {now.verdict}"
        for there, now in zip(result.gates, judged.gates, strict=False)
        if there.verdict != now.verdict
    ]
    if [c for c in result.checks if c.code == CODE] != [c for c in judged.checks if c.code == CODE]:
        wrong.append("the checks of the four-fifths rule are not those that its numbers give")
    if len(result.gates) != len(judged.gates) or result.verdict != judged.verdict:
        wrong.append(f"the document's verdict is {result.verdict}, its gates say {judged.verdict}")
    return tuple(wrong)


def _cut(result: AuditResult, config: Config) -> Iterator[str]:
    """Whether scores were cut at their median where that was asked: strictly above it lies at most half."""
    if config.predictions is None or config.predictions.threshold != "median":
        return
    part = next((p for p in result.data if p.part == "predictions"), None)
    if part is not None and part.score_median is None:
        yield "the document does not say at which median the scores were cut"
    everybody = next((e for e in result.find("selection_rate", by=()) if e.value is not None), None)
    if everybody is not None and (everybody.value or 0.0) > 0.5:
        yield f"{everybody.value:.3g} of the rows lie above the median, more than half"


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
