"""Limits on two decisions in copies: only what they rest on is measured, and each verdict is that of the whole audit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import audit
from audit.axes import CubeKind
from audit.config.read import read_question
from audit.estimate import Estimate
from audit.gates.judge import Evidence, decide
from audit.pipeline.drill.counts import find_looked
from audit.pipeline.records import measure_grouping

GATES = ("net_change difference <= 0.2", "churn highest <= 0.3", "churn ratio >= 0.1",
         "precision_change difference <= 0.1", "selection_rate_change largest <= 0.05",
         "net_change difference_to_rest <= 0.1")  # fmt: skip


def make_result(**asked):
    rng = np.random.default_rng(3)
    y, groups = rng.integers(0, 2, 1500), rng.choice(list("abc"), 1500)
    earlier = np.where(rng.random(1500) < 0.2, 1 - y, y)
    new = np.where(rng.random(1500) < 0.1, 1 - earlier, earlier)
    more = {"weight": rng.choice([0.5, 1.0, 2.0], 1500), "unit": rng.integers(0, 400, 1500)}
    named = {name: more[name] for name in asked.get("by", ())}
    frame = pd.DataFrame({"g": groups, "h": rng.choice(list("xy"), 1500)})
    return audit.pairs(new, earlier, y, groups=frame, gates=GATES, compare_to=["rest"], intersections=2, **named)


@pytest.mark.parametrize("by", [(), ("weight",), ("weight", "unit")])
def test_a_copy_is_judged_as_the_whole_audit_and_measures_only_what_limits_rest_on(by):
    result = make_result(by=by)
    config = read_question(result)
    looked, refused = find_looked(result, config)
    assert not refused
    assert {one.by for one in looked} == {("g",), ("h",)}
    for one in looked:
        copy = one.draw(0, 1)
        least = list(measure_grouping(config, one.stage, copy, one.by, metrics=one.metrics, compares=one.compares))
        changes = [e for e in least if "chang" in e.metric or e.metric == "churn"]
        assert {e.metric for e in changes} == one.metrics
        assert {e.by for e in changes} == {one.by}
        assert "p_value" not in {e.compare for e in changes}
        assert {e.compare for e in changes if e.compare} <= one.compares
        whole = measure_grouping(config, one.stage, copy, one.by)
        assert set(map(Estimate.__repr__, changes)) < set(map(repr, whole))
        wanted = [decide(rule, Evidence(estimates=whole)) for rule in one.rules]
        assert one.judge(copy) == wanted
        assert CubeKind.PAIRS in one.kinds
