"""DB005, columns that stand in for a group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from looking_at import found

from audit.checks import part
from audit.checks.association import cramers_v
from audit.checks.rules import proxies

RNG = np.random.default_rng(2)
N = 3000
SEX = RNG.choice(["f", "m"], N)


def one(**columns):
    rows = pd.DataFrame({"sex": SEX, "y": RNG.integers(0, 2, N), **columns})
    (check,) = found("DB005", rows, label="y", groups=("sex",))
    return check


def test_adult_names_relationship_and_marital_status_first(shared):
    path = shared / "data/adult/adult_train.parquet"
    sex, race = found("DB005", path, label="income", positive=">50K", groups=("sex", "race"))
    assert sex.outcome == "warn"
    assert sex.title == "1 column may act as a proxy for sex: relationship (Cramér's V 0.65)"
    assert sex.detail.startswith("large effects, Cohen's w at least 0.5; weaker: marital-status (Cramér's V 0.46), ")
    assert "native-country" in race.title.split(": ")[1].split(",")[0]


def test_noise_is_silent_however_many_values_it_has():
    check = one(town=RNG.integers(0, 900, N), id=[f"i{i}" for i in range(N)], income=RNG.normal(size=N))
    assert check.outcome == "pass"
    assert all(
        float(word) < 0.1
        for word in check.detail.replace(",", "").replace("(", "").replace(")", "").split()
        if "." in word and word[0] == "0"
    )


def test_a_number_that_goes_with_the_group_is_named():
    height = np.where(SEX == "m", 180, 166) + RNG.normal(size=N) * 5
    check = one(height=height, x=RNG.normal(size=N))
    assert check.outcome == "warn"
    assert check.title.startswith("1 column may act as a proxy for sex: height (Cramér's V 0.")


def test_whether_there_is_a_value_can_be_a_proxy():
    assert "maiden (Cramér's V 1.00)" in one(maiden=np.where(SEX == "f", "x", None)).title


def test_columns_that_are_not_looked_at_are_named(monkeypatch):
    monkeypatch.setattr(proxies, "MOST_DISTINCT", 1_500)
    ids = {f"i{i}": [f"{i}-{j}" for j in range(N)] for i in range(25)}
    check = one(**ids, x=RNG.integers(0, 3, N))
    assert check.detail.startswith("strongest: x (Cramér's V 0.0")
    named = ", ".join(f"i{i}" for i in range(20))
    assert check.detail.endswith(f"; 25 columns not checked (more than 1,500 values): {named} and 5 more")


def test_columns_of_too_many_joint_values_are_named(monkeypatch):
    monkeypatch.setattr(part, "MOST_CELLS", 1_000)
    monkeypatch.setattr(proxies, "MOST_CELLS", 1_000)
    check = one(street=[f"s{i}" for i in range(N)], x=RNG.integers(0, 3, N))
    assert check.detail.endswith("; 1 column not checked (more than 1,000 combinations with the group): street")


def test_the_label_is_no_proxy():
    rows = pd.DataFrame({"sex": SEX, "y": (SEX == "f").astype(int)})
    (check,) = found("DB005", rows, label="y", groups=("sex",))
    assert check.outcome == "not applicable"


def test_a_group_of_one_level_is_undefined():
    rows = pd.DataFrame({"g": ["a"] * 50, "x": range(50)})
    assert found("DB005", rows, groups=("g",))[0].outcome == "undefined"


def test_columns_without_a_value_say_nothing():
    assert one(empty=pd.Series([None] * N, dtype="float64")).outcome == "undefined"


def test_v_is_bergsmas():
    table = np.array([[20, 30, 5], [25, 10, 40]])
    n, phi2 = table.sum(), 0.0
    for i in range(2):
        for j in range(3):
            e = table[i].sum() * table[:, j].sum() / n
            phi2 += (table[i, j] - e) ** 2 / e / n
    phi2 -= 1 * 2 / (n - 1)
    rows = 2 - 1 / (n - 1)
    assert cramers_v(table) == pytest.approx((phi2 / (rows - 1)) ** 0.5, abs=1e-12)
    assert np.isnan(cramers_v(np.array([[3, 0], [2, 0]])))
