"""DuckDB engine: one GROUP BY over a table, and every cube is a sum of its cells.

Raw values are grouped as they are and read into words afterwards, once a distinct value, so that the pass costs what
a GROUP BY costs. Must not: know a metric, a limit, or load rows into Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np

from audit.cube import Cube, from_cells
from audit.engines.counting import Counted, Plan
from audit.engines.labels import binary, is_missing, positive_class, typed
from audit.engines.levels import band_texts, level_text
from audit.engines.ordered import ordered_pairs
from audit.engines.refusals import refuse_columns, refuse_levels, refuse_sums
from audit.engines.regression import regression_counts
from audit.engines.scores import score_cubes
from audit.engines.sql import banded, fold, quoted
from audit.engines.tables import Table
from audit.errors import SourceError
from audit.grouping import FOLD, LABEL, LOSSES, NEGATIVE, ORDERED, POSITIVE, PREDICTION, SCORES, STRATUM, WITHIN_STRATA
from audit.value import Level

LOOKED_AT_ROWS = 20_000
"""Rows looked at first, so that a score given as a group is refused before the whole table is read."""
MOST_CELLS = 2_000_000


class DuckEngine:
    """Counts files and frames on this machine; Parquet is streamed."""

    def count(self, table: Table, plan: Plan) -> Counted:
        """Pass over the rows once and return the plan's cubes.

        Raises
        ------
        SourceError
            When a column is missing or the table cannot be read.
        ValuesError
            When labels, groups, weights or scores have no honest reading.
        """
        table.require(plan.columns)
        refuse_columns(table, plan)
        with connection() as con, table.reading():
            source = table.scan(con, plan.columns)
            self._look(con, source, table, plan)
            if plan.task == "regression":
                return regression_counts(con, source, table, plan)
            rows, sums = self._cells(con, source, table, plan)
            refuse_sums(sums, plan, table)
            counted = _counted(rows, sums, plan)
            if plan.score is None or plan.label is None or not plan.groups:
                return counted
            raw = [row[len(plan.groups) + len(plan.strata)] for row in rows]
            labels, _, _ = _label_readings(raw, sums["n"], plan)
            binned, lost = score_cubes(con, source, plan, labels)
            pairs = ordered_pairs(con, source, plan, labels) if plan.exact_auc else ()
        return replace(counted, further={**counted.further, SCORES: binned, LOSSES: lost, ORDERED: pairs})

    @staticmethod
    def _look(con: duckdb.DuckDBPyConnection, source: str, table: Table, plan: Plan) -> None:
        classes = () if plan.task == "regression" else (plan.label, plan.prediction)
        looked = [c for c in (*plan.groups, *plan.strata, *classes) if c is not None and c not in plan.bins]
        if not looked:
            return
        counts = ", ".join(f"count(DISTINCT {quoted(c)})" for c in looked)
        columns = ", ".join(quoted(c) for c in looked)
        found = con.execute(
            f"SELECT count(*), {counts} FROM (SELECT {columns} FROM {source} LIMIT {LOOKED_AT_ROWS})"  # noqa: S608
        ).fetchone() or (0,)
        refuse_levels(table, plan, int(found[0]), dict(zip(looked, map(int, found[1:]), strict=True)))

    @staticmethod
    def _cells(
        con: duckdb.DuckDBPyConnection, source: str, table: Table, plan: Plan
    ) -> tuple[list[tuple[Any, ...]], dict[str, np.ndarray]]:
        """Raw key of every cell, and the sums of each."""
        keys, sums = _keys(plan), _sums(plan)
        select = ", ".join(
            [*(f"{sql} AS k{i}" for i, sql in enumerate(keys)), *(f"{s} AS s_{n}" for n, s in sums.items())]
        )
        by = f"GROUP BY {', '.join(f'k{i}' for i in range(len(keys)))}" if keys else ""
        found = con.execute(f"SELECT {select} FROM {source} {by}").fetchmany(MOST_CELLS + 1)  # noqa: S608
        if len(found) > MOST_CELLS:
            raise SourceError(
                f"{table.name}: {' x '.join(plan.groups)} makes more than {MOST_CELLS:,} cells; "
                "bin or leave out the group column with the most levels"
            )
        columns = list(zip(*found, strict=True)) if found else [()] * (len(keys) + len(sums))
        arrays = {n: np.array(columns[len(keys) + i], dtype=np.float64) for i, n in enumerate(sums)}
        return [row[: len(keys)] for row in found], arrays


@contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Private in-memory DuckDB that loads no extension from the network and draws no progress bar."""
    con = duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    try:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET preserve_insertion_order = false")
        yield con
    finally:
        con.close()


def _keys(plan: Plan) -> list[str]:
    """SQL of each key: groups, then label, prediction and fold where there are any."""
    keys = [banded(c, plan.bins[c]) if c in plan.bins else quoted(c) for c in plan.groups]
    keys += [quoted(c) for c in plan.strata]
    if plan.label is not None:
        keys.append(quoted(plan.label))
    if plan.prediction is not None:
        keys.append(quoted(plan.prediction))
    elif plan.score is not None:
        keys.append(f"(CAST({quoted(plan.score)} AS DOUBLE) >= {plan.threshold!r})")
    if plan.unit is not None:
        keys.append(fold(plan.unit))
    return keys


def _sums(plan: Plan) -> dict[str, str]:
    sums = {"n": "count(*)"}
    if plan.weight is not None:
        w = f"CAST({quoted(plan.weight)} AS DOUBLE)"
        good = f"CASE WHEN isfinite({w}) AND {w} >= 0 THEN {w} ELSE 0 END"
        sums |= {
            "w": f"fsum({good})",
            "w2": f"fsum(({good}) * ({good}))",
            "weight_missing": f"count(*) FILTER ({w} IS NULL OR isnan({w}))",
            "weight_infinite": f"count(*) FILTER (isinf({w}))",
            "weight_negative": f"count(*) FILTER ({w} < 0)",
        }
    if plan.score is not None:
        s = f"CAST({quoted(plan.score)} AS DOUBLE)"
        sums |= {
            "score_missing": f"count(*) FILTER ({s} IS NULL OR isnan({s}))",
            "score_infinite": f"count(*) FILTER (isinf({s}))",
        }
    if plan.unit is not None:
        sums["unit_missing"] = f"count(*) FILTER ({quoted(plan.unit)} IS NULL)"
    return sums


def _counted(rows: list[tuple[Any, ...]], sums: Mapping[str, np.ndarray], plan: Plan) -> Counted:
    n = sums["n"].astype(np.int64)
    keys = _read_keys(rows, n, plan)
    measures = {k: sums[k].astype(np.float64) for k in ("w", "w2") if k in sums} | {"n": n}
    width = len(plan.groups)
    rest = [k for k in keys if k not in {*plan.groups, STRATUM}]
    cubes = tuple(_cube((*by, *rest), keys, measures) for by in plan.crossings)
    strata_cubes = tuple(_cube((c, STRATUM, *rest), keys, measures) for c in plan.groups) if plan.strata else ()
    missing = {c: np.array([level is None for level in keys[c]], dtype=bool) for c in plan.groups}
    nowhere = int(n[np.logical_and.reduce(list(missing.values()))].sum()) if width else 0
    reason = f"no value in {' or '.join(plan.groups)}"
    return Counted(
        cubes=cubes,
        further={WITHIN_STRATA: strata_cubes},
        rows_read=int(n.sum()),
        rows_excluded={reason: nowhere} if nowhere else {},
        rows_without_group={c: int(n[m].sum()) for c, m in missing.items() if m.any()},
    )


def _cube(names: tuple[str, ...], keys: Mapping[str, list[Level]], measures: Mapping[str, np.ndarray]) -> Cube:
    return from_cells(names, list(zip(*(keys[k] for k in names), strict=True)), measures)


def _read_keys(rows: list[tuple[Any, ...]], n: np.ndarray, plan: Plan) -> dict[str, list[Level]]:
    """Every key as words: groups by name, label and prediction as 0 and 1, folds as numbers."""
    columns = iter(list(zip(*rows, strict=True)))
    keys: dict[str, list[Level]] = {}
    for name in plan.groups:
        bands = band_texts(plan.bins[name]) if name in plan.bins else None
        keys[name] = [level_text(v, bands) for v in next(columns)]
    if plan.strata:
        joint = zip(*(next(columns) for _ in plan.strata), strict=True)
        keys[STRATUM] = [" x ".join(level_text(v) or "(missing)" for v in values) for values in joint]
    if plan.label is not None:
        raw = list(next(columns))
        labels, positive, allowed = _label_readings(raw, n, plan)
        keys[LABEL] = [labels[v] for v in raw]
        if plan.prediction is not None:
            raw = list(next(columns))
            role = f"prediction '{plan.prediction}'"
            predictions = binary(_totals(raw, n), positive, role, allowed)
            keys[PREDICTION] = [predictions[v] for v in raw]
    elif plan.prediction is not None:
        raw = list(next(columns))
        role = f"prediction '{plan.prediction}'"
        positive = positive_class(set(typed(raw, role).values()), plan.positive, role)
        predictions = binary(_totals(raw, n), positive, role)
        keys[PREDICTION] = [predictions[v] for v in raw]
    if plan.prediction is None and plan.score is not None:
        keys[PREDICTION] = [POSITIVE if v else NEGATIVE for v in next(columns)]
    if plan.unit is not None:
        keys[FOLD] = [str(v) for v in next(columns)]
    return keys


def _label_readings(raw: list[Any], n: np.ndarray, plan: Plan) -> tuple[dict[Any, str], Any, set[Any]]:
    role = f"label '{plan.label}'"
    totals = _totals(raw, n)
    if len(totals) > 0 and any(is_missing(v) for v in totals):
        binary(totals, None, role)
    read = set(typed(raw, role).values())
    positive = positive_class(read, plan.positive, role)
    allowed = read | {positive} | ({0, 1} if read <= {0, 1} else set())
    return binary(totals, positive, role), positive, allowed


def _totals(raw: list[Any], n: np.ndarray) -> dict[Any, int]:
    totals: dict[Any, int] = {}
    for value, rows in zip(raw, n.tolist(), strict=True):
        key = None if is_missing(value) else value
        totals[key] = totals.get(key, 0) + rows
    return totals
