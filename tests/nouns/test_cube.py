"""Cubes are sums: any split of the rows adds up to the whole, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.axes import sort_key
from audit.cube import Axis, Cube, from_cells
from audit.errors import QuestionError
from audit.record.cubes import record_cube, to_cube

level = st.sampled_from(["a", "b", "ä", "10", "9", None])
rows = st.lists(st.tuples(level, st.sampled_from(["0", "1"])), max_size=60)


def counted(found):
    return from_cells(("g", "y"), found, {"n": np.ones(len(found), dtype=np.int64)})


def cells(cube):
    return {
        tuple(a.levels[i] for a, i in zip(cube.axes, at, strict=True)): int(n)
        for at, n in np.ndenumerate(cube["n"])
        if n
    }


@given(rows, st.integers(0, 60))
def test_parts_add_up_to_the_whole(found, cut):
    assert cells(counted(found[:cut]) + counted(found[cut:])) == cells(counted(found))


@given(rows)
def test_summing_out_keeps_every_row_and_slicing_picks_its_own(found):
    cube = counted(found)
    assert int(cube.over("y")["n"].sum()) == len(found)
    for name in cube.axis("g").levels:
        assert int(cube.at("g", name)["n"].sum()) == sum(g == name for g, _ in found)


@given(rows)
def test_a_record_gives_the_same_cube_back(found):
    cube = counted(found)
    again = to_cube(record_cube("x", cube))
    assert again.names == cube.names
    assert np.array_equal(again["n"], cube["n"])


def test_levels_are_ordered_as_people_order_them():
    names = ["b", "10", "9", None, "[18, 25)", "a"]
    assert sorted(names, key=sort_key) == ["9", "10", "[18, 25)", "a", "b", None]


def test_a_wrong_axis_or_level_is_named():
    cube = Cube((Axis("race", ("black", "white")),), {"n": np.array([1, 2])})
    with pytest.raises(QuestionError, match="did you mean 'race'"):
        cube.over("rcae")
    with pytest.raises(QuestionError, match="did you mean 'white'"):
        cube.at("race", "whit")
