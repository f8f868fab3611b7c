"""Numeric labels and predictions, counted into the sums that errors and their intervals need.

One row a group (and fold), plus predictions in bins for the distance between distributions. Labels and predictions are
summed from an origin near the labels' mean, so that squares keep their digits; the origin is written into the cube as
an axis of one level. Must not: know a metric, or an engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from audit.axes import FOLD, ORIGIN, PREDICTION, CubeKind
from audit.counting.crossings import Block, count_crossed, explain_too_many
from audit.counting.cubes import Words, account_for_rows, make_cube, make_words, read_groups
from audit.counting.engine import Scan
from audit.counting.plan import Counted, Plan
from audit.counting.tally import Tally, TooManyCellsError
from audit.counting.terms import (
    Constant,
    Extent,
    Key,
    Number,
    Rows,
    Size,
    Slice,
    Sum,
    Term,
    Total,
    Value,
    fold_key,
    group_key,
    weights,
)
from audit.counting.weighing import count_weighed_once, find_unit, shifts
from audit.cube import Cube
from audit.errors import ValuesError, printable
from audit.tables.table import Table

MOST_VALUES, SLICES = 200, 200
MOST_CELLS = 300_000
"""A cell of some thirty exact sums takes two kilobytes; folds of all groups that can be judged are fewer."""
SMALLEST, LARGEST = 1e-30, 1e35
"""Size of the largest label or prediction; eighth powers of what lies outside would leave the floating numbers."""
ORIGIN_DIGITS = 9
ONE = Constant(1.0)


def count_regression(
    scan: Scan, table: Table, plan: Plan, extents: Mapping[str, Extent], tables: Sequence[Block]
) -> Counted:
    """Sums by group (and fold) for every crossing, and predictions by group and bin.

    Parameters
    ----------
    scan, table
        Open rows, whose labels, predictions and weights are all finite.
    plan
        With a numeric label and prediction.
    extents
        Smallest and largest value of each.
    tables
        Groups of each table to count.

    Raises
    ------
    ValuesError
        When a label or a prediction is out of range.
    """
    _refuse_sizes(plan, extents)
    label = Number(plan.label or "")
    origin = _origin(scan, label, extents)
    keys = {**{c: group_key(c, plan) for c in plan.groups}, **fold_key(plan)}
    asked = keys, _sums(plan, Constant(origin)), extents
    try:
        found = count_crossed(scan, table, plan, asked, tables, MOST_CELLS)
    except TooManyCellsError as error:
        raise explain_too_many(error, table, plan) from None
    unit = find_unit(found.tallies[0])
    found = found.in_unit(unit)
    cubes = tuple(_crossing(found.holding(by), by, plan, repr(origin)) for by in plan.crossings)
    binned = tuple(_count_binned(scan, table, plan, name, extents, unit) for name in plan.groups)
    words = {c: read_groups(found.holding((c,)), c, plan) for c in plan.groups}
    return Counted(
        cubes=cubes, further={CubeKind.SCORES: binned}, **account_for_rows(found, words, plan), weight_unit=unit
    )


def _crossing(tally: Tally, by: Sequence[str], plan: Plan, origin: str) -> Cube:
    """Sums of one crossing."""
    words = {name: read_groups(tally, name, plan) for name in by}
    if plan.unit is not None:
        words[FOLD] = make_words(tally, FOLD, [str(v) for v in tally.levels[tally.place(FOLD)]])
    return make_cube(tally, words | {ORIGIN: Words((origin,), np.zeros(len(tally), dtype=np.intp))}, plan)


def _origin(scan: Scan, label: Number, extents: Mapping[str, Extent]) -> float:
    """Mean label to a few digits: squares of what is left keep theirs."""
    sums: dict[str, Sum] = {"n": Rows(), "y": Total(label)}
    found = scan.tally({}, sums, shifts(sums, extents), 1)
    return float(f"{found.array('y')[0] / found.array('n')[0]:.{ORIGIN_DIGITS}g}")


def _refuse_sizes(plan: Plan, extents: Mapping[str, Extent]) -> None:
    for role, name in (("label", plan.label), ("prediction", plan.prediction)):
        size = max(abs(end) for end in extents[name or ""])
        if size and not SMALLEST <= size <= LARGEST:
            raise ValuesError(
                f"{role} '{printable(name)}' is up to {size:.2g} in size, outside {SMALLEST:g} to {LARGEST:g}, where "
                "squares cannot be summed; give it in another unit"
            )


def _sums(plan: Plan, origin: Term) -> dict[str, Sum]:
    """First moments with weights, and products with squared weights for their variances."""
    label, prediction = Number(plan.label or ""), Number(plan.prediction or "")
    y, p, e = label - origin, prediction - origin, prediction - label
    weight: Term = ONE if plan.weight is None else Number(plan.weight)
    square = weight * weight
    terms: dict[str, Term] = {}
    for name, value in {"error": e, "absolute": Size(e), "square": e * e, "prediction": p}.items():
        terms |= {name: weight * value, f"{name}_w2": square * value, f"{name}_w2x": square * value * value}
    terms["w4"] = square * square
    terms |= {f"size{k}_w4": square * square * _power(Size(e), k) for k in (1, 2, 3, 4, 6, 8)}
    terms |= {"y": weight * y, "yy": weight * y * y}
    terms |= {f"y{k}_w2": square * _power(y, k) for k in range(1, 5)}
    terms |= {f"square_y{k}_w2": square * e * e * _power(y, k) for k in (1, 2)}
    return weights(plan) | {name: Total(term) for name, term in terms.items()}


def _power(term: Term, times: int) -> Term:
    return term if times == 1 else _power(term, times - 1) * term


def _count_binned(scan: Scan, table: Table, plan: Plan, name: str, extents: Mapping[str, Extent], unit: int) -> Cube:
    """Predictions of each group by bin: a value where there are few, otherwise an equal slice of the range."""
    prediction = Number(plan.prediction or "")
    low, high = extents[prediction.name]
    exact, width = scan.few(prediction, MOST_VALUES), (high - low) / SLICES
    at: Key = Value(prediction) if exact else Slice(prediction, low, 1 / width, SLICES)
    sums = {k: v for k, v in weights(plan).items() if k != "w2"}
    weighted = prediction if plan.weight is None else Number(plan.weight) * prediction
    sums["prediction"] = Total(weighted)
    keys = {name: group_key(name, plan), PREDICTION: at}
    try:
        tally = count_weighed_once(scan, keys, sums, extents, plan, MOST_CELLS).in_unit(unit)
    except TooManyCellsError as error:
        raise explain_too_many(error, table, plan) from None
    edges = [*(low + i * width for i in range(SLICES)), high]
    raw = tally.levels[tally.place(PREDICTION)]
    texts = [repr(float(v)) if exact else f"[{edges[int(v)]!r}, {edges[int(v) + 1]!r})" for v in raw]
    words = {name: read_groups(tally, name, plan), PREDICTION: make_words(tally, PREDICTION, texts)}
    return make_cube(tally, words, plan)
