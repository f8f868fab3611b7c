"""Who counts: one name in the configuration, one class here; what was counted before is only added up."""

from __future__ import annotations

from typing import Literal

from audit.counting.count import count_cubes
from audit.counting.engine import Engine
from audit.counting.plan import Counted, Plan
from audit.tables.table import Table

EngineName = Literal["duckdb", "pandas", "polars", "spark"]


def choose_engine(name: EngineName, master: str | None = None) -> Engine:
    """Engine by name; ``master`` is Spark's. Only what is chosen is imported."""
    if name == "spark":
        from audit.counting.backends.spark import SparkEngine

        return SparkEngine(master)
    if name == "duckdb":
        from audit.counting.backends.duckdb import DuckEngine

        return DuckEngine()
    from audit.counting.backends.narwhals import FrameEngine

    return FrameEngine(name)


def count(table: Table, plan: Plan, name: EngineName = "duckdb", master: str | None = None) -> Counted:
    """Cubes of a plan, from rows by an engine or from counts that were kept."""
    if not table.rows_here:
        from audit.counting.parts import CountedParts

        if isinstance(table, CountedParts):
            return table.count(plan)
    return count_cubes(table, plan, choose_engine(name, master))
