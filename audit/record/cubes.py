"""Cubes and questions in the plain form that a result keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from audit.config.schema import Config
from audit.counting.budget import MOST_LAID_OUT
from audit.counting.plan import Counted
from audit.credentials import without_credentials
from audit.cube import Axis, Cube
from audit.errors import StoreError, printable
from audit.record.result import Axis as AxisRecord
from audit.record.result import Column, CubeRecord, Part, Question
from audit.record.serialize import plain_of
from audit.system.recorded_command import recorded_words
from audit.tables.addresses import file_name, public
from audit.tables.table import Table

MOST_ROWS = 2**53
SOURCES = (("data", "source"), ("data", "test"), ("predictions", "source"))
"""Where a question names tables."""
COMMANDS = (("data", "prepare"), ("train", "command"))
"""Where it has commands, whose arguments may be secrets."""


def cube_record(name: str, cube: Cube) -> CubeRecord:
    """Non-empty cells in coordinate form."""
    filled = np.asarray(cube["n"] > 0)
    at = np.argwhere(filled)
    # A mask takes the one cell of a cube without axes too; indices would take it out of its array.
    measures = {k: tuple(float(x) for x in np.asarray(v)[filled]) for k, v in cube.measures.items()}
    axes = tuple(AxisRecord(name=a.name, levels=a.levels) for a in cube.axes)
    return CubeRecord(name=name, axes=axes, cells=tuple(tuple(int(i) for i in c) for c in at), measures=measures)


def cube_of(record: CubeRecord) -> Cube:
    """The cube that a record was made from.

    Raises
    ------
    StoreError
        When no counts can be what the record says.
    """
    require_counts(record)
    axes = [Axis(a.name, a.levels) for a in record.axes]
    shape = [len(a.levels) for a in axes]
    index = tuple(np.array(record.cells, dtype=np.intp).reshape(len(record.cells), len(axes)).T)
    # One axis more, of one level, or a cube without axes would have no place for a list of cells.
    first = np.zeros(len(record.cells), dtype=np.intp)
    measures = {}
    for name, values in record.measures.items():
        out = np.zeros((1, *shape), dtype=np.int64 if name == "n" else np.float64)
        out[first, *index] = values
        measures[name] = out.reshape(shape)
    return Cube(axes, measures)


def require_counts(record: CubeRecord) -> None:
    """Refuse a record that no run wrote: cells that no axis has, a cell twice, rows that are no whole number above 0.

    Raises
    ------
    StoreError
        With the cube and what is wrong with it.
    """
    amiss = _amiss(record)
    if amiss:
        raise StoreError(f"cubes: '{printable(record.name)}' {amiss}; restore the document")


def _amiss(record: CubeRecord) -> str:
    """Why a record can be no cube; empty where it can. What comes later rests on what comes first."""
    shape = [len(a.levels) for a in record.axes]
    amiss = _axes_amiss(record) or _cells_amiss(record, shape)
    if amiss:
        return amiss
    if "n" not in record.measures or any(len(values) != len(record.cells) for values in record.measures.values()):
        return "has not a number of rows for each of its cells"
    if not all(0 < n <= MOST_ROWS and float(n).is_integer() for n in record.measures["n"]):
        return "has a cell whose rows are no whole number above 0"
    return ""


def _axes_amiss(record: CubeRecord) -> str:
    names = [a.name for a in record.axes]
    if len(set(names)) < len(names) or any(len(set(a.levels)) < len(a.levels) for a in record.axes):
        return "has an axis, or a level of one, twice"
    return f"has more than {MOST_LAID_OUT:,} places" if prod(len(a.levels) for a in record.axes) > MOST_LAID_OUT else ""


def _cells_amiss(record: CubeRecord, shape: Sequence[int]) -> str:
    if any(len(cell) != len(shape) for cell in record.cells):
        return f"has cells that are not on its {len(shape)} axes"
    axes = zip(zip(*record.cells, strict=True), shape, strict=bool(record.cells))
    if any(min(at) < 0 or max(at) >= size for at, size in axes):
        return "has cells at levels that its axes do not have"
    return "has a cell twice" if len(set(record.cells)) < len(record.cells) else ""


def part_record(part: str, table: Table, counted: Counted, columns: tuple[str, ...]) -> Part:
    """Account of one table. A source is named by its file: whose folder it lies in is nobody's business."""
    return Part(
        part=part,
        source=file_name(table.name),
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
    """Resolved configuration with its digest; what may be a secret is not in it, and the digest is of what is.

    Of an address its place is kept, and of a command the program and the names of options, unless the question asks for
    the values as well.
    """
    plain = config.model_dump(mode="json", exclude_none=True) if isinstance(config, Config) else dict(config)
    for section, key in SOURCES:
        named = plain[section].get(key) if isinstance(plain.get(section), dict) else None
        if named is not None:
            said = public(named) if isinstance(named, str) else [public(name) for name in named]
            plain[section] = {**plain[section], key: said}
    if (told := (plain.get("dataset") or {}).get("url")) is not None:
        plain["dataset"] = {**plain["dataset"], "url": without_credentials(told)}
    if not (plain.get("train") or {}).get("record_arguments"):
        for section, key in COMMANDS:
            words = plain[section].get(key) if isinstance(plain.get(section), dict) else None
            if words is not None:
                plain[section] = {**plain[section], key: list(recorded_words(words))}
    return Question(digest=digest_of(plain), config=plain)


def digest_of(question: Mapping[str, Any]) -> str:
    """SHA-256 of a question as its document writes it, so that whoever holds the document alone can compute it."""
    text = json.dumps(plain_of(question), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
