"""DL001, rows of train in another part."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from looking_at import found

from audit.checks.rules.leaked_rows import MOST_SAID, Leaked, Split, describe_groups


def one(train, test, **data):
    (check,) = found("DL001", train, test, **data)
    return check


def split(rows, seed, share=0.2):
    part = np.random.default_rng(seed).random(len(rows)) < share
    return rows[~part], rows[part]


def leaked(train, test, share=0.01):
    k = int(len(test) * share)
    return pd.concat([test.iloc[k:], train.sample(k, random_state=3)])


@pytest.fixture(scope="module")
def acs(shared):
    return pd.read_parquet(shared / "data/acs_income/ACSIncome_test.parquet")


def test_a_table_alone_has_no_other_part():
    assert found("DL001", pd.DataFrame({"x": [1, 2]})) == []


def test_one_percent_of_leaked_rows_is_found(acs):
    train, test = split(acs.iloc[:60_000], 0)
    check = one(train, leaked(train, test))
    assert check.outcome == "warn"
    assert check.detail.endswith(", without index")
    assert " were copied; compared in all " in check.detail
    assert check.mend.startswith("Remove the shared rows")


def groups_told(check, column):
    """Leaked rows and rows of each group that a sentence names."""
    told = re.findall(rf"{column} '(\S+)' ([\d,]+) of ([\d,]+) ", check.detail)
    return {level: (int(hit.replace(",", "")), int(n.replace(",", ""))) for level, hit, n in told}


def test_the_groups_that_are_hit_are_counted(acs):
    """Against a count of our own by merging frames; four copies in five are of women."""
    train, test = split(acs.iloc[:30_000], 0)
    women, men = (train[sex == train.SEX].sample(n, random_state=1) for sex, n in ((2, 200), (1, 50)))
    test = pd.concat([test, women, men])
    check = one(train, test, groups=("SEX", "RAC1P"))
    shared = [c for c in test.columns if c != "index"]
    there = test.merge(train[shared].drop_duplicates(), on=shared, how="left", indicator=True)._merge == "both"
    rows = pd.DataFrame({"leaked": there.to_numpy(), "SEX": test.SEX.to_numpy(), "RAC1P": test.RAC1P.to_numpy()})
    for column in ("SEX", "RAC1P"):
        truth = rows.groupby(column).leaked.agg(["sum", "count"])
        told = groups_told(check, column)
        assert told
        assert told == {level: tuple(truth.loc[float(level)]) for level in told}
        assert all(hit >= 10 for hit, _ in told.values())
    assert list(groups_told(check, "SEX")) == ["2", "1"]
    assert "withheld to protect such a count" in check.detail
    only = one(train, pd.concat([test.iloc[: -len(men) - len(women)], women]), groups=("SEX",))
    assert "most in SEX '2'; fewer than 10" in only.detail


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).filter(any), min_size=1, max_size=8))
def test_no_small_count_follows_from_what_is_told(counts):
    """What is not named sums to what the total leaves; that is never a small count of one group, nor of several."""
    groups = [Leaked(f"g{i}", hit, hit + other) for i, (hit, other) in enumerate(counts)]
    text = describe_groups("g", groups)
    named = set(re.findall(r"= (g\d) [\d,]+ of", text))
    for of in groups:
        assert not (of.small and of.level in named)
    hidden = [of for of in groups if of.level not in named and of.leaked]
    if len(groups) <= MOST_SAID and any(of.small for of in groups) and named:
        assert sum(of.leaked for of in hidden) not in range(1, 10)


def test_copies_with_numbers_of_their_own_are_found(acs):
    train, test = split(acs.iloc[:60_000], 0)
    copies = leaked(train, test)
    assert one(train, copies.assign(index=range(10**8, 10**8 + len(copies)))).outcome == "warn"


def test_fair_splits_are_silent(acs):
    some = acs.iloc[:30_000]
    assert sum(one(*split(some, seed)).outcome != "pass" for seed in range(25)) == 0


def test_few_categories_are_silent(acs):
    few = acs.iloc[:30_000][["SEX", "RAC1P", "MAR", "PINCP"]]
    assert sum(one(*split(few, seed, 0.3)).outcome != "pass" for seed in range(25)) == 0


@pytest.mark.slow
def test_all_rows_leaked_and_clean(acs):
    quiet = 0
    for seed in range(100):
        train, test = split(acs, seed)
        quiet += one(train, test).outcome == "pass"
        if seed < 5:
            assert one(train, leaked(train, test)).outcome == "warn"
    assert quiet >= 95


def test_the_published_split_of_adult_is_a_random_one(shared):
    adult = shared / "data/adult"
    check = one(str(adult / "adult_train.parquet"), str(adult / "adult_test.parquet"))
    assert check.outcome == "pass"
    assert check.detail.startswith(
        "23 of 16,281 rows of the test data are also in the training data; a random split would"
    )
    assert check.detail.endswith("; compared in all 15 shared columns")
    assert check.title == "Test and training data share no more rows than a random split would"


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_mean_and_deviation_are_those_of_random_splits(share):
    rng = np.random.default_rng(5)
    sets = np.concatenate([np.arange(300), np.repeat(np.arange(300, 400), 2), np.repeat(np.arange(400, 420), 7)])
    n, part = len(sets), int(share * len(sets))
    seen = []
    for _ in range(4000):
        there = np.zeros(n, dtype=bool)
        there[rng.permutation(n)[:part]] = True
        seen.append(np.isin(sets[there], sets[~there]).sum())
    a, b = np.bincount(sets[~there], minlength=420), np.bincount(sets[there], minlength=420)
    mean, deviation = Split(a.astype(float), b.astype(float), np.ones(420)).by_chance()
    assert mean == pytest.approx(np.mean(seen), abs=4 * np.std(seen) / 4000**0.5 + 0.05)
    assert deviation == pytest.approx(np.std(seen), rel=0.06)


def test_the_same_table_twice_is_named_even_where_twins_are_common():
    rows = pd.DataFrame({"g": list("abcdefghijklmnopqrst") * 30})
    assert (
        one(rows, rows.sample(frac=1, random_state=1)).title
        == "All 600 rows of the test data are also in the training data"
    )
    assert one(rows, rows.sample(300, random_state=2)).outcome == "pass"


def test_a_value_is_the_same_in_every_type():
    rng = np.random.default_rng(0)
    train = pd.DataFrame({"x": rng.integers(0, 10**6, 2000), "z": np.where(np.arange(2000) % 2, 0.0, np.nan)})
    test = train.iloc[:200].astype({"x": "float64"}).assign(z=lambda d: -d.z)
    assert one(train, test).title.startswith("200 of 200 rows of the test data are also in")
    assert one(train.astype({"x": "int32"}), test.astype({"x": "int64"})).outcome == "warn"


def test_parts_without_a_common_column_are_undefined():
    assert one(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]})).outcome == "undefined"


def test_no_value_is_told():
    train = pd.DataFrame({"who": [f"secret{i}" for i in range(500)], "y": [0, 1] * 250})
    check = one(train, train.iloc[:100])
    assert "secret" not in check.title + check.detail
