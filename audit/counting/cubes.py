"""From the raw cells of a tally to cubes in words: groups by name, label and prediction as 0 and 1, folds as numbers.

Every value is read once, however many cells have it. Must not: know an engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np

from audit.axes import (
    AGAINST,
    DECIDED,
    FOLD,
    LABEL,
    NEGATIVE,
    POSITIVE,
    PREDICTION,
    STRATUM,
    CubeKind,
    name_level,
    nowhere,
    sort_key,
)
from audit.counting.crossings import Crossed, refuse_large
from audit.counting.labels import (
    find_positive,
    is_missing,
    name_classes,
    read_binary,
    read_decisions,
    read_predicted,
    refuse_missing,
    require_favourable,
)
from audit.counting.plan import Counted, Plan
from audit.counting.tally import Tally, order_of
from audit.counting.terms import REACHED
from audit.cube import Axis, Cube
from audit.estimate import Level
from audit.tables.kinds import name_bands


class Words(NamedTuple):
    """One key of a tally as an axis."""

    levels: tuple[Level, ...]
    at: np.ndarray
    """Place of each cell's level among them."""


def read_cubes(crossed: Crossed, plan: Plan) -> Counted:
    """Cubes of every crossing, and the account of rows."""
    words = [read_words(tally, plan) for tally in crossed.tallies]
    rest = [k for k in words[0] if k not in {*plan.groups, STRATUM}]
    tallies = {id(tally): (tally, found) for tally, found in zip(crossed.tallies, words, strict=True)}

    def cube(by: Sequence[str], *more: str) -> Cube:
        tally, found = tallies[id(crossed.holding(by))]
        return make_cube(tally, {k: found[k] for k in (*by, *more)}, plan, leaving=(REACHED,))

    strata = tuple(cube((c,), STRATUM, *rest) for c in plan.groups) if plan.strata else ()
    return Counted(
        cubes=tuple(cube(by, *rest) for by in plan.crossings),
        further={CubeKind.STRATA: strata, CubeKind.DECIDED: _count_decided(tallies, crossed, plan)},
        **account_for_rows(crossed, {c: tallies[id(crossed.holding((c,)))][1][c] for c in plan.groups}, plan),
        median=plan.median,
    )


def account_for_rows(crossed: Crossed, words: Mapping[str, Words], plan: Plan) -> dict[str, Any]:
    """Rows that were read, those in no group at all, and those without a value of each."""
    without = {}
    for name, found in words.items():
        if None in found.levels:
            missing = found.at == found.levels.index(None)
            without[name] = int(crossed.holding((name,)).counts["n"][missing].sum())
    return {
        "rows_read": crossed.rows,
        "rows_excluded": {nowhere(plan.groups): crossed.nowhere} if crossed.nowhere else {},
        "rows_without_group": without,
    }


def read_labels(tally: Tally, plan: Plan) -> dict[Any, str]:
    """Reading of each raw label, 0 or 1."""
    return _read_one_or_other(count_values(tally, LABEL), f"label '{plan.label}'", plan)[0]


def read_predictions(tally: Tally, plan: Plan) -> dict[Any, str]:
    """Reading of each raw prediction, or of whether a score reaches the threshold, 0 or 1."""
    if plan.classes:
        return _read_classes(tally, plan)[PREDICTION]
    return _read_binary(tally, plan)[PREDICTION]


def read_groups(tally: Tally, name: str, plan: Plan) -> Words:
    """Names of the values of a group column."""
    bands = name_bands(plan.bins[name]) if name in plan.bins else None
    return make_words(tally, name, [name_level(v, bands) for v in tally.levels[tally.place(name)]])


def make_words(tally: Tally, key: str, texts: Sequence[Level]) -> Words:
    """Axis of a key whose levels read as these texts; several may read alike."""
    return _words(texts, tally.codes[tally.place(key)])


def make_cube(tally: Tally, words: Mapping[str, Words], plan: Plan, leaving: Sequence[str] = ()) -> Cube:
    """Sums of a tally over some of its keys; ``leaving`` names sums to leave out."""
    refuse_large({name: found.levels for name, found in words.items()}, plan)
    shape = tuple(len(found.levels) for found in words.values())
    at = np.zeros(len(tally), dtype=np.int64)
    for found in words.values():
        at = at * len(found.levels) + found.at
    sums = tally.summed(at, prod(shape), leaving)
    axes = [Axis(name, found.levels) for name, found in words.items()]
    return Cube(axes, {name: values.reshape(shape) for name, values in sums.items()})


def _words(texts: Sequence[Level], codes: np.ndarray) -> Words:
    levels = tuple(sorted(set(texts), key=sort_key))
    places = {level: i for i, level in enumerate(levels)}
    return Words(levels, np.array([places[text] for text in texts], dtype=np.intp)[codes])


def _count_decided(
    tallies: Mapping[int, tuple[Tally, Mapping[str, Words]]], crossed: Crossed, plan: Plan
) -> tuple[Cube, ...]:
    """Predictions beside what score and threshold decide, a cube for each group column, where both are given."""
    if REACHED not in crossed.tallies[0].counts:
        return ()
    cubes = []
    each: list[tuple[str, ...]] = [(c,) for c in plan.groups] or [()]
    for by in each:
        tally, words = tallies[id(crossed.holding(by))]
        found = make_cube(tally, {k: words[k] for k in (*by, PREDICTION)}, plan)
        n = np.stack([found["n"] - found[REACHED], found[REACHED]], axis=-1)
        cubes.append(Cube([*found.axes, Axis(DECIDED, (NEGATIVE, POSITIVE))], {"n": n}))
    return tuple(cubes)


def read_words(tally: Tally, plan: Plan) -> dict[str, Words]:
    """Every key as words: groups by name, label and prediction as 0 and 1, folds as numbers."""
    found = {name: read_groups(tally, name, plan) for name in plan.groups if name in tally.keys}
    if plan.strata:
        found[STRATUM] = _strata(tally, plan)
    roles = _read_classes(tally, plan) if plan.classes else _read_binary(tally, plan)
    for role, readings in roles.items():
        found[role] = make_words(tally, role, [readings[_value(v)] for v in tally.levels[tally.place(role)]])
    if plan.unit is not None:
        found[FOLD] = make_words(tally, FOLD, [str(v) for v in tally.levels[tally.place(FOLD)]])
    return found


def _strata(tally: Tally, plan: Plan) -> Words:
    """Joint values of the strata."""
    places = [tally.place(f"{STRATUM}{i}") for i in range(len(plan.strata))]
    joint, codes = np.unique(np.stack([tally.codes[i] for i in places], axis=1), axis=0, return_inverse=True)
    read = [[name_level(v) or "(missing)" for v in tally.levels[i]] for i in places]
    texts = [" x ".join(of[code] for of, code in zip(read, each, strict=True)) for each in joint.tolist()]
    return _words(texts, codes)


def _read_classes(tally: Tally, plan: Plan) -> dict[str, dict[Any, str]]:
    """Label and prediction by the names of their classes."""
    asked = {LABEL: plan.label, PREDICTION: plan.prediction}
    said = {role: f"{role} '{name}'" for role, name in asked.items() if name is not None}
    names = name_classes({said[role]: count_values(tally, role) for role in said})
    return {role: names[said[role]] for role in said}


def _read_binary(tally: Tally, plan: Plan) -> dict[str, dict[Any, str]]:
    """Label and prediction as 0 and 1."""
    found: dict[str, dict[Any, str]] = {}
    labels, positive = {}, None
    if plan.label is not None:
        labels = count_values(tally, LABEL)
        found[LABEL], positive = _read_one_or_other(labels, f"label '{plan.label}'", plan)
    if plan.prediction is not None:
        totals, role = count_values(tally, PREDICTION), f"prediction '{plan.prediction}'"
        if plan.label is None and AGAINST in tally.keys:
            decided = read_unlabelled(tally, plan)
            _require_favourable(decided, plan)
            return {PREDICTION: decided[PREDICTION]}
        if plan.label is None:
            found[PREDICTION], _ = _read_one_or_other(totals, role, plan)
        else:
            found[PREDICTION] = read_predicted(totals, role, labels, f"label '{plan.label}'", positive)
    elif plan.score is not None:
        found[PREDICTION] = {True: POSITIVE, False: NEGATIVE}
    _require_favourable(found, plan)
    return found


def read_unlabelled(tally: Tally, plan: Plan) -> dict[str, dict[Any, str]]:
    """Prediction and earlier decision as 0 and 1, by the classes of both together."""
    earlier = plan.further_classes[AGAINST]
    roles = {PREDICTION: f"prediction '{plan.prediction}'", AGAINST: f"earlier prediction '{earlier}'"}
    both = f"decision ('{plan.prediction}' and '{earlier}')"
    read = read_decisions({said: count_values(tally, key) for key, said in roles.items()}, plan.positive, both)
    return {key: read[said] for key, said in roles.items()}


def _require_favourable(read: Mapping[str, Mapping[Any, str]], plan: Plan) -> None:
    """Refuse a favourable class that is no value of label or prediction."""
    roles = {"label": plan.label, "prediction": plan.prediction, "score": plan.score}
    role = next((f"{role} '{name}'" for role, name in roles.items() if name is not None), "label")
    require_favourable(set(chain.from_iterable(read.values())), plan.favourable, role)


def _read_one_or_other(totals: Mapping[Any, int], role: str, plan: Plan) -> tuple[dict[Any, str], Any]:
    """Each raw value of a column as 0 or 1, and the positive one."""
    refuse_missing(totals, role)
    positive = find_positive(totals, plan.positive, role)
    return read_binary(totals, positive, role), positive


def count_values(tally: Tally, key: str) -> dict[Any, int]:
    """Rows of each raw value, in an order that depends on nothing but the values."""
    levels, codes = tally.levels[tally.place(key)], tally.codes[tally.place(key)]
    rows = np.bincount(codes, weights=tally.counts["n"], minlength=len(levels))
    totals: dict[Any, int] = {}
    for i in sorted(range(len(levels)), key=lambda i: order_of(levels[i])):
        totals[_value(levels[i])] = totals.get(_value(levels[i]), 0) + int(rows[i])
    return totals


def _value(value: Any) -> Any:
    return None if is_missing(value) else value
