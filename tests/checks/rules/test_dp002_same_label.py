"""DP002, groups of one label."""

from __future__ import annotations

import pandas as pd
from looking_at import asked, found

from audit.config.read import build


def rows(**labels):
    return pd.DataFrame(
        [{"g": g, "y": y} for g, counts in labels.items() for y, n in enumerate(counts) for _ in range(n)]
    )


def test_different_labels_pass_with_their_l():
    (check,) = found("DP002", rows(a=(20, 30), b=(15, 15)), label="y", groups=("g",))
    assert (check.outcome, check.detail) == ("pass", "2 groups; l-diversity at least 2")


def test_a_group_of_one_label_is_named_with_its_rows():
    (check,) = found("DP002", rows(a=(20, 30), b=(40, 0)), label="y", groups=("g",))
    assert check.outcome == "warn"
    assert check.title == "In 1 of 2 groups of g, all rows have the same label"
    assert check.detail == "l-diversity 1: g 'b' (40 rows)"
    assert check.plain_title == "In some groups of g, all rows have the same label"
    assert check.mend.startswith("Merge these groups")


def test_it_is_not_named_where_that_gives_a_small_count_away():
    (check,) = found("DP002", rows(a=(20, 3), b=(40, 0)), label="y", groups=("g",))
    assert check.outcome == "warn"
    assert check.detail == "l-diversity 1; the groups are not named here, to protect counts under 10"
    assert "40" not in check.title


def test_classes_are_counted():
    (check,) = found("DP002", rows(a=(20, 30, 10), b=(15, 15)), label="y", classes=True, groups=("g",))
    assert check.detail.endswith("l-diversity at least 2")


def test_a_single_label_in_all_rows_is_undefined():
    (check,) = found("DP002", rows(a=(20,), b=(40,)), label="y", groups=("g",))
    assert check.outcome == "undefined"


def test_what_has_no_classes_is_not_applicable():
    table = rows(a=(20, 30))
    assert found("DP002", table, groups=("g",))[0].reason == "no label is set ([data] label)"
    assert found("DP002", table, label="y")[0].reason == "no groups are set ([data] groups)"
    config = build(
        {"data": {"source": "m", "label": "y", "groups": ["g"]},
         "predictions": {"source": "p", "task": "regression", "prediction": "p"}}, "a test")  # fmt: skip
    (check,) = asked("DP002", {"train": table}, config)
    assert (check.outcome, check.reason) == ("not applicable", "the label is a number without classes")
