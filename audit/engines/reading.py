"""From the raw cells of a tally to cubes in words: groups by name, label and prediction as 0 and 1, folds as numbers.

Must not: know an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from audit.cube import Cube
from audit.engines.budget import laid_out
from audit.engines.classes import class_names
from audit.engines.counting import Counted, Plan
from audit.engines.keys import REACHED
from audit.engines.labels import binary, is_missing, positive_class, typed
from audit.engines.levels import band_texts, level_text
from audit.engines.tally import Cell, Tally
from audit.grouping import DECIDED, FOLD, LABEL, NEGATIVE, POSITIVE, PREDICTION, STRATUM, WITHIN_STRATA
from audit.value import Level


def read(tally: Tally, plan: Plan) -> Counted:
    """Cubes of every crossing, and the account of rows."""
    n = tally.array("n")
    keys = _read_keys(tally.cells, n, plan)
    measures = {k: tally.array(k) for k in ("w", "w2") if k in tally.totals} | {"n": n}
    width = len(plan.groups)
    rest = [k for k in keys if k not in {*plan.groups, STRATUM}]
    cubes = tuple(_cube((*by, *rest), keys, measures, plan) for by in plan.crossings)
    strata_cubes = tuple(_cube((c, STRATUM, *rest), keys, measures, plan) for c in plan.groups) if plan.strata else ()
    missing = {c: np.array([level is None for level in keys[c]], dtype=bool) for c in plan.groups}
    nowhere = int(n[np.logical_and.reduce(list(missing.values()))].sum()) if width else 0
    reason = f"no value in {' or '.join(plan.groups)}"
    return Counted(
        cubes=cubes,
        further={WITHIN_STRATA: strata_cubes, DECIDED: _decided(keys, tally, plan)},
        rows_read=int(n.sum()),
        rows_excluded={reason: nowhere} if nowhere else {},
        rows_without_group={c: int(n[m].sum()) for c, m in missing.items() if m.any()},
        median=plan.median,
    )


def label_words(tally: Tally, plan: Plan) -> dict[Any, str]:
    """Reading of each raw label, 0 or 1."""
    return _label_readings(tally.column(LABEL), tally.array("n"), plan)[0]


def prediction_words(tally: Tally, plan: Plan) -> dict[Any, str]:
    """Reading of each raw prediction, or of whether a score reaches the threshold, 0 or 1."""
    levels = _read_keys(tally.cells, tally.array("n"), plan)[PREDICTION]
    return {raw: str(level) for raw, level in zip(tally.column(PREDICTION), levels, strict=True)}


def _decided(keys: Mapping[str, list[Level]], tally: Tally, plan: Plan) -> tuple[Cube, ...]:
    """Predictions beside what score and threshold decide, a cube for each group column, where both are given."""
    if REACHED not in tally.counts:
        return ()
    reached = tally.array(REACHED)
    n = np.concatenate([reached, tally.array("n") - reached])
    doubled: dict[str, list[Level]] = {name: [*levels, *levels] for name, levels in keys.items()}
    doubled[DECIDED] = [*[POSITIVE] * len(reached), *[NEGATIVE] * len(reached)]
    each: list[tuple[str, ...]] = [(c,) for c in plan.groups] or [()]
    return tuple(_cube((*by, PREDICTION, DECIDED), doubled, {"n": n}, plan) for by in each)


def _cube(
    names: tuple[str, ...], keys: Mapping[str, list[Level]], measures: Mapping[str, np.ndarray], plan: Plan
) -> Cube:
    return laid_out(names, list(zip(*(keys[k] for k in names), strict=True)), measures, plan)


def _read_keys(rows: tuple[Cell, ...], n: np.ndarray, plan: Plan) -> dict[str, list[Level]]:
    """Every key as words: groups by name, label and prediction as 0 and 1, folds as numbers."""
    columns = iter(list(zip(*rows, strict=True)))
    keys: dict[str, list[Level]] = {}
    for name in plan.groups:
        bands = band_texts(plan.bins[name]) if name in plan.bins else None
        keys[name] = [level_text(v, bands) for v in next(columns)]
    if plan.strata:
        joint = zip(*(next(columns) for _ in plan.strata), strict=True)
        keys[STRATUM] = [" x ".join(level_text(v) or "(missing)" for v in values) for values in joint]
    keys |= _read_classes(columns, n, plan) if plan.classes else _read_binary(columns, n, plan)
    if plan.unit is not None:
        keys[FOLD] = [str(v) for v in next(columns)]
    return keys


def _read_classes(columns: Iterator[Any], n: np.ndarray, plan: Plan) -> dict[str, list[Level]]:
    """Label and prediction by the names of their classes."""
    asked = {LABEL: plan.label, PREDICTION: plan.prediction}
    raw = {role: list(next(columns)) for role, name in asked.items() if name is not None}
    said = {role: f"{role} '{asked[role]}'" for role in raw}
    names = class_names({said[role]: _totals(values, n) for role, values in raw.items()})
    return {role: [names[said[role]][v] for v in values] for role, values in raw.items()}


def _read_binary(columns: Iterator[Any], n: np.ndarray, plan: Plan) -> dict[str, list[Level]]:
    """Label and prediction as 0 and 1."""
    found: dict[str, list[Level]] = {}
    if plan.label is not None:
        raw = list(next(columns))
        labels, positive, allowed = _label_readings(raw, n, plan)
        found[LABEL] = [labels[v] for v in raw]
        if plan.prediction is not None:
            raw = list(next(columns))
            role = f"prediction '{plan.prediction}'"
            predictions = binary(_totals(raw, n), positive, role, allowed)
            found[PREDICTION] = [predictions[v] for v in raw]
    elif plan.prediction is not None:
        raw = list(next(columns))
        role = f"prediction '{plan.prediction}'"
        positive = positive_class(set(typed(raw, role).values()), plan.positive, role)
        predictions = binary(_totals(raw, n), positive, role)
        found[PREDICTION] = [predictions[v] for v in raw]
    if plan.prediction is None and plan.score is not None:
        found[PREDICTION] = [POSITIVE if v else NEGATIVE for v in next(columns)]
    return found


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
