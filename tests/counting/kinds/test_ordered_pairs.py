"""Exact pairs: the fast sort and its parts, held to a loop over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from audit.axes import CubeKind
from audit.counting.backends import duckdb
from audit.counting.backends.choose import choose_engine
from audit.counting.kinds import exact_auc
from audit.counting.plan import Plan
from audit.tables.open import open_frame

KINDS = {
    "all": st.floats(allow_nan=False, allow_infinity=False),
    "probabilities": st.floats(0, 1),
    "narrow": st.floats(0, 1, width=32),
    "ties": st.sampled_from([0.0, -0.0, 5e-324, 0.25, 0.5, 0.5 + 2**-53, 1.0]),
    "extremes": st.sampled_from([-1.7e308, -1.0, -5e-324, 0.0, 5e-324, 1e-300, 1.0, 1.0 + 2**-52, 1.7e308]),
    "logits": st.floats(-12, 12),
}


def slow_pairs(s, y, w):
    """Weight of pairs in the right order, ties half, by a loop over all pairs."""
    s, won = np.asarray(s), 0.0
    for i in np.flatnonzero(y == 1):
        low = y == 0
        won += w[i] * (w[low & (s < s[i])].sum() + w[low & (s == s[i])].sum() / 2)
    return won


def slow_precision(s, y, w):
    """Sum over positives of weight times precision among the rows of that score and above, by a loop."""
    every = [(w[(s >= s[i]) & (y == 1)].sum(), w[s >= s[i]].sum()) for i in np.flatnonzero((y == 1) & (w > 0))]
    return sum(w[i] * hits / rows for i, (hits, rows) in zip(np.flatnonzero((y == 1) & (w > 0)), every, strict=True))


def slow_above(s, w, of, others):
    """Weight of pairs of some rows and of others that stand above them, ties half, by a loop over all pairs."""
    return sum(
        w[i] * w[j] * ((s[j] > s[i]) + (s[j] == s[i]) / 2) for i in np.flatnonzero(of) for j in np.flatnonzero(others)
    )


def pairs_by_group(s, y, groups, w=None):
    """What is counted, one cube a grouping."""
    columns = {"s": np.asarray(s, dtype=float), "y": y, **groups} | ({} if w is None else {"w": w})
    names = tuple(groups)
    weight = None if w is None else "w"
    plan = Plan(
        groups=names,
        intersections=len(names),
        label="y",
        score="s",
        kinds={CubeKind.ORDERED_PAIRS: exact_auc.ExactAuc()},
        weight=weight,
    )
    with choose_engine("duckdb", None).scan(open_frame(columns), plan.columns) as scan:
        return exact_auc.count_ordered_pairs(scan, plan, {0: "0", 1: "1"}, (float(min(s)), float(max(s)))).pairs


def check(s, y, groups, w=None):
    given_ = np.ones(len(s)) if w is None else np.asarray(w)
    columns = {name: np.asarray(values, dtype=object) for name, values in groups.items()}
    for cube in pairs_by_group(s, y, columns, w):
        by = cube.names[:-1]
        for at in np.ndindex(cube["n"].shape[:-1]):
            rows = np.ones(len(s), dtype=bool)
            for axis, i in zip(cube.axes, at, strict=False):
                rows &= columns[axis.name] == axis.levels[i]
            assert tuple(cube["n"][at]) == (np.sum(rows & (y == 0)), np.sum(rows & (y == 1))), by
            lost, won = cube["below"][at]
            both = given_[rows & (y == 0)].sum() * given_[rows & (y == 1)].sum()
            assert won == slow_pairs(s[rows], y[rows], given_[rows]), (by, at)
            assert lost == both - won
            precision = slow_precision(s[rows], y[rows], given_[rows])
            assert cube["precision"][at] == pytest.approx([0.0, precision], rel=1e-12), (by, at)
            known = np.all([columns[name] != None for name in by], axis=0) if by else np.ones(len(s), dtype=bool)  # noqa: E711
            for label, name in enumerate(("negatives_above", "positives_above")):
                slow = [slow_above(s, given_, rows & known & (y == own), known & (y == label)) for own in (0, 1)]
                assert cube[name][at] == pytest.approx(slow, rel=1e-12), (by, at, name)


@pytest.fixture(params=["one part", "many parts", "many ranges", "too many cells"])
def _parted(request, monkeypatch):
    if request.param != "one part":
        monkeypatch.setattr(exact_auc, "STRETCH_ROWS", 4)
        monkeypatch.setattr(duckdb, "BATCH_ROWS", 8)
    if request.param == "many ranges":
        monkeypatch.setattr(exact_auc, "HELD_ROWS", 20)
    if request.param == "too many cells":
        monkeypatch.setattr(exact_auc, "PACKED_BITS", 1)


@pytest.mark.usefixtures("_parted")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_pairs_equal_a_loop_over_all_pairs(kind, weighted):
    row = st.tuples(KINDS[kind], st.booleans(), st.sampled_from(["a", "b", None]), st.sampled_from("xyz"), st.sampled_from([0.5, 1.0, 3.0]))  # fmt: skip

    @given(st.lists(row, min_size=4, max_size=70))
    @settings(max_examples=10, deadline=None)
    def equal(rows):
        s, y, g, h, w = (np.array(v) for v in zip(*rows, strict=True))
        y = y.astype(int)
        y[:2] = 0, 1
        check(s, y, {"g": g, "h": h}, w if weighted else None)

    equal()


@pytest.mark.parametrize("kind", ["continuous", "float32", "rounded", "one value", "logits", "skewed", "many groups"])
def test_many_rows_equal_sklearns(kind):
    rng, n = np.random.default_rng(3), 300_000
    y = (rng.random(n) < 0.3).astype(int)
    s = rng.random(n) * 0.6 + 0.35 * y
    s = {"float32": s.astype("f4").astype(float), "rounded": np.round(s, 3), "one value": np.full(n, 0.3),
         "logits": 20 * s - 10, "skewed": s**40}.get(kind, s)  # fmt: skip
    g = rng.integers(0, 900 if kind == "many groups" else 6, n)
    cube = pairs_by_group(s, y, {"g": g})[1]
    negative, positive = np.moveaxis(cube["n"], -1, 0).astype(float)
    for i, level in list(enumerate(cube.axis("g").levels))[:20]:
        rows = g == int(level)
        exact = sk.roc_auc_score(y[rows], s[rows])
        assert cube["below"][i, 1] / (negative[i] * positive[i]) == pytest.approx(exact, abs=1e-12)
        assert 2 * cube["below"][i, 1] == round(2 * cube["below"][i, 1])
