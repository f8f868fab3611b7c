"""DV008, rows that are there more than once."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from two_parts import of

import audit
from audit.checks.part import open_parts
from audit.counting.columns.repeats import repeats


def people(n=4000, seed=0):
    """Ages, hours and jobs that depend on each other, so that common people coincide."""
    rng = np.random.default_rng(seed)
    age = rng.integers(17, 90, n)
    job = np.where(age < 22, rng.integers(0, 8, n), rng.integers(0, 300, n))
    hours = np.where(rng.random(n) < 0.6, 40, rng.integers(5, 80, n))
    g = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    return pd.DataFrame({"g": g, "y": rng.integers(0, 2, n), "age": age, "job": job, "hours": hours})


def found(frame, groups="g", **asked):
    return of(audit.check(frame, groups=groups, label="y", **asked).checks, "DV008")


def test_coincidences_are_silent():
    for seed in range(10):
        check = found(people(seed=seed))
        assert check.outcome == "pass", check.detail
        assert check.title == "The training data contain no more identical rows than chance explains"


def test_the_share_is_that_of_pandas():
    frame = people()
    share = frame.duplicated(keep=False).mean()
    assert found(frame).detail.startswith(f"{share:.1%} of the rows have an identical one")


def test_a_copied_block_is_found():
    frame = people()
    copied = pd.concat([frame, frame.sample(120, random_state=1)]).sample(frac=1, random_state=2)
    check = found(copied)
    assert check.outcome == "warn"
    assert re.fullmatch(r"About \d\.\d% of the rows of the training data are duplicates", check.title)


def test_a_copied_block_is_found_where_a_column_holds_numbers_of_many_places():
    frame = people().assign(z=np.random.default_rng(3).normal(size=4000))
    assert found(frame).detail == "4,000 rows, no two identical"
    assert found(pd.concat([frame, frame[:40]])).outcome == "warn"


def test_a_group_that_is_there_twice_is_named():
    frame = people()
    check = found(pd.concat([frame, frame[frame.g == "c"]]))
    assert check.outcome == "warn"
    said = f"{check.title}; {check.detail}"
    assert said.startswith("Nearly every row of g 'c' in the training data is there 2 times; ")
    assert "g 'a'" not in said


def test_a_group_or_a_table_that_is_there_three_times():
    frame = people()
    wide = frame.assign(z=np.arange(4000) % 997)
    again = wide[wide.g == "b"]
    of_b = "Nearly every row of g 'b' in the training data is there 3 times"
    assert found(pd.concat([wide, again, again])).title == of_b
    assert found(pd.concat([wide, wide, wide])).title == "Nearly every row of the training data is there 3 times"


def test_tables_of_few_categories_repeat_by_nature():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"g": rng.choice(["a", "b"], 900), "y": rng.integers(0, 2, 900), "k": rng.integers(0, 4, 900)})
    check = found(frame)
    assert check.outcome == "not applicable"
    assert check.reason.endswith("; 100.0% of the rows have an identical one")


def test_lists_cannot_be_compared():
    frame = people(100).assign(l=[[1, 2]] * 100)
    assert found(frame).outcome == "not applicable"


def test_missing_values_are_equal_and_no_groups_are_needed():
    frame = people(1000).assign(z=np.random.default_rng(3).normal(size=1000))
    frame.loc[::3, "job"] = None
    assert found(pd.concat([frame, frame[:40]]), groups=()).outcome == "warn"


def test_a_share_of_the_combinations_says_about_the_same(monkeypatch):
    import audit.counting.columns.repeats as module

    frame = people(20_000)
    frame = pd.concat([frame, frame[:1000]])
    whole = found(frame)
    monkeypatch.setattr(module, "MOST_HELD", 5000)
    part = found(frame)
    assert "estimated from one in 5 combinations of values" in part.detail
    assert whole.outcome == part.outcome == "warn"
    first, second = (float(c.detail.split("%")[0]) for c in (whole, part))
    assert abs(first - second) < 2


def test_repeats_count_every_row_once():
    from audit.config.read import build
    from audit.counting.backends.choose import count
    from audit.pipeline.plans import make_scope, plan_data
    from audit.tables.open import open_frame

    frame = people()
    config = build({"data": {"source": "m", "groups": ["g"], "label": "y"}}, "q")
    table = open_frame(frame)
    counted = count(table, plan_data(config), "duckdb", None)
    with open_parts({"train": table}, config, plan_data(config), make_scope(config), {"train": counted}) as (looked,):
        each = repeats(looked.scan, looked.columns, {"g": looked.key("g")}, looked.rows)
    sizes = frame.value_counts(dropna=False).reset_index(name="n")
    expected = {(g, min(int(n), 10)): int(len(rows)) for (g, n), rows in sizes.groupby(["g", "n"])}
    assert {(r.group[0], r.times): r.combinations for r in each} == expected
    assert sum(r.rows for r in each) == len(frame)
