"""DV013, columns that cannot be read exactly; they keep nobody from looking at the others."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import audit


def found(rows):
    (check,) = [c for c in audit.check(rows, label="y", groups="g").checks if c.code == "DV013"]
    return check


ROWS = {"g": ["a", "b"] * 50, "y": [0, 1, 1, 0] * 25}


def test_plain_columns_are_silent():
    assert found(pd.DataFrame(ROWS)).outcome == "pass"


@pytest.mark.parametrize(
    "more",
    [
        {"odd": [[1, 2]] * 100},
        {"odd": pa.array([Decimal("12345678901234567.123")] * 100)},
        {"odd": pa.array([Decimal(2**70)] * 100)},
    ],
    ids=["lists", "digits", "beyond 64 bits"],
)
def test_they_are_named_and_the_others_are_looked_at(more, tmp_path):
    table = pa.table({**ROWS, **more, "same": ["x"] * 100})
    pq.write_table(table, tmp_path / "t.parquet")
    for rows in (table, tmp_path / "t.parquet"):
        checks = {c.code: c for c in audit.check(rows, label="y", groups="g").checks}
        assert checks["DV013"].outcome == "warn"
        assert checks["DV013"].title == (
            "1 column of the training data cannot be read exactly and was not checked: odd"
        )
        assert checks["DV007"].title == "1 column of the training data is constant: same"


def test_names_that_differ_only_in_case_are_refused_only_where_they_are_asked_for():
    rows = pa.table({**ROWS, "Pay": [1] * 100, "pay": [2] * 100})
    assert found(rows).title.endswith("cannot be read exactly and were not checked: Pay, pay")
    with pytest.raises(audit.SourceError, match="differ only in case"):
        audit.check(rows, label="y", groups="pay")


def test_a_damaged_column_that_nobody_asks_for_is_the_file_s_fault(tmp_path):
    rng = np.random.default_rng(1)
    rows = pa.table({"g": ["a", "b"] * 25_000, "y": [0, 1, 1, 0] * 12_500, "z": rng.random(50_000)})
    path = tmp_path / "t.parquet"
    pq.write_table(rows, path, compression="snappy", use_dictionary=False)
    at = pq.ParquetFile(path).metadata.row_group(0).column(2).data_page_offset
    damaged = bytearray(path.read_bytes())
    damaged[at + 30 : at + 400] = b"\xff" * 370
    path.write_bytes(damaged)
    with pytest.raises(audit.SourceError, match=r"t\.parquet cannot be read .*damaged or cut off"):
        audit.check(path, label="y", groups="g")
