"""Two runs about the same rows: their predictions are joined by what names a row, and compared as pairs.

Must not: pair tables other than those that were audited, or leave out a row without a word.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from audit._version import __version__
from audit.config.read import build, read_question
from audit.config.schema import Config
from audit.counting.backends.choose import open_source
from audit.counting.backends.duckdb import DuckEngine
from audit.errors import InputError, QuestionError, SourceError, printable
from audit.pipeline.plans import plan_predictions
from audit.pipeline.records import record_question
from audit.pipeline.stages import Findings, audit_model
from audit.record.result import AuditResult, Part, Run
from audit.tables.addresses import hide_secrets, is_address
from audit.tables.open import open_frame
from audit.tables.table import Table, quote_identifier

TIME = "%Y-%m-%dT%H:%M:%SZ"
EARLIER, NEW = "decision of the earlier run", "decision of the new run"
"""Columns of the decisions of the two runs; no table of a user has a column of that name."""


class PairedRuns(NamedTuple):
    """What changed from one run to another, row by row."""

    result: AuditResult
    key: str
    rows: int
    """Rows that both runs have."""
    only_old: int
    only_new: int
    unlike: Mapping[str, int]
    """Rows of which the label, or a group, is another one in each run, by its column."""


def can_be_paired(old: AuditResult, new: AuditResult) -> bool:
    """Return whether both runs name their rows by the same column."""
    keys = [(result.question.config.get("data") or {}).get("key") for result in (old, new)]
    return keys[0] is not None and keys[0] == keys[1]


def pair_runs(old: AuditResult, new: AuditResult, folders: Sequence[Path] = ()) -> PairedRuns:
    """Compare the decisions of two runs about the same rows; labels, groups and weights are those of the new run.

    Parameters
    ----------
    old, new
        The runs.
    folders
        Where their tables may lie beside this folder, because a record keeps no folder.

    Raises
    ------
    InputError
        When a table is gone or has changed, its rows have no key of their own, or the runs have no row in common.
    """
    before, after = read_question(old), read_question(new)
    if before.predictions is None or after.predictions is None or after.predictions.task != "classification":
        raise QuestionError("only predictions of two classes are compared row by row")
    if "median" in {before.predictions.threshold, after.predictions.threshold}:
        raise QuestionError("a median threshold is another one in every table, so that decisions are not compared")
    key, plan = str(after.data.key), plan_predictions(after)
    wanted = [c for c in plan.columns if c not in {after.predictions.prediction, after.predictions.score}]
    told = {c for c in (before.predictions_label, *before.data.groups) if c is not None}
    shared = [c for c in dict.fromkeys((after.predictions_label, *after.data.groups)) if c in told and c != key]
    columns = tuple(dict.fromkeys((key, *wanted)))
    tables = _open(old, before, folders), _open(new, after, folders)
    rows = [_read(tables[0], before, (key, *shared), EARLIER), _read(tables[1], after, columns, NEW)]
    joined, counts = _join(rows[0], rows[1], key)
    unlike = _count_unlike(rows[0], rows[1], key, shared)
    return PairedRuns(_audit_joined(joined, after), key, *counts, unlike)


def _audit_joined(joined: Any, after: Config) -> AuditResult:
    """Return what changed in the rows of both runs, by the question of the new one."""
    asked = after.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    data = {k: v for k, v in asked.get("data", {}).items() if k not in {"source", "test", "prepare", "csv", "strata"}}
    decided = {"source": "memory", "prediction": NEW, "against": EARLIER}
    label = None if after.predictions is None else after.predictions.label
    config = build(
        {
            "data": data,
            "predictions": decided | ({} if label is None else {"label": label}),
            "policy": {"confidence": after.policy.confidence},
            "publish": asked.get("publish", {}),
        },
        "the two runs",
    )
    found, started = Findings(), dt.datetime.now(dt.UTC)
    audit_model(open_frame(joined, "rows of both runs"), config, found, nullcontext)
    ended = dt.datetime.now(dt.UTC)
    run = Run(
        id=f"memory-{secrets.token_hex(4)}",
        started=f"{started:{TIME}}",
        finished=f"{ended:{TIME}}",
        version=__version__,
    )
    return AuditResult(
        run=run,
        question=record_question(config),
        verdict="not judged",
        data=tuple(found.data),
        cubes=tuple(found.cubes),
        estimates=found.estimates,
        checks=tuple(found.checks),
    )


def _read(table: Table, config: Config, columns: tuple[str, ...], name: str) -> Any:
    """Read the columns of the table that a run audited, its decisions under a name."""
    asked = config.predictions
    decision = "" if asked is None else asked.prediction or asked.score or ""
    taken = quote_identifier(decision)
    if asked is not None and asked.prediction is None:
        taken = f"CAST({taken} >= {float(asked.threshold)!r} AS INTEGER)"
    table.require((*columns, decision))
    with DuckEngine().scan(table, (*columns, decision)) as scan:
        listed = ", ".join(map(quote_identifier, columns))
        return scan.con.sql(f"SELECT {listed}, {taken} AS {quote_identifier(name)} FROM {scan.source}").to_arrow_table()  # noqa: S608


def _open(result: AuditResult, config: Config, folders: Sequence[Path]) -> Table:
    """Open the table of predictions of a run, as it was audited, from the first folder that has it so."""
    source = config.predictions_source
    part: Part | None = next((part for part in result.data if part.part == "predictions"), None)
    if source is None or part is None or part.digest is None:
        raise SourceError(f"run {printable(result.run.id)} did not keep which table it audited")
    if is_address(source):
        raise SourceError(f"{hide_secrets(source)} is an address, and only files here are read again; keep a copy")
    there = [folder for folder in dict.fromkeys((*folders, Path())) if (folder / source).exists()] or [Path()]
    for folder in there:
        table = open_source(source, folder=folder, dialect=config.dialect(source))
        if table.digest == part.digest:
            return table
    raise SourceError(f"{printable(source)} has changed since run {printable(result.run.id)} audited it")


def _join(old: Any, new: Any, key: str) -> tuple[Any, tuple[int, int, int]]:
    """Return the rows of both tables, and how many there are in both and in each alone."""
    import duckdb

    named, same = quote_identifier(key), _match_keys(old, new, key)
    with duckdb.connect() as con:
        for name, rows in (("old_rows", old), ("new_rows", new)):
            con.register(name, rows)
            twice, missing = _require_one(con, name, named)
            if twice or missing:
                have = "row has" if missing == 1 else "rows have"
                repeat = "row repeats" if twice == 1 else "rows repeat"
                what = f"{missing:,} {have} none" if missing else f"{twice:,} {repeat} that of another row"
                raise InputError(f"key '{printable(key)}' does not name one row: {what}")
        taken = f"n.*, o.{quote_identifier(EARLIER)}"
        joined = con.sql(f"SELECT {taken} FROM new_rows n JOIN old_rows o ON {same}").to_arrow_table()  # noqa: S608
    both = joined.num_rows
    if not both:
        raise InputError(f"the two runs have no row in common by '{printable(key)}'")
    return joined, (both, old.num_rows - both, new.num_rows - both)


def _match_keys(old: Any, new: Any, key: str) -> str:
    """Return SQL that is true where two rows have one key; where it is text in one run alone, by how it is written."""
    import pyarrow.types as t

    kinds = [rows.schema.field(key).type for rows in (old, new)]
    sides = [f"{row}.{quote_identifier(key)}" for row in ("n", "o")]
    if kinds[0] != kinds[1] and not all(t.is_integer(k) or t.is_floating(k) or t.is_decimal(k) for k in kinds):
        sides = [f"CAST({side} AS VARCHAR)" for side in sides]
    return " = ".join(sides)


def _count_unlike(old: Any, new: Any, key: str, columns: Sequence[str]) -> dict[str, int]:
    """Return in how many common rows each column has another value; columns with none are left out."""
    import duckdb

    if not columns:
        return {}
    differ = ", ".join(f"count(*) FILTER ({_compare_values(quote_identifier(c))})" for c in columns)
    with duckdb.connect() as con:
        con.register("old_rows", old)
        con.register("new_rows", new)
        asked = f"SELECT {differ} FROM new_rows n JOIN old_rows o ON {_match_keys(old, new, key)}"  # noqa: S608
        (counts,) = con.sql(asked).fetchall()
    return {column: int(count) for column, count in zip(columns, counts, strict=True) if count}


def _compare_values(column: str) -> str:
    """Return SQL that is true where two values differ; numbers and truth values are compared as numbers."""
    texts = [f"CAST({row}.{column} AS VARCHAR)" for row in ("n", "o")]
    truths = [f"CASE lower({text}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END" for text in texts]
    numbers = [f"coalesce(TRY_CAST({text} AS DOUBLE), {truth})" for text, truth in zip(texts, truths, strict=True)]
    both = " AND ".join(f"{number} IS NOT NULL" for number in numbers)
    return f"CASE WHEN {both} THEN {' <> '.join(numbers)} ELSE {' IS DISTINCT FROM '.join(texts)} END"


def _require_one(con: Any, name: str, named: str) -> tuple[int, int]:
    """Count rows of a table whose key another row has too, and rows without one."""
    found = con.sql(f"SELECT count({named}) - count(DISTINCT {named}), count(*) - count({named}) FROM {name}")  # noqa: S608
    ((twice, missing),) = found.fetchall()
    return int(twice), int(missing)


def describe_pairing(found: PairedRuns) -> str:
    """Return how many rows were compared, and which were not."""
    alone = [f"{n:,} only in the {which}" for n, which in ((found.only_old, "first"), (found.only_new, "second")) if n]
    rest = f"; {' and '.join(alone)}" if alone else ""
    unlike = [f"{printable(column)} is another in {count:,} of them" for column, count in found.unlike.items()]
    used = f"; {', '.join(unlike)}, and that of the second run is used" if unlike else ""
    return f"Row by row, by {printable(found.key)} ({found.rows:,} rows in both runs{used}{rest})"
