"""DB003, labels that are rare, or rarer in one group."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from two_parts import of

import audit


def rows(low, high, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n)
    return pd.DataFrame({"g": g, "y": (rng.random(n) < np.where(g == "a", low, high)).astype(int)})


def found(frame, **asked):
    return of(audit.check(frame, **{"groups": "g", "label": "y", **asked}).checks, "DB003")


def test_labels_alike_are_silent():
    assert sum(found(rows(0.4, 0.4, seed=s)).outcome == "warn" for s in range(50)) <= 2


def test_under_four_fifths_and_sure_is_a_warning():
    check = found(rows(0.3, 0.5))
    assert check.outcome == "warn"
    found_rates = r"positive for \d\d\.\d% of g 'a' and \d\d\.\d% of g 'b'"
    assert re.fullmatch(f"Label rates differ by g in the training data: {found_rates}", check.title)
    assert re.fullmatch(r"n \d,\d+ and \d,\d+; ratio 0\.\d{3}, below 0\.8 \(p-value < 0\.001\)", check.detail)


def test_over_four_fifths_is_silent_however_sure():
    assert found(rows(0.45, 0.5, n=100_000)).outcome == "pass"


def test_under_four_fifths_by_chance_is_silent():
    frame = pd.DataFrame({"g": ["a"] * 40 + ["b"] * 40, "y": [1] * 12 + [0] * 28 + [1] * 20 + [0] * 20})
    assert found(frame).outcome == "pass"


def test_a_rare_label_is_said_whichever_it_is():
    for low in (0.04, 0.96):
        check = found(rows(low, low))
        assert check.outcome == "warn"
        assert re.fullmatch(r"One label is rare: \d\.\d% of rows", check.title)
    assert found(rows(0.12, 0.12)).outcome == "pass"


def test_people_of_several_rows_are_not_several_people():
    few = pd.DataFrame({"who": np.arange(40), "g": ["a", "b"] * 20, "y": [0, 1, 0, 1, 0, 0, 0, 1, 1, 0] * 4})
    frame = few.loc[few.index.repeat(50)].reset_index(drop=True)
    assert found(frame).outcome == "warn"
    assert found(frame, unit="who").outcome == "pass"


def test_several_classes():
    rng = np.random.default_rng(0)
    g = rng.choice(["a", "b"], 4000)
    alike = pd.DataFrame({"g": g, "y": rng.choice(["x", "y", "z"], 4000)})
    assert found(alike, classes=True).outcome == "pass"
    shifted = alike.assign(y=np.where((g == "a") & (rng.random(4000) < 0.3), "x", alike.y))
    check = found(shifted, classes=True)
    assert check.outcome == "warn"
    assert check.title.startswith("Labels differ by g in the training data: ")
    assert check.title.endswith("% of labels would have to change to make g 'a' and g 'b' alike")


def test_one_group_and_no_label_do_not_apply():
    assert found(rows(0.4, 0.4).assign(g="a")).outcome == "not applicable"
    assert found(rows(0.4, 0.4), label=None).outcome == "not applicable"
