"""Pieces of SQL that several queries share."""

from __future__ import annotations

from audit.engines.counting import FOLDS, Plan


def quoted(name: str) -> str:
    """Column name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def banded(column: str, edges: tuple[float, ...]) -> str:
    """Number of edges at or below the value; missing stays missing."""
    value = f"CAST({quoted(column)} AS DOUBLE)"
    steps = " + ".join(f"CAST({value} >= {edge!r} AS TINYINT)" for edge in edges)
    return f"CASE WHEN isnan({value}) THEN NULL ELSE {steps} END"


def fold(unit: str) -> str:
    """Fold of a unit: a hash that every engine can compute, modulo the number of folds."""
    return f"CAST('0x' || substr(md5(CAST({quoted(unit)} AS VARCHAR)), 1, 8) AS BIGINT) % {FOLDS}"


def number(name: str) -> str:
    """Column as a floating number."""
    return f"CAST({quoted(name)} AS DOUBLE)"


def group(name: str, plan: Plan) -> str:
    """Raw level of a group column: the band where it has bands, otherwise the value as it stands."""
    return banded(name, plan.bins[name]) if name in plan.bins else quoted(name)


def decided(score: str, threshold: float) -> str:
    """Whether a score is a positive prediction."""
    return f"({number(score)} >= {threshold!r})"


def refused_weights(name: str) -> dict[str, str]:
    """Counts of the weights that no row may have, as `audit.engines.refusals` names them."""
    w = number(name)
    return {
        "weight_missing": f"count(*) FILTER ({w} IS NULL OR isnan({w}))",
        "weight_infinite": f"count(*) FILTER (isinf({w}))",
        "weight_negative": f"count(*) FILTER ({w} < 0)",
    }
