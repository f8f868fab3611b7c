"""Users' own functions, per group through Fairlearn's MetricFrame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import f1_score, fbeta_score, mean_absolute_error

import audit
from audit.errors import InputError
from audit.pipeline.verify import describe_differences

rng = np.random.default_rng(0)
Y, P = rng.integers(0, 2, 600), rng.integers(0, 2, 600)
RACE, SEX = rng.choice(["a", "b", "c"], 600), rng.choice([1, 2], 600)


def f2(y, p, sample_weight=None):
    return fbeta_score(y, p, beta=2, sample_weight=sample_weight)


@pytest.mark.parametrize("weight", [None, rng.random(600)], ids=["plain", "weighted"])
def test_values_equal_metricframes_for_every_group_and_crossing(weight):
    groups = {"race": RACE, "sex": SEX}
    result = audit.measure(Y, P, groups=groups, weight=weight, intersections=2, metrics={"f2": f2})
    parameters = {} if weight is None else {"sample_weight": weight}
    theirs = MetricFrame(
        metrics=f2, y_true=Y, y_pred=P, sensitive_features=pd.DataFrame(groups), sample_params=parameters
    )
    for (race, sex), value in theirs.by_group.items():
        found = result.find("f2", by=["race", "sex"], group=[race, str(sex)])[0]
        assert found.value == pytest.approx(value)
        assert "fairlearn" in found.method
        assert found.low is None
    assert result.find("f2", by=[], group=[])[0].value == pytest.approx(theirs.overall)
    gap = next(e for e in result.find("f2", "difference", by=["race", "sex"]))
    assert gap.value == pytest.approx(theirs.difference())


def test_rows_without_a_group_are_left_out_of_it_alone():
    race = RACE.astype(object)
    race[:50] = None
    result = audit.measure(Y, P, groups={"race": race}, metrics={"mae": mean_absolute_error})
    rows = race == "a"
    assert result.find("mae", by=["race"], group=["a"])[0].value == pytest.approx(np.abs(Y - P)[rows].mean())
    assert result.find("mae", by=[], group=[])[0].n == 600


def test_what_a_function_does_wrong_is_named():
    def broken(y, p):
        raise KeyError("x")

    for metrics, says in (
        ({"broken": broken}, "'broken' raised KeyError"),
        ({"accuracy": f1_score}, "is a metric of the catalogue; choose another name"),
        ({"Bad Name": f1_score}, "'Bad Name' is not a valid name; use lower case letters, digits and underscores"),
        ({"text": lambda y, p: "high"}, "return one number"),
    ):
        with pytest.raises(InputError, match=says):
            audit.measure(Y, P, groups={"race": RACE}, metrics=metrics)


def test_what_a_function_cannot_say_is_undefined_and_so_is_its_gap():
    result = audit.measure(
        Y, P, groups={"race": RACE}, metrics={"odd": lambda y, p: float("nan") if len(y) < 600 else 1.0}
    )
    assert result.find("odd", by=["race"], group=["a"])[0].reason == "the function returned nan"
    assert result.find("odd", "difference")[0].status == "undefined"


def test_a_function_that_changes_its_arrays_changes_nothing_else():
    def greedy(y, p):
        y[:] = 0
        p[:] = 0
        return 0.0

    before = Y.copy(), P.copy()
    result = audit.measure(Y, P, groups={"race": RACE}, metrics={"greedy": greedy})
    assert np.array_equal(Y, before[0])
    assert np.array_equal(P, before[1])
    assert not describe_differences(result)
