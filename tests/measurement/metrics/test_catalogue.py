"""The catalogue's own records are the plan of this test: range, formula, ideal, source, undefinedness."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_tests import count_examples

import audit
from audit.cube import from_cells
from audit.errors import QuestionError
from audit.estimate import Estimate
from audit.measurement.estimates import Estimates
from audit.measurement.measure import Scope, model_estimates
from audit.measurement.metrics.catalogue import CATALOGUE, Catalogue, describe_metric
from audit.measurement.metrics.kinds import Criterion, Rate
from audit.measurement.metrics.rates import RATES
from audit.measurement.scope import Block

CELLS = {"TN": (0, 0), "FP": (0, 1), "FN": (1, 0), "TP": (1, 1)}
ALL = {m.name: m for m in CATALOGUE.values()}


def cube(counts):
    """Cube of {group: (tn, fp, fn, tp)}."""
    cells, n = [], []
    for group, four in counts.items():
        for (y, d), k in zip(product("01", "01"), four, strict=True):
            cells.append((group, y, d))
            n.append(k)
    return from_cells(("g", "label", "prediction"), cells, {"n": np.array(n)})


def measured(counts):
    found = model_estimates([cube(counts)], Scope(groups=("g",)))
    return {(e.metric, e.compare, e.group, e.reference): e for e in found if e.by == ("g",)}


def evaluate(text, four):
    """The printed formula itself, computed from the four cells."""
    names = dict(zip(("TN", "FP", "FN", "TP"), four, strict=True)) | {"n": sum(four)}
    over, under = (sum(names[x] for x in re.findall(r"[A-Za-z]+", part)) for part in text.split(" = ")[-1].split(" / "))
    return None if under == 0 else over / under


fours = st.tuples(*[st.integers(0, 40)] * 4)


@pytest.mark.parametrize("metric", ALL.values(), ids=ALL)
def test_every_record_can_be_printed(metric):
    row = describe_metric(metric)
    assert row["formula"]
    assert row["source"]
    assert row["ideal"]
    assert row["range"][0] < row["range"][1]
    assert re.fullmatch(r"[a-z0-9_]+", metric.name)


@pytest.mark.parametrize("metric", RATES, ids=lambda m: m.name)
@given(four=fours)
@settings(max_examples=count_examples(60), deadline=None)
def test_every_rate_is_its_printed_formula_and_undefined_only_for_an_empty_denominator(metric, four):
    estimate = measured({"a": four, "b": (5, 5, 5, 5)})[metric.name, None, ("a",), None]
    expected = evaluate(metric.formula, four)
    if expected is None:
        assert estimate.status == "undefined"
        assert estimate.value is None
        assert estimate.reason
    else:
        assert estimate.value == pytest.approx(expected)
        assert metric.range[0] <= estimate.low <= estimate.value <= estimate.high <= metric.range[1]
        assert estimate.numerator / estimate.denominator == pytest.approx(expected)


@given(a=fours, b=fours, scale=st.integers(2, 9))
@settings(max_examples=count_examples(60), deadline=None)
def test_values_ignore_the_order_of_groups_and_the_scale_of_counts(a, b, scale):
    first = measured({"a": a, "b": b})
    renamed = measured({"b": a, "a": b})
    scaled = measured({"a": tuple(scale * x for x in a), "b": tuple(scale * x for x in b)})
    for (metric, compare, group, reference), estimate in first.items():
        if compare in {"noise_floor", "noise_corrected_difference", "between_group_variance"}:
            assert renamed[metric, compare, None, None].value == pytest.approx(estimate.value)
        elif group is None:
            assert renamed[metric, compare, None, None].value == pytest.approx(estimate.value)
            assert scaled[metric, compare, None, None].value == pytest.approx(estimate.value)
        elif reference is None:
            assert scaled[metric, compare, group, None].value == pytest.approx(estimate.value)


def test_a_fair_model_is_ideal_by_every_criterion():
    found = measured({"a": (40, 10, 10, 40), "b": (40, 10, 10, 40)})
    for metric in CATALOGUE.values():
        if isinstance(metric, Criterion):
            ideal = 1 if metric.compare == "ratio" else 0
            assert found[metric.name, metric.compare, None, None].value == pytest.approx(ideal)


def test_a_group_without_positives_has_no_true_positive_rate_and_no_gap():
    found = measured({"a": (40, 10, 10, 40), "b": (60, 40, 0, 0)})
    assert found["true_positive_rate", None, ("b",), None].status == "undefined"
    gap = found["true_positive_rate", "difference", None, None]
    assert gap.value is None
    assert "b" in gap.reason
    odds = found["equalized_odds_difference", "difference", None, None]
    assert odds.status == "undefined"


def test_nobody_selected_anywhere_has_no_ratio():
    found = measured({"a": (50, 0, 50, 0), "b": (50, 0, 50, 0)})
    gap = found["selection_rate", "ratio", None, None]
    assert gap.status == "undefined"
    assert "0/0" in gap.reason


def test_one_group_is_nothing_to_compare():
    found = measured({"a": (50, 10, 50, 10)})
    assert "nothing to compare" in found["selection_rate", "difference", None, None].reason


def test_an_absent_crossing_is_listed_and_blocks_a_pass():
    cells = [("f", "x", y, d) for y, d in product("01", "01")] + [("m", "y", y, d) for y, d in product("01", "01")]
    four = from_cells(("sex", "race", "label", "prediction"), cells, {"n": np.full(8, 25)})
    found = model_estimates([four], Scope(groups=("sex", "race"), intersections=2))
    absent = [e for e in found if e.group == ("f", "y") and e.metric == "selection_rate" and e.compare is None]
    assert absent[0].reason == "0/0: no rows in this group"
    gap = next(
        e
        for e in found
        if e.by == ("sex", "race") and e.metric == "selection_rate" and e.compare == "difference" and e.group is None
    )
    assert gap.status == "undefined"


def test_a_name_that_stands_twice_or_has_no_source_is_refused():
    rate = RATES[0]
    with pytest.raises(QuestionError, match="twice"):
        Catalogue((rate, rate))
    sourceless = Rate(name="x", title="x", stage="model", needs=(), ideal="0", source="", event=rate.event)
    with pytest.raises(QuestionError, match="no source"):
        Catalogue((sourceless,))


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(QuestionError, match="did you mean 'selection_rate'"):
        CATALOGUE["selection_rat"]


def test_estimates_are_made_only_when_they_are_asked_for():
    made = []

    def block(metric):
        def make():
            made.append(metric)
            return [Estimate(stage="model", metric=metric, value=0.5, n=2)]

        return Block("model", frozenset({metric}), (), make)

    found = Estimates([block("selection_rate"), block("base_rate")])
    assert found.of("model", "base_rate", ())[0].metric == "base_rate"
    assert not found.of("data", "base_rate", ())
    assert made == ["base_rate"]
    assert [e.metric for e in found] == ["selection_rate", "base_rate"]
    assert (len(found), found[0].metric, found == tuple(found)) == (2, "selection_rate", True)
    assert sorted(made) == ["base_rate", "selection_rate"]


def test_a_block_that_makes_what_it_did_not_name_is_an_error():
    wrong = Block("model", frozenset({"accuracy"}), (), lambda: [Estimate(stage="model", metric="f1", value=1.0, n=1)])
    with pytest.raises(QuestionError, match="model.f1 stands in a block of accuracy"):
        Estimates([wrong]).of("model", "accuracy", ())


def test_every_estimate_is_found_by_its_name():
    r = np.random.default_rng(3)
    frame = {"y": r.integers(0, 2, 300), "p": r.integers(0, 2, 300), "s": r.random(300)}
    groups = {"sex": r.choice(["f", "m"], 300), "race": r.choice(["a", "b", "c"], 300)}
    found = audit.measure(frame["y"], score=frame["s"], groups=groups, intersections=2, compare_to=("overall", "rest"))
    for estimate in found.estimates:
        assert estimate in found.estimates.of(estimate.stage, estimate.metric, estimate.by)
