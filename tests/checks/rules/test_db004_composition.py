"""DB004, a gap that turns its sign within strata."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from two_parts import checks_of, of

import audit


@pytest.fixture(scope="module")
def berkeley(shared):
    frame = pd.read_parquet(shared / "data" / "ucb_admissions" / "ucb_admissions.parquet")
    return frame.loc[frame.index.repeat(frame.Freq)].reset_index(drop=True).drop(columns="Freq")


def found(frame, **asked):
    return of(audit.check(frame, **{"groups": "g", "label": "y", **asked}).checks, "DB004")


def admissions(frame, **asked):
    return found(frame, label="Admit", positive="Admitted", groups="Gender", **asked)


@pytest.mark.parametrize("strata", ["Dept", ()])
@pytest.mark.parametrize("reference", ["Male", "Female"])
def test_berkeley_is_found_with_both_numbers(berkeley, strata, reference):
    check = admissions(berkeley, strata=strata, reference=reference)
    assert check.outcome == "warn"
    pair = ("Female", "Male") if reference == "Male" else ("Male", "Female")
    numbers = (
        "+14.2 points between rates overall, −1.9"
        if reference == "Male"
        else "−14.2 points between rates overall, +1.9"
    )
    assert (
        check.title
        == f"The gap between {pair[0]} and {pair[1]} reverses within Dept: {numbers} within (conditional disparity)"
    )
    assert check.detail == (
        f"above 0, labels are less often positive for {pair[0]}; overall is the difference of rates (p-value < 0.001), "
        "within is the conditional demographic disparity (p-value 0.256)"
    )


def test_a_table_of_frequencies_is_told_as_weights_allow(shared):
    frame = pd.read_parquet(shared / "data" / "ucb_admissions" / "ucb_admissions.parquet")
    check = admissions(frame, strata="Dept", weight="Freq", reference="Male")
    assert check.outcome == "pass"
    assert "not beyond chance: The gap between Female and Male reverses within Dept: +14.2" in check.detail
    assert "−1.9 within" in check.detail


def cells(*rows):
    """A table of group, stratum, rows and positive labels."""
    return pd.DataFrame(
        [(g, s, y) for g, s, n, k in rows for y in [1] * k + [0] * (n - k)], columns=["g", "s", "y"]
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_the_number_within_has_the_sign_of_the_estimate_of_the_group_that_is_named_first(seed):
    rng = np.random.default_rng(seed)
    rows = []
    for stratum, base in (("x", 0.7 if seed % 2 else 0.3), ("z", 0.3 if seed % 2 else 0.7)):
        for g, turn in (("A", 0.0), ("B", -0.12 if seed % 2 else 0.12)):
            n = 400 if (g == "A") == (stratum == "x") else 2_000
            rows.append((g, stratum, n, int(n * (base + turn + rng.uniform(-0.01, 0.01)))))
    result = audit.check(cells(*rows), label="y", groups=["g"], strata=["s"], positive=1)
    check = of(result.checks, "DB004")
    assert check.outcome == "warn"
    first, said = re.match(
        r"The gap between g '(\w)' and .* reverses within s: .*, ([+−][\d.]+) within", check.title
    ).groups()
    (there,) = result.find("conditional_demographic_disparity", by=["g"], group=[first])
    assert float(said.replace("−", "-")) / 100 == pytest.approx(there.value, abs=6e-4)


@pytest.mark.parametrize("strata", [["s"], []])
def test_a_gap_that_only_appears_within_strata_is_found(strata):
    masked = cells(("A", "x", 400, 120), ("A", "z", 800, 560), ("B", "x", 800, 336), ("B", "z", 400, 344))
    rates = masked.groupby("g").y.mean()
    assert abs(rates["A"] - rates["B"]) < 1e-3
    check = found(masked, strata=strata, positive=1)
    assert check.outcome == "warn"
    assert re.match(
        r"A gap between g 'B' and g 'A' shows only within s: \S+ points between rates overall, −1\d\.\d within",
        check.title,
    )


def test_a_gap_that_strata_neither_make_nor_mask_is_silent():
    alike = cells(("A", "x", 600, 180), ("A", "z", 600, 420), ("B", "x", 600, 252), ("B", "z", 600, 492))
    assert found(alike, strata=["s"], positive=1).outcome == "pass"
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        s, g = rng.integers(2, size=2_000), rng.integers(2, size=2_000)
        y = rng.random(2_000) < np.where(s == 1, 0.7, 0.3)
        alarms += found(pd.DataFrame({"g": g, "s": s, "y": y.astype(int)}), strata=["s"], positive=1).outcome == "warn"
    assert alarms <= 5


@pytest.mark.slow
def test_shuffled_departments_are_silent(berkeley):
    alarms = 0
    for seed in range(100):
        order = np.random.default_rng(seed).permutation(len(berkeley))
        shuffled = berkeley.assign(Dept=berkeley.Dept.to_numpy()[order])
        alarms += admissions(shuffled, strata="Dept" if seed % 2 else ()).outcome == "warn"
    assert alarms <= 5


def test_a_column_that_is_the_label_in_disguise_turns_nothing(berkeley):
    noisy = np.where(np.random.default_rng(0).random(len(berkeley)) < 0.01, "?", berkeley.Admit)
    check = admissions(berkeley.assign(leak=noisy).drop(columns="Dept"))
    assert check.outcome == "not applicable"


def rows(n=4000, seed=0):
    """Group b is in the stratum of few positives, and does better within each."""
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n)
    s = np.where(rng.random(n) < np.where(g == "a", 0.8, 0.2), "high", "low")
    y = rng.random(n) < np.where(s == "high", 0.7, 0.2) + 0.08 * (g == "b")
    return pd.DataFrame({"g": g, "s": s, "y": y.astype(int)})


def test_a_reversal_is_found_with_weights_and_with_units():
    frame = rows()
    assert found(frame).outcome == "warn"
    assert found(frame.assign(w=1.0 + np.arange(4000) % 3), weight="w").outcome == "warn"
    assert found(frame.assign(who=np.arange(4000) // 2), unit="who").outcome == "warn"


def test_few_people_of_many_rows_prove_no_reversal():
    frame = rows(40, seed=2)
    many = frame.loc[frame.index.repeat(50)].reset_index(drop=True)
    assert found(many).outcome == "warn"
    assert found(many.assign(who=np.repeat(np.arange(40), 50)), unit="who").outcome != "warn"


def test_a_gap_of_one_sign_is_silent():
    frame = rows().assign(s=lambda d: np.where(np.arange(len(d)) % 2, "x", "z"))
    assert found(frame).outcome == "pass"


def test_what_it_needs():
    frame = rows()
    assert found(frame, label=None).outcome == "not applicable"
    assert found(frame.assign(y=np.arange(4000) % 3), classes=True).outcome == "not applicable"
    assert found(frame.assign(g="a")).outcome == "not applicable"
    assert [c.code for c in checks_of(frame, frame, groups=["g"], label="y")].count("DB004") == 1
