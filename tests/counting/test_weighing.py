"""Weights of any scale: what depends on them alone, rows that are said beside them, and sums without an order."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audit
from audit.counting.backends.choose import choose_engine
from audit.counting.count import count_tallies, make_cubes
from audit.counting.plan import Plan
from audit.counting.terms import Number
from audit.counting.weighing import FARTHEST, Weighing, find_band
from audit.errors import ValuesError
from audit.estimate import rows_text, total_text
from audit.report.card.render import render
from audit.tables.open import open_frame

N = 900
RNG = np.random.default_rng(20261130)
G, H = RNG.choice(list("abc"), N, p=[0.6, 0.3, 0.1]), RNG.choice(list("xy"), N)
Y = (RNG.random(N) < 0.4).astype(int)
SCORE = np.clip(0.3 * Y + RNG.random(N) * 0.7, 0, 1).round(2)
P = (SCORE > 0.5).astype(int)
W = np.exp(RNG.normal(0, 1, N))
UNIT, CLASSES = RNG.integers(0, 150, N), RNG.integers(0, 3, N)
VALUES = RNG.normal(3, 2, N)
FIELDS = ("value", "low", "high", "effective_n", "rows", "reason", "status", "flags")

ASKED = {
    "classes": lambda w, at: audit.measure(Y[at], P[at], groups={"g": G[at], "h": H[at]}, weight=w[at],
                                           compare_to=("rest", "overall")),
    "units": lambda w, at: audit.measure(Y[at], P[at], groups={"g": G[at]}, weight=w[at], unit=UNIT[at]),
    "scores": lambda w, at: audit.measure(Y[at], score=SCORE[at], groups={"g": G[at]}, weight=w[at], exact_auc=True),
    "several": lambda w, at: audit.measure(CLASSES[at], CLASSES[::-1][at], groups={"g": G[at]}, weight=w[at],
                                           task="multiclass"),
    "numbers": lambda w, at: audit.measure(VALUES[at], VALUES[at] + P[at], groups={"g": G[at]}, weight=w[at],
                                           task="regression"),
    "flips": lambda w, at: audit.measure(Y[at], P[at], groups={"g": G[at]}, weight=w[at], features={"s": SCORE[at]}),
}  # fmt: skip
EVERY = np.arange(N)


def said(result, only=lambda e: True):
    """What is said of every estimate but one, which is told in sums of weights."""
    kept = [e for e in result.estimates if e.metric != "selection_shortfall" and only(e)]
    return {(e.metric, e.compare, e.by, e.group, e.outcome): [getattr(e, f) for f in FIELDS] for e in kept}


def alike(one, other, tolerance):
    """Whether two audits say the same, number by number."""
    assert one.keys() == other.keys()
    for key, values in one.items():
        for a, b in zip(values, other[key], strict=True):
            same = math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) if isinstance(a, float) else a == b
            assert same, (key, a, b)


@pytest.mark.parametrize("task", ASKED)
@pytest.mark.parametrize("scale", [2.0**-9, 1e-3, 1e12, 1e-20, 1e-160, 1e-300, 1e300, 5e-324 * 2**70])
def test_rates_do_not_depend_on_the_scale_of_all_weights(task, scale):
    alike(said(ASKED[task](W, EVERY)), said(ASKED[task](W * scale, EVERY)), 1e-6 if task == "numbers" else 1e-9)


@pytest.mark.parametrize("task", ASKED)
@pytest.mark.parametrize("scale", [2.0**-50, 1e-15, 1e15, 1e-40])
def test_the_rates_of_a_group_do_not_depend_on_the_scale_of_its_weights(task, scale):
    def own(e):
        return e.group == ("c",) and e.compare is None

    scaled = np.where(G == "c", W * scale, W)
    one, other = (said(ASKED[task](w, EVERY), own) for w in (W, scaled))
    assert one
    alike(one, other, 1e-6 if task == "numbers" else 1e-9)


@pytest.mark.parametrize("task", ASKED)
def test_no_number_depends_on_the_order_of_the_rows(task):
    weights = W.round(1)  # some are equal, and some 0
    first = said(ASKED[task](weights, EVERY))
    for seed in range(2):
        assert said(ASKED[task](weights, np.random.default_rng(seed).permutation(N))) == first


SPREAD = st.floats(-FARTHEST / 2 + 2, FARTHEST / 2 - 2).map(lambda place: 2.0**place)
ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1), SPREAD | st.just(0.0)), min_size=1, max_size=40)
PLAN = Plan(groups=("g",), label="y", weight="w", of_parts=True)


def counts(engine, frame):
    return count_tallies(open_frame(frame), PLAN, choose_engine(engine))


def cells(tallies):
    """Exact sums by group and label."""
    (tally,) = tallies.crossings.tallies
    keys = zip(tally.column("g"), tally.column("label"), strict=True)
    of = {
        name: [Fraction(int(t)) / Fraction(2) ** tally.shifts[name] for t in tally.totals[name]] for name in ("w", "w2")
    }
    return {key: (w, w2) for key, w, w2 in zip(keys, of["w"], of["w2"], strict=True)}


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
@given(rows=ROWS)
@settings(max_examples=15, deadline=None)
def test_sums_of_weights_lose_no_digit_however_far_weights_lie_apart(engine, rows):
    frame = pd.DataFrame(rows, columns=["g", "y", "w"])
    expected = {}
    for g, y, w in rows:
        one, two = expected.get((g, y), (Fraction(0), Fraction(0)))
        expected[g, y] = one + Fraction(w), two + Fraction(w * w)
    assert cells(counts(engine, frame)) == expected


@given(rows=ROWS.filter(lambda rows: len(rows) > 1), cut=st.integers(1, 39), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_parts_whose_weights_are_of_other_sizes_add_up_to_the_whole(rows, cut, seed):
    frame = pd.DataFrame(rows, columns=["g", "y", "w"])
    cut = min(cut, len(frame) - 1)
    shuffled = frame.sample(frac=1, random_state=seed)
    whole, parts = counts("duckdb", frame), [counts("duckdb", f) for f in (shuffled[:cut], shuffled[cut:])]
    assert cells(parts[0] + parts[1]) == cells(whole)
    one, other = make_cubes(parts[1] + parts[0], PLAN), make_cubes(whole, PLAN)
    assert one.weight_unit == other.weight_unit
    for a, b in zip(one.cubes, other.cubes, strict=True):
        assert a.axes == b.axes
        assert all((a[m] == b[m]).all() for m in a.measures)


@given(weight=SPREAD, width=st.sampled_from([8, 16, 32]))
def test_a_weight_near_1_lies_in_the_band_of_its_own_size(weight, width):
    band = find_band(weight, width)
    near = math.ldexp(weight, -band * width)
    assert 2.0 ** (-width // 2) <= near < 2.0 ** (width - width // 2)
    assert Weighing.of("w", (weight, weight), 32 // width).term(Number("w")).exponents == (band * width,)


@pytest.mark.parametrize("task", ["classes", "scores", "numbers"])
def test_weights_that_lie_absurdly_far_apart_are_refused_by_name(task):
    far = W.copy()
    far[3] = 1e-200
    with pytest.raises(ValuesError, match="weights 'weight' go from 1e-200 to .* too far apart"):
        ASKED[task](far, EVERY)


@pytest.mark.parametrize("task", ASKED)
def test_a_group_whose_weights_are_all_0_is_not_called_empty(task):
    result = ASKED[task](np.where(G == "c", 0.0, W), EVERY)
    own = [e for e in result.estimates if e.group == ("c",) and e.compare is None and e.status == "undefined"]
    assert own
    assert all("no rows" not in e.reason and "weight" in e.reason for e in own if e.metric != "selection_shortfall")


def test_rows_of_one_label_that_carry_no_weight_are_not_called_absent():
    result = audit.measure(Y, P, groups={"g": G}, weight=np.where((G == "c") & (Y == 1), 0.0, W))
    (rate,) = result.find("true_positive_rate", by=["g"], group=["c"])[:1]
    assert rate.reason == "0/0: no rows with label = 1 that has a weight above 0"


@pytest.mark.parametrize(
    ("weight", "total"), [(1 / N, "weighted total 0.0956"), (1e6, "weighted total 8"), (1e-160, "e-158")]
)
def test_a_sentence_counts_rows_and_says_what_is_a_sum_of_weights(weight, total):
    gate = {"metric": "selection_rate", "compare": "ratio", "min": 0.8}
    result = audit.measure(Y, P, groups={"g": G}, weight=np.full(N, weight), gates=[gate])
    sentence = result.gates[0].sentence
    assert f"(n {(G == 'c').sum()} rows, weighted total " in sentence
    assert total in sentence


def test_a_card_tells_rows_from_their_weights_in_the_words_of_a_sentence():
    result = audit.measure(Y, P, groups={"g": G}, weight=W)
    (rate,) = result.find("selection_rate", by=["g"], group=["a"])[:1]
    assert rows_text(rate) in render(result, "md")


def test_a_conditional_rate_counts_the_rows_of_its_own_denominator():
    result = audit.measure(Y, P, groups={"g": G}, weight=W)
    (rate,) = result.find("true_positive_rate", by=["g"], group=["a"])[:1]
    here = (G == "a") & (Y == 1)
    assert rate.rows == here.sum()
    assert rate.denominator == pytest.approx(W[here].sum(), rel=1e-12)
    plain = audit.measure(Y, P, groups={"g": G})
    assert all(e.rows is None for e in plain.estimates)


def test_totals_are_told_so_that_they_can_be_read():
    assert [total_text(x) for x in (2e8, 1234.5, 999.7, 999.0, 35.0, 2.5, 0.999999, 0.3, 0.0, 1.5e-158, 3e300)] == [
        "200,000,000", "1,234", "1,000", "999", "35", "2.5", "1", "0.3", "0", "1.5e-158", "3e+300",
    ]  # fmt: skip


def test_selections_that_are_missing_are_called_a_weighted_total(tmp_path):
    rng = np.random.default_rng(5)
    g = np.repeat(["f", "m"], 300)
    p = (rng.random(600) < np.where(g == "f", 0.25, 0.6)).astype(int)
    frame = pd.DataFrame({"y": p, "p": p, "g": g})
    said = {}
    for weight in (None, 0.001):
        more = {} if weight is None else {"weight": np.full(600, weight)}
        result = audit.measure(frame.y, frame.p, groups=frame[["g"]], positive=1, **more)
        (check,) = [c for c in result.checks if c.code == "FM001"]
        said[weight] = check.detail
    assert "; shortfall about 60 people. " in said[None]
    assert "weighted" not in said[None]
    assert "; shortfall a weighted total of 0.0605. " in said[0.001]
    assert "'f' 26.0% (n 300 rows, weighted total 0.3) v. 'm' 66.3% (n 300 rows, weighted total 0.3)" in said[0.001]
