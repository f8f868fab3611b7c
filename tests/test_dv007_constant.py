"""DV007, a column of one value."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
    assert (check.detail, check.mend[:12]) == ("x is the same in every row with a value", "leave it out")
    assert "same" not in check.detail.replace("the same", "")


def test_missing_values_do_not_hide_it():
    assert found(x=[1.5, None] * 1000).outcome == "warn"


def test_nearly_one_value_is_named():
    assert "x is the same in more than 99.9% of them" in found(x=[0] * 1999 + [1]).detail
    assert found(x=[0] * 1900 + [1] * 100).outcome == "pass"


def test_nobody_with_a_value_is_no_constant():
    assert found(x=pd.Series([None] * 2000, dtype="float64")).outcome == "pass"
