"""Items of benchmarks: how each ended, by group, condition and whether it is right, and by template.

The table is what `audit read` writes. Templates are counted by name beside the folds of the unit, because published
scores are means over them. Must not: know a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audit.axes import (
    FOLD,
    ITEM_CONDITION,
    ITEM_CORRECT,
    ITEM_OUTCOME,
    ITEM_TASK,
    ITEM_TEMPLATE,
    ITEM_UNIT,
    OUTCOMES,
    TEMPLATE,
    CubeKind,
    name_level,
    nowhere,
)
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.backends.sql import key_sql
from audit.counting.crossings import explain_too_many
from audit.counting.kinds.kind import Kind
from audit.counting.plan import FOLDS, Counted, Plan
from audit.counting.refusals import look
from audit.counting.tally import TooManyCellsError
from audit.counting.terms import Fold, group_key
from audit.cube import Cube, from_cells
from audit.errors import QuestionError, ValuesError, no_such, printable
from audit.tables.kinds import name_bands
from audit.tables.table import Table, quote_identifier

MOST_CELLS = 500_000
MOST_TEMPLATES = 20_000
"""Templates that are counted by name; beyond, the table has items of their own and no templates."""
FIXED = ("item", "task", TEMPLATE, "condition", "correct", "related", "few_votes", "votes")
"""Columns of the table of items beside groups, unit and outcome."""
SUMS = {
    "n": "count(*)",
    "toward": "count(*) FILTER (outcome = 'toward')",
    "away": "count(*) FILTER (outcome = 'away')",
    "ranked": "count(*) FILTER (outcome <> 'invalid' AND related IS NOT NULL)",
    "related": "coalesce(sum(related) FILTER (outcome <> 'invalid'), 0)",
    "few_votes": "coalesce(sum(few_votes), 0)",
    "votes": "coalesce(sum(votes), 0)",
}
"""What is summed of each template."""


@dataclass(frozen=True, slots=True)
class Items:
    """Items of benchmarks, one a row."""

    outcome: str
    """Column that says how each ended."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read beside those of the plan."""
        return (self.outcome, *FIXED)


def _ask(fields: Mapping[str, Any]) -> Items:
    return Items(fields["outcome"])


def _refuse(question: Items, _table: Table, plan: Plan) -> None:
    """Refuse the outcome, or the item itself, as a group."""
    for role, column in (("outcome", question.outcome), ("item", "item")):
        if column in plan.groups:
            raise QuestionError(f"'{printable(column)}' is the {role} and a group column; name another group column")


def _count_all(question: Items, table: Table, plan: Plan) -> Counted:
    """Count items by group, outcome, condition, whether right, and fold; and by group and template.

    Raises
    ------
    ValuesError
        When an outcome is none of the four, or an item is there twice.
    """
    with DuckEngine().scan(table, plan.columns) as scan:
        look(scan, table, plan)
        _make_view(scan.con, scan.source, question, table, plan)
        _refuse_values(scan.con, question, table)
        plan = _drop_lonely_unit(scan.con, plan)
        cubes = tuple(_count_outcomes(scan.con, table, plan, by) for by in plan.crossings)
        templates = tuple(_count_templates(scan.con, table, plan, by) for by in plan.crossings)
        return _make_counted(scan.con, cubes, templates, plan)


KIND = Kind(
    kind=CubeKind.TEMPLATES,
    ask=_ask,
    refuse=_refuse,
    count_all=_count_all,
    reason_against_parts="items cannot be counted in parts; count the parts together, as a glob",
)


def _make_view(con: Any, source: str, question: Items, table: Table, plan: Plan) -> None:
    groups = "".join(f"{_group_sql(name, table, plan)} AS g{i}, " for i, name in enumerate(plan.groups))
    fold = key_sql(Fold(plan.unit, FOLDS)) if plan.unit is not None else "0"
    con.execute(f"""
        CREATE TEMP TABLE items AS
        SELECT {groups} {fold} AS f, CAST({quote_identifier(question.outcome)} AS VARCHAR) AS outcome,
               CAST(item AS VARCHAR) AS item, CAST(task AS VARCHAR) AS task, CAST({TEMPLATE} AS VARCHAR) AS template,
               CAST(condition AS VARCHAR) AS condition, CAST(correct AS BIGINT) AS correct,
               CAST(related AS BIGINT) AS related, CAST(few_votes AS BIGINT) AS few_votes,
               CAST(votes AS BIGINT) AS votes
        FROM {source}
    """)  # noqa: S608


def _group_sql(name: str, table: Table, plan: Plan) -> str:
    key = key_sql(group_key(name, plan))
    if name in plan.bins or table.columns[name] != "float":
        return key
    return f"CASE WHEN isnan({key}) THEN NULL ELSE {key} END"


def _refuse_values(con: Any, question: Items, table: Table) -> None:
    outcomes = [row[0] for row in con.execute("SELECT DISTINCT outcome FROM items ORDER BY 1").fetchall()]
    strange = next((outcome for outcome in outcomes if outcome not in OUTCOMES), "")
    if strange is None:
        raise ValuesError(f"{table.name}: outcome '{printable(question.outcome)}' is missing in some rows")
    if strange:
        raise ValuesError(f"{table.name}: {no_such('outcome', strange, OUTCOMES)}; audit read writes the table")
    twice = con.execute(
        "SELECT item FROM items GROUP BY item HAVING count(*) > 1 OR item IS NULL ORDER BY item LIMIT 1"
    ).fetchone()
    if twice is not None:
        raise ValuesError(f"{table.name}: item '{printable(twice[0], 24)}' has several rows; keep one")
    asked = "correct NOT IN (0, 1) OR template IS NULL OR f IS NULL"
    wrong = con.execute(f"SELECT count(*) FROM items WHERE {asked}").fetchone()[0]  # noqa: S608
    if wrong:
        have = "row has" if wrong == 1 else "rows have"
        raise ValuesError(
            f"{table.name}: {wrong:,} {have} no template, no unit, or a 'correct' that is neither 0 nor 1"
        )


def _drop_lonely_unit(con: Any, plan: Plan) -> Plan:
    """Return the plan without a unit where each has one item: items are then independent, and folds would only blur."""
    shared = con.execute("SELECT count(*) > count(DISTINCT template) FROM items").fetchone()[0]
    return plan if plan.unit != TEMPLATE or shared else replace(plan, unit=None)


def _count_outcomes(con: Any, table: Table, plan: Plan, by: tuple[str, ...]) -> Cube:
    axes = {ITEM_OUTCOME: "outcome", ITEM_CONDITION: "condition", ITEM_CORRECT: "correct"}
    axes |= {FOLD: "f"} if plan.unit is not None else {}
    return _count(con, table, plan, by, axes, {"n": SUMS["n"]})


def _count_templates(con: Any, table: Table, plan: Plan, by: tuple[str, ...]) -> Cube:
    axes = {ITEM_UNIT: _quote_text(plan.unit or "row"), ITEM_TASK: "task", ITEM_CONDITION: "condition"}
    if con.execute("SELECT count(DISTINCT template) FROM items").fetchone()[0] <= MOST_TEMPLATES:
        axes |= {ITEM_TEMPLATE: "template"}
    return _count(con, table, plan, by, axes, SUMS)


def _quote_text(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _count(
    con: Any, table: Table, plan: Plan, by: tuple[str, ...], axes: Mapping[str, str], sums: Mapping[str, str]
) -> Cube:
    """Return the cube of sums by groups and further keys."""
    keys = [f"g{plan.groups.index(name)}" for name in by] + list(axes.values())
    asked = ", ".join([*(f"{key} AS k{i}" for i, key in enumerate(keys)), *sums.values()])
    found = con.execute(f"SELECT {asked} FROM items GROUP BY ALL").fetchmany(MOST_CELLS + 1)  # noqa: S608
    names = (*by, *axes)
    if len(found) > MOST_CELLS:
        levels = {name: len({row[i] for row in found}) for i, name in enumerate(names)}
        raise explain_too_many(TooManyCellsError(MOST_CELLS, levels), table, plan, fewer=len(by) > 1)
    bands = [name_bands(plan.bins[name]) if name in plan.bins else None for name in names]
    cells = [[name_level(row[i], bands[i]) for i in range(len(names))] for row in found]
    return from_cells(names, cells, _to_measures(found, len(names), tuple(sums)))


def _to_measures(rows: Sequence[tuple[Any, ...]], start: int, names: Sequence[str]) -> dict[str, Any]:
    import numpy as np

    return {name: np.array([row[start + i] for row in rows], dtype=np.int64) for i, name in enumerate(names)}


def _make_counted(con: Any, cubes: tuple[Cube, ...], templates: tuple[Cube, ...], plan: Plan) -> Counted:
    gone = [f"g{i} IS NULL" for i in range(len(plan.groups))]
    in_none = " AND ".join(gone) or "false"
    each = "".join(f", count(*) FILTER ({g})" for g in gone)
    total, none, *missing = con.execute(f"SELECT count(*), count(*) FILTER ({in_none}){each} FROM items").fetchone()  # noqa: S608
    return Counted(
        cubes=cubes,
        further={CubeKind.TEMPLATES: templates},
        rows_read=int(total),
        rows_excluded={nowhere(plan.groups): int(none)} if none else {},
        rows_without_group={c: int(n) for c, n in zip(plan.groups, missing, strict=True) if n},
    )
