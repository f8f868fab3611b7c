"""Rich subgroup violations: slow loops over every group, coverage, verdicts, and what is left out."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import sample_results as samples
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples

import audit
from audit.measurement.estimates import Estimates
from audit.measurement.grouping import Grouping
from audit.measurement.measure import Scope
from audit.measurement.rates.subgroups import subgroup_blocks
from audit.pipeline.verify import describe_differences
from audit.report.disclosure.publishable import publishable

PARITY, FALSE_POSITIVE = "rich_subgroup_violation", "rich_subgroup_false_positive_violation"


def slow(groups, y, p, w):
    """Definitions 2.3 and 2.5, group by group: {metric: {columns: {group: violation}}}."""
    found = {PARITY: {}, FALSE_POSITIVE: {}}
    for size in range(1, len(groups) + 1):
        for by in combinations(groups, size):
            known = np.all([[x is not None for x in groups[c]] for c in by], axis=0)
            for metric, given_ in ((PARITY, known), (FALSE_POSITIVE, known & (y == 0))):
                of = found[metric].setdefault(by, {})
                for levels in set(zip(*(groups[c][known] for c in by), strict=True)):
                    member = given_ & np.all([groups[c] == level for c, level in zip(by, levels, strict=True)], axis=0)
                    if member.any():
                        gap = np.average(p[member], weights=w[member]) - np.average(p[given_], weights=w[given_])
                        of[levels] = w[member].sum() / w[known].sum() * abs(gap)
    return found


def drawn(seed, n=2000):
    rng = np.random.default_rng(seed)
    groups = {
        "sex": rng.choice(np.array(["f", "m", None], dtype=object), n, p=[0.45, 0.5, 0.05]),
        "race": rng.choice(np.array(["a", "b", "c"], dtype=object), n, p=[0.6, 0.3, 0.1]),
    }
    y = rng.integers(0, 2, n)
    p = (rng.random(n) < 0.3 + 0.3 * y + 0.2 * ((groups["sex"] == "f") & (groups["race"] == "b"))).astype(int)
    return rng, groups, y, p


def find(result, metric, by):
    return next(e for e in result.estimates if e.metric == metric and e.by == tuple(by))


@pytest.mark.parametrize("design", ["rows", "weights", "units"])
def test_every_violation_equals_the_slow_loop_and_the_last_is_the_largest_of_all(design):
    rng, groups, y, p = drawn(1)
    w = rng.lognormal(size=len(y)) if design == "weights" else np.ones(len(y))
    more = {"weights": {"weight": w}, "units": {"unit": rng.integers(0, 500, len(y))}}.get(design, {})
    result = audit.measure(y, p, groups=groups, intersections=2, **more)
    for metric, crossings in slow(groups, y, p, w).items():
        for by, of in crossings.items():
            e, worst = find(result, metric, by), max(of, key=of.get)
            assert e.value == pytest.approx(of[worst], abs=1e-12)
            assert e.pair[0] == e.pair[1]
            assert of[e.pair[0]] == pytest.approx(of[worst], abs=1e-12)
            assert e.low <= e.value <= e.high <= 0.25
        every = find(result, metric, ())
        largest = max(crossings, key=lambda by: max(crossings[by].values()))
        assert every.value == pytest.approx(max(crossings[largest].values()), abs=1e-12)
        assert every.method.endswith(f"the group is one by {' x '.join(largest)}")
        assert every.low <= every.value <= every.high
    assert not describe_differences(result)


fours = st.lists(st.tuples(*[st.integers(0, 40)] * 4), min_size=2, max_size=5)


@given(fours, st.integers(2, 9))
@settings(max_examples=count_examples(40), deadline=None)
def test_a_violation_ignores_scale_is_small_and_lies_in_its_interval(found, scale):
    def of(k):
        counts = {(f"g{i}",): tuple(k * x for x in four) for i, four in enumerate(found)}
        result = samples.result_of(("g",), counts)
        return {e.metric: e for e in result.estimates if e.metric in {PARITY, FALSE_POSITIVE} and e.by}

    if sum(map(sum, found)):
        once, more = of(1), of(scale)
        for metric, e in once.items():
            assert (e.value is None) == bool(e.reason)
            if e.value is not None:
                assert 0 <= e.low <= e.value + 1e-12
                assert e.value <= e.high + 1e-12
                assert e.high <= 0.25
                assert more[metric].value == pytest.approx(e.value)


def test_limits_on_one_crossing_and_on_everything():
    _, groups, y, p = drawn(2, 6000)
    for by, limit, verdict in (
        ([], 0.01, "fail"),
        ([], 0.2, "pass"),
        (["sex", "race"], 0.01, "fail"),
        (["race"], 0.2, "pass"),
        ([], 0.0255, "insufficient"),
    ):
        gate = {"metric": PARITY, "max": limit, "by": by}
        result = audit.measure(y, p, groups=groups, intersections=2, gates=[gate])
        assert result.verdict == verdict, (by, limit, result.gates[0].sentence)
    assert "The largest rich subgroup violation is 0.024 ('f' × 'b'; 95% interval 0.017 to 0.028)." in audit.measure(
        y, p, groups=groups, intersections=2, gates=[{"metric": PARITY, "max": 0.01, "by": []}]
    ).gates[0].sentence  # fmt: skip


def test_a_crossing_without_rows_weighs_nothing_and_is_flagged():
    sex, race = np.array(list("ffmm") * 50, dtype=object), np.array(list("xyxx") * 50, dtype=object)
    y = np.tile([0, 1], 100)
    result = audit.measure(y, y, groups={"sex": sex, "race": race}, intersections=2)
    e = find(result, PARITY, ("sex", "race"))
    assert e.status == "ok"
    assert "unmeasured_group" in e.flags


def test_without_label_0_there_is_no_false_positive_violation():
    result = audit.measure([1, 1, 1, 1], [1, 0, 1, 1], groups={"g": list("aabb")})
    assert find(result, FALSE_POSITIVE, ("g",)).reason == "0/0: no rows with label = 0"
    assert "nothing to compare" in find(audit.measure([1, 0], [1, 0], groups={"g": list("aa")}), PARITY, ()).reason


def test_a_hidden_group_takes_the_violations_with_it():
    four = {("a",): (40, 20, 20, 60), ("b",): (40, 30, 20, 60), ("c",): (20, 20, 20, 20), ("few",): (1, 2, 1, 2)}
    public = publishable(samples.result_of(("g",), four))
    for metric, by in product((PARITY, FALSE_POSITIVE), (("g",), ())):
        assert find(public, metric, by).status == "suppressed"
    del four["few",]
    public = publishable(samples.result_of(("g",), four))
    assert find(public, PARITY, ()).status == "ok"


SIZES = ([20] * 8, [200] * 8, [2000] * 8, [20, 2000, 50, 200] * 2)


@pytest.mark.parametrize("groups", [2, 4, 8])
@pytest.mark.parametrize("replicates", [40, pytest.param(250, marks=pytest.mark.slow)])
def test_intervals_cover_and_verdicts_at_the_limit_are_rarely_wrong(groups, replicates):
    """Group sizes and labels by chance; the failing side looks at all groups, the passing side at one."""
    rng, chance = np.random.default_rng(5), 3 * np.sqrt(0.05 * 0.95 / replicates)
    for sizes, base, away in product(SIZES, (0.1, 0.4), (1.0, 0.4)):
        share = np.array(sizes[:groups]) / sum(sizes[:groups])
        p = np.r_[np.full(groups - 1, base), base * away]
        negative = 0.7
        joint = np.stack([negative * (1 - p), negative * p, (1 - negative) * (1 - p), (1 - negative) * p], axis=1)
        cells = (share[:, None] * joint).ravel()
        drawn = rng.multinomial(sum(sizes[:groups]), cells, replicates)
        found = [{e.metric: e for e in estimates(n.reshape(groups, 2, 2, 1)) if e.by} for n in drawn]
        for metric, whole in ((PARITY, 1.0), (FALSE_POSITIVE, negative)):
            truth = (whole * share * np.abs(p - (share * p).sum())).max()
            each, where = [by_metric[metric] for by_metric in found], (metric, sizes[:groups], base, away)
            assert np.mean([e.low - 1e-12 <= truth <= e.high for e in each]) >= 0.93 - chance, where
            assert np.mean([e.low > truth + 1e-12 for e in each]) <= 0.05 + chance, where
            assert np.mean([e.high < truth for e in each]) <= 0.05 + chance, where


def estimates(counts):
    names = tuple((f"g{i}",) for i in range(len(counts)))
    blocks = subgroup_blocks([Grouping(("g",), names, {"n": counts}, 0, 0.0)], Scope(groups=("g",)))
    return list(Estimates(blocks))
