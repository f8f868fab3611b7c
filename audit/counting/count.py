"""From a plan to keys and sums, and from the answers of any engine to cubes.

Must not: know an engine; a metric; a limit.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from audit.axes import AGAINST, LABEL, MEDIAN, PREDICTION, STRATUM, UNIT, CubeKind
from audit.counting.crossings import MOST_CELLS, Block, Crossed, count_crossed, explain_too_many, plan_blocks
from audit.counting.cubes import read_cubes, read_labels
from audit.counting.engine import Engine, Scan
from audit.counting.plan import Counted, Plan, Question
from audit.counting.refusals import look, refuse_columns, refuse_long_names, refuse_sums
from audit.counting.tally import Tally, TooManyCellsError
from audit.counting.terms import Extent, Highest, Lowest, Number, Rows, Sum, Test, decisions, keys, weights
from audit.counting.weighing import check_extent, find_unit, smallest_weight
from audit.cube import Axis, Cube
from audit.errors import QuestionError
from audit.tables.kinds import Kind as ColumnKind
from audit.tables.table import HeldTable, Table

if TYPE_CHECKING:
    from audit.counting.kinds.kind import Kind
    from audit.counting.kinds.scores import Scored

WHOLE = re.compile(r"0|-?[1-9][0-9]*")
"""Whole numbers as a CSV has them in a column of numbers."""


class Tallies(NamedTuple):
    """What was counted of one table, before words are read: it adds up over parts, exactly."""

    crossings: Crossed
    scored: Scored | None = None

    def __add__(self, other: object) -> Tallies:
        if not isinstance(other, Tallies):
            return NotImplemented
        if self.scored is None or other.scored is None:
            return Tallies(self.crossings + other.crossings)
        return Tallies(self.crossings + other.crossings, self.scored + other.scored)


def count_cubes(table: Table, plan: Plan, engine: Engine) -> Counted:
    """Cubes of a plan, from as few passes over the rows as it needs; one where rows are plain.

    Raises
    ------
    SourceError
        When a column is missing or the table cannot be read.
    ValuesError
        When labels, groups, weights or scores have no honest reading.
    """
    _refuse_roles(table, plan)
    for kind, question in _find_kinds(plan):
        if kind.count_all is not None:
            return kind.count_all(question, table, plan)
    with _open_rows(engine, table, plan) as (scan, levels):
        extents = _extents(scan, table, plan)
        if plan.task == "regression":
            from audit.counting.kinds.regression import count_regression

            return count_regression(scan, table, plan, extents, plan_blocks(plan, levels, table.rows))
        if plan.threshold == MEDIAN:
            from audit.counting.kinds.median import resolve_threshold

            plan = resolve_threshold(scan, plan)
        tallies = _tallies(scan, table, plan, extents, levels)
        of_classes = plan.label is None or (plan.classes and tallies.scored is None)
        labels = None if of_classes else read_labels(tallies.crossings.tallies[0], plan)
        found = replace(make_cubes(tallies, plan, labels), score_range=extents.get(plan.score or ""))
        if not plan.kinds:
            return found
        from audit.counting.kinds.kind import OpenTable, count_kinds

        return count_kinds(OpenTable(scan, table, plan, extents, labels, found))


def count_tallies(table: Table, plan: Plan, engine: Engine) -> Tallies:
    """What `count_cubes` reads its cubes from, as it adds up over the parts of a table.

    Raises
    ------
    QuestionError
        When the question is one whose sums depend on the whole table.
    """
    if plan.task not in {"classification", "multiclass"}:
        raise QuestionError(f"a {plan.task} cannot be counted in parts; count the parts together, as a glob")
    refuse_kinds_of_parts(plan)
    if plan.threshold == MEDIAN:
        raise QuestionError("the median cannot be counted in parts; give a number, or count all parts as a glob")
    _refuse_roles(table, plan)
    with _open_rows(engine, table, plan) as (scan, levels):
        return _tallies(scan, table, plan, _extents(scan, table, plan), levels)


def make_cubes(tallies: Tallies, plan: Plan, labels: Mapping[Any, str] | None = None) -> Counted:
    """Cubes of what was counted; ``labels`` is the reading of raw labels, where it was made before."""
    unit = find_unit(tallies.crossings.tallies[0])
    crossed = tallies.crossings.in_unit(unit)
    found = read_cubes(crossed, plan)
    found = replace(found, cubes=tuple(_in_unit(cube, unit) for cube in found.cubes), weight_unit=unit)
    for kind, question in _find_kinds(plan):
        read = kind.read(question, crossed, plan).items()
        of_kind = {name: tuple(_in_unit(cube, unit) for cube in cubes) for name, cubes in read}
        found = replace(found, further={**found.further, **of_kind})
    if tallies.scored is None:
        return found
    from audit.counting.kinds.scores import make_score_cubes

    scored = tallies.scored.in_unit(unit)
    if labels is None:
        labels = read_labels(tallies.crossings.tallies[0], plan)
    binned, lost = make_score_cubes(scored, plan, labels)
    return replace(found, further={**found.further, CubeKind.SCORES: binned, CubeKind.LOSSES: lost})


def _in_unit(cube: Cube, unit: int) -> Cube:
    """Cube that says in what it counts weights, where that is not 1."""
    if not unit:
        return cube
    axes = [*cube.axes, Axis(UNIT, (str(unit),))]
    return Cube(axes, {name: values[..., None] for name, values in cube.measures.items()})


def refuse_kinds_of_parts(plan: Plan) -> None:
    """Refuse a plan that asks for what does not add up over the parts of a table."""
    for kind, _ in _find_kinds(plan):
        if kind.reason_against_parts:
            raise QuestionError(kind.reason_against_parts)


def _find_kinds(plan: Plan) -> Sequence[tuple[Kind[Any], Question]]:
    """Return the kinds that a plan asks for, with their questions; what a kind is, is loaded where there is one."""
    if not plan.kinds:
        return ()
    from audit.counting.kinds.kind import find_asked_kinds

    return tuple(find_asked_kinds(plan))


def _refuse_roles(table: Table, plan: Plan) -> None:
    """Refuse a table without the columns of the plan, and columns that cannot be what the plan takes them for."""
    table.require(plan.columns)
    refuse_columns(table, plan)
    for kind, question in _find_kinds(plan):
        kind.refuse(question, table, plan)


@contextmanager
def _open_rows(engine: Engine, table: Table, plan: Plan) -> Iterator[tuple[Scan, Mapping[str, int]]]:
    """Rows of a table, after a look at the first of them, and how many levels that has seen."""
    with engine.scan(table, plan.columns) as scan:
        yield scan, look(scan, table, plan)


def _tallies(scan: Scan, table: Table, plan: Plan, extents: Mapping[str, Extent], levels: Mapping[str, int]) -> Tallies:
    found = _count_crossings(scan, table, plan, extents, plan_blocks(plan, levels, table.rows))
    if plan.score is None or plan.label is None or not plan.groups:
        return Tallies(found)
    from audit.counting.kinds.scores import count_scores

    return Tallies(found, count_scores(scan, table, plan, extents))


def _count_crossings(
    scan: Scan, table: Table, plan: Plan, extents: Mapping[str, Extent], tables: Sequence[Block]
) -> Crossed:
    """Rows and weights by every key of the plan."""
    sums = weights(plan) | decisions(plan)
    try:
        found = count_crossed(scan, table, plan, (keys(plan), sums, extents), tables, MOST_CELLS)
    except TooManyCellsError as error:
        raise explain_too_many(error, table, plan) from None
    if not found.rows:
        refuse_sums({"n": np.zeros(1)}, plan, table)
    for tally in found.tallies:
        for column, levels in zip(tally.keys, tally.levels, strict=True):
            refuse_long_names(table, plan, column, levels)
    return found


def _extents(scan: Scan, table: Table, plan: Plan) -> dict[str, Extent]:
    """Smallest and largest value of every column that is summed, after what no row may have has been refused."""
    numbers = {"weight": plan.weight, "score": plan.score}
    if plan.task == "regression":
        numbers |= {"label": plan.label, "prediction": plan.prediction}
    named = {role: name for role, name in numbers.items() if name is not None}
    if not named and plan.unit is None:
        return {}
    asked: dict[str, Sum] = {"n": Rows()}
    for role, name in named.items():
        asked |= {
            f"{role}_missing": Rows(Test(Number(name), "missing")),
            f"{role}_infinite": Rows(Test(Number(name), "infinite")),
            f"{role}_low": Lowest(Number(name)),
            f"{role}_high": Highest(Number(name)),
        }
    if plan.weight is not None:
        asked["weight_negative"] = Rows(Test(Number(plan.weight), "below"))
        asked["weight_low"] = smallest_weight(plan.weight)
    if plan.unit is not None:
        asked["unit_missing"] = Rows(Test(plan.unit, "missing"))
    seen = scan.summary(asked)
    refuse_sums({k: np.array([v or 0]) for k, v in seen.items()}, plan, table)
    found = {
        name: (float(seen[f"{role}_low"] or 0.0), float(seen[f"{role}_high"] or 0.0)) for role, name in named.items()
    }
    if plan.weight is not None:
        found[plan.weight] = check_extent(plan.weight, *found[plan.weight])
    return found


# Columns of a CSV as they are written, where they are names and not numbers. The reader makes numbers of a column in
# which all cells look like one. As a class, a group or a stratum it is text to whoever wrote it: beside a column of
# text, or where two spellings of one number are in it.
def write_names_as_text(table: Table, plan: Plan) -> Table:
    """Table in which what the plan takes for names is text where that is how the file has it."""
    if not isinstance(table, HeldTable) or table.written is None:
        return table
    chosen = tuple(dict.fromkeys(c for c in _as_text(table, plan) if c in table.columns))
    return _with_text(table, chosen) if chosen else table


def find_whole_texts(table: Table, plan: Plan) -> list[str]:
    """Names in columns of whole numbers that were text in the file: the number says how it was written."""
    if not isinstance(table, HeldTable) or table.written is None:
        return []
    return sorted({c for c in _names(plan) if table.columns[c] == "integer"} - {plan.weight, plan.score, plan.unit})


def spell_as_text(tallies: Tallies, plan: Mapping[str, Any], names: Container[str]) -> Tallies:
    """Counts in which the values of some columns of whole numbers are text.

    Parameters
    ----------
    tallies
        Of one part.
    plan
        What it was counted by, as JSON has it.
    names
        Columns of groups, strata and classes.
    """
    of_key = {LABEL: plan["label"], PREDICTION: plan["prediction"], **{c: c for c in plan["groups"]}}
    of_key |= {f"{STRATUM}{i}": c for i, c in enumerate(plan["strata"])}
    if (pairs := plan.get("kinds", {}).get(CubeKind.PAIRS)) is not None:
        of_key[AGAINST] = pairs["against"]

    def one(tally: Tally) -> Tally:
        keyed = zip(tally.keys, tally.levels, strict=True)
        return replace(tally, levels=tuple(_texts(of) if of_key.get(key) in names else of for key, of in keyed))

    crossings = tallies.crossings._replace(tallies=tuple(map(one, tallies.crossings.tallies)))
    scored = tallies.scored
    if scored is not None:
        scored = scored._replace(tallies={name: one(tally) for name, tally in scored.tallies.items()})
    return Tallies(crossings, scored)


def _texts(levels: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(None if v is None else str(v) for v in levels)


def _names(plan: Plan) -> tuple[str, ...]:
    groups = (c for c in plan.groups if c not in plan.bins)
    return (*groups, *plan.strata, *_classes(plan))


def _classes(plan: Plan) -> tuple[str, ...]:
    if plan.task not in {"classification", "multiclass"}:
        return ()
    return tuple(c for c in (plan.label, plan.prediction, *plan.further_classes.values()) if c is not None)


def _as_text(table: HeldTable, plan: Plan) -> Iterator[str]:
    written, classes = table.written or {}, _classes(plan)
    yield from (c for c in _names(plan) if c in written)
    positive = plan.positive
    spelled = isinstance(positive, str) and WHOLE.fullmatch(positive) is None
    if spelled or any(c in written or table.columns.get(c) == "text" for c in classes):
        yield from (c for c in classes if table.columns.get(c) == "integer")


def _with_text(table: HeldTable, names: tuple[str, ...]) -> Table:
    import pyarrow as pa

    held, written = table.held, dict(table.written or {})
    for name in names:
        text = written.pop(name, None)
        column = held[name].cast(pa.string()) if text is None else text
        held = held.set_column(held.column_names.index(name), name, column)
    columns: dict[str, ColumnKind] = {c: "text" if c in names else kind for c, kind in table.columns.items()}
    return replace(table, held=held, columns=columns, written=written)
