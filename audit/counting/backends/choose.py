"""What is counted, and who counts: a table or counts that were kept; one name in the configuration, one class here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from audit.counting.count import count_cubes
from audit.counting.engine import Engine
from audit.counting.plan import Counted, Plan
from audit.tables.addresses import is_address
from audit.tables.files import is_counts
from audit.tables.formats.dialect import UNSAID, Dialect
from audit.tables.open import open_table
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


def open_source(
    source: str | Path,
    *,
    folder: Path | None = None,
    digested: bool = True,
    engine: str = "duckdb",
    dialect: Dialect = UNSAID,
) -> Table:
    """Open a folder of counts, or any table; parameters and errors are those of `audit.tables.open.open_table`."""
    place = Path(folder or ".") / source
    if not is_address(source) and is_counts(place):
        from audit.counting.parts import open_counts

        return open_counts(str(source), place)
    return open_table(source, folder=folder, digested=digested, engine=engine, dialect=dialect)
