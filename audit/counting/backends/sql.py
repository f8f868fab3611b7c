"""Keys and sums in DuckDB's SQL."""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.counting.terms import (
    Band,
    Banded,
    Binary,
    Column,
    Constant,
    Every,
    Finer,
    Fold,
    Highest,
    Key,
    Lowest,
    Number,
    Passes,
    Rows,
    Size,
    Slice,
    Steps,
    Sum,
    Surprise,
    Term,
    Test,
    Total,
)
from audit.tables.table import quote_identifier

SIGNS = {"below": "<", "above": ">", "at least": ">=", "at most": "<="}


def double(value: float) -> str:
    """Double as a literal that is read as one."""
    return f"CAST('{value!r}' AS DOUBLE)"


def term_sql(term: Term) -> str:
    """Expression of a number."""
    match term:
        case Number(name):
            return f"CAST({quote_identifier(name)} AS DOUBLE)"
        case Banded(name, edges):
            value = term_sql(Number(name))
            near = [" * ".join((value, *map(double, factors))) for factors in term.factors]
            cases = (f"WHEN {value} >= {double(edge)} THEN {of} " for edge, of in zip(edges, near[1:], strict=True))
            return f"(CASE {''.join(reversed(list(cases)))}ELSE {near[0]} END)" if edges else f"({near[0]})"
        case Constant(constant):
            return double(constant)
        case Binary(sign, left, right):
            return f"({term_sql(left)} {sign} {term_sql(right)})"
        case Size(of):
            return f"abs({term_sql(of)})"
        case Surprise(of):
            value = term_sql(of)
            return f"(CASE WHEN {value} > 0 THEN -ln({value}) ELSE 0 END)"
        case _:
            raise NotImplementedError(type(term).__name__)


def test_sql(test: Test | Every) -> str:
    """Condition on a row."""
    if isinstance(test, Every):
        return " AND ".join(f"({test_sql(one)})" for one in test.tests)
    if isinstance(test.of, str):
        return f"{quote_identifier(test.of)} IS NULL"
    value = term_sql(test.of)
    if test.is_ == "missing":
        return f"{value} IS NULL OR isnan({value})"
    if test.is_ == "infinite":
        return f"isinf({value})"
    return f"{value} {SIGNS[test.is_]} {double(test.value)} AND NOT isnan({value})"


def key_sql(key: Key) -> str:
    """Expression to group by."""
    match key:
        case Column(name):
            return quote_identifier(name)
        case Band(name, edges):
            value = term_sql(Number(name))
            steps = " + ".join(f"CAST({value} >= {double(edge)} AS TINYINT)" for edge in edges)
            return f"CASE WHEN isnan({value}) THEN NULL ELSE {steps} END"
        case Passes(name, threshold):
            return f"({term_sql(Number(name))} >= {double(threshold)})"
        case Fold(unit, folds):
            return f"CAST('0x' || substr(md5(CAST({quote_identifier(unit)} AS VARCHAR)), 1, 8) AS BIGINT) % {folds}"
        case Slice() | Steps():
            return _slice_sql(key)
        case _:
            return term_sql(key.of)


def _slice_sql(key: Slice | Steps) -> str:
    """Number of the slice, and of the finer cuts at or below the value."""
    at = f"(({term_sql(key.of)} - {double(key.low)}) * {double(key.per_unit)})"
    found = f"least(floor({at}), {key.slices - 1})"
    return f"CAST({found if isinstance(key, Slice) else f'{found} + {_cuts_sql(at, key.finer)}'} AS BIGINT)"


def _cuts_sql(at: str, finer: Sequence[Finer]) -> str:
    """Number of cuts, by halving: a row is only compared with the cuts that lie where it does."""
    edges = sorted({edge for cut in finer for edge in cut.span})
    each = []
    for start in (-math.inf, *edges):
        passed = sum(cut.last if cut.span[1] <= start else cut.first for cut in finer if not _within(cut, start))
        here = (f"floor(({at} - {double(cut.at)}) * {double(cut.scale)})" for cut in finer if _within(cut, start))
        each.append(" + ".join((*here, str(passed))))
    return _halved(at, edges, each)


def _within(cut: Finer, start: float) -> bool:
    return cut.span[0] <= start < cut.span[1]


def _halved(at: str, edges: Sequence[float], each: Sequence[str]) -> str:
    """One of several expressions: the first is of what lies below the first edge."""
    if not edges:
        return f"({each[0]})"
    i = len(edges) // 2
    low, high = _halved(at, edges[:i], each[: i + 1]), _halved(at, edges[i + 1 :], each[i + 1 :])
    return f"(CASE WHEN {at} < {double(edges[i])} THEN {low} ELSE {high} END)"


def sum_sql(wanted: Sum, shift: int) -> str:
    """Aggregate; a total comes as a whole number, moved left by ``shift`` places."""
    match wanted:
        case Rows(None):
            return "count(*)"
        case Rows(Test() | Every() as when):
            return f"count(*) FILTER ({test_sql(when)})"
        case Total(of):
            return f"sum(CAST(trunc({term_sql(of)} * {double(2.0**shift)}) AS HUGEINT))"
        case Lowest(of, when):
            value, also = term_sql(of), "" if when is None else f" AND {test_sql(when)}"
            return f"min({value}) FILTER (isfinite({value}){also})"
        case Highest(of):
            return f"max({term_sql(of)}) FILTER (isfinite({term_sql(of)}))"
        case _:
            raise NotImplementedError(type(wanted).__name__)
