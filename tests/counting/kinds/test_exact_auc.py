"""With exact_auc every metric of the order of scores is exact: held to scikit-learn and to plain loops over pairs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from property_tests import crossed_now, some_now
from sklearn import metrics as sk

import audit
from audit.axes import CubeKind
from audit.counting.backends.choose import choose_engine
from audit.counting.count import count_cubes
from audit.counting.kinds import curves, exact_auc
from audit.counting.plan import Plan
from audit.cube import Cube
from audit.measurement.scores.bins import pairs_of
from audit.pipeline.verify import describe_differences
from audit.record.reader import read_text
from audit.tables.open import open_frame

EXACT = "exact: every pair of rows was looked at"
AGAINST = {"bpsn_auc": (1, False, 0, True, 0.0), "bnsp_auc": (1, True, 0, False, 0.0),
           "positive_average_equality_gap": (1, True, 1, False, 0.5),
           "negative_average_equality_gap": (0, True, 0, False, 0.5)}  # fmt: skip
"""Label and side whose rows should be higher, those that should be lower, and what is taken off."""


def crowded(kind, n, seed=0):
    """Labels, scores, two columns of groups, weights and people; scores of one kind."""
    rng = np.random.default_rng([seed, n])
    y = (rng.random(n) < 0.15).astype(int)
    odds = np.exp(rng.normal(-9.0 + 1.5 * y, 1.0))
    s = {
        "fraud": odds / (1 + odds), "near 1": 1 - odds / (1 + odds), "log-odds": np.log(odds), "tiny": 1e-12 * odds,
        "ties": np.round(1000 * rng.random(n) ** 4) / 1000 + 0.002 * y, "spread": rng.random(n) * (0.6 + 0.4 * y),
        "one value": np.full(n, 0.3), "huge": odds * 1e15,
    }[kind]  # fmt: skip
    g, h = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]), rng.choice(["f", "m"], n)
    return y, s, g, h, rng.choice([0.5, 1.0, 3.7], n), np.arange(n) // 3


def share_above(high, low, high_w, low_w):
    """Share of pairs in the right order, ties half, by a table of all pairs."""
    order = (high[:, None] > low[None]) + (high[:, None] == low[None]) / 2
    return float((order * high_w[:, None] * low_w[None]).sum() / (high_w.sum() * low_w.sum()))


def found(result, metric, by, group, compare=None):
    return next(e for e in result.find(metric, compare, by=by) if e.group == group)


@pytest.mark.parametrize(
    ("kind", "asked"),
    crossed_now(
        ["fraud", "near 1", "log-odds", "tiny", "ties", "spread", "one value", "huge"],
        [("weight", "unit"), (), ("weight",), ("unit",)],
    ),
)
def test_every_metric_of_order_is_that_of_a_loop(kind, asked):
    y, s, g, h, w, people = crowded(kind, 700)
    more = {k: v for k, v in (("weight", w), ("unit", people)) if k in asked}
    w = w if "weight" in asked else np.ones(len(y))
    result = audit.measure(y, score=s, groups={"g": g, "h": h}, intersections=2, exact_auc=True,
                           compare_to="rest", **more)  # fmt: skip
    columns = {(): ((), np.ones(len(y), dtype=bool)), ("g",): ("b", g == "b"), ("h",): ("m", h == "m")}
    cases = [*((by, () if not by else (name,), rows) for by, (name, rows) in columns.items()),
             (("g", "h"), ("a", "f"), (g == "a") & (h == "f"))]  # fmt: skip
    for by, group, rows in cases:
        for metric, oracle in (("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
            e = found(result, metric, list(by), group)
            assert e.value == pytest.approx(oracle(y[rows], s[rows], sample_weight=w[rows]), abs=1e-9), (metric, by)
            assert EXACT in e.method
            assert e.low <= e.value <= e.high
        for metric, (high, own_high, low, own_low, off) in AGAINST.items() if by else ():
            above, below = (rows == own_high) & (y == high), (rows == own_low) & (y == low)
            e = found(result, metric, list(by), group)
            expected = share_above(s[above], s[below], w[above], w[below]) - off
            assert e.value == pytest.approx(expected, abs=1e-9), (metric, by)
            assert EXACT in e.method
        if by:
            rest = sk.roc_auc_score(y[~rows], s[~rows], sample_weight=w[~rows])
            own = sk.roc_auc_score(y[rows], s[rows], sample_weight=w[rows])
            e = found(result, "roc_auc", list(by), group, "difference_to_rest")
            assert e.value == pytest.approx(own - rest, abs=1e-9), by
    assert not describe_differences(result)


def test_rows_without_a_group_are_nobodys_others():
    y, s, g, h, w, _ = crowded("fraud", 900)
    g = np.where(np.arange(900) % 7 == 0, None, g)
    result = audit.measure(y, score=s, groups={"g": g, "h": h}, weight=w, exact_auc=True)
    known, own = np.array([v is not None for v in g]), g == "b"
    above, below = known & ~own & (y == 1), own & (y == 0)
    assert found(result, "bpsn_auc", ["g"], ("b",)).value == pytest.approx(
        share_above(s[above], s[below], w[above], w[below]), abs=1e-12
    )
    missing = found(result, "average_precision", ["g"], (None,))
    assert missing.value == pytest.approx(
        sk.average_precision_score(y[~known], s[~known], sample_weight=w[~known]), abs=1e-12
    )
    assert not describe_differences(result)


@pytest.mark.parametrize("scale", [1e-160, 1e-12, 1.0, 1e12])
def test_the_scale_of_weights_changes_nothing(scale):
    y, s, g, _, w, _ = crowded("fraud", 400)
    one, other = (
        audit.measure(y, score=s, groups={"g": g}, weight=v, exact_auc=True, compare_to="rest") for v in (w, w * scale)
    )
    for metric in ("roc_auc", "average_precision", "abroca", *AGAINST):
        for a, b in zip(one.find(metric), other.find(metric), strict=True):
            assert (a.value is None) == (b.value is None)
            assert a.value is None or a.value == pytest.approx(b.value, abs=1e-12), metric


def test_a_group_that_is_nearly_everybody_is_not_taken_off():
    """What is left of all pairs has no digits where a group carries nearly all the weight: there the bins say it."""
    y, s, g, _, _, _ = crowded("spread", 900)
    w = np.where(g == "a", 1e14, 1.0)
    result = audit.measure(y, score=s, groups={"g": g}, weight=w, exact_auc=True)
    big, small = (found(result, "bpsn_auc", ["g"], (k,)) for k in "ab")
    for e, own in ((big, g == "a"), (small, g == "b")):
        above, below = ~own & (y == 1), own & (y == 0)
        assert e.value == pytest.approx(share_above(s[above], s[below], w[above], w[below]), abs=0.005)
    assert "binned" in big.method
    assert EXACT in small.method
    assert not describe_differences(result)


def test_changed_sums_of_precision_are_found():
    y, s, g, *_ = crowded("spread", 2000)
    document = json.loads(audit.measure(y, score=s, groups={"g": g}, exact_auc=True).to_json())
    assert not describe_differences(read_text(json.dumps(document), "as it was"))
    cube = next(c for c in document["cubes"] if c["name"].startswith("predictions ordered pairs: g"))
    cube["measures"]["precision"] = [0.8 * v for v in cube["measures"]["precision"]]
    said = describe_differences(read_text(json.dumps(document), "changed"))
    assert any("precisions say" in line and "score bins allow" in line for line in said)
    cube["measures"]["positives_above"] = [1.01 * v for v in cube["measures"]["positives_above"]]
    said = describe_differences(read_text(json.dumps(document), "changed"))
    assert any("are incomplete" in line for line in said)


def between(y, s, w, one, other):
    """Area between two curves of scikit-learn's: between any two of their points both are straight lines."""
    curves = [sk.roc_curve(y[k], s[k], sample_weight=w[k], drop_intermediate=False)[:2] for k in (one, other)]
    cuts = np.union1d(*(across for across, _ in curves))
    width = np.diff(cuts)
    first, last = (np.interp(cuts[:-1] + share * width, *curves[0]) - np.interp(cuts[:-1] + share * width, *curves[1])
                   for share in (0.25, 0.75))  # fmt: skip
    begin, end = 1.5 * first - 0.5 * last, 1.5 * last - 0.5 * first
    size = np.maximum(np.abs(begin) + np.abs(end), 1e-300)
    mean = np.where(begin * end < 0, (begin**2 + end**2) / (2 * size), size / 2)
    return float((width * mean).sum())


@pytest.mark.parametrize("kind", ["fraud", "near 1", "log-odds", "tiny", "ties", "spread", "one value", "huge"])
@pytest.mark.parametrize("asked", some_now([("weight", "unit"), (), ("weight",)], 1))
def test_every_area_between_curves_is_that_of_scikit_learns_curves(kind, asked, monkeypatch):
    y, s, g, h, w, people = crowded(kind, 700)
    more = {k: v for k, v in (("weight", w), ("unit", people)) if k in asked}
    w = w if "weight" in asked else np.ones(len(y))
    monkeypatch.setattr(exact_auc, "HELD_ROWS", 70)
    result = audit.measure(y, score=s, groups={"g": g, "h": h}, intersections=2, exact_auc=True, reference={"g": "a"},
                           **more)  # fmt: skip
    for group in "bc":
        e = found(result, "abroca", ["g"], (group,))
        assert (e.value, e.reference) == (pytest.approx(between(y, s, w, g == group, g == "a"), abs=1e-9), ("a",))
        assert e.method.startswith("exact: both curves of all rows were compared; no interval")
    by_pair = {pair: between(y, s, w, g == pair[0], g == pair[1]) for pair in ("ab", "ac", "bc")}
    largest = found(result, "abroca", ["g"], None, "largest")
    assert largest.value == pytest.approx(max(by_pair.values()), abs=1e-9)
    assert by_pair["".join(sorted(k for (k,) in largest.pair))] == pytest.approx(largest.value, abs=1e-9)
    crossed = {(i, j): (g == i) & (h == j) for i in "abc" for j in "fm"}
    for e in result.find("abroca", by=["g", "h"]):
        if e.group is not None and e.value is not None:
            assert e.value == pytest.approx(between(y, s, w, crossed[e.group], crossed[e.reference]), abs=1e-9)
            assert e.method.startswith("exact")
    assert not describe_differences(result)


@pytest.mark.parametrize(("limit", "most", "exact"), [
    ("MOST_KEPT", 699, ()), ("MOST_COMPARED", 699, ()), ("MOST_COMPARED", 1399, ("h",)),
    ("MOST_COMPARED", 1400, ("g", "h")),
])  # fmt: skip
def test_an_area_of_too_many_rows_or_groups_has_its_bounds_and_says_why(limit, most, exact, monkeypatch):
    monkeypatch.setattr(curves, limit, most)
    y, s, g, h, w, _ = crowded("fraud", 700)
    result = audit.measure(y, score=s, groups={"g": g, "h": h}, exact_auc=True)
    assert len(result.find("abroca", "largest")) == 2
    for e in result.find("abroca"):
        assert e.method.count("both curves of all rows") == (e.by[0] in exact)
        if e.by[0] in exact or e.group is None:
            continue
        column = g if e.by == ("g",) else h
        area = between(y, s, np.ones(len(y)), column == e.group[0], column == e.reference[0])
        said = (
            "binned (exact_auc compares curves of up to 4,000,000 rows and 50 groups, and up to 20,000,000 rows times "
            "other groups)"
        )
        assert e.method.startswith(f"{said}: the exact value lies within ±")
        assert abs(e.value - area) <= float(e.method.split("±")[1].split(";")[0])
    assert not describe_differences(result)


def test_an_area_of_more_than_fifty_groups_has_its_bounds():
    y, s, *_ = crowded("spread", 1200)
    result = audit.measure(y, score=s, groups={"g": [f"g{i % 51}" for i in range(1200)]}, exact_auc=True)
    assert {"binned (exact_auc compares" in e.method for e in result.find("abroca") if e.value is not None} == {True}


def test_a_changed_area_is_found():
    y, s, g, *_ = crowded("spread", 2000)
    document = json.loads(audit.measure(y, score=s, groups={"g": g}, exact_auc=True).to_json())
    cube = next(c for c in document["cubes"] if c["name"].startswith("predictions ordered areas: g"))
    cube["measures"]["area"] = [v + 0.05 for v in cube["measures"]["area"]]
    said = describe_differences(read_text(json.dumps(document), "changed"))
    assert any("its ordered area says" in line and "score bins allow" in line for line in said)
    cube["measures"]["area"] = [v - 0.05 for v in cube["measures"]["area"]]
    cube["measures"]["n"][0] += 1
    said = describe_differences(read_text(json.dumps(document), "changed"))
    assert any("ordered pairs are of different rows" in line for line in said)


def test_a_document_that_counted_pairs_alone_is_still_read():
    y, s, g, *_ = crowded("spread", 600)
    plan = Plan(groups=("g",), label="y", score="s", kinds={CubeKind.ORDERED_PAIRS: exact_auc.ExactAuc()})
    whole = count_cubes(open_frame({"y": y, "s": s, "g": g}), plan, choose_engine("duckdb", None)).by_kind[
        "ordered pairs"
    ][1]
    groups = [("a",), ("b",), ("c",)]
    old = pairs_of(Cube(whole.axes, {k: v for k, v in whole.measures.items() if k in {"n", "below"}}), groups)
    assert np.array_equal(old.auc, pairs_of(whole, groups).auc)
    assert np.isnan(old.precision).all()
    assert np.isnan(old.against((True, 1), (False, 0))).all()
