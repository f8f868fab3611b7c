"""Numeric labels and predictions, counted into the sums that errors and their intervals need.

One row a group (and fold), plus predictions in bins for the distance between distributions. Labels and predictions are
summed from an origin near the labels' mean, so that squares keep their digits; the origin is written into the cube as
an axis of one level. Must not: know a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from audit.cube import Cube, from_cells
from audit.engines.counting import Counted, Plan
from audit.engines.levels import band_texts, level_text
from audit.engines.refusals import refuse_sums
from audit.engines.sql import fold, group, number, quoted, refused_weights
from audit.engines.tables import Table
from audit.errors import SourceError, ValuesError, printable
from audit.grouping import BINNED, FOLD, ORIGIN, PREDICTION
from audit.value import Level

MOST_VALUES, SLICES = 200, 200
MOST_CELLS = 500_000
SMALLEST, LARGEST = 1e-30, 1e35
"""Size of the largest label or prediction; eighth powers of what lies outside would leave the floating numbers."""
ORIGIN_DIGITS = 9


def regression_counts(con: Any, source: str, table: Table, plan: Plan) -> Counted:
    """Sums by group (and fold) for every crossing, and predictions by group and bin.

    Parameters
    ----------
    con, source
        Connection, and what to put after FROM.
    table
        Named in refusals.
    plan
        With a numeric label and prediction.

    Raises
    ------
    ValuesError
        When a label, a prediction or a weight is missing, infinite or out of range.
    """
    y, p = (number(name or "") for name in (plan.label, plan.prediction))
    seen = _seen(con, source, plan, y, p)
    refuse_sums({k: np.array([v or 0]) for k, v in seen.items()}, plan, table)
    _refuse_sizes(seen, plan)
    origin = float(f"{seen['total'] / seen['n']:.{ORIGIN_DIGITS}g}")
    keys = [group(name, plan) for name in plan.groups]
    keys += [fold(plan.unit)] if plan.unit is not None else []
    rows, sums = _cells(
        con, source, plan, keys, _sums(plan, f"({y} - {origin!r})", f"({p} - {origin!r})", f"({p} - {y})")
    )
    levels = {name: _levels(rows, i, name, plan) for i, name in enumerate(plan.groups)}
    if plan.unit is not None:
        levels[FOLD] = [str(row[len(plan.groups)]) for row in rows]
    levels[ORIGIN] = [repr(origin)] * len(rows)
    rest = [k for k in (FOLD, ORIGIN) if k in levels]
    cubes = tuple(_cube((*by, *rest), levels, sums) for by in plan.crossings)
    binned = tuple(_binned(con, source, plan, name, p, seen) for name in plan.groups)
    return _counted(cubes, binned, levels, sums["n"], plan)


def _seen(con: Any, source: str, plan: Plan, y: str, p: str) -> dict[str, Any]:
    """Counts of what is refused, and the range of what is left."""
    asked = {
        "n": "count(*)",
        "label_missing": f"count(*) FILTER ({y} IS NULL OR isnan({y}))",
        "label_infinite": f"count(*) FILTER (isinf({y}))",
        "prediction_missing": f"count(*) FILTER ({p} IS NULL OR isnan({p}))",
        "prediction_infinite": f"count(*) FILTER (isinf({p}))",
        "low": f"min({p})",
        "high": f"max({p})",
        "label_size": f"max(abs({y}))",
        "prediction_size": f"max(abs({p}))",
        "total": f"fsum(CASE WHEN isfinite({y}) THEN {y} END)",
    }
    if plan.weight is not None:
        asked |= refused_weights(plan.weight)
    if plan.unit is not None:
        asked["unit_missing"] = f"count(*) FILTER ({quoted(plan.unit)} IS NULL)"
    found = con.execute(f"SELECT {', '.join(asked.values())} FROM {source}").fetchone()  # noqa: S608
    return dict(zip(asked, found, strict=True))


def _refuse_sizes(seen: Mapping[str, Any], plan: Plan) -> None:
    for role, name in (("label", plan.label), ("prediction", plan.prediction)):
        size = float(seen[f"{role}_size"])
        if size and not SMALLEST <= size <= LARGEST:
            raise ValuesError(
                f"{role} '{printable(name)}' is up to {size:.2g} in size, outside {SMALLEST:g} to {LARGEST:g}, where "
                "squares cannot be summed; give it in another unit"
            )


def _cells(
    con: Any, source: str, plan: Plan, keys: Sequence[str], sums: Mapping[str, str]
) -> tuple[list[tuple[Any, ...]], dict[str, np.ndarray]]:
    """Raw key of every cell, and the sums of each."""
    select = ", ".join([*(f"{k} AS k{i}" for i, k in enumerate(keys)), *sums.values()])
    by = f"GROUP BY {', '.join(f'k{i}' for i in range(len(keys)))}" if keys else ""
    found = con.execute(f"SELECT {select} FROM {source} {by}").fetchmany(MOST_CELLS + 1)  # noqa: S608
    if len(found) > MOST_CELLS:
        raise SourceError(
            f"{' x '.join(map(printable, plan.groups))} makes more than {MOST_CELLS:,} cells; "
            "bin or leave out the group column with the most levels"
        )
    columns = list(zip(*found, strict=True))[len(keys) :]
    values = {k: np.array(c, dtype=np.float64) for k, c in zip(sums, columns, strict=True)}
    if not all(np.isfinite(v).all() for v in values.values()):
        raise ValuesError(
            f"weights '{printable(plan.weight)}' are so large that their powers cannot be summed; rescale them"
        )
    return found, values | {"n": values["n"].astype(np.int64)}


def _sums(plan: Plan, y: str, p: str, e: str) -> dict[str, str]:
    """SQL of every sum: first moments with weights, and products with squared weights for their variances."""
    weight = number(plan.weight) if plan.weight is not None else "1"
    square = f"{weight} * {weight}"
    sums = {"n": "count(*)"}
    if plan.weight is not None:
        sums |= {"w": f"fsum({weight})", "w2": f"fsum({square})"}
    values = {"error": e, "absolute": f"abs({e})", "square": f"{e} * {e}", "prediction": p}
    for name, value in values.items():
        sums[name] = f"fsum({weight} * {value})"
        sums[f"{name}_w2"] = f"fsum({square} * {value})"
        sums[f"{name}_w2x"] = f"fsum({square} * ({value}) * ({value}))"
    sums["w4"] = f"fsum({square} * {square})"
    sums |= {f"size{k}_w4": f"fsum({square} * {square} * {' * '.join([f'abs({e})'] * k)})" for k in (1, 2, 3, 4, 6, 8)}
    sums |= {"y": f"fsum({weight} * {y})", "yy": f"fsum({weight} * {y} * {y})"}
    for power in range(1, 5):
        sums[f"y{power}_w2"] = f"fsum({square} * {' * '.join([y] * power)})"
    sums |= {f"square_y{power}_w2": f"fsum({square} * {e} * {e} * {' * '.join([y] * power)})" for power in (1, 2)}
    return sums


def _levels(rows: Sequence[tuple[Any, ...]], at: int, name: str, plan: Plan) -> list[Level]:
    bands = band_texts(plan.bins[name]) if name in plan.bins else None
    return [level_text(row[at], bands) for row in rows]


def _cube(names: tuple[str, ...], levels: Mapping[str, list[Level]], sums: Mapping[str, np.ndarray]) -> Cube:
    return from_cells(names, list(zip(*(levels[k] for k in names), strict=True)), sums)


def _binned(con: Any, source: str, plan: Plan, name: str, p: str, seen: Mapping[str, Any]) -> Cube:
    """Predictions of each group by bin: a value where there are few, otherwise an equal slice of the range."""
    low, high = float(seen["low"]), float(seen["high"])
    few = f"SELECT DISTINCT {p} FROM {source} LIMIT {MOST_VALUES + 1}"  # noqa: S608
    exact = len(con.execute(few).fetchall()) <= MOST_VALUES
    width = (high - low) / SLICES
    at = p if exact else f"least(floor(({p} - {low!r}) / {width!r}), {SLICES - 1})"
    weight = number(plan.weight) if plan.weight is not None else "1"
    sums = {"n": "count(*)"}
    if plan.weight is not None:
        sums |= {"w": f"fsum({weight})"}
    sums["prediction"] = f"fsum({weight} * {p})"
    rows, values = _cells(con, source, plan, [group(name, plan), at], sums)
    edges = [*(low + i * width for i in range(SLICES)), high]
    texts = [repr(float(r[1])) if exact else f"[{edges[int(r[1])]!r}, {edges[int(r[1]) + 1]!r})" for r in rows]
    return _cube((name, PREDICTION), {name: _levels(rows, 0, name, plan), PREDICTION: [*texts]}, values)


def _counted(
    cubes: tuple[Cube, ...], binned: tuple[Cube, ...], levels: Mapping[str, list[Level]], n: np.ndarray, plan: Plan
) -> Counted:
    missing = {c: np.array([level is None for level in levels[c]], dtype=bool) for c in plan.groups}
    nowhere = int(n[np.logical_and.reduce(list(missing.values()))].sum()) if plan.groups else 0
    reason = f"no value in {' or '.join(plan.groups)}"
    return Counted(
        cubes=cubes,
        further={BINNED: binned},
        rows_read=int(n.sum()),
        rows_excluded={reason: nowhere} if nowhere else {},
        rows_without_group={c: int(n[m].sum()) for c, m in missing.items() if m.any()},
    )
