"""What most of the nearest neighbours of each row were given.

Neighbours are found in a k-d tree of the different rows, whose distances are sums of squared differences and no
rearrangement of them. Rows that lie equally far (to `TIE`) share the places that are left among the k, so that the
order of the rows decides nothing. Must not: know a metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from audit.axes import (
    EVEN,
    FOLD,
    MAJORITY,
    NEAREST,
    NEGATIVE,
    POSITIVE,
    PREDICTION,
    CubeKind,
    name_level,
    reference_at,
    sort_key,
)
from audit.counting.backends.duckdb import DuckEngine, DuckScan
from audit.counting.backends.sql import key_sql, term_sql
from audit.counting.cubes import read_predictions
from audit.counting.kinds.kind import Cubes, Kind, OpenTable
from audit.counting.plan import Plan
from audit.counting.refusals import NUMERIC
from audit.counting.terms import Number, Rows, fold_key, group_key, keys
from audit.cube import Axis, Cube, all_groups
from audit.errors import QuestionError, ValuesError, printable
from audit.estimate import Level
from audit.tables.kinds import name_bands
from audit.tables.table import Table, quote_identifier

MOST_ROWS, MOST_COLUMNS, MOST_VALUES = 200_000, 100, 50
FEW_COLUMNS, MOST_WORK = 10, 1e11
"""Beyond so many columns every row is compared with every other; squared differences that take about two minutes."""
MOST_CELLS = 100_000
DISTANT = (*NUMERIC, "text")
"""Kinds of columns between whose values there is a distance."""


Points = npt.NDArray[np.float64]
Votes = npt.NDArray[np.int64]
TIE, TINY = 1e-9, 1e-12
"""Share of a distance, and distance, within which two of them are the same."""
AT_ONCE = 2_000
NO, YES, NEITHER = 0, 1, 2


class _Reference(NamedTuple):
    """Different rows of the reference with how often each is there, and how often with a positive prediction."""

    tree: Any
    rows: Votes
    positive: Votes


def find_majorities(members: Points, reference: Points, positive: npt.NDArray[np.bool_], k: int) -> Votes:
    """Majority of the k nearest rows of the reference, for each member: 0, 1, or 2 where there is none.

    Parameters
    ----------
    members, reference
        Shape (m, d) and (r, d), r at least k.
    positive
        Shape (r,): predictions of the reference.
    k
        An odd number.
    """
    from sklearn.neighbors import KDTree

    points, which = np.unique(reference, axis=0, return_inverse=True)
    rows = np.bincount(which.ravel(), minlength=len(points))
    ones = np.bincount(which.ravel()[positive], minlength=len(points))
    known = _Reference(KDTree(points), rows, ones)
    asked, back = np.unique(members, axis=0, return_inverse=True)
    parts = [_votes(known, asked[i : i + AT_ONCE], k) for i in range(0, len(asked), AT_ONCE)]
    return np.concatenate(parts)[back.ravel()]


def _votes(known: _Reference, asked: Points, k: int) -> Votes:
    near = min(k + 1, len(known.rows))
    distance, at = known.tree.query(asked, k=near)
    filled = np.cumsum(known.rows[at], axis=1) >= k
    last = distance[np.arange(len(asked)), filled.argmax(axis=1)]
    found = _decide_votes(known, at, distance, last[:, None], k)
    # Where the row after the k-th lies as far as it, there may be more of them.
    for i in np.flatnonzero((distance[:, -1] <= _outer(last)) & (near < len(known.rows))):
        all_at, all_distance = known.tree.query_radius(asked[i : i + 1], r=_outer(last[i]), return_distance=True)
        found[i] = _decide_votes(known, all_at[0], all_distance[0], last[i], k)
    return found


def _outer(distance: Any) -> Any:
    return distance * (1 + TIE) + TINY


def _decide_votes(known: _Reference, at: Votes, distance: Points, last: Any, k: int) -> Votes:
    """Majority of those nearer than the k-th, and of those as far as it in the places that are left."""
    tied = (distance <= _outer(last)) & (distance >= last * (1 - TIE) - TINY)
    inside = (distance <= _outer(last)) & ~tied
    rows, ones = known.rows[at], known.positive[at]
    nearer, nearer_ones = (rows * inside).sum(axis=-1), (ones * inside).sum(axis=-1)
    far, far_ones = (rows * tied).sum(axis=-1), (ones * tied).sum(axis=-1)
    twice = 2 * (nearer_ones * far + (k - nearer) * far_ones) - k * far
    votes: Votes = np.where(twice > 0, YES, np.where(twice < 0, NO, NEITHER))
    return votes


# Flips, counted: for every group column, group x prediction x majority of the nearest neighbours (x fold).
#
# Nearest neighbours are not additive, so rows are held here and a column is added to them before they are counted. A
# number counts in units of its standard deviation over the whole table; text and truth values are one-hot, so that
# another value is as far as sqrt(2). Must not: know a metric, or leave a row out without a word.
class _Rows(NamedTuple):
    """What of every row the flip test needs."""

    levels: Mapping[str, tuple[tuple[Level, ...], np.ndarray]]
    """Levels of each group column, of predictions and of folds, with the position of every row's."""
    points: np.ndarray
    weight: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The flip test: the nearest neighbours of each row in the reference group."""

    features: tuple[str, ...]
    """Columns by which they are found."""
    neighbours: int = 5
    reference: Mapping[str, str] = field(default_factory=dict)
    """Group whose members they are, by group column; the largest where none is named."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read beside those of the plan."""
        return self.features


def _ask(fields: Mapping[str, Any]) -> Neighbours:
    return Neighbours(fields["features"], fields["neighbours"], fields["reference_group"])


def _refuse(question: Neighbours, table: Table, plan: Plan) -> None:
    """Refuse features that cannot be one."""
    taken = {
        "label": plan.label,
        "prediction": plan.prediction,
        "score": plan.score,
        "weight": plan.weight,
        "unit": plan.unit,
    }
    for name in question.features:
        shown = printable(name)
        role = next((role for role, column in taken.items() if column == name), None)
        if role is not None:
            raise QuestionError(f"feature '{shown}' is also the {role}; name another feature, or remove it")
        if table.columns[name] not in DISTANT:
            raise ValuesError(
                f"{table.name}: feature '{shown}' is {table.columns[name]}, which has no distance; make it a number or "
                "text"
            )


def _count(question: Neighbours, opened: OpenTable) -> Cubes:
    """Count one cube of flips for each group column; the crossings say who the reference is.

    Rows are held by DuckDB whatever engine has counted the crossings.

    Raises
    ------
    ValuesError
        When a feature is missing, infinite or has too many values, or the rows are too many.
    """
    found, table, plan = opened.found, opened.table, opened.plan
    if found.rows_read > MOST_ROWS:
        raise ValuesError(
            f"{table.name} has {found.rows_read:,} rows, too many for a flip test (at most {MOST_ROWS:,}); "
            "remove the features, or audit a sample of the rows"
        )
    with DuckEngine().scan(table, plan.columns) as scan:
        rows = _read(scan, question, opened)
    each = [(c, _reference_group(found.cubes, c, question)) for c in plan.groups]
    return {CubeKind.NEIGHBOURS: tuple(_flips(rows, c, question, reference, table) for c, reference in each)}


KIND = Kind(
    kind=CubeKind.NEIGHBOURS,
    ask=_ask,
    refuse=_refuse,
    count=_count,
    reason_against_parts="features need all rows at once; remove them, or count all parts as a glob",
)


def _reference_group(cubes: Sequence[Cube], name: str, question: Neighbours) -> Level:
    """Level whose rows the neighbours are looked for in; None where no row has a group."""
    smallest = min((c for c in cubes if name in c.names), key=lambda c: c["n"].size)
    known = smallest.keep(name).drop(name, None)
    groups = all_groups(known, (name,))
    if not groups:
        return None
    return groups[reference_at((name,), groups, known["n"], question.reference)][0]


def _read(scan: DuckScan, question: Neighbours, opened: OpenTable) -> _Rows:
    plan, table, unit = opened.plan, opened.table, opened.found.weight_unit
    bare = replace(plan, groups=(), strata=(), unit=None)
    predictions = read_predictions(scan.tally(keys(bare), {"n": Rows()}, {}, MOST_CELLS), bare)
    asked = {c: group_key(c, plan) for c in plan.groups} | {PREDICTION: keys(bare)[PREDICTION]} | fold_key(plan)
    sql = {f"k{i}": key_sql(key) for i, key in enumerate(asked.values())}
    sql |= {f"f{i}": quote_identifier(name) for i, name in enumerate(question.features)}
    sql |= {"w": term_sql(Number(plan.weight))} if plan.weight is not None else {}
    select = ", ".join(f"{expression} AS {name}" for name, expression in sql.items())
    held = scan.con.sql(f"SELECT {select} FROM {scan.source}").to_arrow_table()  # noqa: S608
    levels = {name: _levels(held[f"k{i}"], name, plan, predictions) for i, name in enumerate(asked)}
    columns = [c for i, name in enumerate(question.features) for c in _columns(held[f"f{i}"], name, table)]
    if len(columns) > MOST_COLUMNS:
        raise ValuesError(
            f"{table.name}: the features make {len(columns):,} columns, more than {MOST_COLUMNS} for a flip test; "
            "name fewer features, or merge values of text"
        )
    points = np.stack(columns, axis=1) if columns else np.zeros((held.num_rows, 1))
    return _Rows(levels, points, np.ldexp(held["w"].to_numpy(), -unit) if plan.weight is not None else None)


def _levels(column: Any, name: str, plan: Plan, predictions: Mapping[Any, str]) -> tuple[tuple[Level, ...], np.ndarray]:
    """Levels of a key in their order, and each row's position among them."""
    raw, codes = _encode(column)
    if name == PREDICTION:
        texts: list[Level] = [predictions[value] for value in raw]
        levels: tuple[Level, ...] = (NEGATIVE, POSITIVE)
    else:
        bands = name_bands(plan.bins[name]) if name in plan.bins else None
        texts = [name_level(value, bands) for value in raw]
        levels = tuple(sorted(set(texts), key=sort_key))
    return levels, np.array([levels.index(text) for text in texts], dtype=np.intp)[codes]


def _encode(column: Any) -> tuple[list[Any], np.ndarray]:
    """Different values of a column, None among them where one is missing, and each row's position."""
    whole = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return whole.dictionary.to_pylist(), whole.indices.to_numpy()


def _columns(column: Any, name: str, table: Table) -> Iterator[np.ndarray]:
    """Coordinates that a feature adds to every row."""
    import pyarrow.compute as pc

    kind, shown = table.columns[name], printable(name)
    missing = int(pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0)
    if missing:
        raise ValuesError(
            f"feature '{shown}' is missing (null or NaN) in {missing:,} of {len(column):,} rows; fill it as "
            "the model does, or remove the feature"
        )
    if kind in {"integer", "float"}:
        yield from _scale(column.to_numpy().astype(float), shown)
        return
    values, codes = _encode(column)
    if len(values) > MOST_VALUES:
        raise ValuesError(
            f"{table.name}: feature '{shown}' is text of {len(values):,} different values, more than {MOST_VALUES}; "
            "merge some, or remove it if it is an identifier"
        )
    if len(values) > 1:
        yield from ((codes == at).astype(float) for at in np.argsort([str(v) for v in values]))


def _scale(values: np.ndarray, shown: str) -> Iterator[np.ndarray]:
    """A number in units of its standard deviation, summed in rising order so that the order of rows is not in it."""
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ValuesError(
            f"feature '{shown}' is infinite (inf) in {infinite:,} of {len(values):,} rows; make it finite"
        )
    if values.min() < values.max():
        values = values / np.abs(values).max()
        yield values / np.sort(values).std()


def _flips(rows: _Rows, name: str, question: Neighbours, reference: Level, table: Table) -> Cube:
    """Cube of one group column; no cell where the reference has too few rows to have neighbours in it."""
    levels, codes = rows.levels[name]
    _, prediction = rows.levels[PREDICTION]
    folds, fold_of = rows.levels.get(FOLD, ((None,), np.zeros(len(codes), dtype=np.intp)))
    of_reference = codes == (levels.index(reference) if reference in levels else -1)
    enough = int(of_reference.sum()) >= question.neighbours
    others = tuple(v for v in levels if v is not None and v != reference) if enough else ()
    place = np.array([others.index(v) if v in others else -1 for v in levels], dtype=np.intp)[codes]
    members = place >= 0
    shape = (len(others), 2, 3, 1, len(folds))
    sums: dict[str, np.ndarray] = {"n": np.zeros(shape, dtype=np.int64)}
    sums |= {} if rows.weight is None else {"w": np.zeros(shape), "w2": np.zeros(shape)}
    if members.any():
        _refuse_work(rows, members, of_reference, table)
        votes = find_majorities(
            rows.points[members], rows.points[of_reference], prediction[of_reference] == 1, question.neighbours
        )
        cell = (place[members], prediction[members], votes, np.zeros_like(votes), fold_of[members])
        np.add.at(sums["n"], cell, 1)
        _add_weights(sums, cell, None if rows.weight is None else rows.weight[members])
    axes = [
        Axis(name, others),
        Axis(PREDICTION, (NEGATIVE, POSITIVE)),
        Axis(MAJORITY, (NEGATIVE, POSITIVE, EVEN)),
        Axis(NEAREST, (str(question.neighbours),)),
        Axis(FOLD, folds),
    ]
    cube = Cube(axes, sums)
    return cube if FOLD in rows.levels else cube.over(FOLD)


def _add_weights(sums: Mapping[str, np.ndarray], cell: tuple[np.ndarray, ...], weight: np.ndarray | None) -> None:
    """Add weights and their squares by cell, rising, so that the order of rows is not in the sums."""
    if weight is None:
        return
    rising = np.argsort(weight)
    for power, measure in enumerate(("w", "w2"), 1):
        np.add.at(sums[measure], tuple(at[rising] for at in cell), weight[rising] ** power)


def _refuse_work(rows: _Rows, members: np.ndarray, of_reference: np.ndarray, table: Table) -> None:
    """Refuse comparisons of every row with every other that would take longer than the rest of the audit."""
    columns = rows.points.shape[1]
    work = float(members.sum()) * float(of_reference.sum()) * columns
    if columns > FEW_COLUMNS and work > MOST_WORK:
        raise ValuesError(
            f"{table.name} has {len(members):,} rows with {columns} columns of features, too many for a flip "
            f"test; name fewer features (up to {FEW_COLUMNS} columns are searched fast), or audit a sample of "
            "the rows"
        )
