"""Rows and sums of weights in words, so that neither is taken for the other."""

from __future__ import annotations

from audit.estimate import Estimate


def rows_text(estimate: Estimate) -> str:
    """Rows that a value rests on, with the sum of their weights where they have any: n 200 rows, weighted total 1."""
    if estimate.rows is None:
        n = estimate.n if estimate.denominator is None else estimate.denominator
        return f"n {n or 0.0:,.0f}"
    return f"n {estimate.rows:,.0f} rows, weighted total {total_text(estimate.denominator or 0.0)}"


def total_text(total: float) -> str:
    """Sum of weights: whole where it is large, three significant digits where it is small or beyond reading."""
    return f"{total:,.0f}" if 1000 <= total < 1e15 or (total == round(total, 6) and total < 1e15) else f"{total:.3g}"
