"""A comparison of all groups that is shown says nothing of a withheld count but the block that it is in."""

from __future__ import annotations

import pytest
import sample_results as samples

from audit.report.disclosure.attack import VALUES
from audit.report.disclosure.small_cells import Law
from audit.report.disclosure.steady import is_steady, list_alike

LAW = Law(10, labels_differ=True)
RACES = {("black",): (42, 22, 22, 111), ("hispanic",): (17, 9, 8, 77), ("white",): (71, 83, 78, 1449)}
GONE = {(("race",), ("hispanic",))}
HIDDEN = {"rows": set(), "labels": set(), "selection": set(), "confusion": GONE}


def gap(metric, compare, races):
    result = samples.result_of(("race",), races)
    (found,) = [
        e
        for e in result.estimates
        if (e.metric, e.compare, e.by, e.group, e.reference) == (metric, compare, ("race",), None, None)
    ]
    return found


@pytest.mark.parametrize("four", [(17, 9, 8, 77), (120, 40, 60, 900), (15, 40, 3, 60), (5, 5, 6, 6)])
@pytest.mark.parametrize("family", ["confusion", "labels", "selection"])
def test_every_table_of_a_block_has_the_same_block(four, family):
    """Otherwise what is shown, or that it is not, would tell which of them is the true one."""
    block = list(list_alike(four, family, LAW))
    assert VALUES <= len(block) < 2 * VALUES
    for other in block:
        assert list(list_alike(other, family, LAW)) == block
        assert (sum(other), min(other) >= 0) == (sum(four), True)


def test_a_table_whose_small_count_has_one_value_has_no_block():
    assert list(list_alike((9, 1, 1, 10), "confusion", Law(10, labels_differ=True))) == []
    assert list(list_alike((10, 0, 20, 30), "confusion", LAW)) == []


def test_a_gap_is_shown_where_no_value_of_the_block_changes_it():
    assert is_steady(gap("true_positive_rate", "difference", RACES), "confusion", RACES, HIDDEN, LAW)


def test_a_gap_whose_interval_changes_with_the_withheld_count_is_not_shown():
    """Its value is that of black and white throughout; one end of its interval is not."""
    ratios = [gap("false_negative_rate", "ratio", RACES | {("hispanic",): other}) for other in list_alike(
        RACES["hispanic",], "confusion", LAW
    )]  # fmt: skip
    assert len({(e.value, e.pair) for e in ratios}) == 1
    assert len(set(ratios)) > 1
    assert not is_steady(gap("false_negative_rate", "ratio", RACES), "confusion", RACES, HIDDEN, LAW)


def test_what_cannot_be_measured_again_is_not_shown():
    """Of weighted rows, of withheld rows, of more than two withheld groups."""
    found = gap("true_positive_rate", "difference", RACES)
    heavier = {group: tuple(2 * n for n in four) for group, four in RACES.items()}
    assert not is_steady(found, "confusion", heavier, HIDDEN, LAW)
    assert not is_steady(found, "confusion", RACES, HIDDEN | {"labels": GONE}, LAW)
    everybody = {(("race",), group) for group in RACES}
    assert not is_steady(found, "confusion", RACES, HIDDEN | {"confusion": everybody}, LAW)
