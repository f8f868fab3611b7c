"""An earlier decision is one more key of the tables that are counted anyway: it costs a fraction of a pass, not another."""

from __future__ import annotations

import statistics
import time

import duckdb
import pytest

from audit.axes import CubeKind
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.count import count_cubes
from audit.counting.kinds.pairs import Pairs
from audit.counting.plan import Plan
from audit.tables.open import open_table

ROWS = 10_000_000
MOST = 1.3
"""CPU of the pairs, in that of the predictions alone."""


@pytest.mark.slow
@pytest.mark.parametrize("intersections", [1, 3])
def test_ten_million_pairs_by_three_attributes(tmp_path, intersections):
    path = tmp_path / "t.parquet"
    duckdb.sql(f"""
        COPY (SELECT ['white', 'black', 'asian', 'native', 'other'][1 + (hash(i) % 5)::INT] AS race,
                     ['f', 'm'][1 + (hash(i + 7) % 2)::INT] AS sex,
                     ['a', 'b', 'c', 'd', 'e', 'f'][1 + (hash(i * 3) % 6)::INT] AS region,
                     (hash(i * 5) % 2)::TINYINT AS y, (hash(i * 11) % 2)::TINYINT AS old, (hash(i * 13) % 2)::TINYINT AS new
              FROM range({ROWS}) t(i)) TO '{path}'
    """)
    table, groups = open_table(path), ("race", "sex", "region")
    plain = Plan(groups=groups, intersections=intersections, label="y", prediction="new")
    pairs = Plan(
        groups=groups, intersections=intersections, label="y", prediction="new", kinds={CubeKind.PAIRS: Pairs("old")}
    )

    def measure(plan):
        began = time.process_time()
        count_cubes(table, plan, DuckEngine())
        return time.process_time() - began

    measure(plain)
    assert statistics.median(measure(pairs) / measure(plain) for _ in range(7)) <= MOST
