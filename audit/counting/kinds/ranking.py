"""Lists of items, counted into the sums that exposure, skew, NDKL and NDCG need, by group and fold of lists.

What an item adds depends on its whole list, so nothing here is a sum over shards that split a list; shards of whole
lists add up as always. Lists are independent of each other and items of one list are not, so the fold is that of the
list's query, or of the unit that the list belongs to. Must not: know a metric.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from audit.axes import FOLD, GROUPING, PREDICTION, CubeKind, crossings, name_level, nowhere
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.backends.sql import key_sql
from audit.counting.crossings import explain_too_many, refuse_large
from audit.counting.kinds.kind import Kind
from audit.counting.plan import FOLDS, Counted, Plan
from audit.counting.refusals import look, refuse_sums
from audit.counting.tally import TooManyCellsError
from audit.counting.terms import Band, Fold
from audit.cube import Cube, from_cells
from audit.errors import QuestionError, SourceError, ValuesError, printable
from audit.estimate import Level
from audit.tables.kinds import name_bands
from audit.tables.table import Table, quote_identifier

MOST_ITEMS = 10_000_000
"""Items that are held at once, because a place is known only when the whole list is."""
MOST_RELEVANT = 1e35
PLACED = "placed_items"
"""Table of one row an item: groups g0 …, list q, fold f, relevance rel; first of the places that it shares, how many
share them (size), length of the list (len) and exposure."""


MOST_CELLS = 500_000
MOST_TIED = 20_000_000
"""Places inside ties times the groups that share them; each has a mixture of its own."""
XLNX = "CASE WHEN {0} > 0 THEN {0} * ln({0}) ELSE 0 END"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Lists of items, each in one order."""

    query: str | None = None
    """Column that names the list of an item; None where all rows are one list."""
    rank: str | None = None
    """Column of places; None where the score gives the order."""
    top: tuple[int, ...] = ()
    """Numbers of first places to count."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read beside those of the plan."""
        return tuple(column for column in (self.query, self.rank) if column is not None)


def _ask(fields: Mapping[str, Any]) -> Ranking:
    return Ranking(fields["query"], fields["rank"], tuple(sorted(fields["top"])))


def _refuse(question: Ranking, _table: Table, plan: Plan) -> None:
    """Refuse the list or the place of an item as a group."""
    for role, column in (("query", question.query), ("rank", question.rank)):
        if column in plan.groups:
            raise QuestionError(f"'{printable(column)}' is both {role} and group column; name another group column")


def _count_all(question: Ranking, table: Table, plan: Plan) -> Counted:
    """Count the cubes of a ranking; its windows over lists are DuckDB's, whatever engine counts the rest.

    Raises
    ------
    ValuesError
        When the rows are no lists with one order each, naming the query.
    """
    with DuckEngine().scan(table, plan.columns) as scan:
        look(scan, table, plan)
        return _count_ranking(scan.con, scan.source, question, table, plan)


KIND = Kind(
    kind=CubeKind.LISTS,
    ask=_ask,
    refuse=_refuse,
    count_all=_count_all,
    reason_against_parts="a ranking cannot be counted in parts yet; count the parts together, as a glob",
)


def _count_ranking(con: Any, source: str, question: Ranking, table: Table, plan: Plan) -> Counted:
    """Sums by group and fold for every crossing, of lists for every grouping, and items by place.

    Parameters
    ----------
    con, source
        Connection, and what to put after FROM.
    table
        Named in refusals.
    question
        With a rank, where the plan has no score.

    Raises
    ------
    ValuesError
        When the rows are no lists with one order each, naming the query.
    """
    _refuse_orders(con, source, question, table, plan)
    _place_items(con, source, question, table, plan)
    every = tuple(crossings(plan.groups, plan.intersections))
    further: dict[CubeKind, tuple[Cube, ...]] = {CubeKind.LISTS: (_lists(con, plan, every, table),)}
    if question.top:
        further[CubeKind.PLACES] = tuple(
            _by_group(con, table, plan, by, _by_place(question), (PREDICTION,)) for by in plan.crossings
        )
    if plan.label is not None:
        further[CubeKind.GAINS] = tuple(_by_group(con, table, plan, by, _gains(plan, by), (FOLD,)) for by in every)
    cubes = tuple(_by_group(con, table, plan, by, _items(question, plan), (FOLD,)) for by in plan.crossings)
    return _make_counted(con, cubes, further, plan)


def _by_group(con: Any, table: Table, plan: Plan, by: tuple[str, ...], query: str, more: tuple[str, ...]) -> Cube:
    """Cube of a query whose first columns are the groups of ``by`` and then the axes ``more``."""
    groups = "".join(f"g{plan.groups.index(name)}, " for name in by)
    done = con.execute(query.replace("{groups}", groups))
    names = [c[0] for c in done.description]
    rows = done.fetchmany(MOST_CELLS + 1)
    if len(rows) > MOST_CELLS:
        levels = {name: len({row[i] for row in rows}) for i, name in enumerate((*by, *more))}
        raise explain_too_many(TooManyCellsError(MOST_CELLS, levels), table, plan, fewer=len(by) > 1)
    keys: list[list[Level]] = [_levels(rows, i, name, plan) for i, name in enumerate(by)]
    keys += [[str(row[len(by) + i]) for row in rows] for i in range(len(more))]
    return _cube((*by, *more), keys, rows, names, plan)


def _cube(
    axes: Sequence[str], keys: Sequence[Sequence[Level]], rows: Sequence[Any], names: Sequence[str], plan: Plan
) -> Cube:
    """Cube of rows whose columns after the keys are measures."""
    columns = list(zip(*rows, strict=True))[len(axes) :]
    measures: dict[str, np.ndarray] = {
        name: np.array(column, dtype=np.int64 if name == "n" else np.float64)
        for name, column in zip(names[len(axes) :], columns, strict=True)
    }
    refuse_large({axis: list(dict.fromkeys(of)) for axis, of in zip(axes, keys, strict=True)}, plan)
    return from_cells(axes, list(zip(*keys, strict=True)), measures)


def _levels(rows: Sequence[Any], at: int, name: str, plan: Plan) -> list[Level]:
    bands = name_bands(plan.bins[name]) if name in plan.bins else None
    return [name_level(row[at], bands) for row in rows]


def _items(question: Ranking, plan: Plan) -> str:
    """Sums over items: exposure, relevance, and for each k the places held and the places that chance would give."""
    sums = ["count(*) AS n", "fsum(exposure) AS exposure", "fsum(exposure * exposure) AS exposure_square"]
    sums += ["fsum(rel) AS relevance"] if plan.label is not None else []
    for k in question.top:
        # Items that share places across the k-th each have the same part of one of the first k.
        sums.append(f"fsum(least(greatest({k} - first + 1, 0), size) / size) AS top_{k}")
        sums.append(f"fsum(least({k}, len) / len) AS expected_{k}")
    return f"SELECT {{groups}} f, {', '.join(sums)} FROM {PLACED} GROUP BY {{groups}} f"  # noqa: S608


def _by_place(question: Ranking) -> str:
    """Items by the band of places that they are in, such as '1-10', '11-50' and 'beyond'; ties by their first place."""
    edges = zip((0, *question.top), question.top, strict=False)
    cases = " ".join(f"WHEN first <= {high} THEN '{low + 1}-{high}'" for low, high in edges)
    band = f"CASE {cases} ELSE 'beyond' END"
    return f"SELECT {{groups}} {band} AS band, count(*) AS n FROM {PLACED} GROUP BY {{groups}} band"  # noqa: S608


def _gains(plan: Plan, by: tuple[str, ...]) -> str:
    """Lists of each group alone, closed up: how many, how many with relevance, their NDCG, how many hold nobody else.

    Items that share places each get the mean relevance of those who share them, which is the mean over their orders;
    by the same rule ``random`` is what a random order of the list shows.
    """
    own = "".join(f"g{plan.groups.index(name)}, " for name in by)
    return f"""
        WITH placed AS (
            SELECT {own} q, f, rel, len, avg(rel) OVER (PARTITION BY {own} q, first) AS mean,
                   row_number() OVER (PARTITION BY {own} q ORDER BY first) AS place,
                   row_number() OVER (PARTITION BY {own} q ORDER BY rel DESC) AS best
            FROM {PLACED}),
        lists AS (
            SELECT {own} q, f, fsum(mean / log2(1 + place)) AS dcg, fsum(rel / log2(1 + best)) AS ideal,
                   avg(rel) * fsum(1 / log2(1 + place)) AS random,
                   count(*) = any_value(len) AS alone
            FROM placed GROUP BY {own} q, f)
        SELECT {own} f, count(*) AS n, count(*) FILTER (ideal > 0) AS graded,
               coalesce(fsum(dcg / ideal) FILTER (ideal > 0), 0) AS ndcg,
               coalesce(fsum(random / ideal) FILTER (ideal > 0), 0) AS random, count(*) FILTER (alone) AS alone
        FROM lists GROUP BY {own} f
    """  # noqa: S608


def _lists(con: Any, plan: Plan, every: Sequence[tuple[str, ...]], table: Table) -> Cube:
    """Whole lists of every grouping by fold: how many, and the sums of what is measured of each."""
    rows: list[tuple[Any, ...]] = []
    names: list[str] = []
    for by in every:
        own = [f"g{plan.groups.index(name)}" for name in by]
        if own:
            _refuse_ties(con, own, table)
        done = con.execute(_of_lists(own) if own else _OF_ALL)
        names = [c[0] for c in done.description]
        rows += [(json.dumps(list(by), ensure_ascii=False), *row) for row in done.fetchall()]
    keys = [[row[0] for row in rows], [str(row[1]) for row in rows]]
    return _cube((GROUPING, FOLD), keys, rows, [GROUPING, *names], plan)


_OF_ALL = f"""
    WITH lists AS (SELECT q, f, count(*) FILTER (size > 1) AS tied FROM {PLACED} GROUP BY q, f)
    SELECT f, count(*) AS n, 0 AS ndkl, 0 AS infeasible, 0 AS infeasible_share, 0 AS mixed,
           sum(tied) AS tied
    FROM lists GROUP BY f
"""  # noqa: S608


def _blocks(own: Sequence[str]) -> str:
    """Common tables: items with a group, closed up, as blocks that share places.

    ``cells``: m items of one group in one block, ``upto`` of the group up to its end, ``whole`` in the list of ``len``.
    ``blocks``: places start + 1 … start + size, and the sums over groups that the mixture of a prefix needs.
    """
    groups, known = ", ".join(own), " AND ".join(f"{g} IS NOT NULL" for g in own)
    grown = f"{XLNX.format('upto')} - {XLNX.format('(upto - m)')}"
    return f"""
        counted AS (SELECT {groups}, q, f, first, count(*) AS m FROM {PLACED} WHERE {known} GROUP BY ALL),
        cells AS MATERIALIZED (
            SELECT *, CAST(sum(m) OVER (PARTITION BY {groups}, q ORDER BY first) AS BIGINT) AS upto,
                   CAST(sum(m) OVER (PARTITION BY {groups}, q) AS BIGINT) AS whole,
                   CAST(sum(m) OVER (PARTITION BY q) AS BIGINT) AS len
            FROM counted),
        summed AS (
            SELECT q, f, first, any_value(len) AS len, CAST(sum(m) AS BIGINT) AS size, count(*) AS mixed,
                   sum({grown}) AS grown, sum(m * ln(whole / len)) AS wanted
            FROM cells GROUP BY q, f, first),
        blocks AS MATERIALIZED (
            SELECT *, CAST(sum(size) OVER w AS BIGINT) - size AS start, sum(grown) OVER w - grown AS grown_before,
                   sum(wanted) OVER w - wanted AS wanted_before
            FROM summed WINDOW w AS (PARTITION BY q ORDER BY first))
    """  # noqa: S608


def _of_lists(own: Sequence[str]) -> str:
    """NDKL and infeasible index of each list, summed by fold.

    With c of each group among the first i, KL = (sum of c ln c - sum of c ln share) / i - ln i. A prefix that ends
    inside a block holds the mean mixture of its orders. The j-th item of a group is due by place ceil(j / share); the
    prefixes from there to where it stands are infeasible, and their union over groups is counted.
    """
    inside = f"{XLNX.format('(c.upto - c.m + j * c.m / b.size)')} - {XLNX.format('(c.upto - c.m)')}"
    return f"""
        WITH {_blocks(own)},
        prefixes AS (
            SELECT q, start + size AS i, grown_before + grown AS grown, wanted_before + wanted AS wanted FROM blocks
            UNION ALL
            SELECT b.q, b.start + j, any_value(b.grown_before) + sum({inside}),
                   any_value(b.wanted_before + b.wanted * j / b.size)
            FROM (SELECT *, unnest(range(1, size)) AS j FROM blocks WHERE size > 1) b
            JOIN cells c ON c.q = b.q AND c.first = b.first
            GROUP BY b.q, b.start, j),
        divergence AS (
            SELECT q, fsum(greatest((grown - wanted) / i - ln(i), 0) / log2(1 + i)) / fsum(1 / log2(1 + i)) AS ndkl
            FROM prefixes GROUP BY q),
        items AS (
            SELECT c.*, b.start, b.size, unnest(range(1, c.m + 1)) AS i
            FROM cells c JOIN blocks b ON c.q = b.q AND c.first = b.first),
        late AS (
            SELECT q, ((upto - m + i) * len + whole - 1) // whole AS due, start + (i * size + m - 1) // m - 1 AS last
            FROM items),
        spans AS (
            SELECT q, last, greatest(due - 1, coalesce(max(last) OVER (
                       PARTITION BY q ORDER BY due, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS after
            FROM late WHERE due <= last),
        broken AS (SELECT q, sum(greatest(last - after, 0)) AS broken FROM spans GROUP BY q),
        lists AS (
            SELECT q, f, any_value(len) AS len, max(whole) < any_value(len) AS mixed, 0 AS tied
            FROM cells GROUP BY q, f)
        SELECT f, count(*) AS n, fsum(ndkl) AS ndkl, sum(coalesce(broken, 0)) AS infeasible,
               fsum(coalesce(broken, 0) / len) AS infeasible_share, count(*) FILTER (mixed) AS mixed, sum(tied) AS tied
        FROM lists JOIN divergence USING (q) LEFT JOIN broken USING (q) GROUP BY f
    """  # noqa: S608


def _refuse_ties(con: Any, own: Sequence[str], table: Table) -> None:
    """Refuse ties of a size at which every place inside would have to be mixed for weeks."""
    ties = con.execute(f"SELECT 1 FROM {PLACED} WHERE size > 1 LIMIT 1").fetchone()  # noqa: S608
    if ties is None:
        return
    found = con.execute(
        f"WITH {_blocks(own)} SELECT coalesce(sum((size - 1) * mixed), 0), max(size) FROM blocks"  # noqa: S608
    ).fetchone()
    if found[0] > MOST_TIED:
        raise SourceError(
            f"{table.name}: up to {found[1]:,} items of a list share one score, too many to place ({found[0]:,} "
            f"mixtures, more than {MOST_TIED:,}); give scores with more digits, or ranks"
        )


def _make_counted(
    con: Any, cubes: tuple[Cube, ...], further: Mapping[CubeKind, tuple[Cube, ...]], plan: Plan
) -> Counted:
    gone = [f"g{i} IS NULL" for i in range(len(plan.groups))]
    in_none = " AND ".join(gone) or "false"
    each = "".join(f", count(*) FILTER ({g})" for g in gone)
    total, none, *missing = con.execute(f"SELECT count(*), count(*) FILTER ({in_none}){each} FROM {PLACED}").fetchone()  # noqa: S608
    return Counted(
        cubes=cubes,
        further=further,
        rows_read=int(total),
        rows_excluded={nowhere(plan.groups): int(none)} if none else {},
        rows_without_group={c: int(n) for c, n in zip(plan.groups, missing, strict=True) if n},
    )


# Lists of items as they stand in a table: what is refused of them, and one row an item with its place.
#
# Items that share a score share their places: every one of them is as likely to stand in each. No number depends on
# the order of the rows. Must not: know a metric.
def _refuse_orders(con: Any, source: str, question: Ranking, table: Table, plan: Plan) -> None:
    """Refuse what is no set of lists with one order each.

    Raises
    ------
    ValuesError
        Naming the column, and the query where one list is at fault.
    SourceError
        When there are too many items to hold.
    """
    _refuse_kinds(question, table)
    seen = _look_at_values(con, source, question, plan)
    refuse_sums({k: np.array([v or 0]) for k, v in seen.items()}, plan, table, asdict(question))
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
    if question.rank is not None:
        _refuse_places(con, source, question)
    if plan.unit is not None:
        _refuse_units(con, source, question, plan)


def _place_items(con: Any, source: str, question: Ranking, table: Table, plan: Plan) -> None:
    """Make the table of placed items."""
    groups = "".join(f"{_group(name, table, plan)} AS g{i}, " for i, name in enumerate(plan.groups))
    rel = f"CAST({quote_identifier(plan.label)} AS DOUBLE)" if plan.label is not None else "0.0"
    folded = plan.unit or question.query
    con.execute(f"""
        CREATE TEMP TABLE {PLACED} AS
        WITH items AS (
            SELECT {groups} {_query(question)} AS q, {_order(question, plan)} AS s, {rel} AS rel,
                   {key_sql(Fold(folded, FOLDS)) if folded is not None else "0"} AS f
            FROM {source}),
        ordered AS (
            SELECT *, rank() OVER w AS first, row_number() OVER w AS place, count(*) OVER (PARTITION BY q, s) AS size,
                   count(*) OVER (PARTITION BY q) AS len
            FROM items WINDOW w AS (PARTITION BY q ORDER BY s DESC))
        SELECT * EXCLUDE (s, place), avg(1 / log2(1 + place)) OVER (PARTITION BY q, s) AS exposure FROM ordered
    """)  # noqa: S608


def _query(question: Ranking) -> str:
    if question.query is None:
        return "0"
    return quote_identifier(question.query)


def _order(question: Ranking, plan: Plan) -> str:
    """What is highest at the top; adding 0 makes one zero of the two that floating numbers have."""
    if question.rank is not None:
        return f"-CAST({quote_identifier(question.rank)} AS DOUBLE)"
    return f"CAST({quote_identifier(plan.score or '')} AS DOUBLE) + 0"


def _group(name: str, table: Table, plan: Plan) -> str:
    if name in plan.bins:
        return key_sql(Band(name, plan.bins[name]))
    column = quote_identifier(name)
    if table.columns[name] != "float":
        return column
    return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"


def _refuse_kinds(question: Ranking, table: Table) -> None:
    allowed = (
        ("query", question.query, {"integer", "text", "date"}, "name lists by whole numbers or text"),
        ("rank", question.rank, {"integer", "float"}, "places are 1, 2, 3 …"),
    )
    for role, name, kinds, mend in allowed:
        if name is not None and table.columns[name] not in kinds:
            raise ValuesError(f"{table.name}: {role} '{printable(name)}' is {table.columns[name]}; {mend}")


def _look_at_values(con: Any, source: str, question: Ranking, plan: Plan) -> dict[str, Any]:
    """Counts of what is refused, and the largest relevance."""
    asked = {"n": "count(*)"}
    for role, name in (("rank", question.rank), ("score", plan.score), ("label", plan.label)):
        if name is None:
            continue
        x = f"CAST({quote_identifier(name)} AS DOUBLE)"
        asked[f"{role}_missing"] = f"count(*) FILTER ({x} IS NULL OR isnan({x}))"
        if role == "rank":
            asked["rank_broken"] = f"count(*) FILTER (NOT isnan({x}) AND {x} <> floor({x}) OR isinf({x}))"
        else:
            asked[f"{role}_infinite"] = f"count(*) FILTER (isinf({x}))"
        if role == "label":
            asked |= {"label_negative": f"count(*) FILTER ({x} < 0)", "label_size": f"max({x})"}
    for role, name in (("query", question.query), ("unit", plan.unit)):
        if name is not None:
            asked[f"{role}_missing"] = f"count(*) FILTER ({quote_identifier(name)} IS NULL)"
    found = con.execute(f"SELECT {', '.join(asked.values())} FROM {source}").fetchone()  # noqa: S608
    return dict(zip(asked, found, strict=True))


def _refuse_places(con: Any, source: str, question: Ranking) -> None:
    """Refuse a list whose places are not 1, 2, 3 … once each."""
    found = con.execute(f"""
        WITH items AS (SELECT {_query(question)} AS q, CAST({quote_identifier(question.rank or "")} AS DOUBLE) AS r
                       FROM {source}),
        lists AS (SELECT q, count(*) AS n, count(DISTINCT r) AS places, min(r) AS low, max(r) AS high
                  FROM items GROUP BY q)
        SELECT * FROM lists WHERE places < n OR low <> 1 OR high <> n ORDER BY q LIMIT 1
    """).fetchone()  # noqa: S608
    if found is None:
        return
    query, n, places, low, high = found
    where = f" of query '{printable(query)}'" if question.query is not None else ""
    what = (
        f"gives {n:,} items only {places:,} different places"
        if places < n
        else f"goes from {low:.0f} to {high:.0f} for {n:,} items"
    )
    hint = "" if question.query is not None else "; if these are several lists, name the query"
    raise ValuesError(
        f"rank '{printable(question.rank)}'{where} {what}; number the places of each list 1, 2, 3 … once each{hint}"
    )


def _refuse_units(con: Any, source: str, question: Ranking, plan: Plan) -> None:
    """Refuse a list whose items belong to several units: it is one observation of nobody."""
    unit = quote_identifier(plan.unit or "")
    found = con.execute(f"""
        SELECT q, count(DISTINCT u) AS units FROM (SELECT {_query(question)} AS q, {unit} AS u FROM {source})
        GROUP BY q HAVING units > 1 ORDER BY q LIMIT 1
    """).fetchone()  # noqa: S608
    if found is None:
        return
    which = f"query '{printable(found[0])}'" if question.query is not None else "the one list"
    raise ValuesError(
        f"unit '{printable(plan.unit)}': {which} has items of {found[1]:,} units; give each list one "
        "unit, or remove unit if lists are independent"
    )
