"""DV009, rows with the same features and another label."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from two_parts import of

import audit


def rows(n=6000, seed=0, noise=0.2):
    """Features that recur, and labels that depend on them but not wholly."""
    rng = np.random.default_rng(seed)
    x, z = rng.integers(0, 100, n), rng.integers(0, 60, n)
    y = (x > 50) ^ (rng.random(n) < noise)
    return pd.DataFrame({"g": rng.choice(["a", "b"], n), "y": y.astype(int), "x": x, "z": z})


def found(frame, **asked):
    return of(audit.check(frame, **{"groups": "g", "label": "y", **asked}).checks, "DV009")


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.5])
def test_labels_that_features_tell_little_of_are_silent(noise):
    for seed in range(10):
        assert found(rows(seed=seed, noise=noise)).outcome == "pass"


def test_the_share_is_that_of_pandas():
    frame = rows()
    labels = frame.groupby(["g", "x", "z"]).y.transform("nunique")
    assert f"{(labels > 1).mean():.1%} of the rows have the same features as a row with" in found(frame).detail


def test_copies_with_the_other_label_are_found():
    frame = rows()
    copies = frame.sample(900, random_state=1)
    check = found(pd.concat([frame, copies.assign(y=1 - copies.y)]))
    assert check.outcome == "warn"
    assert re.fullmatch(
        r"Rows with equal features have different labels in \d\d\.\d% of \d,\d+ pairs; \d\d\.\d% expected by chance",
        check.title,
    )


def test_several_classes():
    frame = rows(noise=0.5).assign(y=lambda d: np.array(["red", "green", "blue"])[np.arange(len(d)) % 3])
    assert found(frame, classes=True).outcome == "pass"
    copies = frame.sample(2500, random_state=1)
    turned = copies.assign(y=copies.y.map({"red": "green", "green": "blue", "blue": "red"}))
    assert found(pd.concat([frame, turned]), classes=True).outcome == "warn"


def test_weights_are_no_features():
    frame = rows()
    copies = frame.sample(900, random_state=1)
    both = pd.concat([frame, copies.assign(y=1 - copies.y)])
    assert found(both.assign(w=np.random.default_rng(0).random(len(both)) + 0.5), weight="w").outcome == "warn"


def test_few_pairs_are_not_judged():
    frame = rows(40)
    frame = pd.concat([frame, frame[:3].assign(y=1 - frame.y[:3])])
    assert found(frame).outcome == "not applicable"


def test_groups_alone_are_no_features():
    """Otherwise a card would say that each of them has one label only."""
    frame = pd.DataFrame({"g": ["a"] * 300 + ["b"] * 40, "y": [0] * 300 + [1] * 40})
    check = found(frame)
    assert (check.outcome, check.reason) == ("not applicable", "there is no feature beside the groups (see DP002)")
    assert found(frame.assign(x=range(340))).outcome == "pass"


def test_without_a_label_it_does_not_apply():
    assert found(rows(), label=None).outcome == "not applicable"
