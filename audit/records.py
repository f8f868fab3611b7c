"""Cubes and questions in the plain form that a result keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from audit.config.schema import Config
from audit.cube import Axis, Cube
from audit.engines.address_names import public
from audit.engines.counting import Counted
from audit.engines.tables import Table
from audit.result import Axis as AxisRecord
from audit.result import Column, CubeRecord, Part, Question

SOURCES = (("data", "source"), ("data", "test"), ("predictions", "source"))
"""Where a question names tables."""


def cube_record(name: str, cube: Cube) -> CubeRecord:
    """Non-empty cells in coordinate form."""
    at = np.argwhere(cube["n"] > 0)
    measures = {k: tuple(float(x) for x in v[tuple(at.T)]) for k, v in cube.measures.items()}
    axes = tuple(AxisRecord(name=a.name, levels=a.levels) for a in cube.axes)
    return CubeRecord(name=name, axes=axes, cells=tuple(tuple(int(i) for i in c) for c in at), measures=measures)


def cube_of(record: CubeRecord) -> Cube:
    """The cube that a record was made from."""
    axes = [Axis(a.name, a.levels) for a in record.axes]
    shape = [len(a.levels) for a in axes]
    index = tuple(np.array(record.cells, dtype=np.intp).reshape(len(record.cells), len(axes)).T)
    measures = {}
    for name, values in record.measures.items():
        out = np.zeros(shape, dtype=np.int64 if name == "n" else np.float64)
        out[index] = values
        measures[name] = out
    return Cube(axes, measures)


def part_record(part: str, table: Table, counted: Counted, columns: tuple[str, ...]) -> Part:
    """Account of one table. A source is named by its last two path parts: a home folder is nobody's business."""
    return Part(
        part=part,
        source="/".join(Path(table.name).parts[-2:]) or table.name,
        digest=table.digest,
        rows_read=counted.rows_read,
        rows_used=counted.rows_used,
        rows_excluded=counted.rows_excluded,
        rows_without_group=counted.rows_without_group,
        score_median=counted.median,
        undigested=table.undigested if table.digest is None else None,
        columns=tuple(Column(name=c, kind=table.columns[c]) for c in columns),
    )


def question_record(config: Config | Mapping[str, Any]) -> Question:
    """Resolved configuration with its digest; of an address its place alone, as the rest may be a secret."""
    plain = config.model_dump(mode="json", exclude_none=True) if isinstance(config, Config) else dict(config)
    for section, key in SOURCES:
        named = plain[section].get(key) if isinstance(plain.get(section), dict) else None
        if named is not None:
            said = public(named) if isinstance(named, str) else [public(name) for name in named]
            plain[section] = {**plain[section], key: said}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return Question(digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", config=plain)
