"""With exact_auc every metric of the order of scores is exact: held to scikit-learn and to plain loops over pairs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics as sk

import audit
from audit.counting.backends.choose import engine_of
from audit.counting.count import count_cubes
from audit.counting.plan import Plan
from audit.cube import Cube
from audit.measurement.scores.bins import pairs_of
from audit.pipeline.verify import differences
from audit.record.reader import from_text
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


@pytest.mark.parametrize("kind", ["fraud", "near 1", "log-odds", "tiny", "ties", "spread", "one value", "huge"])
@pytest.mark.parametrize("asked", [(), ("weight",), ("unit",), ("weight", "unit")])
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
    assert not differences(result)


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
    assert not differences(result)


@pytest.mark.parametrize("scale", [1e-160, 1e-12, 1.0, 1e12])
def test_the_scale_of_weights_changes_nothing(scale):
    y, s, g, _, w, _ = crowded("fraud", 400)
    one, other = (
        audit.measure(y, score=s, groups={"g": g}, weight=v, exact_auc=True, compare_to="rest") for v in (w, w * scale)
    )
    for metric in ("roc_auc", "average_precision", *AGAINST):
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
    assert not differences(result)


def test_changed_sums_of_precision_are_found():
    y, s, g, *_ = crowded("spread", 2000)
    document = json.loads(audit.measure(y, score=s, groups={"g": g}, exact_auc=True).to_json())
    assert not differences(from_text(json.dumps(document), "as it was"))
    cube = next(c for c in document["cubes"] if c["name"].startswith("predictions ordered pairs: g"))
    cube["measures"]["precision"] = [0.8 * v for v in cube["measures"]["precision"]]
    said = differences(from_text(json.dumps(document), "changed"))
    assert any("precisions say" in line and "score bins allow" in line for line in said)
    cube["measures"]["positives_above"] = [1.01 * v for v in cube["measures"]["positives_above"]]
    said = differences(from_text(json.dumps(document), "changed"))
    assert any("are not all of them" in line for line in said)


def test_a_document_that_counted_pairs_alone_is_still_read():
    y, s, g, *_ = crowded("spread", 600)
    plan = Plan(groups=("g",), label="y", score="s", exact_auc=True)
    whole = count_cubes(open_frame({"y": y, "s": s, "g": g}), plan, engine_of("duckdb", None)).by_kind["ordered pairs"][
        1
    ]
    groups = [("a",), ("b",), ("c",)]
    old = pairs_of(Cube(whole.axes, {k: v for k, v in whole.measures.items() if k in {"n", "below"}}), groups)
    assert np.array_equal(old.auc, pairs_of(whole, groups).auc)
    assert np.isnan(old.precision).all()
    assert np.isnan(old.against((True, 1), (False, 0))).all()
