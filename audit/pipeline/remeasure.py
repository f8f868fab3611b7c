"""A grouping of a document measured again from its counts, without groups that the policy excludes from verdicts.

Must not: read rows, or judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from audit.axes import CubeKind
from audit.config.schema import Config
from audit.estimate import Group, Stage
from audit.gates.small_groups import Remeasure
from audit.measurement.estimates import Estimates
from audit.record.cubes import PREDICTIONS, TRAIN, CubeRecord, to_cube

if TYPE_CHECKING:
    from audit.cube import Cube  # loads numpy, and a recorded run is mostly judged without it

PARTS: dict[Stage, str] = {"data": TRAIN, "model": PREDICTIONS}


def remeasure_from(config: Config, records: Sequence[CubeRecord]) -> Remeasure | None:
    """Return what measures groupings again from these counts; None where the policy excludes nobody."""
    if not config.policy.least_rows:
        return None
    held: dict[Stage, dict[CubeKind, list[Cube]]] = {}

    def read_counts(stage: Stage) -> dict[CubeKind, list[Cube]]:
        if stage not in held:
            found: dict[CubeKind, list[Cube]] = {}
            for record in records:
                if record.part == PARTS[stage] and record.kind is not None:
                    found.setdefault(record.kind, []).append(to_cube(record))
            held[stage] = found
        return held[stage]

    def remeasure(stage: Stage, by: tuple[str, ...], without: frozenset[Group]) -> Estimates:
        from audit.measurement.measure import of_data, of_predictions
        from audit.pipeline.plans import make_scope, plan_data, plan_predictions

        scope = replace(make_scope(config), groups=by, intersections=len(by), excluded={by: without})
        if stage == "data":
            plan = plan_data(config)
            return of_data(read_counts(stage), scope, labelled=plan.label is not None, classes=plan.classes)
        return of_predictions(plan_predictions(config).task, read_counts(stage), scope)

    return remeasure
