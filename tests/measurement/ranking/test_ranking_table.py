"""Rankings: held to slow loops over lists, to scikit-learn and to scipy; intervals and verdicts to simulation."""

from __future__ import annotations

import hashlib
import io
import json
import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from commands import audit as run_command
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples
from rich.console import Console
from scipy import stats
from sklearn.metrics import ndcg_score

import audit
from audit.config.read import build, parse
from audit.errors import QuestionError, SourceError, ValuesError
from audit.estimate import cell_interval, cell_text
from audit.measurement.inference.lists import (
    least_error,
    log_quotient,
    of_lists,
    quotient,
    random_exposure,
    random_places,
    ratio_gap,
)
from audit.measurement.inference.means import against, limits, mean_gap
from audit.measurement.metrics.catalogue import CATALOGUE
from audit.pipeline.verify import describe_differences
from audit.report.disclosure.publishable import publishable


def rank(frame, groups="g", **more):
    names = [groups] if isinstance(groups, str) else list(groups)
    given = {k: frame[k] for k in ("query", "rank", "score", "unit") if k in frame}
    return audit.measure(frame.get("y"), groups={n: frame[n] for n in names}, task="ranking", **given, **more)


def one(result, metric, group=None, compare=None, by=("g",)):
    group = group if group is None or isinstance(group, list) else [group]
    return next(
        e for e in result.find(metric, compare, by=by) if (e.group or None) == (tuple(group) if group else None)
    )


def some(lists=40, seed=0, *, missing=0.1, longest=20, bias=0.6):
    """Lists of several lengths, shuffled, with relevance, two attributes and rows without a group."""
    rng = np.random.default_rng(seed)
    rows = []
    for q in range(lists):
        n = int(rng.integers(1, longest))
        g = rng.choice(["a", "b", "c"], p=[0.5, 0.3, 0.2], size=n)
        order = np.argsort(-(rng.normal(size=n) + bias * (g == "a")))
        for place, i in enumerate(order, start=1):
            rows.append((f"q{q}", place, g[i] if rng.random() > missing else None, rng.choice(["x", "y"]),
                         int(rng.integers(0, 4))))  # fmt: skip
    frame = pd.DataFrame(rows, columns=["query", "rank", "g", "h", "y"])
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def discount(place):
    return 1 / math.log2(1 + place)


def of_list(levels):
    """NDKL and infeasible index of one list of groups, by the definitions and nothing else."""
    n, every = len(levels), sorted(set(levels))
    weights, parts, broken = 0.0, 0.0, 0
    for i in range(1, n + 1):
        held = {g: levels[:i].count(g) for g in every}
        kl = sum(c / i * math.log(c / i / (levels.count(g) / n)) for g, c in held.items() if c)
        weights, parts = weights + discount(i), parts + discount(i) * kl
        broken += any(held[g] < math.floor(Fraction(levels.count(g) * i, n)) for g in every)
    return parts / weights, broken


def ndcg(relevances):
    ideal = sum(y * discount(i) for i, y in enumerate(sorted(relevances, reverse=True), start=1))
    return sum(y * discount(i) for i, y in enumerate(relevances, start=1)) / ideal if ideal else None


def expected(frame, by, group, k):
    """Every metric of one group, by loops over lists."""
    level = [tuple(r) for r in frame[list(by)].to_numpy()] if by else [()] * len(frame)
    frame = frame.assign(level=level).sort_values(["query", "rank"])
    mine = frame[[x == group for x in frame["level"]]]
    known = frame[[all(isinstance(v, str) for v in x) for x in frame["level"]]]
    share = sum(map(discount, mine["rank"])) / sum(map(discount, known["rank"]))
    top, wanted = 0, 0.0
    for _, each in frame.groupby("query"):
        own = each[[x == group for x in each["level"]]]
        top, wanted = top + int((own["rank"] <= k).sum()), wanted + min(k, len(each)) * len(own) / len(each)
    quality = [ndcg(list(each["y"])) for _, each in mine.groupby("query")]
    quality = [q for q in quality if q is not None]
    return {
        "exposure": float(np.mean([discount(r) for r in mine["rank"]])),
        "exposure_share": share,
        "relative_exposure": share / (len(mine) / len(known)),
        "exposure_over_relevance": sum(map(discount, mine["rank"])) / mine["y"].sum(),
        f"share_at_{k}": top / sum(min(k, len(each)) for _, each in frame.groupby("query")),
        f"skew_at_{k}": math.log(top / wanted),
        "ndcg": float(np.mean(quality)),
    }


@pytest.mark.parametrize("order", ["rank", "score"])
def test_every_group_and_crossing_equals_loops_over_the_lists(order):
    frame = some()
    asked = frame if order == "rank" else frame.assign(score=-frame["rank"] * 1.5).drop(columns="rank")
    result = rank(asked, ["g", "h"], intersections=2, top=[3, 10])
    checked = 0
    for by, group in ((("g",), ("a",)), (("g",), ("c",)), (("h",), ("y",)), (("g", "h"), ("b", "x"))):
        for k in (3, 10):
            for metric, value in expected(frame, by, group, k).items():
                found = one(result, metric, list(group), by=by)
                assert found.value == pytest.approx(value, rel=1e-12), (metric, by, group)
                checked += 1
    assert checked == 4 * 2 * 7
    missing = one(result, "exposure", [None])
    assert missing.value == pytest.approx(np.mean([discount(r) for r in frame["rank"][frame["g"].isna()]]))
    assert one(result, "exposure", by=()).value == pytest.approx(np.mean([discount(r) for r in frame["rank"]]))


@pytest.mark.parametrize("by", [("g",), ("h",), ("g", "h")])
def test_ndkl_and_infeasible_index_equal_loops_over_prefixes(by):
    frame = some().sort_values(["query", "rank"])
    each = []
    for _, own in frame.groupby("query"):
        levels = [tuple(r) for r in own[list(by)].to_numpy() if all(isinstance(v, str) for v in r)]
        each += [(*of_list(levels), len(levels))] if levels else []
    result = rank(frame, ["g", "h"], intersections=2)
    found = {
        m: one(result, m, compare="between_groups", by=by) for m in ("ndkl", "infeasible_index", "infeasible_share")
    }
    assert found["ndkl"].value == pytest.approx(np.mean([a for a, _, _ in each]), rel=1e-12)
    assert found["infeasible_index"].value == pytest.approx(np.mean([b for _, b, _ in each]), rel=1e-12)
    assert found["infeasible_share"].value == pytest.approx(np.mean([b / n for _, b, n in each]), rel=1e-12)
    assert all(e.n == len(each) and e.low < e.value < e.high for e in found.values())
    assert not describe_differences(result)


def test_a_list_worked_by_hand():
    """a a b a b: exposures 1, .63093, .5, .43068, .38685; shares .6 and .4."""
    result = rank(pd.DataFrame({"g": list("aabab"), "rank": [1, 2, 3, 4, 5], "y": [0, 2, 1, 0, 0]}), top=[2, 3])
    assert one(result, "exposure", "a").value == pytest.approx((1 + 0.6309298 + 0.4306766) / 3, abs=1e-7)
    assert one(result, "exposure", "b").value == pytest.approx((0.5 + 0.3868528) / 2, abs=1e-7)
    assert one(result, "exposure", compare="ratio").value == pytest.approx(0.4434264 / 0.6872021, abs=1e-6)
    assert one(result, "exposure_over_relevance", "b").value == pytest.approx(0.8868528, abs=1e-7)
    assert one(result, "skew_at_3", "a").value == pytest.approx(math.log((2 / 3) / 0.6))
    # prefixes: a; aa; aab; aaba; all. b is due at places 3 (floor 1.2) and 5, a at 2, 4 and 5: never late
    assert one(result, "infeasible_index", compare="between_groups").value == 0
    ln = math.log
    kl = [
        ln(1 / 0.6),
        ln(1 / 0.6),
        2 / 3 * ln(2 / 3 / 0.6) + 1 / 3 * ln(1 / 3 / 0.4),
        0.75 * ln(1.25) + 0.25 * ln(0.625),
        0,
    ]
    weights = [1, 0.6309298, 0.5, 0.4306766, 0.3868528]
    by_hand = sum(w * x for w, x in zip(weights, kl, strict=True)) / sum(weights)
    assert one(result, "ndkl", compare="between_groups").value == pytest.approx(by_hand, abs=1e-7)
    assert one(result, "ndcg", "a").value == pytest.approx(2 * 0.6309298 / 2, abs=1e-7)
    nobody = one(result, "skew_at_2", "b")
    assert nobody.status == "undefined"
    assert nobody.reason == "ln 0: no item of this group is in the top 2, where 0.8 are expected"
    assert one(result, "share_at_2", "b").value == 0
    assert "not measured for b (ln 0" in one(result, "skew_at_2", compare="lowest").reason


def test_one_list_is_one_observation_and_chance_is_exact():
    levels = list("aabbbaababbbb")
    result = rank(pd.DataFrame({"g": levels, "rank": range(1, 14)}), top=[5])
    for metric in ("exposure", "exposure_share", "skew_at_5", "ndkl"):
        found = one(
            result,
            metric,
            *(() if metric == "ndkl" else ("a",)),
            compare="between_groups" if metric == "ndkl" else None,
        )
        assert (found.low, found.high) == (None, None)
        assert found.method.startswith("no interval: one list is one observation")
    law = stats.hypergeom(13, 5, 5)
    assert random_places(13, 5, 5) == pytest.approx((law.mean(), law.std()))
    assert (
        f"puts {law.mean():.3g} ± {law.std():.2g} of this group into the top 5" in one(result, "skew_at_5", "a").method
    )
    every = [np.mean([discount(i + 1) for i in held]) for held in combinations(range(8), 3)]
    assert random_exposure(8, 3) == pytest.approx((np.mean(every), np.std(every)))
    assert rank(pd.DataFrame({"g": levels, "rank": range(1, 14)}), gates=[
        {"metric": "exposure", "compare": "ratio", "min": 0.2}]).verdict == "insufficient"  # fmt: skip


tied_lists = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "c", None]), st.integers(0, 2)),
                      min_size=2, max_size=16)  # fmt: skip


@given(rows=tied_lists, seed=st.integers(0, 99))
@settings(max_examples=count_examples(40), deadline=None)
def test_ties_share_their_places_whatever_the_order_of_rows(rows, seed):
    if sum(g is not None for _, g, _ in rows) < 1:
        return
    frame = pd.DataFrame(rows, columns=["score", "g", "y"]).astype({"g": object})
    first = rank(frame, top=[3])
    again = rank(frame.sample(frac=1, random_state=seed).reset_index(drop=True), top=[3])
    for a, b in zip(first.estimates, again.estimates, strict=True):
        assert (a.metric, a.group, a.status, a.flags) == (b.metric, b.group, b.status, b.flags)
        assert a.value == (b.value if b.value is None else pytest.approx(b.value, rel=1e-9, abs=1e-12))
    assert ("tied_places" in one(first, "exposure", by=()).flags) == frame["score"].duplicated().any()
    y, s = frame["y"].to_numpy(), frame["score"].to_numpy()
    whole = one(first, "ndcg", by=())
    if y.any():
        assert whole.value == pytest.approx(ndcg_score([y], [s]))
    else:
        assert whole.status == "undefined"
    assert_shared(frame, first)


def assert_shared(frame, result):
    """Exposure, top 3, NDKL and infeasible index with each tied item in the mean of its places."""
    scores = sorted(frame["score"], reverse=True)
    places = {s: [i + 1 for i, t in enumerate(scores) if t == s] for s in set(scores)}
    for g in frame["g"].dropna().unique():
        mine = frame["score"][frame["g"] == g]
        value = np.mean([np.mean([discount(p) for p in places[s]]) for s in mine])
        assert one(result, "exposure", g).value == pytest.approx(value)
        held = sum(np.mean([p <= 3 for p in places[s]]) for s in mine)
        assert one(result, "share_at_3", g).value == pytest.approx(held / min(3, len(frame)), abs=1e-12)
    known = frame[frame["g"].notna()].sort_values("score", ascending=False)
    total, held, mix = known["g"].value_counts(), dict.fromkeys(known["g"], Fraction(0)), []
    for s in known["score"].unique():
        block = known["g"][known["score"] == s]
        mix += [{g: Fraction(int((block == g).sum()), len(block)) for g in held}] * len(block)
    weights = parts = broken = 0
    for i, added in enumerate(mix, start=1):
        held = {g: held[g] + added[g] for g in held}
        share = {g: Fraction(int(total[g]), len(known)) for g in held}
        parts += discount(i) * sum(float(c / i) * math.log(c / i / share[g]) for g, c in held.items() if c)
        weights += discount(i)
        broken += any(c < math.floor(share[g] * i) for g, c in held.items())
    ndkl, index = (one(result, m, compare="between_groups") for m in ("ndkl", "infeasible_index"))
    if len(total) > 1:
        assert ndkl.value == pytest.approx(parts / weights, abs=1e-12)
        assert index.value == broken
    else:
        assert ndkl.status == "undefined"


def test_ndcg_of_queries_that_have_a_group_is_scikit_learns_mean():
    frame = some(30)
    frame["g"] = frame["query"].map({q: "ab"[int(q[1:]) % 2] for q in frame["query"].unique()})
    result = rank(frame)
    for g in "ab":
        each = [
            ndcg_score([own["y"]], [-own["rank"]]) for _, own in frame[frame["g"] == g].groupby("query")
            if len(own) > 1 and own["y"].any()
        ]  # fmt: skip
        each += [1.0 for _, own in frame[frame["g"] == g].groupby("query") if len(own) == 1 and own["y"].any()]
        found = one(result, "ndcg", g)
        assert found.value == pytest.approx(np.mean(each))
        assert found.denominator == len(each)
        assert "whole lists, each of one group" in found.method
    assert "restricted to the group's items" in one(rank(some()), "ndcg", "a").method
    alone = one(result, "ndkl", compare="between_groups")
    assert (alone.status, alone.reason) == (
        "undefined",
        "every list holds one group only, so there is no order of groups",
    )
    skew = one(result, "skew_at_10", "a")
    assert skew.value == pytest.approx(0, abs=1e-12)
    assert "do not differ" in skew.method


def test_a_random_order_is_said_beside_ndcg_because_short_lists_score_high():
    frame = some(25, missing=0).sort_values(["query", "rank"])
    said = float(one(rank(frame), "ndcg", "b").method.partition("items shows ")[2])
    rng, drawn = np.random.default_rng(0), []
    for _, own in frame[frame["g"] == "b"].groupby("query"):
        y = own["y"].to_numpy()
        if y.any():
            drawn.append(np.mean([ndcg(list(rng.permutation(y))) for _ in range(300)]))
    assert said == pytest.approx(np.mean(drawn), abs=0.01)


def slow_jackknife(frame, unit, statistic):
    """Value, variance and degrees of freedom without any cube: the statistic of the rows that each fold leaves."""
    folds = frame[unit].map(
        lambda u: int(hashlib.md5(str(u).encode(), usedforsecurity=False).hexdigest()[:8], 16) % 100
    )
    value = statistic(frame)
    left = np.array([statistic(frame[folds != f]) for f in sorted(set(folds))]) - value
    own = frame[frame["g"] == "a"]
    weights = own.groupby(folds[own.index]).size().to_numpy()
    effective = min(weights.sum() ** 2 / (weights**2).sum(), 3 * (left**2).sum() ** 2 / (left**4).sum())
    return value, len(left[left != 0]), (left**2).sum(), effective - 1


@pytest.mark.parametrize("unit", ["query", "unit"])
def test_the_interval_is_the_jackknife_over_lists_or_over_whom_they_belong_to(unit):
    frame = some(60, missing=0)
    if unit == "unit":
        frame["unit"] = frame["query"].map(lambda q: f"person {int(q[1:]) // 3}")
    found = one(rank(frame), "exposure", "a")
    value, folds, square, df = slow_jackknife(
        frame, unit, lambda f: float(np.mean([discount(r) for r in f["rank"][f["g"] == "a"]]))
    )
    half = stats.t(df).ppf(0.975) * math.sqrt((folds - 1) / folds * square)
    assert (found.value, found.degrees_of_freedom) == pytest.approx((value, df))
    assert (found.low, found.high) == pytest.approx((value - half, value + half))


def test_a_list_of_two_units_is_refused_and_so_is_what_is_no_order():
    frame = some(5)
    with pytest.raises(ValuesError, match=r"unit 'unit': query 'q\d' has items of .* units"):
        rank(frame.assign(unit=range(len(frame))))
    for change, said in (
        (lambda f: f.assign(rank=f["rank"].where(f["query"] != "q3", 1)), "of query 'q3' gives .* items only 1 different"),
        (lambda f: f.assign(rank=f["rank"] + (f["query"] == "q1")), "of query 'q1' goes from 2 to"),
        (lambda f: f.assign(rank=f["rank"] + 0.5), "is not a whole number"),
        (lambda f: f.assign(rank=f["rank"].where(f.index > 0)), "rank 'rank' is missing"),
        (lambda f: f.assign(query=f["query"].where(f.index > 0)), "query 'query' is missing"),
        (lambda f: f.assign(y=f["y"] - 1), "label 'y_true' is negative in"),
        (lambda f: f.assign(y=f["y"].where(f.index > 0)), "label 'y_true' is missing"),
        (lambda f: f.assign(y=f["y"] * np.inf), "label 'y_true' is"),
        (lambda f: f.drop(columns="query"), "if these are several lists, name the query"),
        (lambda f: f.assign(score=np.nan).drop(columns="rank"), "score 'score' is missing"),
        (lambda f: f.assign(rank=f["rank"].astype(str)), "rank 'rank' is text"),
    ):  # fmt: skip
        with pytest.raises(ValuesError, match=said):
            rank(change(frame))


def test_absurd_sizes_are_refused_by_name(monkeypatch):
    from audit.counting.kinds import ranking

    monkeypatch.setattr(ranking, "MOST_ITEMS", 20)
    with pytest.raises(SourceError, match="can be placed at once; audit a sample of whole queries"):
        rank(some(10))
    monkeypatch.undo()
    monkeypatch.setattr(ranking, "MOST_TIED", 20)
    with pytest.raises(SourceError, match="up to 40 items of a list share one score"):
        rank(pd.DataFrame({"g": list("ab") * 20, "score": [1.0] * 40}))


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"y_pred": [1, 2]}, "no prediction and no threshold"), ({"threshold": 0.7}, "no prediction and no threshold"),
     ({"score": [1.0, 2.0]}, "needs one order"), ({"rank": None}, "needs one order"), ({"positive": 1}, "positive"),
     ({"weight": [1, 2]}, "no weights"), ({"top": [5, 5]}, "each once"), ({"top": []}, "at least one"),
     ({"top": [0]}, "top"), ({"gates": [{"metric": "skew_at_50", "max": 0.1}]}, r"skew_at_50 needs k = 50; add 50 to top \[10\]$"),
     ({"gates": [{"metric": "skew_at_k", "max": 0.1}]}, "skew_at_10"),
     ({"gates": [{"metric": "ndcg", "min": 0.5}]}, "needs relevance"),
     ({"gates": [{"metric": "skew_at_10", "min": 0.1}]}, "at most 0"),
     ({"gates": [{"metric": "exposure_over_relevance", "max": 0.1}]}, "needs min"),
     ({"gates": [{"metric": "infeasible_index", "max": 2}]}, "'infeasible_index' \\(task = \"ranking\"\\) has no interval and cannot be judged; use infeasible_share$"),
     ({"gates": [{"metric": "selection_rate", "compare": "ratio", "min": 0.8}]}, "'selection_rate' needs task = \"classification\", but task is ranking$"),
     ({"task": "classification"}, "set task = .ranking."), ({"metrics": {"f": lambda a, b: 0.0}}, "metrics need labels")],
)  # fmt: skip
def test_what_makes_no_sense_of_a_ranking_is_refused(asked, said):
    with pytest.raises(QuestionError, match=said):
        audit.measure(**({"groups": {"g": ["a", "b"]}, "task": "ranking", "rank": [1, 2]} | asked))


def test_other_tasks_have_no_query():
    with pytest.raises(
        QuestionError, match='predictions: query is for rankings; set task = "ranking", or remove query$'
    ):
        audit.measure([1, 0], [1, 0], groups={"g": ["a", "b"]}, query=[1, 1])
    text = '[data]\ngroups = ["g"]\n[predictions]\ntask = "ranking"\nsource = "x.csv"\nrank = "r"\ntop = [10, 50]\n'
    assert parse(text).predictions.top == (10, 50)
    assert parse(text.replace("top", "#")).predictions.top == (10,)
    with pytest.raises(QuestionError, match="is both label and prediction"):
        parse(text + 'label = "r"\n')


def test_gates_fail_and_pass_and_never_pass_what_is_undefined():
    frame = some(150, missing=0, bias=1.2)
    rules = [{"metric": "exposure", "compare": "ratio", "min": 0.95}, {"metric": "exposure", "compare": "ratio", "min": 0.5},
             {"metric": "skew_at_3", "min": -0.05}, {"metric": "skew_at_3", "max": 2}, {"metric": "ndkl", "max": 0.05},
             {"metric": "ndkl", "max": 0.9}, {"metric": "exposure_over_relevance", "min": 0.3},
             {"metric": "ndcg", "min": 0.1}, {"metric": "infeasible_share", "max": 0.9},
             {"metric": "exposure", "max": 0.01, "compare": "difference"}]  # fmt: skip
    result = rank(frame, top=[3], gates=rules)
    assert [g.verdict for g in result.gates] == [
        "fail",
        "pass",
        "fail",
        "pass",
        "fail",
        "pass",
        "pass",
        "pass",
        "pass",
        "fail",
    ]
    assert [g.name for g in result.gates][2:5] == [
        "model.skew_at_3.lowest.g", "model.skew_at_3.highest.g", "model.ndkl.between_groups.g"]  # fmt: skip
    assert not describe_differences(result)
    ratio = one(result, "exposure", compare="ratio")
    each = {g: one(result, "exposure", g).value for g in "abc"}
    assert ratio.value == pytest.approx(min(each.values()) / max(each.values()))
    assert ratio.pair == ((min(each, key=each.get),), (max(each, key=each.get),))
    bottom = frame[frame["g"] != "c"]
    last = pd.DataFrame({"query": sorted(set(bottom["query"])), "g": "z", "y": 1, "h": "x"})
    last["rank"] = last["query"].map(bottom.groupby("query").size()) + 1
    bottom = bottom.assign(rank=bottom.groupby("query")["rank"].rank().astype(int))
    longer = bottom.groupby("query")["rank"].transform("max") >= 3
    last = last[last["query"].isin(bottom["query"][longer])]
    never = rank(pd.concat([bottom, last]), top=[3], gates=[{"metric": "skew_at_3", "min": -0.9}])
    assert never.gates[0].verdict in {"undefined", "fail"}
    assert "no item of this group is in the top 3" in one(never, "skew_at_3", "z").reason


def test_relevance_of_nothing_has_no_quotient():
    frame = some(20, missing=0)
    frame.loc[frame["g"] == "c", "y"] = 0
    result = rank(frame)
    assert one(result, "exposure_over_relevance", "c").reason == "1/0: nothing in this group is relevant"
    assert one(result, "ndcg", "c").reason == "0/0: no list in which anything of this group is relevant"
    gap = one(result, "exposure_over_relevance", compare="ratio")
    assert gap.status == "undefined"
    assert "unmeasured_group" in gap.flags
    scaled, tiny = rank(frame.assign(y=frame["y"] * 1e30)), rank(frame.assign(y=frame["y"] * 1e-25))
    for other, by in ((scaled, 1e30), (tiny, 1e-25)):
        a, b = (one(r, "exposure_over_relevance", "a") for r in (result, other))
        assert (a.value, a.low, a.high) == pytest.approx((b.value * by, b.low * by, b.high * by))
        assert one(other, "ndcg", "a").low == pytest.approx(one(result, "ndcg", "a").low)


def test_one_group_an_absent_crossing_and_lists_in_which_nobody_has_a_group():
    lonely = rank(some(20).assign(g="a"))
    for metric, compare in (("exposure", "ratio"), ("ndkl", "between_groups")):
        assert "only one group (a)" in one(lonely, metric, compare=compare).reason
    frame = some(20)
    frame.loc[frame["query"] == "q3", "g"] = None
    frame.loc[frame["g"] == "c", "h"] = "x"
    result = rank(frame, ["g", "h"], intersections=2)
    assert one(result, "exposure", ["c", "y"], by=("g", "h")).reason == "0/0: no rows in this group"
    assert "rows_without_group" in one(result, "exposure", compare="ratio").flags
    assert one(result, "ndkl", compare="between_groups").n < 20
    assert not describe_differences(result)
    nobody = rank(frame.assign(g=None))
    assert one(nobody, "ndkl", compare="between_groups").status == "undefined"
    assert not describe_differences(nobody)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_document_holds_what_the_numbers_need(labelled):
    from audit.record.reader import read_text

    frame = some(30) if labelled else some(30).drop(columns="y")
    result = rank(frame, ["g", "h"], intersections=2, top=[3, 10], gates=[{"metric": "skew_at_3", "min": -0.5}])
    assert bool(result.find("ndcg")) == labelled
    assert not describe_differences(result)
    document = json.loads(result.to_json())
    assert not describe_differences(read_text(json.dumps(document), "same"))
    for e in document["estimates"]:
        e["value"] = e["value"] and e["value"] * 1.01
    assert describe_differences(read_text(json.dumps(document), "changed"))


def test_counts_in_the_top_are_protected_like_any_count():
    frame = some(60, missing=0)
    rng = np.random.default_rng(1)
    frame.loc[rng.choice(frame.index, 14, replace=False), "g"] = "few"
    result = rank(frame, top=[3, 10])
    public = publishable(result)
    assert one(public, "exposure", "few").status == "ok"
    for metric in ("skew_at_3", "share_at_3", "skew_at_10", "share_at_10"):
        assert one(public, metric, "few").status == "suppressed"
        # one hidden group would follow from the total of all groups
        assert sum(one(public, metric, g).status == "suppressed" for g in ("a", "b", "c", "few")) >= 2
        assert all(e.status != "ok" for e in public.find(metric, "lowest"))
    assert any(one(public, "share_at_3", g).status == "ok" for g in "abc")
    band = frame[(frame["rank"] > 3) & (frame["rank"] <= 4)].groupby("g").size()
    shares = publishable(rank(frame[frame["g"] != "few"].assign(
        rank=frame[frame["g"] != "few"].groupby("query")["rank"].rank().astype(int)), top=[3, 4]))  # fmt: skip
    assert band.min() < 10 or all(one(shares, "share_at_4", g).status == "ok" for g in "abc")


def test_what_lies_between_two_tops_is_a_count_too():
    """12 of b in the first 2 places and 13 in the first 3: who knows both knows that one is third."""
    rows = [
        (q, p, "b" if (p == 1 and q < 12) or (q == 30 and p == 3) or p > 3 else "a")
        for q in range(60)
        for p in range(1, 7)
    ]
    frame = pd.DataFrame(rows, columns=["query", "rank", "g"])
    both, alone = (publishable(rank(frame, top=top)) for top in ([2, 3], [2]))
    assert one(alone, "share_at_2", "b").status == "ok"
    assert {one(both, m, "b").status for m in ("share_at_2", "share_at_3", "skew_at_3")} == {"suppressed"}


def test_card_and_terminal_show_a_ranking():
    from audit.report.card.render import render
    from audit.report.terminal.summary import print_summary

    result = rank(some(40), top=[3], gates=[{"metric": "skew_at_3", "by": ["g"], "min": -0.01}])
    for form in ("html", "md"):
        page = render(result, form)
        for said in (
            "Ranking by g",
            "Skew at 3",
            "NDCG",
            "Order of whole lists by g",
            "Items of one list are not independent",
        ):
            assert said in page
        assert "Every row counts as independent" not in page
    console = Console(width=120, record=True, file=io.StringIO())
    print_summary(result, console)
    text = console.export_text()
    found = one(result, "skew_at_3", "b")
    assert f"{cell_text(found.value, 'score')} {cell_interval(found.low, found.high, 'score')}" in text


def test_a_metric_of_the_first_places_answers_to_every_k():
    assert CATALOGUE["skew_at_25"].title == "Skew at 25"
    assert "skew_at_25" in CATALOGUE
    assert "skew_at_0" not in CATALOGUE
    assert "skew_at_" not in CATALOGUE
    names = [m.name for m in CATALOGUE.among({"skew_at_50", "ndcg", "skew_at_9", "exposure", "share_at_9"})]
    assert names == ["exposure", "share_at_9", "skew_at_9", "skew_at_50", "ndcg"]
    with pytest.raises(QuestionError, match="skew_at_k"):
        CATALOGUE["skw_at_10"]


def test_the_command_audits_a_ranking_and_keeps_the_question(tmp_path):
    some(60).rename(columns={"y": "rel"}).to_csv(tmp_path / "p.csv", index=False)
    question = ["--task", "ranking", "--query", "query", "--rank", "rank", "--label", "rel", "--groups", "g",
                "--top", "3,10", "--gate", "skew_at_3 lowest by g >= -2"]  # fmt: skip
    first = command("model", "p.csv", *question, "--write-config", "audit.toml", cwd=tmp_path)
    assert first.returncode == 0, first.stderr + first.stdout
    assert "skew at 3" in first.stdout
    assert "top = [3, 10]" in (tmp_path / "audit.toml").read_text()
    again = command("model", "p.csv", "--config", "audit.toml", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["verdict"] == "pass"
    document = next((tmp_path / "audit-runs").rglob("audit.json"))
    checked = command("verify", str(document.parent), cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    wrong = command("model", "p.csv", *question, "--top", "x", cwd=tmp_path)
    assert (wrong.returncode, "'x' is not a whole number" in wrong.stderr) == (2, True)


def command(*words, cwd):
    return run_command(*words, cwd=cwd, env={"COLUMNS": "120"})


def test_a_run_with_data_measures_both(tmp_path):
    from contextlib import nullcontext

    from audit.pipeline.stages import Findings, OpenTables, audit_predictions, check_data

    some(20).to_csv(tmp_path / "p.csv", index=False)
    raw = {"data": {"source": "p.csv", "label": "y", "groups": ["g"]},
           "predictions": {"task": "ranking", "source": "p.csv", "rank": "rank", "query": "query"}}  # fmt: skip
    found, config = Findings(), build(raw, "here")
    opened = OpenTables(config, tmp_path)
    check_data(config, opened, found, lambda _: nullcontext())
    audit_predictions(config, opened, found, lambda _: nullcontext())
    assert {e.metric for e in found.estimates} >= {"representation", "exposure", "ndcg", "ndkl"}
    assert not any(e.metric == "base_rate" for e in found.estimates)


LENGTH, K = 20, 5
PLACES = np.array([discount(i) for i in range(1, LENGTH + 1)])


def drawn(rng, lists, per_unit, effect, spread):
    """Groups by place: lists of 20, shares of three groups and their advantage differ by list or unit."""
    shares = rng.dirichlet([6.0, 3.0, 1.0], size=lists)
    g = (rng.random((lists, LENGTH, 1)) > np.cumsum(shares, 1)[:, None, :2]).sum(2)
    lift = np.repeat(rng.normal(0, spread, (lists // per_unit, 3)), per_unit, axis=0) + effect * np.array([1, 0, -1])
    order = np.argsort(-(rng.normal(size=(lists, LENGTH)) + np.take_along_axis(lift, g, 1)), axis=1)
    held = np.eye(3)[np.take_along_axis(g, order, 1)]
    n = held.sum(1)
    return {"n": n, "exposure": (held * PLACES[:, None]).sum(1), "top": held[:, :K].sum(1), "expected": K * n / LENGTH}


def in_folds(sums, folds):
    out = {k: np.zeros((100, 3)) for k in sums}
    for k, v in sums.items():
        np.add.at(out[k], folds, v)
    return {k: v.T for k, v in out.items()}


@pytest.mark.parametrize(("lists", "per_unit"), [(50, 1), (200, 1), (200, 4)])
@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_intervals_cover_and_verdicts_err_as_seldom_as_they_say(lists, per_unit, effect):
    """250 replicates a cell (se .014): coverage at least .93 less two of them; false fails and passes at most .05."""
    rng, runs = np.random.default_rng([7, lists, per_unit]), 250
    scales = {"exposure": quotient(("exposure",), ("n",), 1.0), "skew": log_quotient(("top",), ("expected",))}
    logs = log_quotient(("exposure",), ("n",))
    truth = {k: v.sum(0)[:, None] for k, v in drawn(np.random.default_rng(1), 120_000, per_unit, effect, 0.8).items()}
    truth = {k: v[:, 0] for k, v in truth.items()}
    covered, fails, passes = dict.fromkeys(scales, 0), dict.fromkeys((*scales, "ratio"), 0), dict.fromkeys(scales, 0)
    for _ in range(runs):
        folds = np.repeat(rng.integers(0, 100, lists // per_unit), per_unit)
        sums = in_folds(drawn(rng, lists, per_unit, effect, 0.8), folds)
        for name, scale in scales.items():
            true, found = scale.point(truth), of_lists(scale, sums)
            low, high = limits(found, 0.025)
            covered[name] += np.r_[(low <= true) & (true <= high), between(found, true)].sum()
            gap, real = mean_gap(found, 0.025), true.max() - true.min()
            fails[name] += gap.low > real
            passes[name] += gap.high < real
        real = float(np.exp(-np.ptp(logs.point(truth))))
        fails["ratio"] += ratio_gap(of_lists(logs, sums), 0.025).high < real
    assert all(c / (5 * runs) >= 0.93 - 0.014 for c in covered.values()), covered
    assert all(f / runs <= 0.05 + 0.02 for f in (*fails.values(), *passes.values())), (fails, passes)


def between(found, true):
    low, high = against(found, 0, 0.025)
    return ((low <= true - true[0]) & (true - true[0] <= high))[1:]


def test_a_rare_group_in_few_lists_is_not_surer_than_a_random_order():
    """12 lists: without the floor a gap at its own limit fails in 7% of samples, and .85 to .91 is covered."""
    rng, runs, scale = np.random.default_rng(5), 250, quotient(("exposure",), ("n",), 1.0)
    true = scale.point({k: v.sum(0) for k, v in drawn(np.random.default_rng(1), 120_000, 1, 0.5, 0.8).items()})
    covered, fails = 0, 0
    for _ in range(runs):
        sums = in_folds(drawn(rng, 12, 1, 0.5, 0.8), rng.integers(0, 100, 12))
        whole = {k: np.full((3, 1), sums[k].sum()) for k in ("n", "exposure")} | {
            "exposure_square": np.full((3, 1), 12 * (PLACES**2).sum())
        }
        least = least_error(sums | {f"places_{k}": v for k, v in whole.items()})
        found = of_lists(scale, sums, least=least)
        low, high = limits(found, 0.025)
        covered += (low <= true) & (true <= high)
        fails += mean_gap(found, 0.025).low > np.ptp(true)
    assert min(covered) / runs >= 0.93
    assert fails / runs <= 0.05


def test_few_lists_are_marked():
    found = of_lists(quotient(("x",), ("n",)), {"x": np.arange(1.0, 8)[None], "n": np.full((1, 7), 50.0)})
    assert found.thin[0]
    assert not of_lists(quotient(("x",), ("n",)), {"x": np.arange(1.0, 41)[None], "n": np.full((1, 40), 50.0)}).thin[0]
