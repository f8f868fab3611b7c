"""Rows of which a group is missing have rows of their own in crossings too, as decision 2 says of every table."""

from __future__ import annotations

import numpy as np
import pytest

import audit
from audit.cube import Axis, Cube
from audit.measurement.grouping import missing_groups
from audit.pipeline.verify import describe_differences
from audit.report.card.render import render
from audit.report.disclosure.publishable import publishable


def drawn(seed, task):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 400))
    groups = {
        "sex": np.where(rng.random(n) < 0.2, None, rng.choice(["f", "m"], n)),
        "band": np.where(rng.random(n) < rng.choice([0.0, 0.4]), None, rng.choice(["low", "mid", "high"], n)),
    }
    y, p = {
        "classification": lambda: (rng.integers(2, size=n), rng.integers(2, size=n)),
        "multiclass": lambda: (rng.choice(["x", "y", "z"], n), rng.choice(["x", "y", "z"], n)),
        "regression": lambda: (rng.normal(size=n), rng.normal(size=n)),
    }[task]()
    return groups, y, p, audit.measure(y, p, groups=groups, task=task, intersections=2)


@pytest.mark.parametrize(
    ("task", "metric"),
    [("classification", "accuracy"), ("multiclass", "accuracy"), ("regression", "mean_error")],
)
@pytest.mark.parametrize("seed", range(8))
def test_every_row_is_in_one_row_of_the_crossing(task, metric, seed):
    groups, y, p, result = drawn(seed, task)
    found = result.find(metric, by=["sex", "band"])
    each = {e.group: e for e in found if e.compare is None and e.group}
    assert sum(e.n for e in each.values()) == len(y)
    for (sex, band), estimate in each.items():
        own = (groups["sex"] == sex) & (groups["band"] == band)
        value = (y[own] == p[own]).mean() if task != "regression" else (p[own] - y[own]).mean()
        assert estimate.n == own.sum()
        if own.any() and estimate.value is not None:
            assert estimate.value == pytest.approx(value)
    compared = [e for e in result.estimates if e.by == ("sex", "band") and e.compare is not None]
    named = [g for e in compared for pair in (e.pair, e.low_pair, e.high_pair) if pair for g in pair]
    assert all(None not in g for g in named + [e.group or () for e in compared])
    assert not describe_differences(result)


def test_the_card_leaves_them_out_and_an_unprotected_one_shows_them():
    for seed in range(6):
        *_, result = drawn(seed, "classification")
        crossing = [e for e in publishable(result).estimates if len(e.by) == 2 and None in (e.group or ())]
        assert crossing
        assert all(e.value is None and e.n is None for e in crossing)
    assert "(missing)" in render(result, "md", 1)
    shown = [e for e in publishable(result, 1).estimates if len(e.by) == 2 and None in (e.group or ())]
    assert any(e.value is not None for e in shown)


def test_of_a_column_without_one_level_no_rows_are_missing():
    axes = [Axis("g", ()), Axis("label", ("0", "1")), Axis("prediction", ("0", "1"))]
    assert missing_groups([Cube(axes, {"n": np.zeros((0, 2, 2))})], ("g",)) is None
