"""DB007, groups that are not the same in both parts."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from two_parts import checks_of, of

import audit


def rows(n=12_000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b", "c"], n, p=[0.5, 0.4, 0.1]),
            "y": rng.integers(0, 2, n),
            "x": rng.normal(size=n),
            "job": rng.choice(["cook", "smith", "nurse"], n),
        }
    )


def found(train, test, **asked):
    return of(checks_of(train, test, **{"groups": ["g"], "label": "y", **asked}), "DB007")


def split(seed=0):
    frame = rows(seed=seed)
    here = np.random.default_rng(seed + 1000).random(len(frame)) < 0.3
    return frame[~here], frame[here].copy()


@pytest.mark.slow
def test_random_splits_are_silent():
    assert sum(found(*split(seed)).outcome == "warn" for seed in range(40)) <= 2


def test_a_shifted_group_is_named():
    before, now = split()
    now.loc[now.g == "b", "x"] += 0.5
    check = found(before, now)
    assert check.outcome == "warn"
    assert check.title == "Groups differ between the training and test data: x of g 'b'"
    assert re.fullmatch(r"\d\d\.\d% of rows would have to change to match \(p-value < 0\.001\)", check.detail)


def test_shares_labels_and_missing_values_of_a_group():
    before, now = split()
    assert found(before, now[(now.g != "a") | (np.arange(len(now)) % 2 == 0)]).title.endswith("data: shares of g")
    assert "labels of g 'b'" in found(before, now.assign(y=np.where(now.g == "b", now.y | (now.x > 0), now.y))).title
    assert "job of g 'c'" in found(before, now.assign(job=now.job.where(now.g != "c"))).title


def test_a_shift_of_two_points_is_silent_however_sure():
    n = 100_000
    before = pd.DataFrame({"g": ["a", "b"] * n, "y": [0, 1, 1, 0] * (n // 2)})
    now = before.assign(y=np.where(np.arange(2 * n) % 50 == 0, 1, before.y))
    assert found(before, now).outcome == "pass"


@pytest.mark.slow
def test_people_of_several_rows_are_not_several_people():
    rng = np.random.default_rng(0)
    alarms = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        people = pd.DataFrame(
            {"g": rng.choice(["a", "b"], 300), "y": rng.integers(0, 2, 300), "x": rng.normal(size=300)}
        )
        people["who"] = np.arange(300)
        frame = people.loc[people.index.repeat(40)]
        parts = frame[frame.who < 150], frame[frame.who >= 150]
        alarms.append([found(*parts).outcome == "warn", found(*parts, unit="who").outcome == "warn"])
    by_rows, by_people = np.array(alarms).sum(axis=0)
    assert by_rows >= 8
    assert by_people <= 1


def test_it_needs_two_parts_and_groups_of_some_size():
    before, now = split()
    assert not [c for c in audit.check(before, groups="g", label="y").checks if c.code == "DB007"]
    assert found(before, now[:20]).outcome == "not applicable"
    assert found(before, now, groups=[]).outcome == "not applicable"
    assert found(before, now, label=None).outcome == "pass"
