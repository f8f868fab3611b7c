"""DV015: what is written as something else than it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import audit
from audit.checks.rules import misread_values
from audit.cli.app import main
from audit.pipeline.verify import describe_differences

N = 400
RNG = np.random.default_rng(20260114)
BASE = pd.DataFrame(
    {"y": np.tile([0, 1], N // 2), "sex": np.repeat(["f", "m"], N // 2), "age": RNG.integers(18, 80, N).astype(float)}
)


def found(**columns):
    result = audit.check(BASE.assign(**columns), label="y", groups=["sex"])
    return next(c for c in result.checks if c.code == "DV015")


@pytest.mark.parametrize(("values", "says"), [
    (RNG.choice(["Lima", "Oslo", "NA"], N), "words for missing"), (RNG.choice(["Lima", "Oslo", " null "], N), "missing"),
    (RNG.choice(["12", "13", "?"], N), "numbers otherwise"), (np.where(RNG.random(N) < 0.1, np.inf, 1.0), "infinite"),
    (np.where(RNG.random(N) < 0.1, -np.inf, 1.0), "infinite"), ([f"{v:,}" for v in RNG.integers(900, 99_000, N)], "thousands"),
    ([f"{v:,}".replace(",", ".") for v in RNG.integers(10_000, 9_900_000, N)], "thousands"),
    ([f"{v:,}".replace(",", "\u202f") for v in RNG.integers(900, 99_000, N)], "thousands"),
    ([f"{v}%" for v in RNG.integers(0, 100, N)], "percent"), ([f"{v},5 %" for v in RNG.integers(0, 100, N)], "percent"),
    ([f"{v:.2f}".replace(".", ",") for v in RNG.random(N)], "decimal commas"),
    ([None if i % 9 == 0 else f"{i}%" for i in range(N)], "percent"),
])  # fmt: skip
def test_it_is_named_with_its_column(values, says):
    check = found(column=values)
    assert check.outcome == "warn"
    assert "column" in check.detail
    assert says in check.detail


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "level_0"])
def test_the_index_of_a_data_frame_is_named(name):
    assert "index of a data frame" in found(**{name: range(N)}).detail
    assert found(**{name: RNG.permutation(N) * 3}).outcome == "pass"


@pytest.mark.parametrize("values", [
    RNG.choice(["Lima", "Oslo"], N), RNG.choice(["none", "some", "-"], N), RNG.choice(["A+", "B-", "0-"], N),
    [f"20{i % 30:02d}-01-02" for i in range(N)], [f"{i % 28 + 1:02d}.03.2020" for i in range(N)], [f"{i},{i}a" for i in range(N)],
    RNG.random(N), [f"{i % 90}-{i % 90 + 5}" for i in range(N)], [f"10.0.{i % 256}.1" for i in range(N)], [f"{i:04d}" for i in range(N)],
    RNG.choice(["100% sure", "50/50"], N), [None] * N,
])  # fmt: skip
def test_a_sound_column_stays_silent(values):
    assert found(column=values).outcome == "pass"


def test_a_wide_table_is_asked_in_few_passes_and_says_how_far_it_looked(monkeypatch):
    monkeypatch.setattr(misread_values, "CELLS", 60 * 300)
    monkeypatch.setattr(misread_values, "FEWEST_ROWS", 10)
    wide = pd.DataFrame({f"c{i}": ["a", "NA" if i == 59 else "b"] * (N // 2) for i in range(60)})
    check = found(**{c: wide[c] for c in wide})
    assert "c59" in check.detail
    assert "rows were checked" in check.detail


@pytest.mark.parametrize(
    ("columns", "mend"),
    [
        ({"c": RNG.choice(["Lima", "NA"], N)}, "Leave the cells of missing values empty."),
        ({"index": range(N)}, "Write the table without its index."),
        ({"c": [f"{v}%" for v in RNG.integers(0, 100, N)]}, "Write plain numbers with a decimal point."),
        (
            {"index": range(N), "c": RNG.choice(["Lima", "NA"], N)},
            "Leave the cells of missing values empty and write the table without its index.",
        ),
    ],
)
def test_only_what_was_found_is_to_be_mended(columns, mend):
    assert found(**columns).mend == mend


def test_where_numbers_have_decimal_commas_they_are_to_be_written_so(tmp_path, capsys):
    rows = "".join(f"{i % 2};{'fm'[i % 3 % 2]};1.{i:03d},50\n" for i in range(100, 500))
    (tmp_path / "t.csv").write_text(f"y;sex;betrag\n{rows}")
    line = ["data", str(tmp_path / "t.csv"), "--label", "y", "--groups", "sex", "--csv", "separator=;,decimal=,"]
    with pytest.raises(SystemExit):
        main([*line, "--store", str(tmp_path / "runs")])
    said = " ".join(capsys.readouterr().out.split())
    assert "rite plain numbers with a decimal comma" in said
    assert "decimal point" not in said


def test_a_group_named_by_a_word_that_means_missing_is_noted_in_an_audit_of_a_model():
    y = np.tile([0, 1], 150)
    result = audit.measure(y, y, groups={"sex": ["male", "female", "n/a"] * 100, "h": ["none", "some"] * 150})
    (check,) = [c for c in result.checks if c.code == "DV015"]
    assert (check.outcome, check.mend) == ("warn", "Leave the cells of missing values empty.")
    assert check.title == "1 group of sex has a name that usually means missing in the predictions: 'n/a'"
    assert check.detail == "it is compared like other groups"
    assert not describe_differences(result)
