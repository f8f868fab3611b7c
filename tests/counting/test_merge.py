"""Levels of a group column are joined before anything is counted: on every engine, in every kind of table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import audit
from audit.config.read import parse
from audit.counting.backends.choose import choose_engine, open_source
from audit.counting.backends.merge import merge_levels
from audit.counting.cells import Cells
from audit.counting.count import count_cubes
from audit.counting.plan import Plan
from audit.errors import QuestionError, ValuesError
from audit.pipeline.from_counts import result_of
from audit.tables.open import open_frame

ENGINES = ["duckdb", "pandas", "polars"]  # and Spark on the cluster of test_backends
RACES = ["white"] * 50 + ["Asian"] * 6 + ["Inuit"] * 3 + [None] * 2
TARGETS = {"race": {"Asian": "other", "Inuit": "other"}}


def frame():
    code = [{"white": 1, "Asian": 2, "Inuit": 3}.get(race) for race in RACES]
    rows = len(RACES)
    return pd.DataFrame(
        {
            "race": RACES,
            "code": pd.array(code, dtype="Int64"),
            "share": [np.nan if c is None else c / 2 for c in code],
            "flag": pd.array([None if c is None else c == 1 for c in code], dtype="boolean"),
            "y": [i % 2 for i in range(rows)],
            "p": [int(i % 3 == 0) for i in range(rows)],
        }
    )


@pytest.fixture(params=["parquet", "csv", "frame"])
def table(request, tmp_path):
    if request.param == "frame":
        return open_frame(frame())
    path = tmp_path / f"t.{request.param}"
    frame().to_parquet(path) if request.param == "parquet" else frame().to_csv(path, index=False)
    return open_source(path)


def levels(table, column, engine="duckdb"):
    """Rows by level of one column, as an engine counts them."""
    (cube,) = count_cubes(table, Plan(groups=(column,), label="y"), choose_engine(engine)).cubes
    kept = cube.keep(column)
    return dict(zip(kept.axis(column).levels, kept["n"].tolist(), strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_counts_the_joined_level(table, engine):
    merged = merge_levels(table, TARGETS, engine)
    assert levels(merged, "race", engine) == {"other": 9, "white": 50, None: 2}


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
@pytest.mark.parametrize(
    ("column", "targets", "expected"),
    [
        ("code", {"2": "other", "3": "other"}, {"1": 50, "other": 9, None: 2}),
        ("code", {"2": "2", "3": "2"}, {"1": 50, "2": 9, None: 2}),
        ("share", {"1": "more", "1.5": "more"}, {"0.5": 50, "more": 9, None: 2}),
        ("flag", {"true": "yes"}, {"false": 9, "yes": 50, None: 2}),
    ],
)
def test_numbers_and_truth_values_are_joined_by_their_names(table, engine, column, targets, expected):
    if table.columns[column] == "text":
        targets, expected = (
            ({"True": "yes"}, {"False": 9, "yes": 50, None: 2}) if column == "flag" else (targets, expected)
        )
    merged = merge_levels(table, {column: targets}, engine)
    assert levels(merged, column, engine) == expected


def test_a_lazy_frame_is_joined():
    polars = pytest.importorskip("polars")
    merged = merge_levels(open_frame(polars.DataFrame({"race": RACES, "y": [0, 1] * 30 + [1]}).lazy()), TARGETS)
    assert levels(merged, "race") == {"other": 9, "white": 50, None: 2}


def test_a_level_that_does_not_exist_is_refused_with_the_nearest(table):
    with pytest.raises(ValuesError, match="no level of race 'Asain'; did you mean 'Asian'"):
        merge_levels(table, {"race": {"Asain": "other"}})


def test_held_out_rows_may_lack_a_level(table):
    merged = merge_levels(table, {"race": {"Asian": "other", "Samoan": "other"}}, whole=False)
    assert levels(merged, "race") == {"other": 6, "Inuit": 3, "white": 50, None: 2}


def test_a_new_name_that_is_a_level_has_to_be_joined_itself(table):
    with pytest.raises(ValuesError, match="'white' is a level of 'race' that is not joined; add it to its own list"):
        merge_levels(table, {"race": {"Asian": "white"}})
    assert levels(merge_levels(table, {"race": {"Asian": "white", "white": "white"}}), "race")["white"] == 56


FILE = '[data]\nlabel = "y"\ngroups = ["race", "age"]\n[data.merge.race]\n'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('a = ["x"]\nb = ["x"]', "level 'x' is in both 'a' and 'b'"),
        ('a = ["x", "x"]', "level 'x' is in a list twice"),
        ("a = []", "must list levels under a new name"),
        ('a = ["b"]\nb = ["x"]', "'b' is a new name and joined to another one"),
        ('a = ["y"]\n[data.merge.sex]\na = ["x"]', "no group column 'sex'"),
        ('a = ["x"]\n[data.bins]\nrace = [1, 2]', "bins cuts this column into bands"),
    ],
)
def test_lists_that_say_two_things_are_refused(lines, said):
    with pytest.raises(QuestionError, match=said):
        parse(FILE + lines)


def test_numbers_may_be_written_as_numbers():
    assert parse(FILE + "other = [3, 4.0, '5']").data.merged == {"race": {"3": "other", "4": "other", "5": "other"}}


MERGE = {"race": {"other": ["Asian", "Inuit"]}}


def test_joined_levels_are_audited_as_one():
    rows = frame()
    joined = rows.assign(race=rows["race"].replace({"Asian": "other", "Inuit": "other"}))
    more = {"reference": "other", "gates": "selection_rate ratio >= 0.8"}
    one = audit.measure(rows["y"], rows["p"], groups=rows[["race"]], merge=MERGE, **more)
    two = audit.measure(joined["y"], joined["p"], groups=joined[["race"]], **more)
    assert one.estimates == two.estimates
    assert one.gates == two.gates
    assert one.question.config["data"]["merge"] == MERGE


def test_checks_of_the_data_know_the_joined_level_alone():
    rows = frame()
    joined = rows.assign(race=rows["race"].replace({"Asian": "other", "Inuit": "other"}))
    asked = {"label": "y", "groups": ["race"], "population": {"race": {"white": 0.6, "other": 0.4}}}
    one = audit.check(rows[["race", "y", "p"]], test=rows[["race", "y", "p"]][:55], merge=MERGE, **asked)
    two = audit.check(joined[["race", "y", "p"]], test=joined[["race", "y", "p"]][:55], **asked)
    assert one.checks == two.checks
    assert one.estimates == two.estimates


def test_functions_of_a_user_see_the_joined_level():
    rows = frame()
    own = {"mean_of_mine": lambda y_true, y_pred: float(np.mean(y_pred))}
    result = audit.measure(rows["y"], rows["p"], groups=rows[["race"]], merge=MERGE, metrics=own)
    assert {e.group for e in result.find("mean_of_mine", by="race") if e.group} == {("other",), ("white",)}


@pytest.mark.parametrize("merge", [{"sex": {"a": ["b"]}}, {"race": ["Asian"]}, {"race": {"other": "Asian"}}])
def test_what_is_no_mapping_of_lists_is_refused(merge):
    rows = frame()
    with pytest.raises(audit.AuditError, match="merge"):
        audit.measure(rows["y"], rows["p"], groups=rows[["race"]], merge=merge)


def counts_of_a_loop():
    """Counts that a training loop kept, of three groups by label and prediction."""
    cells = Cells({"race": ("white", "Asian", "Inuit")})
    table = np.zeros(cells.padded + 1, dtype=np.int64)
    for race, rows in enumerate((200, 12, 9)):
        for label in (0, 1):
            for predicted in (0, 1):
                at = (race + 2, label + 1, predicted + 1)
                table[np.ravel_multi_index(at, cells.shape)] = rows * (1 + (label == predicted))
    return cells, cells.account(table)


def test_counts_of_a_training_loop_are_joined_and_excluded_too():
    cells, account = counts_of_a_loop()
    decided = cells.decided(account.cube)
    joined = result_of(account, decided, merge=MERGE, gates="accuracy lowest >= 0.1", least_rows=30)
    assert {e.group for e in joined.find("accuracy", by="race") if e.group} == {("other",), ("white",)}
    assert joined.gates[0].excluded == ()
    (gate,) = result_of(account, decided, gates="accuracy difference <= 0.9", least_rows=60).gates
    assert [(e.group[0], e.n) for e in gate.excluded] == [("Inuit", 54)]
    with pytest.raises(ValuesError, match="did you mean 'Asian'"):
        result_of(account, decided, merge={"race": {"other": ["Asain"]}})
