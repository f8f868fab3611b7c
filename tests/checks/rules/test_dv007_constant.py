"""DV007, a column of one value."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import audit


def found(**columns):
    rows = pd.DataFrame({"g": ["a", "b"] * 1000, "y": [0, 1, 1, 0] * 500, **columns})
    (check,) = [c for c in audit.check(rows, label="y", groups="g").checks if c.code == "DV007"]
    return check


def test_clean_columns_are_silent():
    assert found(x=np.arange(2000.0)).outcome == "pass"


def test_a_column_of_one_value_is_named():
    check = found(x=["same"] * 2000)
    assert (check.outcome, check.severity) == ("warn", "warning")
    assert (check.title, check.mend[:15]) == ("1 column of the training data is constant: x", "Drop the column")
    assert check.detail == "x: one value in 2,000 rows"


def test_missing_values_do_not_hide_it():
    assert found(x=[1.5, None] * 1000).outcome == "warn"


def test_nearly_one_value_is_named():
    assert found(x=[0] * 1999 + [1]).title == "1 column of the training data is nearly constant: x"
    assert found(x=[0] * 1900 + [1] * 100).outcome == "pass"


def empty_in(path_or_frame):
    """What DV007 and DB001 say of each part."""
    checks = audit.check(path_or_frame, label="y", groups="g").checks
    return {c.code: (c.outcome, f"{c.title}; {c.detail}") for c in checks if c.code in {"DV007", "DB001"}}


def test_a_column_without_a_single_value_is_named():
    check = found(x=pd.Series([None] * 2000, dtype="float64"))
    assert (check.outcome, check.title) == ("warn", "1 column of the training data is empty: x")
    assert check.detail == "x: no value in 2,000 rows"
    check = found(x=pd.Series([None] * 2000, dtype="float64"), z=[None] * 2000, one=[1] * 2000)
    assert check.title == "1 column of the training data is constant: one; 2 are empty: x, z"


def test_it_is_missing_for_everybody_too():
    rows = pd.DataFrame({"g": ["a", "b"] * 100, "y": [0, 1, 1, 0] * 50, "x": [None] * 200})
    said = empty_in(rows)
    assert said["DB001"] == ("warn", "No row of the training data has a value for x; ")
    assert empty_in(rows.assign(x=range(200)))["DB001"][0] == "pass"
    holed = rows.assign(z=[1.0, None] * 100)
    assert empty_in(holed)["DB001"][1] == (
        "z is missing in 100.0% of g 'b' and 0.0% of the other groups; p-value < 0.001; no row has a value for x"
    )


def test_a_table_without_rows_has_no_empty_column():
    from audit.counting.columns.profile import Profile, empty_columns

    assert empty_columns({"x": Profile("text", 0, 0, 0), "z": Profile("text", 3, 3, 0)}) == ["z"]


EMPTY = {
    "null": pa.nulls(200), "whole": pa.nulls(200, pa.int64()), "float": pa.nulls(200, pa.float64()), "nan": pa.array([math.nan] * 200),
    "text": pa.nulls(200, pa.string()), "blank": pa.array(["  "] * 200), "flag": pa.nulls(200, pa.bool_()), "day": pa.nulls(200, pa.date32()),
    "when": pa.nulls(200, pa.timestamp("us", "UTC")), "cat": pa.nulls(200, pa.dictionary(pa.int8(), pa.string())), "dec": pa.nulls(200, pa.decimal128(9, 2)),
}  # fmt: skip


@pytest.mark.parametrize(
    "ending", ["csv", "tsv", "jsonl", "parquet", "feather", "arrow frame", "polars", "pandas", "mapping"]
)
def test_whatever_the_file_and_the_type_of_the_column(tmp_path, ending):
    rows = pa.table({"g": ["a", "b"] * 100, "y": [0, 1, 1, 0] * 50, "sound": range(200), **EMPTY})
    texts = rows.to_pandas().assign(nan=math.nan)
    path = tmp_path / f"t.{ending}"
    writers = {
        "csv": lambda: texts.to_csv(path, index=False), "tsv": lambda: texts.to_csv(path, index=False, sep="\t"),
        "jsonl": lambda: texts.to_json(path, orient="records", lines=True, date_format="iso"), "parquet": lambda: pq.write_table(rows, path),
        "feather": lambda: pa.feather.write_feather(rows, path),
    }  # fmt: skip
    frames = {
        "arrow frame": lambda: rows, "polars": lambda: pytest.importorskip("polars").DataFrame(rows), "pandas": rows.to_pandas,
        "mapping": lambda: {c: rows[c].to_pylist() for c in rows.column_names},
    }  # fmt: skip
    if ending in writers:
        writers[ending]()
    said = empty_in(path if ending in writers else frames[ending]())
    named = ", ".join([*EMPTY][:5])
    title = f"{len(EMPTY)} columns of the training data are empty: {named} and {len(EMPTY) - 5} more; "
    assert said["DV007"][1].startswith(title)
    assert said["DB001"][1] == f"No row of the training data has a value for {named} and {len(EMPTY) - 5} more; "


def test_a_column_that_is_empty_in_one_part_alone_is_named_there():
    rows = pd.DataFrame({"g": ["a", "b"] * 200, "y": [0, 1, 1, 0] * 100, "x": [1.0, 2, 3, 4] * 50 + [math.nan] * 200})
    checks = audit.check(rows.iloc[:200], test=rows.iloc[200:], label="y", groups="g").checks
    assert {c.part: c.title for c in checks if c.code == "DV007"} == {
        "train": "No column of the training data is constant or empty",
        "test": "1 column of the test data is empty: x",
    }


def test_a_column_that_is_empty_for_one_group_alone_is_missing_there():
    rows = pd.DataFrame(
        {"g": ["a", "b"] * 100, "y": [0, 1, 1, 0] * 50, "x": [1.0, math.nan] * 50 + [2.0, math.nan] * 50}
    )
    outcome, detail = empty_in(rows)["DB001"]
    assert outcome == "warn"
    assert detail.startswith("x is missing in 100.0% of g 'b' and 0.0% of the other groups")
