"""Pieces of SQL that several queries share."""

from __future__ import annotations

from audit.engines.counting import FOLDS


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
