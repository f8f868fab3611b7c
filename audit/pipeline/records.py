"""What a document keeps of a question and of a table, and a grouping of it measured again from its counts.

Must not: read rows, or judge.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from audit.axes import CubeKind
from audit.config.schema import Config
from audit.errors import without_credentials
from audit.estimate import Group, Stage
from audit.gates.small_groups import Remeasure
from audit.measurement.estimates import Estimates
from audit.record.cubes import PREDICTIONS, TRAIN, CubeRecord, to_cube
from audit.record.result import Column, Part, Question
from audit.record.serialize import to_plain
from audit.system.recorded_command import record_words
from audit.tables.addresses import hide_secrets, strip_place
from audit.tables.table import Table

if TYPE_CHECKING:
    # These load numpy, and a recorded run is mostly judged without it.
    from audit.counting.plan import Counted
    from audit.cube import Cube

SOURCES = (("data", "source"), ("data", "test"), ("predictions", "source"))
"""Where a question names tables."""
COMMANDS = (("data", "prepare"), ("train", "command"))
"""Where it has commands, whose arguments may be secrets."""
PARTS: dict[Stage, str] = {"data": TRAIN, "model": PREDICTIONS}


def record_part(part: str, table: Table, counted: Counted, columns: tuple[str, ...]) -> Part:
    """Return the account of one table. A source is named by its file, without the folder it lies in."""
    return Part(
        part=part,
        source=strip_place(table.name),
        digest=table.digest,
        rows_read=counted.rows_read,
        rows_used=counted.rows_used,
        rows_excluded=counted.rows_excluded,
        rows_without_group=counted.rows_without_group,
        score_median=counted.median,
        undigested=table.undigested if table.digest is None else None,
        columns=tuple(Column(name=c, kind=table.columns[c]) for c in columns),
    )


def record_question(config: Config | Mapping[str, Any]) -> Question:
    """Return resolved configuration with its digest; what may be a secret is not in it, and the digest is of what is.

    Of an address its place is kept, and of a command the program and the names of options, unless the question asks for
    the values as well.
    """
    plain = config.model_dump(mode="json", exclude_none=True) if isinstance(config, Config) else dict(config)
    for section, key in SOURCES:
        named = plain[section].get(key) if isinstance(plain.get(section), dict) else None
        if named is not None:
            said = hide_secrets(named) if isinstance(named, str) else [hide_secrets(name) for name in named]
            plain[section] = {**plain[section], key: said}
    if (told := (plain.get("dataset") or {}).get("url")) is not None:
        plain["dataset"] = {**plain["dataset"], "url": without_credentials(told)}
    if not (plain.get("train") or {}).get("record_arguments"):
        for section, key in COMMANDS:
            words = plain[section].get(key) if isinstance(plain.get(section), dict) else None
            if words is not None:
                plain[section] = {**plain[section], key: list(record_words(words))}
    return Question(digest=digest_of(plain), config=plain)


def digest_of(question: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a question as its document writes it, so that the document alone suffices to compute it."""
    text = json.dumps(to_plain(question), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


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
        return measure_grouping(config, stage, read_counts(stage), by, without)

    return remeasure


def measure_grouping(
    config: Config,
    stage: Stage,
    counts: Mapping[CubeKind, Sequence[Cube]],
    by: tuple[str, ...],
    without: frozenset[Group] = frozenset(),
    metrics: frozenset[str] = frozenset(),
    compares: frozenset[str] = frozenset(),
) -> Estimates:
    """Return what is measured of one grouping alone, as if nobody of the groups ``without`` had been counted.

    Of rates and of changes only those of ``metrics``, where these are named, and only what limits rest on:
    of changes the comparisons of ``compares``, where these are named too.
    """
    from audit.measurement.measure import of_data, of_predictions
    from audit.pipeline.plans import make_scope, plan_data, plan_predictions

    scope = replace(make_scope(config), groups=by, intersections=len(by), excluded={by: without})
    scope = replace(scope, metrics=metrics, compares=compares)
    if stage == "data":
        plan = plan_data(config)
        return of_data(counts, scope, labelled=plan.label is not None, classes=plan.classes)
    return of_predictions(plan_predictions(config).task, counts, scope)
