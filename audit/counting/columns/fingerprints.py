"""One number of 128 bits for a row, by which equal rows are found without keeping them.

Two hashes of 64 bits, over the values in both orders: among a billion different rows the chance that any two meet is
under 1e-20. Must not: say what equal rows mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from audit.tables.connection import quoted
from audit.tables.kinds import Kind

NUMBERS = {"integer", "float"}


def fingerprint_sql(columns: Mapping[str, tuple[Kind, ...]]) -> str:
    """Two columns ``fa`` and ``fb`` that are equal where all values are.

    Parameters
    ----------
    columns
        Kinds of a column in every table that is compared; where they differ, values are compared as numbers or as text.
    """
    values = [value_sql(name, kinds) for name, kinds in columns.items()]
    return f"hash({', '.join(values)}) AS fa, hash({', '.join(values[::-1])}, 1) AS fb"


def value_sql(name: str, kinds: tuple[Kind, ...]) -> str:
    """Value of a column in a type in which equal values of all tables are equal; missing where it is NaN."""
    column, known = quoted(name), set(kinds)
    if known == {"integer"}:
        return f"CAST({column} AS HUGEINT)"
    if known == {"boolean"}:
        return column
    if known <= NUMBERS:
        number = f"CAST({column} AS DOUBLE)"
        # Adding 0 makes -0 and 0 one value.
        return f"(CASE WHEN isnan({number}) THEN NULL ELSE {number} + 0 END)"
    return f"CAST({column} AS VARCHAR)"
