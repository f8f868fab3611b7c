"""Losses of probabilities and calibration: intervals with shared units and weights, gaps, limits, held to simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from property_tests import some_now
from sklearn import metrics as sk

import audit
from audit.counting.backends.duckdb import DuckEngine
from audit.counting.count import count_cubes
from audit.counting.plan import Plan
from audit.errors import QuestionError, ValuesError
from audit.measurement.inference.calibration import calibration, shared_noise
from audit.pipeline.verify import describe_differences
from audit.tables.open import open_frame

LOSSES = ("brier_score", "log_loss", "calibration_in_the_large")
GROUPS = 150


def scored(y, s, g, **more):
    groups = g if isinstance(g, dict) else {"g": np.asarray(g)}
    return audit.measure(np.asarray(y), score=np.asarray(s, dtype=float), groups=groups, **more)


def each(result, metric, by=("g",)):
    return {e.group: e for e in result.find(metric, by=by) if e.compare is None}


def whole(result, metric, compare="difference", by=("g",)):
    return next(e for e in result.find(metric, compare, by=by) if e.group is None)


def drawn(kind, rng, shape):
    """Calibrated scores: spread out, mostly sure, or of a rare event."""
    s = {
        "uniform": lambda: rng.random(shape),
        "sure": lambda: 1 / (1 + np.exp(-rng.normal(0, 3, shape))),
        "rare": lambda: rng.beta(0.5, 10, shape),
    }[kind]()
    return np.clip(s, 1e-9, 1 - 1e-9)


def truths(kind):
    s = drawn(kind, np.random.default_rng(0), 2_000_000)
    return dict(zip(LOSSES, (np.mean(s * (1 - s)), np.mean(-s * np.log(s) - (1 - s) * np.log(1 - s)), 0.0), strict=True))  # fmt: skip


def names(rows):
    return np.repeat([f"g{i}" for i in range(GROUPS)], rows)


def covers(result, kind):
    """Share of groups whose interval covers, and of groups that are marked, by metric."""
    found = {}
    for metric, truth in truths(kind).items():
        estimates = list(each(result, metric).values())
        assert all(e.low <= e.value <= e.high for e in estimates)
        found[metric] = (
            float(np.mean([e.low <= truth <= e.high for e in estimates])),
            float(np.mean(["small_group" in e.flags for e in estimates])),
        )
    return found


@pytest.mark.parametrize("kind", ["uniform", "sure", "rare"])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("rows", some_now([50, 400], 1))
def test_intervals_cover_or_are_marked(kind, weights, rows):
    """Many groups are many samples; where an interval of this size falls short, most are marked."""
    rng = np.random.default_rng(rows)
    s = drawn(kind, rng, GROUPS * rows)
    w = rng.lognormal(0, 0.7, len(s)) if weights else None
    result = scored(rng.random(len(s)) < s, s, names(rows), weight=w)
    for metric, (share, marked) in covers(result, kind).items():
        assert share >= 0.93 - 0.04 or marked >= 0.66, (metric, share, marked)


@pytest.mark.parametrize("kind", some_now(["uniform", "rare"], 1))
@pytest.mark.parametrize("weights", some_now([True, False], 1))
def test_intervals_of_people_with_many_rows_cover_or_are_marked(kind, weights):
    rng, people = np.random.default_rng(3), 200
    s, u = (np.repeat(v, 10) for v in (drawn(kind, rng, GROUPS * people), rng.random(GROUPS * people)))
    w = np.repeat(rng.lognormal(0, 0.7, GROUPS * people), 10) if weights else None
    result = scored(u < s, s, names(10 * people), weight=w, unit=np.arange(len(s)) // 10)
    alone = covers(scored(u < s, s, names(10 * people), weight=w), kind)
    for metric, (share, marked) in covers(result, kind).items():
        assert share >= 0.93 - 0.04 or marked >= 0.7, (metric, share, marked)
        assert alone[metric][0] < 0.7


def test_values_equal_scikit_learns_for_crossings_units_and_weights():
    rng = np.random.default_rng(1)
    s, g, h, w = rng.random(900), rng.choice(list("abc"), 900), rng.choice(["f", "m"], 900), rng.exponential(size=900)
    y = (rng.random(900) < s).astype(int)
    for more in ({}, {"unit": np.arange(900) // 3}):
        result = scored(y, s, {"g": g, "h": h}, weight=w, intersections=2, **more)
        for group in (("a", "f"), ("c", "m")):
            rows = (g == group[0]) & (h == group[1])
            brier, loss, large = (each(result, m, ("g", "h"))[group].value for m in LOSSES)
            assert brier == pytest.approx(sk.brier_score_loss(y[rows], s[rows], sample_weight=w[rows]))
            assert loss == pytest.approx(sk.log_loss(y[rows], s[rows], sample_weight=w[rows], labels=[0, 1]))
            assert large == pytest.approx(np.average((y - s)[rows], weights=w[rows]))
        assert not describe_differences(result)


def test_gaps_name_their_pair_and_the_reference():
    rng = np.random.default_rng(2)
    s, g = rng.random(3000), rng.choice(list("abc"), 3000, p=[0.5, 0.3, 0.2])
    y = (rng.random(3000) < np.where(g == "b", 1 - s, s)).astype(int)
    result = scored(y, s, g)
    values = {k: np.mean((y - s)[g == k] ** 2) for k in "abc"}
    found = whole(result, "brier_score")
    assert found.value == pytest.approx(max(values.values()) - min(values.values()))
    assert found.pair[1] == ("b",)
    assert found.low_pair[1] == found.high_pair[1] == ("b",)
    against = [e for e in result.find("brier_score", "difference", by=("g",)) if e.group]
    assert {e.reference for e in against} == {("a",)}
    assert {e.group[0]: pytest.approx(e.value) for e in against} == {k: values[k] - values["a"] for k in "bc"}
    assert whole(result, "log_loss", "highest").pair[1] == ("b",)


@pytest.mark.parametrize("metric", ["brier_score", "log_loss"])
def test_limits_on_losses_fail_pass_and_wait(metric):
    rng = np.random.default_rng(4)
    s, g = rng.random(4000), np.repeat(["a", "b"], 2000)
    good = (rng.random(4000) < s).astype(int)
    bad = np.where(g == "b", 1 - good, good)
    for y, rows, verdicts in ((bad, slice(None), ["fail", "fail"]), (good, slice(None), ["pass", "pass"]), (good, slice(1970, 2030), ["insufficient"] * 2)):  # fmt: skip
        high = 0.2 if metric == "brier_score" else 0.6
        rules = [{"metric": metric, "compare": "difference", "max": 0.06}, {"metric": metric, "max": high}]
        result = scored(y[rows], s[rows], g[rows], gates=rules)
        assert [x.verdict for x in result.gates] == verdicts, [x.sentence for x in result.gates]
        assert [x.name for x in result.gates] == [f"model.{metric}.difference.g", f"model.{metric}.highest.g"]
        gap, highest = result.gates
        assert gap.needed_n is None
        assert (highest.needed_n is not None and highest.needed_n > 1) == (highest.verdict == "insufficient")


def test_limits_on_calibration_fail_and_pass():
    rng = np.random.default_rng(5)
    s, g = rng.uniform(0.3, 0.7, 4000), np.repeat(["a", "b"], 2000)
    rule = {"metric": "calibration_in_the_large", "compare": "difference", "max": 0.1}
    y = (rng.random(4000) < s).astype(int)
    assert scored(y, s, g, gates=[rule]).gates[0].verdict == "pass"
    assert scored(y, np.where(g == "b", s - 0.3, s), g, gates=[rule]).gates[0].verdict == "fail"
    with pytest.raises(QuestionError, match="'calibration_in_the_large' has no highest; available: difference$"):
        scored(y, s, g, gates=[{"metric": "calibration_in_the_large", "max": 0.1}])
    with pytest.raises(QuestionError, match="calibration_in_the_large"):
        scored(y, s, g, gates=[{"metric": "calibration_error_square", "max": 0.1}])


@pytest.mark.parametrize("groups", some_now([2, 6], 1))
def test_equal_groups_rarely_fail(groups):
    rng, failed = np.random.default_rng(groups), []
    rules = [{"metric": m, "compare": "difference", "max": 1e-9} for m in LOSSES]
    for _ in range(40):
        s = drawn("sure", rng, groups * 60)
        y = (rng.random(len(s)) < s).astype(int)
        result = scored(y, s, np.repeat([f"g{i}" for i in range(groups)], 60), gates=rules)
        failed.append([gate.verdict == "fail" for gate in result.gates])
    assert np.mean(failed, axis=0).max() <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 40)


def test_what_is_no_probability_has_no_loss_and_no_gap():
    result = scored([1, 0, 1, 0], [1.2, 0.2, 0.9, 0.1], list("aabb"), gates=[{"metric": "brier_score", "max": 0.5}])
    for metric in (*LOSSES, "calibration_error_square", "expected_calibration_error"):
        assert {e.status for e in each(result, metric).values()} == {"undefined"}
    for metric in LOSSES:
        assert "no probabilities" in whole(result, metric).reason
    assert result.gates[0].verdict == "undefined"
    assert not describe_differences(result)


def test_an_infinite_loss_leaves_no_gap_and_no_pass():
    result = scored([1, 0, 1, 0], [0.0, 0.2, 0.9, 0.1], list("aabb"), gates=[{"metric": "log_loss", "max": 5}])
    assert "infinite" in each(result, "log_loss")["a",].reason
    assert "not measured for a" in whole(result, "log_loss").reason
    assert whole(result, "brier_score").status == "ok"
    assert result.gates[0].verdict == "undefined"


def test_scores_far_from_probabilities_and_heavy_weights_write_strict_json():
    result = scored([1, 0, 1, 0], [1e200, -1e200, 3.0, 0.1], list("aabb"), threshold=0.0)
    assert "Infinity" not in result.to_json()
    with pytest.raises(ValuesError, match="rescale"):
        scored([1, 0, 1, 0], [0.1, 0.2, 0.9, 0.1], list("aabb"), weight=[1e100, 1, 1, 1])


def test_losses_are_counted_into_folds_that_sum_to_the_whole():
    rng = np.random.default_rng(6)
    frame = {"y": rng.integers(0, 2, 200), "s": rng.random(200), "g": rng.choice(["a", "b"], 200), "u": np.arange(200) // 4}  # fmt: skip
    asked = Plan(groups=("g",), label="y", score="s", unit="u")
    lost = count_cubes(open_frame(frame), asked, DuckEngine()).by_kind["losses"][0]
    alone = count_cubes(open_frame(frame), Plan(groups=("g",), label="y", score="s"), DuckEngine()).by_kind["losses"][0]
    assert lost.names == ("g", "label", "fold")
    for measure, values in lost.over("fold").measures.items():
        assert values == pytest.approx(alone[measure])


@pytest.mark.parametrize("off", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("rows", [100, 1000])
@pytest.mark.parametrize("kind", ["uniform", "rare"])
def test_the_square_without_noise_is_unbiased_and_its_interval_covers(rows, off, kind):
    rng, reps = np.random.default_rng(7), 1500
    s = np.minimum(drawn(kind, rng, (reps, rows)), 0.89)
    y = rng.random((reps, rows)) < s + off
    at = (np.arange(reps)[:, None] * 10 + np.minimum((10 * s).astype(int), 9)).ravel()
    found = calibration(*(np.bincount(at, v.ravel(), reps * 10).reshape(reps, 10) for v in (np.ones(s.shape), y, s)))
    if kind == "uniform":
        assert abs(found.square.mean() - off**2) < 4 * found.square.std() / math.sqrt(reps)
    assert np.mean(np.abs(found.square - off**2) <= 1.96 * found.error) >= 0.93 - 0.012


def test_the_floor_of_people_with_many_rows_is_what_a_calibrated_model_shows():
    rng, shown, said, naive = np.random.default_rng(8), [], [], []
    for _ in range(150):
        s, u, fold = rng.uniform(0.1, 0.9, 200), rng.random(200), rng.integers(100, size=200)
        sums = np.zeros((3, 1, 10, 100))
        at = np.minimum((10 * s).astype(int), 9)
        for i, v in enumerate((np.full(200, 10.0), 10.0 * (u < s), 10 * s)):
            np.add.at(sums[i, 0], (at, fold), v)
        totals = sums.sum(axis=-1)
        found = calibration(*totals, None, shared_noise(*sums))
        shown.append(found.ece[0])
        said.append(found.floor[0])
        naive.append(calibration(*totals).floor[0])
        assert found.square[0] < 0.05
    assert np.mean(said) == pytest.approx(np.mean(shown), rel=0.05)
    assert np.mean(naive) < 0.5 * np.mean(shown)


def test_the_square_has_an_interval_only_where_rows_are_plain():
    rng = np.random.default_rng(9)
    s = rng.random(400)
    y, g = (rng.random(400) < s).astype(int), ["a"] * 400
    plain = each(scored(y, s, g), "calibration_error_square")["a",]
    assert plain.low <= plain.value <= plain.high
    weighted = each(scored(y, s, g, weight=np.ones(400)), "calibration_error_square")["a",]
    assert (weighted.low, weighted.value) == (None, pytest.approx(plain.value))
    assert "rows are weighted" in weighted.method
    shared = each(scored(y, s, g, unit=np.arange(400) // 4), "calibration_error_square")["a",]
    assert "rows share units" in shared.method
    assert shared.low is None
    few = each(scored([1, 0], [0.15, 0.95], ["a", "a"]), "calibration_error_square")["a",]
    assert few.reason == "no score bin has two rows"
