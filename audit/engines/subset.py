"""Rows of one group of a table, as a pandas frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from audit.engines.asking_figures import grouped_by
from audit.engines.duck import DuckScan
from audit.engines.figures import families
from audit.engines.sql import quoted
from audit.engines.tables import Table, frame_of

if TYPE_CHECKING:
    import pandas as pd

    from audit.engines.terms import Band, Column


def rows_of_group(table: Table, names: Sequence[str], key: Column | Band, group: object) -> pd.DataFrame:
    """Chosen columns of the rows whose key has one raw value.

    Parameters
    ----------
    group
        As `audit.engines.asking_figures.ask_figures` gives it; None for the rows in which it is missing.
    """
    with table.reading(), duckdb.connect(":memory:") as con:  # one that keeps rows in their order
        con.execute("SET TimeZone = 'UTC'")
        scan = DuckScan(con, table.scan(con, [*names, key.name]), table.rows)
        where = f"{grouped_by(key, families(scan))} IS NOT DISTINCT FROM ?"
        query = f"SELECT {', '.join(map(quoted, names))} FROM {scan.source} WHERE {where}"  # noqa: S608
        return frame_of(con.execute(query, [group]).to_arrow_table())
