"""Bias in data: distances of labels and disparity within strata, held to slow obvious code and to simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

import audit
from audit.errors import InputError

rows = st.lists(st.tuples(st.sampled_from("ad"), st.sampled_from("xyz"), st.integers(0, 1)), min_size=4, max_size=60)


def checked(found, **more):
    g, s, y = zip(*found, strict=True)
    frame = pd.DataFrame({"g": g, "s": s, "y": y})
    return frame, audit.check(frame, label="y", groups="g", strata="s", reference="a" if "a" in g else None, **more)


@given(rows)
@settings(max_examples=count_examples(60), deadline=None)
def test_distances_equal_scipys(found):
    frame, result = checked(found)
    if frame.g.nunique() < 2:
        return
    p, q = ((r.y.mean(), 1 - r.y.mean()) for r in (frame[frame.g == "a"], frame[frame.g == "d"]))
    one = {e.metric: e for e in result.estimates if e.group == ("d",) and e.compare is None and e.reference}
    assert one["js_divergence"].value == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    assert one["lp_norm"].value == pytest.approx(math.dist(p, q))
    assert one["total_variation_distance"].value == pytest.approx(abs(p[0] - q[0]))
    kl = entropy(p, q)
    if math.isfinite(kl):
        assert one["kl_divergence"].value == pytest.approx(kl, abs=1e-12)
    else:
        assert one["kl_divergence"].status == "undefined"
        assert "infinite" in one["kl_divergence"].reason


@given(rows)
@settings(max_examples=count_examples(60), deadline=None)
def test_conditional_disparity_equals_the_slow_obvious_loop(found):
    frame, result = checked(found)
    if frame.g.nunique() < 2:
        return
    slow, one_sided = 0.0, False
    for _, part in frame.groupby("s"):
        rejected, accepted = part[part.y == 0], part[part.y == 1]
        one_sided |= not len(rejected) or not len(accepted)
        share = [(r.g == "d").mean() if len(r) else 0.0 for r in (rejected, accepted)]
        slow += len(part) * (share[0] - share[1])
    estimate = result.find("conditional_demographic_disparity", by=["g"], group=["d"])[0]
    assert estimate.value == pytest.approx(slow / len(frame), abs=1e-12)
    assert estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12
    assert ("one_sided_stratum" in estimate.flags) == one_sided


@pytest.mark.slow
def test_the_interval_of_conditional_disparity_covers():
    rng = np.random.default_rng(8)
    accept, share = (0.6, 0.3, 0.1), (0.2, 0.5, 0.6)
    covered, truth = 0, 0.0
    joint = []
    for a, s in zip(accept, share, strict=True):
        up = a * 0.8
        accepted = (1 - s) * a + s * up
        truth += (s * (1 - up) / (1 - accepted) - s * up / accepted) / 3
        joint.append([(1 - s) * (1 - a), (1 - s) * a, s * (1 - up), s * up])
    for _ in range(300):
        strata = rng.multinomial(1000, [1 / 3] * 3)
        cells = [rng.multinomial(n, p) for n, p in zip(strata, joint, strict=True)]
        frame = pd.DataFrame(
            [
                (g, str(k), y, int(c[2 * i + y]))
                for k, c in enumerate(cells)
                for i, g in enumerate("ad")
                for y in (0, 1)
            ],
            columns=["g", "s", "y", "w"],
        )
        expanded = frame.loc[frame.index.repeat(frame.w)]
        found = audit.check(expanded.reset_index(drop=True), label="y", groups="g", strata="s")
        estimate = found.find("conditional_demographic_disparity", by=["g"], group=["d"])[0]
        covered += estimate.low <= truth <= estimate.high
    assert covered / 300 >= 0.93 - 0.03


def test_a_label_that_one_group_alone_has_is_counted():
    """smclarify 0.5 drops it, and calls all five distances 0."""
    result = audit.check({"g": list("aaaadddd"), "y": [1, 1, 0, 0, 0, 0, 0, 0]}, label="y", groups="g", reference="a")
    one = {e.metric: e for e in result.estimates if e.group == ("d",) and e.reference and e.compare is None}
    assert one["total_variation_distance"].value == 0.5
    assert one["ks_distance"].value == 0.5
    assert one["js_divergence"].value > 0.2
    assert one["kl_divergence"].status == "undefined"


@pytest.mark.parametrize("strata", ["g", "y", "nothing"])
def test_a_stratum_that_is_no_reason_is_refused(strata):
    with pytest.raises(InputError, match=strata):
        audit.check({"g": list("aadd"), "y": [1, 0, 1, 0], "s": list("xxyy")}, label="y", groups="g", strata=strata)


def test_disparity_within_strata_can_be_judged():
    frame = {"g": list("ad") * 200, "y": [1, 0] * 200, "s": ["x"] * 200 + ["y"] * 200}
    gate = {"stage": "data", "metric": "conditional_demographic_disparity", "max": 0.2}
    result = audit.check(frame, label="y", groups="g", strata="s", gates=[gate])
    assert result.gates[0].name == "data.conditional_demographic_disparity.largest.g"
    assert result.verdict == "fail"


def test_rows_of_a_unit_do_not_stop_the_audit_of_data():
    frame = {"g": list("ad") * 100, "y": [1, 0] * 100, "who": [i // 4 for i in range(200)]}
    result = audit.check(frame, label="y", groups="g", unit="who")
    share = result.find("representation", by=["g"], group=["a"])[0]
    assert share.value == 0.5
    assert share.effective_n < 200


def test_rows_that_share_a_unit_widen_the_interval_within_strata():
    """Ten copies of every row are worth what one is; taken for independent they would be worth ten."""
    rng = np.random.default_rng(5)
    n = 400
    once = pd.DataFrame(
        {"g": rng.choice(["a", "d"], n), "s": rng.choice(["x", "y"], n), "y": rng.integers(0, 2, n), "who": range(n)}
    )
    ten = once.loc[once.index.repeat(10)].reset_index(drop=True)

    def width(frame, **more):
        result = audit.check(frame, label="y", groups="g", strata="s", **more)
        found = result.find("conditional_demographic_disparity", by=["g"], group=["d"])[0]
        return found.value, found.high - found.low

    alone, shared, wrong = width(once), width(ten, unit="who"), width(ten)
    assert shared[0] == pytest.approx(alone[0]) == pytest.approx(wrong[0])
    assert shared[1] == pytest.approx(alone[1], rel=0.2)
    assert wrong[1] < 0.4 * alone[1]


@pytest.mark.slow
def test_disparity_within_strata_covers_where_people_have_many_rows():
    rng = np.random.default_rng(6)
    covered, replicates, people = 0, 60, 300
    for _ in range(replicates):
        level = rng.beta(0.6, 0.6, people)
        g = np.repeat(rng.choice(["a", "d"], people), 10)
        s = np.repeat(rng.choice(["x", "y"], people), 10)
        y = (rng.random(people * 10) < np.repeat(level, 10)).astype(int)
        frame = {"g": g, "s": s, "y": y, "who": np.repeat(np.arange(people), 10)}
        result = audit.check(frame, label="y", groups="g", strata="s", unit="who")
        found = result.find("conditional_demographic_disparity", by=["g"], group=["d"])[0]
        covered += found.low <= 0 <= found.high
    assert covered / replicates >= 0.93 - 0.065
