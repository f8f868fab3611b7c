"""Lists of items as they stand in a table: what is refused of them, and one row an item with its place.

Items that share a score share their places: every one of them is as likely to stand in each. No number depends on the
order of the rows. Must not: know a metric.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from audit.counting.backends.sql import key_sql
from audit.counting.plan import FOLDS, Plan
from audit.counting.refusals import refuse_sums
from audit.counting.terms import Band, Fold
from audit.errors import SourceError, ValuesError, printable
from audit.tables.connection import quoted
from audit.tables.table import Table

MOST_ITEMS = 10_000_000
"""Items that are held at once, because a place is known only when the whole list is."""
MOST_RELEVANT = 1e35
PLACED = "placed_items"
"""Table of one row an item: groups g0 …, list q, fold f, relevance rel; first of the places that it shares, how many
share them (size), length of the list (len) and exposure."""


def refuse_orders(con: Any, source: str, table: Table, plan: Plan) -> None:
    """Refuse what is no set of lists with one order each.

    Raises
    ------
    ValuesError
        Naming the column, and the query where one list is at fault.
    SourceError
        When there are too many items to hold.
    """
    _refuse_kinds(table, plan)
    seen = _seen(con, source, plan)
    refuse_sums({k: np.array([v or 0]) for k, v in seen.items()}, plan, table)
    if seen["n"] > MOST_ITEMS:
        raise SourceError(
            f"{table.name}: {seen['n']:,} items are more than the {MOST_ITEMS:,} that can be placed at once; "
            "audit a sample of whole queries"
        )
    if float(seen.get("label_size") or 0) > MOST_RELEVANT:
        raise ValuesError(
            f"label '{printable(plan.label)}' is up to {seen['label_size']:.2g}, above {MOST_RELEVANT:g}, where "
            "relevance cannot be summed; give it in another unit"
        )
    if plan.rank is not None:
        _refuse_places(con, source, plan)
    if plan.unit is not None:
        _refuse_units(con, source, plan)


def place_items(con: Any, source: str, table: Table, plan: Plan) -> None:
    """Make the table of placed items."""
    groups = "".join(f"{_group(name, table, plan)} AS g{i}, " for i, name in enumerate(plan.groups))
    rel = f"CAST({quoted(plan.label)} AS DOUBLE)" if plan.label is not None else "0.0"
    folded = plan.unit or plan.query
    con.execute(f"""
        CREATE TEMP TABLE {PLACED} AS
        WITH items AS (
            SELECT {groups} {_query(plan)} AS q, {_order(plan)} AS s, {rel} AS rel,
                   {key_sql(Fold(folded, FOLDS)) if folded is not None else "0"} AS f
            FROM {source}),
        ordered AS (
            SELECT *, rank() OVER w AS first, row_number() OVER w AS place, count(*) OVER (PARTITION BY q, s) AS size,
                   count(*) OVER (PARTITION BY q) AS len
            FROM items WINDOW w AS (PARTITION BY q ORDER BY s DESC))
        SELECT * EXCLUDE (s, place), avg(1 / log2(1 + place)) OVER (PARTITION BY q, s) AS exposure FROM ordered
    """)  # noqa: S608


def _query(plan: Plan) -> str:
    return quoted(plan.query) if plan.query is not None else "0"


def _order(plan: Plan) -> str:
    """What is highest at the top; adding 0 makes one zero of the two that floating numbers have."""
    if plan.rank is not None:
        return f"-CAST({quoted(plan.rank)} AS DOUBLE)"
    return f"CAST({quoted(plan.score or '')} AS DOUBLE) + 0"


def _group(name: str, table: Table, plan: Plan) -> str:
    if name in plan.bins:
        return key_sql(Band(name, plan.bins[name]))
    column = quoted(name)
    return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END" if table.columns[name] == "float" else column


def _refuse_kinds(table: Table, plan: Plan) -> None:
    allowed = (("query", plan.query, {"integer", "text", "date"}, "name lists by whole numbers or text"),
               ("rank", plan.rank, {"integer", "float"}, "places are 1, 2, 3 …"))  # fmt: skip
    for role, name, kinds, mend in allowed:
        if name is not None and table.columns[name] not in kinds:
            raise ValuesError(f"{table.name}: {role} '{printable(name)}' is {table.columns[name]}; {mend}")


def _seen(con: Any, source: str, plan: Plan) -> dict[str, Any]:
    """Counts of what is refused, and the largest relevance."""
    asked = {"n": "count(*)"}
    for role, name in (("rank", plan.rank), ("score", plan.score), ("label", plan.label)):
        if name is None:
            continue
        x = f"CAST({quoted(name)} AS DOUBLE)"
        asked[f"{role}_missing"] = f"count(*) FILTER ({x} IS NULL OR isnan({x}))"
        if role == "rank":
            asked["rank_broken"] = f"count(*) FILTER (NOT isnan({x}) AND {x} <> floor({x}) OR isinf({x}))"
        else:
            asked[f"{role}_infinite"] = f"count(*) FILTER (isinf({x}))"
        if role == "label":
            asked |= {"label_negative": f"count(*) FILTER ({x} < 0)", "label_size": f"max({x})"}
    for role, name in (("query", plan.query), ("unit", plan.unit)):
        if name is not None:
            asked[f"{role}_missing"] = f"count(*) FILTER ({quoted(name)} IS NULL)"
    found = con.execute(f"SELECT {', '.join(asked.values())} FROM {source}").fetchone()  # noqa: S608
    return dict(zip(asked, found, strict=True))


def _refuse_places(con: Any, source: str, plan: Plan) -> None:
    """Refuse a list whose places are not 1, 2, 3 … once each."""
    found = con.execute(f"""
        WITH items AS (SELECT {_query(plan)} AS q, CAST({quoted(plan.rank or "")} AS DOUBLE) AS r FROM {source}),
        lists AS (SELECT q, count(*) AS n, count(DISTINCT r) AS places, min(r) AS low, max(r) AS high
                  FROM items GROUP BY q)
        SELECT * FROM lists WHERE places < n OR low <> 1 OR high <> n ORDER BY q LIMIT 1
    """).fetchone()  # noqa: S608
    if found is None:
        return
    query, n, places, low, high = found
    where = f" of query '{printable(query)}'" if plan.query is not None else ""
    what = (
        f"gives {n:,} items only {places:,} different places"
        if places < n
        else f"goes from {low:.0f} to {high:.0f} for {n:,} items"
    )
    hint = "" if plan.query is not None else "; if these are several lists, name the query"
    raise ValuesError(
        f"rank '{printable(plan.rank)}'{where} {what}; number the places of each list 1, 2, 3 … once each{hint}"
    )


def _refuse_units(con: Any, source: str, plan: Plan) -> None:
    """Refuse a list whose items belong to several units: it is one observation of nobody."""
    unit = quoted(plan.unit or "")
    found = con.execute(f"""
        SELECT q, count(DISTINCT u) AS units FROM (SELECT {_query(plan)} AS q, {unit} AS u FROM {source})
        GROUP BY q HAVING units > 1 ORDER BY q LIMIT 1
    """).fetchone()  # noqa: S608
    if found is None:
        return
    which = f"query '{printable(found[0])}'" if plan.query is not None else "the one list"
    raise ValuesError(
        f"unit '{printable(plan.unit)}': {which} has items of {found[1]:,} units; a list belongs to one, such as the "
        "person who searched; leave unit out where lists are independent"
    )
