"""Where scores are cut into positive and negative: at a number that was given, or above the median of them all.

Must not: know a metric.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from audit.engines.counting import MEDIAN, Plan
from audit.engines.sql import quoted


def resolved(con: Any, source: str, plan: Plan) -> Plan:
    """Plan whose threshold is a number; a score strictly above a median is positive.

    Parameters
    ----------
    con, source
        Connection, and what to put after FROM.
    plan
        As it was asked.
    """
    if plan.threshold != MEDIAN or plan.score is None:
        return plan
    return replace(plan, threshold=_median(con, source, f"CAST({quoted(plan.score)} AS DOUBLE)"), strict=True)


def positive_sql(plan: Plan) -> str:
    """SQL of whether a row's score makes it positive."""
    return f"(CAST({quoted(plan.score or '')} AS DOUBLE) {'>' if plan.strict else '>='} {plan.threshold!r})"


def _median(con: Any, source: str, score: str) -> float:
    """Median of all finite scores; the mean of the middle two, but never as high as the upper one."""
    finite = f"SELECT {score} AS s FROM {source} WHERE isfinite({score})"  # noqa: S608
    lower = f"SELECT quantile_disc(s, 0.5) AS m FROM ({finite})"  # noqa: S608
    asked = (
        "any_value(m), count(*) FILTER (s <= m), count(*), min(s) FILTER (s > m)"  # the next higher score that there is
    )
    m, below, n, above = con.execute(f"SELECT {asked} FROM ({finite}), ({lower})").fetchone()  # noqa: S608
    if m is None:
        return 0.0  # there is no score at all, which is refused when the rows are counted
    if 2 * below != n:
        return float(m)
    middle = float(m) / 2 + float(above) / 2
    # Between neighbouring numbers there is no room: what is above the lower one is above the median.
    return middle if m <= middle < above else float(m)
