"""DB006, crossings in which too few people are."""

from __future__ import annotations

import pandas as pd
from two_parts import of

import audit


def rows(**cells):
    """So many rows of each combination of two letters and a label, such as ax0=50."""
    return pd.DataFrame([(k[0], k[1], int(k[2])) for k, n in cells.items() for _ in range(n)], columns=["g", "h", "y"])


FULL = {f"{g}{h}{y}": 50 for g in "ab" for h in "xz" for y in "01"}


def found(frame, **asked):
    return of(audit.check(frame, **{"groups": ["g", "h"], "label": "y", **asked}).checks, "DB006")


def test_full_crossings_are_silent():
    check = found(rows(**FULL))
    assert (check.outcome, check.detail) == ("pass", "26 combinations")


def test_a_thin_crossing_is_named_without_its_rows():
    check = found(rows(**FULL | {"ax1": 7}))
    assert check.outcome == "warn"
    assert check.title == "1 of 26 combinations of groups and label has fewer than 30 rows"
    assert check.detail == "g 'a' × h 'x' × y '1'; narrower ones within them are not counted"


def test_only_the_most_general_gap_is_named():
    check = found(rows(**FULL | {"ax0": 4, "ax1": 4}))
    assert check.title.startswith("1 of 26 combinations")
    assert check.detail.startswith("g 'a' × h 'x';")


def test_the_largest_gap_comes_first():
    check = found(rows(**FULL | {"ax1": 5, "cz0": 40, "cz1": 2}))
    assert check.detail.index("g 'a' × h 'x' × y '1'") < check.detail.index("g 'c' × y '1'")


def test_without_a_label_groups_alone_are_crossed():
    assert found(rows(**FULL), label=None).detail == "8 combinations"
    assert found(rows(**FULL), groups=()).outcome == "not applicable"
