"""From verdicts on copies to the size from which a fault is found, and the sentences that say so."""

from __future__ import annotations

import re

import pytest

from audit.config.schema import GateRule
from audit.errors import QuestionError
from audit.faults.fault import FAULTS, choose_faults
from audit.faults.found import (
    Ruling,
    Tally,
    find_least,
    make_curve,
    make_drilled,
    make_point,
    make_refused,
    tally_rulings,
)
from audit.faults.sentences import describe_bound

RULE = GateRule(stage="model", metric="selection_rate", compare="difference", by=("race",), max=0.1)


def tally(fails, value=0.2, passes=0):
    return Tally(value, (fails, passes, 100 - fails - passes, 0, 0))


def curve(*fails, fault="withheld"):
    sizes = [(0.1 * (at + 1), tally(n, 0.12 + 0.05 * at)) for at, n in enumerate(fails)]
    return make_curve(RULE, FAULTS[fault], ("race",), ("black",), sizes)


def test_a_share_has_the_wilson_interval():
    point = make_point(0.1, tally(80))
    # Wilson (1927) for 80 of 100: Brown, Cai and DasGupta (2001), formula 4.
    assert (point.low, point.high) == pytest.approx((0.71117, 0.86663), abs=1e-5)


def test_a_fault_is_found_from_a_size_if_every_larger_one_is_found_too():
    assert curve(10, 79, 80, 100).found_from == pytest.approx(0.3)
    assert curve(90, 10, 95, 95).found_from == pytest.approx(0.3)
    assert curve(90, 95, 10).found_from is None
    assert find_least([]) is None


def test_the_sentence_of_a_curve_says_size_gap_share_and_interval():
    assert curve(10, 85).sentence == (
        "Selections withheld from black: found from 20% of its selections (a gap of 17.0 points). There it fails in 85 of 100 "
        "copies (95% interval 77 to 91%)."
    )
    said = curve(0, 3).sentence
    assert "not found up to 20% of its selections" in said
    assert "is inconclusive in 97" in said


def test_what_a_limit_finds_is_the_gap_nearest_to_it():
    drilled = make_drilled(
        RULE, "pass", tally(0, 0.02, passes=100), (curve(5, 90, 100), curve(0, 0, 95, fault="flipped"))
    )
    assert drilled.sentence == (
        "It finds a gap of 17.0 points (20% of the selections of black withheld) in 90 of 100 copies "
        "(95% interval 83 to 94%). Without a fault it fails in 0."
    )
    assert drilled.warnings == ()


def test_a_limit_that_fails_already_says_so():
    drilled = make_drilled(RULE, "fail", tally(97), ())
    assert drilled.sentence == "Without a fault it fails in 97 of 100 copies, so no fault was planted."
    assert [(warning.kind, warning.sentence) for warning in drilled.warnings] == [("fails_already", "")]


def test_a_limit_that_never_fails_is_warned_of_and_told_once():
    drilled = make_drilled(RULE, "pass", tally(0, passes=100), (curve(0, 0), curve(0, 1)))
    assert drilled.sentence == "Without a fault it fails in 0 of 100 copies, and no planted fault makes it fail."
    (warning,) = drilled.warnings
    assert (warning.mark, warning.sentence) == ("finds no fault", "On these data it may not be able to fail.")


def test_a_limit_that_passes_in_spite_of_a_fault_is_warned_of():
    blind = make_curve(RULE, FAULTS["dropped"], ("race",), ("black",), [(1.0, tally(0, 0.01, passes=100))])
    drilled = make_drilled(RULE, "pass", tally(0, passes=100), (curve(100, 100), blind))
    (warning,) = drilled.warnings
    assert (warning.mark, warning.sentence) == ("1 blind spot", "It passes in most copies with black dropped.")


def test_a_limit_that_fails_by_chance_is_warned_of():
    drilled = make_drilled(RULE, "pass", tally(6, passes=94), (curve(100, 100),))
    (warning,) = drilled.warnings
    assert warning.mark == "fails in 6% without a fault"
    assert warning.sentence == "Without a fault it already fails in 6 of 100 copies."
    assert "without a fault" not in drilled.sentence


def test_refused_copies_are_counted_apart():
    (found,) = tally_rulings([[Ruling("fail")], [Ruling("refused")], [Ruling("pass")]], [Ruling("pass", 0.3)])
    assert found == Tally(0.3, (1, 1, 0, 0, 1))


@pytest.mark.parametrize(
    ("names", "sizes", "said"),
    [
        (["witheld"], (), "did you mean 'withheld'"),
        (["dropped", "dropped"], (), "twice"),
        ([], (0.0,), "above 0"),
        ([], (1.5,), "at most 1"),
        ([], (float("nan"),), "above 0"),
    ],
)
def test_what_cannot_be_planted_is_refused(names, sizes, said):
    with pytest.raises(QuestionError, match=said):
        choose_faults(names, sizes)


def test_every_fault_has_its_row_in_the_guide(root):
    rows = re.findall(r"^\| `(\w+)` \|", (root / "docs" / "drill.md").read_text(), re.MULTILINE)
    assert rows == list(FAULTS)


def test_sizes_that_are_asked_for_are_those_of_every_fault():
    assert {fault.sizes for fault in choose_faults(["dropped", "withheld"], (0.2, 0.1, 0.2))} == {(0.1, 0.2)}


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (
            {"metric": "selection_rate", "compare": "difference", "by": ("race",), "max": 0.1},
            "difference at most 10 points",
        ),
        ({"metric": "selection_rate", "compare": "ratio_to_rest", "by": ("race",), "min": 0.8}, "ratio at least 0.8"),
        ({"metric": "accuracy", "compare": "lowest", "by": ("race",), "min": 0.7}, "at least 70%"),
        ({"stage": "checks", "metric": "failed", "max": 0}, "at most 0"),
        ({"stage": "energy", "metric": "energy_kwh", "max": 0.01}, "at most 10 Wh"),
    ],
)
def test_a_limit_is_told_with_what_it_compares(gate, said):
    rule = GateRule(**{"stage": "model", "compare": None, **gate})
    assert describe_bound(make_refused(rule, "pass", "")) == said
