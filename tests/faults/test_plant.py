"""Faults in copies of counts: what is planted is what was asked for, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest
from sample_results import BOSTON, cube_of_counts

from audit.axes import FOLD, LABEL, PREDICTION
from audit.cube import from_cells
from audit.faults.plant import Planting, can_be_copied, draw_with, find_lost, find_lowered, resample, take_expected

CUBE = cube_of_counts(("race", "sex"), BOSTON)
SCORES = from_cells(
    ("race", LABEL, "score"),
    [("black", "1", "0.2"), ("black", "1", "0.5"), ("black", "1", "0.6"), ("white", "1", "0.9"), ("black", "0", "0.5")],
    {"n": np.array([4, 3, 1, 9, 2])},
)


def planted(fault, size, by=("race",), group=("black",), take=take_expected):
    return Planting(fault=fault, by=by, group=group, size=size).plant(CUBE, take)


def rows_of(cube, **where):
    for name, level in where.items():
        if level not in cube.axis(name).levels:
            return 0
        cube = cube.at(name, level)
    return float(cube["n"].sum())


def test_withheld_selections_leave_the_selected_of_one_group_and_nobody_else():
    cube = planted("withheld", 0.25)
    before, after = (rows_of(c, race="black", prediction="1") for c in (CUBE, cube))
    assert after == pytest.approx(0.75 * before)
    assert rows_of(cube, race="black") == rows_of(CUBE, race="black")
    assert rows_of(cube, race="black", label="1") == rows_of(CUBE, race="black", label="1")
    assert rows_of(cube, race="white", prediction="1") == rows_of(CUBE, race="white", prediction="1")


def test_flipped_labels_go_both_ways():
    cube = planted("flipped", 0.2)
    ones, zeros = rows_of(CUBE, race="black", label="1"), rows_of(CUBE, race="black", label="0")
    assert rows_of(cube, race="black", label="1") == pytest.approx(0.8 * ones + 0.2 * zeros)
    assert rows_of(cube, race="black", prediction="1") == pytest.approx(rows_of(CUBE, race="black", prediction="1"))


@pytest.mark.parametrize(("fault", "named"), [("dropped", None), ("renamed", "black (renamed)"), ("missing", ())])
def test_a_group_that_is_gone_has_no_level_left(fault, named):
    cube = planted(fault, 1.0)
    assert "black" not in cube.axis("race").levels
    assert cube["n"].sum() == CUBE["n"].sum() - (rows_of(CUBE, race="black") if named is None else 0)
    if fault == "renamed":
        assert rows_of(cube, race=named) == rows_of(CUBE, race="black")
    if fault == "missing":
        assert rows_of(cube, race=None) == rows_of(CUBE, race="black")


def test_a_crossing_keeps_the_rows_of_its_columns_elsewhere():
    cube = planted("dropped", 1.0, ("race", "sex"), ("black", "male"))
    assert rows_of(cube, race="black", sex="male") == 0
    assert rows_of(cube, race="black", sex="female") == rows_of(CUBE, race="black", sex="female")


def test_duplicated_rows_are_of_everybody():
    cube = planted("duplicated", 0.5, (), ())
    assert np.allclose(cube["n"], 1.5 * CUBE["n"])


@pytest.mark.parametrize("fault", ["withheld", "flipped", "dropped", "renamed", "missing", "duplicated"])
def test_what_is_drawn_is_whole_rows_and_on_average_what_was_asked(fault):
    by, group = ((), ()) if fault == "duplicated" else (("race",), ("black",))
    drawn = [planted(fault, 0.3, by, group, draw_with(np.random.default_rng(seed))) for seed in range(300)]
    assert all(cube["n"].dtype.kind == "i" and (cube["n"] >= 0).all() for cube in drawn)
    name = PREDICTION if fault == "withheld" else LABEL
    rows = np.array([rows_of(cube, race="black", **{name: "1"}) for cube in drawn])
    wanted = rows_of(planted(fault, 0.3, by, group), race="black", **{name: "1"})
    assert abs(rows.mean() - wanted) < 4 * rows.std() / np.sqrt(len(rows))


def test_another_sample_has_as_many_rows_and_the_same_shares_on_average():
    drawn = [resample(CUBE, np.random.default_rng(seed))["n"] for seed in range(300)]
    assert {int(n.sum()) for n in drawn} == {int(CUBE["n"].sum())}
    spread = np.sqrt(CUBE["n"] / len(drawn)) + 1e-9
    assert np.all(np.abs(np.mean(drawn, axis=0) - CUBE["n"]) < 5 * spread)


def test_folds_of_a_unit_are_drawn_whole():
    cells = [("a", str(fold), "1") for fold in range(10)]
    folded = from_cells(("g", FOLD, PREDICTION), cells, {"n": np.arange(1, 11)})
    drawn = resample(folded, np.random.default_rng(1))["n"].ravel()
    assert set(drawn.tolist()) <= set(range(1, 11))
    assert len(set(drawn.tolist())) < 10, "with replacement"


def test_weights_follow_their_rows():
    weighted = from_cells(
        ("race", PREDICTION), [("a", "1"), ("b", "1")], {"n": np.array([10, 10]), "w": np.array([5.0, 20.0])}
    )
    hit = Planting(fault="dropped", by=("race",), group=("b",), size=0.5).plant(weighted, take_expected)
    assert hit["w"].ravel().tolist() == [5.0, 10.0]


def test_sums_of_values_are_not_copied():
    sums = from_cells(("g",), [("a",)], {"n": np.array([1]), "squared_error": np.array([0.5])})
    assert not can_be_copied(sums)
    assert can_be_copied(CUBE)


def test_lowered_scores_move_down_by_bins():
    levels = ("[0, 0.1)", "[0.1, 0.2)", "[0.2, 0.3)", "[0.3, 0.4)")
    assert find_lowered(levels, 0.1) == dict(zip(levels, (levels[0], *levels[:-1]), strict=True))
    assert find_lowered(levels, 0.9) == dict.fromkeys(levels, levels[0])


def test_lowered_scores_fall_under_the_threshold_by_label():
    lost = find_lost(SCORES, ("race",), ("black",), 0.1, 0.5)
    assert lost == {"0": 1.0, "1": 0.75}
    assert find_lost(SCORES, ("race",), ("white",), 0.1, 0.5)["1"] == 0.0
    cube = from_cells(("race", LABEL, PREDICTION), [("black", "1", "1"), ("white", "1", "1")], {"n": np.array([4, 9])})
    lowered = Planting(fault="scores", by=("race",), group=("black",), size=0.1, lost=lost).plant(cube, take_expected)
    assert lowered.at("race", "black").keep(PREDICTION)["n"].tolist() == [3.0, 1.0]
    assert lowered.at("race", "white").keep(PREDICTION)["n"].tolist() == [0.0, 9.0]
