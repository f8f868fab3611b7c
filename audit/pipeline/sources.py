"""What an audit may begin with: a table, or counts that were kept of one."""

from __future__ import annotations

from pathlib import Path

from audit.tables.addresses import is_address
from audit.tables.files import is_counts
from audit.tables.formats.dialect import UNSAID, Dialect
from audit.tables.open import open_table
from audit.tables.table import Table


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
