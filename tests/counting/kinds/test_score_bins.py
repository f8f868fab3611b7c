"""Bins follow scores that crowd: near 0 or 1, in log-odds, around any value, in parts, with weights and people."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples, crossed_now
from sklearn import metrics as sk

import audit
from audit.axes import SCORE
from audit.counting import crossings
from audit.counting.backends.choose import choose_engine
from audit.counting.count import count_cubes, count_tallies, make_cubes
from audit.counting.kinds import score_bins, scores
from audit.counting.kinds.score_bins import Bins
from audit.counting.parts import read_tallies, to_tallies_record
from audit.counting.plan import Plan
from audit.counting.terms import Finer, Number, Rows, Steps
from audit.errors import QuestionError
from audit.measurement.scores.bins import edges_of
from audit.pipeline.verify import describe_differences
from audit.tables.open import open_frame

KINDS = ("fraud", "beta", "default", "near 1", "log-odds", "an outlier", "tiny", "huge", "middle", "few millionths")


def crowded(kind, n=6000, seed=0):
    """Labels and scores of one kind, two columns of groups."""
    rng = np.random.default_rng([seed, n])
    y = (rng.random(n) < 0.1).astype(int)
    odds = np.exp(rng.normal(-9.0 + 1.6 * y, 1.0))
    s = {
        "fraud": odds / (1 + odds),
        "beta": np.where(y == 1, rng.beta(1.5, 100, n), rng.beta(0.5, 500, n)),
        "default": np.clip(0.1 + 0.004 * rng.normal(size=n) + 0.004 * y, 0, 1),
        "near 1": 1 - odds / (1 + odds), "log-odds": np.log(odds),
        "an outlier": np.where(np.arange(n) == 5, 1e6, np.log(odds)), "tiny": 1e-12 * odds, "huge": 1e15 * odds,
        "middle": 0.5 + 1e-6 * (rng.normal(size=n) + y), "few millionths": np.round(odds, 6),
    }[kind]  # fmt: skip
    return y, s, rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]), rng.choice(["f", "m"], n)


def found(result, metric, by, group):
    return next(e for e in result.find(metric, None, by=by) if e.group == group)


def levels(result):
    cube = next(c for c in result.cubes if any(axis.name == SCORE for axis in c.axes))
    return next(axis.levels for axis in cube.axes if axis.name == SCORE)


@pytest.mark.parametrize(("kind", "asked"), crossed_now(KINDS, [(), ("weight",), ("unit",)]))
def test_what_bins_say_is_near_what_the_scores_say(kind, asked):
    y, s, g, h = crowded(kind)
    w = np.random.default_rng(1).choice([0.5, 1.0, 3.0], len(y))
    more = {k: v for k, v in (("weight", w), ("unit", np.arange(len(y)) // 2)) if k in asked}
    w = w if "weight" in asked else np.ones(len(y))
    result = audit.measure(y, score=s, groups={"g": g, "h": h}, intersections=2, **more)
    cases = [([], (), y >= 0), (["g"], ("a",), g == "a"), (["g"], ("c",), g == "c"), (["h"], ("m",), h == "m")]
    for by, group, rows in cases:
        area, precision = (found(result, m, by, group) for m in ("roc_auc", "average_precision"))
        exact = sk.roc_auc_score(y[rows], s[rows], sample_weight=w[rows])
        assert area.value == pytest.approx(exact, abs=0.005), (by, group)
        assert area.low <= exact <= area.high
        exact = sk.average_precision_score(y[rows], s[rows], sample_weight=w[rows])
        assert precision.value == pytest.approx(exact, abs=0.02), (by, group)
        assert precision.low <= exact <= precision.high
    assert "next to nothing" not in area.method + precision.method
    assert len(levels(result)) <= 900
    assert not describe_differences(result)


def test_average_precision_of_many_rows_is_within_half_of_what_may_stay_hidden():
    for kind in KINDS:
        y, s, g, _ = crowded(kind, 60_000)
        result = audit.measure(y, score=s, groups={"g": g})
        exact = sk.average_precision_score(y[g == "a"], s[g == "a"])
        assert found(result, "average_precision", ["g"], ("a",)).value == pytest.approx(exact, abs=0.0075), kind


def test_one_group_that_crowds_is_enough():
    rng = np.random.default_rng(5)
    y, g = rng.integers(0, 2, 4000), np.resize(["a", "a", "a", "b"], 4000)
    s = np.where(g == "b", 1e-7 * (rng.random(4000) + y), rng.random(4000))
    e = found(audit.measure(y, score=s, groups={"g": g}), "roc_auc", ["g"], ("b",))
    assert e.value == pytest.approx(sk.roc_auc_score(y[g == "b"], s[g == "b"]), abs=0.005)


@pytest.mark.parametrize("n", [300, 4000, 40_000])
def test_spread_scores_keep_their_equal_slices(n):
    rng = np.random.default_rng(n)
    y = rng.integers(0, 2, n)
    s = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1)
    said = levels(audit.measure(y, score=s, groups={"g": np.resize(["a", "b"], n)}))
    assert {round(200 * edges_of(v)[0], 9) % 1 for v in said} == {0.0}
    assert all(edges_of(v)[1] - edges_of(v)[0] == pytest.approx(0.005) for v in said)


def test_bins_that_make_too_many_cells_stay_coarse(monkeypatch):
    y, s, g, h = crowded("fraud")
    monkeypatch.setattr(scores, "MOST_CROSSED", 100)
    result = audit.measure(y, score=s, groups={"g": g, "h": h}, intersections=2)
    area = found(result, "roc_auc", ["g", "h"], ("a", "f"))
    assert "next to nothing" in area.method
    assert not describe_differences(result)


def test_bins_whose_empty_cells_are_too_many_stay_coarse_and_refuse_nothing(monkeypatch):
    """Finer bins never cost the audit: what equal slices could be laid out for is measured, of a whole and of parts."""
    y, s, g, h = crowded("fraud")
    fine = audit.measure(y, score=s, groups={"g": g, "h": h}, intersections=2)
    most = 3 * 2 * 2 * 100
    assert 3 * 2 * 2 * len(levels(fine)) > most
    for module in (crossings, scores):
        monkeypatch.setattr(module, "MOST_LAID_OUT", most)
    result = audit.measure(y, score=s, groups={"g": g, "h": h}, intersections=2)
    assert len(levels(result)) <= 100
    assert found(result, "roc_auc", ["g"], ("a",)).value is not None
    assert not describe_differences(result)
    *_, whole = parts_of("fraud")
    cube = make_cubes(whole, PLAN).by_kind["scores"][0]
    assert all((200 * end) % 1 == pytest.approx(0) for v in cube.axis(SCORE).levels for end in edges_of(v))


def numbers(bins, x):
    """Number of each value's bin, by plain arithmetic on doubles."""
    at = (x - bins.low) * (1 / bins.width)
    every = np.minimum(np.floor(at), bins.slices - 1)
    for start, scale, first, last in bins.finer:
        every += np.clip(np.floor((at - start) * scale), first, last)
    return every.astype(int)


ANY = st.one_of(
    st.floats(0, 1), st.floats(0, 1e-6), st.floats(0, 1e-300), st.floats(0.98, 1), st.floats(0.3, 0.3 + 1e-9),
    st.sampled_from([0.0, 5e-324, 0.005, 0.3, 1 - 2**-53, 1.0]), st.integers(0, 3200).map(lambda k: k * 0.005 / 16),
)  # fmt: skip


@given(st.lists(ANY, min_size=1, max_size=80), st.booleans())
@settings(max_examples=count_examples(60), deadline=None)
def test_every_engine_puts_a_score_between_the_ends_of_its_bin(values, folded):
    x = np.array(values)
    bins = Bins(0.0, 0.005, 200).with_ends(15 if folded else 63)
    for _ in range(3):  # cut the bins of .3 and of the first value, deeper each time
        bins = bins.with_cut(dict.fromkeys({int(v) for v in numbers(bins, np.array([0.3, x[0]]))}, 0.5))
    plain = numbers(bins, x)
    for number, at in zip(plain.tolist(), (x * (1 / 0.005)).tolist(), strict=True):
        first, last = bins.cuts[number]
        assert first <= at < last or (last == 200 and first <= at <= 200)
    frame = {"s": x}
    counted = {v: int(n) for v, n in zip(*np.unique(plain, return_counts=True), strict=True)}
    for name in ("duckdb", "pandas", "polars"):
        with choose_engine(name, None).scan(open_frame(frame), ("s",)) as scan:
            tally = scan.tally({SCORE: bins.key(Number("s"))}, {"n": Rows()}, {}, 10_000)
        assert dict(zip(tally.column(SCORE), tally.counts["n"].tolist(), strict=True)) == counted, name


def test_ends_of_bins_leave_no_gap_and_no_overlap():
    for bins in (Bins(0.0, 0.005, 200), Bins(0.0, 0.005, 200).with_ends(63), Bins(-12.0, 0.1, 200)):
        ends = list(bins.cuts.values())
        assert ends[0][0] == 0
        assert ends[-1][1] == 200
        assert all(a[1] == b[0] and a[0] < a[1] for a, b in zip(ends, ends[1:], strict=False))
        texts = [edges_of(bins.text(number)) for number in bins.cuts]
        assert all(low < high for low, high in texts)


PLAN = Plan(groups=("g", "h"), intersections=2, label="y", score="s", of_parts=True)


def parts_of(kind, plan=PLAN, **more):
    y, s, g, h = crowded(kind, 3000)
    columns = {"y": y, "s": s, "g": g, "h": h, **more}
    cuts = (slice(900), slice(900, 2000), slice(2000, None), slice(None))
    return [
        count_tallies(open_frame({k: v[c] for k, v in columns.items()}), plan, choose_engine("duckdb", None))
        for c in cuts
    ]


@pytest.mark.parametrize("kind", ["fraud", "near 1", "tiny", "beta"])
def test_parts_add_up_to_the_whole_and_are_near(kind):
    first, second, third, whole = parts_of(kind)
    summed, once = (make_cubes(t, PLAN).by_kind["scores"][0] for t in (third + first + second, whole))
    assert summed.names == once.names
    assert [a.levels for a in summed.axes] == [a.levels for a in once.axes]
    assert all(np.array_equal(summed[m], once[m]) for m in once.measures)
    y, s, *_ = crowded(kind, 3000)
    cube = once.keep("label", SCORE)
    order = np.argsort([edges_of(v)[0] for v in cube.axis(SCORE).levels])
    neg, pos = cube["n"][:, order].astype(float)
    area = (pos * (np.cumsum(neg) - neg / 2)).sum() / pos.sum() / neg.sum()
    assert area == pytest.approx(sk.roc_auc_score(y, s), abs=0.002)


def test_parts_of_spread_scores_are_told_as_before():
    rng = np.random.default_rng(3)
    columns = {"y": rng.integers(0, 2, 3000), "s": rng.random(3000), "g": np.resize(["a", "b"], 3000)}
    plan = replace(PLAN, groups=("g",), intersections=1)
    found_ = make_cubes(count_tallies(open_frame(columns), plan, choose_engine("duckdb", None)), plan)
    whole = count_cubes(open_frame(columns), replace(plan, of_parts=False), choose_engine("duckdb", None))
    for one, other in zip(found_.by_kind["scores"], whole.by_kind["scores"], strict=True):
        assert [a.levels for a in one.axes] == [a.levels for a in other.axes]
        assert np.array_equal(one["n"], other["n"])


def test_counts_of_an_older_version_are_read_or_refused_by_name(tmp_path):
    old, _, _, new = parts_of("fraud")
    record = json.loads(json.dumps(to_tallies_record(new)))
    assert read_tallies(record, tmp_path).scored.bins == new.scored.bins
    record = json.loads(json.dumps(to_tallies_record(old)))
    record["scored"]["bins"] = [0.0, 0.005, 200]
    before = read_tallies(record, tmp_path)
    assert before.scored.bins == Bins(0.0, 0.005, 200)
    with pytest.raises(QuestionError, match="other bins"):
        before + new


def test_a_key_without_finer_cuts_is_a_plain_slice():
    assert not isinstance(Bins(0.0, 0.005, 200).key(Number("s")), Steps)
    fine = Bins(0.0, 0.5, 2, (Finer(0.0, 4.0, 0, 3),))
    assert [fine.text(k) for k in fine.cuts] == [
        "[0.0, 0.125)",
        "[0.125, 0.25)",
        "[0.25, 0.375)",
        "[0.375, 0.5)",
        "[0.5, 1.0)",
    ]
    assert score_bins.LEFT < score_bins.CROWDED_STILL < score_bins.CROWDED
